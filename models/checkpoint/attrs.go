package checkpoint

import (
	"encoding/json"
	"fmt"
	"math"

	"espalier/models"
)

// checkAttrs refuses settings that would not come back as they are: JSON leaves
// a -0 out as it does a 0.
func checkAttrs(node models.Node) error {
	a := node.Attrs
	for _, v := range []float64{a.Rate, a.Eps, a.Momentum, a.Slope, a.Alpha, a.Beta, a.Bias} {
		if v == 0 && math.Signbit(v) {
			return fmt.Errorf("node %s: an attribute is -0; want 0", node.Name)
		}
	}
	return nil
}

// checkLengths refuses lists of sizes that are longer or shorter than their
// array, which encoding/json would cut or fill up.
func checkLengths(network []byte) error {
	var graph struct {
		Nodes []struct {
			Name  string `json:"name"`
			Attrs struct {
				Kernel   []json.RawMessage `json:"kernel"`
				Stride   []json.RawMessage `json:"stride"`
				Dilation []json.RawMessage `json:"dilation"`
				Pad      []json.RawMessage `json:"pad"`
			} `json:"attrs"`
		} `json:"nodes"`
	}
	if err := json.Unmarshal(network, &graph); err != nil {
		return err
	}
	for _, node := range graph.Nodes {
		a := node.Attrs
		for _, list := range []struct {
			name  string
			sizes []json.RawMessage
			want  int
		}{{"kernel", a.Kernel, 2}, {"stride", a.Stride, 2}, {"dilation", a.Dilation, 2}, {"pad", a.Pad, 4}} {
			if n := len(list.sizes); n != 0 && n != list.want {
				return fmt.Errorf("node %.60q: %s has %d sizes, want %d", node.Name, list.name, n, list.want)
			}
		}
	}
	return nil
}
