package text

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// lookAlikes are letters that look like others, after case and compatibility were folded, by
// what they become. The groups are from the confusables of Unicode Technical Standard #39, for
// Latin letters. All of a group become one, in all texts, so a text that is really Russian
// or Greek is only written in another alphabet. Letters and digits that readers of scans take for each other
// (1, i, l; 0, o) are groups too.
var lookAlikes = func() map[rune]rune {
	groups := []struct {
		to   rune
		from string
	}{
		{'a', "аαɑ⍺"}, {'b', "ЬьБƄβв"}, {'c', "сϲᴄ"}, {'d', "ԁɗ"}, {'e', "еєҽεɛ"}, {'f', "ƒẝϝ"},
		{'g', "ɡցɢ"}, {'h', "һհʜн"}, {'i', "1lіιıɩӏǀ|ⅼⅰʟא"}, {'j', "јϳյ"}, {'k', "кκᴋĸ"},
		{'m', "мᴍμ"}, {'n', "ոηпռɴ"}, {'o', "0оοօσᴏסﮦ"}, {'p', "рρϱᴘ"}, {'q', "ԛզ"}, {'r', "гᴦʀ"},
		{'s', "ѕꜱʂ"}, {'t', "тτᴛ"}, {'u', "υսᴜцʊ"}, {'v', "νѵᴠ"}, {'w', "ԝωᴡш"}, {'x', "хχ×"},
		{'y', "уγүʏყ"}, {'z', "ᴢʐζ"},
	}
	m := make(map[rune]rune)
	for _, g := range groups {
		for _, r := range g.from {
			m[unicode.ToLower(r)] = g.to
		}
	}
	return m
}()

// spelled are letters that stand for several.
var spelled = map[rune]string{'æ': "ae", 'œ': "oe", 'ß': "ss", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'ħ': "h", 'þ': "th", 'ŋ': "n", 'ſ': "s"}

// appendFolded appends the normalised characters that a character of a text gives: none,
// one, or a few.
func appendFolded(to []rune, r rune) []rune {
	if r < 0x80 {
		switch {
		case 'a' <= r && r <= 'z', '2' <= r && r <= '9':
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		case r == '0':
			return append(to, 'o')
		case r == '1':
			r = 'i'
		default:
			return to
		}
		if r == 'l' {
			r = 'i'
		}
		return append(to, r)
	}
	if unicode.Is(unicode.Han, r) && !unicode.Is(compatibility, r) {
		return append(to, r) // the usual case of a Chinese text
	}
	var buf [16]byte
	b := norm.NFKD.AppendString(buf[:0], string(r))
	for _, d := range string(b) {
		d = unicode.ToLower(d)
		if s, ok := spelled[d]; ok {
			for _, d := range s {
				to = appendLetter(to, d)
			}
			continue
		}
		to = appendLetter(to, d)
	}
	return to
}

// compatibility are the Han characters that stand for others.
var compatibility = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x2e80, Hi: 0x2fdf, Stride: 1}, {Lo: 0xf900, Hi: 0xfaff, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x2f800, Hi: 0x2fa1f, Stride: 1}},
}

func appendLetter(to []rune, r rune) []rune {
	if s, ok := lookAlikes[r]; ok {
		r = s
	}
	switch {
	case unicode.IsLetter(r), unicode.IsDigit(r), unicode.Is(unicode.Nl, r), unicode.Is(unicode.No, r):
	case unicode.IsMark(r) && !unicode.Is(unicode.Inherited, r) && !ignored(r):
	default:
		return to
	}
	if r == 'ς' {
		r = 'σ'
	}
	return append(to, r)
}

// ignored reports whether a character cannot be seen: Default_Ignorable_Code_Point of
// Unicode, and other controls of format.
func ignored(r rune) bool {
	switch {
	case r < 0x80:
		return false
	case r == 0xad, r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x3164, r == 0xffa0,
		0x180b <= r && r <= 0x180f, 0x200b <= r && r <= 0x200f, 0x202a <= r && r <= 0x202e, 0x2060 <= r && r <= 0x206f,
		0xfe00 <= r && r <= 0xfe0f, r == 0xfeff, 0xfff0 <= r && r <= 0xfff8, 0x1bca0 <= r && r <= 0x1bca3,
		0x1d173 <= r && r <= 0x1d17a, 0xe0000 <= r && r <= 0xe0fff:
		return true
	}
	return unicode.Is(unicode.Cf, r)
}

// dense reports whether a character is of a script that is written without blanks.
func dense(r rune) bool {
	switch {
	case r < 0xe00:
		return false
	case 0x4e00 <= r && r <= 0x9fff, 0x3040 <= r && r <= 0x30ff, 0xac00 <= r && r <= 0xd7a3:
		return true
	}
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan)
}

// units is what a normalised character counts.
func units(r rune) int {
	if dense(r) {
		return denseUnits
	}
	return 1
}

const denseUnits = 3
