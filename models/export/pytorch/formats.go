package pytorch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"path"

	"github.com/nlpodyssey/gopickle/types"
)

// The head of the older format: two numbers, pickled.
const (
	magicDecimal    = "119547037146038801333356"
	protocolVersion = 1001
)

// readLegacy reads the format before PyTorch 1.6: the magic number, the
// version, facts about the machine, the object, the keys of its storages, each
// its own pickle, and then the storages in the order of the keys, each a count
// of 8 bytes and the elements.
func readLegacy(data []byte) (any, error) {
	head := make([]any, 3)
	for i := range head {
		value, n, err := unpickle(data, nil)
		if err != nil {
			return nil, fmt.Errorf("head: %w", err)
		}
		head[i], data = value, data[n:]
	}
	if err := checkHead(head); err != nil {
		return nil, err
	}
	storages := map[string]*storage{}
	root, n, err := unpickle(data, func(id any) (any, error) { return legacyStorage(storages, id) })
	if err != nil {
		return nil, err
	}
	data = data[n:]
	value, n, err := unpickle(data, nil)
	if err != nil {
		return nil, fmt.Errorf("keys of the storages: %w", err)
	}
	keys, ok := value.(*types.List)
	if !ok {
		return nil, errors.New("the keys of the storages are no list")
	}
	return root, fillStorages(storages, *keys, data[n:])
}

func checkHead(head []any) error {
	if magic, ok := head[0].(*big.Int); !ok || magic.String() != magicDecimal {
		return errors.New("a pickle, but not one of torch.save")
	}
	if version, ok := head[1].(int); !ok || version != protocolVersion {
		return fmt.Errorf("format version %.20v; %d is read", head[1], protocolVersion)
	}
	facts, _ := mapping(head[2])
	for _, f := range facts {
		if little, ok := f.value.(bool); f.key == "little_endian" && ok && !little {
			return errors.New("the storages are big-endian; save the file again on a little-endian machine")
		}
	}
	return nil
}

// legacyStorage answers the id ("storage", class, key, location, length, view).
func legacyStorage(storages map[string]*storage, id any) (any, error) {
	items, ok := tuple(id)
	if !ok || len(items) < 5 {
		return nil, errors.New("a storage's id is no tuple of 5 or more")
	}
	s, err := storageOf(storages, items)
	if err != nil || len(items) < 6 || items[5] == nil {
		return &view{storage: s}, err
	}
	// (key, offset, length) of a view, as PyTorch before 0.4 wrote them.
	v, _ := tuple(items[5])
	if len(v) != 3 {
		return nil, errors.New("a storage's view is no tuple of 3")
	}
	offset, ok := v[1].(int)
	if !ok || offset < 0 || offset > maxElements {
		return nil, errors.New("a storage's view has no offset")
	}
	return &view{s, offset}, nil
}

// storageOf finds or adds the storage that an id names.
func storageOf(storages map[string]*storage, id []any) (*storage, error) {
	kind, _ := id[0].(string)
	e, isElement := id[1].(element)
	key, isKey := id[2].(string)
	length, isLength := id[4].(int)
	if kind != "storage" || !isElement || !isKey || !isLength || length < 0 || length > maxElements {
		return nil, fmt.Errorf("an id of kind %.40q is not understood", kind)
	}
	if s, ok := storages[key]; ok {
		if s.element != e {
			return nil, fmt.Errorf("storage %.40q is of %s and of %s", key, s.name, e.name)
		}
		return s, nil
	}
	s := &storage{element: e, length: length}
	storages[key] = s
	return s, nil
}

func fillStorages(storages map[string]*storage, keys []any, data []byte) error {
	for _, k := range keys {
		key, _ := k.(string)
		s, ok := storages[key]
		if !ok {
			return fmt.Errorf("storage %.40q belongs to no tensor", key)
		}
		if len(data) < 8 {
			return fmt.Errorf("storage %.40q: %w", key, io.ErrUnexpectedEOF)
		}
		n := binary.LittleEndian.Uint64(data)
		data = data[8:]
		if n > uint64(len(data)/s.size) {
			return fmt.Errorf("storage %.40q: %d elements of %d bytes, and %d bytes are left in the file", key, n, s.size, len(data))
		}
		end := int(n) * s.size
		s.data, data = data[:end], data[end:]
	}
	return nil
}

// readZip reads the format since PyTorch 1.6: an archive with NAME/data.pkl and
// the storages, not compressed, as NAME/data/KEY.
func readZip(data []byte) (any, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	files, pickled := map[string]*zip.File{}, ""
	for _, f := range archive.File {
		files[f.Name] = f
		switch path.Base(f.Name) {
		case "data.pkl":
			pickled = f.Name
		case "constants.pkl":
			return nil, errors.New("this is TorchScript, which is code; save model.state_dict() instead")
		}
	}
	if pickled == "" {
		return nil, errors.New("a zip file without data.pkl, so none of torch.save")
	}
	root := path.Dir(pickled)
	if order, err := small(files[path.Join(root, "byteorder")], 16); err == nil && string(order) == "big" {
		return nil, errors.New("the storages are big-endian; save the file again on a little-endian machine")
	}
	program, err := small(files[pickled], maxPickle)
	if err != nil {
		return nil, fmt.Errorf("%.200s: %w", pickled, err)
	}
	storages := map[string]*storage{}
	value, _, err := unpickle(program, func(id any) (any, error) {
		items, ok := tuple(id)
		if !ok || len(items) < 5 {
			return nil, errors.New("a storage's id is no tuple of 5 or more")
		}
		s, err := storageOf(storages, items)
		if err == nil && s.data == nil {
			s.data, err = stored(data, files[path.Join(root, "data", items[2].(string))])
		}
		return &view{storage: s}, err
	})
	return value, err
}

// small reads a file of the archive, compressed or not.
func small(f *zip.File, limit int64) ([]byte, error) {
	if f == nil {
		return nil, errors.New("it is not in the archive")
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return data, err
}

// stored is the part of the archive's bytes that a file takes. Its checksum is
// left alone: PyTorch can be told to write none.
func stored(archive []byte, f *zip.File) ([]byte, error) {
	if f == nil {
		return nil, errors.New("a storage is not in the archive")
	}
	if f.Method != zip.Store {
		return nil, fmt.Errorf("%.200s is compressed, which PyTorch does not write", f.Name)
	}
	offset, err := f.DataOffset()
	if err != nil {
		return nil, err
	}
	if offset > int64(len(archive)) || f.UncompressedSize64 > uint64(int64(len(archive))-offset) {
		return nil, fmt.Errorf("%.200s: %w", f.Name, io.ErrUnexpectedEOF)
	}
	return archive[offset : offset+int64(f.UncompressedSize64)], nil
}
