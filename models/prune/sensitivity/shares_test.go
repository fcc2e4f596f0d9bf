package sensitivity_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models/prune/sensitivity"
)

func TestSharesAreWhereCurvesFall(t *testing.T) {
	t.Parallel()
	points := func(of ...float64) []sensitivity.Point { // removed, accuracy, removed, accuracy, ...
		var list []sensitivity.Point
		for i := 0; i < len(of); i += 2 {
			list = append(list, sensitivity.Point{Removed: int(of[i]), Accuracy: of[i+1]})
		}
		return list
	}
	tests := map[string]struct {
		size   int
		points []sensitivity.Point
		drop   float64
		want   float64 // 0: none
	}{
		"flat to the last point":       {1000, points(100, 0.9, 500, 0.9), 0.01, 0.5},
		"exactly the drop":             {1000, points(100, 0.9, 500, 0.89), 0.01, 0.5},
		"between two points":           {1000, points(100, 0.9, 500, 0.86), 0.01, 0.2},
		"before the first point":       {1000, points(400, 0.86), 0.01, 0.1},
		"rounded down":                 {3000, points(3000, 0), 0.1, 0.111},
		"to whole channels":            {4, points(1, 0.9, 3, 0.7), 0.05, 0.25},
		"a third of three":             {3, points(1, 0.9), 0, 0.333},
		"below one channel":            {4, points(1, 0.5), 0.05, 0},
		"a dip, though it rises again": {1000, points(100, 0.9, 200, 0.8, 300, 0.9), 0, 0.1},
		"better than the whole":        {1000, points(100, 0.95, 200, 0.85), 0, 0.15},
		"nothing measured":             {1000, nil, 0.5, 0},
	}
	for name, test := range tests {
		r := sensitivity.Report{Accuracy: 0.9, Layers: []sensitivity.Curve{{Layer: "a", Size: test.size, Points: test.points}}}
		want := map[string]float64{}
		if test.want > 0 {
			want["a"] = test.want
		}
		if diff := cmp.Diff(want, r.Shares(test.drop)); diff != "" {
			t.Errorf("%s: Shares (-want +got)\n%s", name, diff)
		}
	}
}

// The answer is found again by walking along the curve, one channel at a time.
func TestSharesAgreeWithAWalkAlongTheCurve(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		c := sensitivity.Curve{Layer: "a", Size: 1 + r.IntN(600)}
		for at := 0; at < c.Size && r.IntN(8) > 0; {
			at += 1 + r.IntN(c.Size-at)
			c.Points = append(c.Points, sensitivity.Point{Removed: at, Accuracy: float64(r.IntN(1001)) / 1000})
		}
		report := sensitivity.Report{Accuracy: float64(r.IntN(1001)) / 1000, Layers: []sensitivity.Curve{c}}
		drop := r.Float64() / 3
		whole := 0
		for whole < c.Size {
			accuracy, ok := along(report.Accuracy, c.Points, float64(whole+1))
			if !ok || accuracy < report.Accuracy-drop-1e-9 {
				break
			}
			whole++
		}
		share := report.Shares(drop)["a"]
		removed := c.Size - int(math.Floor(float64(c.Size)*(1-share)+1e-9)) // as the plan counts
		if removed != whole {
			t.Fatalf("%+v of %g, drop %g: share %g takes %d, a walk reaches %d", c, report.Accuracy, drop, share, removed, whole)
		}
	}
}

// along is the height of the curve where so many are removed.
func along(whole float64, points []sensitivity.Point, at float64) (float64, bool) {
	from, height := 0.0, whole
	for _, p := range points {
		if to := float64(p.Removed); at <= to {
			return height + (p.Accuracy-height)*(at-from)/(to-from), true
		}
		from, height = float64(p.Removed), p.Accuracy
	}
	return 0, false
}

func TestReadTakesWhatAScanWrites(t *testing.T) {
	t.Parallel()
	good := sensitivity.Report{
		Network: "n", Method: "han", Granularity: "connection", Split: "test", Samples: 100, Accuracy: 0.97,
		Layers: []sensitivity.Curve{
			{Layer: "fc1", Size: 10, Points: []sensitivity.Point{{Share: 0.1, Removed: 1, Accuracy: 0.96}, {Share: 0.5, Removed: 5, Accuracy: 0.9}}},
			{Layer: "fc2", Size: 3, LeftOut: []sensitivity.LeftOut{{Why: "excluded"}}},
		},
	}
	text, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	got, err := sensitivity.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&good, got); diff != "" {
		t.Errorf("read again (-want +got)\n%s", diff)
	}
	for name, bad := range map[string]struct{ from, to, says string }{
		"no JSON":            {`{`, `x`, "no report"},
		"another method":     {`"han"`, `"magic"`, "magic"},
		"another kind":       {`"connection"`, `"channel"`, "channel"},
		"no layers":          {`"layers"`, `"others"`, "no layers"},
		"the same name":      {`"fc2"`, `"fc1"`, "layer 2"},
		"no size":            {`"size":3`, `"size":0`, "fc2"},
		"an accuracy of 97":  {`0.97`, `97`, "0 to 1"},
		"more than there is": {`"removed":5`, `"removed":11`, "11 removed of 10"},
		"order":              {`"removed":1,`, `"removed":7,`, "5 removed of 10, after 7"},
	} {
		changed := strings.Replace(string(text), bad.from, bad.to, 1)
		if _, err := sensitivity.Read(strings.NewReader(changed)); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%s: Read = %v, want an error that says %q", name, err, bad.says)
		}
	}
	if _, err := sensitivity.Read(bytes.NewReader(slices.Concat(text[:len(text)/2]))); err == nil {
		t.Error("half a report is read without an error")
	}
}
