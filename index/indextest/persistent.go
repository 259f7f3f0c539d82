package indextest

import (
	"fmt"
	"slices"
	"testing"

	"selvage/index"
)

// RunPersistent checks an index that keeps files. The function open opens the one in a
// directory, which may be empty.
func RunPersistent(t *testing.T, open func(t *testing.T, dir string) index.Persistent) {
	Run(t, func(t *testing.T) index.Hamming {
		x := open(t, t.TempDir())
		t.Cleanup(func() { closed(t, x) })
		return x
	})
	for _, n := range []int{0, 1, 2, 1000} {
		t.Run(fmt.Sprintf("reopen/n=%d", n), func(t *testing.T) { reopen(t, open, n) })
	}
	t.Run("within", func(t *testing.T) {
		x := open(t, t.TempDir())
		within(t, x)
		closed(t, x)
	})
	t.Run("unflushed", func(t *testing.T) { unflushed(t, open) })
	t.Run("twice", func(t *testing.T) {
		dir := t.TempDir()
		x := open(t, dir)
		closed(t, x)
		closed(t, x)
		if err := x.Add(1, index.Code{}); err == nil {
			t.Error("Add after Close: no error")
		}
		if _, err := x.Range(nil, 1); err == nil {
			t.Error("Range after Close: no error")
		}
		if err := x.Flush(1); err == nil {
			t.Error("Flush after Close: no error")
		}
	})
}

func closed(t *testing.T, x index.Persistent) {
	t.Helper()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

func flush(t *testing.T, x index.Persistent, cursor uint64) {
	t.Helper()
	if err := x.Flush(cursor); err != nil {
		t.Fatal(err)
	}
	if x.Cursor() != cursor {
		t.Fatalf("Cursor is %d after Flush of %d", x.Cursor(), cursor)
	}
}

// reopen adds, replaces and removes over many flushes, so that segments are merged.
func reopen(t *testing.T, open func(t *testing.T, dir string) index.Persistent, n int) {
	dir := t.TempDir()
	m := make(model)
	codes := Clustered(12*n+1, 100, 30, 40)
	probes := codes[:8*min(n, 1)+1]
	for round := range 12 {
		x := open(t, dir)
		if x.Cursor() != uint64(round) {
			t.Fatalf("Cursor is %d, want %d", x.Cursor(), round)
		}
		m.check(t, x, probes)
		for i := range n {
			id := spreadID(round*n/2 + i) // half of them replace the round before
			m[id] = codes[round*n+i]
			add(t, x, id, m[id])
			if i%4 == 0 {
				gone := spreadID((round*n + i) / 3)
				remove(t, x, gone)
				delete(m, gone)
			}
			if i == n/2 {
				flush(t, x, uint64(round))
			}
		}
		flush(t, x, uint64(round+1))
		m.check(t, x, probes)
		closed(t, x)
	}
}

// unflushed changes are gone after Close, and only they.
func unflushed(t *testing.T, open func(t *testing.T, dir string) index.Persistent) {
	dir := t.TempDir()
	codes := Random(40, 50)
	x := open(t, dir)
	m := make(model)
	for i := range 10 {
		m[index.ID(i)] = codes[i]
		add(t, x, index.ID(i), codes[i])
	}
	flush(t, x, 7)
	for i := range 30 {
		add(t, x, index.ID(i), codes[39-i])
	}
	remove(t, x, 1)
	remove(t, x, 20)
	closed(t, x)
	x = open(t, dir)
	defer closed(t, x)
	if x.Cursor() != 7 {
		t.Errorf("Cursor is %d, want 7", x.Cursor())
	}
	m.check(t, x, codes)
	hits, err := x.Range(codes[1:2], 0)
	if want := []index.Hit{{ID: 1}}; err != nil || !slices.Equal(hits, want) {
		t.Errorf("removed but not flushed: %v, %v; want %v", hits, err, want)
	}
}
