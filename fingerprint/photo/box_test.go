package photo

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"selvage/fingerprint"
)

// boxIs checks that the box is r to within slack pixels.
func boxIs(t *testing.T, m *image.NRGBA, want fingerprint.Rect, slack int) {
	t.Helper()
	got := hashed(t, m).Box
	for _, d := range []int{got.X0 - want.X0, got.Y0 - want.Y0, got.X1 - want.X1, got.Y1 - want.Y1} {
		if max(d, -d) > slack {
			t.Errorf("box is %v, want %v within %d pixels", got, want, slack)
			return
		}
	}
}

func rect(x0, y0, x1, y1 int) fingerprint.Rect {
	return fingerprint.Rect{X0: x0, Y0: y0, X1: x1, Y1: y1}
}

func TestBox(t *testing.T) {
	in := scene(4, 300, 260)
	inside := func(l, tp int) fingerprint.Rect { return rect(l, tp, l+300, tp+260) }
	red, teal := color.NRGBA{200, 30, 40, 255}, color.NRGBA{17, 95, 115, 255}
	unequal := canvas(380, 330, gray(10))
	draw.Draw(unequal, image.Rect(0, 0, 380, 30), image.NewUniform(red), image.Point{}, draw.Src)
	draw.Draw(unequal, image.Rect(360, 0, 380, 330), image.NewUniform(gray(250)), image.Point{}, draw.Src)
	draw.Draw(unequal, image.Rect(60, 30, 360, 290), in, image.Point{}, draw.Src)
	big := scene(4, 1600, 1200)

	for _, tt := range []struct {
		name  string
		m     *image.NRGBA
		want  fingerprint.Rect
		slack int
	}{
		{"nothing to cut", in, inside(0, 0), 0},
		{"black letterbox", framed(in, gray(0), 0, 40, 0, 40), inside(0, 40), 1},
		{"pillarbox", framed(in, gray(0), 50, 0, 50, 0), inside(50, 0), 1},
		{"white frame", framed(in, gray(255), 25, 25, 25, 25), inside(25, 25), 1},
		{"coloured, unequal widths", framed(in, teal, 12, 70, 41, 20), inside(12, 70), 1},
		{"four colours", unequal, inside(60, 30), 1},
		{"border in border", framed(framed(in, gray(255), 20, 20, 20, 20), red, 15, 30, 10, 5), inside(35, 50), 1},
		{"three frames", framed(framed(framed(in, gray(0), 4, 4, 4, 4), gray(255), 20, 20, 20, 20), gray(0), 6, 6, 6, 6), inside(30, 30), 1},
		{"JPEG-noisy border", recoded(t, framed(in, teal, 30, 40, 50, 60), 40), inside(30, 40), 8},
		{"grainy border", noisy(framed(in, gray(120), 30, 40, 50, 60), 4), inside(30, 40), 2},
		{"one side only", framed(in, gray(240), 0, 0, 0, 55), inside(0, 0), 1},
		{"large picture", framed(big, red, 203, 101, 77, 55), rect(203, 101, 1803, 1301), 4},
		{"large picture, odd sides", framed(scene(5, 1601, 777), gray(255), 11, 150, 13, 151), rect(11, 150, 1612, 927), 4},
	} {
		t.Run(tt.name, func(t *testing.T) { boxIs(t, tt.m, tt.want, tt.slack) })
	}
}

func TestBoxOfScreenshot(t *testing.T) {
	for _, dark := range []bool{false, true} {
		m := canvas(540, 1080, gray(252))
		r := rand.New(rand.NewPCG(1, 2))
		for _, y := range []int{40, 80, 700, 760, 800, 830, 1000} {
			write(m, 30, y, letters(r, 30))
		}
		if dark {
			m = mapped(m, func(r, g, b int) (int, int, int) { return 255 - r, 255 - g, 255 - b })
		}
		draw.Draw(m, image.Rect(0, 115, 540, 640), scene(8, 540, 525), image.Point{}, draw.Src)
		boxIs(t, recoded(t, m, 85), rect(0, 115, 540, 640), 6)
	}
}

// Skies, studio grounds and objects on white must not lose what tells them apart.
func TestBoxKeeps(t *testing.T) {
	sky := scene(6, 400, 300)
	for y := range 150 {
		for x := range 400 {
			sky.SetNRGBA(x, y, gray(uint8(100+y/2)))
		}
	}
	vignette := canvas(400, 400, gray(0))
	for y := range 400 {
		for x := range 400 {
			dx, dy := x-200, y-200
			vignette.SetNRGBA(x, y, gray(uint8(230-(dx*dx+dy*dy)/500)))
		}
	}
	draw.Draw(vignette, image.Rect(150, 150, 250, 250), scene(7, 100, 100), image.Point{}, draw.Src)
	for name, m := range map[string]*image.NRGBA{"sky": sky, "vignette": vignette, "text page in grain": noisy(page(1, 400, 400, 20), 30)} {
		if got := hashed(t, m).Box; got != rect(0, 0, m.Rect.Dx(), m.Rect.Dy()) {
			t.Errorf("%s: cut to %v", name, got)
		}
	}
	// An object on white is boxed tight: all of it is kept, nothing more.
	object := canvas(500, 400, gray(255))
	draw.Draw(object, image.Rect(180, 90, 330, 350), scene(3, 150, 260), image.Point{}, draw.Src)
	boxIs(t, object, rect(180, 90, 330, 350), 1)
	// A speck is not taken for the content.
	speck := canvas(500, 400, gray(255))
	draw.Draw(speck, image.Rect(200, 200, 220, 220), scene(3, 20, 20), image.Point{}, draw.Src)
	boxIs(t, speck, rect(0, 0, 500, 400), 0)
}

func TestBoxIsStoredOnlyWhereItDiffers(t *testing.T) {
	plain := hashed(t, scene(1, 300, 300))
	if _, ok := plain.Print(fingerprint.PDQ256, fingerprint.Box); ok {
		t.Error("a picture without border has a box print")
	}
	in := framed(scene(1, 300, 300), gray(0), 40, 40, 40, 40)
	boxed, ok := hashed(t, in).Print(fingerprint.PDQ256, fingerprint.Box)
	want, _ := plain.Print(fingerprint.PDQ256, fingerprint.Full)
	if !ok || distance(t, boxed.Payload, want.Payload) > 4 {
		t.Error("the box of a framed picture is not hashed as the picture")
	}
}

// A drawing on white in a coloured frame is boxed down to the drawing, but as a query it
// also shows what the frame surrounds, and meets the drawing on its white ground.
func TestFrameOfQuery(t *testing.T) {
	drawing := framed(scene(3, 200, 220), gray(255), 80, 60, 40, 90)
	query := framed(drawing, color.NRGBA{190, 170, 90, 255}, 70, 50, 40, 60)
	r := hashed(t, query)
	if want := rect(70, 50, 70+320, 50+370); r.Frame != want {
		t.Errorf("frame is %v, want %v", r.Frame, want)
	}
	if want := rect(150, 110, 350, 330); r.Box != want {
		t.Errorf("box is %v, want %v", r.Box, want)
	}
	if len(r.Asides) != 2 || len(r.Probes) != 3*16 {
		t.Errorf("%d asides, %d probes", len(r.Asides), len(r.Probes))
	}
	// Without the box, the frame still proves the copy and says where it is.
	r.Prints = slices.DeleteFunc(r.Prints, func(p fingerprint.Fingerprint) bool { return p.View == fingerprint.Box })
	ref := hashed(t, drawing)
	c := Compare(r, ref)
	if c.Probability() < ActThreshold || c.Part() {
		t.Fatalf("probability %v", c.Probability())
	}
	if m := c.Places[0].Map; math.Abs(m[2]-70) > 3 || math.Abs(m[5]-50) > 3 {
		t.Errorf("the registered picture begins at %.1f, %.1f of the query", m[2], m[5])
	}
}
