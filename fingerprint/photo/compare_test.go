package photo

import (
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
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
		reason   string
	}{
		{"itself", m, 0, false, "copy: "},
		{"JPEG", recoded(t, m, 20), 0, false, "copy: "},
		{"half size", halved(m), 0, false, "copy: "},
		{"eighth size", halved(halved(halved(m))), 0, false, "copy: "},
		{"brighter", mapped(m, func(r, g, b int) (int, int, int) { return r + 40, g + 40, b + 40 }), 0, false, "copy: "},
		{"grey", mapped(m, func(r, g, b int) (int, int, int) { v := (r + 2*g + b) / 4; return v, v, v }), 0, false, "copy: "},
		{"noise", noisy(m, 40), 0, false, "copy: "},
		{"inverted", mapped(m, func(r, g, b int) (int, int, int) { return 255 - r, 255 - g, 255 - b }), 0, true, "copy: "},
		{"mirrored", applied(m, fingerprint.FlipY), fingerprint.FlipY, false, "copy: "},
		{"turned", applied(m, fingerprint.Rotate90), fingerprint.Rotate90, false, "copy: "},
		{"upside down", applied(m, fingerprint.Rotate180), fingerprint.Rotate180, false, "copy: "},
		{"framed", framed(m, teal, 40, 90, 60, 30), 0, false, "copy: "},
		{"mirrored in a noisy frame", recoded(t, framed(applied(m, fingerprint.FlipY), teal, 40, 90, 60, 30), 50), fingerprint.FlipY, false, "copy: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Compare(hashed(t, tt.m), ref)
			if c.Probability() < ActThreshold || c.PDQ > CandidateRadius {
				t.Errorf("probability %.4f, PDQ %d", c.Probability(), c.PDQ)
			}
			if len(c.Places) != 1 {
				t.Fatalf("found in %d places", len(c.Places))
			}
			p := &c.Places[0]
			if p.Form() != tt.form || p.Negative != tt.negative || c.Part() {
				t.Errorf("found %v, negative %v, part %v", p.Form(), p.Negative, c.Part())
			}
			if p.OfRef < .97 || p.OfContent < .95 {
				t.Errorf("%.3f of the registered picture in %.3f of the content", p.OfRef, p.OfContent)
			}
			if reason := c.Reason(true); !strings.HasPrefix(reason, tt.reason) {
				t.Errorf("reason %q, want it to begin %q", reason, tt.reason)
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
				t.Errorf("works %d and %d: probability %.4f", i, j, c.Probability())
			}
			if i == j && c.Probability() < ActThreshold {
				t.Errorf("work %d and itself: probability %.4f", i, c.Probability())
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
			if len(c.Places) > 0 || c.Probability() != 0 {
				t.Errorf("picture %d: found", i)
			}
			if reason := c.Reason(false); !strings.HasPrefix(reason, "nothing that both") {
				t.Errorf("picture %d: reason %q", i, reason)
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
		if !c.SamePixels || c.Probability() != 1 || !strings.HasPrefix(c.Reason(true), "identical") {
			t.Errorf("probability %v: %s", c.Probability(), c.Reason(true))
		}
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
		if len(c.Places) == 0 {
			t.Fatalf("%v: not found", f)
		}
		m := c.Places[0].Map
		// Which corner of the registered picture each corner shows, by turning four marks.
		marks := canvas(2, 2, gray(0))
		for i := range 4 {
			marks.Pix[4*i] = uint8(i)
		}
		shown := applied(marks, f)
		for _, at := range [4][2]int{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
			k := int(shown.Pix[shown.PixOffset(at[0], at[1])])
			got, ok := m.Apply(geometry.Point{X: float64(k % 2 * 480), Y: float64(k / 2 * 360)})
			want := geometry.Point{X: float64(60 + at[0]*w), Y: float64(50 + at[1]*h)}
			if !ok || math.Abs(got.X-want.X) > 4 || math.Abs(got.Y-want.Y) > 4 {
				t.Errorf("%v: corner %d of the registered picture at %v in the query, want %v", f, k, got, want)
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

// A damaged print is passed over, not trusted.
func TestCompareSkipsDamagedPrints(t *testing.T) {
	query := hashed(t, scene(5, 300, 300))
	damage := func(kind fingerprint.Kind) *fingerprint.Result {
		r := hashed(t, scene(5, 300, 300))
		for i, p := range r.Prints {
			if p.Kind == kind {
				r.Prints[i].Payload = p.Payload[:len(p.Payload)/2]
			}
		}
		return r
	}
	if c := Compare(query, damage(fingerprint.Proof)); len(c.Places) > 0 {
		t.Errorf("with half a proof picture: found")
	}
	if c := Compare(query, damage(fingerprint.Local)); c.Probability() < AlikeFloor {
		t.Errorf("with half a local.v1 print: probability %v", c.Probability())
	}
	for _, kind := range []fingerprint.Kind{fingerprint.PDQ256, fingerprint.PHash64} {
		if c := Compare(query, damage(kind)); c.Probability() < ActThreshold {
			t.Errorf("with half a %s print: probability %v", kind, c.Probability())
		}
	}
}
