package checkpoint_test

import (
	"encoding/json"
	"math"
	"testing"

	"espalier/models/checkpoint"
)

// awkward are float64 values that JSON libraries like to lose.
func awkward() map[string]float64 {
	return map[string]float64{
		"zero": 0, "minus zero": math.Copysign(0, -1), "tenth": 0.1, "third": 1.0 / 3, "big": 1 << 60, "bigger": 1e21,
		"max": math.MaxFloat64, "min": math.SmallestNonzeroFloat64, "denormal": math.Float64frombits(1<<51 + 12345),
		"inf": math.Inf(1), "minus inf": math.Inf(-1), "nan": math.NaN(),
		"payload": math.Float64frombits(0x7ff8dead00000001), "negative nan": math.Float64frombits(0xfff8000000000000),
	}
}

func TestNumbersAreExact(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(checkpoint.Numbers(awkward()))
	if err != nil {
		t.Fatal(err)
	}
	var got checkpoint.Numbers
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range awkward() {
		if math.Float64bits(got[name]) != math.Float64bits(want) {
			t.Errorf("%s: %x came back as %x by %s", name, math.Float64bits(want), math.Float64bits(got[name]), data)
		}
		cursor := checkpoint.Cursor{Epoch: 1, Batch: 2, Step: math.MaxInt64, LossSum: want, Correct: 3, Seen: 4}
		again := cursor
		if data, err = json.Marshal(cursor); err == nil {
			again = checkpoint.Cursor{}
			err = json.Unmarshal(data, &again)
		}
		if err != nil || math.Float64bits(again.LossSum) != math.Float64bits(want) || again.Step != cursor.Step || again.Seen != 4 {
			t.Errorf("cursor %+v came back as %+v by %s: %v", cursor, again, data, err)
		}
	}
}

func TestNumbersRefuseOtherWords(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"1"`, `"nan"`, `"NaN(0x3ff0000000000000)"`, `"NaN(0x7ff8000000000001"`, `"NaN()"`, `true`, `{}`, `1e999`, `"Infinity"`} {
		var n checkpoint.Numbers
		if err := json.Unmarshal([]byte(`{"a":`+text+`}`), &n); err == nil {
			t.Errorf("number %s was read as %v", text, n)
		}
	}
}
