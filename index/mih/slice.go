package mih

import (
	"math"
	"math/bits"
	"os"
	"unsafe"

	"selvage/index"
)

// vectors says whether scans work on planes. The environment can forbid it, to look for an
// error in it; the answers are the same.
var vectors = assembly && os.Getenv("SELVAGE_SIMD") != "off"

// With vector instructions a block is turned by 90 degrees: a plane holds one bit of all
// its codes, so that one instruction works on 512 codes. A probe chooses for each bit the
// plane or its complement, where ones are differences, and these are added up.
//
// The sums of some of the planes are enough to leave out nearly all codes. They also tell
// which codes may be near the complement of the probe, which searches for pictures with
// inverted tones ask for: its distance is the number of planes less the sum.
type planes [256][2][blockSize / 64]uint64

// sliceRadius is the largest radius for which sums fit: see countAVX512.
const sliceRadius = 127

// A pair is a probe with its complement.
type pair struct {
	probe   int
	inverse int // position of the complement, -1 if it is not asked for
	offsets [256]uint16
}

// pair fills in pairs from probes.
func (s *scanner) pair() {
	free := make(map[index.Code]int) // probes that have no complement yet
	for i, c := range s.probes {
		not := index.Code{^c[0], ^c[1], ^c[2], ^c[3]}
		if at, ok := free[not]; ok {
			s.pairs[at].inverse = i
			delete(free, not)
			continue
		}
		free[c] = len(s.pairs)
		p := pair{probe: i, inverse: -1}
		for j := range p.offsets {
			p.offsets[j] = uint16(128*j) + uint16(c[j/64]>>(j%64)&1)*64
		}
		s.pairs = append(s.pairs, p)
	}
}

// sliced notes all codes of a block within a radius of up to sliceRadius.
func (s *scanner) sliced(block *[blockSize]index.Code, radius int) {
	n := planesFor(radius)
	slice(&s.planes, block, 0)
	if n > 128 {
		slice(&s.planes, block, 1)
	}
	const size = unsafe.Sizeof(*block)
	next, end := uintptr(unsafe.Pointer(block))+size, uintptr(unsafe.Pointer(block))+2*size
	for i := range s.pairs {
		p := &s.pairs[i]
		var near, far [blockSize / 64]uint64
		start := sliceRadius - radius
		count(&s.planes, &p.offsets, n/16, start, 512-(start+n-radius), &near, &far, next)
		if next += uintptr(16 * n); next >= end {
			next = uintptr(unsafe.Pointer(block)) // there is no more to ask for
		}
		s.compare(block, &near, p.probe, radius)
		if p.inverse >= 0 {
			s.compare(block, &far, p.inverse, radius)
		}
	}
}

// cost estimates the nanoseconds that a scan takes a code; see probeCost.
func (s *scanner) cost(radius int) float64 {
	if !vectors || radius > sliceRadius {
		return 2.3 * float64(len(s.probes))
	}
	const memory, half = 4.5, 2.8 // reading a code, turning one half of it
	planes := planesFor(radius)
	turn := half * float64((planes+127)/128)
	return max(memory, turn+float64(len(s.pairs))*(0.08+0.001*float64(planes)))
}

// compare notes those of the marked codes that are within radius of a probe.
func (s *scanner) compare(block *[blockSize]index.Code, marks *[blockSize / 64]uint64, probe, radius int) {
	for w, word := range marks {
		for ; word != 0; word &= word - 1 {
			i := position(w, bits.TrailingZeros64(word))
			if d := block[i].Distance(s.probes[probe]); d <= radius {
				s.note(i, probe, d)
			}
		}
	}
}

// position tells which code a bit of a plane belongs to: slicing leaves 64 codes in an
// order of its own.
func position(word, bit int) int { return 64*word + 4*(bit%16) + bit/16 }

// planesFor returns how many planes leave about one unrelated code in 2000 within a
// radius, a multiple of 16. Their sum is half of them, give or take half the root.
func planesFor(radius int) int {
	for n := 16; n < 256; n += 16 {
		if half := float64(n) / 2; half-3.3*math.Sqrt(half/2) > float64(radius) {
			return n
		}
	}
	return 256
}

// plainSlice fills in the planes of one half of the bits of a block, each followed by its
// complement.
func plainSlice(p *planes, block *[blockSize]index.Code, half int) {
	for j := 128 * half; j < 128*(half+1); j++ {
		for w := range p[j][0] {
			word := uint64(0)
			for bit := range 64 {
				word |= block[position(w, bit)][j/64] >> (j % 64) & 1 << bit
			}
			p[j][0][w], p[j][1][w] = word, ^word
		}
	}
}

// plainCount adds the bits of 16*sixteens planes to start. It notes in near the codes with
// sums below 128 and in far those with at least 512-least.
func plainCount(p *planes, offsets *[256]uint16, sixteens, start, least int, near, far *[blockSize / 64]uint64) {
	var sums [9][blockSize / 64]uint64 // the bits of the sums
	for i := range sums {
		for w := range near {
			sums[i][w] = -uint64(start >> i & 1)
		}
	}
	for _, at := range offsets[:16*sixteens] {
		plane := &p[at/128][at/64%2]
		for w, carry := range plane {
			for i := range sums {
				sums[i][w], carry = sums[i][w]^carry, sums[i][w]&carry
			}
		}
	}
	for w := range near {
		near[w] = ^(sums[7][w] | sums[8][w])
		carry := uint64(0)
		for i := range sums {
			if least>>i&1 != 0 {
				carry |= sums[i][w]
			} else {
				carry &= sums[i][w]
			}
		}
		far[w] = carry
	}
}
