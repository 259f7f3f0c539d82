package extract

import (
	"encoding/binary"
	"unicode"
	"unicode/utf16"

	"selvage/fingerprint"
)

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

func letters(chars []rune) int {
	n := 0
	for _, r := range chars {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
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
