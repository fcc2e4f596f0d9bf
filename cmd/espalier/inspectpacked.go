package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/compress"
	"espalier/models/compress/esp"
)

// packedInspection is what a packed model file holds.
type packedInspection struct {
	Digest  checkpoint.Digest    `json:"digest"`
	Size    int                  `json:"size"`
	Network string               `json:"network"`
	Input   []int                `json:"input"`
	Dense   int64                `json:"dense_bytes"` // as float32
	Ratio   float64              `json:"ratio"`
	Paper   int64                `json:"paper_bytes"` // by the rule of Deep Compression
	Sizes   *esp.Sizes           `json:"sizes"`
	Layers  []compress.LayerSize `json:"paper_layers"`
}

// inspectPacked reads all of a packed model and shows what its bytes are for.
func (a *app) inspectPacked(path string, data []byte) error {
	f, err := esp.Open(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	net, err := f.Network()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	sizes, err := f.Sizes()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	layers, err := esp.PaperSizes(net)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	i := packedInspection{
		Digest: checkpoint.DigestOf(data), Size: len(data), Network: net.Name, Input: net.Input, Dense: denseBytes(net), Sizes: sizes, Layers: layers,
	}
	i.Ratio = float64(i.Dense) / float64(i.Size)
	bits := int64(0)
	for _, l := range layers {
		bits += l.Huffman.Total()
	}
	i.Paper = (bits + 7) / 8
	if a.json {
		return a.printJSON(i)
	}
	a.printPacked(i)
	return nil
}

func (a *app) printPacked(i packedInspection) {
	fmt.Fprintf(a.out, "packed     %s, %s bytes, intact\nnetwork    %s, input %v\n", i.Digest, humanize.Comma(int64(i.Size)), i.Network, i.Input)
	fmt.Fprintf(a.out, "float32    %s bytes, %.1fx as much\n", humanize.Comma(i.Dense), i.Ratio)
	fmt.Fprintf(a.out, "paper      %s bytes by the rule of Deep Compression, %.1fx\n", humanize.Comma(i.Paper), float64(i.Dense)/float64(max(1, i.Paper)))
	t := newTable(a.out, "tensor", "form", ">stored", ">of", ">weights", ">indices", ">codebook", ">tables", ">rest", ">bytes", ">bits/weight", ">smaller")
	var sum esp.TensorSize
	for _, s := range i.Sizes.Tensors {
		t.AppendRow(packedRow(s.Name, form(s), s))
		sum = plus(sum, s)
	}
	o := i.Sizes.Overhead()
	t.AppendRow(table.Row{"graph", "", "", "", "", "", "", "", humanize.Comma(int64(i.Sizes.Graph)), humanize.Comma(int64(i.Sizes.Graph)), "", ""})
	t.AppendRow(table.Row{"header", "", "", "", "", "", "", "", humanize.Comma(int64(o - i.Sizes.Graph)), humanize.Comma(int64(o - i.Sizes.Graph)), "", ""})
	sum.Frame += o
	t.AppendRow(packedRow("total", "", sum))
	t.Render()
}

func packedRow(name, form string, s esp.TensorSize) table.Row {
	number := func(n int) string { return humanize.Comma(int64(n)) }
	return table.Row{
		name, form, number(s.Stored), number(s.Elements), number(s.Values), number(s.Positions), number(s.BookSize), number(s.CodeTables),
		number(s.Mask + s.Frame), number(s.Total()), fmt.Sprintf("%.2f", 8*float64(s.Total())/float64(max(1, s.Elements))),
		fmt.Sprintf("%.1fx", 4*float64(s.Elements)/float64(max(1, s.Total()))),
	}
}

// form says how a tensor is stored.
func form(s esp.TensorSize) string {
	what := string(s.Kind)
	if s.Kind == esp.Codes {
		what = fmt.Sprintf("codes of %d", s.Book)
	}
	if s.Sparse {
		return "sparse " + what
	}
	return what
}

// plus adds what two tensors take.
func plus(s, t esp.TensorSize) esp.TensorSize {
	return esp.TensorSize{
		Elements: s.Elements + t.Elements, Stored: s.Stored + t.Stored, Values: s.Values + t.Values, Positions: s.Positions + t.Positions,
		BookSize: s.BookSize + t.BookSize, CodeTables: s.CodeTables + t.CodeTables, Mask: s.Mask + t.Mask, Frame: s.Frame + t.Frame,
	}
}

// part is some bytes of a file.
type part struct {
	name  string
	bytes int
}

// largestParts are n of a file's parts, the largest first.
func largestParts(s *esp.Sizes, n int) []part {
	parts := []part{{"graph", s.Graph}, {"header", s.Overhead() - s.Graph}}
	for _, t := range s.Tensors {
		what := "values"
		if t.Role == models.RoleWeight {
			what = "weights"
		}
		parts = append(parts, part{t.Name + " " + what, t.Values}, part{t.Name + " indices", t.Positions},
			part{t.Name + " codebook", t.BookSize}, part{t.Name + " tables", t.CodeTables}, part{t.Name + " rest", t.Mask + t.Frame})
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.bytes, a.bytes) })
	return parts[:min(n, len(parts))]
}
