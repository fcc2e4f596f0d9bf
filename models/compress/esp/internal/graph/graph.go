// Package graph writes the graph of a network, without the values of its
// parameters, in few bytes: a small network takes some dozens.
//
// It is written plainly first, an operation and a name for each node and what
// is not as usual, and then byte by byte in adaptive binary coding, by a model
// that has seen the graph of a small network before.
//
// [Decode] reads what nobody has checked. What it takes is bounded by the
// largest plain form, a megabyte, and it answers only with graphs that are
// valid.
package graph

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"espalier/models"
)

// The bounds of a graph.
const (
	maxPlain = 1 << 20 // bytes
	maxNodes = 1 << 16
)

// ops are the operations by their number in the file. It never changes: new
// ones come at the end.
var ops = []models.Op{
	models.OpInput, models.OpFlatten, models.OpLinear, models.OpDropout, models.OpConv2D, models.OpBatchNorm,
	models.OpMaxPool, models.OpAvgPool, models.OpGlobalAvgPool, models.OpAdd, models.OpMul, models.OpConcat,
	models.OpChannelSelect, models.OpReLU, models.OpReLU6, models.OpLeakyReLU, models.OpSigmoid, models.OpTanh,
	models.OpHardSigmoid, models.OpHardSwish, models.OpSiLU, models.OpLRN,
}

// A node begins with the number of its operation and these marks.
const (
	markInputs = 0x40 // inputs follow: they are not the node before alone
	markAttrs  = 0x80 // attributes follow: some are not zero
)

// Encode writes the graph of a network, which must be valid. It fails on names
// that are no UTF-8, and on a graph that is too large.
func Encode(net *models.Network) ([]byte, error) {
	plain, err := Plain(net)
	if err != nil {
		return nil, err
	}
	return append(binary.AppendUvarint(nil, uint64(len(plain))), squeeze(plain)...), nil
}

// Decode reads a graph: a network with its parameters, without their values.
func Decode(data []byte) (*models.Network, error) {
	size, n := binary.Uvarint(data)
	if n <= 0 || size > maxPlain {
		return nil, fmt.Errorf("a graph of %d bytes: at most %d are allowed", size, maxPlain)
	}
	plain, err := expand(data[n:], int(size))
	if err != nil {
		return nil, err
	}
	return Parse(plain)
}

// Parse reads a plain graph.
func Parse(plain []byte) (*models.Network, error) {
	r := &reader{data: plain}
	net := r.network()
	if r.err == nil && r.at < len(plain) {
		r.fail("%d bytes follow the last node", len(plain)-r.at)
	}
	if r.err != nil {
		return nil, r.err
	}
	params, err := net.Layout()
	if err != nil {
		return nil, err
	}
	net.Params = params
	return net, nil
}

// Plain is the graph before it is made small.
func Plain(net *models.Network) ([]byte, error) {
	if len(net.Nodes) > maxNodes {
		return nil, fmt.Errorf("network %s: %d nodes, at most %d are allowed", net.Name, len(net.Nodes), maxNodes)
	}
	out := appendText(nil, net.Name)
	out = binary.AppendUvarint(out, uint64(len(net.Input)))
	for _, d := range net.Input {
		out = binary.AppendUvarint(out, uint64(d))
	}
	out = binary.AppendUvarint(out, uint64(len(net.Nodes)))
	places := make(map[string]int, len(net.Nodes))
	for i, node := range net.Nodes {
		var err error
		if out, err = appendNode(out, i, node, places); err != nil {
			return nil, fmt.Errorf("network %s: %w", net.Name, err)
		}
		places[node.Name] = i
	}
	if !utf8.ValidString(net.Name) || len(out) > maxPlain {
		return nil, fmt.Errorf("network %q: the name is no UTF-8, or the graph takes %d bytes and at most %d are allowed", net.Name, len(out), maxPlain)
	}
	return out, nil
}

func appendText(out []byte, text string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(text))), text...)
}

func appendNode(out []byte, i int, node models.Node, places map[string]int) ([]byte, error) {
	code := -1
	for n, op := range ops {
		if op == node.Op {
			code = n
		}
	}
	if code < 0 || !utf8.ValidString(node.Name) {
		return nil, fmt.Errorf("node %q: the name is no UTF-8, or op %q is not known", node.Name, node.Op)
	}
	attrs := appendAttrs(nil, node.Attrs)
	usual := len(node.Inputs) == 0 && i == 0 || len(node.Inputs) == 1 && places[node.Inputs[0]] == i-1
	if !usual {
		code |= markInputs
	}
	if len(attrs) > 0 {
		code |= markAttrs
	}
	out = appendText(append(out, byte(code)), node.Name)
	if !usual {
		out = binary.AppendUvarint(out, uint64(len(node.Inputs)))
		for _, name := range node.Inputs {
			out = binary.AppendUvarint(out, uint64(i-places[name]))
		}
	}
	return append(out, attrs...), nil
}

// reader reads a plain graph; the first error stays.
type reader struct {
	data []byte
	at   int
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("graph: "+format, args...)
	}
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n > len(r.data)-r.at {
		r.fail("it ends after %d bytes, where %d more are needed", len(r.data), n-(len(r.data)-r.at))
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at]
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// count reads a number of at most limit.
func (r *reader) count(what string, limit int) int {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.data[r.at:])
	if n <= 0 || v > uint64(limit) {
		r.fail("%s at byte %d: %d is cut off, or above %d", what, r.at, v, limit)
		return 0
	}
	r.at += n
	return int(v)
}

// signed reads a number that may be negative.
func (r *reader) signed() int {
	if r.err != nil {
		return 0
	}
	v, n := binary.Varint(r.data[r.at:])
	if n <= 0 {
		r.fail("a number at byte %d is cut off", r.at)
		return 0
	}
	r.at += n
	return int(v)
}

func (r *reader) text() string {
	b := r.take(r.count("length of a name", len(r.data)))
	if !utf8.Valid(b) {
		r.fail("name %q is no UTF-8", b)
	}
	return string(b)
}

func (r *reader) network() *models.Network {
	net := &models.Network{Name: r.text()}
	for range r.count("axes of the input", len(r.data)) {
		net.Input = append(net.Input, r.count("extent of the input", 1<<31-1))
	}
	for i := range r.count("number of nodes", min(maxNodes, len(r.data))) {
		node := r.node(i, net.Nodes)
		if r.err != nil {
			return nil
		}
		net.Nodes = append(net.Nodes, node)
	}
	return net
}

func (r *reader) node(i int, before []models.Node) models.Node {
	mark := r.byte()
	code := int(mark &^ (markInputs | markAttrs))
	if code >= len(ops) {
		r.fail("node %d: operation %d is not known", i, code)
		return models.Node{}
	}
	node := models.Node{Op: ops[code], Name: r.text()}
	switch {
	case mark&markInputs != 0:
		for range r.count("number of inputs", len(r.data)) {
			back := r.count("distance of an input", i)
			if r.err != nil || back == 0 {
				r.fail("node %d reads itself", i)
				return node
			}
			node.Inputs = append(node.Inputs, before[i-back].Name)
		}
	case i > 0:
		node.Inputs = []string{before[i-1].Name}
	}
	if mark&markAttrs != 0 {
		node.Attrs = r.attrs()
	}
	return node
}
