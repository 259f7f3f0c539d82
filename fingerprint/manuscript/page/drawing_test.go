package page_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"testing"

	"selvage/fingerprint/local"
	"selvage/fingerprint/manuscript/page"
	"selvage/fixtures"
)

// compressed is the picture after a JPEG of some quality.
func compressed(t *testing.T, m image.Image, quality int) *image.NRGBA {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	d, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewNRGBA(d.Bounds())
	draw.Draw(out, out.Rect, d, image.Point{}, draw.Src)
	return out
}

// TestIsDrawing: strokes in any colours, on light and dark ground, are a drawing, after compression
// too; what is shaded, woven, blank or without a ground is none.
func TestIsDrawing(t *testing.T) {
	inverted := plain
	inverted.ground, inverted.ink = plain.ink, plain.ground
	coloured := plain
	coloured.ground, coloured.ink = color.NRGBA{250, 240, 200, 255}, color.NRGBA{180, 30, 60, 255}
	filled := plain.drawn(1)
	draw.Draw(filled, image.Rect(300, 200, 500, 400), image.NewUniform(color.NRGBA{60, 120, 220, 255}), image.Point{}, draw.Src)
	shaded := plain.blank() // a ball on white: a thing, not a drawing
	for y := range 360 {
		for x := range 360 {
			if dx, dy := x-180, y-180; dx*dx+dy*dy < 180*180 {
				v := uint8(40 + (x+y)*160/720)
				shaded.SetNRGBA(x+200, y+100, color.NRGBA{v, v / 2, v / 3, 255})
			}
		}
	}
	noise := plain.blank()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		if i%4 != 3 {
			noise.Pix[i] = uint8(r.IntN(256))
		}
	}
	type picture struct {
		name   string
		m      *image.NRGBA
		is     bool // a drawing
		asWorn bool // at least if it was compressed or scanned
	}
	all := []picture{
		{"strokes", plain.drawn(1), true, true},
		{"inverted", inverted.drawn(1), true, true},
		{"coloured", coloured.drawn(1), true, true},
		{"plain areas", filled, true, true},
		{"JPEG 60", compressed(t, plain.drawn(1), 60), true, true},
		{"JPEG 25", compressed(t, coloured.drawn(1), 25), false, true},
		{"blank", plain.blank(), false, false},
		{"a ball on white", shaded, false, false},
		{"noise", noise, false, false},
		{"tiny", image.NewNRGBA(image.Rect(0, 0, 2, 2)), false, false},
	}
	for s := range uint64(3) {
		for _, f := range []string{"technical"} {
			all = append(all, picture{f, fixtures.Original(f, s, 480, 560), true, true})
		}
		for _, f := range []string{"dress", "shirt", "mug", "shoe", "plaid", "tessellation", "ikat", "gradient", "twotone", "plain", fixtures.Lookbook} {
			all = append(all, picture{f, fixtures.Original(f, s, 480, 560), false, false})
		}
	}
	for _, p := range all {
		g := local.NewBase(p.m, local.RefSide)
		if got := page.IsDrawing(g, page.PlainTone); got != p.is && (p.is || !p.asWorn) {
			t.Errorf("%s: drawing %v, want %v", p.name, got, p.is)
		}
		if got := page.IsDrawing(g, page.WornTone); got != p.asWorn {
			t.Errorf("%s, worn: drawing %v, want %v", p.name, got, p.asWorn)
		}
	}
}

func BenchmarkIsDrawing(b *testing.B) {
	for _, f := range []string{"technical", "mug", "plaid"} {
		g := local.NewBase(fixtures.Original(f, 1, 1024, 1024), local.RefSide)
		b.Run(f, func(b *testing.B) {
			for range b.N {
				page.IsDrawing(g, page.PlainTone)
			}
		})
	}
}
