package index

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
)

// Small is a Hamming index whose codes can be listed, so that they can be moved to a
// larger one. The package flat has it.
type Small interface {
	Hamming
	// All yields every stored code once. The index must not be written to in the loop.
	All() iter.Seq2[ID, Code]
}

// Partitions is a set of Hamming indexes with names, such as "open" or
// "private/<owner>". A search looks only into the partitions that it names, so what
// stands in another one can influence neither its answer nor its time.
//
// A partition comes into being with its first code. It is small until it holds more
// than a limit of codes and is then moved into a large index. All methods are safe for
// concurrent use and keep the promises of [Hamming] for each partition.
type Partitions struct {
	small func(name string) Small
	large func(name string) (Hamming, error)
	limit int

	mu    sync.RWMutex
	parts map[string]*partition // guarded by mu
}

// A partition is changed under a read lock, as its index takes care of itself; the
// move to a large index takes the write lock.
type partition struct {
	mu    sync.RWMutex
	index Hamming
	small Small // the same index while it is small, otherwise nil
}

// NewPartitions returns an empty set. The partitions of more than limit codes are made
// with large, all others with small.
func NewPartitions(small func(name string) Small, large func(name string) (Hamming, error), limit int) *Partitions {
	return &Partitions{small: small, large: large, limit: limit, parts: make(map[string]*partition)}
}

// Add stores a code in a partition; see [Hamming].
func (ps *Partitions) Add(name string, id ID, c Code) error {
	p := ps.find(name)
	if p == nil {
		p = ps.create(name)
	}
	p.mu.RLock()
	err := p.index.Add(id, c)
	grown := p.small != nil && p.small.Len() > ps.limit
	p.mu.RUnlock()
	if err == nil && grown {
		err = ps.enlarge(name, p)
	}
	if err != nil {
		return fmt.Errorf("partition %q: %w", name, err)
	}
	return nil
}

// Remove forgets an ID in one partition. An unknown partition or ID is no error.
func (ps *Partitions) Remove(name string, id ID) error {
	p := ps.find(name)
	if p == nil {
		return nil
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	if err := p.index.Remove(id); err != nil {
		return fmt.Errorf("partition %q: %w", name, err)
	}
	return nil
}

// Range searches the named partitions and merges their hits: one an ID, the nearest,
// by rising distance and then ID. An unknown partition is empty.
func (ps *Partitions) Range(names []string, probes []Code, radius int) ([]Hit, error) {
	if err := CheckRadius(radius); err != nil {
		return nil, err
	}
	return ps.search(names, func(h Hamming) ([]Hit, error) { return h.Range(probes, radius) })
}

// Nearest returns the k nearest of all codes in the named partitions; see [Hamming].
func (ps *Partitions) Nearest(names []string, probes []Code, k int) ([]Hit, error) {
	hits, err := ps.search(names, func(h Hamming) ([]Hit, error) { return h.Nearest(probes, k) })
	return hits[:min(max(k, 0), len(hits))], err
}

func (ps *Partitions) search(names []string, one func(Hamming) ([]Hit, error)) ([]Hit, error) {
	var all []Hit
	searched := 0
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		p := ps.find(name)
		if p == nil {
			continue
		}
		hits, err := one(p.current())
		if err != nil {
			return nil, fmt.Errorf("partition %q: %w", name, err)
		}
		all = append(all, hits...)
		searched++
	}
	if searched < 2 {
		return all, nil
	}
	slices.SortFunc(all, Hit.Compare)
	seen := make(map[ID]bool, len(all))
	return slices.DeleteFunc(all, func(h Hit) bool {
		again := seen[h.ID]
		seen[h.ID] = true
		return again
	}), nil
}

// Len is the number of codes in a partition; 0 for an unknown one.
func (ps *Partitions) Len(name string) int {
	p := ps.find(name)
	if p == nil {
		return 0
	}
	return p.current().Len()
}

// Names returns the names of all partitions that hold a code, sorted.
func (ps *Partitions) Names() []string {
	ps.mu.RLock()
	names := slices.Sorted(maps.Keys(ps.parts))
	ps.mu.RUnlock()
	return slices.DeleteFunc(names, func(name string) bool { return ps.Len(name) == 0 })
}

func (ps *Partitions) find(name string) *partition {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	return ps.parts[name]
}

func (ps *Partitions) create(name string) *partition {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.parts[name]
	if p == nil {
		s := ps.small(name)
		p = &partition{index: s, small: s}
		ps.parts[name] = p
	}
	return p
}

// enlarge moves a small partition into a large index. Searches that run go on in the
// small one, which nobody changes any more.
func (ps *Partitions) enlarge(name string, p *partition) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.small == nil {
		return nil // somebody else was faster
	}
	to, err := ps.large(name)
	if err != nil {
		return fmt.Errorf("make a large index: %w", err)
	}
	for id, c := range p.small.All() {
		if err := to.Add(id, c); err != nil {
			return fmt.Errorf("move to a large index: %w", err)
		}
	}
	p.index, p.small = to, nil
	return nil
}

func (p *partition) current() Hamming {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.index
}
