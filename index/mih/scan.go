package mih

import (
	"math/bits"

	"selvage/index"
)

// blockSize is the number of codes that are compared with all probes before the next
// ones: 16 kB, which stay in the fastest cache.
const blockSize = 512

// scan compares every code with every probe.
func scan(hits []index.Hit, codes []index.Code, ids []index.ID, dead *bitset, probes []index.Code, radius int) []index.Hit {
	for from := 0; from < len(codes); from += blockSize {
		to := min(from+blockSize, len(codes))
		hits = scanBlock(hits, codes, ids, from, to, dead, probes, radius)
	}
	return hits
}

// scanBlock appends the hits among codes[from:to]; there are at most blockSize of them.
func scanBlock(hits []index.Hit, codes []index.Code, ids []index.ID, from, to int, dead *bitset, probes []index.Code, radius int) []index.Hit {
	var near [blockSize]uint16 // position of a code near the probe
	var best [blockSize]index.Hit
	var hit [blockSize / 64]uint64
	block := codes[from:to]
	any := false
	for p := range probes {
		var n int
		switch {
		case radius < 48: // two words of an unrelated code differ by 64 ± 6 bits
			n = nearBy2(block, probes[p], radius, &near)
		case radius < 80: // three words differ by 96 ± 7 bits
			n = nearBy3(block, probes[p], radius, &near)
		default:
			n = nearBy4(block, probes[p], radius, &near)
		}
		for _, i := range near[:n] {
			d := block[i].Distance(probes[p])
			if mask := uint64(1) << (i % 64); hit[i/64]&mask == 0 {
				hit[i/64] |= mask
			} else if d >= best[i].Distance {
				continue
			}
			best[i] = index.Hit{ID: ids[from+int(i)], Distance: d, Probe: p}
			any = true
		}
	}
	if !any {
		return hits
	}
	for w, word := range hit {
		for ; word != 0; word &= word - 1 {
			i := w*64 + bits.TrailingZeros64(word)
			if !dead.has(uint32(from + i)) {
				hits = append(hits, best[i])
			}
		}
	}
	return hits
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
