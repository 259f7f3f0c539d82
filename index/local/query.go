package local

import (
	"math/bits"
	"slices"

	"selvage/index"
	"selvage/index/internal/segments"
	"selvage/index/local/internal/weigh"
)

// A query is the probe sets of one search, made ready. Each word asked for has a slot, by rising
// word.
type query struct {
	probes []probe
	ends   []int    // where each set ends in probes
	words  []uint32 // of the slots
	counts []uint32 // how many probes look there
	pairs  []uint64 // word and 4*probe+rank, sorted: who looks where
	parts  []part
	total  []int // postings of each slot in all parts
}

// A probe with the slots to read for it.
type probe struct {
	sig         uint64
	size, angle uint8
	slots       [probeWords]uint32
	weights     [probeWords]uint64 // 0: not read
}

// A part is the lists of a segment, or of the living pictures of the live part.
type part struct {
	ids   []index.ID
	sizes []uint16
	posts []uint32
	sigs  []uint64
	dead  *segments.Bitset
	runs  []uint32 // where the postings of each slot that are asked for begin and end
}

// ask takes in the sets.
func (q *query) ask(sets [][]Probe) {
	q.probes, q.ends, q.pairs = q.probes[:0], q.ends[:0], q.pairs[:0]
	for _, set := range sets {
		for _, p := range set {
			at := len(q.probes)
			q.probes = append(q.probes, probe{sig: p.Sig, size: p.Size, angle: p.Angle})
			for rank, w := range p.Words {
				q.pairs = append(q.pairs, uint64(w)<<32|uint64(at)<<2|uint64(rank))
			}
		}
		q.ends = append(q.ends, len(q.probes))
	}
	slices.Sort(q.pairs)
	q.pairs = slices.CompactFunc(q.pairs, func(a, b uint64) bool { return a>>2 == b>>2 }) // a probe names a word once
	q.words, q.counts = q.words[:0], q.counts[:0]
	for _, pair := range q.pairs {
		if w := uint32(pair >> 32); len(q.words) == 0 || w != q.words[len(q.words)-1] {
			q.words, q.counts = append(q.words, w), append(q.counts, 0)
		}
		slot := len(q.words) - 1
		q.counts[slot]++
		q.probes[uint32(pair)>>2].slots[pair&3] = uint32(slot)
	}
}

// take finds what a state has for the query: of all its pictures, or of those in reach. The
// parts are good until the state is released.
func (q *query) take(s *segments.State[*picture, lists], in *reach) (pictures int) {
	for _, v := range s.Segments {
		first, last := 0, len(v.IDs)
		if in != nil {
			first, _ = slices.BinarySearch(v.IDs, in.from)
			last, _ = slices.BinarySearch(v.IDs, in.to)
		}
		if first >= last {
			continue
		}
		pictures += last - first
		l, p := &v.Body, q.part()
		p.ids, p.sizes, p.posts, p.sigs, p.dead = v.IDs, l.sizes, l.posts, l.sigs, v.Dead
		for slot, w := range q.words {
			from, to := l.list(w)
			if in != nil {
				from, to = l.run(from, to, uint32(first), uint32(last))
			}
			p.runs[2*slot], p.runs[2*slot+1] = from, to
		}
	}
	pictures += q.live(&s.Live, in)
	q.total = append(q.total[:0], make([]int, len(q.words))...)
	for _, p := range q.parts {
		for slot := range q.total {
			q.total[slot] += int(p.runs[2*slot+1] - p.runs[2*slot])
		}
	}
	return pictures
}

// part adds an empty part, whose runs have the room of an earlier search's.
func (q *query) part() *part {
	n := len(q.parts)
	q.parts = slices.Grow(q.parts, 1)[:n+1]
	p := &q.parts[n]
	p.runs = slices.Grow(p.runs[:0], 2*len(q.words))[:2*len(q.words)]
	clear(p.runs)
	return p
}

// drop forgets the parts but for their room.
func (q *query) drop() {
	for i, p := range q.parts {
		q.parts[i] = part{runs: p.runs}
	}
	q.parts = q.parts[:0]
}

// reach is the IDs from <= ID < to.
type reach struct{ from, to index.ID }

// live sorts the features of the live part that are asked for into lists, and tells how many
// pictures are in reach.
func (q *query) live(l *segments.Live[*picture], in *reach) (pictures int) {
	if len(q.words) == 0 || len(l.IDs) == 0 {
		return 0
	}
	// Of each 64 words, those that are asked for, and how many slots come before.
	type group struct {
		asked uint64
		slots int
	}
	groups := make([]group, q.words[len(q.words)-1]/64+1)
	for _, w := range q.words {
		groups[w/64].asked |= 1 << (w % 64)
	}
	for i := range groups[1:] {
		groups[i+1].slots = groups[i].slots + bits.OnesCount64(groups[i].asked)
	}
	type found struct {
		slot, post uint32
		sig        uint64
	}
	var all []found
	p := q.part()
	p.ids, p.sizes = l.IDs, make([]uint16, len(l.IDs))
	for i, id := range l.IDs {
		if in != nil && (id < in.from || id >= in.to) || l.Dead.Has(uint32(i)) {
			continue
		}
		pictures++
		terms := l.Items[i].terms
		p.sizes[i] = uint16(len(terms))
		for _, f := range terms {
			if int(f.word/64) >= len(groups) {
				break // words rise
			}
			g, bit := &groups[f.word/64], uint64(1)<<(f.word%64)
			if g.asked&bit == 0 {
				continue
			}
			slot := uint32(g.slots + bits.OnesCount64(g.asked&(bit-1)))
			all = append(all, found{slot, uint32(i)<<weigh.PlaceBits | f.place, f.sig})
			p.runs[2*slot+1]++
		}
	}
	sum := uint32(0)
	for slot := range q.words {
		p.runs[2*slot], sum = sum, sum+p.runs[2*slot+1]
		p.runs[2*slot+1] = p.runs[2*slot] // and grows again
	}
	p.posts, p.sigs = make([]uint32, sum), make([]uint64, sum)
	for _, f := range all {
		at := &p.runs[2*f.slot+1]
		p.posts[*at], p.sigs[*at] = f.post, f.sig
		*at++
	}
	return pictures
}

// weigh gives each probe the weights of its words, and leaves out the longest lists if all of
// them are more than a search may read.
func (q *query) weigh(pictures, budget int) {
	order := make([]uint64, len(q.words)) // postings and slot
	for slot, n := range q.total {
		order[slot] = uint64(n)<<32 | uint64(slot)
	}
	slices.Sort(order)
	for i, o := range order {
		if budget -= int(o>>32) * int(q.counts[uint32(o)]); budget < 0 {
			for _, o := range order[i:] {
				q.total[uint32(o)] = 0
			}
			break
		}
	}
	set := 0
	for begin, end := 0, 0; begin < len(q.pairs); begin = end {
		// The probes of one set that look under one word.
		word := q.pairs[begin] >> 32
		if begin == 0 || word != q.pairs[begin-1]>>32 {
			set = 0
		}
		for int(uint32(q.pairs[begin])>>2) >= q.ends[set] {
			set++
		}
		end = begin + 1
		for end < len(q.pairs) && q.pairs[end]>>32 == word && int(uint32(q.pairs[end])>>2) < q.ends[set] {
			end++
		}
		for _, pair := range q.pairs[begin:end] {
			p := &q.probes[uint32(pair)>>2]
			p.weights[pair&3] = weigh.Word(pictures, q.total[p.slots[pair&3]], end-begin)
		}
	}
}
