package text

import (
	"cmp"
	"math/bits"
	"slices"
)

// Span is a run of characters of a document, from the first up to, not with, the last,
// counted over all its pages from 0, as the runes of the extracted text.
type Span struct {
	From uint32 `json:"from"`
	To   uint32 `json:"to"`
}

// Passage is what two texts share in one place: runs that are equal, with small gaps between.
type Passage struct {
	// Query and Ref are where it stands in the documents.
	Query, Ref Span
	// QueryPage and RefPage are the pages that it begins on, from 1.
	QueryPage, RefPage int
	// Units is how much of it is equal, in units; see the package documentation.
	Units int

	q, r   interval // in normalised characters
	blocks []block
}

type interval struct{ from, to int }

// block is a run of equal normalised characters.
type block struct{ q, r, n int }

// Query is a text made ready for aligning it with many others. It is safe for concurrent use.
type Query struct {
	text  *Text
	seeds map[uint64][]int32 // places of each gram
	maybe []uint64           // a bit for each gram, by its lowest bits: most texts have few of them
	sum   []int32            // units before each character
}

const (
	seedUnits  = 15 // length of the grams that equal runs begin with
	seedPlaces = 8  // places of one gram that are tried
	leastUnits = 24 // of a run that may begin a passage, and of a passage
	gapUnits   = 60 // between runs of one passage
	skewUnits  = 40 // by which the gap may be longer in one text than in the other
)

// NewQuery prepares a text.
func NewQuery(t *Text) *Query {
	q := &Query{text: t, seeds: make(map[uint64][]int32, len(t.Chars)), sum: sums(t.Chars)}
	grams := newGrams(t.Chars, seedUnits)
	q.maybe = make([]uint64, 1<<bits.Len(uint(len(grams)/4))) // at least 16 bits a gram
	for i, h := range grams {
		q.maybe[h>>6&uint64(len(q.maybe)-1)] |= 1 << (h & 63)
		if at := q.seeds[h]; len(at) < seedPlaces {
			q.seeds[h] = append(at, int32(i))
		}
	}
	return q
}

// Text is the text of the query.
func (q *Query) Text() *Text { return q.text }

func sums(chars []rune) []int32 {
	s := make([]int32, len(chars)+1)
	for i, r := range chars {
		s[i+1] = s[i] + int32(units(r))
	}
	return s
}

// Align finds the passages that the query shares with another text, by their place in that.
func (q *Query) Align(ref *Text) []Passage {
	blocks := q.blocks(ref)
	sum := sums(ref.Chars)
	var open, done []Passage
	for _, b := range blocks {
		// The passage that the run continues best.
		best, least := -1, 0
		for i := range open {
			p := &open[i]
			gr, gq := int(sum[max(b.r, p.r.to)]-sum[p.r.to]), int(q.sum[max(b.q, p.q.to)]-q.sum[p.q.to])
			if b.q+b.n <= p.q.to || b.q < p.q.to-8 || b.r < p.r.to-8 || gq > gapUnits || max(gr-gq, gq-gr) > skewUnits {
				continue
			}
			if cost := max(gr-gq, gq-gr)*4 + gq + gr; best < 0 || cost < least {
				best, least = i, cost
			}
		}
		n := int(q.sum[b.q+b.n] - q.sum[b.q])
		if best >= 0 {
			p := &open[best]
			p.q.to, p.r.to = b.q+b.n, b.r+b.n
			p.Units += n
			p.blocks = append(p.blocks, b)
		} else {
			open = append(open, Passage{q: interval{b.q, b.q + b.n}, r: interval{b.r, b.r + b.n}, Units: n, blocks: []block{b}})
		}
		keep := open[:0]
		for _, p := range open {
			if int(sum[b.r]-sum[min(p.r.to, b.r)]) > gapUnits+skewUnits {
				done = append(done, p)
			} else {
				keep = append(keep, p)
			}
		}
		open = keep
	}
	done = append(done, open...)
	done = slices.DeleteFunc(done, func(p Passage) bool {
		return p.Units < leastUnits || 3*p.Units < int(q.sum[p.q.to]-q.sum[p.q.from]) || 3*p.Units < int(sum[p.r.to]-sum[p.r.from])
	})
	done = q.once(done)
	for i := range done {
		p := &done[i]
		p.Query, p.Ref = q.text.span(p.q), ref.span(p.r)
		p.QueryPage, p.RefPage = q.text.Page(p.Query.From), ref.Page(p.Ref.From)
	}
	return done
}

// blocks finds the longest equal run at each place of the other text that is not in one before.
func (q *Query) blocks(ref *Text) []block {
	var out []block
	grams := newGrams(ref.Chars, seedUnits)
	last := block{q: -1}
	for j := 0; j < len(grams); {
		best := block{}
		if h := grams[j]; q.maybe[h>>6&uint64(len(q.maybe)-1)]>>(h&63)&1 == 0 {
			j++
			continue
		}
		for _, at := range q.seeds[grams[j]] {
			i := int(at)
			n := 0
			for i+n < len(q.text.Chars) && j+n < len(ref.Chars) && q.text.Chars[i+n] == ref.Chars[j+n] {
				n++
			}
			// Of equal runs the one that goes on from the run before.
			if n > best.n || n == best.n && n > 0 && last.q >= 0 && abs(i-last.q-(j-last.r)) < abs(best.q-last.q-(j-last.r)) {
				best = block{i, j, n}
			}
		}
		if best.n == 0 {
			j++
			continue
		}
		out = append(out, best)
		last = best
		j += best.n
	}
	return out
}

// once leaves of passages that claim the same of the query, the longest first, those that claim
// something of their own: a text that repeats a sentence is not covered twice.
func (q *Query) once(all []Passage) []Passage {
	slices.SortStableFunc(all, func(a, b Passage) int { return cmp.Compare(b.Units, a.Units) })
	taken := make([]bool, len(q.text.Chars))
	kept := all[:0]
	for _, p := range all {
		fresh := 0
		for _, b := range p.blocks {
			for i := b.q; i < b.q+b.n; i++ {
				if !taken[i] {
					taken[i] = true
					fresh += units(q.text.Chars[i])
				}
			}
		}
		if fresh >= leastUnits && 2*fresh >= p.Units {
			p.Units = fresh
			kept = append(kept, p)
		}
	}
	slices.SortStableFunc(kept, func(a, b Passage) int { return cmp.Compare(a.r.from, b.r.from) })
	return kept
}

func (t *Text) span(i interval) Span {
	if i.to <= i.from {
		return Span{}
	}
	return Span{t.From[i.from], t.From[i.to-1] + 1}
}

func abs(v int) int { return max(v, -v) }

// Marks marks the characters of the query that are equal in the passages.
func (q *Query) Marks(passages []Passage) []bool {
	m := make([]bool, len(q.text.Chars))
	for _, p := range passages {
		for _, b := range p.blocks {
			for i := b.q; i < b.q+b.n; i++ {
				m[i] = true
			}
		}
	}
	return m
}

// Weigh counts the units of a passage that are equal, stand in no list of references of either
// text, and are not common, by places in the query; common may be nil.
func (q *Query) Weigh(p *Passage, ref *Text, common []bool) (n int) {
	for _, b := range p.blocks {
		for i := range b.n {
			if b.q+i >= q.text.Listed || b.r+i >= ref.Listed || common != nil && common[b.q+i] {
				continue
			}
			n += units(q.text.Chars[b.q+i])
		}
	}
	return n
}

// Pages tells how many units the passages have in common of each two pages: of the query and of the
// other text, from 1; 0 stands for a text without pages.
func (q *Query) Pages(passages []Passage, ref *Text) map[[2]int]int {
	units := make(map[[2]int]int)
	for _, p := range passages {
		for _, b := range p.blocks {
			for i := 0; i < b.n; {
				// As far as both stay on their pages.
				from, to := q.text.Page(q.text.From[b.q+i]), ref.Page(ref.From[b.r+i])
				n := 1
				for i+n < b.n && !q.text.begins(b.q+i+n) && !ref.begins(b.r+i+n) {
					n++
				}
				units[[2]int{from, to}] += int(q.sum[b.q+i+n] - q.sum[b.q+i])
				i += n
			}
		}
	}
	return units
}

// begins reports whether a normalised character is the first of its page.
func (t *Text) begins(i int) bool {
	return i == 0 || t.Page(t.From[i]) != t.Page(t.From[i-1])
}
