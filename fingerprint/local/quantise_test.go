package local

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// madeUp gives features whose descriptors look like real ones: few large numbers, and a
// length of about 512.
func madeUp(n int, seed uint64) []Raw {
	r := rand.New(rand.NewPCG(seed, 0))
	raw := make([]Raw, n)
	for i := range raw {
		f := &raw[i]
		f.X, f.Y = float32(r.IntN(512*8))/8, float32(r.IntN(400*8))/8
		f.Sigma, f.Angle = 1.5+float32(r.IntN(200))/8, float32(r.IntN(1<<20))/(1<<20)*6.25
		for k := range f.Desc {
			f.Desc[k] = uint8(r.IntN(64))
			if r.IntN(6) == 0 {
				f.Desc[k] += uint8(r.IntN(128))
			}
		}
	}
	return raw
}

// near changes descriptors a little, as an edited picture does.
func near(raw []Raw, seed uint64) []Raw {
	r := rand.New(rand.NewPCG(seed, 1))
	out := slices.Clone(raw)
	for i := range out {
		for k, v := range out[i].Desc {
			out[i].Desc[k] = uint8(min(max(int(v)+r.IntN(17)-8, 0), 255))
		}
	}
	return out
}

// TestQuantiseGolden freezes words and signatures: they may only change with Version.
func TestQuantiseGolden(t *testing.T) {
	const want = "fb4b06986d6162b76c80d0a081c629f83b2c7b8fedbb3f53c325fdfaacdf75bb"
	sum := sha256.New()
	for v := Plain; v <= Mirrored|Negative; v++ {
		sum.Write(Encode(Quantise(madeUp(500, 1), 512, 400, v)))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("digest of the payloads is %s, want %s", got, want)
	}
}

// TestQuantiseQuery compares the words of a query with a search over all words, and its
// features with those of a registered picture.
func TestQuantiseQuery(t *testing.T) {
	raw := madeUp(40, 2)
	for v := Plain; v <= Mirrored|Negative; v++ {
		features, query := Quantise(raw, 300, 512, v), QuantiseQuery(raw, 300, 512, v)
		for i := range raw {
			if query[i].Feature != features[i] {
				t.Fatalf("feature %d of a query is %+v, registered %+v", i, query[i].Feature, features[i])
			}
			if query[i].Word != query[i].Near[0] {
				t.Fatalf("word %d, nearest %d", query[i].Word, query[i].Near[0])
			}
			at := pointOf(standard().voc, v.permute(&raw[i].Desc))
			last := int64(-1)
			for _, w := range query[i].Near {
				d := distanceTo(standard().voc, &at, w)
				if d < last {
					t.Fatalf("feature %d: words %v do not come by distance", i, query[i].Near)
				}
				last = d
			}
		}
	}
}

// TestNearestWord says how often the search among the nearest coarse centroids finds the
// very nearest of all words.
func TestNearestWord(t *testing.T) {
	const n = 30
	voc := standard().voc
	found := 0
	raw := madeUp(n, 3)
	for i, f := range Quantise(raw, 512, 512, Plain) {
		at := pointOf(voc, raw[i].Desc)
		least := int64(math.MaxInt64)
		for w := range uint32(Words) {
			least = min(least, distanceTo(voc, &at, w))
		}
		if distanceTo(voc, &at, f.Word) == least {
			found++
		}
	}
	if found < n/2 {
		t.Errorf("%d of %d words are the nearest", found, n)
	}
}

// pointOf and distanceTo say again in plain words what the tables make fast.
func pointOf(voc *Vocabulary, desc [DescSize]uint8) (at [WordDims]int64) {
	for i := range at {
		sum := int64(voc.Offset[i])
		for k, v := range desc {
			sum += int64(voc.Project[i][k]) * int64(v)
		}
		at[i] = sum >> voc.Shift
	}
	return at
}

func distanceTo(voc *Vocabulary, at *[WordDims]int64, word uint32) (sum int64) {
	for i, v := range at {
		d := v - Fraction*(int64(voc.Coarse[word/Residuals][i])+int64(voc.Residual[word%Residuals][i]))
		sum += d * d
	}
	return sum
}

func TestSignature(t *testing.T) {
	raw := madeUp(300, 4)
	a, b := Quantise(raw, 512, 512, Plain), Quantise(near(raw, 5), 512, 512, Plain)
	for i := range a {
		if d := apart(a[i], b[i]); d > MatchLimit {
			t.Errorf("feature %d: signatures of a changed descriptor differ in %d bits", i, d)
		}
		var want [2]uint64
		for j := range SigBits {
			sum := int64(0)
			for k, v := range raw[i].Desc {
				sum += int64(standard().voc.Sign[j][k]) * int64(v)
			}
			if sum > int64(standard().voc.Threshold[j]) {
				want[j/64] |= 1 << (j % 64)
			}
		}
		if a[i].Sig != want {
			t.Fatalf("feature %d: signature %x, want %x", i, a[i].Sig, want)
		}
	}
}

func apart(a, b Feature) int {
	return bits.OnesCount64(a.Sig[0]^b.Sig[0]) + bits.OnesCount64(a.Sig[1]^b.Sig[1])
}

func TestCompact(t *testing.T) {
	for _, c := range []struct {
		raw  Raw
		w, h int
		want Feature
	}{
		{Raw{X: 256, Y: 128, Sigma: 2, Angle: math.Pi}, 512, 384, Feature{X: 32768, Y: 16384, Size: 128, Angle: 128}},
		{Raw{X: 256, Y: 128, Sigma: 2, Angle: math.Pi}, 384, 512, Feature{X: 32768, Y: 16384, Size: 128, Angle: 128}},
		{Raw{X: 512, Y: 0, Sigma: 512, Angle: 6.28318}, 512, 512, Feature{X: 65535, Size: 0, Angle: 0}},
		{Raw{X: -1, Y: 600, Sigma: 1000}, 512, 512, Feature{Y: 65535}},
		{Raw{Sigma: 0}, 512, 512, Feature{Size: 255}},
		{Raw{Sigma: 1e-9}, 512, 512, Feature{Size: 255}},
		{Raw{Sigma: 1.6, Angle: 0.02}, 512, 512, Feature{Size: 133, Angle: 1}},
	} {
		if got := compact(&c.raw, max(c.w, c.h)); got != c.want {
			t.Errorf("%+v in %d × %d: %+v, want %+v", c.raw, c.w, c.h, got, c.want)
		}
	}
	for size := range 250 {
		sigma := float32(512 * math.Exp2(-float64(size)/16))
		if got := sizeOf(sigma, 512); int(got) != size {
			t.Errorf("size of sigma %g is %d, want %d", sigma, got, size)
		}
	}
}

// TestQuantiseKernels compares the code in assembly with the plain one, bit for bit.
func TestQuantiseKernels(t *testing.T) {
	if !vectors {
		t.Log("this processor, or SELVAGE_SIMD=off, leaves the plain code only")
	}
	r := rand.New(rand.NewPCG(6, 0))
	for round := range 60 {
		blocks, pairs := 1+r.IntN(8), 1+r.IntN(64)
		x, table := make([]int16, 2*pairs), make([]int16, 2*pairs*blocks*blockSums)
		fill := func(s []int16) {
			for i := range s {
				if s[i] = int16(r.Uint32()); round%3 == 0 {
					s[i] = math.MinInt16 // the largest products
				}
			}
		}
		fill(x)
		fill(table)
		got, want := make([]int32, blocks*blockSums), make([]int32, blocks*blockSums)
		multiply(got, x, table)
		plainMultiply(want, x, table)
		if !slices.Equal(got, want) {
			t.Fatalf("%d pairs, %d blocks: products differ", pairs, blocks)
		}
		norms, base := make([]int32, len(got)), int32(r.Uint32())
		for i := range norms {
			norms[i] = int32(r.Uint32())
		}
		dist, least := make([]int32, len(got)), make([]int32, len(got)/strand)
		wantDist, wantLeast := slices.Clone(dist), slices.Clone(least)
		distances(dist, least, norms, got, base)
		plainDistances(wantDist, wantLeast, norms, want, base)
		if !slices.Equal(dist, wantDist) || !slices.Equal(least, wantLeast) {
			t.Fatalf("%d blocks: distances differ", blocks)
		}
	}
}

func TestNearestPlaces(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	for range 200 {
		norms, dots := make([]int32, 4*blockSums), make([]int32, 4*blockSums)
		for i := range norms {
			norms[i] = int32(r.IntN(50)) // many are equal
		}
		dist, least := make([]int32, len(norms)), make([]int32, len(norms)/strand)
		distances(dist, least, norms, dots, 0)
		places := make([]uint32, 6)
		nearest(dist, least, places)
		sorted := slices.Sorted(slices.Values(norms))
		for i, at := range places {
			if norms[at] != sorted[i] || slices.Contains(places[:i], at) {
				t.Fatalf("places %v of %v: number %d is %d, want %d", places, norms, i, norms[at], sorted[i])
			}
		}
	}
}

func BenchmarkQuantise(b *testing.B) {
	raw := madeUp(500, 1)
	b.Run("registered", func(b *testing.B) {
		for b.Loop() {
			Quantise(raw, 512, 512, Plain)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(raw)), "ns/feature")
	})
	b.Run("query", func(b *testing.B) {
		for b.Loop() {
			QuantiseQuery(raw, 512, 512, Mirrored)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(raw)), "ns/feature")
	})
}
