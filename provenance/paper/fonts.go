package paper

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// The fonts are described, with their licences, in fonts/README.md.
//
//go:embed fonts
var packed embed.FS

// typeface is one font file. Its bytes and tables are never written to.
type typeface struct {
	name string
	data []byte
	sfnt *sfnt.Font
	err  error
	once sync.Once
}

var (
	regular = &typeface{name: "NotoSans-Regular"}
	bold    = &typeface{name: "NotoSans-Bold"}
	mono    = &typeface{name: "GoMono"}

	// fallbacks are asked in this order for what the three above do not have.
	fallbacks = []*typeface{
		{name: "NotoSansHebrew-Regular"}, {name: "NotoSansArabic-Regular"},
		{name: "DroidSansFallbackFull"}, {name: "NanumSquareR"},
	}
)

// load unpacks the font at its first use: most documents need two of the seven.
func (t *typeface) load() error {
	t.once.Do(func() {
		if t.data, t.err = t.read(); t.err == nil {
			t.sfnt, t.err = sfnt.Parse(t.data)
		}
		if t.err != nil {
			t.err = fmt.Errorf("font %s: %w", t.name, t.err)
		}
	})
	return t.err
}

func (t *typeface) read() ([]byte, error) {
	if t == mono {
		return gomono.TTF, nil
	}
	b, err := packed.ReadFile("fonts/" + t.name + ".ttf.gz")
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// shapes looks up letters for one document; it is not for several goroutines.
type shapes struct {
	buf  sfnt.Buffer
	seen map[shapeKey]shape
	err  error
}

type shapeKey struct {
	first *typeface
	r     rune
}

// shape is how one letter is set: in which face, and how far it advances in thousandths
// of the type size. A nil face means that no font has it.
type shape struct {
	face    *typeface
	advance float64
}

// of finds a letter in first or else in the fallbacks.
func (s *shapes) of(first *typeface, r rune) shape {
	key := shapeKey{first, r}
	if sh, ok := s.seen[key]; ok {
		return sh
	}
	if s.seen == nil {
		s.seen = map[shapeKey]shape{}
	}
	var sh shape
	// The PDF writer's fonts reach as far as the basic plane; a program's fonts have
	// nothing for controls.
	if r < 0xFFFE && !hidden(r) {
		for _, t := range append([]*typeface{first}, fallbacks...) {
			if t != first && r < 0x0590 && t.name != "NanumSquareR" {
				continue // spares unpacking what cannot have it
			}
			if a, ok := s.in(t, r); ok {
				sh = shape{t, a}
				break
			}
		}
	}
	s.seen[key] = sh
	return sh
}

// in looks into one face. A glyph without an outline counts only where none is to be seen:
// some fonts have empty places for letters that they do not draw.
func (s *shapes) in(t *typeface, r rune) (advance float64, ok bool) {
	if err := t.load(); err != nil {
		s.err = err
		return 0, false
	}
	g, err := t.sfnt.GlyphIndex(&s.buf, r)
	if err != nil || g == 0 {
		return 0, false
	}
	em := fixed.I(1000)
	if !unicode.IsSpace(r) {
		if segs, err := t.sfnt.LoadGlyph(&s.buf, g, em, nil); err != nil || len(segs) == 0 {
			return 0, false
		}
	}
	a, err := t.sfnt.GlyphAdvance(&s.buf, g, em, font.HintingNone)
	return float64(a) / 64, err == nil
}

// hidden reports whether a character acts on the text instead of standing in it, or is
// none: controls, bidirectional overrides, joiners, line separators, noncharacters. They are
// shown by their numbers.
func hidden(r rune) bool {
	return r&0xFFFE == 0xFFFE || r >= 0xFDD0 && r <= 0xFDEF ||
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Variation_Selector)
}
