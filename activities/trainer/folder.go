package trainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"espalier/models/checkpoint"
)

// maxFolderBytes is the most that a checkpoint may have: it is held in memory
// while it is stored.
const maxFolderBytes = 8 << 30

// ReadFolder reads the folder that a message announces, in output. It refuses
// what is no folder of regular files, and files that are missing, too many or
// other than the message's sums say.
func ReadFolder(output string, m Message) ([]checkpoint.File, error) {
	if err := checkpoint.CheckFileName(m.Dir); err != nil {
		return nil, fmt.Errorf("dir: %w", err)
	}
	// A root keeps links from leading out of the folder.
	root, err := os.OpenRoot(filepath.Join(output, filepath.FromSlash(m.Dir)))
	if err != nil {
		return nil, fmt.Errorf("dir %.60q: %w", m.Dir, err)
	}
	defer root.Close()
	var files []checkpoint.File
	left := int64(maxFolderBytes)
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is no regular file", name)
		case info.Size() > left:
			return fmt.Errorf("the files have more than %d bytes", int64(maxFolderBytes))
		}
		left -= info.Size()
		data, err := fs.ReadFile(root.FS(), name)
		if err == nil {
			files = append(files, checkpoint.File{Name: name, Data: data})
		}
		return err
	})
	if err == nil {
		err = m.check(files)
	}
	if err != nil {
		return nil, fmt.Errorf("dir %.60q: %w", m.Dir, err)
	}
	return files, nil
}

// check holds files against the sums of the message, if it has any.
func (m Message) check(files []checkpoint.File) error {
	if len(files) == 0 {
		return errors.New("there are no files")
	}
	if m.Files == nil {
		return nil
	}
	for _, f := range files {
		want, ok := m.Files[f.Name]
		if !ok {
			return fmt.Errorf("file %.60q was not announced", f.Name)
		}
		if got := checkpoint.DigestOf(f.Data); string(got) != want {
			return fmt.Errorf("file %.60q has sha256 %s, announced was %.12s", f.Name, got.Short(), want)
		}
	}
	if len(files) != len(m.Files) {
		return fmt.Errorf("%d files were announced, %d are there", len(m.Files), len(files))
	}
	return nil
}

// WriteFolder writes files into a new folder.
func WriteFolder(folder string, files []checkpoint.File) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		if err := checkpoint.CheckFileName(f.Name); err != nil {
			return err
		}
		name := filepath.FromSlash(f.Name)
		if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := root.WriteFile(name, f.Data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
