package zoo

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"

	"espalier/models"
)

// Init draws the parameters' first values: weights from a normal distribution
// with mean 0 and deviation sqrt(2 / fan-in), which keeps the activations'
// variance through ReLU layers (He et al. 2015, eq. 10), the last layer's too.
// The fan-in of a filter is all that one of its outputs reads. Biases are 0;
// batch normalization begins as the identity of statistics 0 and 1. Masked
// elements stay 0.
//
// Each parameter has a random stream of its own, a function of seed and of its
// name, so that adding a layer changes no other. Equal arguments give equal
// bits on every machine.
func Init(net *models.Network, seed uint64) {
	for _, p := range net.Params {
		clear(p.Data)
		switch p.Role {
		case models.RoleWeight:
			draw(p, seed)
		case models.RoleGamma, models.RoleVariance:
			for i := range p.Data {
				p.Data[i] = 1
			}
		}
		p.ApplyMask()
	}
}

func draw(p *models.Param, seed uint64) {
	fanIn := p.Shape.Size() / p.Shape[0]
	deviation := math.Sqrt(2 / float64(fanIn))
	random := stream(seed, p.Name)
	for i := range p.Data {
		p.Data[i] = float32(deviation * normal(random))
	}
}

// stream is the generator of one parameter's first values.
func stream(seed uint64, param string) *rand.Rand {
	key := binary.LittleEndian.AppendUint64(nil, seed)
	key = append(key, "init"...)
	key = append(key, param...)
	return rand.New(rand.NewChaCha8(sha256.Sum256(key)))
}
