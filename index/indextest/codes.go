package indextest

import (
	"math/rand/v2"

	"selvage/index"
)

// Random returns n codes of independent bits. The same seed gives the same codes.
func Random(n int, seed uint64) []index.Code {
	r := rand.New(rand.NewPCG(seed, 1))
	codes := make([]index.Code, n)
	for i := range codes {
		codes[i] = index.Code{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
	}
	return codes
}

// Clustered returns n codes in clusters of about size codes each, which differ by up to
// spread bits from the middle of their cluster.
func Clustered(n, size, spread int, seed uint64) []index.Code {
	r := rand.New(rand.NewPCG(seed, 2))
	middles := Random(max(1, n/size), seed)
	codes := make([]index.Code, n)
	for i := range codes {
		codes[i] = Near(r, middles[r.IntN(len(middles))], r.IntN(spread+1))
	}
	return codes
}

// Near returns a code that differs from c by exactly the given number of bits.
func Near(r *rand.Rand, c index.Code, distance int) index.Code {
	for _, bit := range r.Perm(256)[:distance] {
		c[bit/64] ^= 1 << (bit % 64)
	}
	return c
}
