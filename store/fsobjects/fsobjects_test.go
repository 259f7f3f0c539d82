package fsobjects

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"selvage/fingerprint"
	"selvage/store"
	"selvage/store/storetest"
)

func open(dir string) (store.Objects, error) {
	o, err := Open(dir)
	if err != nil {
		return nil, err
	}
	return o, nil
}

func TestObjects(t *testing.T) { storetest.RunObjects(t, true, open) }
func TestBlobs(t *testing.T)   { storetest.RunBlobs(t, open) }

// files returns the regular files below dir.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// brokenFile is a file that fails in Write or Sync, as on a full disk.
type brokenFile struct {
	tempFile
	room    int // bytes until Write fails
	syncErr error
}

func (f *brokenFile) Write(p []byte) (int, error) {
	if len(p) > f.room {
		n, _ := f.tempFile.Write(p[:f.room])
		return n, &fs.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	f.room -= len(p)
	return f.tempFile.Write(p)
}

func (f *brokenFile) Sync() error { return errors.Join(f.syncErr, f.tempFile.Sync()) }

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	o, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	data := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		name string
		room int
		sync error
	}{
		{"at once", 0, nil},
		{"in the middle", 50_000, nil},
		{"at the flush", 1 << 20, syscall.ENOSPC},
		{"over quota", 1 << 20, syscall.EDQUOT},
	} {
		o.create = func(dir string) (tempFile, error) {
			f, err := createTemp(dir)
			return &brokenFile{f, c.room, c.sync}, err
		}
		if err := o.Put(t.Context(), "a/b", strings.NewReader(data), int64(len(data))); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: have %v, want ErrUnavailable", c.name, err)
		}
		if left := files(t, dir); len(left) != 0 {
			t.Errorf("%s: left %q", c.name, left)
		}
	}
	o.create = func(string) (tempFile, error) { return nil, syscall.ENOSPC }
	if err := o.Put(t.Context(), "a/b", strings.NewReader(data), int64(len(data))); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("no new file: have %v, want ErrUnavailable", err)
	}
	o.create = createTemp
	if err := o.Put(t.Context(), "a/b", strings.NewReader(data), int64(len(data))); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	live, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	// What a killed process leaves: a folder that nobody holds, with half an upload.
	dead := filepath.Join(dir, "+tmp", "process-dead")
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, "put-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the dead process's folder is still there: %v", err)
	}
	for name, o := range map[string]*Objects{"first": live, "second": second} {
		if err := o.Put(t.Context(), name, strings.NewReader("x"), 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := o.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "+tmp")); len(left) != 0 {
		t.Errorf("after closing: %v", left)
	}
}

// TestUnflushedBlob: what a process left that was killed between renaming a file into
// place and flushing its folder is flushed, with every folder above it, before a later
// process builds on it.
func TestUnflushedBlob(t *testing.T) {
	dir := t.TempDir()
	data := []byte("an original")
	d := fingerprint.DigestOf(data)
	put := func(o *Objects) error {
		return store.NewBlobs(o).Put(t.Context(), "ann", d, bytes.NewReader(data), int64(len(data)))
	}
	file := filepath.Join(dir, "blobs", "ann", d.String()[:2], d.String())
	killed, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	died := errors.New("killed")
	killed.flush = func(path string) error {
		if path == filepath.Dir(file) {
			return died // the file is in place; this is as far as it came
		}
		return nil
	}
	if err := put(killed); !errors.Is(err, died) {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	next, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	flushed := map[string]bool{}
	next.flush = func(path string) error {
		flushed[path] = true
		return syncPath(path)
	}
	if err := put(next); err != nil {
		t.Fatal(err)
	}
	for path := file; path != filepath.Dir(dir); path = filepath.Dir(path) {
		if !flushed[path] {
			t.Errorf("%s was not flushed", path)
		}
	}
	next.flush = func(string) error { return syscall.EIO }
	if err := put(next); !errors.Is(err, syscall.EIO) {
		t.Errorf("flushing failed: have %v, want EIO", err)
	}
	next.flush = syncPath
	if err := next.Sync(t.Context(), "blobs/none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a missing object: have %v, want ErrNotFound", err)
	}
	for _, o := range []*Objects{killed, next} {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFolderKey: a key that is the folder of another is refused by name.
func TestFolderKey(t *testing.T) {
	o, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	put := func(key string) error { return o.Put(t.Context(), key, strings.NewReader("x"), 1) }
	if err := put("a/b"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "a/b/c"} {
		if err := put(key); !errors.Is(err, store.ErrBadKey) {
			t.Errorf("%s: have %v, want ErrBadKey", key, err)
		}
	}
}

// BenchmarkPut gives durable puts of 100 kB per second.
func BenchmarkPut(b *testing.B) {
	for _, callers := range []int{1, 8} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			o, err := Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer o.Close()
			data := bytes.Repeat([]byte("x"), 100_000)
			next, done := make(chan int), make(chan bool)
			for range callers {
				go func() {
					for i := range next {
						key := fmt.Sprintf("blobs/owner/%02x/%d", i%256, i)
						if err := o.Put(b.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
							b.Error(err)
						}
					}
					done <- true
				}()
			}
			for i := 0; b.Loop(); i++ {
				next <- i
			}
			close(next)
			for range callers {
				<-done
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
		})
	}
}
