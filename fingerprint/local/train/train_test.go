package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"selvage/fingerprint/local"
)

// family draws features and copies of them: numbers move together along some directions,
// by which features differ, and each alone by a little, by which copies differ.
func family(n int, seed uint64) (original, edited []local.Raw) {
	r := rand.New(rand.NewPCG(seed, 0))
	common := rand.New(rand.NewPCG(99, 0))
	var ways [110][dims]float64
	for i := range ways {
		for k := range ways[i] {
			ways[i][k] = float64((common.Float64() - 0.5) * 16)
		}
	}
	original, edited = make([]local.Raw, n), make([]local.Raw, n)
	for i := range original {
		var at [dims]float64
		for k := range at {
			at[k] = 110
		}
		for w := range ways {
			addScaled(at[:], r.Float64()*2-1, ways[w][:])
		}
		// Far from each other, so that each lies at one place.
		original[i] = local.Raw{X: float32(i%64) * 8, Y: float32(i/64) * 8, Sigma: 2, Angle: 1}
		edited[i] = original[i]
		for k, v := range at {
			original[i].Desc[k] = uint8(min(max(v, 0), 255))
			edited[i].Desc[k] = uint8(min(max(v+float64(r.IntN(7)-3), 0), 255))
		}
	}
	return original, edited
}

func same(x, y float64) (float64, float64) { return x, y }

// TestLearn learns from copies and freezes what comes out, for other copies.
func TestLearn(t *testing.T) {
	const want = "5f9ec7eeca7dfff6a7c9daf0e5acef5f0a027e9d43f87b657e36fa0835e9e6a7"
	var l Learner
	original, edited := family(LeastFeatures/2, 1)
	if l.Add(original); l.Features() != len(original) || l.Pairs() != 0 {
		t.Fatalf("%d features, %d pairs", l.Features(), l.Pairs())
	}
	if _, err := l.Learn(t.Context()); !errors.Is(err, ErrFew) {
		t.Fatalf("learned from too few: %v", err)
	}
	l.AddCopy(original, edited, same)
	if l.Pairs() != len(original) {
		t.Fatalf("%d of %d features found again", l.Pairs(), len(original))
	}
	v, err := l.Learn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := v.Marshal()
	if _, err := local.ParseVocabulary(b); err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want {
		t.Errorf("digest of the vocabulary is %x, want %s", sum, want)
	}

	original, edited = family(500, 2)
	q := local.NewQuantiser(v)
	a, c := q.Quantise(original, 512, 512, local.Plain), q.QuantiseQuery(edited, 512, 512, local.Plain)
	words := make(map[uint32]bool)
	found, copies, strangers := 0, 0, 0
	for i := range a {
		words[a[i].Word] = true
		for _, w := range c[i].Near {
			if w == a[i].Word {
				found++
			}
		}
		copies += len(local.Match([]local.Feature{c[i].Feature}, a[i:i+1], local.MatchLimit))
		strangers += len(local.Match([]local.Feature{c[i].Feature}, a[(i+1)%len(a):][:1], local.MatchLimit))
	}
	if len(words) < 400 || found < 400 || copies < 490 || strangers > 10 {
		t.Errorf("500 features have %d words, %d are found in copies; %d signatures of copies and %d of others agree",
			len(words), found, copies, strangers)
	}
}

func TestLearnStopped(t *testing.T) {
	var l Learner
	original, edited := family(LeastFeatures/2, 1)
	l.Add(original)
	l.AddCopy(original, edited, same)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Learn(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestDiagonalise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	a := new(matrix)
	for i := range dims {
		for j := range i + 1 {
			a[i][j] = r.Float64() - 0.5
			a[j][i] = a[i][j]
		}
	}
	given := *a
	axes, values := diagonalise(a)
	for i, axis := range axes {
		if i > 0 && values[i] > values[i-1] {
			t.Fatalf("value %d is %g after %g", i, values[i], values[i-1])
		}
		for j, other := range axes {
			want := 0.0
			if i == j {
				want = 1
			}
			if got := dot(axis[:], other[:]); math.Abs(got-want) > 1e-9 {
				t.Fatalf("axes %d and %d: product %g", i, j, got)
			}
		}
		for k := range dims {
			if got := dot(given[k][:], axis[:]); math.Abs(got-values[i]*axis[k]) > 1e-9 {
				t.Fatalf("axis %d is no eigenvector: %g, want %g", i, got, values[i]*axis[k])
			}
		}
	}
}

func TestRotation(t *testing.T) {
	a, b := rotation(64, 1), rotation(64, 2)
	for i := range a {
		for j := range a {
			want := 0.0
			if i == j {
				want = 1
			}
			if got := dot(a[i], a[j]); math.Abs(got-want) > 1e-9 {
				t.Fatalf("rows %d and %d: product %g", i, j, got)
			}
		}
	}
	if math.Abs(dot(a[0], b[0])) > 0.9 {
		t.Error("another seed gives the same rotation")
	}
}

func TestQuad(t *testing.T) {
	from := [4][2]float64{{0, 0}, {100, 0}, {100, 80}, {0, 80}}
	to := [4][2]float64{{10, 5}, {90, 20}, {80, 95}, {5, 70}}
	there := Quad(from, to)
	for i, p := range from {
		if x, y := there(p[0], p[1]); math.Hypot(x-to[i][0], y-to[i][1]) > 1e-9 {
			t.Errorf("corner %d comes to %g, %g, want %v", i, x, y, to[i])
		}
	}
	// The diagonals meet where those of the image do.
	x, y := there(50, 40)
	across := func(a, b [2]float64) float64 { return (b[0]-a[0])*(y-a[1]) - (b[1]-a[1])*(x-a[0]) }
	if math.Abs(across(to[0], to[2])) > 1e-6 || math.Abs(across(to[1], to[3])) > 1e-6 {
		t.Errorf("the middle comes to %g, %g", x, y)
	}
}

func TestPairs(t *testing.T) {
	original := []local.Raw{
		{X: 10, Y: 10, Sigma: 2, Angle: 0},
		{X: 30, Y: 10, Sigma: 2, Angle: 1},
		{X: 50, Y: 10, Sigma: 2, Angle: 1},
		{X: 70, Y: 10, Sigma: 2, Angle: 6.2},
		{X: 90, Y: 10, Sigma: 2, Angle: 0},
	}
	edited := []local.Raw{
		{X: 21, Y: 21, Sigma: 4.2, Angle: 0.1}, // the first, twice as large and a little off
		{X: 20, Y: 20, Sigma: 4, Angle: 0},     // the first, exactly
		{X: 60, Y: 20, Sigma: 2, Angle: 1},     // other size
		{X: 100, Y: 20, Sigma: 4, Angle: 2.1},  // direction as in a mirror image
		{X: 140, Y: 20, Sigma: 4, Angle: 0.1},  // direction beyond a full turn
		{X: 189, Y: 20, Sigma: 4, Angle: 0},    // other place
	}
	got := Pairs(original, edited, func(x, y float64) (float64, float64) { return 2 * x, 2 * y })
	if len(got) != 2 || got[0] != [2]int{0, 1} || got[1] != [2]int{3, 4} {
		t.Errorf("pairs %v", got)
	}
	mirrored := Pairs(original, edited, func(x, y float64) (float64, float64) { return 200 - 2*x, 2 * y })
	if len(mirrored) != 0 {
		t.Errorf("pairs %v in a mirror image", mirrored)
	}
}
