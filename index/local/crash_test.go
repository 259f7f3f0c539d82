package local_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"selvage/index"
	"selvage/index/indextest"
	"selvage/index/local"
)

var errCrash = errors.New("crash")

// script is a history of 5 flushes. What it does between cursor and cursor+1 depends
// on nothing else, so it can be taken up at any cursor.
type script struct {
	pool [][]local.Term
	at   []map[index.ID]int // contents at each cursor, as places in the pool
}

const flushes = 5

func newScript() *script {
	s := &script{at: []map[index.ID]int{{}}}
	f := indextest.NewFeatures(few.Words, 10, 77)
	for range 800 {
		s.pool = append(s.pool, f.Picture())
	}
	for round := range flushes {
		m := maps.Clone(s.at[round])
		s.changes(round, func(id index.ID, at int) error { m[id] = at; return nil },
			func(id index.ID) error { delete(m, id); return nil })
		s.at = append(s.at, m)
	}
	return s
}

func (s *script) changes(round int, add func(index.ID, int) error, remove func(index.ID) error) error {
	for i := range 70 {
		if err := add(index.ID(round*50+i), round*100+i); err != nil {
			return err
		}
	}
	for i := range 30 {
		if err := remove(index.ID((round*37 + i*11) % (round*50 + 70))); err != nil {
			return err
		}
	}
	return nil
}

// run goes on from the index's cursor until the end or the first error.
func (s *script) run(x *local.Index) error {
	add := func(id index.ID, at int) error { return x.Add(id, s.pool[at]) }
	for round := int(x.Cursor()); round < flushes; round++ {
		if err := s.changes(round, add, x.Remove); err != nil {
			return err
		}
		if err := x.Flush(uint64(round + 1)); err != nil {
			return err
		}
	}
	return nil
}

// check demands that each picture that should be there is, with just its features, and no other.
func (s *script) check(t *testing.T, x *local.Index) {
	t.Helper()
	x.Settle()
	want := s.at[x.Cursor()]
	if x.Len() != len(want) {
		t.Fatalf("cursor %d: Len %d, want %d", x.Cursor(), x.Len(), len(want))
	}
	for id, terms := range x.Contents(t) {
		if at, ok := want[id]; !ok || !slices.Equal(terms, local.Sorted(s.pool[at])) {
			t.Fatalf("cursor %d: %d is there with other features or should not be", x.Cursor(), id)
		}
	}
}

// TestCrash stops at each step on disk once. What is there afterwards is what a flush
// left, and no earlier one than the last that succeeded.
func TestCrash(t *testing.T) {
	s := newScript()
	steps := make(map[string]bool)
	for crashAt := 1; ; crashAt++ {
		dir := t.TempDir()
		step, crashed := 0, false
		x := open(t, dir, func(name string) error {
			steps[name] = true
			if step++; step >= crashAt {
				crashed = true // and nothing works from then on
				return errCrash
			}
			return nil
		})
		err := s.run(x)
		if crashed != errors.Is(err, errCrash) {
			t.Fatalf("step %d: %v", crashAt, err)
		}
		acknowledged := x.Cursor()
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = open(t, dir, nil)
		if c := x.Cursor(); c < acknowledged || c > acknowledged+1 {
			t.Fatalf("step %d: cursor is %d after a crash, want %d or one more", crashAt, c, acknowledged)
		}
		s.check(t, x)
		if err := s.run(x); err != nil {
			t.Fatal(err)
		}
		s.check(t, x)
		if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
			t.Errorf("step %d: left over: %v", crashAt, left)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if !crashed {
			break
		}
	}
	if len(steps) < 12 {
		t.Errorf("only these steps were reached: %v", steps)
	}
}

// TestFailedStep lets one step fail and goes on with the same index.
func TestFailedStep(t *testing.T) {
	s := newScript()
	for failAt, failed := 1, true; failed; failAt++ {
		dir := t.TempDir()
		step := 0
		failed = false
		x := open(t, dir, func(string) error {
			if step++; step == failAt {
				failed = true
				return errCrash
			}
			return nil
		})
		if err := s.run(x); failed != errors.Is(err, errCrash) {
			t.Fatalf("step %d: %v", failAt, err)
		}
		if failed { // everything added before stays, so the same again is right
			if err := s.run(x); err != nil {
				t.Fatal(err)
			}
		}
		s.check(t, x)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = open(t, dir, nil)
		s.check(t, x)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamage changes, shortens, lengthens and removes each file.
func TestDamage(t *testing.T) {
	s := newScript()
	dir := t.TempDir()
	x := open(t, dir, nil)
	if err := s.run(x); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	damages := 0
	for _, name := range names {
		if filepath.Base(name) == "LOCK" {
			continue
		}
		good, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bad := [][]byte{nil, {}, good[:len(good)-1], good[:len(good)/2], good[:max(0, len(good)-64)], append(good[:len(good):len(good)], 0)}
		end := len(good)
		if filepath.Ext(name) == ".seg" {
			end -= 56 // the zeros behind the checksum mean nothing
		}
		for i := 0; i < end; i += len(good)/16 + 1 {
			b := append([]byte(nil), good...)
			b[i] ^= 0x10
			bad = append(bad, b)
		}
		for i, b := range bad {
			if b == nil {
				err = os.Remove(name)
			} else {
				err = os.WriteFile(name, b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if x, err := local.Open(dir, few); !errors.Is(err, index.ErrCorrupt) {
				t.Errorf("%s, damage %d: %v, want an error that is ErrCorrupt", filepath.Base(name), i, err)
				if err == nil {
					x.Close()
				}
			}
			damages++
		}
		if err := os.WriteFile(name, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if damages < 40 {
		t.Errorf("only %d damages tried", damages)
	}
	x = open(t, dir, nil) // and whole again
	defer x.Close()
	s.check(t, x)
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, nil)
	if second, err := local.Open(dir, few); err == nil {
		second.Close()
		t.Error("opened a second time: no error")
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir, nil)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}
