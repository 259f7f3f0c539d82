package manuscript

import (
	"context"
	"fmt"
	"image"
	"slices"
	"strings"
	"time"
	"unicode"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
	"selvage/fingerprint/local"
	"selvage/fingerprint/manuscript/extract"
	"selvage/fingerprint/manuscript/page"
	"selvage/fingerprint/manuscript/text"
	"selvage/fingerprint/photo"
)

// Options of a hasher. The zero value is right for the service.
type Options struct {
	// Limits on what is read; the zero value means those of package extract.
	Limits extract.Limits
	// NoOCR leaves pictures of text unread, though tesseract be there.
	NoOCR bool
	// Parts is how many pages and embedded pictures of one file are fingerprinted; 0 means 400.
	Parts int

	query bool // the file is asked about, not registered
}

const (
	defaultParts = 400
	leastText    = 40               // letters and digits of a page that need no reading by OCR
	mostlyText   = 600              // letters and digits of a page that is no drawing
	leastUnits   = 50               // units that a text needs to be told from others
	leastPicture = 48               // shorter side of an embedded picture, in pixels
	readingPages = 60               // pages of one file that OCR reads
	readingTime  = 90 * time.Second // and how long that may take
)

type hasher struct{ opts Options }

// New returns the hasher of manuscripts. It is safe for concurrent use.
func New(opts Options) fingerprint.Hasher { return hasher{opts} }

func (hasher) Work() fingerprint.WorkKind { return fingerprint.Manuscript }

// Accepts reports whether the first bytes are those of a document. Plain pictures, which can be
// manuscripts too, are left to the hasher of photos unless this one is asked for by name.
func (hasher) Accepts(head []byte) bool {
	f, ok := extract.Sniff(head)
	return ok && !f.IsPicture()
}

// Hash implements fingerprint.Hasher.
func (h hasher) Hash(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	r, _, err := h.hash(ctx, data)
	return r, err
}

// HashQuery implements fingerprint.Previewer.
func (h hasher) HashQuery(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	h.opts.query = true
	r, first, err := h.hash(ctx, data)
	if err != nil {
		return nil, err
	}
	if first != nil {
		r.Preview = func() ([]byte, error) { return photo.PreviewPicture(first) }
	}
	return r, nil
}

// Preview implements fingerprint.Previewer: the first page that can be drawn. It is nil where
// there is none.
func (h hasher) Preview(ctx context.Context, data []byte) ([]byte, error) {
	doc, err := extract.Extract(ctx, data, h.opts.Limits)
	if err != nil {
		return nil, err
	}
	defer func() { _ = doc.Close() }()
	for i := range doc.Pages {
		if doc.Pages[i].HasRaster() {
			m, err := doc.Pages[i].Raster(ctx)
			if err != nil {
				return nil, err
			}
			return photo.PreviewPicture(m)
		}
	}
	return nil, nil
}

// PreviewPart implements fingerprint.PartPreviewer: the page, or the picture that is embedded
// there.
func (h hasher) PreviewPart(ctx context.Context, data []byte, p fingerprint.Part) ([]byte, error) {
	doc, err := extract.Extract(ctx, data, h.opts.Limits)
	if err != nil {
		return nil, err
	}
	defer func() { _ = doc.Close() }()
	for i := range doc.Pages {
		page := &doc.Pages[i]
		if page.Number != p.Page {
			continue
		}
		if p.Kind == fingerprint.PicturePart {
			for j := range page.Pictures {
				if page.Pictures[j].Box == p.Box {
					pic, err := page.Pictures[j].Decode(ctx)
					if err != nil {
						return nil, err
					}
					return photo.PreviewPicture(pic.RGB)
				}
			}
		}
		if page.HasRaster() {
			m, err := page.Raster(ctx)
			if err != nil {
				return nil, err
			}
			return photo.PreviewPicture(m)
		}
	}
	return nil, nil
}

// maker collects what is learnt of one document.
type maker struct {
	opts   Options
	result *fingerprint.Result
	texts  []string
	hidden map[extract.Hidden]int // characters
	seen   map[fingerprint.Digest]bool
	reader reader
	noted  map[string]bool
}

func (h hasher) hash(ctx context.Context, data []byte) (*fingerprint.Result, *image.NRGBA, error) {
	doc, err := extract.Extract(ctx, data, h.opts.Limits)
	if err != nil {
		return nil, nil, err // a sentence for the user already
	}
	defer func() { _ = doc.Close() }()
	m := &maker{
		opts: h.opts, hidden: map[extract.Hidden]int{}, seen: map[fingerprint.Digest]bool{}, noted: map[string]bool{},
		result: &fingerprint.Result{Work: fingerprint.Manuscript, Format: string(doc.Format), Pages: doc.PageCount},
		reader: reader{off: h.opts.NoOCR, pages: readingPages, until: time.Now().Add(readingTime)},
	}
	for _, n := range doc.Notes {
		m.note("%s", n)
	}
	var first *image.NRGBA
	for i := range doc.Pages {
		fingerprint.Progress(ctx, float64(i), float64(len(doc.Pages)))
		drawn, err := m.page(ctx, &doc.Pages[i])
		if err != nil {
			return nil, nil, err
		}
		if first == nil && drawn != nil {
			first = drawn
			m.result.Width, m.result.Height = drawn.Rect.Dx(), drawn.Rect.Dy()
			m.result.Box = fingerprint.Rect{X1: drawn.Rect.Dx(), Y1: drawn.Rect.Dy()}
		}
	}
	m.finish()
	return m.result, first, nil
}

func (m *maker) note(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if !m.noted[s] {
		m.noted[s] = true
		m.result.Notes = append(m.result.Notes, s)
	}
}

// page adds one page, and returns it as drawn, nil where it cannot be.
func (m *maker) page(ctx context.Context, p *extract.Page) (*image.NRGBA, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	words := m.visible(p)
	var drawn *image.NRGBA
	if p.HasRaster() && m.room() {
		var err error
		if drawn, err = p.Raster(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			m.note("page %d could not be drawn: %v", p.Number, err)
			drawn = nil
		}
	}
	if drawn != nil {
		garbled := !legible(words)
		if letters(words) < leastText || garbled {
			switch read, err := m.reader.read(ctx, drawn); {
			case err != nil:
				m.note("%v", err)
			case garbled && letters(read) >= leastText:
				m.note("page %d: the text inside the file is not what the page shows (a font that does not say which letters it draws); the page was read instead", p.Number)
				words = read
			case letters(read) > letters(words):
				words = read
			}
		}
		// The lines of a page of text are letters: the text is better found by itself.
		if err := m.picture(drawn, fingerprint.PagePart, p.Number, fingerprint.Rect{}, letters(words) < mostlyText); err != nil {
			return nil, err
		}
	}
	for i := range p.Pictures {
		pic := &p.Pictures[i]
		if !m.room() {
			break
		}
		if drawn != nil && 10*pic.Box.W()*pic.Box.H() > 8*drawn.Rect.Dx()*drawn.Rect.Dy() {
			continue // it is the page
		}
		d, err := pic.Decode(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			m.note("%s could not be read: %v", pic.Name, err)
			continue
		}
		if min(d.RGB.Rect.Dx(), d.RGB.Rect.Dy()) < leastPicture {
			continue
		}
		if digest := d.PixelDigest(); m.seen[digest] {
			continue // a logo that stands on every page
		} else {
			m.seen[digest] = true
		}
		if err := m.picture(d.RGB, fingerprint.PicturePart, p.Number, pic.Box, true); err != nil {
			return nil, err
		}
	}
	m.texts = append(m.texts, words)
	return drawn, nil
}

// visible is the text of a page that a reader of it sees. The text layer of a scan, which is
// drawn without leaving a mark, belongs to it where there is no other.
func (m *maker) visible(p *extract.Page) string {
	var seen, layer strings.Builder
	for i := range p.Runs {
		run := &p.Runs[i]
		switch run.Hidden {
		case "":
			seen.WriteString(run.Text)
		case extract.HiddenMode:
			layer.WriteString(run.Text)
		default:
			m.hidden[run.Hidden] += letters(run.Text)
		}
	}
	if s := seen.String(); letters(s) >= leastText || layer.Len() == 0 {
		m.hidden[extract.HiddenMode] += letters(layer.String())
		return s
	}
	return layer.String()
}

// letters is how many normalised characters a text has, counted up to a page.
func letters(s string) int {
	t, _ := text.Normalise([]string{s[:min(len(s), 1<<16)]})
	return len(t.Chars)
}

// legible reports whether a text is mostly letters, digits and the marks that stand between words. Where a
// font does not say which letters it draws, what can be taken out of a PDF is the numbers of its
// shapes, shown as whatever characters have them: of 37 documents of the development set one has .54 of
// such, the others .97 or more. So few marks that nothing can be said of them are legible.
func legible(s string) bool {
	all, good := 0, 0
	for _, r := range s[:min(len(s), 1<<16)] {
		if unicode.IsSpace(r) {
			continue
		}
		all++
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune(betweenWords, r) {
			good++
		}
	}
	return all < leastText || float64(good) >= leastLegible*float64(all)
}

const (
	leastLegible = .75
	betweenWords = ".,;:!?()-–—'’‘\"“”„«»/·•…，。；：！？（）、《》“”「」『』〈〉【】～"
)

// room reports whether one more part is kept.
func (m *maker) room() bool {
	limit := m.opts.Parts
	if limit == 0 {
		limit = defaultParts
	}
	if len(m.result.Parts) < limit {
		return true
	}
	m.note("only the first %d pages and pictures are compared as pictures", limit)
	return false
}

// picture adds a page or an embedded picture and, where it may be a drawing, its lines.
func (m *maker) picture(pic *image.NRGBA, kind fingerprint.PartKind, number int, box fingerprint.Rect, drawing bool) error {
	r, err := hashPicture(pic, m.opts.query)
	if err != nil {
		return err
	}
	if r.Insufficient == "" {
		m.result.Parts = append(m.result.Parts, fingerprint.Part{Kind: kind, Page: number, Box: box, Result: r})
	}
	if !drawing {
		return nil
	}
	parts, err := drawings(pic, number, m.opts.query)
	if err != nil {
		return err
	}
	m.result.Parts = append(m.result.Parts, parts...)
	return nil
}

func hashPicture(m *image.NRGBA, query bool) (*fingerprint.Result, error) {
	if query {
		return photo.HashQueryPicture(m, photo.Options{})
	}
	return photo.HashPicture(m, photo.Options{})
}

// drawings are what is in a picture, drawn anew in lines.
func drawings(m *image.NRGBA, number int, query bool) (parts []fingerprint.Part, err error) {
	for _, d := range page.Drawings(m) {
		r, err := hashPicture(d.Picture, query)
		if err != nil {
			return nil, err
		}
		if r.Insufficient == "" {
			parts = append(parts, fingerprint.Part{Kind: d.Kind, Page: number, Box: d.Box, Result: r})
		}
	}
	return parts, nil
}

// Drawing makes the parts by which a photo that is a drawing is found if strokes are left out,
// redrawn or recoloured; nil of a picture that is none. It is for photo.Options. A query may be
// worse drawn than a registered picture: compressed, scanned, photographed.
func Drawing(m *image.NRGBA, base *local.Gray, query bool) func() ([]fingerprint.Part, error) {
	tone := page.PlainTone
	if query {
		tone = page.WornTone
	}
	if !page.IsDrawing(base, tone) {
		return nil
	}
	return func() ([]fingerprint.Part, error) { return drawings(m, 0, query) }
}

// finish adds the text and says what was hidden in it.
func (m *maker) finish() {
	t, tricks := text.Normalise(m.texts)
	for _, k := range [...]struct {
		kind extract.Hidden
		what string
	}{
		{extract.HiddenColour, "in the colour of its ground or covered"}, {extract.HiddenMode, "drawn so that it leaves no mark"},
		{extract.HiddenSize, "too small to be read"}, {extract.HiddenOff, "outside of the page"}, {extract.HiddenMarked, "marked as not shown"},
	} {
		if n := m.hidden[k.kind]; n > 0 {
			m.note("hidden text left out: %d letters %s", n, k.what)
		}
	}
	if tricks.Invisible > 0 {
		m.note("%d invisible characters inside words were left out", tricks.Invisible)
	}
	if tricks.LookAlikes > 0 {
		m.note("%d letters of other alphabets that look like Latin ones were read as those", tricks.LookAlikes)
	}
	addText(m.result, t)
	if len(m.result.Prints) == 0 && len(m.result.Parts) == 0 {
		m.result.Insufficient = "too little text, and no page or picture that could be told from others"
	}
}

// addText adds the print of a text that says enough.
func addText(r *fingerprint.Result, t *text.Text) {
	n := text.Units(t.Chars)
	if n < leastUnits {
		return
	}
	r.Prints = append(r.Prints, fingerprint.Fingerprint{
		Kind: fingerprint.Text, View: fingerprint.Full, Payload: t.Encode(), Quality: min(100, n/20),
	})
}

// TextOf is the text of a result; nil where it has none.
func TextOf(r *fingerprint.Result) (*text.Text, error) {
	p, ok := r.Print(fingerprint.Text, fingerprint.Full)
	if !ok {
		return nil, nil
	}
	return text.Decode(p.Payload)
}

// ReadPages are the pages, from 1, of which enough text could be read to know that they are not
// mirrored.
func ReadPages(r *fingerprint.Result) map[int]bool {
	t, err := TextOf(r)
	if t == nil || err != nil {
		return nil // damaged text is reported where it is compared
	}
	read := map[int]bool{}
	for i, start := range t.Pages {
		from, _ := slices.BinarySearch(t.From, start)
		to := len(t.From)
		if i+1 < len(t.Pages) {
			to, _ = slices.BinarySearch(t.From, t.Pages[i+1])
		}
		read[i+1] = to-from >= leastText
	}
	return read
}

// AddToQuery adds to the result of a photo that is asked about what manuscripts are found by:
// the lines of drawings as parts and, where the picture has text and tesseract is there, the
// text. data is the file that r is of.
func AddToQuery(ctx context.Context, r *fingerprint.Result, data []byte, opts Options) error {
	pic, err := decode.Decode(ctx, data, opts.Limits.Pictures)
	if err != nil {
		return err
	}
	lines := r.Lines
	if lines == nil {
		lines = func() ([]fingerprint.Part, error) { return drawings(pic.RGB, 0, true) }
	}
	parts, err := lines()
	if err != nil {
		return err
	}
	r.Parts = append(r.Parts, parts...)
	rd := reader{off: opts.NoOCR, pages: 1, until: time.Now().Add(readingTime)}
	words, err := rd.read(ctx, pic.RGB)
	if err != nil {
		r.Notes = append(r.Notes, err.Error())
		return nil
	}
	t, _ := text.Normalise([]string{words})
	addText(r, t)
	return nil
}
