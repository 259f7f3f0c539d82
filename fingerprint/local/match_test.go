package local

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMatch compares with a plain sort of all pairs.
func TestMatch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	random := func(n int) []Feature {
		f := make([]Feature, n)
		for i := range f {
			f[i].Sig = [2]uint64{r.Uint64() & 0xffff, r.Uint64() & 0xff} // near enough to meet ties
		}
		return f
	}
	for _, limit := range []int{-1, 0, 4, 8, 128} {
		q, ref := random(60), random(50)
		ref[7] = q[3]
		var want []Pairing
		for i := range q {
			var all []Pairing
			for j := range ref {
				if d := apart(q[i], ref[j]); d <= limit {
					all = append(all, Pairing{Q: i, R: j, Distance: d})
				}
			}
			slices.SortStableFunc(all, func(a, b Pairing) int { return cmp.Compare(a.Distance, b.Distance) })
			all = all[:min(2, len(all))]
			if len(all) == 2 {
				all[1].Second = true
			}
			want = append(want, all...)
		}
		if got := Match(q, ref, limit); !slices.Equal(got, want) {
			t.Errorf("limit %d: %v, want %v", limit, got, want)
		}
	}
	if got := Match(random(3), nil, 128); got != nil {
		t.Errorf("pairs with nothing: %v", got)
	}
}

// TestMatchKernel compares the code in assembly with the plain one, for all lengths of what
// is left over.
func TestMatchKernel(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for n := range 70 {
		low, high := make([]uint64, n), make([]uint64, n)
		for i := range low {
			low[i], high[i] = r.Uint64(), r.Uint64()
		}
		for k, sig := range [][2]uint64{{}, {^uint64(0), ^uint64(0)}, {r.Uint64(), r.Uint64()}} {
			if n > 0 && k == 2 {
				low[n/2], high[n/2] = ^sig[0], ^sig[1] // as far as can be
			}
			first, second := nearestTwo(low, high, sig)
			wantFirst, wantSecond := plainNearestTwo(low, high, 0, sig, nowhere, nowhere)
			if first != wantFirst || second != wantSecond {
				t.Fatalf("%d signatures: %x and %x, want %x and %x", n, first, second, wantFirst, wantSecond)
			}
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	q, r := Quantise(madeUp(500, 1), 512, 512, Plain), Quantise(madeUp(288, 2), 512, 512, Plain)
	for b.Loop() {
		Match(q, r, MatchLimit)
	}
}
