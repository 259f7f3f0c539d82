package mih

import (
	"math/bits"
	"sync"

	"selvage/index"
)

// A prober is the working memory of one search through the buckets of a segment. The work
// goes in batches of one kind each, in short loops whose steps do not depend on each
// other, so that the processor waits for many memory reads at the same time.
type prober struct {
	groups  [groupBatch]group
	waiting int // groups that were not looked up yet
	windows [groupBatch]window
	buckets [bucketBatch]bucket
	found   [foundBatch]uint32 // candidates whose codes are not yet compared
	near    [foundBatch]uint32 // those of them that are near by the first half of the code
	seen    []uint64           // bitmap of the codes that are hits already
	marked  []uint32           // the bits set in seen
}

const (
	groupBatch  = 256
	bucketBatch = 1024
	foundBatch  = 1024
)

// A group of buckets to read, and which ones of it: bit i stands for bucket i.
type group struct{ number, which uint32 }

// A bucket is where its codes stand in postings.
type bucket struct{ start, count uint32 }

var probers = sync.Pool{New: func() any { return new(prober) }}

func (p *prober) reset() {
	for _, m := range p.marked {
		p.seen[m/64] = 0
	}
	p.marked = p.marked[:0]
	p.waiting = 0
}

// A task is what one probe wants of one chunk.
type task struct {
	*chunk
	view    *part
	probes  []index.Code
	probe   int
	radius  int
	hits    []index.Hit
	allowed int // candidates that may still be met
}

// search reports false where it met more candidates than allowed, as with many codes in
// one bucket, so that a scan will be cheaper.
func (p *prober) search(v *part, hits []index.Hit, probes []index.Code, radius, allowed int) ([]index.Hit, bool) {
	if need := (len(v.Body.codes) + 63) / 64; len(p.seen) < need {
		p.seen = make([]uint64, need)
	}
	spread := radii(radius, len(v.Body.chunks))
	t := task{view: v, probes: probes, radius: radius, hits: hits, allowed: allowed}
	for t.probe = range probes {
		for i := range v.Body.chunks {
			t.chunk = &v.Body.chunks[i]
			if !p.ball(&t, spread[i]) {
				return nil, false
			}
		}
	}
	return t.hits, true
}

// ball reads all buckets whose value differs from the probe's by at most radius bits.
// Values that differ in their last bits only are in one group and are read together.
func (p *prober) ball(t *task, radius int) bool {
	value := t.value(&t.probes[t.probe])
	first, last := value>>groupBits, value&(groupSize-1)
	for k := 0; k <= min(radius, t.width-groupBits); k++ {
		which := uint32(0)
		for b := range uint32(groupSize) {
			if bits.OnesCount32(b^last) <= radius-k {
				which |= 1 << b
			}
		}
		for flips := uint32(1)<<k - 1; flips>>(t.width-groupBits) == 0; flips = nextFlips(flips) {
			p.groups[p.waiting] = group{first ^ flips, which}
			p.waiting++
			if p.waiting == groupBatch && !p.look(t) {
				return false
			}
			if k == 0 {
				break
			}
		}
	}
	return p.look(t)
}

// nextFlips is the next larger number with as many ones (Gosper).
func nextFlips(x uint32) uint32 {
	low := x & -x
	up := x + low
	return up | (up^x)>>2>>bits.TrailingZeros32(low)
}

// look empties the list of groups.
func (p *prober) look(t *task) bool {
	groups := p.groups[:p.waiting]
	windows := p.windows[:len(groups)]
	p.waiting = 0
	for i := range groups {
		windows[i].at = t.samples[groups[i].number]
	}
	for i := range windows {
		t.window(&windows[i])
	}
	n := 0
	for i := range groups {
		for which := groups[i].which; which != 0; which &= which - 1 {
			b := t.bucket(&windows[i], groups[i].number<<groupBits, bits.TrailingZeros32(which))
			p.buckets[n] = b
			n += int(-b.count >> 31) // 1 if there is any code in the bucket; no branch, as none could be foreseen
			t.allowed -= int(b.count)
		}
		if n > bucketBatch-groupSize {
			p.compare(t, p.buckets[:n])
			n = 0
		}
		if t.allowed < 0 {
			return false
		}
	}
	p.compare(t, p.buckets[:n])
	return true
}

// compare takes the first code of each bucket and then the others, most of which are in
// the cache by then.
func (p *prober) compare(t *task, buckets []bucket) {
	postings, found := t.postings, p.found[:len(buckets)]
	for i, b := range buckets {
		found[i] = postings[b.start]
	}
	n := len(buckets)
	for _, b := range buckets {
		if b.count == 1 {
			continue
		}
		for _, at := range postings[b.start+1 : b.start+b.count] {
			if n == foundBatch {
				p.check(t, n)
				n = 0
			}
			p.found[n] = at
			n++
		}
	}
	p.check(t, n)
}

// check compares the first n candidates with the probe.
func (p *prober) check(t *task, n int) {
	q := &t.probes[t.probe]
	touch(t.view.Body.codes, p.found[:n])
	for _, at := range p.near[:nearHalf(t.view.Body.codes, p.found[:n], q, t.radius, &p.near)] {
		c := &t.view.Body.codes[at]
		if c.Distance(*q) > t.radius || p.seen[at/64]>>(at%64)&1 != 0 || t.view.Dead.Has(at) {
			continue
		}
		p.seen[at/64] |= 1 << (at % 64)
		p.marked = append(p.marked, at)
		t.hits = append(t.hits, nearestProbe(t.view.IDs[at], c, t.probes))
	}
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

// nearHalf notes those of the found codes whose first half is within radius of the
// probe's, and returns how many there are.
func nearHalf(codes []index.Code, found []uint32, q *index.Code, radius int, near *[foundBatch]uint32) (n int) {
	q0, q1 := q[0], q[1]
	for _, at := range found {
		c := &codes[at]
		if bits.OnesCount64(c[0]^q0)+bits.OnesCount64(c[1]^q1) <= radius {
			near[n] = at
			n++
		}
	}
	return n
}
