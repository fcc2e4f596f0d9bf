package pytorch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
)

// Value is an entry of a state dict: a tensor of float32, or, for Counter, a
// 64-bit integer 0 without axes, as batch normalization's num_batches_tracked.
type Value struct {
	Tensor
	Counter bool
}

// Write returns the bytes of a state dict as torch.save writes it since PyTorch
// 1.6: an OrderedDict of tensors, which torch.load takes with weights_only and
// with mmap too. Equal state dicts have equal bytes.
func Write(values []Value) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	// The names and their order are those of torch.save.
	add := func(name string, data []byte) error { return store(z, &out, "archive/"+name, data) }
	if err := add("data.pkl", pickled(values)); err != nil {
		return nil, err
	}
	if err := add("byteorder", []byte("little")); err != nil {
		return nil, err
	}
	for i, v := range values {
		if err := add("data/"+strconv.Itoa(i), v.bytes()); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", v.Name, err)
		}
	}
	if err := add("version", []byte("3\n")); err != nil {
		return nil, err
	}
	err := z.Close()
	return out.Bytes(), err
}

// alignment is where in the file PyTorch wants every storage to begin.
const alignment = 64

// store adds a file as it is, with its content aligned by an extra field, as
// PyTorch does.
func store(z *zip.Writer, out *bytes.Buffer, name string, data []byte) error {
	if err := z.Flush(); err != nil {
		return err
	}
	const header, field = 30, 4 // bytes of a local header and of an extra field's own
	begin := out.Len() + header + len(name) + field
	padding := (alignment - begin%alignment) % alignment
	extra := binary.LittleEndian.AppendUint16([]byte("FB"), uint16(padding))
	extra = append(extra, bytes.Repeat([]byte("Z"), padding)...)
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, Extra: extra, CRC32: crc32.ChecksumIEEE(data),
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
	})
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func (v Value) bytes() []byte {
	if v.Counter {
		return make([]byte, 8)
	}
	out := make([]byte, 0, 4*len(v.Data))
	for _, x := range v.Data {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// The opcodes of pickle protocol 2 that a state dict takes.
const (
	opProto      = "\x80\x02"
	opGlobal     = "c"
	opMark       = "("
	opTuple      = "t"
	opEmptyTuple = ")"
	opReduce     = "R"
	opUnicode    = "X"
	opInt        = "J"
	opLong       = "\x8a"
	opFalse      = "\x89"
	opPersistent = "Q"
	opSetItems   = "u"
	opStop       = "."

	orderedDict = opGlobal + "collections\nOrderedDict\n" + opEmptyTuple + opReduce
)

// pickled is the state dict with its storages, by number, in other files.
func pickled(values []Value) []byte {
	p := &pickler{}
	p.WriteString(opProto + orderedDict + opMark)
	for i, v := range values {
		p.text(v.Name)
		p.tensor(v, i)
	}
	p.WriteString(opSetItems + opStop)
	return p.Bytes()
}

type pickler struct{ bytes.Buffer }

// tensor is torch._utils._rebuild_tensor_v2(storage, offset, size, stride,
// requires_grad, hooks), where the storage is ("storage", class, key, location,
// elements) of another file.
func (p *pickler) tensor(v Value, key int) {
	class, n := "FloatStorage", len(v.Data)
	if v.Counter {
		class, n = "LongStorage", 1
	}
	p.WriteString(opGlobal + "torch._utils\n_rebuild_tensor_v2\n" + opMark + opMark)
	p.text("storage")
	p.WriteString(opGlobal + "torch\n" + class + "\n")
	p.text(strconv.Itoa(key))
	p.text("cpu")
	p.int(n)
	p.WriteString(opTuple + opPersistent)
	p.int(0)
	stride := make([]int, len(v.Shape))
	each := 1
	for i := len(v.Shape) - 1; i >= 0; i-- {
		stride[i] = each
		each *= v.Shape[i]
	}
	p.ints(v.Shape)
	p.ints(stride)
	p.WriteString(opFalse + orderedDict + opTuple + opReduce)
}

func (p *pickler) text(s string) {
	p.WriteString(opUnicode)
	p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	p.WriteString(s)
}

func (p *pickler) ints(list []int) {
	p.WriteString(opMark)
	for _, n := range list {
		p.int(n)
	}
	p.WriteString(opTuple)
}

func (p *pickler) int(n int) {
	if n <= math.MaxInt32 {
		p.WriteString(opInt)
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
		return
	}
	p.WriteString(opLong + "\x08")
	p.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}
