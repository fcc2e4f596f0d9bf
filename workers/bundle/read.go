package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"

	"espalier/models/checkpoint"
	"espalier/workflows"
)

// Bundle is a bundle that was read.
type Bundle struct {
	Manifest Manifest
	Record   workflows.Record      // of a run
	Sweep    workflows.SweepRecord // of a sweep
	repo     *checkpoint.Repo      // of what was in it
}

// Read reads a bundle into a store, which should be empty, and checks every
// byte: [ErrCorrupt] where one is not as it was written. Names that could leave
// a folder are corrupt too.
func Read(ctx context.Context, r io.Reader, into checkpoint.Store) (*Bundle, error) {
	in := &reader{whole: r, raw: sha256.New(), again: sha256.New()}
	in.files, in.copy = tar.NewReader(io.TeeReader(r, in.raw)), tar.NewWriter(in.again)
	b := &Bundle{repo: &checkpoint.Repo{Store: into}}
	if err := in.manifest(&b.Manifest); err != nil {
		return nil, err
	}
	for _, f := range b.Manifest.Files {
		data, err := in.next(f.Name, f.Size)
		if err != nil {
			return nil, err
		}
		if got := checkpoint.DigestOf(data); got != f.SHA256 {
			return nil, corrupt("%s has sha256 %s, want %s", f.Name, got.Short(), f.SHA256.Short())
		}
		if err := into.Put(ctx, f.Name, bytes.NewReader(data), f.Size); err != nil {
			return nil, err
		}
	}
	if err := in.end(); err != nil {
		return nil, err
	}
	if err := b.records(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// reader takes the files of a bundle in the one order that they may have, and
// writes them again: a bundle is what is written so, to the byte.
type reader struct {
	whole      io.Reader
	files      *tar.Reader
	copy       *tar.Writer
	raw, again hash.Hash
}

// manifest reads the first two files.
func (in *reader) manifest(m *Manifest) error {
	head, err := in.next(manifestFile, -1)
	if err != nil {
		return err
	}
	sum, err := in.next(digestFile, -1)
	if err != nil {
		return err
	}
	if !bytes.Equal(sum, digestLine(head)) {
		return corrupt("%s has sha256 %s, and %s another", manifestFile, checkpoint.DigestOf(head).Short(), digestFile)
	}
	if err := json.Unmarshal(head, m); err != nil {
		return corrupt("%s: %v", manifestFile, err)
	}
	if m.Format != Format && m.Format != FormatSweep {
		return corrupt("its format is %.80q, want %q or %q", m.Format, Format, FormatSweep)
	}
	last := ""
	for _, f := range m.Files {
		if err := checkpoint.CheckKey(f.Name); err != nil {
			return corrupt("%v", err)
		}
		if f.Name <= last || f.Size < 0 {
			return corrupt("file %s of %d bytes comes after %q", f.Name, f.Size, last)
		}
		last = f.Name
	}
	return nil
}

// next is the content of the file that has to come now. Of an unknown size,
// below zero, it is a small one.
func (in *reader) next(name string, size int64) ([]byte, error) {
	h, err := in.files.Next()
	if err != nil {
		return nil, corrupt("%s should come next: %v", name, err)
	}
	if h.Name != name || h.Typeflag != tar.TypeReg {
		return nil, corrupt("%.200q comes where %s should", h.Name, name)
	}
	if size < 0 && h.Size > maxSmall || size >= 0 && h.Size != size {
		return nil, corrupt("%s has %d bytes", name, h.Size)
	}
	// What the header says is not believed before the bytes are there.
	data, err := io.ReadAll(in.files)
	if err != nil {
		return nil, corrupt("%s: %v", name, err)
	}
	if err := put(in.copy, name, int64(len(data)), bytes.NewReader(data)); err != nil {
		return nil, err
	}
	return data, nil
}

// end makes sure that nothing follows and that nothing was otherwise between
// the files.
func (in *reader) end() error {
	if h, err := in.files.Next(); !errors.Is(err, io.EOF) {
		if err != nil {
			return corrupt("%v", err)
		}
		return corrupt("%.200q is not in its manifest", h.Name)
	}
	if _, err := io.Copy(in.raw, in.whole); err != nil {
		return err
	}
	if err := in.copy.Close(); err != nil {
		return err
	}
	if got, want := in.raw.Sum(nil), in.again.Sum(nil); !bytes.Equal(got, want) {
		return corrupt("its sha256 is %s, and what is in it has %s", hex.EncodeToString(got), hex.EncodeToString(want))
	}
	return nil
}
