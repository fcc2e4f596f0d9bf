// Package esp is the packed model file of Espalier: a network, its graph and
// the exact bits of its parameters, in as few bytes as its weights allow.
//
// Packing loses nothing and changes nothing. What makes a file small was done
// to the network before: weights that are exactly zero are not stored, weights
// that take few different values become codes into a codebook, weights that are
// whole multiples of their row's scale become small numbers, and what is left is
// written by whichever coder takes the fewest bytes, found by trying. Which form
// a tensor gets depends on its values alone, so equal networks have equal files.
//
// [Encode] and [Decode] are the whole file at once, [Write] and [Read] go front
// to back through a stream. [Open] reads the graph and the table of what is
// where, and [File.Tensor] then one tensor without the others, as it is stored:
// a sparse one as compressed rows, a shared one as codes. [OpenFile] maps the file
// into memory for that.
//
// A mask that prunes exactly the weights that are zero takes no space, and comes
// back; any other is stored beside its weights. docs/esp-format.md describes
// the bytes.
//
// Nothing here trusts what it reads. A malformed file gives an error, never a
// panic, and memory is bounded by what [MaxElements] allows for its size.
package esp

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"espalier/models"
)

// Options say how a file is packed. The zero value is for use.
type Options struct {
	// Smallest lets every list of numbers be written in adaptive binary coding,
	// which is smaller by some percent and read at some megabytes a second. By
	// default only what takes it some milliseconds to read is.
	Smallest bool
}

// Encode packs a network. It fails on one that is not valid, on names that are
// no UTF-8, and on a graph of more than a megabyte.
func Encode(net *models.Network, o Options) ([]byte, error) {
	return encode(net, func(p *models.Param, like context) []byte { return encodeTensor(p, like, o) })
}

func encode(net *models.Network, tensor func(p *models.Param, like context) []byte) ([]byte, error) {
	head, payloads, err := pack(net, tensor)
	if err != nil {
		return nil, err
	}
	size := len(head.bytes) + head.room
	for _, p := range payloads {
		size += len(p)
	}
	data := append(make([]byte, 0, size), head.bytes...)
	for _, p := range payloads {
		data = append(data, p...)
	}
	return append(data, make([]byte, head.room)...), nil
}

// Write packs a network into a stream. It fails as Encode does, and where w does.
func Write(w io.Writer, net *models.Network, o Options) error {
	data, err := Encode(net, o)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func pack(net *models.Network, tensor func(p *models.Param, like context) []byte) (*header, [][]byte, error) {
	if err := net.Validate(); err != nil {
		return nil, nil, fmt.Errorf("pack: %w", err)
	}
	payloads := make([][]byte, len(net.Params))
	err := inParallel(len(net.Params), func(i int) error {
		payloads[i] = tensor(net.Params[i], contextOf(net, i))
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	head, err := newHeader(net, payloads)
	if err != nil {
		return nil, nil, fmt.Errorf("pack: %w", err)
	}
	return head, payloads, nil
}

// Decode unpacks a network. It fails on bytes that are no file, saying what is
// wrong with them.
func Decode(data []byte) (*models.Network, error) {
	f, err := Open(data)
	if err != nil {
		return nil, err
	}
	return f.Network()
}

// inParallel does n things on all processors. Of several errors it returns that
// of the first thing, so that it is always the same.
func inParallel(n int, do func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = do(i)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
