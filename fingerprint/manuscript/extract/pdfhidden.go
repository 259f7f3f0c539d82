package extract

import (
	"image"

	"selvage/fingerprint"
)

// look is what is known of a text object.
type look struct {
	order  int // its place among the objects of the page; -1 where it is not there
	colour [3]int
	hidden Hidden
	doubt  bool // whether it is seen is to be found by drawing
}

// PDFium's text render modes that leave no mark (PDF 32000-1, table 106).
const (
	modeInvisible = 3
	modeClip      = 7
)

// lookAt judges a text object by what it says of itself.
func (f *pdfFile) lookAt(in *instance, h uint64, order map[uint64]int) look {
	k := look{order: -1}
	if i, ok := order[h]; ok {
		k.order = i
	}
	mode := int(int32(in.call("FPDFTextObj_GetTextRenderMode", h)))
	if mode == modeInvisible || mode == modeClip {
		k.hidden = HiddenMode
		return k
	}
	buf := in.alloc(16)
	defer in.free(buf)
	fill := "FPDFPageObj_GetFillColor"
	if mode == 1 || mode == 5 {
		fill = "FPDFPageObj_GetStrokeColor"
	}
	if in.call(fill, h, buf, buf+4, buf+8, buf+12) != 0 {
		r, g, b, a := in.uint32(buf), in.uint32(buf+4), in.uint32(buf+8), in.uint32(buf+12)
		k.colour = [3]int{int(r), int(g), int(b)}
		k.doubt = a < 64 || 299*r+587*g+114*b > 200*1000
	}
	return k
}

// isThin reports whether a piece is too small to be read, if its box is right: of under 2
// pixels on a page of 1,400, which is about 1.2 points on A4.
func isThin(v view, p *piece) bool {
	return min(p.box.W(), p.box.H()) <= max(1, max(v.w, v.h)/700)
}

// cover is something that text may lie under, or on with the same colour.
type cover struct {
	order  int
	box    fingerprint.Rect
	filled bool   // with one colour; else a picture
	colour [3]int // of the fill
}

// maxCovers bounds what is looked at; minCover is the area in pixels from which on it is.
const (
	maxCovers = 1000
	minCover  = 100
)

func (f *pdfFile) covers(in *instance, v view, objects []object) []cover {
	var out []cover
	buf := in.alloc(16)
	defer in.free(buf)
	for i, o := range objects {
		if o.kind != objImage && o.kind != objPath || len(out) == maxCovers {
			continue
		}
		c := cover{order: i, box: v.rect(o.l, o.b, o.r, o.t)}
		if c.box.W()*c.box.H() < minCover {
			continue
		}
		if o.kind == objPath {
			if in.call("FPDFPath_GetDrawMode", o.handle, buf, buf+4) == 0 || in.uint32(buf) == 0 {
				continue // not filled
			}
			if in.call("FPDFPageObj_GetFillColor", o.handle, buf, buf+4, buf+8, buf+12) == 0 || in.uint32(buf+12) < 64 {
				continue // clear, or a pattern
			}
			c.filled, c.colour = true, [3]int{int(in.uint32(buf)), int(in.uint32(buf + 4)), int(in.uint32(buf + 8))}
		}
		out = append(out, c)
	}
	return out
}

// isCovered reports whether text may be unseen for what is drawn over it, or under it in its own
// colour.
func (f *pdfFile) isCovered(box fingerprint.Rect, k look, covers []cover) bool {
	for _, c := range covers {
		w, h := min(c.box.X1, box.X1)-max(c.box.X0, box.X0), min(c.box.Y1, box.Y1)-max(c.box.Y0, box.Y0)
		if w <= 0 || h <= 0 || 2*w*h <= box.W()*box.H() {
			continue
		}
		if c.order > k.order || !c.filled {
			return true
		}
		if near(c.colour[0], k.colour[0]) && near(c.colour[1], k.colour[1]) && near(c.colour[2], k.colour[2]) {
			return true
		}
	}
	return false
}

func near(a, b int) bool { return a-b < 40 && b-a < 40 }

// seenLevels is by how many of 255 levels text must change some pixel to be seen.
const seenLevels = 10

// compare draws the page with and without its text, and marks the pieces in doubt whose place
// looks the same both times. It changes the loaded page.
func (f *pdfFile) compare(in *instance, page uint64, v view, pieces []piece) {
	with := f.draw(in, page, v)
	done := map[uint64]bool{}
	for _, p := range pieces {
		if p.object != 0 && !done[p.object] {
			done[p.object] = true
			in.call("FPDFPageObj_SetIsActive", p.object, 0)
		}
	}
	without := f.draw(in, page, v)
	if with == nil || without == nil {
		return
	}
	for i := range pieces {
		p := &pieces[i]
		switch {
		case !p.doubt || p.hidden != "":
		case p.thin:
			// Some fonts have boxes that say nothing: then the letters stand out of them.
			if !spills(with, without, p.box) {
				p.hidden = HiddenSize
			}
		case !differ(with, without, p.box):
			p.hidden = HiddenColour
		}
	}
}

// spills reports whether what differs in and around a thin box goes on beyond it on both of its
// long sides together by more than blur does.
func spills(a, b *image.NRGBA, box fingerprint.Rect) bool {
	near := fingerprint.Rect{X0: box.X0 - 3, Y0: box.Y0, X1: box.X1 + 3, Y1: box.Y1}
	far := near
	if box.W() >= box.H() {
		near = fingerprint.Rect{X0: box.X0, Y0: box.Y0 - 3, X1: box.X1, Y1: box.Y0 - 2}
		far = fingerprint.Rect{X0: box.X0, Y0: box.Y1 + 2, X1: box.X1, Y1: box.Y1 + 3}
	} else {
		near.X1, far.X0 = box.X0-2, box.X1+2
	}
	return differ(a, b, near) || differ(a, b, far)
}

func differ(a, b *image.NRGBA, box fingerprint.Rect) bool {
	r := image.Rect(box.X0, box.Y0, box.X1, box.Y1).Intersect(a.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		i, j := a.PixOffset(r.Min.X, y), a.PixOffset(r.Max.X, y)
		for ; i < j; i++ {
			if d := int(a.Pix[i]) - int(b.Pix[i]); d > seenLevels || d < -seenLevels {
				return true
			}
		}
	}
	return false
}
