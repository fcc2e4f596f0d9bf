package bundle

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"espalier/models/checkpoint"
)

// Write writes the bundle of a run that has ended: [runs.ErrNotFound] where the
// store has no result of it, an error where a network is missing or corrupt.
func Write(ctx context.Context, w io.Writer, repo *checkpoint.Repo, run string, o Options) (*Manifest, error) {
	g, err := gather(ctx, repo, run, o)
	if err != nil {
		return nil, err
	}
	m := &g.manifest
	slices.SortFunc(m.Files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("manifest of %s: %w", run, err)
	}
	head = append(head, '\n')
	out := tar.NewWriter(w)
	if err := put(out, manifestFile, int64(len(head)), bytes.NewReader(head)); err != nil {
		return nil, err
	}
	sum := digestLine(head)
	if err := put(out, digestFile, int64(len(sum)), bytes.NewReader(sum)); err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		if data, ok := g.small[f.Name]; ok {
			err = put(out, f.Name, f.Size, bytes.NewReader(data))
		} else {
			err = g.stream(ctx, out, f)
		}
		if err != nil {
			return nil, err
		}
	}
	return m, out.Close()
}

// digestLine is a line as sha256sum writes them.
func digestLine(manifest []byte) []byte {
	return fmt.Appendf(nil, "%s  %s\n", checkpoint.DigestOf(manifest), manifestFile)
}

// put writes a file of a bundle; nothing of it depends on when or by whom.
func put(out *tar.Writer, name string, size int64, body io.Reader) error {
	if err := out.WriteHeader(header(name, size)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := io.Copy(out, body); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}
}

// stream writes a checkpoint and checks its bytes on the way.
func (g *gathering) stream(ctx context.Context, out *tar.Writer, f File) error {
	body, _, err := g.repo.Store.Get(ctx, f.Name)
	if err != nil {
		return err
	}
	defer body.Close()
	sum := sha256.New()
	if err := put(out, f.Name, f.Size, io.TeeReader(io.LimitReader(body, f.Size), sum)); err != nil {
		return err
	}
	if got := checkpoint.Digest(hex.EncodeToString(sum.Sum(nil))); got != f.SHA256 {
		return &checkpoint.CorruptError{Key: f.Name, Reason: fmt.Sprintf("sha256 %s, want %s", got.Short(), f.SHA256.Short())}
	}
	return nil
}
