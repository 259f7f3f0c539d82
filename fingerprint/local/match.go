package local

import "math/bits"

// MatchLimit is the distance up to which [Match] should take two features as alike.
const MatchLimit = 32

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
// Pairings come by rising Q, then the nearer one first; of partners equally near, the one
// with the smaller R.
func Match(q, r []Feature, limit int) []Pairing {
	var pairs []Pairing
	for i := range q {
		a, b := q[i].Sig[0], q[i].Sig[1]
		first, second := limit+1, limit+1
		at, after := -1, -1
		for j := range r {
			s := &r[j].Sig
			d := bits.OnesCount64(a^s[0]) + bits.OnesCount64(b^s[1])
			if d >= second {
				continue
			}
			if d < first {
				second, after = first, at
				first, at = d, j
			} else {
				second, after = d, j
			}
		}
		if at >= 0 {
			pairs = append(pairs, Pairing{Q: i, R: at, Distance: first})
		}
		if after >= 0 {
			pairs = append(pairs, Pairing{Q: i, R: after, Distance: second, Second: true})
		}
	}
	return pairs
}
