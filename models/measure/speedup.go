package measure

import (
	"fmt"
	"time"

	"espalier/models"
	"espalier/models/engine/conv"
)

// Speedup is by what factor a smaller network, or layer, does less and takes
// less time. A factor that cannot be told is 0.
type Speedup struct {
	Theoretical float64 `json:"theoretical"` // ratio of the MACs
	Measured    float64 `json:"measured"`    // ratio of the medians
}

// SpeedupOf compares a dense network or layer with a smaller one.
func SpeedupOf(denseMACs, smallMACs int64, dense, small Latency) Speedup {
	var s Speedup
	if smallMACs > 0 {
		s.Theoretical = float64(denseMACs) / float64(smallMACs)
	}
	if small.Median > 0 {
		s.Measured = float64(dense.Median) / float64(small.Median)
	}
	return s
}

// Reached is the share of the theoretical speed-up that was measured.
func (s Speedup) Reached() float64 {
	if s.Theoretical == 0 {
		return 0
	}
	return s.Measured / s.Theoretical
}

// LayerSpeedup compares the layers of one name in two networks.
type LayerSpeedup struct {
	Name  string        `json:"name"`
	Dense *LayerLatency `json:"dense,omitempty"` // nil where that network has no such layer
	Small *LayerLatency `json:"small,omitempty"`
	Speedup
	// Lost is the time of a call that the theoretical speed-up would have saved
	// beyond what was; it is negative where more was saved.
	Lost time.Duration `json:"lost_ns"`
	// Why says what in the layer's shape may have cost the speed-up, or that the
	// quartiles of the rounds lie so far apart that it may have cost nothing; it
	// is empty where nine tenths or more of the speed-up was reached.
	Why []string `json:"why,omitempty"`
}

// LayerSpeedups pairs the layers of a dense network and a smaller one by name,
// in the order of the dense one; those that it does not have come last. Both
// must be of one call of [LayerLatencies].
func LayerSpeedups(dense, small []LayerLatency) []LayerSpeedup {
	by := make(map[string]*LayerLatency, len(small))
	for i := range small {
		by[small[i].Name] = &small[i]
	}
	pairs := make([]LayerSpeedup, 0, len(dense))
	for i := range dense {
		d := &dense[i]
		pairs = append(pairs, compareLayers(d, by[d.Name]))
		delete(by, d.Name)
	}
	for i := range small {
		if by[small[i].Name] != nil {
			pairs = append(pairs, LayerSpeedup{Name: small[i].Name, Small: &small[i]})
		}
	}
	return pairs
}

func compareLayers(dense, small *LayerLatency) LayerSpeedup {
	pair := LayerSpeedup{Name: dense.Name, Dense: dense, Small: small}
	if small == nil {
		return pair
	}
	pair.Speedup = SpeedupOf(dense.MACs, small.MACs, dense.Latency, small.Latency)
	if pair.Measured == 0 || pair.Theoretical == 0 {
		return pair
	}
	pair.Lost = small.Median - time.Duration(float64(dense.Median)/pair.Theoretical)
	if pair.Reached() < enough && small.MACs < dense.MACs {
		pair.Why = limits(dense, small)
		if float64(dense.High) >= enough*pair.Theoretical*float64(small.Low) {
			pair.Why = []string{"no more than the rounds differ"}
		}
	}
	return pair
}

// What counts as a reason.
const (
	enough   = 0.9  // of the theoretical speed-up is no loss
	lanes    = 8    // float32 values of a vector
	worse    = 0.95 // of the dense layer's vectors, below which they are filled worse
	moved    = 4    // MACs for each byte, below which moving the bytes takes longer
	shortest = 10 * time.Microsecond
)

// limits says what keeps the smaller layer from its theoretical speed-up, by
// shapes alone.
func limits(dense, small *LayerLatency) []string {
	var why []string
	if f := small.fill(); f < worse*dense.fill() {
		why = append(why, fmt.Sprintf("%d outputs fill %.0f %% of their vectors of %d", small.Out[0], 100*f, lanes))
	}
	if dense.filtered() && !small.filtered() {
		why = append(why, "too small for minimal filtering, by which the dense layer is computed")
	}
	switch {
	case small.First:
		why = append(why, fmt.Sprintf("the first layer: its input stays %d channels", small.In[0]))
	case small.In[0] == dense.In[0]:
		why = append(why, fmt.Sprintf("its input stays %d channels", small.In[0]))
	case small.Out[0] == dense.Out[0]:
		why = append(why, fmt.Sprintf("its output stays %d channels", small.Out[0]))
	}
	if m := small.macsPerByte(); m < moved {
		why = append(why, fmt.Sprintf("bound by memory: %.2g MACs for each byte that it reads and writes", m))
	}
	if small.Median < shortest {
		why = append(why, "short: what each call costs counts")
	}
	if why == nil {
		why = []string{"nothing that its shape tells"}
	}
	return why
}

// fill is the share of the outputs' vectors that holds outputs.
func (l *LayerLatency) fill() float64 {
	vectors := (l.Out[0] + lanes - 1) / lanes
	return float64(l.Out[0]) / float64(lanes*vectors)
}

// macsPerByte counts activations once for each sample and weights once for each
// call.
func (l *LayerLatency) macsPerByte() float64 {
	values := float64(l.In.Size()+l.Out.Size()) + float64(l.Weights)/float64(l.Batch)
	return float64(l.MACs) / (4 * values)
}

// filtered says whether the default engine computes the layer by minimal
// filtering.
func (l *LayerLatency) filtered() bool {
	if l.Op != models.OpConv2D {
		return false
	}
	a := l.Attrs.Defaults()
	return conv.Filtered(conv.Shape{
		H: l.In[1], W: l.In[2], C: l.In[0], K: a.Out,
		Kernel: a.Kernel, Stride: a.Stride, Pad: a.Pad, Dilation: a.Dilation, Groups: a.Groups,
	}, l.Batch)
}
