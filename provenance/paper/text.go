package paper

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// style is how text is set: size in points, grey from 0 (black) to 255.
type style struct {
	face *typeface
	size float64
	grey int
}

// leading is the distance of two lines in millimetres.
func (s style) leading() float64 { return s.size * 1.38 * mmPerPoint }

const mmPerPoint = 25.4 / 72

// unit is what is never broken: a letter with its marks, or what stands for a character
// that cannot be shown.
type unit struct {
	face   *typeface
	shown  string
	actual string // what a reader of the PDF should take instead of shown; empty: the same
	width  float64
	space  bool
	free   bool // a line may end before and after it, as in Chinese
	open   bool // no line may end after it
	close  bool // none may end before it
}

// line is a line of units in the order of reading.
type line []unit

func (l line) width() (w float64) {
	for _, u := range l {
		w += u.width
	}
	return w
}

// runes that may not begin, and that may not end, a line of Chinese or Japanese.
const (
	closers = "，。、！？；：）」』】》〉〕〗…—・ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
	openers = "（「『【《〈〔〖"
)

// units cuts outside text into units and measures them in millimetres. Every character
// appears: as itself in the normal form NFC, or by its number in brackets.
func (s *sheet) units(text string, st style) line {
	var out line
	em := st.size * mmPerPoint / 1000
	for _, r := range norm.NFC.String(strings.ToValidUTF8(text, "\uFFFD")) {
		sh := s.shapes.of(st.face, r)
		switch {
		case sh.face == nil:
			u := unit{face: st.face, shown: fmt.Sprintf("[U+%04X]", r), free: true}
			if !hidden(r) && r != '\uFFFD' {
				u.actual = string(r)
			}
			for _, c := range u.shown {
				u.width += s.shapes.of(st.face, c).advance * em
			}
			out = append(out, u)
		case unicode.Is(unicode.Mn, r) && len(out) > 0 && out[len(out)-1].face == sh.face && out[len(out)-1].actual == "" && !out[len(out)-1].space && len(out[len(out)-1].shown) < 64:
			out[len(out)-1].shown += string(r)
			out[len(out)-1].width += sh.advance * em
		default:
			out = append(out, unit{
				face: sh.face, shown: string(r), width: sh.advance * em, space: r == ' ' || r == '\u3000',
				free: unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana),
				open: strings.ContainsRune(openers, r), close: strings.ContainsRune(closers, r),
			})
		}
		s.notice(r)
	}
	return out
}

// notice remembers what the last page must explain.
func (s *sheet) notice(r rune) {
	if unicode.In(r, unicode.Arabic) {
		s.unjoined = true
	}
	if r < 0x80 && !hidden(r) {
		return
	}
	if s.shapes.of(regular, r).face == nil {
		s.byNumber = true
	}
}

// wrap breaks text into lines of at most width millimetres; a unit wider than that has a
// line of its own. There is at least one line.
func (s *sheet) wrap(text string, st style, width float64) []line {
	us := s.units(text, st)
	var out []line
	start, last, w := 0, -1, 0.0 // last is where the line may end; -1: nowhere yet
	for i := 0; i < len(us); i++ {
		if i > start && mayBreak(us[i-1], us[i]) {
			last = i
		}
		if w += us[i].width; w <= width+1e-6 || i == start || us[i].space {
			continue
		}
		if last < 0 {
			last = i // a word longer than the line
		}
		out = append(out, trimmed(us[start:last]))
		start, last, w = last, -1, 0
		i = start - 1
	}
	return append(out, trimmed(us[start:]))
}

// clip is wrap with at most n lines: what does not fit is replaced by an ellipsis. It is for
// texts that stand in full elsewhere in the document.
func (s *sheet) clip(text string, st style, width float64, n int) []line {
	lines := s.wrap(text, st, width)
	if len(lines) <= n || n < 1 {
		return lines[:min(len(lines), max(n, 0))]
	}
	dots := s.units("…", st)
	last := slices.Clone(lines[n-1])
	for len(last) > 0 && last.width()+dots.width() > width {
		last = last[:len(last)-1]
	}
	return append(lines[:n-1:n-1], append(last, dots...))
}

func mayBreak(a, b unit) bool {
	if b.space || a.open || b.close {
		return false
	}
	// Addresses break after what divides them.
	after := len(a.shown) == 1 && strings.Contains("-/&?", a.shown)
	return a.space || a.free || b.free || after && b.shown != a.shown
}

func trimmed(l line) line {
	for len(l) > 0 && l[len(l)-1].space {
		l = l[:len(l)-1]
	}
	return l
}

// visual returns the units of a line as they are drawn from left to right: a stretch of
// Hebrew or Arabic from its end, numbers in it from their beginning. It is the bidirectional
// algorithm (UAX 9) for lines that read from left to right on the whole.
func (l line) visual() line {
	class := make([]bidi.Class, len(l))
	first := -1
	for i, u := range l {
		class[i] = u.class()
		if first < 0 && rightToLeft(class[i]) {
			first = i
		}
	}
	if first < 0 {
		return l
	}
	out := append(make(line, 0, len(l)), l...)
	for i := first; i < len(l); i++ {
		if !rightToLeft(class[i]) {
			continue
		}
		end := i + 1 // after the last letter of the stretch
		for j := end; j < len(l) && class[j] != bidi.L; j++ {
			if rightToLeft(class[j]) || number(class[j]) {
				end = j + 1
			}
		}
		slices.Reverse(out[i:end])
		slices.Reverse(class[i:end])
		for j := i; j < end; j++ {
			if m, ok := mirrored[out[j].shown]; ok {
				out[j].shown = m
			}
			k := j
			for k < end && (number(class[k]) || k > j && k+1 < end && class[k] == bidi.CS && number(class[k+1])) {
				k++
			}
			if k > j {
				slices.Reverse(out[j:k])
				j = k - 1
			}
		}
		i = end - 1
	}
	return out
}

func (u unit) class() bidi.Class {
	if u.actual != "" || len(u.shown) > 1 && u.shown[0] == '[' {
		return bidi.L // a number in brackets
	}
	p, _ := bidi.LookupString(u.shown)
	return p.Class()
}

func rightToLeft(c bidi.Class) bool { return c == bidi.R || c == bidi.AL }
func number(c bidi.Class) bool      { return c == bidi.EN || c == bidi.AN }

var mirrored = map[string]string{"(": ")", ")": "(", "[": "]", "]": "[", "{": "}", "}": "{", "«": "»", "»": "«", "<": ">", ">": "<"}
