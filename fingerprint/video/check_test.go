package video

import (
	"testing"

	"selvage/fingerprint/photo"
)

// TestDetail: two frames that share a small detail of both prove nothing; a detail of one that
// is all of the other does.
func TestDetail(t *testing.T) {
	for _, c := range []struct {
		name             string
		ofRef, ofContent float64
		want             float64
	}{
		{"a corner of both", .03, .03, 0},
		{"all of the registered frame, small in the query", 1, .06, .97},
		{"a crop of the registered frame fills the query", .06, .98, .97},
		{"a tenth of both", .1, .1, .97},
	} {
		k := check{cmp: &photo.Comparison{Places: []photo.Place{{OfRef: c.ofRef, OfContent: c.ofContent, Probability: .97}}}}
		if got := k.probability(); got != c.want {
			t.Errorf("%s: %g, want %g", c.name, got, c.want)
		}
	}
	same := check{cmp: &photo.Comparison{SamePixels: true, Places: []photo.Place{{OfRef: .01, OfContent: .01, Probability: 1}}}}
	if got := same.probability(); got != 1 {
		t.Errorf("the same pixels: %g", got)
	}
}
