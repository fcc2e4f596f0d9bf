// Package kernel holds the loops of training that are no matrix products: the
// optimizers' updates, masks, sums, normalization, pooling, activations and
// the loss. A kernel reads and writes plain float32 slices, allocates nothing
// and knows no tensor.
//
// Images are rows of channels, one row for each pixel of each sample (NHWC),
// so that most loops run over channels that lie side by side.
//
// Every kernel gives the same bits on every machine and with any number of
// workers: element-wise ones round after each multiplication and addition (no
// fused multiply-add), and sums are taken over blocks of fixed length, in
// order. Slices have the lengths that the sizes of a call ask for, or are equally
// long where it has none, and must not overlap unless they are the same slice;
// another length panics.
package kernel

import "fmt"

// SGD updates w by stochastic gradient descent with momentum, as PyTorch
// defines it (no dampening):
//
//	d = g + weightDecay*w;  v = momentum*v + d
//	w -= lr*v                    (classical momentum)
//	w -= lr*(d + momentum*v)     (Nesterov)
//
// v may be nil where momentum is 0. g is not changed. Results too small for a
// normal number become 0.
func SGD(w, v, g []float32, lr, momentum, weightDecay float32, nesterov bool) {
	same(len(w), len(g))
	if v != nil {
		same(len(w), len(v))
	}
	s := sgd{w: w, v: v, g: g, lr: lr, momentum: momentum, decay: weightDecay, nesterov: nesterov}
	share(job{kind: jobSGD, sgd: s}, len(w))
}

// Adam updates w by Adam (Kingma and Ba 2015, algorithm 1):
//
//	m = beta1*m + (1-beta1)*g;  v = beta2*v + (1-beta2)*g*g
//	w -= lr/bias1 * m / (sqrt(v)/sqrt(bias2) + eps)
//
// bias1 = 1-beta1^t and bias2 = 1-beta2^t at step t = 1, 2, ... Weight decay is
// added to the gradient (L2 regularization), or where decoupled is true taken
// from the weight, w -= lr*weightDecay*w, before the update (AdamW, Loshchilov
// and Hutter 2019).
func Adam(w, m, v, g []float32, lr, beta1, beta2, eps, weightDecay float32, decoupled bool, bias1, bias2 float32) {
	same(len(w), len(m), len(v), len(g))
	a := newAdam(lr, beta1, beta2, eps, weightDecay, decoupled, bias1, bias2)
	a.w, a.m, a.v, a.g = w, m, v, g
	share(job{kind: jobAdam, adam: a}, len(w))
}

// Mask sets x[i] to 0 where mask[i] is false. A nil mask keeps everything.
func Mask(x []float32, mask []bool) {
	if mask == nil {
		return
	}
	same(len(x), len(mask))
	share(job{kind: jobMask, x: x, mask: mask}, len(x))
}

// SumSquares is the sum of the squares of x, accumulated in float64.
func SumSquares(x []float32) float64 { return sumSquares(x) }

// AddScaled adds a*x to dst.
func AddScaled(dst, x []float32, a float32) {
	same(len(dst), len(x))
	share(job{kind: jobAddScaled, dst: dst, x: x, a: a}, len(dst))
}

// AddSign adds a to dst where x is positive and takes a from it where x is
// negative: the subgradient of a*|x|.
func AddSign(dst, x []float32, a float32) {
	same(len(dst), len(x))
	share(job{kind: jobAddSign, dst: dst, x: x, a: a}, len(dst))
}

// Scale multiplies x by a.
func Scale(x []float32, a float32) {
	share(job{kind: jobScale, x: x, a: a}, len(x))
}

// SoftThreshold sets x to sign(x) * max(|x|-a, 0): the proximal step of a*|x|,
// of a at least 0. What becomes 0 is +0; a NaN stays one. Results too small for
// a normal number become 0.
func SoftThreshold(x []float32, a float32) {
	share(job{kind: jobSoftThreshold, x: x, a: a}, len(x))
}

// same panics where lengths differ: the assembly checks no bounds.
func same(n int, others ...int) {
	for _, o := range others {
		if o != n {
			panic(fmt.Sprintf("kernel: slices of %d and %d elements, want equal lengths", n, o))
		}
	}
}
