package calibrate

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestArithmetic(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	near := func(name string, x, got, want float64) {
		t.Helper()
		if d := math.Abs(got - want); d > 4e-16*math.Abs(want)+1e-300 {
			t.Errorf("%s(%v) = %v, want %v", name, x, got, want)
		}
	}
	for range 100000 {
		x := (rng.Float64() - 0.5) * 1390
		near("exp", x, exp(x), math.Exp(x))
		if y := math.Exp(x / 2); math.Abs(y-1) > 1e-3 {
			near("log", y, log(y), math.Log(y))
		}
	}
	for _, x := range []float64{0, 1, -1, 700, -700, 1e-300, math.Ln2 / 2, -math.Ln2 / 2} {
		near("exp", x, exp(x), math.Exp(x))
	}
	if exp(1e9) != exp(700) || exp(math.Inf(-1)) != exp(-700) {
		t.Error("exp does not stay at its ends")
	}
	if log(1) != 0 || sigmoid(0) != 0.5 {
		t.Errorf("log(1) = %v, sigmoid(0) = %v", log(1), sigmoid(0))
	}
	for z := -30.0; z <= 30; z += 0.37 {
		if got := logit(sigmoid(z)); math.Abs(got-z) > 1e-2 && z > 0 || math.Abs(got-z) > 1e-12 && z <= 0 {
			t.Errorf("logit(sigmoid(%v)) = %v", z, got)
		}
		if got, want := loss(z, 1), math.Log1p(math.Exp(-z)); math.Abs(got-want) > 1e-15*(1+want) {
			t.Errorf("loss(%v, 1) = %v, want %v", z, got, want)
		}
	}
}
