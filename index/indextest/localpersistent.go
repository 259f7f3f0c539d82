package indextest

import (
	"slices"
	"testing"

	"selvage/index"
	"selvage/index/local"
)

// PersistentLocal is a [Local] that keeps itself in files.
type PersistentLocal interface {
	Local
	Flush(cursor uint64) error
	Cursor() uint64
	Close() error
	Bytes() int64
}

// RunPersistentLocal checks an index of local features that keeps files. The function open opens
// the one in a directory, which may be empty.
func RunPersistentLocal(t *testing.T, open func(t *testing.T, dir string) PersistentLocal) {
	end := func(t *testing.T, x PersistentLocal) {
		t.Helper()
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	flushed := func(t *testing.T, x PersistentLocal, cursor uint64) {
		t.Helper()
		if err := x.Flush(cursor); err != nil {
			t.Fatal(err)
		}
		if x.Cursor() != cursor {
			t.Fatalf("Cursor is %d after Flush of %d", x.Cursor(), cursor)
		}
	}
	RunLocal(t, func(t *testing.T) Local {
		x := open(t, t.TempDir())
		t.Cleanup(func() { end(t, x) })
		return x
	})
	t.Run("reopen", func(t *testing.T) {
		dir := t.TempDir()
		f := NewFeatures(LocalWords, 20, 5)
		var all [][]local.Term
		for round := range 8 {
			x := open(t, dir)
			if x.Cursor() != uint64(round) || x.Len() != len(all) {
				t.Fatalf("round %d: Cursor %d, Len %d, want %d", round, x.Cursor(), x.Len(), len(all))
			}
			for range 30 {
				all = append(all, f.Picture())
				put(t, x, spreadID(len(all)-1), all[len(all)-1])
			}
			flushed(t, x, uint64(round+1))
			for i := 0; i < len(all); i += 7 {
				if found := search(t, x, 1, same(all[i])); len(found) != 1 || found[0].ID != spreadID(i) {
					t.Errorf("round %d, picture %d: found %v", round, i, found)
				}
			}
			if x.Bytes() < int64(12*20*len(all)) {
				t.Errorf("%d pictures take %d bytes", len(all), x.Bytes())
			}
			end(t, x)
		}
	})
	t.Run("unflushed", func(t *testing.T) {
		dir := t.TempDir()
		f := NewFeatures(LocalWords, 20, 6)
		one, two, three := f.Picture(), f.Picture(), f.Picture()
		x := open(t, dir)
		put(t, x, 1, one)
		put(t, x, 2, two)
		flushed(t, x, 7)
		before := search(t, x, 5, same(slices.Concat(one, two, three)))
		put(t, x, 1, three)
		put(t, x, 3, three)
		if err := x.Remove(2); err != nil {
			t.Fatal(err)
		}
		end(t, x)
		x = open(t, dir)
		if after := search(t, x, 5, same(slices.Concat(one, two, three))); !slices.Equal(after, before) || x.Len() != 2 || x.Cursor() != 7 {
			t.Errorf("Len %d, Cursor %d, found %v, want %v", x.Len(), x.Cursor(), after, before)
		}
		end(t, x)
	})
	t.Run("closed", func(t *testing.T) {
		x := open(t, t.TempDir())
		end(t, x)
		end(t, x)
		if err := x.Add(index.ID(1), nil); err == nil {
			t.Error("Add after Close: no error")
		}
		if err := x.Remove(1); err == nil {
			t.Error("Remove after Close: no error")
		}
		if _, err := x.Search(nil, 1); err == nil {
			t.Error("Search after Close: no error")
		}
		if err := x.Flush(1); err == nil {
			t.Error("Flush after Close: no error")
		}
	})
}
