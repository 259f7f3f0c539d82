package mih

import (
	"math/bits"
	"sync"

	"selvage/index"
)

// blockSize is the number of codes that are compared with all probes before the next
// ones: 16 kB, which stay in the fastest cache.
const blockSize = 512

// A scanner is the working memory of a scan. Take one with newScanner and put it back
// into scanners.
type scanner struct {
	planes planes // first, as it is to begin with a cache line
	probes []index.Code
	pairs  []pair
	near   [blockSize]uint16 // position of a code near the probe
	hit    [blockSize / 64]uint64
	best   [blockSize]index.Hit // where hit has a one
}

var scanners = sync.Pool{New: func() any { return new(scanner) }}

func newScanner(probes []index.Code) *scanner {
	s := scanners.Get().(*scanner)
	s.probes = probes
	s.pairs = s.pairs[:0]
	if vectors {
		s.pair()
	}
	return s
}

// scan compares every code with every probe.
func (s *scanner) scan(hits []index.Hit, codes []index.Code, ids []index.ID, dead *bitset, radius int) []index.Hit {
	for from := 0; from < len(codes); from += blockSize {
		to := min(from+blockSize, len(codes))
		hits = s.block(hits, codes, ids, from, to, dead, radius)
	}
	return hits
}

// block appends the hits among codes[from:to]; there are at most blockSize of them.
func (s *scanner) block(hits []index.Hit, codes []index.Code, ids []index.ID, from, to int, dead *bitset, radius int) []index.Hit {
	block := codes[from:to]
	clear(s.hit[:])
	if vectors && len(block) == blockSize && radius <= sliceRadius {
		s.sliced((*[blockSize]index.Code)(block), radius)
	} else {
		s.plain(block, radius)
	}
	for w, word := range s.hit {
		for ; word != 0; word &= word - 1 {
			i := w*64 + bits.TrailingZeros64(word)
			if !dead.Has(uint32(from + i)) {
				s.best[i].ID = ids[from+i]
				hits = append(hits, s.best[i])
			}
		}
	}
	return hits
}

// note keeps the best of what the probes found at a position.
func (s *scanner) note(at, probe, distance int) {
	best, mask := &s.best[at], uint64(1)<<(at%64)
	if s.hit[at/64]&mask == 0 {
		s.hit[at/64] |= mask
	} else if distance > best.Distance || distance == best.Distance && probe > best.Probe {
		return
	}
	best.Distance, best.Probe = distance, probe
}

func (s *scanner) plain(block []index.Code, radius int) {
	for p := range s.probes {
		var n int
		switch {
		case radius < 48: // two words of an unrelated code differ by 64 ± 6 bits
			n = nearBy2(block, s.probes[p], radius, &s.near)
		case radius < 80: // three words differ by 96 ± 7 bits
			n = nearBy3(block, s.probes[p], radius, &s.near)
		default:
			n = nearBy4(block, s.probes[p], radius, &s.near)
		}
		for _, i := range s.near[:n] {
			s.note(int(i), p, block[i].Distance(s.probes[p]))
		}
	}
}

// nearBy2 notes the positions of the codes within radius; it looks at the second half
// of a code only if the first is near. The next two differ in the place of the test.
func nearBy2(block []index.Code, p index.Code, radius int, near *[blockSize]uint16) (n int) {
	p0, p1, p2, p3 := p[0], p[1], p[2], p[3]
	for i := range block {
		c := &block[i]
		d := bits.OnesCount64(c[0]^p0) + bits.OnesCount64(c[1]^p1)
		if d > radius {
			continue
		}
		if d += bits.OnesCount64(c[2]^p2) + bits.OnesCount64(c[3]^p3); d <= radius {
			near[n&(blockSize-1)] = uint16(i)
			n++
		}
	}
	return n
}

func nearBy3(block []index.Code, p index.Code, radius int, near *[blockSize]uint16) (n int) {
	p0, p1, p2, p3 := p[0], p[1], p[2], p[3]
	for i := range block {
		c := &block[i]
		d := bits.OnesCount64(c[0]^p0) + bits.OnesCount64(c[1]^p1) + bits.OnesCount64(c[2]^p2)
		if d > radius {
			continue
		}
		if d += bits.OnesCount64(c[3] ^ p3); d <= radius {
			near[n&(blockSize-1)] = uint16(i)
			n++
		}
	}
	return n
}

func nearBy4(block []index.Code, p index.Code, radius int, near *[blockSize]uint16) (n int) {
	p0, p1, p2, p3 := p[0], p[1], p[2], p[3]
	for i := range block {
		c := &block[i]
		d := bits.OnesCount64(c[0]^p0) + bits.OnesCount64(c[1]^p1) +
			bits.OnesCount64(c[2]^p2) + bits.OnesCount64(c[3]^p3)
		if d <= radius {
			near[n&(blockSize-1)] = uint16(i)
			n++
		}
	}
	return n
}
