package mih

import (
	"math"

	"selvage/index"
)

// segmentLimit is the number of codes over which segments are no longer merged, so
// that the memory needed for merging stays bounded (about 1.5 GB).
const segmentLimit = 1 << 24

// tuning is what tests change to reach every way of searching with few codes.
type tuning struct {
	live     int                                  // codes that are kept in the order of their coming before they become a segment
	scan     int                                  // codes up to which a segment gets no postings
	scanCost func(s *scanner, radius int) float64 // nanoseconds to compare a code with all probes
}

var usual = tuning{live: 1 << 13, scan: 1 << 13, scanCost: (*scanner).cost}

// merge builds a segment on the heap from the living codes of others. An ID must live
// in one source at most.
func merge(sources []source, tune tuning) *segment {
	n := 0
	for _, s := range sources {
		n += len(s.IDs) - s.Dead.Len()
	}
	chunks := tune.chunksFor(n)
	to := carve(make([]uint64, layoutOf(n, chunks).total), n, chunks)

	next := make([]int, len(sources))
	settle := func(i int) { // passes over dead codes
		for next[i] < len(sources[i].IDs) && sources[i].Dead.Has(uint32(next[i])) {
			next[i]++
		}
	}
	for i := range sources {
		settle(i)
	}
	for at := range n {
		first := -1
		var id index.ID
		for i, s := range sources {
			if next[i] < len(s.IDs) && (first < 0 || s.IDs[next[i]] < id) {
				first, id = i, s.IDs[next[i]]
			}
		}
		to.IDs[at] = id
		to.Body.codes[at] = sources[first].Body.codes[next[first]]
		next[first]++
		settle(first)
	}
	post(to)
	return to
}

// post fills in the chunk postings from the codes, and the header. For each chunk it
// sorts the codes roughly by their first bits before it sorts them fully: otherwise
// nearly every step would wait for memory.
func post(s *segment) {
	type entry struct{ value, at uint32 }
	entries := make([]entry, len(s.Body.codes))
	var starts []uint32
	for i := range s.Body.chunks {
		ch := &s.Body.chunks[i]
		buckets := 1 << ch.width
		if starts == nil {
			starts = make([]uint32, buckets+1) // the first chunk is the widest
		}
		starts = starts[:buckets+1]
		clear(starts)

		const roughBits = 10
		drop := max(0, ch.width-roughBits)
		var rough [1<<roughBits + 1]uint32
		values := ch.postings // until the positions are known
		for c := range s.Body.codes {
			values[c] = ch.value(&s.Body.codes[c])
			rough[values[c]>>drop+1]++
		}
		for r := range 1 << roughBits {
			rough[r+1] += rough[r]
		}
		for c, v := range values {
			entries[rough[v>>drop]] = entry{v, uint32(c)}
			rough[v>>drop]++
		}

		for _, e := range entries {
			starts[e.value+1]++
		}
		bit := uint32(0)
		for b := range buckets {
			for range starts[b+1] {
				ch.unary[bit>>6] |= 1 << (bit & 63)
				bit++
			}
			bit++
			starts[b+1] += starts[b]
		}
		for _, e := range entries {
			ch.postings[starts[e.value]] = e.at
			starts[e.value]++
		}
		sample(ch.unary, ch.samples, buckets)
	}
	seal(s)
}

// Costs in nanoseconds; only their ratios and that to a scan matter, which were measured
// with 1 and 10 million codes. Both are mostly waiting for memory. The second allows for
// the bits of real hashes, which agree somewhat more often than by chance.
const (
	costBucket    = 30.0
	costCandidate = 45.0 // a code that stands in a bucket that was read
)

// radii spreads a search radius over chunks so that no code within it is missed: if a
// code differs by more than radii[i] bits in every chunk i, it differs by at least the
// sum of (radii[i] + 1) > radius bits. A chunk with radius -1 need not be read.
// Norouzi, Punjani and Fleet, "Fast Exact Search in Hamming Space with Multi-Index
// Hashing" (2014), section 3.2; the wide chunks, which come first, take the larger part.
func radii(radius, chunks int) []int {
	r := make([]int, chunks)
	for i := range r {
		r[i] = (radius+1)/chunks - 1
		if i < (radius+1)%chunks {
			r[i]++
		}
	}
	return r
}

// probeCost estimates the cost of one probe through the buckets of n codes. Evenly
// spread codes are assumed; a search that meets more candidates gives up.
func probeCost(n, chunks, radius int) float64 {
	cost := 0.0
	for i, r := range radii(radius, chunks) {
		width := cutOf(i, chunks).width
		buckets, choose := 0.0, 1.0
		for k := 0; k <= min(r, width); k++ {
			buckets += choose
			choose = choose * float64(width-k) / float64(k+1)
		}
		cost += buckets * (costBucket + costCandidate*float64(n)/math.Exp2(float64(width)))
	}
	return cost
}

// chunksFor picks the number of chunks that makes the usual radius of 31 cheapest.
func (t tuning) chunksFor(n int) int {
	if n <= t.scan {
		return 0
	}
	best, cheapest := 0, math.Inf(1)
	for chunks := minChunks; chunks <= maxChunks; chunks += 2 {
		// The directory of wide chunks must not outgrow the codes.
		if n < 1<<(256/chunks-3) {
			continue
		}
		if c := probeCost(n, chunks, 31); c < cheapest {
			best, cheapest = chunks, c
		}
	}
	return best
}
