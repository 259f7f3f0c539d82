package extract

import (
	"context"
	"errors"
	"image"
	"math"
	"sync"

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
