// Package weigh is the arithmetic of scores in packages local and flat: integers and fixed
// points, so that a score is the same on every processor. What is weighed is told by package
// local.
package weigh

import "math/bits"

// MaxDistance is the largest Hamming distance of two signatures that count as alike. Up
// to 24, at less than a tenth of the weight, copies stood out no better from chance.
const MaxDistance = 20

// closeness is 2^16 × exp(-(h/13.2)²) for each distance h: Jégou, Douze and Schmid, "Improving
// Bag-of-Features for Large Scale Image Search" (2010), section 3, with the width found best
// on photographs.
var closeness = [MaxDistance + 1]uint64{
	65536, 65161, 64049, 62237, 59786, 56776, 53303, 49471, 45390, 41171, 36917, 32726, 28679,
	24845, 21279, 18016, 15080, 12478, 10207, 8254, 6599,
}

// Word is the weight of a word that stands features times in an index of some pictures, for
// a variant of the query that looks under it with so many probes: idf² / √probes, where idf is
// log2(1 + pictures/features) in 1/256. A word that stands nowhere weighs nothing.
func Word(pictures, features, probes int) uint64 {
	if features == 0 || probes == 0 {
		return 0
	}
	idf := log2(uint64(pictures)+uint64(features)) - log2(uint64(features))
	return idf * idf << 8 / sqrt(uint64(probes)<<16)
}

// Vote is what a match of two signatures at distance h counts under a word of that weight, in
// 1/256; at least 1.
func Vote(word uint64, h int) uint32 {
	return uint32(max(1, word*closeness[h]>>24))
}

// Sizes is the number of features that a picture may have, and a set probes.
const Sizes = 4096

// Score is a sum of votes divided by the root of the picture's number of features, in 1/65536.
func Score(votes uint32, size int) uint64 { return uint64(votes) * roots[size] >> 16 }

// roots is 2^24/√size.
var roots = func() (t [Sizes + 1]uint64) {
	for n := 1; n <= Sizes; n++ {
		t[n] = 1 << 40 / sqrt(uint64(n)<<32)
	}
	return t
}()

// The bins of the weak geometry. A window is two bins wide both ways.
const (
	AngleBins = 16 // of 1/16 turn, the last beside the first
	SizeBins  = 8  // of an octave, from a probe 16 times as large to 1/16; the ends take what lies outside
	Bins      = AngleBins * SizeBins
)

// Place is what the index keeps of a feature beside word and signature: its size in quarters
// of an octave and its angle, in 14 bits.
func Place(size, angle uint8) uint32 { return uint32(size>>2)<<8 | uint32(angle) }

// PlaceBits is the number of bits of a place.
const PlaceBits = 14

// Bin tells how a probe is turned and scaled against a feature.
func Bin(size, angle uint8, place uint32) uint8 {
	turn := (angle - uint8(place)) / (256 / AngleBins)
	octave := (int(size>>2) - int(place>>8) + 2*SizeBins) >> 2
	return turn*SizeBins + uint8(min(max(octave, 0), SizeBins-1))
}

// A Votes adds votes up by bin. The zero value is empty.
type Votes [Bins]uint32 // by first bin of the window

// Add puts a vote into the windows that hold its bin, and returns the largest of them now.
func (v *Votes) Add(bin uint8, vote uint32) (most uint32) {
	turn, octave := bin/SizeBins, bin%SizeBins
	before := (turn + AngleBins - 1) % AngleBins
	for _, t := range [2]uint8{turn, before} {
		for o := octave - min(octave, 1); o <= octave; o++ {
			at := &v[t*SizeBins+o]
			*at += vote
			most = max(most, *at)
		}
	}
	return most
}

// log2 of x > 0 in 1/256, rounded down.
func log2(x uint64) uint64 {
	whole := bits.Len64(x) - 1
	m := x << (63 - whole) >> 32 // 1 <= m < 2, in 1/2^31
	y := uint64(whole)
	for range 8 {
		m = m * m >> 31
		y = y<<1 | m>>32
		m >>= m >> 32
	}
	return y
}

// sqrt is the root, rounded down.
func sqrt(x uint64) uint64 {
	if x == 0 {
		return 0
	}
	r := uint64(1) << ((bits.Len64(x) + 1) / 2) // not below the root
	for {
		next := (r + x/r) / 2 // Newton
		if next >= r {
			return r
		}
		r = next
	}
}
