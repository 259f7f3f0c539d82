package photo

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestNthIsTheSortedOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		v := make([]float64, 1+rng.IntN(40))
		for i := range v {
			v[i] = float64(rng.IntN(1 + rng.IntN(30)))
		}
		k := rng.IntN(len(v))
		want := slices.Sorted(slices.Values(v))[k]
		if got := nth(slices.Clone(v), k); got != want {
			t.Fatalf("nth(%v, %d) = %v, want %v", v, k, got, want)
		}
	}
}
