package photo

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"selvage/fingerprint"
)

// Pictures and edits that the tests make for themselves.

func canvas(w, h int, c color.NRGBA) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.Draw(m, m.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	return m
}

func gray(v uint8) color.NRGBA { return color.NRGBA{v, v, v, 255} }

// scene is a picture of overlapping ellipses and striped boxes on a shaded ground; a seed
// makes one work. Whole numbers only, so it is the same everywhere.
func scene(seed uint64, w, h int) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 7))
	m := canvas(w, h, gray(0))
	a, b := r.IntN(200), r.IntN(200)
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(20 + a*x/w), uint8(30 + b*y/h), uint8(20 + a*y/h), 255})
		}
	}
	for range 24 {
		cx, cy := r.IntN(w), r.IntN(h)
		rx, ry := w/30+r.IntN(w/5), h/30+r.IntN(h/5)
		c := color.NRGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255}
		round, step := r.IntN(2) == 0, 2+r.IntN(w/20+1)
		for y := max(cy-ry, 0); y < min(cy+ry, h); y++ {
			for x := max(cx-rx, 0); x < min(cx+rx, w); x++ {
				dx, dy := x-cx, y-cy
				if round && dx*dx*ry*ry+dy*dy*rx*rx > rx*rx*ry*ry || !round && (x/step)%3 == 0 {
					continue
				}
				m.SetNRGBA(x, y, c)
			}
		}
	}
	return m
}

// page is black text on white; the seed picks the words.
func page(seed uint64, w, h, lines int) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 11))
	m := canvas(w, h, gray(255))
	for i := range lines {
		write(m, 20, 30+18*i, letters(r, (w-40)/7))
	}
	return m
}

func letters(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz      "[r.IntN(32)]
	}
	return string(b)
}

func write(m *image.NRGBA, x, y int, s string) {
	d := font.Drawer{Dst: m, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(s)
}

// applied is form done pixel by pixel, as the comments of fingerprint.Dihedral say.
func applied(m *image.NRGBA, form fingerprint.Dihedral) *image.NRGBA {
	W, H := m.Rect.Dx()-1, m.Rect.Dy()-1
	w, h := W+1, H+1
	switch form {
	case fingerprint.Rotate90, fingerprint.Rotate270, fingerprint.FlipPlus1, fingerprint.FlipMinus1:
		w, h = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			var c color.NRGBA
			switch form {
			case fingerprint.Identity:
				c = m.NRGBAAt(x, y)
			case fingerprint.Rotate90:
				c = m.NRGBAAt(W-y, x)
			case fingerprint.Rotate180:
				c = m.NRGBAAt(W-x, H-y)
			case fingerprint.Rotate270:
				c = m.NRGBAAt(y, H-x)
			case fingerprint.FlipX:
				c = m.NRGBAAt(x, H-y)
			case fingerprint.FlipY:
				c = m.NRGBAAt(W-x, y)
			case fingerprint.FlipPlus1:
				c = m.NRGBAAt(y, x)
			case fingerprint.FlipMinus1:
				c = m.NRGBAAt(W-y, H-x)
			}
			out.SetNRGBA(x, y, c)
		}
	}
	return out
}

// framed puts m on a ground of colour c with the given margins.
func framed(m *image.NRGBA, c color.NRGBA, left, top, right, bottom int) *image.NRGBA {
	b := m.Bounds()
	out := canvas(b.Dx()+left+right, b.Dy()+top+bottom, c)
	draw.Draw(out, b.Add(image.Pt(left, top)), m, b.Min, draw.Src)
	return out
}

func recoded(t testing.TB, m *image.NRGBA, quality int) *image.NRGBA {
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

func mapped(m *image.NRGBA, f func(r, g, b int) (int, int, int)) *image.NRGBA {
	out := image.NewNRGBA(m.Rect)
	for i := 0; i < len(m.Pix); i += 4 {
		r, g, b := f(int(m.Pix[i]), int(m.Pix[i+1]), int(m.Pix[i+2]))
		for j, v := range [3]int{r, g, b} {
			out.Pix[i+j] = uint8(min(max(v, 0), 255))
		}
		out.Pix[i+3] = 255
	}
	return out
}

// halved averages blocks of 2 × 2 pixels.
func halved(m *image.NRGBA) *image.NRGBA {
	w, h := m.Rect.Dx()/2, m.Rect.Dy()/2
	out := canvas(w, h, gray(0))
	for y := range h {
		for x := range w {
			for c := range 3 {
				s := 0
				for k := range 4 {
					s += int(m.Pix[m.PixOffset(2*x+k%2, 2*y+k/2)+c])
				}
				out.Pix[out.PixOffset(x, y)+c] = uint8(s / 4)
			}
		}
	}
	return out
}

func noisy(m *image.NRGBA, amount int) *image.NRGBA {
	r := rand.New(rand.NewPCG(3, 5))
	return mapped(m, func(a, b, c int) (int, int, int) {
		n := func() int { return r.IntN(2*amount+1) - amount }
		return a + n(), b + n(), c + n()
	})
}

func hashed(t testing.TB, m *image.NRGBA) *fingerprint.Result {
	t.Helper()
	r, err := HashPicture(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func distance(t testing.TB, a, b []byte) int {
	t.Helper()
	d, err := fingerprint.Distance(
		fingerprint.Fingerprint{Kind: fingerprint.PDQ256, Payload: a},
		fingerprint.Fingerprint{Kind: fingerprint.PDQ256, Payload: b})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lookPage is one page of a look-book: the same furniture for all seeds, another picture.
func lookPage(seed uint64) *image.NRGBA {
	m := page(9, 500, 700, 36)
	draw.Draw(m, image.Rect(60, 120, 440, 600), scene(700+seed, 380, 480), image.Point{}, draw.Src)
	return m
}
