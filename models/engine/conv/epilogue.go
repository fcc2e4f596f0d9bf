package conv

// Epilogue is what the forward pass does to a result before it is stored:
// y = relu(convolution + bias + residual).
type Epilogue struct {
	Bias     []float32 // K elements, or nil
	Residual []float32 // laid out as y, or nil; it must not overlap y unless it is y
	ReLU     bool      // sets what is negative to 0; NaN stays NaN
}

// begin readies the channels lo to hi of k for sums: with the residual from at
// on, or with 0.
func (e *Epilogue) begin(y []float32, at, k, lo, hi int) {
	for i := 0; i < len(y); i += k {
		if e.Residual == nil {
			clear(y[i+lo : i+hi])
		} else {
			copy(y[i+lo:i+hi], e.Residual[at+i+lo:])
		}
	}
}

// finish does the rest to sums that are complete.
func (e *Epilogue) finish(y []float32, k, lo, hi int) {
	if e.Bias == nil && !e.ReLU {
		return
	}
	for i := 0; i < len(y); i += k {
		row := y[i+lo : i+hi]
		if e.Bias != nil {
			for c, b := range e.Bias[lo:hi] {
				row[c] += b
			}
		}
		if e.ReLU {
			for c, v := range row {
				if v < 0 {
					row[c] = 0
				}
			}
		}
	}
}
