package photo

import (
	"image"
	"image/color"
	"image/draw"
	"testing"

	"selvage/fingerprint"
)

func shaded(w, h int, f func(x, y int) int) *image.NRGBA {
	m := canvas(w, h, gray(0))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, gray(uint8(min(max(f(x, y), 0), 255))))
		}
	}
	return m
}

func TestInsufficient(t *testing.T) {
	halves := canvas(300, 300, gray(250))
	draw.Draw(halves, image.Rect(0, 0, 140, 300), image.NewUniform(gray(20)), image.Point{}, draw.Src)
	flat := "flat picture: one colour"
	two := "two-tone picture: two plain areas"
	slope := "gradient: one smooth change of tone"
	blank := "almost all blank"
	for _, tt := range []struct {
		name string
		m    *image.NRGBA
		want string
	}{
		{"black", canvas(300, 200, gray(0)), flat},
		{"white", canvas(3000, 2000, gray(255)), flat},
		{"red", canvas(300, 200, color.NRGBA{220, 10, 30, 255}), flat},
		{"grey with sensor noise", noisy(canvas(400, 400, gray(128)), 12), flat},
		{"grey after JPEG", recoded(t, noisy(canvas(400, 400, gray(90)), 3), 20), flat},
		{"halves side by side", halves, two},
		{"halves on top of each other", applied(halves, fingerprint.Rotate90), two},
		{"halves after JPEG", recoded(t, halves, 30), two},
		{"gradient across", shaded(400, 300, func(x, y int) int { return x * 255 / 400 }), slope},
		{"gradient down", shaded(400, 300, func(x, y int) int { return y * 200 / 300 }), slope},
		{"gradient aslant", shaded(400, 400, func(x, y int) int { return (x + y) * 255 / 800 }), slope},
		{"gradient after JPEG", recoded(t, shaded(400, 300, func(x, y int) int { return x * 255 / 400 }), 50), slope},
		{"radial gradient", shaded(400, 400, func(x, y int) int { return 240 - ((x-200)*(x-200)+(y-200)*(y-200))/400 }), slope},
		{"one line of text", page(1, 600, 800, 1), blank},
		{"icon", scene(1, 12, 9), "too small: 12x9 pixels"},
		{"strip", scene(1, 900, 20), "too small: 900x20 pixels"},
		{"one pixel", canvas(1, 1, gray(3)), "too small: 1x1 pixels"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := hashed(t, tt.m)
			if r.Insufficient != tt.want {
				p := newPlane(tt.m)
				l := newBlur(p).sample(false, false)
				t.Errorf("insufficient %q, want %q (%+v)", r.Insufficient, tt.want, measure(l, transform(l)))
			}
			if len(r.Prints) != 0 || len(r.Probes) != 0 {
				t.Errorf("%d prints and %d probes of nothing", len(r.Prints), len(r.Probes))
			}
		})
	}
}

func TestSufficient(t *testing.T) {
	logo := canvas(500, 500, gray(255))
	draw.Draw(logo, image.Rect(150, 150, 350, 350), mapped(scene(2, 200, 200), func(r, g, b int) (int, int, int) {
		v := 0
		if r+g+b > 330 {
			v = 255
		}
		return v, v, v
	}), image.Point{}, draw.Src)
	for name, m := range map[string]*image.NRGBA{
		"scene":              scene(1, 400, 300),
		"dark scene":         mapped(scene(1, 400, 300), func(r, g, b int) (int, int, int) { return r / 8, g / 8, b / 8 }),
		"thumbnail":          scene(1, 40, 32),
		"two-tone logo":      logo,
		"page full of text":  page(1, 600, 800, 40),
		"object on white":    framed(scene(1, 120, 120), gray(255), 150, 150, 150, 150),
		"scene in wide bars": framed(scene(1, 300, 100), gray(0), 0, 200, 0, 200),
	} {
		if r := hashed(t, m); r.Insufficient != "" || len(r.Prints) == 0 || len(r.Probes)%16 != 0 {
			t.Errorf("%s: insufficient %q, %d prints, %d probes", name, r.Insufficient, len(r.Prints), len(r.Probes))
		}
	}
}

// No size upsets the hasher, and the box stays inside the picture.
func TestEverySize(t *testing.T) {
	sizes := []int{1, 2, 3, 5, 24, 31, 32, 33, 64, 127, 513}
	for _, w := range sizes {
		for _, h := range sizes {
			m := scene(1, max(w, 30), max(h, 30))
			r := hashed(t, framed(part(m, rect(0, 0, w, h)), gray(0), w%3, h%4, 1, 2))
			if r.Box.Empty() || r.Box.X0 < 0 || r.Box.Y0 < 0 || r.Box.X1 > r.Width || r.Box.Y1 > r.Height {
				t.Errorf("%d × %d: box %v", r.Width, r.Height, r.Box)
			}
			if small := r.Width < minSide || r.Height < minSide; small && r.Insufficient == "" {
				t.Errorf("%d × %d is enough", r.Width, r.Height)
			}
		}
	}
}
