package checkpoint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nlpodyssey/safetensors"
)

// filesFormat names the layout of a checkpoint that holds files instead of a
// network: each is a tensor of bytes.
const filesFormat = "espalier files 1"

// File is a file of a trainer in another language, which Espalier keeps
// without looking inside.
type File struct {
	Name string // relative, with slashes
	Data []byte
}

// The bounds of the files of a checkpoint.
const (
	maxFiles    = 10_000
	maxFileName = 1000 // bytes
)

// CheckFileName says what is wrong with a file's name: names are relative
// paths with slashes whose segments are neither empty nor dots, so that none
// leaves the folder that it is written to.
func CheckFileName(name string) error {
	if len(name) > maxFileName || !utf8.ValidString(name) || strings.ContainsFunc(name, notInFileName) {
		return fmt.Errorf("file name %.60q is not text of 1 to %d bytes without backslashes and control characters", name, maxFileName)
	}
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("file name %.60q is no relative path: segment %q is not allowed", name, segment)
		}
	}
	return nil
}

func notInFileName(c rune) bool { return c < ' ' || c == '\\' || c == 0x7f }

func checkFiles(files []File) error {
	if len(files) == 0 || len(files) > maxFiles {
		return fmt.Errorf("there are %d files; 1 to %d are allowed", len(files), maxFiles)
	}
	seen := make(map[string]bool, len(files))
	for _, f := range files {
		if err := CheckFileName(f.Name); err != nil {
			return err
		}
		if seen[f.Name] {
			return fmt.Errorf("file %.60q is there twice", f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}

// fileView is a file as a tensor of bytes.
type fileView []byte

var _ safetensors.View = fileView{}

func (v fileView) DType() safetensors.DType { return safetensors.U8 }
func (v fileView) Shape() []uint64          { return []uint64{uint64(len(v))} }
func (v fileView) DataLen() uint64          { return uint64(len(v)) }
func (v fileView) Data() []byte             { return v }

// buildFiles is the checkpoint of a file of filesFormat. The files share the
// memory of data.
func buildFiles(tensors map[string]safetensors.TensorView, meta map[string]string) (*Checkpoint, error) {
	c := &Checkpoint{}
	for name := range meta {
		if name != metaFormat && name != metaTraining {
			return nil, fmt.Errorf("metadata %.60q is not known", name)
		}
	}
	if text, ok := meta[metaTraining]; ok {
		c.Training = &Training{}
		if err := strictJSON([]byte(text), c.Training); err != nil {
			return nil, fmt.Errorf("training: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		t := tensors[name]
		if t.DType() != safetensors.U8 || len(t.Shape()) != 1 {
			return nil, fmt.Errorf("tensor %.60q: it is %s %v, want U8 of one axis", name, t.DType(), t.Shape())
		}
		c.Files = append(c.Files, File{Name: name, Data: t.Data()})
	}
	return c, checkFiles(c.Files)
}

// errFiles is the answer to whoever wants a network and meets files.
var errFiles = errors.New("it holds the files of an external trainer and no network of espalier's")

// DecodeFiles reads the files of a checkpoint of an external trainer, which
// [Decode] refuses. It checks as Decode does.
func DecodeFiles(data []byte) ([]File, error) {
	c, err := decode(data)
	if err != nil {
		return nil, err
	}
	if c.Network != nil {
		return nil, &decodeError{errors.New("it holds a network and no files of an external trainer")}
	}
	return c.Files, nil
}
