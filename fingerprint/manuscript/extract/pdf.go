package extract

import (
	"context"
	"encoding/binary"
	"errors"
	"image"
	"math"
	"sync"
	"unicode"
	"unicode/utf16"

	"github.com/tetratelabs/wazero/api"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
)

// pdfFile is a PDF whose pages are read by one instance after another: one that died is
// replaced at the next page.
type pdfFile struct {
	data []byte
	lim  Limits

	mu     sync.Mutex // guards the rest
	closed bool
	in     *instance
	doc    uint64
	pages  int
}

// PDFium's values of FPDF_GetLastError (fpdfview.h).
const (
	errPassword = 4
	errSecurity = 5
)

// open makes sure that there is a live instance with the document in it.
func (f *pdfFile) open(ctx context.Context) error {
	if f.closed {
		return bad(PDF, decode.UnsupportedVariant, "the document was closed")
	}
	if f.in != nil {
		return nil
	}
	in, err := newInstance()
	if err != nil {
		e := bad(PDF, decode.Panicked, "the PDF engine does not start")
		e.Err = err
		return e
	}
	f.in = in
	var code uint64
	in.during(ctx, func() {
		p := in.alloc(len(f.data))
		copy(in.bytes(p, len(f.data)), f.data)
		f.doc = in.call("FPDF_LoadMemDocument", p, uint64(len(f.data)), 0)
		if f.doc == 0 {
			code = in.call("FPDF_GetLastError") & 0xffffffff
			return
		}
		f.pages = int(int32(in.call("FPDF_GetPageCount", f.doc)))
	})
	if f.doc == 0 || in.err != nil {
		err := in.err
		f.drop()
		switch {
		case err != nil:
			return err
		case code == errPassword:
			return bad(PDF, Encrypted, "the PDF opens only with a password: save it without one")
		case code == errSecurity:
			return bad(PDF, Encrypted, "the PDF is locked in a way that is not read: save it without protection")
		}
		return bad(PDF, decode.Corrupt, "the PDF is damaged: save it again")
	}
	return nil
}

// drop throws the instance away.
func (f *pdfFile) drop() {
	if f.in != nil {
		f.in.close()
		f.in, f.doc = nil, 0
	}
}

// Close frees the instance.
func (f *pdfFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop()
	f.closed = true
	return nil
}

// with calls use on a live instance, within ctx and the time limit. An error of the instance
// is returned as a *decode.Error, and the instance thrown away.
func (f *pdfFile) with(ctx context.Context, use func(in *instance) error) error {
	if err := ready(); err != nil {
		return f.explain(ctx, err)
	}
	ctx, cancel := context.WithTimeout(ctx, f.lim.PageTimeout)
	defer cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := running.Acquire(ctx, 1); err != nil {
		return bad(PDF, decode.Busy, "too many documents are being read at once: try again in a moment")
	}
	defer running.Release(1)
	err := f.open(ctx)
	if err != nil {
		return f.explain(ctx, err)
	}
	f.in.during(ctx, func() { err = use(f.in) })
	if f.in.err != nil {
		err = f.in.err
		f.drop()
	}
	return f.explain(ctx, err)
}

// explain makes an error of an instance one that says what it means.
func (f *pdfFile) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ended(PDF, ctx)
	}
	if e, ok := errors.AsType[*decode.Error](err); ok {
		return e
	}
	e := bad(PDF, decode.Panicked, "the PDF engine failed on this file, or ran out of the memory it may have")
	e.Err = err
	return e
}

// What may fail before the rest of a file is given up: each page that fails costs a new
// instance, and one that takes too long costs much more.
const (
	maxFailures   = 8
	failedByClock = 4
)

func (d *Document) readPDF(ctx context.Context, data []byte) error {
	f := &pdfFile{data: data, lim: d.lim}
	d.closer = f
	if err := f.with(ctx, func(*instance) error { return nil }); err != nil {
		return err
	}
	d.PageCount = f.pages
	if f.pages <= 0 {
		return bad(PDF, NoPages, "the PDF has no pages")
	}
	if f.pages > d.lim.MaxPages {
		d.note("only the first %d of %d pages were read", d.lim.MaxPages, f.pages)
	}
	failed, lost := 0, 0
	defer d.notePages()
	for i := range min(f.pages, d.lim.MaxPages) {
		p := Page{Number: i + 1}
		err := f.with(ctx, func(in *instance) error { return d.readPDFPage(f, in, i, &p) })
		switch {
		case ctx.Err() != nil && i == 0:
			return err
		case ctx.Err() != nil:
			d.note("only the first %d of %d pages were read: the time was over", i, f.pages)
			return nil
		case err != nil:
			lost++
			failed++
			if decode.KindOf(err) == decode.Timeout {
				failed += failedByClock - 1
			}
			d.note("page %d could not be read: %s", i+1, words(err))
			p = Page{Number: i + 1}
		}
		d.Pages = append(d.Pages, p)
		if lost == len(d.Pages) && (failed > maxFailures || i+1 == f.pages) {
			return err
		}
		if failed > maxFailures {
			d.note("too many pages could not be read; those after page %d were left out", i+1)
			return nil
		}
		if d.text >= d.lim.MaxText {
			return nil
		}
	}
	return nil
}

// view maps a page to the pixels of its raster.
type view struct {
	w, h             int // pixels
	a, b, c, d, e, f float64
	unit             float64 // pixels a unit of the page
}

func (v view) rect(l, b, r, t float64) fingerprint.Rect {
	x0, y0 := v.a*l+v.c*b+v.e, v.b*l+v.d*b+v.f
	x1, y1 := v.a*r+v.c*t+v.e, v.b*r+v.d*t+v.f
	clamp := func(x float64) int { return int(max(-1e6, min(1e6, x))) } // false for NaN too
	return fingerprint.Rect{
		X0: clamp(math.Floor(min(x0, x1))), Y0: clamp(math.Floor(min(y0, y1))),
		X1: clamp(math.Ceil(max(x0, x1))), Y1: clamp(math.Ceil(max(y0, y1))),
	}
}

// maxScale is 300 dots an inch, in pixels a point: small pages are not drawn larger.
const maxScale = 300.0 / 72

// viewOf lays a page out so that its longer side is the limit's.
func (f *pdfFile) viewOf(in *instance, page uint64) (view, error) {
	size := func(name string) float64 {
		return float64(api.DecodeF32(in.call(name, page)))
	}
	w, h := size("FPDF_GetPageWidthF"), size("FPDF_GetPageHeightF")
	if in.err != nil {
		return view{}, in.err
	}
	if !(w > 0) || !(h > 0) || math.IsInf(w, 0) || math.IsInf(h, 0) {
		return view{}, bad(PDF, decode.Corrupt, "the page has no size")
	}
	scale := min(float64(f.lim.RasterSide)/max(w, h), maxScale)
	v := view{w: max(1, int(math.Round(w*scale))), h: max(1, int(math.Round(h*scale)))}

	// The map is affine; three points give it. The device is a finer one, since the answer comes
	// in whole pixels.
	const fine, far = 64, 1000.0
	out := in.alloc(8)
	at := func(x, y float64) (float64, float64) {
		in.call("FPDF_PageToDevice", page, 0, 0, uint64(v.w*fine), uint64(v.h*fine), 0,
			api.EncodeF64(x), api.EncodeF64(y), out, out+4)
		return float64(int32(in.uint32(out))) / fine, float64(int32(in.uint32(out+4))) / fine
	}
	x0, y0 := at(0, 0)
	x1, y1 := at(far, 0)
	x2, y2 := at(0, far)
	in.free(out)
	v.a, v.b, v.c, v.d, v.e, v.f = (x1-x0)/far, (y1-y0)/far, (x2-x0)/far, (y2-y0)/far, x0, y0
	v.unit = max(math.Abs(v.a), math.Abs(v.b))
	return v, in.err
}

// onPage calls use with a loaded page.
func (f *pdfFile) onPage(in *instance, index int, use func(page uint64, v view) error) error {
	page := in.call("FPDF_LoadPage", f.doc, uint64(index))
	if in.err != nil {
		return in.err
	}
	if page == 0 {
		return bad(PDF, decode.Corrupt, "the page is damaged")
	}
	defer in.call("FPDF_ClosePage", page)
	v, err := f.viewOf(in, page)
	if err != nil {
		return err
	}
	return use(page, v)
}

func (d *Document) readPDFPage(f *pdfFile, in *instance, index int, p *Page) error {
	return f.onPage(in, index, func(page uint64, v view) error {
		p.Width, p.Height = v.w, v.h
		p.raster = func(ctx context.Context) (*image.NRGBA, error) { return f.raster(ctx, index) }
		objects := f.objects(in, page)
		for _, o := range objects {
			if o.kind == objImage {
				pic := Picture{Name: "page picture", Box: v.rect(o.l, o.b, o.r, o.t), decode: f.picture(index, o.path)}
				d.addPicture(p, pic)
			}
		}
		runs, err := f.runs(in, page, v, objects)
		if p.Garbled = isGarbled(runs); p.Garbled {
			d.onPage("fonts that do not say what they write, so that the text can be read by OCR only", index+1)
		}
		if len(runs) == 0 && len(p.Pictures) > 0 {
			d.onPage("pictures and no text", index+1)
		}
		for _, r := range runs {
			if r.Hidden != "" {
				d.onPage("text that is not seen ("+string(r.Hidden)+")", index+1)
			}
			if !d.addRun(p, r) {
				break
			}
		}
		return err
	})
}

// The types of page objects (fpdf_edit.h).
const (
	objText  = 1
	objPath  = 2
	objImage = 3
	objForm  = 5
)

// object is something drawn on a page, in drawing order, forms opened up.
type object struct {
	handle     uint64
	kind       int
	path       []int   // its index on the page, and in each form on the way
	l, b, r, t float64 // in units of the page
}

const (
	maxObjects = 20_000 // looked at on one page, for pictures and what covers text
	maxForms   = 6      // forms within forms
)

// matrix is a PDF matrix [a b c d e f].
type matrix [6]float64

func (m matrix) apply(x, y float64) (float64, float64) {
	return m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]
}

// mul is n first, then m.
func (m matrix) mul(n matrix) matrix {
	e, f := m.apply(n[4], n[5])
	return matrix{m[0]*n[0] + m[2]*n[1], m[1]*n[0] + m[3]*n[1], m[0]*n[2] + m[2]*n[3], m[1]*n[2] + m[3]*n[3], e, f}
}

func (f *pdfFile) objects(in *instance, page uint64) []object {
	var out []object
	buf := in.alloc(24)
	defer in.free(buf)
	looked := 0
	var walk func(count int, get func(i int) uint64, m matrix, path []int)
	walk = func(count int, get func(i int) uint64, m matrix, path []int) {
		for i := 0; i < count && looked < maxObjects && in.err == nil; i++ {
			looked++
			h := get(i)
			if h == 0 {
				continue
			}
			o := object{handle: h, kind: int(in.call("FPDFPageObj_GetType", h)), path: append(path[:len(path):len(path)], i)}
			if o.kind == objForm && len(path) < maxForms {
				inner := m
				if in.call("FPDFPageObj_GetMatrix", h, buf) != 0 {
					var n matrix
					for k := range n {
						n[k] = in.float32(buf + uint64(4*k))
					}
					inner = m.mul(n)
				}
				k := int(int32(in.call("FPDFFormObj_CountObjects", h)))
				walk(k, func(i int) uint64 { return in.call("FPDFFormObj_GetObject", h, uint64(i)) }, inner, o.path)
				continue
			}
			if o.kind == objText || in.call("FPDFPageObj_GetBounds", h, buf, buf+4, buf+8, buf+12) == 0 {
				if o.kind == objText {
					out = append(out, o)
				}
				continue
			}
			l, b, r, t := in.float32(buf), in.float32(buf+4), in.float32(buf+8), in.float32(buf+12)
			x0, y0 := m.apply(l, b)
			x1, y1 := m.apply(r, t)
			x2, y2 := m.apply(l, t)
			x3, y3 := m.apply(r, b)
			o.l, o.r = min(x0, x1, x2, x3), max(x0, x1, x2, x3)
			o.b, o.t = min(y0, y1, y2, y3), max(y0, y1, y2, y3)
			out = append(out, o)
		}
	}
	n := int(int32(in.call("FPDFPage_CountObjects", page)))
	walk(n, func(i int) uint64 { return in.call("FPDFPage_GetObject", page, uint64(i)) }, matrix{1, 0, 0, 1, 0, 0}, nil)
	return out
}

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

// runs are the lines of a page, cut where the way of hiding changes.
func (f *pdfFile) runs(in *instance, page uint64, v view, objects []object) ([]Run, error) {
	tp := in.call("FPDFText_LoadPage", page)
	if in.err != nil || tp == 0 {
		return nil, in.err
	}
	defer in.call("FPDFText_ClosePage", tp)
	chars := f.chars(in, tp)
	order := make(map[uint64]int, len(objects))
	for i, o := range objects {
		order[o.handle] = i
	}

	var pieces []piece
	for at := 0; at < len(chars); {
		end := at
		for end < len(chars) && !endsLine(chars[end]) {
			end++
		}
		end = min(end+1, len(chars))
		f.pieces(in, tp, chars, at, end, &pieces)
		at = end
	}
	if in.err != nil {
		return nil, in.err
	}

	covers := f.covers(in, v, objects)
	looks := map[uint64]look{}
	doubt := false
	buf := in.alloc(16)
	for i := range pieces {
		p := &pieces[i]
		if p.object == 0 {
			continue
		}
		k, known := looks[p.object]
		if !known {
			k = f.lookAt(in, p.object, order)
			looks[p.object] = k
		}
		p.hidden, p.doubt = k.hidden, k.doubt
		p.first, p.last = marks(chars, p.from, p.to)
		p.box = f.box(in, tp, v, buf, p)
		switch {
		case p.hidden != "":
		case p.box.X1 <= 0 || p.box.Y1 <= 0 || p.box.X0 >= v.w || p.box.Y0 >= v.h:
			p.hidden = HiddenOff
		default:
			p.thin = isThin(v, p) && letters(chars[p.from:p.to]) > 1
			p.doubt = p.doubt || p.thin
		}
		if p.hidden == "" && !p.doubt && k.order >= 0 {
			p.doubt = f.isCovered(p.box, k, covers)
		}
		doubt = doubt || p.doubt && p.hidden == ""
	}
	in.free(buf)
	if in.err == nil && doubt {
		f.compare(in, page, v, pieces)
	}
	return join(chars, pieces), in.err
}

// lineHyphen is PDFium's mark of a hyphen at the end of a line, after which the next line
// follows at once.
const lineHyphen = 2

func endsLine(r rune) bool { return r == '\n' || r == lineHyphen }

// chars are the characters of a page in PDFium's order: that of the content, with the spaces
// and line ends that the layout implies.
func (f *pdfFile) chars(in *instance, tp uint64) []rune {
	n := int(int32(in.call("FPDFText_CountChars", tp)))
	if n <= 0 || in.err != nil {
		return nil
	}
	buf := in.alloc(4*n + 4)
	defer in.free(buf)
	got := int(int32(in.call("FPDFText_GetText", tp, 0, uint64(n), buf)))
	raw := in.bytes(buf, 4*n+4)
	if raw == nil {
		return nil
	}
	units := make([]uint16, max(0, min(got-1, len(raw)/2)))
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	chars := utf16.Decode(units)
	if len(chars) != n {
		// Some characters are not in the text, so that places do not agree: ask for each.
		chars = chars[:0]
		for i := range n {
			chars = append(chars, rune(uint32(in.call("FPDFText_GetUnicode", tp, uint64(i)))))
			if in.err != nil {
				return nil
			}
		}
	}
	for i, r := range chars {
		switch {
		case r == 0xfffe:
			chars[i] = lineHyphen
		case r == '\r':
			chars[i] = ' '
			if i+1 < len(chars) && chars[i+1] == '\n' {
				chars[i] = 0
			}
		case r < 0 || r > unicode.MaxRune || r >= 0xd800 && r < 0xe000:
			chars[i] = unicode.ReplacementChar
		}
	}
	return chars
}

// piece is a stretch of characters of one text object on one line.
type piece struct {
	from, to    int
	first, last int // its outermost characters that leave a mark
	object      uint64
	box         fingerprint.Rect
	hidden      Hidden
	doubt       bool
	thin        bool // by its box it is too small to be read
}

// pieces cuts the line chars[from:to] by text objects. The characters of an object stand
// together, so that two ends of one object have nothing else between them.
func (f *pdfFile) pieces(in *instance, tp uint64, chars []rune, from, to int, out *[]piece) {
	var solid []int // the places of characters that leave a mark: those surely have an object
	for i := from; i < to; i++ {
		if isMark(chars[i]) {
			solid = append(solid, i)
		}
	}
	start := from
	add := func(object uint64, next int) { // a piece up to the next solid character, or the end
		end := to
		if next < len(solid) {
			end = solid[next]
		}
		if k := len(*out) - 1; start > from && (*out)[k].object == object {
			(*out)[k].to = end
		} else {
			*out = append(*out, piece{from: start, to: end, object: object})
		}
		start = end
	}
	at := func(k int) uint64 { return in.call("FPDFText_GetTextObject", tp, uint64(solid[k])) & 0xffffffff }
	var cut func(i, j int, oi, oj uint64) // from place i to place j in solid, both included
	cut = func(i, j int, oi, oj uint64) {
		switch {
		case oi == oj || in.err != nil:
			add(oi, j+1)
		case j == i+1:
			add(oi, j)
			add(oj, j+1)
		default:
			m := (i + j) / 2
			om := at(m)
			cut(i, m, oi, om)
			cut(m, j, om, oj)
		}
	}
	if len(solid) == 0 {
		add(0, 0)
		return
	}
	cut(0, len(solid)-1, at(0), at(len(solid)-1))
}

func isMark(r rune) bool { return r > ' ' && r != 0xa0 }

// marks are the outermost characters of chars[from:to] that leave a mark.
func marks(chars []rune, from, to int) (first, last int) {
	for first = from; first < to-1 && !isMark(chars[first]); first++ {
	}
	for last = to - 1; last > first && !isMark(chars[last]); last-- {
	}
	return first, last
}

// box is where a piece stands: around the loose boxes of its two ends.
func (f *pdfFile) box(in *instance, tp uint64, v view, buf uint64, p *piece) fingerprint.Rect {
	var box fingerprint.Rect
	for n, i := range [2]int{p.first, p.last} {
		if in.call("FPDFText_GetLooseCharBox", tp, uint64(i), buf) == 0 {
			continue
		}
		// FS_RECTF: left, top, right, bottom.
		r := v.rect(in.float32(buf), in.float32(buf+12), in.float32(buf+8), in.float32(buf+4))
		if n == 0 || box.Empty() {
			box = r
		} else if !r.Empty() {
			box = union(box, r)
		}
	}
	return box
}

func union(a, b fingerprint.Rect) fingerprint.Rect {
	return fingerprint.Rect{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}

// isThin reports whether a piece is too small to be read, if its box is right: of under 2
// pixels on a page of 1,400, which is about 1.2 points on A4.
func isThin(v view, p *piece) bool {
	return min(p.box.W(), p.box.H()) <= max(1, max(v.w, v.h)/700)
}

func letters(chars []rune) int {
	n := 0
	for _, r := range chars {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
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

// join makes runs of pieces that are hidden in the same way, line by line.
func join(chars []rune, pieces []piece) []Run {
	var runs []Run
	var text []rune
	for i, p := range pieces {
		for k, r := range chars[p.from:p.to] {
			switch {
			case r == 0:
			case r != lineHyphen:
				text = append(text, r)
			case !splitsWord(chars, p.from+k):
				text = append(text, '-')
			}
		}
		if len(text) == 0 {
			continue
		}
		k := len(runs) - 1
		if k >= 0 && i > 0 && !endsLine(chars[p.from-1]) && (runs[k].Hidden == p.hidden || p.object == 0) {
			runs[k].Text += string(text)
			if !p.box.Empty() {
				if runs[k].Box.Empty() {
					runs[k].Box = p.box
				} else {
					runs[k].Box = union(runs[k].Box, p.box)
				}
			}
		} else {
			runs = append(runs, Run{Text: string(text), Box: p.box, Hidden: p.hidden})
		}
		text = text[:0]
	}
	return runs
}

// splitsWord reports whether the hyphen at i stands inside a word that goes on in the next line.
func splitsWord(chars []rune, i int) bool {
	return i > 0 && i+1 < len(chars) && unicode.IsLower(chars[i-1]) && unicode.IsLower(chars[i+1])
}

// isGarbled reports whether the characters of a page are not those that it shows: its fonts
// name none, so that they come out as control characters and the like.
func isGarbled(runs []Run) bool {
	marks, strange := 0, 0
	for i := range runs {
		for _, r := range runs[i].Text {
			switch {
			case r == '\n' || r == '\t' || r == ' ':
			case r < ' ' || r >= 0x7f && r < 0xa0 || r == unicode.ReplacementChar || unicode.Is(unicode.Co, r):
				strange++
				marks++
			default:
				marks++
			}
		}
	}
	return 4*strange > marks
}

// renderFlags: annotations as they are printed (fpdfview.h: FPDF_ANNOT).
const renderFlags = 1

// draw renders the loaded page; nil where the instance failed.
func (f *pdfFile) draw(in *instance, page uint64, v view) *image.NRGBA {

	bm := in.call("FPDFBitmap_CreateEx", uint64(v.w), uint64(v.h), bitmapBGRx, 0, 0)
	if bm == 0 {
		return nil
	}
	defer in.call("FPDFBitmap_Destroy", bm)
	in.call("FPDFBitmap_FillRect", bm, 0, 0, uint64(v.w), uint64(v.h), 0xffffffff)
	in.call("FPDF_RenderPageBitmap", bm, page, 0, 0, uint64(v.w), uint64(v.h), 0, renderFlags)
	return f.pixels(in, bm)
}

// The formats of bitmaps (fpdfview.h).
const (
	bitmapGray = 1
	bitmapBGR  = 2
	bitmapBGRx = 3
	bitmapBGRA = 4
)

// pixels copies a bitmap out of the instance, laid on white.
func (f *pdfFile) pixels(in *instance, bm uint64) *image.NRGBA {
	get := func(name string) int { return int(int32(in.call(name, bm))) }
	w, h, stride, format := get("FPDFBitmap_GetWidth"), get("FPDFBitmap_GetHeight"), get("FPDFBitmap_GetStride"), get("FPDFBitmap_GetFormat")
	src := in.bytes(in.call("FPDFBitmap_GetBuffer", bm), stride*h)
	if src == nil || w <= 0 || h <= 0 {
		return nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		s, d := src[y*stride:][:stride], img.Pix[y*img.Stride:][:4*w]
		switch format {
		case bitmapGray:
			for x := range w {
				d[4*x], d[4*x+1], d[4*x+2], d[4*x+3] = s[x], s[x], s[x], 255
			}
		case bitmapBGR:
			for x := range w {
				d[4*x], d[4*x+1], d[4*x+2], d[4*x+3] = s[3*x+2], s[3*x+1], s[3*x], 255
			}
		case bitmapBGRx, bitmapBGRA:
			for x := range w {
				d[4*x], d[4*x+1], d[4*x+2], d[4*x+3] = s[4*x+2], s[4*x+1], s[4*x], 255
			}
			if format == bitmapBGRA {
				for x := range w {
					a := int(s[4*x+3])
					for k := range 3 {
						d[4*x+k] = uint8((int(d[4*x+k])*a + 255*(255-a) + 127) / 255)
					}
				}
			}
		default:
			return nil
		}
	}
	return img
}

// raster draws a page for Page.Raster.
func (f *pdfFile) raster(ctx context.Context, index int) (img *image.NRGBA, err error) {
	err = f.with(ctx, func(in *instance) error {
		return f.onPage(in, index, func(page uint64, v view) error {
			if img = f.draw(in, page, v); img == nil && in.err == nil {
				return bad(PDF, decode.Panicked, "the page could not be drawn")
			}
			return in.err
		})
	})
	return img, err
}

// picture makes the way to one picture of a page.
func (f *pdfFile) picture(index int, path []int) func(context.Context) (*decode.Picture, error) {
	return func(ctx context.Context) (pic *decode.Picture, err error) {
		var encoded []byte
		err = f.with(ctx, func(in *instance) error {
			return f.onPage(in, index, func(page uint64, _ view) error {
				h := in.call("FPDFPage_GetObject", page, uint64(path[0]))
				for _, i := range path[1:] {
					h = in.call("FPDFFormObj_GetObject", h, uint64(i))
				}
				if h == 0 {
					return bad(PDF, decode.Corrupt, "the picture is damaged")
				}
				if encoded = f.jpeg(in, h); encoded != nil {
					return in.err
				}
				pic, err = f.unpack(in, h)
				return err
			})
		})
		if err != nil || encoded == nil {
			return pic, err
		}
		return decode.Decode(ctx, encoded, f.lim.Pictures)
	}
}

// jpeg is the picture's data where that is a JPEG file, nil where it is not.
func (f *pdfFile) jpeg(in *instance, h uint64) []byte {
	n := int(in.call("FPDFImageObj_GetImageDataRaw", h, 0, 0) & 0xffffffff)
	if n <= 4 || n > len(f.data) {
		return nil
	}
	buf := in.alloc(n)
	defer in.free(buf)
	in.call("FPDFImageObj_GetImageDataRaw", h, buf, uint64(n))
	b := in.bytes(buf, n)
	if len(b) < 3 || string(b[:3]) != "\xff\xd8\xff" {
		return nil
	}
	return append([]byte(nil), b...)
}

// unpack makes pixels of a picture in PDF's own codings.
func (f *pdfFile) unpack(in *instance, h uint64) (*decode.Picture, error) {
	lim := f.lim.Pictures
	if lim.MaxPixels <= 0 {
		lim.MaxPixels = maxUnpacked
	}
	buf := in.alloc(8)
	in.call("FPDFImageObj_GetImagePixelSize", h, buf, buf+4)
	w, hh := in.uint32(buf), in.uint32(buf+4)
	in.free(buf)
	if int64(w)*int64(hh) > min(lim.MaxPixels, maxUnpacked) {
		return nil, bad(PDF, decode.TooManyPixels, "the picture is %d x %d pixels", w, hh)
	}
	bm := in.call("FPDFImageObj_GetBitmap", h)
	if bm == 0 {
		if in.err != nil {
			return nil, in.err
		}
		return nil, bad(PDF, decode.UnsupportedVariant, "the picture is in a coding that is not read")
	}
	defer in.call("FPDFBitmap_Destroy", bm)
	img := f.pixels(in, bm)
	if img == nil {
		return nil, bad(PDF, decode.UnsupportedVariant, "the picture is in a coding that is not read")
	}
	return &decode.Picture{RGB: img, Format: string(PDF), Orientation: 1}, nil
}

// maxUnpacked is the pixels that an instance has memory for.
const maxUnpacked = 40_000_000
