package overlay

import (
	"image"
	"image/color"
)

// Row is a stretch of two videos: what corresponds in words, and moments of both, by pairs.
type Row struct {
	Words string
	Pairs []Pair
}

// Pair is a frame of the query and the frame of the registered video that it shows. Captions
// are the times. Region outlines what both show; nil draws no outline.
type Pair struct {
	Query, Ref Panel
	Region     *Region
}

const (
	frameSide = 290 // of a frame, at most
	frameGap  = 6   // between the two frames of a pair
	frameTime = 24  // below a frame
	rowHead   = 20  // above a row

	maxPairs = 24 // of a sheet
)

// rows lays out the frames below the legend.
func (s Sheet) rows(t *typeset, width int) (out []row) {
	left := maxPairs
	for i, r := range s.Rows {
		col := palette[i%len(palette)]
		pairs := r.Pairs[:min(len(r.Pairs), left)]
		if left -= len(pairs); len(pairs) == 0 {
			continue
		}
		out = append(out, row{rowHead, func(*canvas, int, int) {}})
		for _, l := range t.bold.wrap(r.Words, width) {
			out = append(out, row{lineHeight, func(c *canvas, x, y int) { t.bold.text(c, x, y+17, l, ink) }})
		}
		for len(pairs) > 0 {
			n, used, tall := 0, 0, 0
			for n < len(pairs) && (n == 0 || used+pairs[n].width() <= width) {
				used += pairs[n].width() + gap
				tall = max(tall, pairs[n].height())
				n++
			}
			line := pairs[:n]
			out = append(out, row{tall + frameTime + 8, func(c *canvas, x, y int) {
				for _, p := range line {
					p.draw(c, t, image.Pt(x, y+8), col)
					x += p.width() + gap
				}
			}})
			pairs = pairs[n:]
		}
	}
	return out
}

func (p Pair) sizes() (q, r image.Point) {
	return p.Query.fit(nil).scaled(frameSide), p.Ref.fit(nil).scaled(frameSide)
}

func (p Pair) width() int {
	q, r := p.sizes()
	return q.X + frameGap + r.X
}

func (p Pair) height() int {
	q, r := p.sizes()
	return max(q.Y, r.Y)
}

func (p Pair) draw(c *canvas, t *typeset, at image.Point, col color.RGBA) {
	q, r := p.sizes()
	for i, side := range []struct {
		Panel
		size image.Point
	}{{p.Query.fit(nil), q}, {p.Ref.fit(nil), r}} {
		b := image.Rectangle{Min: at, Max: at.Add(side.size)}
		side.frame(c, b)
		if p.Region != nil {
			poly := p.Region.Query
			if i == 1 {
				poly = p.Region.Ref
			}
			poly = drawable(poly)
			side.stroke(c, b, poly, paper, 5)
			side.stroke(c, b, poly, col, 2)
		}
		t.small.text(c, at.X, b.Max.Y+17, side.Caption, ink)
		at.X += side.size.X + frameGap
	}
}
