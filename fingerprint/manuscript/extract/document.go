package extract

import (
	"context"
	"fmt"
	"image"
	"io"
	"strings"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
)

// Limits bound what one document may cost. Zero fields mean those of DefaultLimits.
type Limits struct {
	MaxBytes    int64         // length of the file
	MaxPages    int           // pages that are read; the rest is counted and noted
	MaxText     int           // bytes of UTF-8 over all pages
	MaxPictures int           // embedded pictures over all pages
	MaxInflated int64         // bytes that the entries of a zip unpack to
	MaxEntries  int           // entries of a zip
	MaxDepth    int           // nesting of XML and HTML elements
	RasterSide  int           // longer side of a drawn page in pixels
	Timeout     time.Duration // for Extract as a whole
	PageTimeout time.Duration // for reading or drawing one page, or decoding one picture
	Pictures    decode.Limits // for each embedded picture
}

// DefaultLimits suit books of 2,000 pages.
var DefaultLimits = Limits{
	MaxBytes:    256 << 20,
	MaxPages:    2000,
	MaxText:     32 << 20,
	MaxPictures: 4000,
	MaxInflated: 1 << 30,
	MaxEntries:  20_000,
	MaxDepth:    256,
	RasterSide:  1400,
	Timeout:     5 * time.Minute,
	PageTimeout: 20 * time.Second,
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	set(&l.MaxBytes, d.MaxBytes)
	set(&l.MaxPages, d.MaxPages)
	set(&l.MaxText, d.MaxText)
	set(&l.MaxPictures, d.MaxPictures)
	set(&l.MaxInflated, d.MaxInflated)
	set(&l.MaxEntries, d.MaxEntries)
	set(&l.MaxDepth, d.MaxDepth)
	set(&l.RasterSide, d.RasterSide)
	set(&l.Timeout, d.Timeout)
	set(&l.PageTimeout, d.PageTimeout)
	return l
}

func set[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Hidden says why a reader of the document does not see a run of text. The strings are
// stable. Empty means that the text is seen, or that nothing is known against it.
type Hidden string

// The ways of hiding text.
const (
	// HiddenColour: the colour of the ground, transparent, covered or clipped: the page
	// looks the same without it.
	HiddenColour Hidden = "unseen"
	// HiddenMode: drawn in a mode that leaves no mark, as the text layer of a scan is.
	HiddenMode Hidden = "invisible"
	// HiddenSize: too small to be read.
	HiddenSize Hidden = "tiny"
	// HiddenOff: outside of the page.
	HiddenOff Hidden = "off_page"
	// HiddenMarked: the format's own mark says that it is not shown.
	HiddenMarked Hidden = "not_shown"
)

// Run is a piece of text that stands together: a line or less of a page, a piece of a
// paragraph with one look where there are no pages.
type Run struct {
	// Text has the white space that follows it; runs are joined without more. A word that a hyphen
	// splits at the end of a line is whole again, in two runs.
	Text string
	// Box is where it stands, in pixels of the drawn page; empty where that is not known. It may
	// lie outside of the page.
	Box    fingerprint.Rect
	Hidden Hidden
}

// Page is one page, slide, layer or picture of a document, or all of a document that has no
// pages.
type Page struct {
	Number        int // from 1; 0 where the format has no pages
	Width, Height int // pixels of Raster; 0 where it has none, or is a picture not yet decoded
	Runs          []Run
	// Garbled: the fonts do not say which characters they draw, so that Runs are nonsense in
	// good part.
	Garbled bool
	// Pictures are those embedded in the page, in drawing order where there is one. A page that
	// is a picture and nothing else, of a TIFF or a zip of pictures, has it as its raster only.
	Pictures []Picture
	raster   func(context.Context) (*image.NRGBA, error)
}

// Text is the text of all runs, the hidden ones too.
func (p *Page) Text() string {
	var b strings.Builder
	for i := range p.Runs {
		b.WriteString(p.Runs[i].Text)
	}
	return b.String()
}

// HasRaster reports whether the page can be drawn.
func (p *Page) HasRaster() bool { return p.raster != nil }

// Raster draws the page, opaque, at most Limits.RasterSide pixels on its longer side. It is an error where HasRaster is false.
func (p *Page) Raster(ctx context.Context) (*image.NRGBA, error) {
	if p.raster == nil {
		return nil, bad("", decode.UnsupportedVariant, "a document of this format has no pages to draw")
	}
	return p.raster(ctx)
}

// Picture is a picture inside a document.
type Picture struct {
	// Name is where it is in the file, for people: an entry of a zip, "layer 2".
	Name string
	// Box is where it stands, in pixels of the drawn page; empty where that is not known.
	Box    fingerprint.Rect
	decode func(context.Context) (*decode.Picture, error)
}

// Decode makes the picture's pixels. A picture that cannot be read is an error of its own and
// says nothing of the document.
func (p *Picture) Decode(ctx context.Context) (*decode.Picture, error) { return p.decode(ctx) }

// Document is what a file holds.
type Document struct {
	Format Format
	Pages  []Page
	// PageCount is how many pages the file says it has: more than len(Pages) where a limit cut it
	// short; 0 where the format has none.
	PageCount int
	// Notes are facts that a reader of the answer should know, in plain words.
	Notes []string

	lim      Limits
	text     int // bytes so far
	pictures int
	noted    map[string]bool
	paged    map[string][]int // what is noted of which pages
	closer   io.Closer
}

// Close frees what the document holds. Pages cannot be drawn afterwards, nor pictures
// decoded.
func (d *Document) Close() error {
	if d.closer == nil {
		return nil
	}
	return d.closer.Close()
}

func (d *Document) note(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if !d.noted[s] {
		if d.noted == nil {
			d.noted = map[string]bool{}
		}
		d.noted[s] = true
		d.Notes = append(d.Notes, s)
	}
}

// onPage collects a fact about pages, for notePages.
func (d *Document) onPage(fact string, page int) {
	if d.paged == nil {
		d.paged = map[string][]int{}
	}
	if l := d.paged[fact]; len(l) == 0 || l[len(l)-1] != page {
		d.paged[fact] = append(l, page)
	}
}

// notePages makes one note of each fact about pages.
func (d *Document) notePages() {
	for _, fact := range sortedKeys(d.paged) {
		if l := d.paged[fact]; len(l) == 1 {
			d.note("page %d has %s", l[0], fact)
		} else {
			d.note("%d pages, the first of them %d, have %s", len(l), l[0], fact)
		}
	}
}

// addRun appends text to a page, up to the limit on text; false means that it is reached.
func (d *Document) addRun(p *Page, r Run) bool {
	if r.Text == "" {
		return true
	}
	if d.text+len(r.Text) > d.lim.MaxText {
		d.note("only the first %d bytes of text were read", d.lim.MaxText)
		return false
	}
	d.text += len(r.Text)
	p.Runs = append(p.Runs, r)
	return true
}

// addPicture appends a picture to a page, up to the limit on pictures.
func (d *Document) addPicture(p *Page, pic Picture) {
	if d.pictures >= d.lim.MaxPictures {
		d.note("only the first %d pictures were read", d.lim.MaxPictures)
		return
	}
	d.pictures++
	p.Pictures = append(p.Pictures, pic)
}

// encoded is a picture in a file format of its own.
func (d *Document) encoded(name string, open func() ([]byte, error)) Picture {
	lim := d.lim
	return Picture{Name: name, decode: func(ctx context.Context) (*decode.Picture, error) {
		ctx, cancel := context.WithTimeout(ctx, lim.PageTimeout)
		defer cancel()
		data, err := open()
		if err != nil {
			return nil, corrupt("", err)
		}
		return decode.Decode(ctx, data, lim.Pictures)
	}}
}

// Extract reads a document. Its errors are *decode.Error. The Document refers to data, which
// must not be changed while it is in use, and is to be closed.
func Extract(ctx context.Context, data []byte, lim Limits) (*Document, error) {
	lim = lim.orDefault()
	if len(data) == 0 {
		return nil, bad("", decode.Empty, "the file is empty")
	}
	if int64(len(data)) > lim.MaxBytes {
		return nil, bad("", decode.TooManyBytes, "the file has %d bytes, %d are allowed", len(data), lim.MaxBytes)
	}
	format, ok := Sniff(data[:min(len(data), fingerprint.SniffLen)])
	if !ok {
		return nil, bad("", decode.Unknown, "the file is of no document format that can be read")
	}
	ctx, cancel := context.WithTimeout(ctx, lim.Timeout)
	defer cancel()
	d := &Document{Format: format, lim: lim}
	if err := d.read(ctx, data); err != nil {
		d.Close() //nolint:errcheck // the first error is the one to tell
		if ctx.Err() != nil {
			return nil, ended(d.Format, ctx)
		}
		return nil, corrupt(d.Format, err)
	}
	return d, nil
}

func (d *Document) read(ctx context.Context, data []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e := bad(d.Format, decode.Panicked, "the reader failed on this file")
			e.Err = fmt.Errorf("panic: %v", r)
			err = e
		}
	}()
	switch d.Format {
	case PDF:
		return d.readPDF(ctx, data)
	case SVG:
		return d.readSVG(ctx, data)
	case HTML:
		return d.readHTML(ctx, data)
	case Text:
		return d.readText(data)
	case Zip, DOCX, PPTX, ODF, Pictures:
		return d.readZip(ctx, data)
	default:
		return d.readPicture(ctx, data)
	}
}
