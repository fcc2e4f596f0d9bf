package kernel

import "math"

// tiny is the smallest magnitude that CrossEntropyGrad gives other than 0.
// Products of smaller ones would be denormal, which slows multiplications down
// many times on some processors and moves no weight.
const tiny = 0x1p-100

// CrossEntropy is the negative logarithm of the softmax probability of class
// label, and whether that class has the largest logit of all. Of smoothing
// above 0, that share of the target is spread evenly over all classes (Szegedy
// et al. 2016, section 7), and the loss is the cross-entropy with it.
func CrossEntropy(logits []float32, label int32, smoothing float64) (loss float32, correct bool) {
	l, correct := crossEntropy(logits, label, smoothing)
	return float32(l), correct
}

func crossEntropy(logits []float32, label int32, smoothing float64) (loss float64, correct bool) {
	top, sum := softmax(logits)
	own := logits[label]
	correct = own >= top
	for _, v := range logits[:label] {
		correct = correct && v < own // of equals the first is the answer
	}
	log := math.Log(sum)
	if smoothing == 0 {
		return log - float64(own-top), correct
	}
	mean := 0.0
	for _, v := range logits {
		mean += float64(v - top)
	}
	mean /= float64(len(logits))
	return log - float64((1-smoothing)*float64(own-top)) - float64(smoothing*mean), correct
}

// CrossEntropyGrad sets dst to scale times the gradient of CrossEntropy with
// regard to the logits: softmax less the target.
func CrossEntropyGrad(dst, logits []float32, label int32, smoothing float64, scale float32) {
	top, sum := softmax(logits)
	inverse := 1 / sum
	spread := smoothing / float64(len(logits))
	for i, v := range logits[:len(dst)] {
		p := float64(exp(v-top)*inverse) - spread
		if int32(i) == label {
			p -= 1 - smoothing
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
		sum += exp(v - top)
	}
	return top, sum
}

// exp is e^x for x <= 0, to a relative error of 1e-8: more than a float32
// shows, faster than math.Exp, and the same on every machine. Below -700 it is
// 0.
func exp(x float32) float64 {
	const log2e, ln2 = 1.4426950408889634, 0.6931471805599453
	y := float64(x)
	if !(y > -700) {
		if y != y {
			return y
		}
		return 0
	}
	k := int(float64(y*log2e) - 0.5) // the nearest integer; conversion truncates towards 0
	r := y - float64(float64(k)*ln2)
	r2 := float64(r * r)
	low := 1 + r + float64(r2*(1.0/2+float64(r*(1.0/6))))
	high := 1.0/24 + float64(r*(1.0/120)) + float64(r2*(1.0/720+float64(r*(1.0/5040))))
	return (low + float64(float64(r2*r2)*high)) * math.Float64frombits(uint64(1023+k)<<52)
}
