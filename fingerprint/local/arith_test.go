package local

import (
	"math"
	"testing"
)

func TestArithmetic(t *testing.T) {
	for x := -80.0; x <= 80; x += 0.37 {
		if got, want := exp(x), math.Exp(x); math.Abs(got/want-1) > 1e-12 {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	for a := range 4096 {
		sin, cos := math.Sincos(2 * math.Pi * float64(a) / 4096)
		x, y := float32(cos), float32(sin)
		d := direction(x, y)
		if off := math.Remainder(float64(d)-float64(a)/512, 8); math.Abs(off) > 2e-5 || !(d >= 0 && d < 8) {
			t.Fatalf("direction(%v, %v) = %v, want %v", x, y, d, float64(a)/512)
		}
		s, c := sincos(d)
		if math.Abs(float64(s)-sin) > 2e-5 || math.Abs(float64(c)-cos) > 2e-5 {
			t.Fatalf("sincos(%v) = %v, %v, want %v, %v", d, s, c, sin, cos)
		}
		if e := direction(x, -y); math.Abs(math.Remainder(float64(d+e), 8)) > 1e-6 {
			t.Fatalf("direction(%v, %v) = %v, and %v upside down", x, y, d, e)
		}
	}
	if d := direction(0, 0); d != 0 {
		t.Errorf("direction of nothing is %v", d)
	}
	if d := direction(1, float32(math.Copysign(1e-30, -1))); !(d >= 0 && d < 8) {
		t.Errorf("direction just before a whole turn is %v", d)
	}
}
