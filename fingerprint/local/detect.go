package local

import (
	"math"
	"math/bits"
)

// What counts as a feature. Contrasts are differences of grey levels 0..255.
const (
	leastContrast = 0.7
	edgeRatio     = 15. // ratio of the principal curvatures
	margin        = 2   // pixels of an octave at its edges where no extremum is looked for
	moves         = 5   // steps that a refinement may take
)

// point is an extremum of the differences, refined.
type point struct {
	x, y     float32 // in pixels of the octave, corner of the picture at (0, 0)
	sigma    float32 // in pixels of the octave
	response float32 // contrast, > 0
	key      float32 // strength after spreading
	octave   int32
	level    int32 // level of the octave whose blur is nearest
}

// differences are the differences of neighbouring levels of an octave.
type differences [levels - 1]plane

// finder looks for extrema row by row.
type finder struct {
	bits    [layers][]uint32 // bit x of layer s: an extremum, of diffs[s+1]; not defined in the first and last column
	scratch []float32
}

// detect appends the extrema of an octave's differences.
func (f *finder) detect(list []point, diffs *differences, number int) []point {
	w, h := diffs[0].w, diffs[0].h
	for s := range f.bits {
		f.bits[s] = append(f.bits[s][:0], make([]uint32, diffs[0].stride/lane)...)
	}
	for y := margin; y < h-margin; y++ {
		f.find(diffs, y)
		for s := range f.bits {
			for i, word := range f.bits[s] {
				for ; word != 0; word &= word - 1 {
					x := i*lane + bits.TrailingZeros32(word)
					if x < margin || x >= w-margin {
						continue
					}
					if p, ok := refine(diffs, x, y, s+1); ok {
						p.octave = int32(number)
						list = append(list, p)
					}
				}
			}
		}
	}
	return list
}

// refine fits a quadratic to the 27 values around an extremum and moves to where that
// has its own. Brown and Lowe, "Invariant Features from Interest Point Groups" (2002).
func refine(diffs *differences, x, y, s int) (point, bool) {
	w, h := diffs[0].w, diffs[0].h
	for range moves {
		var d [3][3][3]float64 // level, row, column
		for i := range 3 {
			for j := range 3 {
				r := diffs[s-1+i].row(y - 1 + j)
				for k := range 3 {
					d[i][j][k] = float64(r[x-1+k])
				}
			}
		}
		v := d[1][1][1]
		gx, gy, gs := (d[1][1][2]-d[1][1][0])/2, (d[1][2][1]-d[1][0][1])/2, (d[2][1][1]-d[0][1][1])/2
		xx := d[1][1][2] + d[1][1][0] - 2*v
		yy := d[1][2][1] + d[1][0][1] - 2*v
		ss := d[2][1][1] + d[0][1][1] - 2*v
		xy := ((d[1][2][2] + d[1][0][0]) - (d[1][2][0] + d[1][0][2])) / 4
		xs := ((d[2][1][2] + d[0][1][0]) - (d[2][1][0] + d[0][1][2])) / 4
		ys := ((d[2][2][1] + d[0][0][1]) - (d[2][0][1] + d[0][2][1])) / 4

		// Solve H o = -g by the adjugate of H.
		a, b, c := float64(yy*ss)-float64(ys*ys), float64(ys*xs)-float64(xy*ss), float64(xy*ys)-float64(yy*xs)
		det := float64(xx*a) + float64(xy*b) + float64(xs*c)
		if det == 0 {
			return point{}, false
		}
		e, f, g := float64(xx*ss)-float64(xs*xs), float64(xy*xs)-float64(xx*ys), float64(xx*yy)-float64(xy*xy)
		ox := -(float64(a*gx) + float64(b*gy) + float64(c*gs)) / det
		oy := -(float64(b*gx) + float64(e*gy) + float64(f*gs)) / det
		os := -(float64(c*gx) + float64(f*gy) + float64(g*gs)) / det
		if !(math.Abs(ox) < 1e6 && math.Abs(oy) < 1e6 && math.Abs(os) < 1e6) {
			return point{}, false
		}
		const half = 0.5 + 1e-4
		if math.Abs(ox) <= half && math.Abs(oy) <= half && math.Abs(os) <= half {
			contrast := v + float64((float64(gx*ox)+float64(gy*oy)+float64(gs*os))/2)
			trace := xx + yy
			if math.Abs(contrast) < leastContrast || g <= 0 ||
				float64(trace*trace)*edgeRatio >= float64((edgeRatio+1)*(edgeRatio+1))*g {
				return point{}, false
			}
			at := float64(s) + os
			return point{
				x:        float32(float64(x) + ox + 0.5),
				y:        float32(float64(y) + oy + 0.5),
				sigma:    float32(firstSigma * exp(at*(math.Ln2/layers))),
				response: float32(math.Abs(contrast)),
				level:    int32(at + 0.5),
			}, true
		}
		x, y, s = x+int(math.Round(ox)), y+int(math.Round(oy)), s+int(math.Round(os))
		if x < margin || x >= w-margin || y < margin || y >= h-margin || s < 1 || s > layers {
			return point{}, false
		}
	}
	return point{}, false
}
