package kernel

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
	same(len(dst), len(x))
	relu(dst, x)
}

func reluGeneric(dst, x []float32) {
	for i, v := range x[:len(dst)] {
		if v < 0 {
			v = 0
		}
		dst[i] = v
	}
}

// ReLUGrad sets dst to g where the ReLU's output y is positive, otherwise to 0.
func ReLUGrad(dst, g, y []float32) {
	same(len(dst), len(g), len(y))
	reluGrad(dst, g, y)
}

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
	same(len(dst), len(a), len(b))
	add(dst, a, b)
}

func addGeneric(dst, a, b []float32) {
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
