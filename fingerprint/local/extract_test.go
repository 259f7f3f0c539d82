package local

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"selvage/fixtures"
)

// draw is a picture with a lot in it whose sides halve well, so that mirroring it
// mirrors the scale space.
func draw(t testing.TB, family string, side int) *Gray {
	t.Helper()
	g := NewBase(fixtures.Original(family, 3, 2*side, 2*side), side)
	if g.W != side || g.H != side {
		t.Fatalf("base is %d × %d, want %d × %d", g.W, g.H, side, side)
	}
	return g
}

func change(g *Gray, v Variant) *Gray {
	out := &Gray{W: g.W, H: g.H, Pix: make([]uint8, len(g.Pix))}
	for y := range g.H {
		for x := range g.W {
			p := g.Pix[y*g.W+x]
			if v&Negative != 0 {
				p = 255 - p
			}
			if v&Mirrored != 0 {
				out.Pix[y*g.W+g.W-1-x] = p
			} else {
				out.Pix[y*g.W+x] = p
			}
		}
	}
	return out
}

// TestVariants extracts from a picture and from its mirror image and negative, and
// expects the same features with their bytes in another order.
func TestVariants(t *testing.T) {
	for _, family := range fixtures.Families() {
		g := draw(t, family.Name, 256)
		plain := Extract(g, 300)
		for v := Plain; v <= Mirrored|Negative; v++ {
			t.Run(fmt.Sprint(family.Name, v), func(t *testing.T) {
				other := Extract(change(g, v), 300)
				found := 0
				for i := range plain {
					want := plain[i]
					if v&Mirrored != 0 {
						want.X, want.Angle = float32(g.W)-want.X, math.Pi-want.Angle
					}
					if v&Negative != 0 {
						want.Angle += math.Pi
					}
					want.Desc = v.permute(&want.Desc)
					if v.permute(&want.Desc) != plain[i].Desc {
						t.Fatal("permuting twice gives another descriptor")
					}
					for j := range other {
						if alike(&want, &other[j]) {
							found++
							break
						}
					}
				}
				if found < len(plain)*97/100 {
					t.Errorf("%d of %d features found", found, len(plain))
				}
			})
		}
	}
}

func alike(a, b *Raw) bool {
	turn := math.Remainder(float64(a.Angle-b.Angle), 2*math.Pi)
	if math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y)) > 0.02 || math.Abs(turn) > 0.02 ||
		math.Abs(float64(a.Sigma/b.Sigma)-1) > 0.01 {
		return false
	}
	for i := range a.Desc {
		if d := int(a.Desc[i]) - int(b.Desc[i]); d < -8 || d > 8 {
			return false
		}
	}
	return true
}

// TestAnyPicture looks for features in all sorts of sizes and noise: none may fail, and
// what is found lies inside the picture.
func TestAnyPicture(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, size := range [][2]int{{1, 1}, {1, 300}, {300, 1}, {7, 90}, {8, 8}, {9, 200}, {16, 16}, {33, 31}, {100, 64}, {257, 65}} {
		for _, kind := range []string{"flat", "noise", "two-tone", "stripes"} {
			m := image.NewNRGBA(image.Rect(0, 0, size[0], size[1]))
			for i := range m.Pix {
				switch kind {
				case "noise":
					m.Pix[i] = uint8(r.Uint32())
				case "two-tone":
					m.Pix[i] = uint8(255 * (r.Uint32() >> 31))
				case "stripes":
					m.Pix[i] = uint8(255 * (i / 16 & 1))
				}
			}
			for _, side := range []int{1, 16, 50, 512} {
				g := NewBase(m, side)
				if w := min(side, 2*max(size[0], size[1])); max(g.W, g.H) != w || len(g.Pix) != g.W*g.H {
					t.Errorf("%v at %d: base is %d × %d", size, side, g.W, g.H)
				}
				list := Extract(g, 100)
				if kind == "flat" && len(list) > 0 || len(list) > 100 {
					t.Errorf("%v %s at %d: %d features", size, kind, side, len(list))
				}
				for _, f := range list {
					in := f.X >= 0 && f.X <= float32(g.W) && f.Y >= 0 && f.Y <= float32(g.H)
					if !in || !(f.Sigma > 1 && f.Sigma < 1e4) || !(f.Angle >= 0 && f.Angle < 2*math.Pi) || !(f.Response > 0) {
						t.Fatalf("%v %s at %d: feature %+v", size, kind, side, f)
					}
				}
			}
		}
	}
	if list := Extract(NewBase(image.NewNRGBA(image.Rectangle{}), 512), 10); len(list) > 0 {
		t.Errorf("an empty picture has %d features", len(list))
	}
}

func BenchmarkExtract(b *testing.B) {
	m := fixtures.Original(fixtures.Families()[0].Name, 3, 1024, 768)
	for _, side := range []int{320, 512, 640} {
		g := NewBase(m, side)
		b.Run(fmt.Sprintf("side=%d/features=%d", side, RefFeatures), func(b *testing.B) {
			for b.Loop() {
				Extract(g, RefFeatures)
			}
		})
	}
}

func BenchmarkNewBase(b *testing.B) {
	for _, size := range [][2]int{{533, 400}, {1600, 1200}, {4000, 3000}} {
		m := image.NewNRGBA(image.Rect(0, 0, size[0], size[1]))
		b.Run(fmt.Sprintf("picture=%dx%d", size[0], size[1]), func(b *testing.B) {
			for b.Loop() {
				NewBase(m, RefSide)
			}
		})
	}
}
