package page

import (
	"image"
	"math"
	"slices"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
)

// LineSide is the longer side of the picture that lines are drawn in.
const LineSide = 512

// Lines draws a picture again as thin lines of one width where its content has edges: black on
// white, cropped to them, the longer side LineSide. Thick and thin strokes, other colours, an
// inverted or a tinted ground give nearly the same. Box is what of the picture, in its pixels,
// was drawn. Ok is false where there is nothing to draw.
func Lines(m *image.NRGBA) (drawn *image.NRGBA, box image.Rectangle, ok bool) {
	small, k := shrink(m, findSide)
	box = grown(small.edges().hysteresis().bounds(), k, m.Rect)
	if max(box.Dx(), box.Dy()) < leastSide {
		return nil, box, false
	}
	return draw(m, box), box, true
}

const (
	findSide  = 768 // longer side of the picture that content is looked for in
	leastSide = 24  // pixels of a drawing's longer side
)

// draw draws a part of a picture in the size at which it fills the drawing.
func draw(m *image.NRGBA, box image.Rectangle) *image.NRGBA {
	mask := resize(m.SubImage(box).(*image.NRGBA), LineSide-2*margin).edges().hysteresis()
	mask.close(closeRadius)
	mask.thin()
	return mask.draw()
}

const closeRadius = 2

// grown is a box of a picture k times as small, in pixels of the picture.
func grown(b image.Rectangle, k float64, within image.Rectangle) image.Rectangle {
	if b.Empty() {
		return image.Rectangle{}
	}
	return image.Rect(int(float64(b.Min.X)*k), int(float64(b.Min.Y)*k), int(math.Ceil(float64(b.Max.X)*k)), int(math.Ceil(float64(b.Max.Y)*k))).Intersect(within)
}

const margin = 16

type rgb struct {
	w, h int
	c    [3][]float32
}

func shrink(m *image.NRGBA, side int) (*rgb, float64) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	if max(w, h) <= side {
		return resize(m, max(w, h)), 1
	}
	return resize(m, side), float64(max(w, h)) / float64(side)
}

// resize scales a picture so that its longer side is side: by area where that is less, and
// bilinearly where it is more.
func resize(m *image.NRGBA, side int) *rgb {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	k := float64(max(w, h)) / float64(side)
	tw, th := max(1, int(float64(w)/k+.5)), max(1, int(float64(h)/k+.5))
	out := &rgb{w: tw, h: th}
	for i := range out.c {
		out.c[i] = make([]float32, tw*th)
	}
	wx, wy := taps(w, tw), taps(h, th)
	for y := range th {
		for x := range tw {
			var s [3]float64
			for _, ty := range wy[y] {
				row := m.Pix[ty.at*m.Stride:]
				for _, tx := range wx[x] {
					f := ty.f * tx.f
					p := row[4*tx.at:]
					s[0] += float64(f * float64(p[0]))
					s[1] += float64(f * float64(p[1]))
					s[2] += float64(f * float64(p[2]))
				}
			}
			for i := range s {
				out.c[i][y*tw+x] = float32(s[i])
			}
		}
	}
	return out
}

type tap struct {
	at int
	f  float64
}

func taps(n, to int) [][]tap {
	out := make([][]tap, to)
	k := float64(n) / float64(to)
	for i := range out {
		if k <= 1 {
			x := (float64(i)+.5)*k - .5
			x0 := int(math.Floor(x))
			f := x - float64(x0)
			out[i] = []tap{{min(max(x0, 0), n-1), 1 - f}, {min(max(x0+1, 0), n-1), f}}
			continue
		}
		a, b := float64(i)*k, float64(i+1)*k
		for j := int(a); j < n && float64(j) < b; j++ {
			f := (min(float64(j+1), b) - max(float64(j), a)) / k
			out[i] = append(out[i], tap{j, f})
		}
	}
	return out
}

type plane struct {
	w, h int
	v    []float32
}

// edges is the strength of the change at each pixel, the largest of the three colours.
func (m *rgb) edges() *plane {
	out := &plane{m.w, m.h, make([]float32, m.w*m.h)}
	for i := range m.c {
		blur(m.c[i], m.w, m.h)
		for y := 1; y < m.h-1; y++ {
			for x := 1; x < m.w-1; x++ {
				p := m.c[i][(y-1)*m.w+x-1:]
				q := m.c[i][y*m.w+x-1:]
				r := m.c[i][(y+1)*m.w+x-1:]
				gx := p[2] + 2*q[2] + r[2] - p[0] - 2*q[0] - r[0]
				gy := r[0] + 2*r[1] + r[2] - p[0] - 2*p[1] - p[2]
				g := float32(gx*gx) + float32(gy*gy)
				if o := &out.v[y*m.w+x]; g > *o {
					*o = g
				}
			}
		}
	}
	for i, v := range out.v {
		out.v[i] = float32(math.Sqrt(float64(v))) / 4
	}
	return out
}

// blur smooths with (1 4 6 4 1)/16 both ways; beyond a side its last pixels go on.
func blur(v []float32, w, h int) {
	padded := make([]float32, w+4)
	for y := range h {
		row := v[y*w:][:w]
		copy(padded[2:], row)
		padded[0], padded[1], padded[w+2], padded[w+3] = row[0], row[0], row[w-1], row[w-1]
		for x := range row {
			p := padded[x : x+5]
			row[x] = (p[0] + 4*p[1] + 6*p[2] + 4*p[3] + p[4]) / 16
		}
	}
	source := append([]float32(nil), v...)
	row := func(y int) []float32 { return source[min(max(y, 0), h-1)*w:][:w] }
	for y := range h {
		a, b, c, d, e := row(y-2), row(y-1), row(y), row(y+1), row(y+2)
		for x := range c {
			v[y*w+x] = (a[x] + 4*b[x] + 6*c[x] + 4*d[x] + e[x]) / 16
		}
	}
}

type mask struct {
	w, h int
	on   []bool
}

// hysteresis keeps the edges that are strong for this picture, and weaker ones connected to
// them.
func (p *plane) hysteresis() *mask {
	var hist [256]int
	total := 0
	for _, v := range p.v {
		if v >= 4 {
			hist[min(int(v), 255)]++
			total++
		}
	}
	m := &mask{p.w, p.h, make([]bool, len(p.v))}
	if total == 0 {
		return m
	}
	// The strength that a tenth of all edges exceeds is that of a clear line.
	clear, n := 255, 0
	for ; clear > 4 && n < total/10; clear-- {
		n += hist[clear]
	}
	high, low := max(float32(clear)*.35, 10), max(float32(clear)*.18, 6)
	var stack []int
	for i, v := range p.v {
		if v >= high && !m.on[i] {
			m.on[i] = true
			stack = append(stack, i)
		}
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x, y := i%p.w, i/p.w
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				if x+dx < 0 || x+dx >= p.w || y+dy < 0 || y+dy >= p.h {
					continue
				}
				if j := i + dy*p.w + dx; !m.on[j] && p.v[j] >= low {
					m.on[j] = true
					stack = append(stack, j)
				}
			}
		}
	}
	return m
}

func (m *mask) bounds() image.Rectangle {
	b := image.Rectangle{}
	for i, on := range m.on {
		if on {
			x, y := i%m.w, i/m.w
			b = b.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	return b
}

// close fills what is narrower than about 2 r pixels: the two edges of a stroke become one.
func (m *mask) close(r int) {
	m.spread(r, true)
	m.spread(r, false)
}

func (m *mask) spread(r int, value bool) {
	for range r {
		old := append([]bool(nil), m.on...)
		for y := range m.h {
			for x := range m.w {
				i := y*m.w + x
				if old[i] == value {
					continue
				}
				if x > 0 && old[i-1] == value || x+1 < m.w && old[i+1] == value || y > 0 && old[i-m.w] == value || y+1 < m.h && old[i+m.w] == value {
					m.on[i] = value
				}
			}
		}
	}
}

// thin leaves the middle lines (Zhang and Suen, "A Fast Parallel Algorithm for Thinning Digital
// Patterns", 1984).
func (m *mask) thin() {
	get := func(x, y int) uint8 {
		if x < 0 || y < 0 || x >= m.w || y >= m.h || !m.on[y*m.w+x] {
			return 0
		}
		return 1
	}
	var gone []int
	for changed := true; changed; {
		changed = false
		for pass := range 2 {
			gone = gone[:0]
			for y := range m.h {
				for x := range m.w {
					if !m.on[y*m.w+x] {
						continue
					}
					n := [9]uint8{get(x, y-1), get(x+1, y-1), get(x+1, y), get(x+1, y+1), get(x, y+1), get(x-1, y+1), get(x-1, y), get(x-1, y-1)}
					n[8] = n[0]
					sum, turns := 0, 0
					for i := range 8 {
						sum += int(n[i])
						if n[i] == 0 && n[i+1] == 1 {
							turns++
						}
					}
					if sum < 2 || sum > 6 || turns != 1 {
						continue
					}
					if pass == 0 && (n[0]&n[2]&n[4] != 0 || n[2]&n[4]&n[6] != 0) || pass == 1 && (n[0]&n[2]&n[6] != 0 || n[0]&n[4]&n[6] != 0) {
						continue
					}
					gone = append(gone, y*m.w+x)
				}
			}
			for _, i := range gone {
				m.on[i] = false
			}
			changed = changed || len(gone) > 0
		}
	}
}

// draw paints the lines in one width, with a margin.
func (m *mask) draw() *image.NRGBA {
	w, h := m.w+2*margin, m.h+2*margin
	v := make([]float32, w*h)
	for i, on := range m.on {
		if !on {
			continue
		}
		x, y := i%m.w+margin, i/m.w+margin
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				v[(y+dy)*w+x+dx] = 255
			}
		}
	}
	blur(v, w, h)
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i, s := range v {
		g := uint8(255 - min(s, 255))
		out.Pix[4*i], out.Pix[4*i+1], out.Pix[4*i+2], out.Pix[4*i+3] = g, g, g, 255
	}
	return out
}

// Drawing is what of a picture was drawn anew.
type Drawing struct {
	Picture *image.NRGBA
	Box     fingerprint.Rect // in pixels of the picture
	Kind    fingerprint.PartKind
}

// Drawings draws a picture anew: as a whole and, where it has several parts with blank ground
// between, the largest of those alone.
func Drawings(m *image.NRGBA) []Drawing {
	small, k := shrink(m, findSide)
	found := small.edges().hysteresis()
	whole := grown(found.bounds(), k, m.Rect)
	if max(whole.Dx(), whole.Dy()) < leastSide {
		return nil
	}
	boxes := []image.Rectangle{whole}
	for _, b := range found.islands() {
		boxes = append(boxes, grown(b, k, m.Rect))
	}
	var out []Drawing
	kind := fingerprint.LinesPart
	for _, b := range boxes {
		out = append(out, Drawing{draw(m, b), fingerprint.Rect{X0: b.Min.X, Y0: b.Min.Y, X1: b.Max.X, Y1: b.Max.Y}, kind})
		kind = fingerprint.IslandPart
	}
	return out
}

// What of a page is an island: shares of the longer side of its content.
const (
	channel    = 28  // blank ground of this part of it is between two islands
	leastLand  = .2  // its longer side
	mostLand   = .9  // and at most so much of both sides: else it is the page
	maxIslands = 3   // the largest
	leastShape = .12 // its shorter side: a line of text is none
)

// islands are the boxes of what stands apart, the largest first.
func (m *mask) islands() []image.Rectangle {
	all := m.bounds()
	long := max(all.Dx(), all.Dy())
	// In cells of half a channel, what touches belongs together.
	cell := max(1, long/channel/2)
	w, h := (all.Dx()+cell-1)/cell, (all.Dy()+cell-1)/cell
	on, box := make([]bool, w*h), make([]image.Rectangle, w*h)
	for i, v := range m.on {
		if x, y := i%m.w, i/m.w; v {
			c := (y-all.Min.Y)/cell*w + (x-all.Min.X)/cell
			on[c] = true
			box[c] = box[c].Union(image.Rect(x, y, x+1, y+1))
		}
	}
	var out []image.Rectangle
	var stack []int
	for i := range on {
		if !on[i] {
			continue
		}
		b := image.Rectangle{}
		on[i] = false
		for stack = append(stack[:0], i); len(stack) > 0; {
			c := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			b = b.Union(box[c])
			for dy := -2; dy <= 2; dy++ {
				for dx := -2; dx <= 2; dx++ {
					x, y := c%w+dx, c/w+dy
					if x >= 0 && x < w && y >= 0 && y < h && on[y*w+x] {
						on[y*w+x] = false
						stack = append(stack, y*w+x)
					}
				}
			}
		}
		if max(b.Dx(), b.Dy()) < int(leastLand*float64(long)) || min(b.Dx(), b.Dy()) < int(leastShape*float64(long)) ||
			float64(b.Dx()) > mostLand*float64(all.Dx()) && float64(b.Dy()) > mostLand*float64(all.Dy()) {
			continue
		}
		out = append(out, b)
	}
	slices.SortStableFunc(out, func(a, b image.Rectangle) int { return b.Dx()*b.Dy() - a.Dx()*a.Dy() })
	return out[:min(len(out), maxIslands)]
}

// OnPage leads from pixels of a drawing of w × h pixels to those of the picture of which box was
// drawn.
func OnPage(w, h int, box fingerprint.Rect) geometry.Map {
	kx, ky := float64(box.W())/float64(max(1, w-2*margin)), float64(box.H())/float64(max(1, h-2*margin))
	return geometry.Map{kx, 0, float64(box.X0) - float64(margin*kx), 0, ky, float64(box.Y0) - float64(margin*ky), 0, 0, 1}
}
