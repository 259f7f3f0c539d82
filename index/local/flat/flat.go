// Package flat is the oracle of package local: it compares every probe with every feature.
//
// It keeps nothing in files, does no work ahead of a search, and shares with package local only
// the arithmetic of weights. Use it to check package local, which must give the same answers.
package flat

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"

	"selvage/index"
	"selvage/index/local"
	"selvage/index/local/internal/weigh"
)

// Index holds the pictures in a map. All methods are safe for concurrent use.
type Index struct {
	options local.Options
	count   func(in func(index.ID) bool) (pictures int, features map[uint32]int)

	mu       sync.Mutex
	pictures map[index.ID][]local.Term // guarded by mu
}

// New returns an empty index.
func New(o local.Options) *Index {
	x := &Index{options: o.WithDefaults(), pictures: make(map[index.ID][]local.Term)}
	x.count = x.living
	return x
}

// CountWith lets another index tell how many pictures it has in a part and how many features
// for each word, as package local counts dead pictures until they are merged away.
func (x *Index) CountWith(count func(in func(index.ID) bool) (pictures int, features map[uint32]int)) {
	x.count = count
}

// living counts the pictures that are stored.
func (x *Index) living(in func(index.ID) bool) (pictures int, features map[uint32]int) {
	features = make(map[uint32]int)
	for id, terms := range x.pictures {
		if in(id) {
			pictures++
			for _, t := range terms {
				features[t.Word]++
			}
		}
	}
	return pictures, features
}

// Add is that of [local.Index].
func (x *Index) Add(id index.ID, terms []local.Term) error {
	if err := local.CheckTerms(terms, x.options.Words); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pictures[id] = slices.Clone(terms)
	return nil
}

// Remove is that of [local.Index].
func (x *Index) Remove(id index.ID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.pictures, id)
	return nil
}

// Len is that of [local.Index].
func (x *Index) Len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.pictures)
}

// Search is that of [local.Index].
func (x *Index) Search(sets [][]local.Probe, k int) ([]local.Candidate, error) {
	return x.search(sets, k, func(index.ID) bool { return true })
}

// SearchWithin is that of [local.Index].
func (x *Index) SearchWithin(sets [][]local.Probe, k int, from, to index.ID) ([]local.Candidate, error) {
	return x.search(sets, k, func(id index.ID) bool { return from <= id && id < to })
}

type scored struct {
	local.Candidate
	rank uint64
}

func (x *Index) search(sets [][]local.Probe, k int, in func(index.ID) bool) ([]local.Candidate, error) {
	if err := local.CheckSets(sets, x.options.Words); err != nil {
		return nil, err
	}
	if k <= 0 {
		return nil, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	pictures, features := x.count(in)
	unread(features, sets, x.options.Budget(pictures))
	best := make(map[index.ID]local.Candidate)
	for n, set := range sets {
		weights := weightsOf(set, pictures, features)
		var short []scored
		for id, terms := range x.pictures {
			if !in(id) {
				continue
			}
			if rank, score := compare(set, terms, weights); rank > 0 {
				short = append(short, scored{local.Candidate{ID: id, Set: n, Score: float64(score) / 65536}, rank})
			}
		}
		slices.SortFunc(short, func(a, b scored) int { return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(a.ID, b.ID)) })
		for _, s := range short[:min(len(short), max(k, x.options.Shortlist))] {
			if old, ok := best[s.ID]; !ok || s.Score > old.Score {
				best[s.ID] = s.Candidate
			}
		}
	}
	var all []local.Candidate
	for _, c := range best {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b local.Candidate) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return all[:min(k, len(all))], nil
}

// unread forgets the most frequent words of a query that would read too many postings.
func unread(features map[uint32]int, sets [][]local.Probe, budget int) {
	readers := make(map[uint32]int)
	for _, set := range sets {
		for _, p := range set {
			for w := range wordsOf(p) {
				readers[w]++
			}
		}
	}
	var words []uint32
	for w := range readers {
		words = append(words, w)
	}
	slices.SortFunc(words, func(a, b uint32) int { return cmp.Or(cmp.Compare(features[a], features[b]), cmp.Compare(a, b)) })
	for _, w := range words {
		if budget < 0 {
			delete(features, w)
		} else if budget -= features[w] * readers[w]; budget < 0 {
			delete(features, w)
		}
	}
}

// wordsOf gives the words of a probe with their ranks.
func wordsOf(p local.Probe) map[uint32]int {
	m := make(map[uint32]int)
	for rank, w := range p.Words {
		if _, ok := m[w]; !ok {
			m[w] = rank
		}
	}
	return m
}

func weightsOf(set []local.Probe, pictures int, features map[uint32]int) map[uint32]uint64 {
	probes := make(map[uint32]int)
	for _, p := range set {
		for w := range wordsOf(p) {
			probes[w]++
		}
	}
	weights := make(map[uint32]uint64)
	for w, n := range probes {
		weights[w] = weigh.Word(pictures, features[w], n)
	}
	return weights
}

// compare scores one picture.
func compare(set []local.Probe, terms []local.Term, weights map[uint32]uint64) (rank, score uint64) {
	type key struct {
		distance, rank int
		place          uint32
	}
	var bins [weigh.AngleBins][weigh.SizeBins]uint32
	sum := uint32(0)
	for _, p := range set {
		words := wordsOf(p)
		best, found := key{}, false
		var weight uint64
		for _, t := range terms {
			r, ok := words[t.Word]
			h := bits.OnesCount64(t.Sig ^ p.Sig)
			if !ok || h > weigh.MaxDistance || weights[t.Word] == 0 {
				continue
			}
			k := key{h, r, weigh.Place(t.Size, t.Angle)}
			if !found || cmp.Or(cmp.Compare(k.distance, best.distance), cmp.Compare(k.rank, best.rank), cmp.Compare(k.place, best.place)) < 0 {
				best, found, weight = k, true, weights[t.Word]
			}
		}
		if found {
			vote := weigh.Vote(weight, best.distance)
			bin := weigh.Bin(p.Size, p.Angle, best.place)
			bins[bin/weigh.SizeBins][bin%weigh.SizeBins] += vote
			sum += vote
		}
	}
	most := uint32(0)
	for a := range bins {
		for s := range bins[a] {
			window := bins[a][s] + bins[(a+1)%weigh.AngleBins][s]
			if s+1 < weigh.SizeBins {
				window += bins[a][s+1] + bins[(a+1)%weigh.AngleBins][s+1]
			}
			most = max(most, window)
		}
	}
	if sum == 0 {
		return 0, 0
	}
	return weigh.Score(sum, len(terms)), weigh.Score(most, len(terms))
}
