package photo

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"testing"

	"selvage/fingerprint"
)

func TestSmaller(t *testing.T) {
	for _, c := range []struct{ w, h, ow, oh int }{
		{1, 1, 1, 1}, {64, 48, 64, 48}, {128, 64, 64, 32}, {64, 1000, 4, 64}, {10000, 1, 64, 1}, {100, 99, 64, 63},
	} {
		m := image.NewNRGBA(image.Rect(0, 0, c.w, c.h))
		for y := range c.h {
			for x := range c.w {
				m.SetNRGBA(x, y, color.NRGBA{uint8(x * 255 / c.w), uint8(y * 255 / c.h), 90, 255})
			}
		}
		out := smaller(m, 64)
		if out.Rect.Dx() != c.ow || out.Rect.Dy() != c.oh {
			t.Errorf("%d × %d became %v, want %d × %d", c.w, c.h, out.Rect.Size(), c.ow, c.oh)
		}
		// A gradient stays the same gradient.
		for y := range c.oh {
			for x := range c.ow {
				p := out.RGBAAt(x, y)
				wantR, wantG := (2*x+1)*255/(2*c.ow), (2*y+1)*255/(2*c.oh)
				tol := 255/min(c.ow, c.oh) + 3
				if d := int(p.R) - wantR; d < -tol || d > tol {
					t.Fatalf("%d × %d at %d,%d: red %d, want about %d", c.w, c.h, x, y, p.R, wantR)
				}
				if d := int(p.G) - wantG; d < -tol || d > tol {
					t.Fatalf("%d × %d at %d,%d: green %d, want about %d", c.w, c.h, x, y, p.G, wantG)
				}
				if p.B != 90 || p.A != 255 {
					t.Fatalf("%d × %d at %d,%d: %v", c.w, c.h, x, y, p)
				}
			}
		}
	}
}

// TestPreview: a query has a small JPEG, a registration none, and noise stays small too.
func TestPreview(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 1300, 900))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = uint8(rng.Uint32())
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	set := fingerprint.Set{New(Options{})}
	r, err := set.HashQuery(context.Background(), b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	have, err := r.Preview()
	if err != nil {
		t.Fatal(err)
	}
	alone, err := set.Preview(context.Background(), fingerprint.Photo, b.Bytes())
	if err != nil || !bytes.Equal(alone, have) {
		t.Errorf("the preview alone differs: %d and %d bytes, %v", len(alone), len(have), err)
	}
	small, err := jpeg.Decode(bytes.NewReader(have))
	if err != nil {
		t.Fatal(err)
	}
	if s := small.Bounds().Size(); s.X != 640 || s.Y != 443 || len(have) > maxPreview {
		t.Errorf("preview of %v, %d bytes", s, len(have))
	}
	if r, err := set.Hash(context.Background(), "", b.Bytes()); err != nil || r.Preview != nil {
		t.Errorf("a registration has a preview (%v)", err)
	}
	if _, err := set.Preview(context.Background(), fingerprint.Photo, []byte("words")); err == nil {
		t.Error("words have a preview")
	}
	if _, err := set.Preview(context.Background(), fingerprint.Manuscript, b.Bytes()); err == nil {
		t.Error("a kind without a hasher has a preview")
	}
}

func BenchmarkPreview12MP(b *testing.B) {
	m := image.NewNRGBA(image.Rect(0, 0, 4000, 3000))
	for i := range m.Pix {
		m.Pix[i] = uint8(i >> 5)
	}
	for b.Loop() {
		if _, err := encodePreview(smaller(m, fingerprint.PreviewSide)); err != nil {
			b.Fatal(err)
		}
	}
}
