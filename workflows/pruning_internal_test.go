package workflows

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/activities"
	"espalier/config"
)

func TestLayersArriveInOrder(t *testing.T) {
	t.Parallel()
	s := config.PruneSchedule{Passes: 2, Shape: "cubic", Order: []string{"c", "a", "b"}}
	s.Target.Layers = map[string]float64{"a": 0.5, "b": 0.2, "c": 0.3}
	for pass, want := range []map[string]float64{{"a": 0.5, "c": 0.3}, {"a": 0.5, "b": 0.2, "c": 0.3}} {
		var in activities.PruneInput
		if err := aim(&in, s, pass+1); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, in.Layers); diff != "" {
			t.Errorf("pass %d aims at (-want +got):\n%s", pass+1, diff)
		}
	}
}
