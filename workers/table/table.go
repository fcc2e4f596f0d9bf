// Package table writes rows of named columns as CSV, JSON or Parquet, one row
// after the other, so that a table need not fit into memory. The same rows
// make the same bytes.
package table

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
)

// The formats.
const (
	CSV     = "csv"     // RFC 4180, with a line of names
	JSON    = "json"    // an array of objects, one a line
	Parquet = "parquet" // every column optional, compressed by Snappy
)

// Formats are the words for them, as for people.
func Formats() []string { return []string{CSV, JSON, Parquet} }

// FormatOf is the format of a file by the end of its name, "" if that says
// nothing.
func FormatOf(file string) string {
	word := strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	if slices.Contains(Formats(), word) {
		return word
	}
	return ""
}

// Kind is what a column's cells are.
type Kind int

// The kinds of columns, with the Go type of their cells. A cell that is nil is
// empty in CSV and null in the others.
const (
	Text   Kind = iota // string
	Whole              // int64
	Count              // uint64, as seeds are: all 64 bits
	Number             // float64; one that is not finite is null in JSON, which has none
	Flag               // bool
)

// Column is one column.
type Column struct {
	Name string
	Kind Kind
}

// Writer writes a table. A row has a cell for each column, in their order.
type Writer interface {
	Write(row []any) error
	// Close ends the table; what it is written to stays open.
	Close() error
}

// New begins a table of a format. The names of columns are different and not
// empty.
func New(w io.Writer, format string, columns []Column) (Writer, error) {
	if len(columns) == 0 {
		return nil, fmt.Errorf("a table wants columns")
	}
	for i, c := range columns {
		if c.Name == "" || slices.ContainsFunc(columns[:i], func(d Column) bool { return d.Name == c.Name }) {
			return nil, fmt.Errorf("column %d: the name %q is empty or there already", i+1, c.Name)
		}
	}
	switch format {
	case CSV:
		return newCSV(w, columns)
	case JSON:
		return newJSON(w, columns)
	case Parquet:
		return newParquet(w, columns), nil
	}
	return nil, fmt.Errorf("format %q: %s are allowed", format, strings.Join(Formats(), ", "))
}

// check refuses a row that does not fit the columns.
func check(columns []Column, row []any) error {
	if len(row) != len(columns) {
		return fmt.Errorf("a row has %d cells, the table %d columns", len(row), len(columns))
	}
	for i, cell := range row {
		if cell != nil && kindOf(cell) != columns[i].Kind {
			return fmt.Errorf("column %s: a cell is a %T", columns[i].Name, cell)
		}
	}
	return nil
}

func kindOf(cell any) Kind {
	switch cell.(type) {
	case string:
		return Text
	case int64:
		return Whole
	case uint64:
		return Count
	case float64:
		return Number
	case bool:
		return Flag
	}
	return -1
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
