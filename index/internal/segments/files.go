package segments

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"selvage/index"
)

const (
	manifestName = "MANIFEST"
	lockName     = "LOCK"
	segmentExt   = ".seg"
	tempExt      = ".tmp"
)

// files is the directory of an index. Its methods are not safe for concurrent use.
type files struct {
	dir  string
	lock *os.File
	next uint64 // number of the next segment file

	// Tests let a step fail that a crash could come before, and leave out the waiting
	// for the disk, which only a loss of power could tell.
	step   func(name string) error
	noSync bool
}

// Options are what tests change.
type Options struct {
	Step   func(name string) error // called before each step on disk, and may let it fail
	NoSync bool                    // leave out the waiting for the disk
}

// Open opens the index in a directory, which is made if it does not exist. Its files
// are checked in full and then mapped into memory; nothing is built. Damaged or missing
// files give an error that wraps [index.ErrCorrupt]. A directory can be open once at a
// time, in one process.
func Open[T, B any](dir string, f Format[T, B], o Options) (*Index[T, B], error) {
	x, err := open(dir, f, o)
	if err != nil {
		return nil, fmt.Errorf("open %s %s: %w", f.Name, dir, err)
	}
	return x, nil
}

func open[T, B any](dir string, format Format[T, B], o Options) (_ *Index[T, B], err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	x := New(format)
	x.files = &files{dir: dir, lock: lock, next: 1, noSync: o.NoSync}
	defer func() {
		if err != nil {
			_ = x.Close() // the error that ended Open says more
		}
	}()
	m, err := x.files.readManifest(format.Manifest)
	if err != nil {
		return nil, err
	}
	x.files.next = m.next
	x.cursor.Store(m.cursor)
	for _, e := range m.segments {
		v, err := load(x.files, e, format.Parse)
		if err != nil {
			return nil, err
		}
		x.cur.Segments = append(x.cur.Segments, v)
		x.cur.count += len(v.IDs) - v.Dead.Len()
	}
	if err := x.files.tidy(m); err != nil {
		return nil, err
	}
	x.files.step = o.Step
	return x, nil
}

// readManifest returns an empty one for an empty directory.
func (f *files) readManifest(magic string) (*manifest, error) {
	b, err := os.ReadFile(filepath.Join(f.dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		segments, err := filepath.Glob(filepath.Join(f.dir, "*"+segmentExt))
		if err != nil {
			return nil, err
		}
		if len(segments) > 0 {
			return nil, fmt.Errorf("%w: manifest is missing", index.ErrCorrupt)
		}
		m := &manifest{}
		return m, f.commit(m, magic) // so that a segment without a manifest is always a loss
	}
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(b, magic)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", index.ErrCorrupt, err)
	}
	return m, nil
}

// load maps and checks the segment that a manifest names.
func load[B any](f *files, e manifestSegment, parse func([]uint64) (*Segment[B], error)) (Part[B], error) {
	words, unmap, err := mapFile(f.path(e.file))
	if errors.Is(err, fs.ErrNotExist) {
		return Part[B]{}, fmt.Errorf("%w: segment %s is missing", index.ErrCorrupt, f.name(e.file))
	}
	if err != nil {
		return Part[B]{}, err
	}
	s, err := parse(words)
	if err == nil && (uint64(len(s.IDs)) != e.items || s.sum() != e.sum) {
		err = errors.New("not the segment that the manifest means")
	}
	if err != nil {
		unmap()
		return Part[B]{}, fmt.Errorf("%w: segment %s: %w", index.ErrCorrupt, f.name(e.file), err)
	}
	s.file, s.unmap = e.file, unmap
	dead := (*Bitset)(nil).With(e.dead...)
	return Part[B]{Segment: s, Dead: dead, flushed: dead}, nil
}

func (f *files) name(file uint64) string { return fmt.Sprintf("%016x%s", file, segmentExt) }
func (f *files) path(file uint64) string { return filepath.Join(f.dir, f.name(file)) }

// tidy removes what a crash left behind.
func (f *files) tidy(m *manifest) error {
	known := make(map[string]bool)
	for _, e := range m.segments {
		known[f.name(e.file)] = true
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		left := strings.HasSuffix(e.Name(), segmentExt) && !known[e.Name()]
		if left || strings.HasSuffix(e.Name(), tempExt) {
			if err := os.Remove(filepath.Join(f.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *files) at(step string) error {
	if f.step == nil {
		return nil
	}
	return f.step(step)
}

// write makes a built segment durable and returns it mapped from its file. It is not
// part of the index before a manifest names it.
func write[B any](f *files, built *Segment[B], carve func([]uint64, *Segment[B]) *Segment[B]) (*Segment[B], error) {
	file := f.next
	f.next++
	if err := f.replace(f.path(file), Bytes(built.Words), "segment"); err != nil {
		return nil, err
	}
	if err := f.at("map segment"); err != nil {
		return nil, err
	}
	words, unmap, err := mapFile(f.path(file))
	if err != nil {
		return nil, err
	}
	if len(words) != len(built.Words) {
		unmap()
		return nil, fmt.Errorf("%s: changed by somebody else", f.path(file))
	}
	s := carve(words, built)
	s.file, s.unmap = file, unmap
	return s, nil
}

// commit makes a manifest the current one, durably.
func (f *files) commit(m *manifest, magic string) error {
	m.next = f.next
	return f.replace(filepath.Join(f.dir, manifestName), m.encode(magic), "manifest")
}

// replace writes a file so that at any moment either the old or the new one is there.
func (f *files) replace(path string, data []byte, what string) (err error) {
	if err := f.at("create " + what); err != nil {
		return err
	}
	t, err := os.OpenFile(path+tempExt, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer t.Close() // a second time after success, which does no harm
	for len(data) > 0 {
		if err := f.at("write " + what); err != nil {
			return err
		}
		n := min(len(data), 1<<30)
		if _, err := t.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	if err := f.at("sync " + what); err != nil {
		return err
	}
	if !f.noSync {
		if err := t.Sync(); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	if err := f.at("rename " + what); err != nil {
		return err
	}
	if err := os.Rename(path+tempExt, path); err != nil {
		return err
	}
	if err := f.at("sync directory of " + what); err != nil {
		return err
	}
	if f.noSync {
		return nil
	}
	return syncDir(f.dir)
}

// remove deletes a segment file that no manifest names any more. Those who still search
// in it keep their mapping.
func (f *files) remove(file uint64) error {
	if err := f.at("remove segment"); err != nil {
		return err
	}
	return os.Remove(f.path(file))
}

func (f *files) close() error { return f.lock.Close() }
