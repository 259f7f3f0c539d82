package registry

import (
	"testing"

	localindex "selvage/index/local"
)

// TestStanding: a full list is cut where its scores come near that of its end, but never
// before a few; a list that is not full is not cut.
func TestStanding(t *testing.T) {
	list := func(n int, score func(i int) float64) []localindex.Candidate {
		out := make([]localindex.Candidate, n)
		for i := range out {
			out[i].Score = score(i)
		}
		return out
	}
	for _, c := range []struct {
		name string
		in   []localindex.Candidate
		want int
	}{
		{"none", nil, 0},
		{"not full", list(maxLocal-1, func(i int) float64 { return 1000 - float64(i) }), maxLocal - 1},
		{"chance alone", list(maxLocal, func(i int) float64 { return 20 - float64(i)/100 }), proofsChance},
		{"one copy", list(maxLocal, func(i int) float64 { return max(10, 100-90*float64(i)) }), proofsChance},
		{"a crowd", list(maxLocal, func(i int) float64 {
			if i < 30 {
				return 10 * standsOut
			}
			return 10
		}), 30},
		{"a crowd as long as the list", list(maxLocal, func(int) float64 { return 50 }), proofsChance},
	} {
		got := standing(c.in)
		if len(got) != c.want {
			t.Errorf("%s: %d of %d are looked at, want %d", c.name, len(got), len(c.in), c.want)
		}
		for i := range got {
			if got[i] != c.in[i] {
				t.Fatalf("%s: place %d has another candidate", c.name, i)
			}
		}
	}
}
