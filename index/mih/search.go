package mih

import (
	"math/bits"
	"slices"
	"sync"

	"selvage/index"
)

// within returns the living codes of a snapshot, in order.
func (s *state) within(probes []index.Code, radius int) []index.Hit {
	var hits []index.Hit
	for _, v := range s.segments {
		hits = v.within(hits, probes, radius, s.tuning)
	}
	hits = scan(hits, s.live.codes, s.live.ids, s.live.dead, probes, radius)
	slices.SortFunc(hits, index.Hit.Compare)
	return hits
}

// nearest tries small radii, which are cheap, and then looks at every code.
func (s *state) nearest(probes []index.Code, k int) []index.Hit {
	if k >= s.count {
		return s.within(probes, 256)
	}
	for _, radius := range []int{15, 31, 43} {
		bucketed, scanned := 0.0, 0.0
		for _, v := range s.segments {
			all := float64(len(v.codes)) * s.tuning.scanCost
			scanned += all
			if len(v.chunks) > 0 {
				all = min(all, probeCost(len(v.codes), len(v.chunks), radius))
			}
			bucketed += all
		}
		if bucketed > scanned/4 {
			break
		}
		if hits := s.within(probes, radius); len(hits) >= k {
			return hits[:k]
		}
	}
	b := bounded{k: k, limit: 256}
	for _, v := range s.segments {
		b.scan(v.codes, v.ids, v.dead, probes)
	}
	b.scan(s.live.codes, s.live.ids, s.live.dead, probes)
	b.trim()
	return b.hits
}

// bounded keeps the k best hits.
type bounded struct {
	k     int
	hits  []index.Hit
	limit int // no hit further than this can be among the best
}

// scan goes in pieces, so that the limit soon comes down.
func (b *bounded) scan(codes []index.Code, ids []index.ID, dead *bitset, probes []index.Code) {
	for from := 0; from < len(codes); from += blockSize {
		to := min(from+blockSize, len(codes))
		b.hits = scanBlock(b.hits, codes, ids, from, to, dead, probes, b.limit)
		if len(b.hits) >= 2*b.k+blockSize {
			b.trim()
		}
	}
}

func (b *bounded) trim() {
	slices.SortFunc(b.hits, index.Hit.Compare)
	if len(b.hits) >= b.k {
		b.hits = b.hits[:b.k]
		b.limit = b.hits[b.k-1].Distance
	}
}

// within searches one segment by the cheaper of two ways, both exact.
func (v *segmentView) within(hits []index.Hit, probes []index.Code, radius int, tune tuning) []index.Hit {
	n := len(v.codes)
	if len(v.chunks) > 0 && probeCost(n, len(v.chunks), radius) < tune.scanCost*float64(n) {
		p := probers.Get().(*prober)
		most := float64(len(probes)*n) * tune.scanCost / costCandidate
		found, ok := p.search(v, hits, probes, radius, int(most))
		p.reset()
		probers.Put(p)
		if ok {
			return found
		}
	}
	return scan(hits, v.codes, v.ids, v.dead, probes, radius)
}

// A prober is the working memory of one search through the buckets of a segment.
type prober struct {
	windows []window
	buckets []bucketRange
	found   []uint32 // candidates whose codes are not yet compared
	seen    []uint64 // bitmap of the codes that are hits already
	marked  []uint32 // the bits set in seen
}

type bucketRange struct{ start, count uint32 }

const batchSize = 512

var probers = sync.Pool{New: func() any {
	return &prober{
		windows: make([]window, 0, batchSize),
		buckets: make([]bucketRange, 0, batchSize),
		found:   make([]uint32, 0, batchSize),
	}
}}

func (p *prober) reset() {
	for _, m := range p.marked {
		p.seen[m/64] = 0
	}
	p.marked = p.marked[:0]
	p.windows, p.buckets, p.found = p.windows[:0], p.buckets[:0], p.found[:0]
}

// search reports false where it met more candidates than allowed, as with many codes in
// one bucket, so that a scan will be cheaper. The work goes in batches of one kind each, so
// that the processor waits for many memory reads at the same time.
func (p *prober) search(v *segmentView, hits []index.Hit, probes []index.Code, radius, allowed int) ([]index.Hit, bool) {
	if need := (len(v.codes) + 63) / 64; len(p.seen) < need {
		p.seen = make([]uint64, need)
	}
	spread := radii(radius, len(v.chunks))
	for probe := range probes {
		for i := range v.chunks {
			ch := &v.chunks[i]
			value := ch.value(&probes[probe])
			for k := 0; k <= min(spread[i], ch.width); k++ {
				for flips := uint32(1)<<k - 1; flips>>ch.width == 0; flips = nextFlips(flips) {
					p.windows = append(p.windows, ch.window(value^flips))
					if len(p.windows) == batchSize {
						if allowed -= p.locate(ch); allowed < 0 {
							return nil, false
						}
						hits = p.compare(v, ch, hits, probes, probe, radius)
					}
					if k == 0 {
						break
					}
				}
			}
			if allowed -= p.locate(ch); allowed < 0 {
				return nil, false
			}
			hits = p.compare(v, ch, hits, probes, probe, radius)
		}
	}
	return hits, true
}

// locate empties the window list into the bucket list and returns the number of
// candidates.
func (p *prober) locate(ch *chunk) (candidates int) {
	for i := range p.windows {
		if start, count := ch.bucket(&p.windows[i]); count > 0 {
			p.buckets = append(p.buckets, bucketRange{start, count})
			candidates += int(count)
		}
	}
	p.windows = p.windows[:0]
	return candidates
}

// nextFlips is the next larger number with as many ones (Gosper).
func nextFlips(x uint32) uint32 {
	low := x & -x
	up := x + low
	return up | (up^x)>>2>>bits.TrailingZeros32(low)
}

// compare empties the bucket list.
func (p *prober) compare(v *segmentView, ch *chunk, hits []index.Hit, probes []index.Code, probe, radius int) []index.Hit {
	for _, b := range p.buckets {
		list := ch.postings[b.start : b.start+b.count]
		for len(list) > 0 {
			n := min(len(list), batchSize-len(p.found))
			p.found = append(p.found, list[:n]...)
			list = list[n:]
			if len(p.found) == batchSize {
				hits = p.check(v, hits, probes, probe, radius)
			}
		}
	}
	p.buckets = p.buckets[:0]
	return p.check(v, hits, probes, probe, radius)
}

// check empties the candidate list.
func (p *prober) check(v *segmentView, hits []index.Hit, probes []index.Code, probe, radius int) []index.Hit {
	q := probes[probe]
	codes := v.codes
	for _, at := range p.found {
		c := &codes[at]
		d := bits.OnesCount64(c[0]^q[0]) + bits.OnesCount64(c[1]^q[1])
		if d > radius {
			continue
		}
		if d += bits.OnesCount64(c[2]^q[2]) + bits.OnesCount64(c[3]^q[3]); d > radius {
			continue
		}
		if p.seen[at/64]>>(at%64)&1 != 0 || v.dead.has(at) {
			continue
		}
		p.seen[at/64] |= 1 << (at % 64)
		p.marked = append(p.marked, at)
		hits = append(hits, nearestProbe(v.ids[at], c, probes))
	}
	p.found = p.found[:0]
	return hits
}

func nearestProbe(id index.ID, c *index.Code, probes []index.Code) index.Hit {
	h := index.Hit{ID: id, Distance: 257}
	for i := range probes {
		if d := c.Distance(probes[i]); d < h.Distance {
			h.Distance, h.Probe = d, i
		}
	}
	return h
}
