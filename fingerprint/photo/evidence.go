package photo

import (
	"math"
	"sync"

	"selvage/fingerprint/local"
)

// evidence is how far a query agrees with the registered picture that it lies over.
//
// Every pixel of the overlap has a local correlation: that of the two pictures in a window
// around it. It counts with its texture, the standard deviation in grey levels there, so
// that a blank ground says nothing. What agrees is counted as an amount, not as a mean:
// an overlay takes away what it hides and does not speak against the rest.
type evidence struct {
	Overlap float64             // share of the registered picture's area that the query covers
	Texture float64             // texture of the registered picture inside the overlap, in grey levels times pixels
	Whole   float64             // the same of all of the registered picture
	Above   [len(steps)]float64 // texture of the registered picture with a correlation above each of steps
	Against float64             // the same with a correlation below against
	Hidden  float64             // texture of the registered picture that does not agree where the query is plain
	Foreign float64             // the same where the query has texture of its own
	Query   float64             // texture of the query inside the overlap
	QueryOK float64             // the same where the correlation is above .5
	Region  float64             // texture of the largest connected region that agrees
	Spread  float64             // area of that region's bounding box as a share of the overlap
	Cover   float64             // share of the textured blocks of the overlap that agree in part
	Hole    float64             // area of the largest square that agrees nowhere, as a share of the overlap
	w, h    int                 // of agrees
	agrees  []bool              // by pixel: textured, and the correlation is above agreeing
}

// window is how far a window of the local correlation reaches on each side of its middle.
const window = 3

// noise is the variance in squared grey levels that a window is thought to owe to noise;
// it keeps plain areas from correlating by chance.
const noise = 4

// Texture in grey levels: less is a plain area and not counted, more counts as this much.
const leastTexture, mostTexture = 1.5, 25

// steps are the correlations that evidence counts above.
var steps = [...]float64{.2, .35, .5, .65, .8, .9}

const (
	agreeing = .7 // correlation of a place that agrees
	against  = .1 // below it, a place speaks against

	leastWindow = 12 // pixels of a window that must lie in the overlap
)

// sheet is a registered picture made ready for laying queries over it.
type sheet struct {
	*local.Gray
	texture []float32 // by pixel, in grey levels; 0 where it is plain
	whole   float64   // their sum
}

func newSheet(g *local.Gray) *sheet {
	w, h := g.W, g.H
	s := &sheet{Gray: g, texture: make([]float32, w*h)}
	t := make([][2]uint32, (w+1)*(h+1)) // summed-area tables of the levels and their squares
	for y := range h {
		var row [2]uint32
		for x := range w {
			v := uint32(g.Pix[y*w+x])
			row[0] += v
			row[1] += v * v
			i := (y+1)*(w+1) + x + 1
			t[i] = [2]uint32{t[i-w-1][0] + row[0], t[i-w-1][1] + row[1]}
		}
	}
	for y := range h {
		y0, y1 := max(y-window, 0)*(w+1), min(y+window+1, h)*(w+1)
		for x := range w {
			x0, x1 := max(x-window, 0), min(x+window+1, w)
			n := int64((y1 - y0) / (w + 1) * (x1 - x0))
			sum := int64(t[y1+x1][0] - t[y0+x1][0] - t[y1+x0][0] + t[y0+x0][0])
			squares := int64(t[y1+x1][1] - t[y0+x1][1] - t[y1+x0][1] + t[y0+x0][1])
			if sd := math.Sqrt(float64(n*squares-sum*sum)) / float64(n); sd >= leastTexture {
				s.texture[y*w+x] = float32(min(sd, mostTexture))
				s.whole += min(sd, mostTexture)
			}
		}
	}
	return s
}

// sums are a cell of a summed-area table over an overlap: how many pixels, the levels q of
// the query and r of the registered picture, their squares and their products.
type sums struct{ n, q, r, qq, rr, qr uint32 }

var tables = sync.Pool{New: func() any { return new([]sums) }}

// weigh measures how the laid query agrees with the registered picture. Places where mask
// is true do not count; mask may be nil.
func weigh(l *laid, ref *sheet, mask []bool) *evidence {
	w, h := l.w, l.h
	e := &evidence{w: w, h: h, agrees: make([]bool, w*h), Whole: ref.whole}
	if mask != nil {
		e.Whole = 0
		for i, v := range ref.texture {
			if !mask[i] {
				e.Whole += float64(v)
			}
		}
	}
	pooled := tables.Get().(*[]sums)
	defer tables.Put(pooled)
	if n := (w + 1) * (h + 1); len(*pooled) < n {
		*pooled = make([]sums, n)
	}
	t := (*pooled)[:(w+1)*(h+1)]
	clear(t[:w+1])
	for y := range h {
		var row sums
		up, out := t[y*(w+1):][:w+1], t[(y+1)*(w+1):][:w+1]
		out[0] = sums{}
		pix, levels := l.pix[y*w:][:w], ref.Pix[y*w:][:w]
		for x, q := range pix {
			if q != outside {
				a, b := uint32(q+8)>>4, uint32(levels[x])
				row.n++
				row.q += a
				row.r += b
				row.qq += a * a
				row.rr += b * b
				row.qr += a * b
			}
			u := &up[x+1]
			out[x+1] = sums{u.n + row.n, u.q + row.q, u.r + row.r, u.qq + row.qq, u.rr + row.rr, u.qr + row.qr}
		}
	}
	weights := make([]float32, w*h)
	parts := newPatches(w, h)
	for y := range h {
		y0, y1 := max(y-window, 0)*(w+1), min(y+window+1, h)*(w+1)
		for x := range w {
			i := y*w + x
			if l.pix[i] == outside || mask != nil && mask[i] {
				continue
			}
			x0, x1 := max(x-window, 0), min(x+window+1, w)
			a, b, c, d := &t[y1+x1], &t[y0+x1], &t[y1+x0], &t[y0+x0]
			n := int64(a.n - b.n - c.n + d.n)
			if n < leastWindow {
				continue
			}
			e.Overlap++
			at := y/patch*parts.w + x/patch
			parts.in[at]++
			q, r := int64(a.q-b.q-c.q+d.q), int64(a.r-b.r-c.r+d.r)
			vq := float64(n*int64(a.qq-b.qq-c.qq+d.qq) - q*q)
			vr := float64(n*int64(a.rr-b.rr-c.rr+d.rr) - r*r)
			nn := float64(n * n)
			ground := noise * nn
			ncc := float64(n*int64(a.qr-b.qr-c.qr+d.qr)-q*r) / math.Sqrt(float64((vq+ground)*(vr+ground)))
			sq, sr := math.Sqrt(vq/nn), math.Sqrt(vr/nn)
			if sq >= leastTexture {
				wq := min(sq, mostTexture)
				e.Query += wq
				if ncc > .5 {
					e.QueryOK += wq
				}
			}
			if ncc < steps[1] && max(sq, sr) >= patchTexture {
				parts.bad[at]++
			}
			if sr < leastTexture {
				continue
			}
			wr := min(sr, mostTexture)
			if sr >= patchTexture {
				parts.texture[at] += float32(wr)
				if ncc > steps[2] {
					parts.agree[at] += float32(wr)
				}
			}
			e.Texture += wr
			for k, s := range steps {
				if ncc > s {
					e.Above[k] += wr
				}
			}
			if ncc < against {
				e.Against += wr
			}
			if ncc < steps[1] {
				if sq < max(2, sr/4) {
					e.Hidden += wr
				} else if sq > sr/2 {
					e.Foreign += wr
				}
			}
			if ncc > agreeing {
				e.agrees[i], weights[i] = true, float32(wr)
			}
		}
	}
	e.largest(w, h, weights)
	if l.in > 0 {
		e.Spread /= float64(l.in)
		e.Hole = float64(parts.hole()) / float64(l.in)
	}
	e.Cover = parts.cover()
	e.Overlap /= float64(w * h)
	return e
}

// largest finds the connected region that agrees with most texture, and its bounding box.
func (e *evidence) largest(w, h int, weights []float32) {
	seen := make([]bool, w*h)
	var stack []int32
	for start, ok := range e.agrees {
		if !ok || seen[start] {
			continue
		}
		seen[start] = true
		stack = append(stack[:0], int32(start))
		sum := 0.0
		x0, y0, x1, y1 := w, h, 0, 0
		for len(stack) > 0 {
			i := int(stack[len(stack)-1])
			stack = stack[:len(stack)-1]
			sum += float64(weights[i])
			x, y := i%w, i/w
			x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x+1), max(y1, y+1)
			for _, j := range [4]int{i - 1, i + 1, i - w, i + w} {
				if j < 0 || j >= w*h || j == i-1 && x == 0 || j == i+1 && x == w-1 || seen[j] || !e.agrees[j] {
					continue
				}
				seen[j] = true
				stack = append(stack, int32(j))
			}
		}
		if sum > e.Region {
			e.Region, e.Spread = sum, float64((x1-x0)*(y1-y0))
		}
	}
}

// near reports whether the two pictures agree at a place of the registered one, given as
// shares of its sides, or beside it.
func (e *evidence) near(u, v float64) bool {
	x, y := int(u*float64(e.w)), int(v*float64(e.h))
	for j := max(y-2, 0); j <= min(y+2, e.h-1); j += 2 {
		for i := max(x-2, 0); i <= min(x+2, e.w-1); i += 2 {
			if e.agrees[j*e.w+i] {
				return true
			}
		}
	}
	return false
}
