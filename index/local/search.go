package local

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"

	"selvage/index"
	"selvage/index/local/internal/weigh"
)

// Search returns the k pictures with the largest scores for any of the sets, each once, by
// falling score and then ID; fewer if fewer have a feature in common with the query. How they
// are scored and what is left out is told in the package documentation.
func (x *Index) Search(sets [][]Probe, k int) ([]Candidate, error) {
	return x.search(sets, k, nil)
}

// SearchWithin is Search in an index that holds only the pictures with from <= ID < to. It looks at
// no feature of others, so that a part of an index that belongs to somebody can be asked without a
// trace of the rest: of others, only the number of the features under each word shows in the time
// it takes, and that as a logarithm.
func (x *Index) SearchWithin(sets [][]Probe, k int, from, to index.ID) ([]Candidate, error) {
	return x.search(sets, k, &reach{from, to})
}

func (x *Index) search(sets [][]Probe, k int, in *reach) ([]Candidate, error) {
	if err := CheckSets(sets, x.options.Words); err != nil {
		return nil, err
	}
	state, err := x.parts.Snapshot()
	if err != nil {
		return nil, err
	}
	defer state.Release()
	if k <= 0 {
		return nil, nil
	}
	s := searchers.Get().(*searcher)
	defer func() {
		s.drop()
		searchers.Put(s)
	}()
	s.ask(sets)
	pictures := s.take(state, in)
	s.weigh(pictures, x.options.Budget(pictures))
	s.begin(len(sets), max(k, x.options.Shortlist))
	for i := range s.parts {
		from := 0
		for set, end := range s.ends {
			s.gather(&s.parts[i], s.probes[from:end])
			s.choose(&s.parts[i], set)
			from = end
		}
	}
	return s.winners(k), nil
}

// A searcher is the working memory of one search.
type searcher struct {
	query
	tallies []tally  // of each picture of a part
	touched []uint32 // pictures whose tally is not zero
	matches []match
	reads   []read
	marks   marks
	near    [blockSize]uint16 // positions that are marked
	touch   uint32            // keeps the compiler from leaving reads out
	short   [][]finalist      // for each set, those with the largest rank so far
	least   []uint64          // for each set, the rank that is needed to come in
	limit   int
}

// A tally is what the probes of one set have found of a picture.
type tally struct {
	sum   uint32 // of votes
	probe uint32 // the last one that found the picture, counted from 1
	match uint32 // its match
}

// A match is the best one of a probe and a picture.
type match struct {
	before uint32 // the picture's match of an earlier probe; 0: none
	vote   uint32
	key    uint32 // distance, rank of the word, place: the least is best
	bin    uint8
}

// A finalist is a picture on the shortlist of a set.
type finalist struct {
	id      index.ID
	rank    uint64 // by the sum of its votes
	size    int    // its number of features
	matches uint32 // the last; 0 when the score is known
	score   uint64
}

var searchers = sync.Pool{New: func() any { return &searcher{matches: make([]match, 1)} }}

func (s *searcher) begin(sets, limit int) {
	s.limit = limit
	s.least = append(s.least[:0], make([]uint64, sets)...)
	s.short = slices.Grow(s.short[:0], sets)[:sets]
	for i := range s.short {
		s.short[i] = s.short[i][:0]
	}
}

// gather collects the matches of a set's probes in a part.
func (s *searcher) gather(p *part, probes []probe) {
	if len(s.tallies) < len(p.ids) {
		s.tallies = make([]tally, len(p.ids))
	}
	s.reads = s.reads[:0]
	for i := range probes {
		for rank := range probeWords {
			slot := probes[i].slots[rank]
			if from, to := p.runs[2*slot], p.runs[2*slot+1]; probes[i].weights[rank] > 0 && from < to {
				s.reads = append(s.reads, read{uint32(i), uint32(rank), from, to})
			}
		}
	}
	for i, r := range s.reads {
		next := s.reads[min(i+1, len(s.reads)-1)].from
		for ; r.from < r.to; r.from += blockSize {
			s.compare(p, &probes[r.probe], r, next)
		}
	}
}

// A read is a probe and the part of a list that it has to be compared with.
type read struct{ probe, rank, from, to uint32 }

// compare does so with the first block; next is where the list after it begins.
func (s *searcher) compare(p *part, q *probe, r read, next uint32) {
	weight := q.weights[r.rank]
	end := min(r.from+blockSize, r.to)
	posts, sigs := p.posts[r.from:end], p.sigs[r.from:end]
	near(sigs, q.sig, &s.marks, &p.posts[next], &p.sigs[next])
	// First all tallies are touched, so that the processor waits for many of them at the same time.
	n, sum := 0, uint32(0)
	for w := range (len(sigs) + 63) / 64 {
		for word := binary.LittleEndian.Uint64(s.marks[8*w:]); word != 0; word &= word - 1 {
			i := 64*w + bits.TrailingZeros64(word)
			s.near[n] = uint16(i)
			sum += s.tallies[posts[i]>>weigh.PlaceBits].probe
			n++
		}
	}
	s.touch = sum
	for _, i := range s.near[:n] {
		doc := posts[i] >> weigh.PlaceBits
		if p.dead.Has(doc) {
			continue
		}
		h := bits.OnesCount64(sigs[i] ^ q.sig)
		place := posts[i] & (1<<weigh.PlaceBits - 1)
		s.note(doc, r.probe+1, match{
			vote: weigh.Vote(weight, h),
			key:  uint32(h)<<16 | r.rank<<weigh.PlaceBits | place,
			bin:  weigh.Bin(q.size, q.angle, place),
		})
	}
}

// note keeps the best match of a probe in a picture.
func (s *searcher) note(doc, number uint32, m match) {
	t := &s.tallies[doc]
	if t.probe == number {
		if old := &s.matches[t.match]; m.key < old.key {
			t.sum += m.vote - old.vote
			m.before = old.before
			*old = m
		}
		return
	}
	if t.probe == 0 {
		s.touched = append(s.touched, doc)
	}
	m.before = t.match
	*t = tally{t.sum + m.vote, number, uint32(len(s.matches))}
	s.matches = append(s.matches, m)
}

// choose brings the pictures that were found onto the shortlist of a set, and forgets the rest.
func (s *searcher) choose(p *part, set int) {
	for _, doc := range s.touched {
		t := &s.tallies[doc]
		size := int(p.sizes[doc])
		if rank := weigh.Score(t.sum, size); rank >= s.least[set] {
			s.short[set] = append(s.short[set], finalist{id: p.ids[doc], rank: rank, size: size, matches: t.match})
			if len(s.short[set]) >= 2*s.limit+64 {
				s.trim(set)
			}
		}
		*t = tally{}
	}
	s.trim(set)
	for i := range s.short[set] {
		f := &s.short[set][i]
		if f.matches != 0 {
			f.score = weigh.Score(s.count(f.matches), f.size)
			f.matches = 0
		}
	}
	s.touched, s.matches = s.touched[:0], s.matches[:1]
}

// trim drops all but the best of a shortlist.
func (s *searcher) trim(set int) {
	short := s.short[set]
	if len(short) <= s.limit {
		return
	}
	best(short, s.limit)
	s.short[set] = short[:s.limit]
	s.least[set] = ^uint64(0)
	for _, f := range s.short[set] {
		s.least[set] = min(s.least[set], f.rank)
	}
}

// before orders by falling rank and then ID.
func (f *finalist) before(o *finalist) bool {
	return f.rank > o.rank || f.rank == o.rank && f.id < o.id
}

// best moves the n first, of more than n, to the front (Hoare, "Algorithm 65: Find", 1961).
func best(all []finalist, n int) {
	for from, to := 0, len(all)-1; from < to; {
		middle := all[from+(to-from)/2]
		i, j := from, to
		for i <= j {
			for all[i].before(&middle) {
				i++
			}
			for middle.before(&all[j]) {
				j--
			}
			if i <= j {
				all[i], all[j] = all[j], all[i]
				i++
				j--
			}
		}
		if n <= j {
			to = j
		} else if n >= i {
			from = i
		} else {
			return
		}
	}
}

// count returns the votes of the matches that agree best in turn and scale.
func (s *searcher) count(at uint32) (most uint32) {
	var v weigh.Votes
	for ; at != 0; at = s.matches[at].before {
		most = max(most, v.Add(s.matches[at].bin, s.matches[at].vote))
	}
	return most
}

// winners are the k best of all sets.
func (s *searcher) winners(k int) []Candidate {
	type scored struct {
		id    index.ID
		score uint64
		set   int
	}
	var all []scored
	for set, short := range s.short {
		for _, f := range short {
			all = append(all, scored{f.id, f.score, set})
		}
	}
	slices.SortFunc(all, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(b.score, a.score), cmp.Compare(a.set, b.set))
	})
	all = slices.CompactFunc(all, func(a, b scored) bool { return a.id == b.id })
	slices.SortFunc(all, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id)) })
	found := make([]Candidate, min(k, len(all)))
	for i := range found {
		found[i] = Candidate{all[i].id, all[i].set, float64(all[i].score) / (1 << 16)}
	}
	return found
}
