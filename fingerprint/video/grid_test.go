package video

import (
	"math/rand/v2"
	"testing"

	"selvage/fingerprint"
)

// Rows that are not kept give the same distances, before and after something made them
// nearer.
func TestGridRows(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	q, ref := randomTrack(r, 40), randomTrack(r, 70)
	whole, thin := newGrid(q, ref), newGrid(q, ref)
	thin.every = 3
	kept := thin.d[:0]
	for i := 0; i < len(q); i += 3 {
		kept = append(kept, thin.d[i*len(ref):][:len(ref)]...)
	}
	thin.d = kept
	for range 200 {
		i, j, d := r.IntN(len(q)), r.IntN(len(ref)), uint8(r.IntN(128))
		whole.nearer(i, j, d)
		thin.nearer(i, j, d)
	}
	for i := range q {
		for j := range ref {
			if a, b := whole.at(i, j), thin.at(i, j); a != b {
				t.Fatalf("row %d, column %d: %d and %d", i, j, a, b)
			}
		}
	}
}

// The distance is that of the best form and view, by its definition.
func TestGridForms(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	q, ref := randomTrack(r, 12), randomTrack(r, 15)
	g := newGrid(q, ref)
	for i := range q {
		for j := range ref {
			want := far
			for form := range fingerprint.Dihedral(8) {
				want = min(want, q[i].distance(&ref[j], form))
			}
			if got := int(g.at(i, j)); got != want {
				t.Fatalf("row %d, column %d: %d, want %d", i, j, got, want)
			}
		}
	}
}

// However long and still two videos are, so many pairs are looked at.
func TestEvidenceIsBounded(t *testing.T) {
	still := make(Track, 400)
	for i := range still {
		still[i] = Frame{Slot: i, Quality: 80, Full: Code{1, 2, 3, 4}}
	}
	if n := len(newGrid(still, still).evidence()); n > mostPairs || n < mostPairs/4 {
		t.Errorf("%d pairs, want at most %d", n, mostPairs)
	}
}
