package table

import (
	"io"

	"github.com/parquet-go/parquet-go"
)

// rowsTogether are held in memory before they are written as a row group.
const rowsTogether = 1 << 16

// parquetWriter writes rows one by one.
type parquetWriter struct {
	columns []Column
	out     *parquet.GenericWriter[any]
	row     []parquet.Row
}

func newParquet(w io.Writer, columns []Column) *parquetWriter {
	group := parquet.Group{}
	for _, c := range columns {
		group[c.Name] = parquet.Compressed(parquet.Optional(node(c.Kind)), &parquet.Snappy)
	}
	schema := parquet.NewSchema("results", ordered{group, columns})
	return &parquetWriter{
		columns: columns, row: []parquet.Row{make(parquet.Row, len(columns))},
		out: parquet.NewGenericWriter[any](w, schema, parquet.MaxRowsPerRowGroup(rowsTogether), parquet.CreatedBy("espalier", "1", "")),
	}
}

func node(k Kind) parquet.Node {
	switch k {
	case Whole:
		return parquet.Int(64)
	case Count:
		return parquet.Uint(64)
	case Number:
		return parquet.Leaf(parquet.DoubleType)
	case Flag:
		return parquet.Leaf(parquet.BooleanType)
	default:
		return parquet.String()
	}
}

// ordered is a group whose fields stand in the order of the columns and not in
// that of their names.
type ordered struct {
	parquet.Group
	columns []Column
}

// Fields are in the order of the columns.
func (o ordered) Fields() []parquet.Field {
	named := make(map[string]parquet.Field)
	for _, f := range o.Group.Fields() {
		named[f.Name()] = f
	}
	fields := make([]parquet.Field, len(o.columns))
	for i, c := range o.columns {
		fields[i] = named[c.Name]
	}
	return fields
}

// Write keeps the row until its group is full.
func (t *parquetWriter) Write(row []any) error {
	if err := check(t.columns, row); err != nil {
		return err
	}
	for i, cell := range row {
		there := 1
		if cell == nil {
			there = 0
		}
		t.row[0][i] = parquet.ValueOf(cell).Level(0, there, i)
	}
	_, err := t.out.WriteRows(t.row)
	return err
}

// Close writes the last rows and the index of the file.
func (t *parquetWriter) Close() error { return t.out.Close() }
