package paper

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"codeberg.org/go-pdf/fpdf"
)

// The page, in millimetres. The left margin leaves room for binding.
const (
	pageWidth  = 210.0
	pageHeight = 297.0
	left       = 25.0
	right      = 190.0
	top        = 22.0
	bottom     = 272.0 // of the text; the foot stands below
	foot       = 282.0
	width      = right - left

	labelWidth = 36.0 // of the narrow column with the names of things
	valueX     = left + labelWidth + 4
	valueWidth = right - valueX
)

var (
	headline = style{bold, 10.5, 0}
	body     = style{regular, 9.5, 0}
	strong   = style{bold, 9.5, 0}
	label    = style{regular, 8.5, 90}
	small    = style{regular, 8, 70}
	code     = style{mono, 8, 0}
	digits   = style{mono, 8.5, 0}
)

// sheet is a document in the making: it places text and pictures from top to bottom and
// begins a new page where one is full. The first error sticks.
type sheet struct {
	pdf    *fpdf.Fpdf
	shapes shapes
	y      float64 // the top of what comes next
	used   map[*typeface]bool
	set    style // as the page has it
	pages  int
	images int
	widths map[int]bool // of the pictures, in pixels

	unjoined, byNumber bool
}

// info is what a PDF says of itself.
type info struct {
	title, subject, service string
	made                    time.Time
}

func newSheet(in info) *sheet {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(in.made.UTC())
	pdf.SetModificationDate(in.made.UTC())
	pdf.SetTitle(plain(in.title), true)
	pdf.SetSubject(plain(in.subject), true)
	pdf.SetAuthor(plain(in.service), true)
	pdf.SetCreator("Selvage", true)
	pdf.SetProducer("Selvage", true)
	pdf.SetLang("en-GB")
	pdf.SetMargins(left, top, pageWidth-right)
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetDrawColor(0, 0, 0)
	pdf.SetFillColor(0, 0, 0)
	s := &sheet{pdf: pdf, used: map[*typeface]bool{}, widths: map[int]bool{}}
	s.newPage()
	return s
}

func (s *sheet) newPage() {
	s.pdf.AddPage()
	s.pages++
	s.set = style{}
	s.y = top
}

// need begins a new page unless there is room for h millimetres.
func (s *sheet) need(h float64) {
	if s.y+h > bottom && s.y > top {
		s.newPage()
	}
}

func (s *sheet) gap(h float64) { s.y = min(s.y+h, bottom) }

// use selects a font.
func (s *sheet) use(st style) {
	if !s.used[st.face] {
		if err := st.face.load(); err != nil {
			s.pdf.SetError(err)
			return
		}
		// A copy: the writer appends to slices of it, which changes the bytes behind them.
		s.pdf.AddUTF8FontFromBytes(st.face.name, "", bytes.Clone(st.face.data))
		s.used[st.face] = true
	}
	if s.set.face != st.face || s.set.size != st.size {
		s.pdf.SetFont(st.face.name, "", st.size)
	}
	if s.set.grey != st.grey || s.set.face == nil {
		s.pdf.SetTextColor(st.grey, st.grey, st.grey)
	}
	s.set = st
}

// draw sets one line with its baseline at y.
func (s *sheet) draw(l line, st style, x, y float64) {
	l = l.visual()
	for i := 0; i < len(l); {
		j, w := i, 0.0
		var text strings.Builder
		for j < len(l) && l[j].face == l[i].face && (j == i || l[j].actual == "" && l[i].actual == "") {
			text.WriteString(l[j].shown)
			w += l[j].width
			j++
		}
		s.use(style{l[i].face, st.size, st.grey})
		if a := l[i].actual; a != "" {
			s.span(a, func() { s.pdf.Text(x, y, text.String()) })
		} else {
			s.pdf.Text(x, y, text.String())
		}
		x += w
		i = j
	}
}

// span marks what is drawn as standing for text, which search and copying then find.
func (s *sheet) span(text string, draw func()) {
	var b strings.Builder
	b.WriteString("/Span <</ActualText <FEFF")
	for _, c := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&b, "%04X", c)
	}
	b.WriteString(">>> BDC")
	s.pdf.RawWriteStr(b.String())
	draw()
	s.pdf.RawWriteStr("EMC")
}

// textAt sets wrapped text in a column without page breaks and returns the height used.
func (s *sheet) textAt(text string, st style, x, y, w float64) float64 {
	lines := s.wrap(text, st, w)
	for i, l := range lines {
		s.draw(l, st, x, y+st.ascent()+float64(i)*st.leading())
	}
	return float64(len(lines)) * st.leading()
}

// height is that of the text in a column.
func (s *sheet) height(text string, st style, w float64) float64 {
	return float64(len(s.wrap(text, st, w))) * st.leading()
}

// ascent is from the top of a line to its baseline.
func (s style) ascent() float64 { return s.size * 1.05 * mmPerPoint }

// textIn sets wrapped text in a column, going over pages where it must.
func (s *sheet) textIn(text string, st style, x, w float64) {
	for _, l := range s.wrap(text, st, w) {
		s.need(st.leading())
		s.draw(l, st, x, s.y+st.ascent())
		s.y += st.leading()
	}
}

// paragraph is text over the whole width.
func (s *sheet) paragraph(text string, st style) {
	s.textIn(text, st, left, width)
	s.gap(1.6)
}

// heading begins a section: with a rule above it, and an entry in the outline. It stays
// with at least so many millimetres of what follows.
func (s *sheet) heading(text string, follows float64) {
	s.gap(4.5)
	s.need(9 + follows)
	if s.y > top {
		s.rule(s.y, 0.25)
		s.gap(2.6)
	}
	s.use(headline)
	s.pdf.Bookmark(text, 0, s.y)
	s.textIn(text, headline, left, width)
	s.gap(1.6)
}

func (s *sheet) rule(y, thick float64) {
	s.pdf.SetLineWidth(thick)
	s.pdf.Line(left, y, right, y)
}

// row is a name in the narrow column and texts below each other beside it.
func (s *sheet) row(name string, parts ...part) {
	first := body
	if len(parts) > 0 {
		first = parts[0].style
	}
	tall := 0.0
	for _, p := range parts {
		tall += s.height(p.text, p.style, valueWidth)
	}
	// A short row stays in one piece, a long one goes over.
	s.need(max(first.leading(), s.height(name, label, labelWidth), min(tall, 30)))
	y := s.y
	page := s.pages
	// The names share a baseline with the first line beside them.
	end := y + first.ascent() - label.ascent() + s.textAt(name, label, left, y+first.ascent()-label.ascent(), labelWidth)
	for _, p := range parts {
		switch {
		case p.lead != "":
			s.need(p.style.leading())
			s.textAt(p.lead, body, valueX, s.y, leadWidth)
			s.textIn(p.text, p.style, valueX+leadWidth, valueWidth-leadWidth)
		default:
			s.textIn(p.text, p.style, valueX, valueWidth)
		}
	}
	if s.pages == page {
		s.y = max(s.y, end)
	}
	s.gap(1.1)
}

// leadWidth is room for "not earlier than".
const leadWidth = 30.0

// part is one text of a row, after a lead if it has one.
type part struct {
	lead  string
	text  string
	style style
}

func say(format string, args ...any) part {
	return part{text: fmt.Sprintf(format, args...), style: body}
}
func aside(text string) part { return part{text: text, style: small} }

// groups of eight are what people can compare by eye.
const group = 8

// digest sets a digest in groups; who copies it gets it in one piece. What is no digest is
// set as any text.
func (s *sheet) digest(text string, x float64) {
	if b, err := hex.DecodeString(text); err != nil || len(b) != sha256.Size {
		s.textIn(orElse(text, "none"), digits, x, right-x)
		return
	}
	s.need(digits.leading())
	advance := s.shapes.of(mono, '0').advance * digits.size * mmPerPoint / 1000
	y := s.y + digits.ascent()
	s.use(digits)
	s.span(text, func() {
		for ; text != ""; text = text[group:] {
			s.pdf.Text(x, y, text[:group])
			x += (group + 0.7) * advance
		}
	})
	s.y += digits.leading()
}

// command is a line to be typed, or what it prints.
func (s *sheet) command(text string) {
	const indent = 4.0
	lines := s.wrap(text, code, width-2*indent)
	s.need(float64(min(len(lines), 4)) * code.leading())
	for _, l := range lines {
		s.need(code.leading())
		s.draw(l, code, left+indent, s.y+code.ascent())
		s.y += code.leading()
	}
	s.gap(1)
}

// bullet is an item of a list.
func (s *sheet) bullet(mark, text string) {
	s.need(body.leading())
	s.textAt(mark, body, left, s.y, 5)
	s.textIn(text, body, left+5, width-5)
	s.gap(0.9)
}

// finish explains what was shown otherwise than as letters, writes the feet and returns
// the file. The foot names what the document belongs to.
func (s *sheet) finish(belongs string) ([]byte, error) {
	if s.unjoined || s.byNumber {
		s.gap(3)
		if s.byNumber {
			s.paragraph("Characters that this document has no letter for, or that would not be visible, are given by their number in Unicode, such as [U+0000].", small)
		}
		if s.unjoined {
			s.paragraph("Letters of Arabic scripts are set one by one, from right to left; they are not joined.", small)
		}
	}
	for n := 1; n <= s.pages; n++ {
		s.pdf.SetPage(n)
		s.set = style{}
		s.pdf.SetLineWidth(0.25)
		s.pdf.Line(left, foot-4, right, foot-4)
		number := s.units("Page "+strconv.Itoa(n)+" of "+strconv.Itoa(s.pages), small)
		s.draw(number, small, right-number.width(), foot)
		s.draw(s.clip(belongs, small, width-number.width()-6, 1)[0], small, left, foot)
	}
	if s.shapes.err != nil {
		return nil, s.shapes.err
	}
	var b bytes.Buffer
	if err := s.pdf.Output(&b); err != nil {
		return nil, fmt.Errorf("pdf: %w", err)
	}
	return b.Bytes(), nil
}

// plain is outside text for places that are not set but stored: the file's own title.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
