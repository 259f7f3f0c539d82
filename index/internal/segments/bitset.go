package segments

import (
	"iter"
	"math/bits"
)

// A Bitset is an immutable set of positions. The nil Bitset is empty. Adding makes a
// new set that shares all pages but one with the old, so that a search can keep a set
// while others add to it.
type Bitset struct {
	pages []*page
	count int
}

const pageBits = 1 << 13

type page [pageBits / 64]uint64

// Has reports whether a position is in the set.
func (b *Bitset) Has(i uint32) bool {
	if b == nil || int(i/pageBits) >= len(b.pages) {
		return false
	}
	p := b.pages[i/pageBits]
	return p != nil && p[i%pageBits/64]>>(i%64)&1 != 0
}

// Len is the number of positions.
func (b *Bitset) Len() int {
	if b == nil {
		return 0
	}
	return b.count
}

// With returns the set with the positions added.
func (b *Bitset) With(positions ...uint32) *Bitset {
	if len(positions) == 0 {
		return b
	}
	n := &Bitset{}
	if b != nil {
		n.count = b.count
		n.pages = append(n.pages, b.pages...)
	}
	owned := make(map[uint32]bool, 1)
	for _, i := range positions {
		at := i / pageBits
		for int(at) >= len(n.pages) {
			n.pages = append(n.pages, nil)
		}
		if !owned[at] {
			owned[at] = true
			p := new(page)
			if n.pages[at] != nil {
				*p = *n.pages[at]
			}
			n.pages[at] = p
		}
		word, mask := &n.pages[at][i%pageBits/64], uint64(1)<<(i%64)
		if *word&mask == 0 {
			*word |= mask
			n.count++
		}
	}
	return n
}

// Since yields, in rising order, the positions that b has and old lacks. It is fast
// where b was made from old.
func (b *Bitset) Since(old *Bitset) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		if b == nil {
			return
		}
		for at, p := range b.pages {
			var was *page
			if old != nil && at < len(old.pages) {
				was = old.pages[at]
			}
			if p == nil || p == was {
				continue
			}
			for w, word := range p {
				if was != nil {
					word &^= was[w]
				}
				for ; word != 0; word &= word - 1 {
					if !yield(uint32(at*pageBits + w*64 + bits.TrailingZeros64(word))) {
						return
					}
				}
			}
		}
	}
}
