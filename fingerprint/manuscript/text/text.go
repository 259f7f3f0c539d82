package text

import (
	"slices"
	"unicode"
)

// MaxChars is how many normalised characters of a document are kept: those of a long novel.
const MaxChars = 4 << 20

// Text is the normalised text of one document.
type Text struct {
	// Chars are the normalised characters.
	Chars []rune
	// From says for each of Chars which character of the document it was, counted over all pages
	// from 0.
	From []uint32
	// Pages is where each page of the document begins, counted like From.
	Pages []uint32
	// Listed is where in Chars a list of references at the end begins; len(Chars) where
	// there is none. Two works that cite the same have copied nothing.
	Listed int
}

// Tricks counts what is in a text to make it look like another one to a machine, but not to a
// reader. All of it is undone by [Normalise].
type Tricks struct {
	Invisible  int // characters that cannot be seen, inside words
	LookAlikes int // letters of another alphabet, inside words that are otherwise Latin
}

// Normalise makes a Text of the pages of a document, or of its one text.
func Normalise(pages []string) (*Text, Tricks) {
	t := &Text{}
	var tricks Tricks
	n := uint32(0)
	for _, page := range pages {
		t.Pages = append(t.Pages, n)
		w := word{tricks: &tricks}
		for _, r := range page {
			if len(t.Chars) < MaxChars {
				t.Chars = appendFolded(t.Chars, r)
				for len(t.From) < len(t.Chars) {
					t.From = append(t.From, n)
				}
			}
			w.next(r)
			n++
		}
		w.end()
	}
	t.Listed = t.references()
	return t, tricks
}

// word looks at the characters of one word after the other.
type word struct {
	tricks                     *Tricks
	latin, other, hidden, tail int
}

func (w *word) next(r rune) {
	switch {
	case ignored(r) && r != 0xad && r != 0x200c && r != 0x200d && r != 0xfeff && !(0xfe00 <= r && r <= 0xfe0f):
		// A soft hyphen, a joiner and a variation selector have honest uses.
		if w.latin+w.other > 0 {
			w.tail++ // counts if the word goes on
		}
		return
	case r < 0x80 && unicode.IsLetter(r), unicode.Is(unicode.Latin, r):
		w.latin++
	case unicode.IsLetter(r) && r >= 0x370:
		if to, ok := lookAlikes[unicode.ToLower(r)]; ok && to < 0x80 {
			w.other++
		} else {
			w.end()
			return
		}
	case unicode.IsDigit(r):
	default:
		w.end()
		return
	}
	w.hidden += w.tail
	w.tail = 0
}

func (w *word) end() {
	if w.latin > 0 && w.latin+w.other > 2 {
		w.tricks.LookAlikes += w.other
	}
	w.tricks.Invisible += w.hidden
	*w = word{tricks: w.tricks}
}

// Page is the page, from 1, that a character of the document stands on; 0 where it has no pages.
func (t *Text) Page(char uint32) int {
	at, found := slices.BinarySearch(t.Pages, char)
	for found && at+1 < len(t.Pages) && t.Pages[at+1] == char {
		at++ // pages without text
	}
	if found {
		at++
	}
	return at
}

// headings begin a list of references, as normalised characters.
var headings = [][]rune{fold("references"), fold("bibliography"), fold("works cited"), fold("参考文献"), fold("引用文献"), fold("参考资料")}

func fold(s string) []rune {
	var out []rune
	for _, r := range s {
		out = appendFolded(out, r)
	}
	return out
}

// references finds the last heading of a list of references that stands alone between
// characters that are no letters, in the latter half of a text.
func (t *Text) references() int {
	for i := len(t.Chars) - 1; i >= len(t.Chars)/2; i-- {
		for _, h := range headings {
			if !hasPrefix(t.Chars[i:], h) {
				continue
			}
			last := i + len(h) - 1
			alone := (i == 0 || t.From[i] > t.From[i-1]+1) && (last+1 == len(t.Chars) || t.From[last+1] > t.From[last]+1)
			if alone && t.From[last]-t.From[i] < uint32(len(h)+2) && t.citing(last+1) {
				return i
			}
		}
	}
	return len(t.Chars)
}

// citing reports whether what follows has as many digits as a list of references has.
func (t *Text) citing(at int) bool {
	rest := t.Chars[at:]
	rest = rest[:min(len(rest), 2000)]
	digits := 0 // but 0 and 1, which have become letters
	for _, r := range rest {
		if '2' <= r && r <= '9' {
			digits++
		}
	}
	return len(rest) >= 50 && digits*25 >= len(rest)
}

func hasPrefix(s, prefix []rune) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i, r := range prefix {
		if s[i] != r {
			return false
		}
	}
	return true
}

// Units is the length of a run of normalised characters in units.
func Units(chars []rune) (n int) {
	for _, r := range chars {
		n += units(r)
	}
	return n
}
