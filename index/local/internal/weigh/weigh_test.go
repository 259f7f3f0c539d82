package weigh

import (
	"math"
	"testing"
)

func TestRoots(t *testing.T) {
	for _, x := range []uint64{0, 1, 2, 3, 4, 8, 9, 15, 16, 1 << 20, 1<<40 - 1, 1 << 40, 1<<44 + 12345, 1<<63 - 1} {
		r := sqrt(x)
		if r*r > x || (r+1)*(r+1) <= x {
			t.Errorf("root of %d is %d", x, r)
		}
	}
	for x := uint64(1); x < 1<<62; x = x*3/2 + 1 {
		if got, want := float64(log2(x))/256, math.Log2(float64(x)); got > want+1e-6 || got < want-1.1/256 {
			t.Errorf("logarithm of %d is %g, want %g", x, got, want)
		}
	}
	for h, c := range closeness {
		x := float64(h) / 13.2
		if want := 65536 * math.Exp(-x*x); math.Abs(float64(c)-want) > .51 {
			t.Errorf("closeness at %d is %d, want %g", h, c, want)
		}
	}
}

// TestWeights compares with floating point, and demands that no sum overflows.
func TestWeights(t *testing.T) {
	for _, c := range []struct{ pictures, features, probes int }{
		{1, 1, 1}, {1000, 4, 1}, {1e6, 4000, 3}, {1e6, 1, 1}, {1e6, 1 << 30, 7}, {1e6, 4000, 4096},
	} {
		idf := math.Log2(1 + float64(c.pictures)/float64(c.features))
		for h := 0; h <= MaxDistance; h += 6 {
			x := float64(h) / 13.2
			want := 256 * idf * idf / math.Sqrt(float64(c.probes)) * math.Exp(-x*x)
			got := float64(Vote(Word(c.pictures, c.features, c.probes), h))
			if math.Abs(got-max(1, want)) > 1+.05*want {
				t.Errorf("%+v at %d: vote %g, want %g", c, h, got, want)
			}
		}
	}
	if most := uint64(Vote(Word(1<<30, 1, 1), 0)); most*Sizes > math.MaxUint32 {
		t.Errorf("%d votes of %d overflow", Sizes, most)
	}
	if got := float64(Score(1<<20, 288)) / 256; math.Abs(got-(1<<20)/math.Sqrt(288)) > 1 {
		t.Errorf("score %g", got)
	}
}

// TestVotes compares with the sum over each window.
func TestVotes(t *testing.T) {
	var v Votes
	var plain [AngleBins][SizeBins]uint32
	most := uint32(0)
	for i := range 300 {
		bin, vote := uint8(i*i*7%Bins), uint32(i+1)
		most = max(most, v.Add(bin, vote))
		plain[bin/SizeBins][bin%SizeBins] += vote
		want := uint32(0)
		for a := range plain {
			for s := range plain[a] {
				sum := plain[a][s] + plain[(a+1)%AngleBins][s]
				if s+1 < SizeBins {
					sum += plain[a][s+1] + plain[(a+1)%AngleBins][s+1]
				}
				want = max(want, sum)
			}
		}
		if most != want {
			t.Fatalf("after %d votes the best window has %d, want %d", i+1, most, want)
		}
	}
	if b := Bin(10, 3, Place(10, 250)); b != 0*SizeBins+4 {
		t.Errorf("bin %d", b)
	}
	if b := Bin(0, 0, Place(255, 1)); b != 15*SizeBins {
		t.Errorf("bin %d", b)
	}
}
