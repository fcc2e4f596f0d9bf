package kernel

import "math"

// The loops of the layers. They run on the calling goroutine: the engine
// divides a batch and calls them with its parts.

// BiasReLU adds bias to every row of y (rows of len(bias)), and where relu is
// true then sets what is negative to 0. NaN stays NaN.
func BiasReLU(y, bias []float32, relu bool) {
	for width := len(bias); len(y) >= width && width > 0; y = y[width:] {
		biasRow(y[:width], bias, relu)
	}
}

func biasRowGeneric(y, bias []float32, relu bool) {
	for i, b := range bias[:len(y)] {
		v := y[i] + b
		if relu && v < 0 {
			v = 0
		}
		y[i] = v
	}
}

// ReLU sets dst to x where x is not negative, otherwise to 0. NaN stays NaN.
func ReLU(dst, x []float32) {
	for i, v := range x[:len(dst)] {
		if v < 0 {
			v = 0
		}
		dst[i] = v
	}
}

// ReLUGrad sets dst to g where the ReLU's output y is positive, otherwise to 0.
func ReLUGrad(dst, g, y []float32) { reluGrad(dst, g, y) }

func reluGradGeneric(dst, g, y []float32) {
	g, y = g[:len(dst)], y[:len(dst)]
	for i := range dst {
		v := g[i]
		if !(y[i] > 0) {
			v = 0
		}
		dst[i] = v
	}
}

// Add sets dst to a + b.
func Add(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// SumRows sets dst[j] to the sum of column j over the rows of x, which are
// stride apart and at least len(dst) long. Rows are added from first to last.
func SumRows(dst, x []float32, rows, stride int) {
	clear(dst)
	for r := range rows {
		addTo(dst, x[r*stride:][:len(dst)])
	}
}

func addToGeneric(dst, x []float32) {
	for i, v := range x[:len(dst)] {
		dst[i] += v
	}
}

// tiny is the smallest magnitude that CrossEntropyGrad gives other than 0.
// Products of smaller ones would be denormal, which slows multiplications down
// many times on some processors and moves no weight.
const tiny = 0x1p-100

// CrossEntropy is the negative logarithm of the softmax probability of class
// label, and whether that class has the largest logit of all.
func CrossEntropy(logits []float32, label int32) (loss float32, correct bool) {
	top, sum := softmax(logits)
	own := logits[label]
	correct = own >= top
	for _, v := range logits[:label] {
		correct = correct && v < own // of equals the first is the answer
	}
	return float32(math.Log(sum) - float64(own-top)), correct
}

// CrossEntropyGrad sets dst to scale times the gradient of CrossEntropy with
// regard to the logits: softmax less the one-hot label.
func CrossEntropyGrad(dst, logits []float32, label int32, scale float32) {
	top, sum := softmax(logits)
	for i, v := range logits[:len(dst)] {
		p := math.Exp(float64(v-top)) / sum
		if int32(i) == label {
			p--
		}
		g := scale * float32(p)
		if g < tiny && g > -tiny {
			g = 0
		}
		dst[i] = g
	}
}

// softmax returns the largest logit and the sum of exp(logit - largest).
func softmax(logits []float32) (top float32, sum float64) {
	top = logits[0]
	for _, v := range logits[1:] {
		top = max(top, v)
	}
	for _, v := range logits {
		sum += math.Exp(float64(v - top))
	}
	return top, sum
}
