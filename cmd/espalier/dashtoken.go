package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// makeToken writes a random token, unless there is one. Of processes that do so
// at the same time one is first, and all use its token.
func makeToken(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".dashboard-*") // for its owner only
	if err != nil {
		return fmt.Errorf("token of the dashboard: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(rand.Text() + rand.Text() + "\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("token of the dashboard: %w", err)
	}
	if err = os.Link(file.Name(), path); errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil { // a file system without links
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("token of the dashboard: %w", err)
	}
	return nil
}

// mostToken bounds the file of a token, in bytes.
const mostToken = 4096

// readToken reads a token that nobody else can read.
func readToken(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", usageError{cause(err, "token file "+path)}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", usageError{fmt.Errorf("token file %s has mode %04o, so others can read it; want 0600", path, info.Mode().Perm())}
	}
	if info.Size() > mostToken {
		return "", usageError{fmt.Errorf("token file %s has %d bytes, at most %d are allowed", path, info.Size(), mostToken)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", usageError{cause(err, "token file "+path)}
	}
	return strings.TrimSpace(string(data)), nil
}
