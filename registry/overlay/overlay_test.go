package overlay

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden pictures anew")

// scene is a generated picture: a sky, hills, a sun and a chequered field.
func scene(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			c := color.NRGBA{uint8(120 + 80*v), uint8(160 + 60*v), 235, 255}
			if math.Hypot(u-.75, (v-.25)*float64(h)/float64(w)) < .09 {
				c = color.NRGBA{250, 214, 70, 255}
			}
			if v > .62+.12*math.Sin(7*u) {
				c = color.NRGBA{60, uint8(120 + 70*u), 70, 255}
			}
			if v > .72 && (int(u*16)+int(v*12))%2 == 0 {
				c = color.NRGBA{196, 120, 60, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// paste puts a crop of the scene, turned by a few degrees, into a flat page.
func paste(w, h int, part *image.NRGBA, at [4][2]float64) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	pw, ph := float64(part.Rect.Dx()), float64(part.Rect.Dy())
	ux, uy := at[1][0]-at[0][0], at[1][1]-at[0][1]
	vx, vy := at[3][0]-at[0][0], at[3][1]-at[0][1]
	det := ux*vy - uy*vx
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{245, 240, 228, 255})
			if (x/24+y/24)%2 == 0 {
				m.SetNRGBA(x, y, color.NRGBA{236, 228, 214, 255})
			}
			dx, dy := float64(x)-at[0][0], float64(y)-at[0][1]
			a, b := (dx*vy-dy*vx)/det, (ux*dy-uy*dx)/det
			if a >= 0 && a < 1 && b >= 0 && b < 1 {
				m.Set(x, y, part.At(int(a*pw), int(b*ph)))
			}
		}
	}
	return m
}

// sheets are the golden ones: a part on a page, a collage of two with one side hidden, a
// long polygon, and nothing to outline.
func sheets() map[string]Sheet {
	whole := scene(900, 640)
	crop := whole.SubImage(image.Rect(300, 60, 800, 460)).(*image.NRGBA)
	part := image.NewNRGBA(image.Rect(0, 0, 500, 400))
	for y := range 400 {
		for x := range 500 {
			part.Set(x, y, crop.At(300+x, 60+y))
		}
	}
	at := [4][2]float64{{150, 120}, {540, 190}, {484, 502}, {94, 432}}
	page := paste(700, 620, part, at)
	var ring, back [][2]float64
	for i := range 14 {
		a := 2 * math.Pi * float64(i) / 14
		ring = append(ring, [2]float64{350 + 300*math.Cos(a), 310 + 240*math.Sin(a)})
		back = append(back, [2]float64{450 + 500*math.Cos(a), 320 + 300*math.Sin(a)}) // reaches over the edge
	}
	return map[string]Sheet{
		"part": {
			Query: Panel{Caption: "Asked about", Picture: page, Width: 700, Height: 620},
			Ref:   Panel{Caption: "Registered: w_06h08z6fey8g5jqzmwhkt9y21w", Picture: whole, Width: 900, Height: 640},
			Regions: []Region{{
				Query: at[:],
				Ref:   [][2]float64{{300, 60}, {800, 60}, {800, 460}, {300, 460}},
			}},
			Verdict: "part", Alarm: true, Sure: "probability 0.998",
			Lines: []string{
				"a piece of the registered picture, 35 % of it, stands in the query, turned by 10 degrees and made smaller: 212 points agree, and the aligned pictures correlate 0.97",
				"Transform: turned 10° clockwise, scale 0.79",
				"local.v1: 212 points agree; ncc: correlation of the aligned pictures 0.97",
			},
			Small: "match m_06h08z6gjesk3czed1kt1dgvz4 · asked 2026-11-22 18:20:19 UTC · policy.v1+photo-copy.v1",
		},
		"hidden": {
			Query: Panel{Caption: "Asked about", Picture: page, Width: 700, Height: 620},
			Ref:   Panel{Caption: "Registered: w_06h08z6fey8g5jqzmwhkt9y21w", Why: "its owner does not show this picture", Width: 500, Height: 900},
			Regions: []Region{
				{Query: at[:], Ref: [][2]float64{{0, 0}, {500, 0}, {500, 400}, {0, 400}}},
				{Query: [][2]float64{{420, 420}, {660, 420}, {660, 590}, {420, 590}}, Ref: [][2]float64{{40, 500}, {420, 460}, {470, 820}, {70, 860}}},
			},
			Verdict: "copy", Alarm: true, Sure: "probability 0.999", Lines: []string{"two pieces of one picture"}, Small: "match m_1",
		},
		"ring": {
			Query:   Panel{Caption: "Asked about", Picture: page, Width: 700, Height: 620},
			Ref:     Panel{Caption: "Registered", Picture: whole, Width: 900, Height: 640},
			Regions: []Region{{ring, back}},
			Verdict: "copy", Alarm: true, Sure: "probability 0.999", Lines: []string{"corners in plenty"}, Small: "match m_2",
		},
		"frames": {
			Query:   Panel{Caption: "Asked about", Picture: page, Width: 700, Height: 620},
			Ref:     Panel{Caption: "Registered", Picture: whole, Width: 900, Height: 640},
			Regions: []Region{{Query: at[:], Ref: [][2]float64{{300, 60}, {800, 60}, {800, 460}, {300, 460}}}},
			Verdict: "part", Alarm: true, Sure: "probability 0.978", Lines: []string{"0:00.0 to 0:03.5 shows 0:05.5 to 0:09.0"}, Small: "match m_4",
			Rows: []Row{
				{Words: "0:00.0 to 0:03.5 shows 0:05.5 to 0:09.0 of the registered video, mirrored left to right", Pairs: []Pair{
					{
						Query: Panel{Caption: "asked about, 0:00.5", Picture: page, Width: 700, Height: 620}, Ref: Panel{Caption: "registered, 0:06.0", Picture: whole, Width: 900, Height: 640},
						Region: &Region{Query: at[:], Ref: [][2]float64{{300, 60}, {800, 60}, {800, 460}, {300, 460}}},
					},
					{Query: Panel{Caption: "asked about, 0:02.0", Width: 700, Height: 620}, Ref: Panel{Caption: "registered, 0:07.5", Picture: whole, Width: 900, Height: 640}},
					{Query: Panel{Caption: "asked about, 0:03.0", Picture: scene(40, 90)}, Ref: Panel{Caption: "registered, 0:08.5", Picture: scene(40, 90)}},
				}},
				{Words: "a stretch without frames"},
			},
		},
		"none": {
			Query: Panel{Caption: "Asked about", Why: "no preview of it was kept"}, Ref: Panel{Caption: "Registered", Picture: scene(40, 30), Width: 40, Height: 30},
			Verdict: "none", Sure: "probability 0.002",
			Lines: []string{"the pictures do not agree: " + strings.Repeat("not at all, ", 60) + "日本 " + strings.Repeat("x", 300)}, Small: "match m_3",
		},
	}
}

// TestGolden compares sheets with pictures that were looked at. A few pixels may differ by
// a little, where processors round differently.
func TestGolden(t *testing.T) {
	for name, s := range sheets() {
		got, err := s.Draw()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".png")
		if *update {
			var b bytes.Buffer
			if err := png.Encode(&b, got); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if want.Bounds() != got.Bounds() {
			t.Errorf("%s: %v, golden %v", name, got.Bounds(), want.Bounds())
			continue
		}
		off := 0
		for y := range got.Rect.Dy() {
			for x := range got.Rect.Dx() {
				r, g, b, _ := want.At(x, y).RGBA()
				c := got.RGBAAt(x, y)
				if max(apart(c.R, r), apart(c.G, g), apart(c.B, b)) > 8 {
					off++
				}
			}
		}
		if n := got.Rect.Dx() * got.Rect.Dy(); off*10_000 > n {
			t.Errorf("%s: %d of %d pixels differ from the golden picture; look at it, then run with -update", name, off, n)
		}
	}
}

func apart(a uint8, b uint32) int {
	d := int(a) - int(b>>8)
	return max(d, -d)
}

// TestOutlineIsWhereTheRegionIs: the colour of the region is on the line between its
// corners, in both panels, and nowhere far from it.
func TestOutlineIsWhereTheRegionIs(t *testing.T) {
	s := Sheet{
		Query:   Panel{Why: "x", Width: 300, Height: 300},
		Ref:     Panel{Why: "x", Width: 600, Height: 300},
		Regions: []Region{{Query: [][2]float64{{75, 75}, {225, 75}, {225, 225}, {75, 225}}, Ref: [][2]float64{{0, 0}, {600, 0}, {600, 300}, {0, 300}}}},
	}
	m, err := s.Draw()
	if err != nil {
		t.Fatal(err)
	}
	top := margin + caption
	for _, p := range []image.Point{
		{margin + 300, top + 150}, {margin + 450, top + 300}, {margin + 300, top + 450}, {margin + 150, top + 300}, // query, scale 2
		{m.Rect.Dx() - margin - 300, top}, {m.Rect.Dx() - margin - 300, top + 299}, // registered, scale 1
	} {
		if c := m.RGBAAt(p.X, p.Y); c != palette[0] {
			t.Errorf("at %v: %v, want the outline", p, c)
		}
	}
	for _, p := range []image.Point{{margin + 300, top + 300 - 40}, {margin + 60, top + 300}} {
		if c := m.RGBAAt(p.X, p.Y); c == palette[0] {
			t.Errorf("at %v: the outline is where it does not belong", p)
		}
	}
}

// TestHostilePolygons: whatever the numbers, drawing ends and stays within the sheet.
func TestHostilePolygons(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	many := make([][2]float64, 100_000)
	for i := range many {
		many[i] = [2]float64{float64(i % 313), float64(i % 217)}
	}
	regions := make([]Region, 5000)
	for i := range regions {
		regions[i] = Region{Query: [][2]float64{{1, 1}, {2, 2}, {3, 1}}, Ref: [][2]float64{{1, 1}, {2, 2}, {3, 1}}}
	}
	for name, r := range map[string][]Region{
		"no regions":     nil,
		"empty polygons": {{}},
		"one corner":     {{Query: [][2]float64{{5, 5}}, Ref: [][2]float64{{5, 5}}}},
		"not numbers":    {{Query: [][2]float64{{nan, 0}, {inf, 5}, {0, 0}}, Ref: [][2]float64{{-inf, 0}, {0, nan}, {1, 1}}}},
		"far away":       {{Query: [][2]float64{{-1e300, 0}, {1e300, 5}, {0, 9e15}}, Ref: [][2]float64{{9e6, 9e6}, {-9e6, 9e6}, {0, -9e6}}}},
		"many corners":   {{Query: many, Ref: many}},
		"many regions":   regions,
	} {
		for _, p := range []Panel{{Width: 300, Height: 200}, {}, {Picture: scene(1, 1)}, {Width: 1, Height: 100_000}, {Width: 100_000, Height: 1, Picture: scene(30, 1)}} {
			m, err := Sheet{Query: p, Ref: p, Regions: r, Verdict: "part"}.Draw()
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if m.Rect.Dx() > 1500 || m.Rect.Dy() > 1500 {
				t.Errorf("%s: a sheet of %v", name, m.Rect.Size())
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	s := sheets()["part"]
	for b.Loop() {
		if err := s.Encode(new(bytes.Buffer)); err != nil {
			b.Fatal(err)
		}
	}
}
