package table_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"espalier/workers/table"
)

var columns = []table.Column{
	{Name: "run", Kind: table.Text},
	{Name: "train.optimizer.sgd.lr", Kind: table.Number},
	{Name: "seed", Kind: table.Count},
	{Name: "kept", Kind: table.Flag},
	{Name: "bytes", Kind: table.Whole},
	{Name: "accuracy_share", Kind: table.Number},
}

// drawn are rows of every kind of cell, of which some are empty.
func drawn(n int) [][]any {
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"", "a", `say "no", or
not`, "ünïcode, 語", "-1", "{", "null"}
	rows := make([][]any, n)
	for i := range rows {
		row := []any{
			words[random.IntN(len(words))], math.Float64frombits(random.Uint64()), random.Uint64(),
			random.IntN(2) == 1, int64(random.Uint64()), random.Float64(),
		}
		if x := row[1].(float64); math.IsNaN(x) || math.IsInf(x, 0) {
			row[1] = math.Copysign(0, -1)
		}
		for c := range row {
			if random.IntN(4) == 0 {
				row[c] = nil
			}
		}
		rows[i] = row
	}
	return rows
}

func written(t *testing.T, format string, rows [][]any) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := table.New(&out, format, columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readCSV(t *testing.T, data []byte) (names []string, rows [][]any) {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		row := make([]any, len(line))
		for i, cell := range line {
			row[i] = parsed(t, columns[i].Kind, cell)
		}
		rows = append(rows, row)
	}
	return lines[0], rows
}

func parsed(t *testing.T, kind table.Kind, cell string) (v any) {
	t.Helper()
	if cell == "" {
		return nil
	}
	var err error
	switch kind {
	case table.Number:
		v, err = strconv.ParseFloat(cell, 64)
	case table.Whole:
		v, err = strconv.ParseInt(cell, 10, 64)
	case table.Count:
		v, err = strconv.ParseUint(cell, 10, 64)
	case table.Flag:
		v, err = strconv.ParseBool(cell)
	default:
		v = cell
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func readJSON(t *testing.T, data []byte) (names []string, rows [][]any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	for depth := 0; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return names, rows
		}
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := token.(json.Delim); ok {
			switch d {
			case '{':
				depth, rows = 1, append(rows, make([]any, 0, len(columns)))
			case '}':
				depth = 0
			}
			continue
		}
		if depth == 0 {
			continue
		}
		if len(rows) == 1 {
			names = append(names, token.(string))
		}
		value, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		at := len(rows[len(rows)-1])
		if number, ok := value.(json.Number); ok {
			value = parsed(t, columns[at].Kind, number.String())
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], value)
	}
}

func readParquet(t *testing.T, data []byte) (names []string, rows [][]any) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range file.Schema().Fields() {
		names = append(names, f.Name())
	}
	reader := parquet.NewReader(file)
	defer reader.Close()
	for {
		buffer := make([]parquet.Row, 7)
		n, err := reader.ReadRows(buffer)
		for _, from := range buffer[:n] {
			row := make([]any, len(from))
			for i, v := range from {
				row[i] = cell(columns[i].Kind, v)
			}
			rows = append(rows, row)
		}
		if errors.Is(err, io.EOF) {
			return names, rows
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func cell(kind table.Kind, v parquet.Value) any {
	if v.IsNull() {
		return nil
	}
	switch kind {
	case table.Number:
		return v.Double()
	case table.Whole:
		return v.Int64()
	case table.Count:
		return v.Uint64()
	case table.Flag:
		return v.Boolean()
	default:
		return string(v.ByteArray())
	}
}

func TestEveryFormatReadsBackToTheBit(t *testing.T) {
	t.Parallel()
	for format, read := range map[string]func(*testing.T, []byte) ([]string, [][]any){
		table.CSV: readCSV, table.JSON: readJSON, table.Parquet: readParquet,
	} {
		for _, n := range []int{0, 1, 1000} {
			t.Run(fmt.Sprintf("%s of %d rows", format, n), func(t *testing.T) {
				t.Parallel()
				rows := drawn(n)
				data := written(t, format, rows)
				if again := written(t, format, rows); !bytes.Equal(data, again) {
					t.Error("the same rows made other bytes")
				}
				names, got := read(t, data)
				if n > 0 || format != table.JSON { // which has names in rows only
					for i, c := range columns {
						if names[i] != c.Name {
							t.Errorf("column %d is %s, want %s", i, names[i], c.Name)
						}
					}
				}
				if format == table.CSV { // which knows no difference
					for _, row := range rows {
						if row[0] == "" {
							row[0] = nil
						}
					}
				}
				same := cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
				if diff := cmp.Diff(rows, got, same); n > 0 && diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				if n == 0 && len(got) > 0 {
					t.Errorf("%d rows of none", len(got))
				}
			})
		}
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	for name, of := range map[string][]table.Column{
		"no columns":          nil,
		"a name twice":        {{Name: "a"}, {Name: "b"}, {Name: "a"}},
		"a name that is none": {{Name: ""}},
	} {
		if _, err := table.New(io.Discard, table.CSV, of); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := table.New(io.Discard, "xlsx", columns); err == nil || err.Error() != `format "xlsx": csv, json, parquet are allowed` {
		t.Errorf("xlsx: %v", err)
	}
	for _, format := range table.Formats() {
		w, err := table.New(io.Discard, format, columns[:2])
		if err != nil {
			t.Fatal(err)
		}
		for name, row := range map[string][]any{"a cell too few": {"a"}, "a cell of another kind": {"a", 1}} {
			if w.Write(row) == nil {
				t.Errorf("%s: %s is no error", format, name)
			}
		}
	}
}

func TestFormatsAreKnownByFiles(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{"a.csv": "csv", "b/C.JSON": "json", "x.tar.parquet": "parquet", "csv": "", "a.txt": "", "": ""} {
		if got := table.FormatOf(file); got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}
