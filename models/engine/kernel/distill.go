package kernel

import "math"

// Distill is the loss of a sample that learns from its label and from another
// network's logits, teacher (Hinton et al. 2015):
//
//	(1-weight) * CrossEntropy + weight * temperature^2 * sum p*log(p/q)
//
// with p and q the softmax of teacher / temperature and logits / temperature.
// Correct is that of CrossEntropy.
func Distill(logits, teacher []float32, label int32, smoothing, weight, temperature float64) (loss float32, correct bool) {
	hard, correct := crossEntropy(logits, label, smoothing)
	own, other := soften(logits, temperature), soften(teacher, temperature)
	gap := 0.0
	for i, v := range logits {
		t := other.at(teacher[i])
		gap += float64(exp(float32(t)) * (t - own.at(v)))
	}
	divergence := gap/other.sum + math.Log(own.sum) - math.Log(other.sum)
	return float32(float64((1-weight)*hard) + float64(weight*temperature*temperature*divergence)), correct
}

// DistillGrad sets dst to scale times the gradient of Distill with regard to
// the logits.
func DistillGrad(dst, logits, teacher []float32, label int32, smoothing, weight, temperature float64, scale float32) {
	top, sum := softmax(logits)
	inverse := 1 / sum
	spread := smoothing / float64(len(logits))
	own, other := soften(logits, temperature), soften(teacher, temperature)
	hard, soft := 1-weight, weight*temperature
	for i, v := range logits[:len(dst)] {
		p := float64(exp(v-top)*inverse) - spread
		if int32(i) == label {
			p -= 1 - smoothing
		}
		g := scale * float32(float64(hard*p)+float64(soft*(own.share(v)-other.share(teacher[i]))))
		if g < tiny && g > -tiny {
			g = 0
		}
		dst[i] = g
	}
}

// soft is the softmax of logits divided by a temperature.
type soft struct {
	top          float32
	inverse, sum float64
}

func soften(logits []float32, temperature float64) soft {
	s := soft{top: logits[0], inverse: 1 / temperature}
	for _, v := range logits[1:] {
		s.top = max(s.top, v)
	}
	for _, v := range logits {
		s.sum += exp(float32(s.at(v)))
	}
	return s
}

// at is the logit less the largest, over the temperature.
func (s soft) at(v float32) float64 { return float64(float64(v-s.top) * s.inverse) }

// share is the logit's probability.
func (s soft) share(v float32) float64 { return exp(float32(s.at(v))) / s.sum }
