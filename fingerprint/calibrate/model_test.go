package calibrate

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// trained is a small model that several tests look at.
var trained = sync.OnceValue(func() *Model {
	s, _ := logistic(11, 1500, 120, 6)
	m, _, err := Train(context.Background(), s, Options{Family: "trees", Rounds: 30})
	if err != nil {
		panic(err)
	}
	return m
})

func TestRoundTrip(t *testing.T) {
	m := trained()
	first, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := back.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the model read back is written differently")
	}
	s, _ := logistic(12, 500, 50, 6)
	for _, r := range s.Rows {
		if a, b := m.Probability(r.X), back.Probability(r.X); a != b {
			t.Fatalf("%v before and %v after the round trip", a, b)
		}
	}
}

// The model of testdata was trained once; these bits must come out on every processor.
func TestFrozenProbabilities(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "model.json"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		x    []float64
		want uint64
	}{
		{[]float64{0, 1, 0, 0, 0.5, 0.5}, 0x3f9811515e7d18cd},
		{[]float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, 0x3fe0df9f82cb37fe},
		{[]float64{0.9, 0.1, 0.8, 0.7, 0.1, 0.3}, 0x3fef5aabf6834f62},
		{[]float64{1e6, -1e6, 1e6, 1e6, 3, -3}, 0x3fef66d583ca7bbc},
	} {
		if got := math.Float64bits(m.Probability(c.x)); got != c.want {
			t.Errorf("{%v, %#x}, // %v", c.x, got, math.Float64frombits(got))
		}
	}
}

// Strictly inside (0, 1) and finite, whatever is measured; more stays more far outside of
// what training saw.
func TestProbabilityIsTame(t *testing.T) {
	m := trained()
	inf, nan := math.Inf(1), math.NaN()
	low, high := sigmoid(m.Calibration.Floor), sigmoid(m.Calibration.Ceiling)
	values := []float64{nan, inf, -inf, 1e300, -1e300, 5e-324, 0, 0.5, 1e12, -1e12}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		x := make([]float64, len(m.Features))
		for k := range x {
			x[k] = values[rng.IntN(len(values))]
		}
		if p := m.Probability(x); !(p > low && p < high) {
			t.Fatalf("%v: probability %v outside of (%v, %v)", x, p, low, high)
		}
	}
	x := []float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.5}
	before := 0.0
	for _, v := range []float64{-1e6, -1e3, 0, 0.3, 1, 2, 5, 10, 100, 1e3, 1e4, 1e6} {
		x[0] = v
		p := m.Probability(x)
		if p <= before {
			t.Errorf("f0 = %v: %v, not above %v", v, p, before)
		}
		before = p
	}
}

// Many candidates, hardly a tie: what trees would tie, the additive part keeps apart.
func TestTiesAreRare(t *testing.T) {
	m := trained()
	s, _ := logistic(13, 20000, 100, 6)
	seen := map[float64]bool{}
	for _, r := range s.Rows {
		seen[m.Probability(r.X)] = true
	}
	if len(seen) < len(s.Rows)-5 {
		t.Errorf("%d candidates have %d different probabilities", len(s.Rows), len(seen))
	}
}

func TestProbabilityWantsAllFeatures(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a vector that is too short was taken")
		}
	}()
	trained().Probability([]float64{1})
}

func TestParseRefuses(t *testing.T) {
	b, err := trained().Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for name, bad := range map[string]string{
		"format":      strings.Replace(good, `"format":1`, `"format":2`, 1),
		"unknown":     strings.Replace(good, `"format":1`, `"format":1,"colour":2`, 1),
		"more":        good + "{}",
		"cut":         good[:len(good)/2],
		"sense":       strings.Replace(good, `"name":"f0","sense":1`, `"name":"f0","sense":-1`, 1),
		"bad sense":   strings.Replace(good, `"name":"f0","sense":1`, `"name":"f0","sense":5`, 1),
		"twice":       strings.Replace(good, `"name":"f1"`, `"name":"f0"`, 1),
		"no trees":    strings.Replace(good, `{"f":[`, `{"f":[0,0,`, 1),
		"feature":     strings.Replace(good, `{"f":[`, `{"f":[7`, 1),
		"no act":      strings.Replace(good, `"act":0`, `"act":1`, 1),
		"empty":       "",
		"not a model": "[]",
	} {
		if bad == good {
			t.Errorf("%s: nothing was changed", name)
		}
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	b, err := os.ReadFile(filepath.Join("testdata", "model.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":1,"version":"v","features":[{"name":"a","sense":1}],"share":1,"additive":{"bias":0,"terms":[{"knots":[0,1],"rises":[1]}]},"trees":[{"f":[0],"t":[0.5],"v":[0,1]}],"calibration":{"bias":0,"line":{"knots":[-1,1],"rises":[2]},"floor":-5,"ceiling":5},"act":0.9}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		x := make([]float64, len(m.Features))
		for _, v := range []float64{0, -1, 0.5, 1e9, math.Inf(-1), math.NaN()} {
			for i := range x {
				x[i] = v * float64(1+i%3)
			}
			if p := m.Probability(x); !(p > 0 && p < 1) {
				t.Fatalf("probability %v", p)
			}
		}
		first, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(first); err != nil {
			t.Fatal(err)
		}
	})
}
