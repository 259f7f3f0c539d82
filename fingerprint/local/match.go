package local

import "math/bits"

// MatchLimit is the distance up to which [Match] should take two features as alike.
const MatchLimit = 36

// Pairing is a feature of a query and one of a registered picture that look alike.
type Pairing struct {
	Q, R     int  // positions in the lists given to Match
	Distance int  // differing bits of the two signatures, 0..128
	Second   bool // the query's feature has a nearer partner, which is the pairing before this one
}

// Match compares every feature of a query with every feature of a registered picture by
// signature, all 128 bits, and gives for each of the query its nearest and second nearest
// partner, as far as they are at most limit apart. [MatchLimit] was measured to suit. It
// is the exact counterpart of looking words up: it also finds pairs whose words differ.
//
// Of r no more than the first 65,536 are looked at. Pairings come by rising Q, then the nearer one first; of partners equally near, the one
// with the smaller R.
func Match(q, r []Feature, limit int) []Pairing {
	limit = min(limit, SigBits)
	r = r[:min(len(r), place)]
	low, high := make([]uint64, len(r)), make([]uint64, len(r))
	for j := range r {
		low[j], high[j] = r[j].Sig[0], r[j].Sig[1]
	}
	var pairs []Pairing
	for i := range q {
		first, second := nearestTwo(low, high, q[i].Sig)
		if d := int(first / place); d <= limit {
			pairs = append(pairs, Pairing{Q: i, R: int(first % place), Distance: d})
		}
		if d := int(second / place); d <= limit {
			pairs = append(pairs, Pairing{Q: i, R: int(second % place), Distance: d, Second: true})
		}
	}
	return pairs
}

// A distance times place and the place itself make one number, so that the two least can
// be kept without branches, which nothing could predict.
const place = 1 << 16

// nowhere is more than any distance.
const nowhere = uint64(SigBits+1) * place

// plainNearestTwo finds the two signatures nearest to sig among those from the place on.
func plainNearestTwo(low, high []uint64, from int, sig [2]uint64, first, second uint64) (uint64, uint64) {
	high = high[:len(low)]
	for j := from; j < len(low); j++ {
		at := uint64(bits.OnesCount64(sig[0]^low[j])+bits.OnesCount64(sig[1]^high[j]))*place + uint64(j)
		second = min(second, max(first, at))
		first = min(first, at)
	}
	return first, second
}
