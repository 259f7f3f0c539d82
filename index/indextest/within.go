package indextest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"selvage/index"
)

// within checks RangeWithin against Range with the other IDs left out, through flushes,
// removals and replacements.
func within(t *testing.T, x index.Persistent) {
	r := rand.New(rand.NewPCG(11, 1))
	codes := Clustered(3000, 20, 25, 12)
	for i, c := range codes {
		// Blocks of IDs as of owners, arriving mixed.
		id := index.ID(r.IntN(7))<<40 | index.ID(r.IntN(400))
		if err := x.Add(id, c); err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 {
			if err := x.Remove(index.ID(r.IntN(7))<<40 | index.ID(r.IntN(400))); err != nil {
				t.Fatal(err)
			}
		}
		if i%1100 == 1099 {
			flush(t, x, uint64(i))
		}
	}
	for range 40 {
		q := []index.Code{Near(r, codes[r.IntN(len(codes))], 10), Near(r, codes[r.IntN(len(codes))], 30)}
		from := index.ID(r.IntN(8)) << 40
		to := from + index.ID(r.IntN(2)+1)<<40
		for _, radius := range []int{0, 31, 64, 256} {
			all, err := x.Range(q, radius)
			if err != nil {
				t.Fatal(err)
			}
			want := slices.DeleteFunc(all, func(h index.Hit) bool { return h.ID < from || h.ID >= to })
			got, err := x.RangeWithin(q, radius, from, to)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("radius %d within [%x, %x): %d hits, want %d", radius, from, to, len(got), len(want))
			}
		}
	}
	if hits, err := x.RangeWithin([]index.Code{codes[0]}, 256, 5, 5); err != nil || len(hits) != 0 {
		t.Errorf("an empty part: %v, %v", hits, err)
	}
	if _, err := x.RangeWithin([]index.Code{codes[0]}, 257, 0, 1); err == nil {
		t.Error("radius 257: no error")
	}
}
