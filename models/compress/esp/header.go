package esp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"espalier/models"
	"espalier/models/compress/esp/internal/graph"
)

// The first bytes of a file: what it is, and the version of the format. The
// first of them is no text, so that a transfer as text is noticed. A file has
// the first version that has all that is in it: version 2 has blended maps.
const (
	magic         = "\x89ESP"
	version       = 1
	versionBlends = 2
)

// Sections are of about so many bytes or of one tensor. Each has a checksum.
const sectionBytes = 4096

const checksumBytes = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MaxElements is how many weights a file of that many bytes may hold: about a
// million, and 4,096 for each byte. It bounds the memory that a small file can
// ask for. A file of a network that is almost all zeros is filled up with bytes
// until it may hold it.
func MaxElements(size int64) int64 { return 1<<20 + size<<12 }

// header is the front of a file: the graph and the table of what follows.
type header struct {
	version  byte
	bytes    []byte
	net      *models.Network // its parameters without values
	sections []section
	room     int // bytes of zeros at the end of the file
}

// section is some tensors in a row, by their places among the parameters.
type section struct {
	first    int
	sizes    []int // of each tensor in bytes
	checksum uint32
}

func (s section) size() int {
	n := 0
	for _, size := range s.sizes {
		n += size
	}
	return n
}

// newHeader divides the packed tensors of a network into sections.
func newHeader(net *models.Network, payloads [][]byte) (*header, error) {
	packed, err := graph.Encode(net)
	if err != nil {
		return nil, err
	}
	h := &header{version: version, net: net}
	body := 0
	for i, p := range payloads {
		blends, err := hasBlends(net.Params[i], p)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", net.Params[i].Name, err)
		}
		if blends {
			h.version = versionBlends
		}
		body += len(p)
		last := len(h.sections) - 1
		if last < 0 || h.sections[last].size()+len(p) > sectionBytes {
			h.sections = append(h.sections, section{first: i})
			last++
		}
		s := &h.sections[last]
		s.sizes = append(s.sizes, len(p))
		s.checksum = crc32.Update(s.checksum, castagnoli, p)
	}
	h.bytes = h.encode(packed)
	elements := int64(0)
	for _, p := range net.Params {
		elements += int64(len(p.Data))
	}
	if size := int64(len(h.bytes) + body); elements > MaxElements(size) {
		// The room's own size may take some bytes more, which only add to it.
		h.room = int((elements-MaxElements(size))>>12 + 1)
		h.bytes = h.encode(packed)
	}
	return h, nil
}

func (h *header) encode(packed []byte) []byte {
	table := binary.AppendUvarint(nil, uint64(h.room))
	for _, s := range h.sections {
		table = binary.AppendUvarint(table, uint64(len(s.sizes)))
		for _, size := range s.sizes {
			table = binary.AppendUvarint(table, uint64(size))
		}
		table = binary.LittleEndian.AppendUint32(table, s.checksum)
	}
	out := append([]byte(magic), h.version)
	out = binary.AppendUvarint(out, uint64(len(packed)))
	out = binary.AppendUvarint(out, uint64(len(table)))
	out = append(append(out, packed...), table...)
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

// maxFront bounds graph and table, so that a file cannot ask for more.
const maxFront = 4 << 20

// front reads what stands before graph and table: how large they are, and where
// the graph begins.
func front(data []byte) (begin, graphSize, tableSize int, err error) {
	if len(data) < len(magic)+1 || string(data[:len(magic)]) != magic {
		return 0, 0, 0, errors.New("it does not begin as a packed model does")
	}
	if v := data[len(magic)]; v != version && v != versionBlends {
		return 0, 0, 0, fmt.Errorf("it has version %d of the format, this program reads versions %d and %d", v, version, versionBlends)
	}
	begin = len(magic) + 1
	for _, size := range []*int{&graphSize, &tableSize} {
		v, n := binary.Uvarint(data[begin:])
		if n <= 0 || v > maxFront {
			return 0, 0, 0, fmt.Errorf("graph or table take %d bytes, at most %d are allowed", v, maxFront)
		}
		*size = int(v)
		begin += n
	}
	return begin, graphSize, tableSize, nil
}

// readHeader reads the header that stands before the rest of the file.
func readHeader(data []byte) (*header, error) {
	begin, graphSize, tableSize, err := front(data)
	if err != nil {
		return nil, err
	}
	end := begin + graphSize + tableSize
	if len(data) < end+checksumBytes {
		return nil, fmt.Errorf("it ends after %d bytes, in the header of %d", len(data), end+checksumBytes)
	}
	if got, want := crc32.Checksum(data[:end], castagnoli), binary.LittleEndian.Uint32(data[end:]); got != want {
		return nil, fmt.Errorf("the header is damaged: its checksum is %08x, want %08x", got, want)
	}
	h := &header{version: data[len(magic)], bytes: data[:end+checksumBytes]}
	if h.net, err = graph.Decode(data[begin : begin+graphSize]); err != nil {
		return nil, err
	}
	if err := h.readTable(data[begin+graphSize : end]); err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	return h, nil
}

// has says whether the file's version has what a packed tensor is made of.
func (h *header) has(at int, data []byte) error {
	if h.version >= versionBlends {
		return nil
	}
	blends, err := hasBlends(h.net.Params[at], data)
	if err == nil && blends {
		err = fmt.Errorf("it has a blended map, and files of version %d have none", h.version)
	}
	return err
}

func (h *header) readTable(table []byte) error {
	number := func(limit uint64) int {
		v, n := binary.Uvarint(table)
		if n <= 0 || v > limit {
			table = nil
			return -1
		}
		table = table[n:]
		return int(v)
	}
	if h.room = number(maxFile); h.room < 0 {
		return errors.New("the room at the end is no number")
	}
	for i := 0; i < len(h.net.Params); {
		s := section{first: i}
		n := number(uint64(len(h.net.Params) - i))
		if n < 1 {
			return fmt.Errorf("section %d has no tensors, or more than the network", len(h.sections))
		}
		for range n {
			size := number(maxFile)
			if size < 0 {
				return fmt.Errorf("the size of tensor %s is no number up to %d", h.net.Params[i].Name, uint64(maxFile))
			}
			s.sizes = append(s.sizes, size)
			i++
		}
		if len(table) < checksumBytes {
			return fmt.Errorf("section %d has no checksum", len(h.sections))
		}
		s.checksum, table = binary.LittleEndian.Uint32(table), table[checksumBytes:]
		h.sections = append(h.sections, s)
	}
	if len(table) > 0 {
		return fmt.Errorf("%d bytes follow the last section", len(table))
	}
	return nil
}

// maxFile bounds a tensor and the room, so that sums do not overflow.
const maxFile = 1 << 40

// check refuses a file of another size than the header says, and a network that
// is too large for it.
func (h *header) size() (int64, error) {
	size := int64(len(h.bytes)) + int64(h.room)
	for _, s := range h.sections {
		size += int64(s.size())
	}
	elements := int64(0)
	for _, p := range h.net.Params {
		elements += int64(p.Shape.Size())
	}
	if elements > MaxElements(size) {
		return 0, fmt.Errorf("%d weights in a file of %d bytes: at most %d are allowed", elements, size, MaxElements(size))
	}
	return size, nil
}
