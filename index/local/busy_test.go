package local_test

import (
	"slices"
	"sync"
	"testing"

	"selvage/index"
	"selvage/index/indextest"
	"selvage/index/local"
)

// TestBusy writes and searches while the index is flushed and merged all the time. What is there
// at the end, and after opening it again, is what was last written.
func TestBusy(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, nil)
	f := indextest.NewFeatures(few.Words, 10, 5)
	var pool [][]local.Term
	for range 200 {
		pool = append(pool, f.Picture())
	}
	const writers, each, ids = 3, 600, 100
	done := make(chan struct{})
	var flusher, others sync.WaitGroup
	flusher.Go(func() {
		for cursor := uint64(1); ; cursor++ {
			if err := x.Flush(cursor); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	last := make([]map[index.ID][]local.Term, writers)
	for w := range writers {
		last[w] = make(map[index.ID][]local.Term)
		others.Go(func() {
			for i := range each {
				id, p := index.ID(i*7%ids*writers+w), pool[(i*13+w)%len(pool)]
				var err error
				if i%3 == 0 {
					err = x.Remove(id)
					delete(last[w], id)
				} else {
					err = x.Add(id, p)
					last[w][id] = p
				}
				if err != nil {
					t.Error(err)
					return
				}
				if i%3 == 0 || i%20 != 1 {
					continue
				}
				found, err := x.Search([][]local.Probe{asked(p)}, 500)
				if err != nil {
					t.Error(err)
				}
				if !slices.ContainsFunc(found, func(c local.Candidate) bool { return c.ID == id }) {
					t.Errorf("%d is not found after Add", id)
				}
			}
		})
	}
	others.Wait()
	close(done)
	flusher.Wait()
	if err := x.Flush(1 << 40); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		contents := x.Contents(t)
		for _, m := range last {
			for id, p := range m {
				if !slices.Equal(contents[id], local.Sorted(p)) {
					t.Errorf("%d is there with other features or not at all", id)
				}
				delete(contents, id)
			}
		}
		if len(contents) > 0 {
			t.Errorf("%d pictures too many", len(contents))
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = open(t, dir, nil)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

func asked(terms []local.Term) []local.Probe {
	var set []local.Probe
	for _, t := range terms {
		set = append(set, local.Probe{Words: []uint32{t.Word}, Sig: t.Sig, Size: t.Size, Angle: t.Angle})
	}
	return set
}

// TestCloseWhileSearching unmaps nothing under a search.
func TestCloseWhileSearching(t *testing.T) {
	x := open(t, t.TempDir(), nil)
	f := indextest.NewFeatures(few.Words, 20, 1)
	p := f.Picture()
	for i := range 300 {
		if err := x.Add(index.ID(i), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Flush(1); err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{}, 4)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				found, err := x.Search([][]local.Probe{asked(p)}, 400)
				if err != nil {
					return // closed
				}
				if len(found) != 300 {
					t.Errorf("%d found, want 300", len(found))
				}
				if n == 0 {
					started <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}
