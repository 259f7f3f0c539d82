package photo

import (
	"image"
	"slices"

	"selvage/fingerprint"
)

// What counts as a border, in grey levels and shares. The values were chosen on noisy
// JPEG borders and on pictures that must not be cut.
const (
	borderTolerance = 10 * one    // a border pixel is this near to the colour of its side
	barTolerance    = 6 * one     // the same for the empty part of a bar that carries text
	borderGrain     = 5 * one / 2 // a border's pixels are this near to its colour on average
	solidGrain      = 3 * one / 2 // the same just before the end of a border that ends without contrast
	contentContrast = 30 * one    // content that ends a border differs by more than this
	borderJump      = 8 * one     // an edge that ends a border changes most of its line by more than this
	minContent      = 24          // pixels of the plane that a content box keeps on each side
)

// edges finds a box of the plane p again in pixels of its picture m, and returns the plane
// of what is inside. Where p is reduced, it looks for the edges in a finer one.
func edges(m *image.NRGBA, p *plane, b fingerprint.Rect) (box fingerprint.Rect, inside *plane) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	if p.kx == 1 && p.ky == 1 {
		return b, p.crop(b)
	}
	coarse := p.scale(b, w, h)
	grown := p.scale(fingerprint.Rect{X0: max(b.X0-2, 0), Y0: max(b.Y0-2, 0), X1: min(b.X1+2, p.w), Y1: min(b.Y1+2, p.h)}, w, h)
	fine := newPlane(part(m, grown))
	f := fine.scale(trim(fine, fine.bounds()), grown.W(), grown.H())
	// An edge that the finer look does not find near the coarse one stays where it was.
	pick := func(fine, coarse, k int) int {
		if fine-coarse > 3*k || coarse-fine > 3*k {
			return coarse
		}
		return fine
	}
	box = fingerprint.Rect{
		X0: pick(grown.X0+f.X0, coarse.X0, p.kx), Y0: pick(grown.Y0+f.Y0, coarse.Y0, p.ky),
		X1: pick(grown.X0+f.X1, coarse.X1, p.kx), Y1: pick(grown.Y0+f.Y1, coarse.Y1, p.ky),
	}
	return box, newPlane(part(m, box))
}

// part is the picture inside r, sharing its pixels.
func part(m *image.NRGBA, r fingerprint.Rect) *image.NRGBA {
	return m.SubImage(image.Rect(r.X0, r.Y0, r.X1, r.Y1).Add(m.Rect.Min)).(*image.NRGBA)
}

// contentBox cuts away, side by side and frame by frame, what surrounds the content:
// lines of one colour, and bars of one colour with sparse writing on them that end in a
// straight edge across the whole picture (screenshots, captions). It stops where a side
// fades (sky, a studio background), where what would be left is less than an eighth of
// a side, or after eight frames. outer is what the outermost of them surrounds.
func contentBox(p *plane) (outer, box fingerprint.Rect) {
	box = p.bounds()
	outer = box
	for i := range 8 {
		next := trim(p, box)
		if next == box {
			next = cutBars(p, box)
		}
		if next == box || next.W() < max(minContent, p.w/8) || next.H() < max(minContent, p.h/8) {
			break
		}
		// A line or two more belong to the blurred edge of the same border.
		if i == 0 || box == outer && !differs(p, outer, next) {
			outer = next
		}
		box = next
	}
	return outer, box
}

// strip walks the lines of a box from one side inwards.
type strip struct {
	pix                []int32
	start, next, along int // first pixel of the first line, step to the next line, step along a line
	lines, length      int
}

// The sides of a box, in the order in which they are cut.
const (
	top = iota
	bottom
	left
	right
)

func newStrip(p *plane, b fingerprint.Rect, edge int) strip {
	switch edge {
	case top:
		return strip{p.pix, b.Y0*p.w + b.X0, p.w, 1, b.H(), b.W()}
	case bottom:
		return strip{p.pix, (b.Y1-1)*p.w + b.X0, -p.w, 1, b.H(), b.W()}
	case left:
		return strip{p.pix, b.Y0*p.w + b.X0, 1, p.w, b.W(), b.H()}
	default:
		return strip{p.pix, b.Y0*p.w + b.X1 - 1, -1, p.w, b.W(), b.H()}
	}
}

func cut(b fingerprint.Rect, edge, n int) fingerprint.Rect {
	switch edge {
	case top:
		b.Y0 += n
	case bottom:
		b.Y1 -= n
	case left:
		b.X0 += n
	default:
		b.X1 -= n
	}
	return b
}

// colour is the median of the first line.
func (s strip) colour() int32 {
	line := make([]int32, s.length)
	for j := range line {
		line[j] = s.pix[s.start+j*s.along]
	}
	slices.Sort(line)
	return line[len(line)/2]
}

// beyond counts the pixels of line i that differ from c by more than tolerance.
func (s strip) beyond(i int, c, tolerance int32) int {
	n := 0
	for j, k := 0, s.start+i*s.next; j < s.length; j, k = j+1, k+s.along {
		if d := s.pix[k] - c; d > tolerance || d < -tolerance {
			n++
		}
	}
	return n
}

// trim cuts the uniform lines of each side of b once.
func trim(p *plane, b fingerprint.Rect) fingerprint.Rect {
	for edge := range 4 {
		if b.Empty() {
			return b
		}
		b = cut(b, edge, newStrip(p, b, edge).uniform())
	}
	return b
}

// uniform returns how many lines are of the first line's colour, up to one pixel in 64;
// 0 where they are grainy, or where no edge ends them, only a slow change of colour.
func (s strip) uniform() int {
	c := s.colour()
	n := 0
	var grain int64
	for n < s.lines && s.beyond(n, c, borderTolerance) <= s.length/64 {
		grain += s.deviation(n, c)
		n++
	}
	if n == 0 || n == s.lines || grain > int64(n*s.length)*borderGrain {
		return 0
	}
	// A solid border keeps its colour to the end, which a fading one does not.
	if n >= 6 && s.deviation(n-3, c)+s.deviation(n-2, c) <= int64(2*s.length)*solidGrain {
		return n
	}
	if n+1 < s.lines && 2*s.changed(n-1, n+1) > s.length {
		return n
	}
	for i := n; i < min(n+4, s.lines); i++ {
		if s.beyond(i, c, contentContrast) > s.length/100 {
			return n
		}
	}
	return 0
}

// deviation adds up how far the pixels of line i are from c.
func (s strip) deviation(i int, c int32) int64 {
	var sum int64
	for j, k := 0, s.start+i*s.next; j < s.length; j, k = j+1, k+s.along {
		sum += int64(max(s.pix[k]-c, c-s.pix[k]))
	}
	return sum
}

// changed counts the pixels that jump between lines a and b.
func (s strip) changed(a, b int) int {
	n := 0
	for j := range s.length {
		d := s.pix[s.start+a*s.next+j*s.along] - s.pix[s.start+b*s.next+j*s.along]
		if d > borderJump || d < -borderJump {
			n++
		}
	}
	return n
}

// cutBars cuts the bars at the top and bottom, or else at the left and right, that hold
// nothing but sparse writing.
func cutBars(p *plane, b fingerprint.Rect) fingerprint.Rect {
	for _, axis := range [][2]int{{top, bottom}, {left, right}} {
		next := b
		for _, edge := range axis {
			next = cut(next, edge, newStrip(p, b, edge).bar())
		}
		size, kept := b.H(), next.H()
		if axis[0] == left {
			size, kept = b.W(), next.W()
		}
		if next != b && kept >= size/4 {
			return next
		}
	}
	return b
}

// bar returns the number of lines before the first straight edge: at least half of each
// line is of the first line's colour, the last of them almost wholly, and then, within
// two lines, less than four tenths.
func (s strip) bar() int {
	c := s.colour()
	for i := range s.lines - 2 {
		n := s.beyond(i, c, barTolerance)
		if 2*n > s.length {
			return 0
		}
		if i > 0 && 33*n <= s.length {
			for k := 1; k <= 2 && i+k+1 < s.lines; k++ {
				if s.full(i+k, c) && s.full(i+k+1, c) && 10*s.changed(i, i+k+1) > 6*s.length {
					return i + k
				}
			}
		}
	}
	return 0
}

// full reports whether more than six tenths of line i are not of colour c.
func (s strip) full(i int, c int32) bool { return 10*s.beyond(i, c, barTolerance) > 6*s.length }

// differs reports whether cutting a to b removes enough of p to be a view of its own:
// more than one of PDQ's cells along an axis.
func differs(p *plane, a, b fingerprint.Rect) bool {
	return (a.W()-b.W())*side > p.w || (a.H()-b.H())*side > p.h
}

// scale turns a box of the plane into pixels of a picture of w × h.
func (p *plane) scale(b fingerprint.Rect, w, h int) fingerprint.Rect {
	return fingerprint.Rect{
		X0: b.X0 * p.kx, Y0: b.Y0 * p.ky,
		X1: min(b.X1*p.kx, w), Y1: min(b.Y1*p.ky, h),
	}
}
