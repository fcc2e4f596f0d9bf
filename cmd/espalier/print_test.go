package main

import (
	"bytes"
	"strings"
	"testing"

	"espalier/workflows"
)

func TestRowsHaveTheExtraTestWhereThereIsOne(t *testing.T) {
	t.Parallel()
	dense := workflows.Row{DenseBytes: 1000, Accuracy: 0.9, AccuracyLow: 0.88, AccuracyHigh: 0.92, Kept: true}
	header := func(rows ...workflows.Row) (string, string) {
		var out bytes.Buffer
		printRows(&out, rows)
		first, rest, _ := strings.Cut(out.String(), "\n")
		return first, rest
	}
	if first, rest := header(dense); strings.Contains(first, "extra") || !strings.Contains(rest, "90.00 %  88.00 % to 92.00 %") {
		t.Errorf("without: %s\n%s", first, rest)
	}
	dense.ExtraHigh = 0.3 // none of them right
	if first, rest := header(dense); !strings.Contains(first, "extra test") || !strings.Contains(rest, "0.00 %  0.00 % to 30.00 %") {
		t.Errorf("with: %s\n%s", first, rest)
	}
}
