package kernel

// Activation is an element-wise function between layers, other than ReLU.
type Activation int

// The activations, with PyTorch's gradients at their kinks.
const (
	ReLU6       Activation = iota // min(max(x, 0), 6)
	LeakyReLU                     // x, or slope times x where x is negative
	Sigmoid                       // 1 / (1 + exp(-x))
	Tanh                          // hyperbolic tangent
	HardSigmoid                   // min(max(x/6 + 1/2, 0), 1)
	HardSwish                     // x times hard sigmoid
	SiLU                          // x times sigmoid
)

// GradOfInput says whether the gradient is a function of the input; of the
// others it is one of the output, and the input need not be kept.
func (a Activation) GradOfInput() bool {
	return a == LeakyReLU || a == HardSwish || a == SiLU
}

// Activate sets dst to the activation of x. slope counts for LeakyReLU alone.
// NaN stays NaN, and what is too small for a normal number becomes 0. dst may
// be x.
func Activate(dst, x []float32, a Activation, slope float32) {
	same(len(dst), len(x))
	x = x[:len(dst)]
	switch a {
	case ReLU6:
		for i, v := range x {
			dst[i] = min(max(v, 0), 6)
		}
	case LeakyReLU:
		for i, v := range x {
			if v < 0 {
				v *= slope
			}
			dst[i] = v
		}
	case Sigmoid:
		for i, v := range x {
			dst[i] = flush(float32(sigmoid(v)))
		}
	case Tanh:
		for i, v := range x {
			dst[i] = tanh(v)
		}
	case HardSigmoid:
		for i, v := range x {
			dst[i] = hardSigmoid(v)
		}
	case HardSwish:
		for i, v := range x {
			dst[i] = v * hardSigmoid(v)
		}
	case SiLU:
		for i, v := range x {
			dst[i] = flush(float32(float64(v) * sigmoid(v)))
		}
	}
}

// ActivateGrad sets dst to the gradient of Activate's x, g being its result's.
// v is x where a.GradOfInput, otherwise the result. dst may be g.
func ActivateGrad(dst, g, v []float32, a Activation, slope float32) {
	same(len(dst), len(g), len(v))
	g, v = g[:len(dst)], v[:len(dst)]
	switch a {
	case ReLU6:
		between(dst, g, v, 0, 6, 1)
	case HardSigmoid:
		between(dst, g, v, 0, 1, 6)
	case LeakyReLU:
		for i, x := range v {
			d := g[i]
			if !(x > 0) {
				d *= slope
			}
			dst[i] = d
		}
	case Sigmoid:
		for i, y := range v {
			dst[i] = flush(float32(g[i]*(1-y)) * y)
		}
	case Tanh:
		for i, y := range v {
			dst[i] = flush(g[i] * (1 - float32(y*y)))
		}
	case HardSwish:
		for i, x := range v {
			dst[i] = hardSwishGrad(g[i], x)
		}
	case SiLU:
		for i, x := range v {
			s := sigmoid(x)
			dst[i] = flush(float32(float64(g[i]) * (s * (1 + float64(float64(x)*(1-s))))))
		}
	}
}

// between lets the gradient, divided, through where y is between the bounds.
func between(dst, g, y []float32, low, high, divisor float32) {
	for i, v := range y {
		d := g[i] / divisor
		if !(v > low && v < high) {
			d = 0
		}
		dst[i] = d
	}
}

func hardSigmoid(x float32) float32 { return min(max(x+3, 0), 6) / 6 }

func hardSwishGrad(g, x float32) float32 {
	switch {
	case x <= -3:
		return 0
	case x < 3:
		return g * (x/3 + 0.5)
	default:
		return g
	}
}

// sigmoid is 1/(1+exp(-x)), by the exponential of what is not positive.
func sigmoid(x float32) float64 {
	if x < 0 {
		t := exp(x)
		return t / (1 + t)
	}
	return 1 / (1 + exp(-x))
}

// tanh is the hyperbolic tangent: by exponentials, and near 0, where these
// cancel, by Cephes's rational function (Moshier 1989).
func tanh(x float32) float32 {
	const (
		p0, p1, p2 = -9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3
		q0, q1, q2 = 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3
	)
	switch v := float64(x); {
	case x >= 0.625:
		t := exp(-2 * x)
		return float32((1 - t) / (1 + t))
	case x <= -0.625:
		t := exp(2 * x)
		return float32((t - 1) / (1 + t))
	default:
		z := float64(v * v)
		p := float64(z*(p1+float64(p0*z))) + p2
		q := float64(z*(q1+float64(z*(q0+z)))) + q2
		return float32(v + float64(float64(v*z)*p)/q)
	}
}
