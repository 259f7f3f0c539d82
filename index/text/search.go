package text

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"selvage/index"
	"selvage/index/internal/segments"
)

// Search returns the k texts with the largest scores, by falling score and then ID; fewer if fewer
// have a hash in common with the query.
func (x *Index) Search(hashes []uint64, k int) ([]Candidate, error) {
	return x.search(hashes, k, reach{to: ^index.ID(0), all: true})
}

// SearchWithin is Search in an index that holds only the texts with from <= ID < to. It looks at
// no hash of others but to bisect a list, so that a part of an index that belongs to somebody can
// be asked without a trace of the rest: of others, only the logarithm of their number shows in the
// time it takes.
func (x *Index) SearchWithin(hashes []uint64, k int, from, to index.ID) ([]Candidate, error) {
	return x.search(hashes, k, reach{from: from, to: to})
}

// reach is the IDs from <= ID < to, or all.
type reach struct {
	from, to index.ID
	all      bool
}

func (r reach) has(id index.ID) bool { return r.all || id >= r.from && id < r.to }

// A posting list of one hash in one segment, or the texts of the live part that have it.
type list struct {
	hash, part int // places in the query and in the state; the live part is the last
	from, to   int // in the segment's postings
	live       []uint32
}

func (l *list) len() int { return l.to - l.from + len(l.live) }

func (x *Index) search(hashes []uint64, k int, in reach) ([]Candidate, error) {
	if len(hashes) > MaxHashes {
		return nil, fmt.Errorf("%d hashes, want at most %d", len(hashes), MaxHashes)
	}
	state, err := x.parts.Snapshot()
	if err != nil {
		return nil, err
	}
	defer state.Release()
	if k <= 0 {
		return nil, nil
	}
	wanted := shorten(hashes)
	found, texts := find(state, wanted, in)
	weights := weigh(found, len(wanted), texts, x.options.Postings)
	best := winners{k: k}
	for _, group := range byPart(found) {
		count(state, group, weights, best.add)
	}
	best.trim()
	return best.all, nil
}

// winners keeps the k best of many candidates.
type winners struct {
	k     int
	all   []Candidate
	floor float64 // the score that is needed to come in
}

func (w *winners) add(c Candidate) {
	if c.Score < w.floor {
		return
	}
	if w.all = append(w.all, c); len(w.all) >= 4*w.k+256 {
		w.trim()
	}
}

func (w *winners) trim() {
	slices.SortFunc(w.all, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	if len(w.all) >= w.k {
		w.all = w.all[:w.k]
		w.floor = w.all[w.k-1].Score
	}
}

// find looks up the hashes, which rise. It returns the lists that are not empty, part by part, and
// how many texts are in reach.
func find(s *segments.State[[]uint32, lists], wanted []uint32, in reach) (found []list, texts int) {
	for part, v := range s.Segments {
		first, last := 0, len(v.IDs)
		if !in.all {
			first, _ = slices.BinarySearch(v.IDs, in.from)
			last, _ = slices.BinarySearch(v.IDs, in.to)
		}
		if first >= last {
			continue
		}
		texts += last - first
		for i, h := range wanted {
			if from, to := v.Body.run(h, uint32(first), uint32(last)); from < to {
				found = append(found, list{hash: i, part: part, from: from, to: to})
			}
		}
	}
	docs := make(map[int][]uint32)
	for doc, id := range s.Live.IDs {
		if !in.has(id) || s.Live.Dead.Has(uint32(doc)) {
			continue
		}
		texts++
		shared(wanted, s.Live.Items[doc], func(i int) { docs[i] = append(docs[i], uint32(doc)) })
	}
	for i, d := range docs {
		found = append(found, list{hash: i, part: len(s.Segments), live: d})
	}
	return found, texts
}

// shared calls do with the places in the shorter or longer rising list a of what b has too.
func shared(a, b []uint32, do func(int)) {
	if len(a) <= len(b) {
		for i, h := range a {
			at, ok := slices.BinarySearch(b, h)
			if ok {
				do(i)
			}
			b = b[at:]
		}
		return
	}
	from := 0
	for _, h := range b {
		at, ok := slices.BinarySearch(a[from:], h)
		if from += at; ok {
			do(from)
		}
	}
}

// weigh gives each hash its weight; 0 to those whose lists are too long to be read.
func weigh(found []list, hashes, texts, budget int) []uint64 {
	total := make([]int, hashes)
	for i := range found {
		total[found[i].hash] += found[i].len()
	}
	order := make([]uint64, hashes)
	for i, n := range total {
		order[i] = uint64(n)<<32 | uint64(i)
	}
	slices.Sort(order)
	weights := make([]uint64, hashes)
	for _, o := range order {
		n := int(o >> 32)
		if budget -= n; budget < 0 {
			break
		}
		if n > 0 {
			w := idf(uint64(texts), uint64(n))
			weights[uint32(o)] = w * w
		}
	}
	return weights
}

// idf is log2(1 + texts/n) in 256ths, along straight lines between powers of two.
func idf(texts, n uint64) uint64 {
	v := 256 + 256*texts/n
	whole := bits.Len64(v) - 1
	return uint64(whole-8)*256 + (v<<8>>whole - 256)
}

func byPart(found []list) (groups [][]list) {
	for from := 0; from < len(found); {
		to := from
		for to < len(found) && found[to].part == found[from].part {
			to++
		}
		groups = append(groups, found[from:to])
		from = to
	}
	return groups
}

// A tally is what the hashes have found of a text.
type tally struct {
	score  uint64
	shared int
}

// tallies are the working memory of one search: of each text of a part, all zero between uses.
var tallies = sync.Pool{New: func() any { return new([]tally) }}

// count adds up the scores of the living texts of one part, and hands out each.
func count(s *segments.State[[]uint32, lists], group []list, weights []uint64, out func(Candidate)) {
	ids, dead := s.Live.IDs, s.Live.Dead
	var posts []uint64
	if part := group[0].part; part < len(s.Segments) {
		v := s.Segments[part]
		ids, dead, posts = v.IDs, v.Dead, v.Body.posts
	}
	memory := tallies.Get().(*[]tally)
	defer tallies.Put(memory)
	if len(*memory) < len(ids) {
		*memory = make([]tally, len(ids))
	}
	of := *memory
	var touched []uint32
	add := func(doc uint32, w uint64) {
		t := &of[doc]
		if t.shared == 0 {
			touched = append(touched, doc)
		}
		t.score += w
		t.shared++
	}
	for i := range group {
		l := &group[i]
		w := weights[l.hash]
		if w == 0 {
			continue
		}
		for _, doc := range l.live {
			add(doc, w)
		}
		for _, post := range posts[l.from:l.to] {
			add(uint32(post), w)
		}
	}
	for _, doc := range touched {
		if t := of[doc]; !dead.Has(doc) {
			out(Candidate{ids[doc], float64(t.score) / (1 << 16), t.shared})
		}
		of[doc] = tally{}
	}
}
