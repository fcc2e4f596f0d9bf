package esp

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"

	"espalier/models"
	"espalier/models/compress/esp/internal/pattern"
)

// File is an opened file. Its bytes are read when they are asked for, and must
// not change as long as it is used. It is safe for use by several goroutines,
// until it is closed.
type File struct {
	data   []byte
	header *header
	begins []int // of each tensor in data

	release func() error // of a mapped file
}

// Open reads the header of a file and checks that the file is whole. It does
// not look at the tensors.
func Open(data []byte) (*File, error) {
	f, err := open(data)
	if err != nil {
		return nil, fmt.Errorf("packed model: %w", err)
	}
	return f, nil
}

func open(data []byte) (*File, error) {
	h, err := readHeader(data)
	if err != nil {
		return nil, err
	}
	size, err := h.size()
	if err != nil {
		return nil, err
	}
	if size != int64(len(data)) {
		return nil, fmt.Errorf("it has %d bytes, its header says %d", len(data), size)
	}
	f := &File{data: data, header: h}
	at := len(h.bytes)
	for _, s := range h.sections {
		for _, size := range s.sizes {
			f.begins = append(f.begins, at)
			at += size
		}
	}
	f.begins = append(f.begins, at)
	if err := checkRoom(data[at:]); err != nil {
		return nil, err
	}
	return f, nil
}

func checkRoom(room []byte) error {
	if len(bytes.Trim(room, "\x00")) > 0 {
		return errors.New("the room at its end is not all zeros")
	}
	return nil
}

// Graph is the network with its parameters, which have no values and no masks.
// It is the caller's own.
func (f *File) Graph() *models.Network { return f.header.net.Clone() }

// Size is that of the file in bytes.
func (f *File) Size() int { return len(f.data) }

// Tensor reads one tensor in its stored form, by a name such as "fc1.weight".
// It reads nothing but the tensor's section, whose checksum it checks, and those
// of the tensors that a small one is coded beside. It fails on a name that the
// network does not have, and on a section that is damaged.
func (f *File) Tensor(name string) (*Tensor, error) {
	for _, s := range f.header.sections {
		for i := range s.sizes {
			if f.header.net.Params[s.first+i].Name == name {
				return f.read(s, s.first+i)
			}
		}
	}
	return nil, fmt.Errorf("packed model: network %s has no tensor %q", f.header.net.Name, name)
}

// read reads a tensor of the section, and first those beside which it is coded.
func (f *File) read(s section, at int) (*Tensor, error) {
	if err := f.verify(s); err != nil {
		return nil, err
	}
	p := f.header.net.Params[at]
	if err := f.header.has(at, f.tensor(at)); err != nil {
		return nil, fmt.Errorf("packed model: tensor %s: %w", p.Name, err)
	}
	t, err := decodeTensor(p, f.tensor(at), func() (*pattern.Expected, error) {
		i := neighbour(f.header.net, at)
		if i < 0 {
			return nil, errNoNeighbour
		}
		weights, err := f.read(f.holding(i), i)
		if err != nil {
			return nil, err
		}
		return known(expecting(p.Shape, occupied(weights.Shape, weights.Dense())))
	})
	if err != nil {
		return nil, fmt.Errorf("packed model: tensor %s: %w", p.Name, err)
	}
	return t, nil
}

// holding is the section of a tensor.
func (f *File) holding(at int) section {
	sections := f.header.sections
	i := sort.Search(len(sections), func(i int) bool { return sections[i].first > at })
	return sections[i-1]
}

func (f *File) tensor(i int) []byte { return f.data[f.begins[i]:f.begins[i+1]] }

func (f *File) verify(s section) error {
	from := f.begins[s.first]
	return s.verify(f.header.net, f.data[from:from+s.size()])
}

func (s section) verify(net *models.Network, data []byte) error {
	if got := crc32.Checksum(data, castagnoli); got != s.checksum {
		return fmt.Errorf("packed model: the section of tensor %s is damaged: its checksum is %08x, want %08x", net.Params[s.first].Name, got, s.checksum)
	}
	return nil
}

// Network reads the whole network, on all processors. It fails on what
// [File.Tensor] fails on.
func (f *File) Network() (*models.Network, error) {
	if err := inParallel(len(f.header.sections), func(i int) error { return f.verify(f.header.sections[i]) }); err != nil {
		return nil, err
	}
	net := f.Graph()
	// Those that are coded beside others come after these.
	beside := func(i int) bool { return f.begins[i] < f.begins[i+1] && f.data[f.begins[i]]&markBeside != 0 }
	err := inParallel(len(net.Params), func(i int) error {
		if beside(i) {
			return nil
		}
		return f.header.decodeNamed(net, i, f.tensor(i))
	})
	for i := range net.Params {
		if err == nil && beside(i) {
			err = f.header.decodeNamed(net, i, f.tensor(i))
		}
	}
	if err != nil {
		return nil, err
	}
	return net, nil
}

// decodeNamed gives a parameter its values, where those before it have theirs.
func (h *header) decodeNamed(net *models.Network, at int, data []byte) error {
	p := net.Params[at]
	err := h.has(at, data)
	if err == nil {
		err = decodeParam(p, data, func() (*pattern.Expected, error) { return known(contextOf(net, at).expected) })
	}
	if err != nil {
		return fmt.Errorf("packed model: tensor %s: %w", p.Name, err)
	}
	return nil
}

// Read unpacks a network from a stream, front to back, and reads nothing behind
// the end of the file. It holds one section at a time, and takes memory for it
// as it comes.
func Read(r io.Reader) (*models.Network, error) {
	h, err := receiveHeader(r)
	if err != nil {
		return nil, fmt.Errorf("packed model: %w", err)
	}
	net := h.net
	for _, s := range h.sections {
		data, err := receive(r, s.size())
		if err != nil {
			return nil, fmt.Errorf("packed model: the section of tensor %s: %w", net.Params[s.first].Name, err)
		}
		if err := s.verify(net, data); err != nil {
			return nil, err
		}
		for i, size := range s.sizes {
			if err := h.decodeNamed(net, s.first+i, data[:size]); err != nil {
				return nil, err
			}
			data = data[size:]
		}
	}
	room, err := receive(r, h.room)
	if err == nil {
		err = checkRoom(room)
	}
	if err != nil {
		return nil, fmt.Errorf("packed model: %w", err)
	}
	return net, nil
}

func receiveHeader(r io.Reader) (*header, error) {
	// Byte by byte until both sizes are there, so that nothing is read beyond.
	var data []byte
	for numbers := 0; numbers < 2; {
		b, err := receive(r, 1)
		if err != nil {
			return nil, err
		}
		if data = append(data, b...); len(data) > len(magic)+1 && b[0] < 0x80 {
			numbers++
		}
		if len(data) > len(magic)+1+10 || len(data) <= len(magic) && string(data) != magic[:len(data)] {
			return nil, errors.New("it does not begin as a packed model does")
		}
	}
	_, graphSize, tableSize, err := front(data)
	if err != nil {
		return nil, err
	}
	rest, err := receive(r, graphSize+tableSize+checksumBytes)
	if err != nil {
		return nil, err
	}
	h, err := readHeader(append(data, rest...))
	if err != nil {
		return nil, err
	}
	_, err = h.size()
	return h, err
}

// receive reads n bytes; a stream that has fewer takes no more memory than it
// has.
func receive(r io.Reader, n int) ([]byte, error) {
	var data bytes.Buffer
	got, err := io.CopyN(&data, r, int64(n))
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the stream ends after %d of %d bytes", got, n)
	}
	return data.Bytes(), err
}

// Packed says whether bytes begin as a packed model does.
func Packed(data []byte) bool { return bytes.HasPrefix(data, []byte(magic)) }
