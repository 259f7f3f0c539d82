package photo

import (
	"math"

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
	Query   float64             // texture of the query inside the overlap
	QueryOK float64             // the same where the correlation is above .5
	Region  float64             // texture of the largest connected region that agrees
	Spread  float64             // area of that region's bounding box as a share of the overlap
	agrees  []bool              // by pixel: textured, and the correlation is above agreeing
}

// steps are the correlations that evidence counts above.
var steps = [...]float64{.2, .35, .5, .65, .8, .9}

const (
	agreeing = .7 // correlation of a place that agrees
	against  = .1 // below it, a place speaks against
)

// weigh measures how the laid query agrees with the registered picture. Places where mask
// is true do not count; mask may be nil.
func weigh(l *laid, ref *local.Gray, mask []bool) *evidence {
	w, h := l.w, l.h
	e := &evidence{agrees: make([]bool, w*h)}
	// Summed-area tables of the overlap: count, q, r, qq, rr, qr, and r, rr of all.
	type sums [6]uint32
	t := make([]sums, (w+1)*(h+1))
	whole := make([][2]uint32, (w+1)*(h+1))
	for y := range h {
		var row sums
		var all [2]uint32
		for x := range w {
			b := uint32(ref.Pix[y*w+x])
			all[0] += b
			all[1] += b * b
			if q := l.pix[y*w+x]; q != outside {
				a := uint32(q+8) >> 4
				row[0]++
				row[1] += a
				row[2] += b
				row[3] += a * a
				row[4] += b * b
				row[5] += a * b
			}
			i := (y+1)*(w+1) + x + 1
			up := &t[i-w-1]
			for k := range row {
				t[i][k] = up[k] + row[k]
			}
			whole[i] = [2]uint32{whole[i-w-1][0] + all[0], whole[i-w-1][1] + all[1]}
		}
	}
	weights := make([]float32, w*h)
	for y := range h {
		y0, y1 := max(y-window, 0)*(w+1), min(y+window+1, h)*(w+1)
		for x := range w {
			x0, x1 := max(x-window, 0), min(x+window+1, w)
			n := float64((y1 - y0) / (w + 1) * (x1 - x0))
			s := float64(whole[y1+x1][0] - whole[y0+x1][0] - whole[y1+x0][0] + whole[y0+x0][0])
			ss := float64(whole[y1+x1][1] - whole[y0+x1][1] - whole[y1+x0][1] + whole[y0+x0][1])
			i := y*w + x
			if sd := math.Sqrt(max(0, ss/n-float64(s/n*(s/n)))); sd >= leastTexture && (mask == nil || !mask[i]) {
				e.Whole += min(sd, mostTexture)
			}
			if l.pix[i] == outside || mask != nil && mask[i] {
				continue
			}
			var c [6]float64
			for k := range c {
				c[k] = float64(t[y1+x1][k] - t[y0+x1][k] - t[y1+x0][k] + t[y0+x0][k])
			}
			if c[0] < 12 {
				continue
			}
			e.Overlap++
			mq, mr := c[1]/c[0], c[2]/c[0]
			vq, vr := max(0, c[3]/c[0]-float64(mq*mq)), max(0, c[4]/c[0]-float64(mr*mr))
			sq, sr := math.Sqrt(vq), math.Sqrt(vr)
			ncc := (c[5]/c[0] - float64(mq*mr)) / math.Sqrt(float64((vq+noise)*(vr+noise)))
			if sq >= leastTexture {
				wq := min(sq, mostTexture)
				e.Query += wq
				if ncc > .5 {
					e.QueryOK += wq
				}
			}
			if sr < leastTexture {
				continue
			}
			wr := min(sr, mostTexture)
			e.Texture += wr
			for k, s := range steps {
				if ncc > s {
					e.Above[k] += wr
				}
			}
			if ncc < against {
				e.Against += wr
			}
			if ncc > agreeing {
				e.agrees[i], weights[i] = true, float32(wr)
			}
		}
	}
	e.largest(w, h, weights)
	if l.in > 0 {
		e.Spread /= float64(l.in)
	}
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
