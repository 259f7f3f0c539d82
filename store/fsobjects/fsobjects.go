package fsobjects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"selvage/store"
)

// Objects is a store.Objects in a directory. It is safe for concurrent use.
type Objects struct {
	dir    string
	tmp    *tempDir
	synced sync.Map // folders, as paths, whose entry in the folder above is durable

	create func(dir string) (tempFile, error) // createTemp, but for tests
	flush  func(path string) error            // syncPath, but for tests
}

var (
	_ store.Objects = (*Objects)(nil)
	_ store.Syncer  = (*Objects)(nil)
)

// tempFile is what Put needs of *os.File.
type tempFile interface {
	io.Writer
	Name() string
	Sync() error
	Close() error
}

func createTemp(dir string) (tempFile, error) {
	f, err := os.CreateTemp(dir, "put-*")
	if err != nil {
		return nil, err // not a nil *os.File in an interface
	}
	return f, nil
}

// Open opens the objects in dir, which is made if it is missing, and removes what
// uploads of dead processes left behind.
func Open(dir string) (*Objects, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open objects: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open objects: %w", mapError(err))
	}
	if err := syncPath(filepath.Dir(dir)); err != nil {
		return nil, fmt.Errorf("open objects: %w", mapError(err))
	}
	tmp, err := newTempDir(filepath.Join(dir, "+tmp"))
	if err != nil {
		return nil, fmt.Errorf("open objects: %w", mapError(err))
	}
	o := &Objects{dir: dir, tmp: tmp, create: createTemp, flush: syncPath}
	o.synced.Store(dir, true)
	return o, nil
}

// Close removes this process's folder of unfinished uploads. Puts after it fail.
func (o *Objects) Close() error { return o.tmp.close() }

// path returns where the object of key lies.
func (o *Objects) path(ctx context.Context, key string) (string, error) {
	if err := store.CheckObjectKey(key); err != nil {
		return "", err
	}
	return filepath.Join(o.dir, filepath.FromSlash(key)), ctx.Err()
}

// Put implements store.Objects.
func (o *Objects) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	path, err := o.path(ctx, key)
	if err != nil {
		return err
	}
	if err := o.put(ctx, path, r, size); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

func (o *Objects) put(ctx context.Context, path string, r io.Reader, size int64) (err error) {
	f, err := o.create(o.tmp.path)
	if err != nil {
		return mapError(err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	source := store.Exact(ctx, r, size)
	if _, err = io.Copy(f, source); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if source.Err() != nil {
		return source.Err() // the caller's own error, not one of the disk
	}
	if err != nil {
		return mapError(err)
	}
	folder := filepath.Dir(path)
	if err = o.makeFolder(folder); err != nil {
		return mapPutError(err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return mapPutError(err)
	}
	return mapError(o.flush(folder))
}

// makeFolder makes folder and all above it, durable on return. A folder that another
// goroutine or an earlier process made may not be flushed yet, so the first use of each
// flushes its entry, whoever made it.
func (o *Objects) makeFolder(folder string) error {
	if _, ok := o.synced.Load(folder); ok {
		return nil
	}
	above := filepath.Dir(folder)
	if err := o.makeFolder(above); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := o.flush(above); err != nil {
		return err
	}
	o.synced.Store(folder, true)
	return nil
}

// Sync implements store.Syncer: the file, its entry and all folders above it.
func (o *Objects) Sync(ctx context.Context, key string) error {
	path, err := o.path(ctx, key)
	if err != nil {
		return err
	}
	err = mapError(o.flush(path))
	if err == nil {
		err = mapPutError(o.makeFolder(filepath.Dir(path)))
	}
	if err == nil {
		err = mapError(o.flush(filepath.Dir(path)))
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", key, err)
	}
	return nil
}

// Open implements store.Objects.
func (o *Objects) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	path, err := o.path(ctx, key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, mapError(err))
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", key, mapError(err)), f.Close())
	}
	return f, nil
}

// Stat implements store.Objects.
func (o *Objects) Stat(ctx context.Context, key string) (store.Object, error) {
	path, err := o.path(ctx, key)
	if err != nil {
		return store.Object{}, err
	}
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Object{}, fmt.Errorf("stat %s: %w", key, mapError(err))
	}
	return store.Object{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Delete implements store.Objects. Durable on return. Folders stay.
func (o *Objects) Delete(ctx context.Context, key string) error {
	path, err := o.path(ctx, key)
	if err != nil {
		return err
	}
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return nil // a folder is no object
	}
	err = mapError(os.Remove(path))
	if err == nil {
		err = mapError(o.flush(filepath.Dir(path)))
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// syncPath flushes a file, or a folder's entries. File systems that cannot are taken at
// their word.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// mapError gives the errors of the file system the meaning they have in package store.
func mapError(err error) error {
	switch {
	case err == nil, errors.Is(err, store.ErrNotFound):
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return store.ErrNotFound
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: no room on the disk: %w", store.ErrUnavailable, err)
	}
	return err
}

// mapPutError is mapError where a folder or file of that name stands in the way.
func mapPutError(err error) error {
	if errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: another key is its folder, or lies below it: %w", store.ErrBadKey, err)
	}
	return mapError(err)
}
