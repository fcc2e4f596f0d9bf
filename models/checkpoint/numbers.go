package checkpoint

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Numbers are named float64 values. Their JSON is exact: finite values are
// JSON numbers that read back to the same bits, the others are the strings
// "NaN", "+Inf", "-Inf" and, for a NaN with a payload, "NaN(0x7ff8...)". A
// training that diverged can so be recorded like any other.
type Numbers map[string]float64

// MarshalJSON writes an object with sorted keys.
func (n Numbers) MarshalJSON() ([]byte, error) {
	if n == nil {
		return []byte("null"), nil
	}
	exact := make(map[string]number, len(n))
	for name, value := range n {
		exact[name] = number(value)
	}
	return json.Marshal(exact)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Numbers) UnmarshalJSON(data []byte) error {
	var exact map[string]number
	if err := json.Unmarshal(data, &exact); err != nil {
		return err
	}
	*n = nil
	if exact != nil {
		*n = make(Numbers, len(exact))
	}
	for name, value := range exact {
		(*n)[name] = float64(value)
	}
	return nil
}

// cursorJSON is a Cursor whose loss is written exactly.
type cursorJSON struct {
	Epoch   int    `json:"epoch"`
	Batch   int    `json:"batch"`
	Step    int64  `json:"step"`
	LossSum number `json:"loss_sum"`
	Correct int    `json:"correct"`
	Seen    int    `json:"seen"`
}

// MarshalJSON writes the loss as [Numbers] does.
func (c Cursor) MarshalJSON() ([]byte, error) {
	return json.Marshal(cursorJSON{c.Epoch, c.Batch, c.Step, number(c.LossSum), c.Correct, c.Seen})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Cursor) UnmarshalJSON(data []byte) error {
	var j cursorJSON
	if err := strictJSON(data, &j); err != nil {
		return err
	}
	*c = Cursor{j.Epoch, j.Batch, j.Step, float64(j.LossSum), j.Correct, j.Seen}
	return nil
}

// number is a float64 with exact JSON.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	switch {
	case math.IsInf(f, 1):
		return []byte(`"+Inf"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Inf"`), nil
	case math.Float64bits(f) == math.Float64bits(math.NaN()):
		return []byte(`"NaN"`), nil
	case math.IsNaN(f):
		return fmt.Appendf(nil, `"NaN(%#016x)"`, math.Float64bits(f)), nil
	}
	return json.Marshal(f)
}

func (n *number) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] != '"' {
		var f float64
		err := json.Unmarshal(data, &f)
		*n = number(f)
		return err
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	switch s {
	case "+Inf":
		*n = number(math.Inf(1))
	case "-Inf":
		*n = number(math.Inf(-1))
	case "NaN":
		*n = number(math.NaN())
	default:
		return n.parsePayload(s)
	}
	return nil
}

func (n *number) parsePayload(s string) error {
	hex, ok := strings.CutPrefix(s, "NaN(0x")
	hex, closed := strings.CutSuffix(hex, ")")
	bits, err := strconv.ParseUint(hex, 16, 64)
	if f := math.Float64frombits(bits); ok && closed && err == nil && math.IsNaN(f) {
		*n = number(f)
		return nil
	}
	return fmt.Errorf("number %.40q is not a JSON number, \"NaN\", \"+Inf\" or \"-Inf\"", s)
}
