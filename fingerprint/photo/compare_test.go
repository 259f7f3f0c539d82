package photo

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"
	"testing"

	"selvage/fingerprint"
)

func TestCompareFindsEdits(t *testing.T) {
	m := scene(5, 480, 360)
	ref := hashed(t, m)
	teal := color.NRGBA{17, 95, 115, 255}
	for _, tt := range []struct {
		name     string
		m        *image.NRGBA
		form     fingerprint.Dihedral
		negative bool
		view     fingerprint.View
		reason   string
	}{
		{"itself", m, 0, false, fingerprint.Full, "copy: "},
		{"JPEG", recoded(t, m, 20), 0, false, fingerprint.Full, "copy: "},
		{"half size", halved(m), 0, false, fingerprint.Full, "copy: "},
		{"eighth size", halved(halved(halved(m))), 0, false, fingerprint.Full, "copy: "},
		{"brighter", mapped(m, func(r, g, b int) (int, int, int) { return r + 40, g + 40, b + 40 }), 0, false, fingerprint.Full, "copy: "},
		{"grey", mapped(m, func(r, g, b int) (int, int, int) { v := (r + 2*g + b) / 4; return v, v, v }), 0, false, fingerprint.Full, "copy: "},
		{"noise", noisy(m, 40), 0, false, fingerprint.Full, "copy: "},
		{"inverted", mapped(m, func(r, g, b int) (int, int, int) { return 255 - r, 255 - g, 255 - b }), 0, true, fingerprint.Full, "copy with inverted tones: "},
		{"mirrored", applied(m, fingerprint.FlipY), fingerprint.FlipY, false, fingerprint.Full, "mirrored copy: "},
		{"turned", applied(m, fingerprint.Rotate90), fingerprint.Rotate90, false, fingerprint.Full, "copy turned a quarter anticlockwise: "},
		{"upside down", applied(m, fingerprint.Rotate180), fingerprint.Rotate180, false, fingerprint.Full, "copy turned upside down: "},
		{"framed", framed(m, teal, 40, 90, 60, 30), 0, false, fingerprint.Box, "copy: after cutting the border of the query, "},
		{"mirrored in a noisy frame", recoded(t, framed(applied(m, fingerprint.FlipY), teal, 40, 90, 60, 30), 50), fingerprint.FlipY, false, fingerprint.Box, "mirrored copy: after cutting the border of the query, "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Compare(hashed(t, tt.m), ref)
			if c.Probability() < ActThreshold || c.PDQ > CandidateRadius {
				t.Errorf("probability %.4f: %+v", c.Probability(), c)
			}
			if c.Form != tt.form || c.Negative != tt.negative || c.QueryView != tt.view || c.RefView != fingerprint.Full {
				t.Errorf("found %v, negative %v, %s of the query on %s", c.Form, c.Negative, c.QueryView, c.RefView)
			}
			if !strings.HasPrefix(c.Reason(), tt.reason) {
				t.Errorf("reason %q, want it to begin %q", c.Reason(), tt.reason)
			}
			if upright := tt.form == 0 && !tt.negative; upright != (c.PHash >= 0) {
				t.Errorf("phash distance %d", c.PHash)
			}
		})
	}
}

// TestCompareTellsApart: no pair of different works is called a copy, however alike in
// style.
func TestCompareTellsApart(t *testing.T) {
	var works []*image.NRGBA
	for seed := range uint64(6) {
		works = append(works, scene(100+seed, 300, 300))
	}
	for seed := range uint64(5) {
		works = append(works, page(seed, 500, 700, 36)) // other words, same layout
	}
	for seed := range uint64(5) { // one page layout, another picture in the middle
		m := page(9, 500, 700, 36)
		draw.Draw(m, image.Rect(100, 150, 400, 550), scene(200+seed, 300, 400), image.Point{}, draw.Src)
		works = append(works, m)
	}
	for seed := range uint64(4) { // small objects on white
		works = append(works, framed(scene(300+seed, 150, 150), gray(255), 100, 100, 100, 100))
	}
	var rs []*fingerprint.Result
	for _, m := range works {
		rs = append(rs, hashed(t, m))
	}
	for i, q := range rs {
		for j, r := range rs {
			c := Compare(q, r)
			if i != j && c.Probability() >= ActThreshold {
				t.Errorf("works %d and %d: probability %.4f, %+v", i, j, c.Probability(), c)
			}
			if i == j && c.Probability() < ActThreshold {
				t.Errorf("work %d and itself: probability %.4f, %+v", i, c.Probability(), c)
			}
		}
	}
}

// Pictures without information never meet: they have no print to compare.
func TestCompareOfNothing(t *testing.T) {
	poor := []*image.NRGBA{
		canvas(300, 300, gray(0)), canvas(300, 300, gray(255)), page(1, 600, 800, 1), page(2, 600, 800, 1),
		shaded(300, 300, func(x, _ int) int { return x * 255 / 300 }), shaded(300, 300, func(_, y int) int { return y * 255 / 300 }),
		scene(1, 12, 9), scene(2, 12, 9),
	}
	full := hashed(t, scene(1, 300, 300))
	for i, m := range poor {
		q := hashed(t, m)
		for _, r := range append([]*fingerprint.Result{full, {}}, hashed(t, poor[(i+1)%len(poor)])) {
			c := Compare(q, r)
			if c.Found || c.Probability() != 0 {
				t.Errorf("picture %d: %+v", i, c)
			}
			if !strings.HasPrefix(c.Reason(), "nothing to compare") {
				t.Errorf("picture %d: reason %q", i, c.Reason())
			}
		}
	}
}

func TestSamePixels(t *testing.T) {
	for _, m := range []*image.NRGBA{scene(1, 300, 300), canvas(50, 50, gray(9))} {
		a, b := hashed(t, m), hashed(t, m)
		d := fingerprint.DigestOf(m.Pix)
		for _, r := range []*fingerprint.Result{a, b} {
			r.Prints = append(r.Prints, fingerprint.Fingerprint{Kind: fingerprint.Pixels256, View: fingerprint.Full, Payload: d[:]})
		}
		c := Compare(a, b)
		if !c.SamePixels || c.Probability() != 1 || !strings.HasPrefix(c.Reason(), "identical") {
			t.Errorf("probability %v: %s", c.Probability(), c.Reason())
		}
	}
}

func TestProbabilityIsMonotone(t *testing.T) {
	for d := range 128 {
		for _, low := range []float64{-1, -.2, .3, .7, .99} {
			p := Comparison{Found: true, PDQ: d, Low: low}.Probability()
			if further := (Comparison{Found: true, PDQ: d + 1, Low: low}).Probability(); further >= p {
				t.Errorf("distance %d, low %v: one bit more is no less probable", d, low)
			}
			if better := (Comparison{Found: true, PDQ: d, Low: low + .01}).Probability(); better <= p {
				t.Errorf("distance %d, low %v: a better correlation is no more probable", d, low)
			}
		}
	}
	best := Comparison{Found: true, Low: 1}.Probability()
	if best >= 1 || best < .9999 {
		t.Errorf("the best comparison has probability %v", best)
	}
	if p := (Comparison{Found: true, PDQ: 46, Low: 1}).Probability(); p >= ActThreshold {
		t.Errorf("46 bits apart reach the acting threshold: %v", p)
	}
}

func TestRegionsCorrespond(t *testing.T) {
	m := scene(5, 480, 360)
	ref := hashed(t, m)
	for f := range fingerprint.Dihedral(8) {
		turned := applied(m, f)
		w, h := turned.Rect.Dx(), turned.Rect.Dy()
		query := hashed(t, framed(turned, gray(240), 60, 50, 40, 30))
		c := Compare(query, ref)
		q, r := c.Regions(query, ref)
		// Which corner of the registered picture each corner shows, by turning four marks.
		marks := canvas(2, 2, gray(0))
		for i := range 4 {
			marks.Pix[4*i] = uint8(i)
		}
		shown := applied(marks, f)
		for i, at := range [4][2]int{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
			want := [2]float64{float64(60 + at[0]*w), float64(50 + at[1]*h)}
			if math.Abs(q[i][0]-want[0]) > 4 || math.Abs(q[i][1]-want[1]) > 4 {
				t.Errorf("%v: corner %d of the query at %v, want %v", f, i, q[i], want)
			}
			k := int(shown.Pix[shown.PixOffset(at[0], at[1])])
			if want := [2]float64{float64(k % 2 * 480), float64(k / 2 * 360)}; r[i] != want {
				t.Errorf("%v: corner %d of the registered picture at %v, want %v", f, i, r[i], want)
			}
		}
	}
}

func BenchmarkHash12MP(b *testing.B) { benchmarkHash(b, 4000, 3000) }
func BenchmarkHash1MP(b *testing.B)  { benchmarkHash(b, 1155, 866) }

func benchmarkHash(b *testing.B, w, h int) {
	m := framed(scene(1, w-200, h-200), gray(255), 100, 100, 100, 100)
	for b.Loop() {
		hashed(b, m)
	}
}

func BenchmarkCompare(b *testing.B) {
	m := scene(1, 400, 300)
	q, r := hashed(b, framed(applied(m, fingerprint.FlipY), gray(0), 30, 30, 30, 30)), hashed(b, m)
	for b.Loop() {
		Compare(q, r)
	}
}

// A stored print of the wrong length is passed over, not trusted.
func TestCompareSkipsDamagedPrints(t *testing.T) {
	query := hashed(t, scene(5, 300, 300))
	for _, kind := range []fingerprint.Kind{fingerprint.PDQ256, fingerprint.Thumb} {
		damaged := hashed(t, scene(5, 300, 300))
		for i, p := range damaged.Prints {
			if p.Kind == kind {
				damaged.Prints[i].Payload = p.Payload[:len(p.Payload)-1]
			}
		}
		if c := Compare(query, damaged); c.Found {
			t.Errorf("%s a byte short: %+v", kind, c)
		}
	}
	damaged := hashed(t, scene(5, 300, 300))
	for i, p := range damaged.Prints {
		if p.Kind == fingerprint.PHash64 {
			damaged.Prints[i].Payload = nil
		}
	}
	if c := Compare(query, damaged); !c.Found || c.PHash != -1 || c.Probability() < ActThreshold {
		t.Errorf("without phash64.v1: %+v", c)
	}
}

// No comparison beyond ActRadius may reach ActThreshold, or the registry would miss it.
func TestActRadius(t *testing.T) {
	at := func(d int) float64 { return Comparison{Found: true, PDQ: d, Low: 1, NCC: 1, Share: 1}.Probability() }
	if at(ActRadius) < ActThreshold || at(ActRadius+1) >= ActThreshold {
		t.Errorf("at the best correlation %d bits have %.4f and %d bits %.4f; ActThreshold is %.2f", ActRadius, at(ActRadius), ActRadius+1, at(ActRadius+1), ActThreshold)
	}
}
