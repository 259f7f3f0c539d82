package geometry

import (
	"math"
	"testing"
)

func TestWords(t *testing.T) {
	mirror := Map{-1, 0, 300, 0, 1, 0, 0, 0, 1}
	for _, c := range []struct {
		m    Map
		want string
	}{
		{Identity, "neither scaled nor turned"},
		{placed(1, 0, 900, -40), "neither scaled nor turned"},
		{placed(0.52, 25, 0, 0), "scaled to 52 %, turned by 25° clockwise"},
		{placed(2, -7.2, 0, 0), "scaled to 200 %, turned by 7° anticlockwise"},
		{placed(1, 90, 0, 0), "turned by 90° clockwise"},
		{placed(1, -89.4, 0, 0), "turned by 90° anticlockwise"},
		{placed(1, 180, 0, 0), "turned upside down"},
		{placed(0.0625, 1, 0, 0), "scaled to 6.2 %"},
		{product(t, placed(0.5, 0, 0, 0), stretch(1.3)), "scaled to 57 %, stretched 1.3 : 1"},
		{product(t, placed(1, 30, 0, 0), stretch(1/1.44)), "scaled to 83 %, turned by 30° clockwise, stretched 1 : 1.4"},
		{product(t, placed(1, 0, 0, 0), stretch(1.06)), "scaled to 103 %, stretched 1.06 : 1"},
		{mirror, "mirrored left to right"},
		{product(t, placed(1, 180, 0, 0), mirror), "mirrored top to bottom"},
		{product(t, placed(0.8, 10, 0, 0), mirror), "mirrored left to right, scaled to 80 %, turned by 10° clockwise"},
		{product(t, placed(1, 0, 0, 0), tilt(0.3, 0)), "scaled to 81 %, turned by 4° anticlockwise, seen in perspective"},
		{Map{1, 0.2, 0, 0, 1, 0, 0, 0, 1}, "turned by 6° anticlockwise, slanted by 11°"},
		{product(t, placed(1.2, 0, 0, 0), tilt(0.5, 0.3)), "scaled to 72 %, turned by 3° anticlockwise, seen in strong perspective"},
		{product(t, placed(0.52, 25, 0, 0), tilt(0.12, 0), stretch(1.4)), "scaled to 56 %, turned by 23° clockwise, stretched 1.3 : 1, seen in perspective"},
	} {
		p, ok := Decompose(c.m, sizes.RefW, sizes.RefH)
		if got := p.Words(); !ok || got != c.want {
			t.Errorf("%v:\n got %q\nwant %q\n%+v", c.m, got, c.want, p)
		}
	}
}

func TestDecompose(t *testing.T) {
	for turn := -175.0; turn <= 180; turn += 5 {
		p, ok := Decompose(product(t, placed(0.7, turn, 50, 60), stretch(1.5)), sizes.RefW, sizes.RefH)
		if !ok || math.Abs(p.Turn-turn) > 1e-9 || math.Abs(p.Aspect-1.5) > 1e-9 || math.Abs(p.Anisotropy-1.5) > 1e-9 ||
			math.Abs(p.Scale-0.7*math.Sqrt(1.5)) > 1e-9 || p.Shear > 1e-9 || p.Perspective != 1 || p.Mirrored || p.Upright {
			t.Errorf("turn %v: %+v", turn, p)
		}
	}
	for quarters, turn := range []float64{0, 91, 180.5, -89} {
		if p, _ := Decompose(placed(0.4, turn, 0, 0), 300, 320); !p.Upright || p.Quarters != quarters {
			t.Errorf("turn %v: %+v", turn, p)
		}
	}
	if p, _ := Decompose(placed(1, 45, 0, 0), 300, 320); p.Upright {
		t.Errorf("upright at 45°: %+v", p)
	}
	for name, m := range map[string]Map{
		"zero": {}, "flat": {1, 1, 0, 1, 1, 0, 0, 0, 1}, "corner behind the eye": {1, 0, 0, 0, 1, 0, -1. / 299, 0, 1},
		"nan": {math.NaN(), 0, 0, 0, 1, 0, 0, 0, 1}, "huge": {1e300, 0, 0, 0, 1e300, 0, 0, 0, 1},
	} {
		if p, ok := Decompose(m, 300, 320); ok {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
