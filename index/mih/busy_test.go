package mih_test

import (
	"slices"
	"sync"
	"testing"

	"selvage/index"
	"selvage/index/flat"
	"selvage/index/indextest"
	"selvage/index/mih"
)

// TestBusy writes and searches while the index is flushed and merged all the time. What
// is found at the end, and after opening it again, is what flat finds.
func TestBusy(t *testing.T) {
	dir := t.TempDir()
	x, oracle := open(t, dir, eager(nil)), flat.New()
	codes := indextest.Clustered(1000, 20, 20, 5)
	const writers, each = 3, 2000

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
	for w := range writers {
		others.Go(func() {
			for i := range each {
				id := index.ID(i*7%500*writers + w)
				c := codes[(i*13+w)%len(codes)]
				for _, h := range []index.Hamming{x, oracle} {
					var err error
					if i%3 == 0 {
						err = h.Remove(id)
					} else {
						err = h.Add(id, c)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
				if i%3 != 0 && i%40 == 1 && !finds(t, x, id, c) {
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
	same(t, x, oracle, codes[:8])
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir, mih.Open)
	same(t, x, oracle, codes[:8])
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

func finds(t *testing.T, x index.Hamming, id index.ID, c index.Code) bool {
	hits, err := x.Range([]index.Code{c}, 0)
	if err != nil {
		t.Error(err)
	}
	return slices.ContainsFunc(hits, func(h index.Hit) bool { return h.ID == id })
}

func same(t *testing.T, x, oracle index.Hamming, probes []index.Code) {
	t.Helper()
	if x.Len() != oracle.Len() {
		t.Errorf("Len is %d, want %d", x.Len(), oracle.Len())
	}
	for _, radius := range []int{0, 20, 256} {
		got, err := x.Range(probes, radius)
		if err != nil {
			t.Fatal(err)
		}
		want, err := oracle.Range(probes, radius)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("radius %d: %d hits, want %d", radius, len(got), len(want))
		}
	}
}

// TestCloseWhileSearching unmaps nothing under a search.
func TestCloseWhileSearching(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, eager(nil))
	for i, c := range indextest.Random(2000, 1) {
		if err := x.Add(index.ID(i), c); err != nil {
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
				hits, err := x.Range([]index.Code{{}}, 256)
				if err != nil {
					return // closed
				}
				if len(hits) != 2000 {
					t.Errorf("%d hits, want 2000", len(hits))
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
