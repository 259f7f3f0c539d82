package geometry

import (
	"math"
	"testing"
)

func TestSinCosAtan(t *testing.T) {
	for i := -2000; i <= 2000; i++ {
		a := float64(i) * 0.0137
		s, c := sincos(a)
		if math.Abs(s-math.Sin(a)) > 1e-15 || math.Abs(c-math.Cos(a)) > 1e-15 {
			t.Fatalf("sincos(%v) = %v, %v, want %v, %v", a, s, c, math.Sin(a), math.Cos(a))
		}
		if got, want := atan2(float64(3*s), float64(3*c)), math.Atan2(s, c); math.Abs(got-want) > 1e-14 {
			t.Fatalf("atan2 of %v = %v, want %v", a, got, want)
		}
	}
	for _, p := range []Point{{0, 0}, {1, 0}, {0, 1}, {-1, 0}, {0, -1}, {1, 1}, {-1, -1}, {-1, 1e-300}} {
		if got, want := atan2(p.Y, p.X), math.Atan2(p.Y, p.X); math.Abs(got-want) > 1e-15 {
			t.Errorf("atan2(%v, %v) = %v, want %v", p.Y, p.X, got, want)
		}
	}
}

func TestMapAlgebra(t *testing.T) {
	maps := []Map{
		Identity, placed(0.6, 25, 150, 130), placed(3, -170, 60, 200),
		product(t, placed(0.55, 70, 160, 120), stretch(1.6)),
		product(t, placed(1.1, -20, 220, 150), tilt(0.5, 0.3)),
		// The origin of the query lies behind the horizon of this one.
		{100, 0, 2000, 0, 40, 20, 1.0 / 30, 0, 1},
		{-1, 0, 300, 0, 1, 0, 0, 0, 1},
		product(t, Map{-1, 0, 300, 0, 1, 0, 0, 0, 1}, tilt(0.5, 0.3)),
	}
	points := append(Rect(300, 320), Point{17, 233}, Point{150, 160})
	for _, m := range maps {
		inv, ok := m.Inverse()
		if !ok {
			t.Fatalf("%v: no inverse", m)
		}
		for _, p := range points {
			q, ok1 := m.Apply(p)
			back, ok2 := inv.Apply(q)
			if !ok1 || !ok2 || math.Abs(back.X-p.X) > 1e-8 || math.Abs(back.Y-p.Y) > 1e-8 {
				t.Errorf("%v: %v goes to %v and back to %v", m, p, q, back)
			}
			for _, n := range maps[:5] {
				q, ok1 := n.Apply(p)
				want, ok2 := m.Apply(q)
				got, ok3 := product(t, m, n).Apply(p)
				if ok1 && ok2 != ok3 || ok2 && (math.Abs(got.X-want.X) > 1e-7 || math.Abs(got.Y-want.Y) > 1e-7) {
					t.Errorf("%v after %v: %v goes to %v, want %v", m, n, p, got, want)
				}
			}
			const h = 1e-5
			xx, xy, yx, yy := m.Jacobian(p)
			dx, _ := m.Apply(Point{p.X + h, p.Y})
			dy, _ := m.Apply(Point{p.X, p.Y + h})
			for i, pair := range [][2]float64{{xx, (dx.X - q.X) / h}, {xy, (dy.X - q.X) / h}, {yx, (dx.Y - q.Y) / h}, {yy, (dy.Y - q.Y) / h}} {
				if math.Abs(pair[0]-pair[1]) > 1e-4*(1+math.Abs(pair[1])) {
					t.Errorf("%v at %v: derivative %d is %v, measured %v", m, p, i, pair[0], pair[1])
				}
			}
		}
	}
	for _, m := range []Map{{}, {1, 1, 0, 1, 1, 0, 0, 0, 1}, {math.NaN(), 0, 0, 0, 1, 0, 0, 0, 1}} {
		if inv, ok := m.Inverse(); ok {
			t.Errorf("%v has the inverse %v", m, inv)
		}
	}
	if _, ok := (Map{1, 0, 0, 0, 1, 0, -0.01, 0, 1}).Apply(Point{100, 0}); ok {
		t.Error("a point on the horizon has an image")
	}
}

func TestPolygons(t *testing.T) {
	square := Rect(10, 10)
	turned := Polygon{{0, 10}, {10, 10}, {10, 0}, {0, 0}}
	diamond := Polygon{{5, -5}, {15, 5}, {5, 15}, {-5, 5}}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	near("area of the square", square.Area(), 100)
	near("area of the square run the other way", turned.Area(), 100)
	near("area of the diamond", diamond.Area(), 200)
	near("diamond in the square", diamond.Clip(10, 10).Area(), 100)
	near("diamond in a narrower square", diamond.Clip(10, 4).Area(), 40)
	near("square in the diamond", turned.Intersect(diamond).Area(), 100)
	near("clip away", Polygon{{20, 20}, {30, 20}, {20, 30}}.Clip(10, 10).Area(), 0)
	near("triangle over a corner", Polygon{{5, 5}, {15, 5}, {5, 15}}.Clip(10, 10).Area(), 25)
	near("IoU with itself", IoU(square, turned), 1)
	near("IoU with half", IoU(square, Rect(10, 5)), 0.5)
	near("IoU of neighbours", IoU(square, Polygon{{10, 0}, {20, 0}, {20, 10}, {10, 10}}), 0)
	near("IoU with a line", IoU(square, Polygon{{0, 0}, {10, 10}}), 0)
	near("IoU of nothing", IoU(nil, nil), 0)
	near("IoU of diamond and square", IoU(diamond, square), 0.5)
	ring := Polygon{{0, 0}, {10, 0}, {10, 10}, {6, 10}, {6, 4}, {4, 4}, {4, 10}, {0, 10}}
	near("clip of a shape with a bay", ring.Clip(10, 7).Area(), 64)

	hull := Hull([]Point{{5, 5}, {0, 0}, {10, 0}, {5, 0}, {10, 10}, {0, 10}, {0, 0}, {0, 5}})
	if len(hull) != 4 || hull.signed() != 100 {
		t.Errorf("hull is %v", hull)
	}
	for _, points := range [][]Point{nil, {{1, 2}}, {{1, 2}, {1, 2}}, {{0, 0}, {1, 1}, {2, 2}, {3, 3}}} {
		near("area of the hull of a line", Hull(points).Area(), 0)
	}
}

func TestOverlap(t *testing.T) {
	// A crop: the query shows the middle half of the registered picture, twice as large.
	inQuery, inRef := Overlap(Map{2, 0, -150, 0, 2, -160, 0, 0, 1}, 300, 320, 300, 320)
	if a, b := inQuery.Area(), inRef.Area(); math.Abs(a-96000) > 1e-6 || math.Abs(b-24000) > 1e-6 {
		t.Errorf("crop: %v in the query, %v in the registered picture", a, b)
	}
	// A picture in a picture, seen in perspective: all of it is there.
	inQuery, inRef = Overlap(product(t, placed(0.4, 10, 160, 120), tilt(0.2, 0.1)), 300, 320, 320, 240)
	if iou := IoU(inRef, Rect(300, 320)); iou < 1-1e-9 || len(inQuery) != 4 {
		t.Errorf("paste: %v in the registered picture, %v in the query", inRef, inQuery)
	}
	for _, m := range []Map{placed(1, 0, 2000, 0), {}, {1, 0, 0, 0, 1, 0, -0.01, 0, 1}} {
		if inQuery, inRef = Overlap(m, 300, 320, 320, 240); inQuery != nil || inRef != nil {
			t.Errorf("%v: seen %v, %v", m, inQuery, inRef)
		}
	}
}
