package fsobjects

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// tempDir is this process's folder of unfinished uploads. It is locked while in use.
type tempDir struct {
	path string
	lock *os.File
}

// newTempDir makes a folder below root and removes those of dead processes.
func newTempDir(root string) (*tempDir, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	if err := sweep(root); err != nil {
		return nil, err
	}
	for {
		path, err := os.MkdirTemp(root, "process-*")
		if err != nil {
			return nil, err
		}
		t := &tempDir{path: path}
		if t.lock, err = lockDir(path); err == nil {
			// Another process may have swept the folder away before it was locked.
			held, herr := t.lock.Stat()
			there, terr := os.Stat(path)
			if herr == nil && terr == nil && os.SameFile(held, there) {
				return t, nil
			}
			err = errors.Join(herr, terr, t.lock.Close())
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errLocked) {
			return nil, err
		}
	}
}

// sweep removes the folders that nobody holds.
func sweep(root string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		if e.IsDir() {
			lock, err := lockDir(path)
			if errors.Is(err, errLocked) || errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			err = errors.Join(os.RemoveAll(path), lock.Close())
			if err != nil {
				return err
			}
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (t *tempDir) close() error { return errors.Join(os.RemoveAll(t.path), t.lock.Close()) }

// errLocked: another process holds the folder.
var errLocked = errors.New("folder is held by another process")
