package table

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// csvWriter leaves empty the cells that are nil.
type csvWriter struct {
	columns []Column
	out     *csv.Writer
	record  []string
}

func newCSV(w io.Writer, columns []Column) (*csvWriter, error) {
	t := &csvWriter{columns: columns, out: csv.NewWriter(w), record: make([]string, len(columns))}
	for i, c := range columns {
		t.record[i] = c.Name
	}
	return t, t.out.Write(t.record)
}

// Write writes a line.
func (t *csvWriter) Write(row []any) error {
	if err := check(t.columns, row); err != nil {
		return err
	}
	for i, cell := range row {
		t.record[i] = text(cell)
	}
	return t.out.Write(t.record)
}

// Close writes what is still in memory.
func (t *csvWriter) Close() error {
	t.out.Flush()
	return t.out.Error()
}

// text is a cell in words; a number in the fewest digits that read back to it.
func text(cell any) string {
	switch v := cell.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// jsonWriter writes objects with their members in the order of the columns.
type jsonWriter struct {
	columns []Column
	names   [][]byte
	out     *bufio.Writer
	rows    int
}

func newJSON(w io.Writer, columns []Column) (*jsonWriter, error) {
	t := &jsonWriter{columns: columns, out: bufio.NewWriter(w)}
	for _, c := range columns {
		name, err := json.Marshal(c.Name)
		if err != nil {
			return nil, err
		}
		t.names = append(t.names, name)
	}
	_, err := t.out.WriteString("[")
	return t, err
}

// Write writes an object.
func (t *jsonWriter) Write(row []any) error {
	if err := check(t.columns, row); err != nil {
		return err
	}
	line := []byte(",\n{")
	if t.rows == 0 {
		line = line[1:]
	}
	for i, cell := range row {
		if x, ok := cell.(float64); ok && !finite(x) {
			cell = nil
		}
		value, err := json.Marshal(cell)
		if err != nil {
			return fmt.Errorf("column %s: %w", t.columns[i].Name, err)
		}
		if i > 0 {
			line = append(line, ',')
		}
		line = append(append(append(line, t.names[i]...), ':'), value...)
	}
	t.rows++
	_, err := t.out.Write(append(line, '}'))
	return err
}

// Close ends the array.
func (t *jsonWriter) Close() error {
	if _, err := t.out.WriteString("\n]\n"); err != nil {
		return err
	}
	return t.out.Flush()
}
