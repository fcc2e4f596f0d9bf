package activities

import (
	"fmt"
	"path/filepath"
	"strings"
)

// mayRead refuses a path of a spec that lies outside of the folders which the
// worker opens to specs, also by way of a symbolic link. An empty path is of
// no file.
func (s *Steps) mayRead(key, path string) error {
	if len(s.Files) == 0 || path == "" {
		return nil
	}
	real, err := resolved(path)
	if err != nil {
		return &inputError{fmt.Errorf("%s: %s: %w", key, path, err)}
	}
	for _, folder := range s.Files {
		root, err := resolved(folder)
		if err != nil {
			return fmt.Errorf("folder %s of this worker: %w", folder, err)
		}
		if rel, err := filepath.Rel(root, real); err == nil && filepath.IsLocal(rel) {
			return nil
		}
	}
	return &inputError{fmt.Errorf("%s: %s is outside of what this worker reads for specs: %s", key, path, strings.Join(s.Files, ", "))}
}

// resolved is a path without symbolic links. Of one that is not there, the part
// that is: what is said of it must not tell what exists.
func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path, nil
	}
	if parent, err = resolved(parent); err != nil {
		return "", err
	}
	return filepath.Join(parent, filepath.Base(path)), nil
}
