// Package flat is the exact oracle of similarity search: it looks at every code.
//
// Use [New] for small sets and to check a faster index against. A search costs one pass
// over contiguous memory for all its probes together, and no more cleverness than that.
package flat

import (
	"slices"
	"sync"

	"selvage/index"
)

// Index implements [index.Hamming] in memory. Make one with [New].
type Index struct {
	mu    sync.RWMutex
	codes []index.Code     // guarded by mu, like the rest
	ids   []index.ID       // of codes, in the same order
	place map[index.ID]int // where an ID stands in both
}

var _ index.Hamming = (*Index)(nil)

// New returns an empty index.
func New() *Index {
	return &Index{place: make(map[index.ID]int)}
}

// Add implements [index.Hamming]. It never fails.
func (x *Index) Add(id index.ID, c index.Code) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i, ok := x.place[id]; ok {
		x.codes[i] = c
		return nil
	}
	x.place[id] = len(x.ids)
	x.codes = append(x.codes, c)
	x.ids = append(x.ids, id)
	return nil
}

// Remove implements [index.Hamming]. It never fails.
func (x *Index) Remove(id index.ID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	i, ok := x.place[id]
	if !ok {
		return nil
	}
	last := len(x.ids) - 1
	x.codes[i], x.ids[i] = x.codes[last], x.ids[last]
	x.place[x.ids[i]] = i
	delete(x.place, id)
	x.codes, x.ids = x.codes[:last], x.ids[:last]
	return nil
}

// Range implements [index.Hamming].
func (x *Index) Range(probes []index.Code, radius int) ([]index.Hit, error) {
	if err := index.CheckRadius(radius); err != nil {
		return nil, err
	}
	x.mu.RLock()
	hits := x.within(probes, radius)
	x.mu.RUnlock()
	slices.SortFunc(hits, index.Hit.Compare)
	return hits, nil
}

// Nearest implements [index.Hamming].
func (x *Index) Nearest(probes []index.Code, k int) ([]index.Hit, error) {
	if k <= 0 {
		return nil, nil
	}
	hits, err := x.Range(probes, 256)
	return hits[:min(k, len(hits))], err
}

// within compares every code with every probe. The caller holds mu.
func (x *Index) within(probes []index.Code, radius int) []index.Hit {
	var hits []index.Hit
	for i := range x.codes {
		c := x.codes[i]
		best, probe := radius+1, 0
		for p := range probes {
			if d := c.Distance(probes[p]); d < best {
				best, probe = d, p
			}
		}
		if best <= radius {
			hits = append(hits, index.Hit{ID: x.ids[i], Distance: best, Probe: probe})
		}
	}
	return hits
}

// Len implements [index.Hamming].
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.ids)
}
