package page

import "image"

// What a picture of text looks like.
const (
	groundLevels = 24  // grey levels about the commonest one that are its ground
	leastGround  = .3  // share of the picture that is ground
	leastInk     = .01 // share of the picture that is edges of letters
	mostInk      = .5
	leastRhythm  = .02 // of rows or columns, see rhythm
)

// Upright returns a picture of a page with its lines of text level, in all ways that may be the
// right way up: one, or two where the lines run from top to bottom. It is nil where the picture
// does not look like a page of text: too little of it is of one tone, or no rows of letters
// alternate with blank ones.
func Upright(m *image.NRGBA) []*image.NRGBA {
	small, _ := shrink(m, findSide)
	if small.ground() < leastGround {
		return nil
	}
	mask := small.edges().hysteresis()
	rows, columns := make([]int, mask.h), make([]int, mask.w)
	ink := 0
	for i, on := range mask.on {
		if on {
			rows[i/mask.w]++
			columns[i%mask.w]++
			ink++
		}
	}
	share := float64(ink) / float64(max(1, len(mask.on)))
	level, upright := rhythm(rows), rhythm(columns)
	switch {
	case share < leastInk || share > mostInk || max(level, upright) < leastRhythm:
		return nil
	case upright > level*1.3:
		return []*image.NRGBA{turned(m, false), turned(m, true)}
	}
	return []*image.NRGBA{m}
}

// ground is the share of the picture that has about its commonest tone.
func (m *rgb) ground() float64 {
	var hist [256]int
	for i, r := range m.c[0] {
		hist[uint8((r*77+m.c[1][i]*150+m.c[2][i]*29)/256)]++
	}
	_, most := commonest(&hist)
	return float64(most) / float64(max(1, m.w*m.h))
}

// commonest is the run of groundLevels grey levels that most pixels have: where it begins, and
// how many have it.
func commonest(hist *[256]int) (from, pixels int) {
	for at := range len(hist) - groundLevels + 1 {
		n := 0
		for _, k := range hist[at : at+groundLevels] {
			n += k
		}
		if n > pixels {
			from, pixels = at, n
		}
	}
	return from, pixels
}

// rhythm is how much sums of ink change from one line of pixels to the next, against their size:
// lines of text and the blanks between make it large.
func rhythm(sums []int) float64 {
	change, size := 0, 1
	for i, s := range sums {
		if i > 1 {
			d := s - sums[i-2]
			change += d * d
		}
		size += s * s
	}
	return float64(change) / float64(size)
}

// turned is the picture after a quarter turn clockwise, or the other way.
func turned(m *image.NRGBA, back bool) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, h, w))
	for y := range h {
		for x := range w {
			tx, ty := h-1-y, x
			if back {
				tx, ty = y, w-1-x
			}
			copy(out.Pix[ty*out.Stride+4*tx:][:4], m.Pix[y*m.Stride+4*x:][:4])
		}
	}
	return out
}
