package page

import (
	"image"
	"math"
	"slices"

	"selvage/fingerprint/geometry"
)

// What a sheet of paper in a photograph looks like.
const (
	sheetSide  = 256 // longer side of the picture that a sheet is looked for in
	writing    = 4   // pixels that writing is wide at most, on both sides of its middle
	leastSheet = .12 // share of the picture
	mostSheet  = .97 // more is the picture itself
	fullSheet  = .8  // share of the four corners' area that it fills
	leastTurn  = .5  // sine of the angle at each corner
	paperWhite = 20  // levels by which it is lighter than what is about it
)

// sheetSteps are the levels by which it may change from one pixel to the next but one: light changes
// slowly, at the rim everything changes at once.
var sheetSteps = [...]float32{3, 5, 8, 12}

// sheet finds a sheet of paper that lies on something darker, and returns its corners, clockwise
// in pixels of the picture. Ok is false where there is none: a scan or a screenshot.
func sheet(m *image.NRGBA) (corners [4]geometry.Point, ok bool) {
	small, k := shrink(m, sheetSide)
	w, h := small.w, small.h
	// Writing is taken away: what is narrower than about 2 × 4 pixels takes the tone of its ground.
	for i := range small.c {
		small.c[i] = darkest(lightest(small.c[i], w, h, writing), w, h, writing)
		blur(small.c[i], w, h)
	}
	g := small.grey()
	steps := small.steps()
	best := 0.0
	for _, most := range sheetSteps {
		even := &mask{w, h, make([]bool, w*h)}
		for i, s := range steps {
			even.on[i] = s <= most
		}
		// Where light and ground have one tone, the sheet runs into the ground: narrow bridges go.
		for range 2 {
			for _, area := range areas(even.on, w, h) {
				quad, fill := sheetOf(area, g, w, h)
				if score := quad.Area() * fill * fill * fill; score > best {
					best, ok = score, true
					for i := range corners {
						corners[i] = geometry.Point{X: quad[i].X * k, Y: quad[i].Y * k}
					}
				}
			}
			even.spread(3, false)
		}
	}
	return corners, ok
}

// sheetOf is the shape of four sides about an area, if that is a sheet, and how much of it the
// area fills.
func sheetOf(area []int, g []float32, w, h int) (quad geometry.Polygon, fill float64) {
	if share := float64(len(area)) / float64(w*h); share < leastSheet || share > mostSheet {
		return nil, 0
	}
	hull := make([]geometry.Point, len(area))
	tone := 0.0
	for i, at := range area {
		hull[i] = geometry.Point{X: float64(at%w) + .5, Y: float64(at/w) + .5}
		tone += float64(g[at])
	}
	quad, ok := fourCorners(geometry.Hull(hull))
	if fill = float64(len(area)) / max(1, quad.Area()); !ok || fill < fullSheet {
		return nil, 0
	}
	around, n := 0.0, 0
	for i, v := range g {
		if !inside(quad, geometry.Point{X: float64(i%w) + .5, Y: float64(i/w) + .5}, -3) {
			around += float64(v)
			n++
		}
	}
	if n < w*h/50 || tone/float64(len(area))-around/float64(n) < paperWhite {
		return nil, 0
	}
	return quad, fill
}

// steps are by how much the colours change from the pixel before to the one after, the most of
// the three and of both ways.
func (m *rgb) steps() []float32 {
	out := make([]float32, m.w*m.h)
	for i := range out {
		out[i] = 255 // the rim is no sheet
	}
	for y := 1; y < m.h-1; y++ {
		for x := 1; x < m.w-1; x++ {
			i, s := y*m.w+x, float32(0)
			for _, c := range m.c {
				s = max(s, c[i+1]-c[i-1], c[i-1]-c[i+1], c[i+m.w]-c[i-m.w], c[i-m.w]-c[i+m.w])
			}
			out[i] = s
		}
	}
	return out
}

func (m *rgb) grey() []float32 {
	out := make([]float32, m.w*m.h)
	for i := range out {
		out[i] = (m.c[0][i]*77 + m.c[1][i]*150 + m.c[2][i]*29) / 256
	}
	return out
}

// lightest takes the lightest value within r pixels, along rows and then columns; darkest the
// darkest.
func lightest(v []float32, w, h, r int) []float32 {
	return extreme(v, w, h, r, func(a, b float32) float32 { return max(a, b) })
}

func darkest(v []float32, w, h, r int) []float32 {
	return extreme(v, w, h, r, func(a, b float32) float32 { return min(a, b) })
}

func extreme(v []float32, w, h, r int, pick func(a, b float32) float32) []float32 {
	rows, out := make([]float32, w*h), make([]float32, w*h)
	for y := range h {
		for x := range w {
			s := v[y*w+x]
			for i := max(x-r, 0); i <= min(x+r, w-1); i++ {
				s = pick(s, v[y*w+i])
			}
			rows[y*w+x] = s
		}
	}
	for y := range h {
		for x := range w {
			s := rows[y*w+x]
			for j := max(y-r, 0); j <= min(y+r, h-1); j++ {
				s = pick(s, rows[j*w+x])
			}
			out[y*w+x] = s
		}
	}
	return out
}

// areas are the connected sets of places that are on.
func areas(on []bool, w, h int) (all [][]int) {
	seen := make([]bool, len(on))
	for start := range on {
		if !on[start] || seen[start] {
			continue
		}
		seen[start] = true
		area := []int{start}
		for k := 0; k < len(area); k++ {
			i := area[k]
			x, y := i%w, i/w
			for _, j := range [4]int{i - 1, i + 1, i - w, i + w} {
				if j < 0 || j >= w*h || j == i-1 && x == 0 || j == i+1 && x == w-1 || j == i-w && y == 0 || !on[j] || seen[j] {
					continue
				}
				seen[j] = true
				area = append(area, j)
			}
		}
		all = append(all, area)
	}
	return all
}

// fourCorners is the convex shape of four sides about a hull: side after side is given up, each
// time the one whose neighbours grow together with the least new area.
func fourCorners(hull geometry.Polygon) (geometry.Polygon, bool) {
	p := slices.Clone(hull)
	for len(p) > 4 {
		best, at := math.Inf(1), -1
		var with geometry.Point
		for i := range p {
			// The side from i to i+1 goes: its neighbours meet in one point.
			a, b, c, d := p[(i+len(p)-1)%len(p)], p[i], p[(i+1)%len(p)], p[(i+2)%len(p)]
			x, ok := meet(a, b, d, c)
			if !ok {
				continue
			}
			if new := (geometry.Polygon{b, x, c}).Area(); new < best {
				best, at, with = new, i, x
			}
		}
		if at < 0 {
			return nil, false
		}
		p[at] = with
		p = slices.Delete(p, (at+1)%len(p), (at+1)%len(p)+1)
	}
	if len(p) != 4 {
		return nil, false
	}
	for i := range p {
		a, b, c := p[(i+3)%4], p[i], p[(i+1)%4]
		ux, uy, vx, vy := a.X-b.X, a.Y-b.Y, c.X-b.X, c.Y-b.Y
		if math.Abs(float64(ux*vy)-float64(uy*vx)) < leastTurn*math.Hypot(ux, uy)*math.Hypot(vx, vy) {
			return nil, false
		}
	}
	// Clockwise from the upper left, as the eye sees it.
	if s := float64((p[1].X-p[0].X)*(p[2].Y-p[1].Y)) - float64((p[1].Y-p[0].Y)*(p[2].X-p[1].X)); s < 0 {
		slices.Reverse(p)
	}
	first := 0
	for i := range p {
		if p[i].X+p[i].Y < p[first].X+p[first].Y {
			first = i
		}
	}
	return append(slices.Clone(p[first:]), p[:first]...), true
}

// meet is where the line from a through b and that from d through c meet, beyond b and c.
func meet(a, b, d, c geometry.Point) (geometry.Point, bool) {
	ux, uy, vx, vy := b.X-a.X, b.Y-a.Y, c.X-d.X, c.Y-d.Y
	det := float64(ux*vy) - float64(uy*vx)
	if math.Abs(det) < 1e-9 {
		return geometry.Point{}, false
	}
	t := (float64((d.X-a.X)*vy) - float64((d.Y-a.Y)*vx)) / det
	s := (float64((d.X-a.X)*uy) - float64((d.Y-a.Y)*ux)) / det
	return geometry.Point{X: a.X + float64(t*ux), Y: a.Y + float64(t*uy)}, t >= 1 && s >= 1
}

// inside reports whether a point lies in a clockwise convex shape, by at least so many pixels.
func inside(q geometry.Polygon, p geometry.Point, by float64) bool {
	for i, a := range q {
		b := q[(i+1)%len(q)]
		d := (float64((b.X-a.X)*(p.Y-a.Y)) - float64((b.Y-a.Y)*(p.X-a.X))) / math.Hypot(b.X-a.X, b.Y-a.Y)
		if d < by {
			return false
		}
	}
	return true
}

// flatten lays a sheet flat: the part of m with these corners fills the picture that it
// returns.
func flatten(m *image.NRGBA, c [4]geometry.Point) *image.NRGBA {
	side := func(a, b geometry.Point) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }
	w, h := max(side(c[0], c[1]), side(c[2], c[3])), max(side(c[1], c[2]), side(c[3], c[0]))
	fw, fh := math.Round(w), math.Round(h)
	from := geometry.Rect(fw, fh)
	at, ok := geometry.Refine(geometry.Projective, from, c[:], nil)
	if !ok || min(fw, fh) < 2*leastSide {
		return m
	}
	return warped(m, int(fw), int(fh), at)
}

// warped is the picture of w × h pixels whose places lie in m where at leads.
func warped(m *image.NRGBA, w, h int, at geometry.Map) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	mw, mh := m.Rect.Dx(), m.Rect.Dy()
	for y := range h {
		for x := range w {
			o := out.Pix[y*out.Stride+4*x:][:4]
			o[3] = 255
			p, ok := at.Apply(geometry.Point{X: float64(x) + .5, Y: float64(y) + .5})
			p.X, p.Y = p.X-.5, p.Y-.5
			if !ok || p.X < -1 || p.Y < -1 || p.X > float64(mw) || p.Y > float64(mh) {
				o[0], o[1], o[2] = 255, 255, 255
				continue
			}
			x0, y0 := int(math.Floor(p.X)), int(math.Floor(p.Y))
			fx, fy := int((p.X-float64(x0))*256), int((p.Y-float64(y0))*256)
			x1, y1 := min(max(x0+1, 0), mw-1), min(max(y0+1, 0), mh-1)
			x0, y0 = min(max(x0, 0), mw-1), min(max(y0, 0), mh-1)
			a, b := m.Pix[y0*m.Stride+4*x0:], m.Pix[y0*m.Stride+4*x1:]
			c, d := m.Pix[y1*m.Stride+4*x0:], m.Pix[y1*m.Stride+4*x1:]
			for i := range 3 {
				top, bot := int(a[i])*(256-fx)+int(b[i])*fx, int(c[i])*(256-fx)+int(d[i])*fx
				o[i] = uint8((top*(256-fy) + bot*fy + 1<<15) >> 16)
			}
		}
	}
	return out
}
