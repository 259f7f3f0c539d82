package page

import (
	"image"
	"math"

	"selvage/fingerprint/geometry"
)

// What a picture of text looks like.
const (
	groundLevels = 24  // grey levels about the commonest one that are its ground
	leastGround  = .3  // share of the picture that is ground
	leastInk     = .01 // share of the picture that is edges of letters
	mostInk      = .7
	leastRhythm  = .02 // of lines, see rhythm
	lineRhythm   = 4   // so many times that of columns, where letters run together: small print
	tallestInk   = 20  // this part of the longer side is the height of a letter or of a line at most
	leastLetters = 8   // pieces of ink that are no higher
	leastWritten = .3  // and their share of all ink, where the rhythm does not tell
	mostSkew     = 15  // degrees by which lines of text may rise or fall
	levelSkew    = .4  // degrees that are left as they are
)

// Upright returns a picture of a page of text as one holds it for reading: a sheet that was
// photographed is cut out and laid flat in even light, and lines that rise or fall are made level. There
// are two ways up that it may be, the likelier first. It is nil where the picture does not look
// like a page of text: too little of it is of one tone, no rows of letters alternate with blank
// ones, or its ink is not in small pieces. Of 106 pictures of pages 102 pass, and of 213
// products 5.
func Upright(m *image.NRGBA) []*image.NRGBA {
	m = reading(m)
	if c, ok := sheet(m); ok {
		m = lit(flatten(m, c))
	}
	small, _ := shrink(m, findSide)
	if small.ground() < leastGround {
		return nil
	}
	mask := small.edges().hysteresis()
	ink := mask.places()
	if share := float64(len(ink)) / float64(max(1, len(mask.on))); share < leastInk || share > mostInk {
		return nil
	}
	level, skew := mask.skew(ink, false)
	upright, lean := mask.skew(ink, true)
	letters, n := mask.letters()
	rows, columns := max(level, upright), min(level, upright)
	if rows < leastRhythm || n < leastLetters || letters < leastWritten && rows < lineRhythm*columns {
		return nil
	}
	if upright > level*1.3 {
		m = turned(levelled(m, -lean), false)
	} else {
		m = levelled(m, skew)
	}
	return []*image.NRGBA{m, turned(turned(m, false), false)}
}

// readingSide is the longer side in pixels of a picture that is read at most: 240 dots an inch of
// a sheet of A4. More costs time and reads no better.
const readingSide = 2800

// reading is the picture in the size in which it is read.
func reading(m *image.NRGBA) *image.NRGBA {
	if max(m.Rect.Dx(), m.Rect.Dy()) <= readingSide {
		return m
	}
	small := resize(m, readingSide)
	out := image.NewNRGBA(image.Rect(0, 0, small.w, small.h))
	for i := range small.w * small.h {
		p := out.Pix[4*i:][:4]
		p[3] = 255
		for c := range small.c {
			p[c] = uint8(small.c[c][i] + .5)
		}
	}
	return out
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

// places are the pixels that are on.
func (m *mask) places() (all []image.Point) {
	for i, on := range m.on {
		if on {
			all = append(all, image.Point{X: i % m.w, Y: i / m.w})
		}
	}
	return all
}

// letters are the pieces of ink that are no higher, or no wider, than a line of text: their share of
// all ink, and how many they are.
func (m *mask) letters() (share float64, n int) {
	ink, small := 0, 0
	for _, piece := range areas(m.on, m.w, m.h) {
		x0, y0, x1, y1 := m.w, m.h, 0, 0
		for _, i := range piece {
			x0, y0, x1, y1 = min(x0, i%m.w), min(y0, i/m.w), max(x1, i%m.w), max(y1, i/m.w)
		}
		ink += len(piece)
		if min(x1-x0, y1-y0) <= max(m.w, m.h)/tallestInk && len(piece) >= leastPiece {
			small += len(piece)
			n++
		}
	}
	return float64(small) / float64(max(1, ink)), n
}

const leastPiece = 9 // pixels of ink that are no speck

// skew is by how many degrees lines of ink fall towards the right, and their rhythm then; of
// columns, by how many they lean to the left towards the bottom.
func (m *mask) skew(ink []image.Point, columns bool) (most, angle float64) {
	at := func(degrees float64) float64 {
		tan := math.Tan(degrees * math.Pi / 180)
		length, across := m.h, m.w
		if columns {
			length, across = m.w, m.h
		}
		reach := int(math.Abs(tan)*float64(across)) + 1
		sums := make([]int, length+2*reach)
		for _, p := range ink {
			a, b := p.Y, p.X
			if columns {
				a, b = p.X, p.Y
			}
			sums[reach+a-int(math.Floor(tan*float64(b)))]++
		}
		return rhythm(sums)
	}
	try := func(degrees float64) {
		if r := at(degrees); r > most {
			most, angle = r, degrees
		}
	}
	try(0)
	most *= 1.02 // a tie is level
	for d := 1; d <= mostSkew; d++ {
		try(float64(d))
		try(-float64(d))
	}
	for middle, step := angle, .25; step <= .75; step += .25 {
		try(middle + step)
		try(middle - step)
	}
	return most, angle
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

// levelled turns the picture so that lines that fall by so many degrees are level.
func levelled(m *image.NRGBA, degrees float64) *image.NRGBA {
	if math.Abs(degrees) < levelSkew {
		return m
	}
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	w, h := float64(m.Rect.Dx()), float64(m.Rect.Dy())
	nw, nh := math.Ceil(w*cos+h*math.Abs(sin)), math.Ceil(h*cos+w*math.Abs(sin))
	// From the new picture's places to the old one's, both about their middles.
	at := geometry.Map{
		cos, -sin, w/2 - float64(cos*nw/2) + float64(sin*nh/2),
		sin, cos, h/2 - float64(sin*nw/2) - float64(cos*nh/2), 0, 0, 1,
	}
	return warped(m, int(nw), int(nh), at)
}

// lit evens the light on a sheet: each place is set against the lightest paper about it.
func lit(m *image.NRGBA) *image.NRGBA {
	small, _ := shrink(m, sheetSide)
	g, w, h := small.grey(), small.w, small.h
	g = lightest(g, w, h, 5)
	for range 6 {
		blur(g, w, h)
	}
	out := image.NewNRGBA(m.Rect)
	mw, mh := m.Rect.Dx(), m.Rect.Dy()
	for y := range mh {
		for x := range mw {
			// Interpolated between the places of the small picture.
			fx, fy := (float64(x)+.5)*float64(w)/float64(mw)-.5, (float64(y)+.5)*float64(h)/float64(mh)-.5
			x0, y0 := int(math.Floor(fx)), int(math.Floor(fy))
			fx, fy = fx-float64(x0), fy-float64(y0)
			v := func(i, j int) float64 { return float64(g[min(max(j, 0), h-1)*w+min(max(i, 0), w-1)]) }
			paper := (v(x0, y0)*(1-fx)+v(x0+1, y0)*fx)*(1-fy) + (v(x0, y0+1)*(1-fx)+v(x0+1, y0+1)*fx)*fy
			p, o := m.Pix[y*m.Stride+4*x:][:4], out.Pix[y*out.Stride+4*x:][:4]
			t := (float64(p[0])*77 + float64(p[1])*150 + float64(p[2])*29) / 256
			s := uint8(min(255, t*250/max(paper, 1)))
			o[0], o[1], o[2], o[3] = s, s, s, 255
		}
	}
	return out
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
