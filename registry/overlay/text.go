package overlay

import (
	"errors"
	"image"
	"image/color"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

const lineHeight = 23

// fonts are parsed once.
var fonts = sync.OnceValues(func() (f [2]*opentype.Font, err error) {
	var e1, e2 error
	f[0], e1 = opentype.Parse(goregular.TTF)
	f[1], e2 = opentype.Parse(gobold.TTF)
	return f, errors.Join(e1, e2)
})

// typeset is the faces of one drawing; a face is not for several goroutines.
type typeset struct{ regular, small, bold, digits face }

type face struct {
	font.Face
	font *opentype.Font
}

func newType() (*typeset, error) {
	f, err := fonts()
	if err != nil {
		return nil, err
	}
	t := &typeset{}
	for _, x := range []struct {
		face *face
		font *opentype.Font
		size float64
	}{{&t.regular, f[0], 16}, {&t.small, f[0], 13}, {&t.bold, f[1], 16}, {&t.digits, f[1], 13}} {
		made, err := opentype.NewFace(x.font, &opentype.FaceOptions{Size: x.size, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return nil, err
		}
		*x.face = face{made, x.font}
	}
	return t, nil
}

func (t *typeset) close() {
	for _, f := range []face{t.regular, t.small, t.bold, t.digits} {
		_ = f.Close() // frees nothing outside of memory
	}
}

// text sets a line with its baseline at y.
func (f face) text(c *canvas, x, y int, s string, col color.RGBA) {
	d := font.Drawer{Dst: c.RGBA, Src: image.NewUniform(col), Face: f.Face, Dot: fixed.P(x, y)}
	d.DrawString(f.known(s))
}

func (f face) width(s string) int { return font.MeasureString(f.Face, f.known(s)).Ceil() }

// known replaces what the font has no sign for.
func (f face) known(s string) string {
	return strings.Map(func(r rune) rune {
		if i, err := f.font.GlyphIndex(nil, r); err != nil || i == 0 || unicode.IsControl(r) {
			return '·'
		}
		return r
	}, s)
}

// maxLines bounds one paragraph.
const maxLines = 6

// wrap breaks a text into lines of at most width pixels, within words where it must.
func (f face) wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		for {
			try := strings.TrimSpace(line + " " + word)
			if f.width(try) <= width {
				line = try
				break
			}
			if line != "" {
				lines = append(lines, line)
				line = ""
				continue
			}
			n := 1
			runes := []rune(word)
			for n < len(runes) && f.width(string(runes[:n+1])) <= width {
				n++
			}
			if n == len(runes) {
				line = word // a single sign wider than the line
				break
			}
			lines = append(lines, string(runes[:n]))
			word = string(runes[n:])
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	if len(lines) > maxLines {
		lines = append(lines[:maxLines-1:maxLines-1], lines[maxLines-1]+" …")
	}
	return lines
}

// badge is a corner's number in a disc, or in a pill if it is long.
func (t *typeset) badge(c *canvas, at [2]float64, name string, col color.RGBA) {
	w := t.digits.width(name)
	half := max(radius, w/2+6)
	x, y := int(at[0]), int(at[1])
	r := image.Rect(x-half, y-radius, x+half, y+radius)
	c.pill(r.Inset(-2), paper)
	c.pill(r, col)
	t.digits.text(c, x-w/2, y+5, name, paper)
}

// row is one line of the legend.
type row struct {
	height int
	draw   func(c *canvas, x, y int)
}

// legend lays out what stands below the panels.
func (s Sheet) legend(t *typeset, width int) []row {
	col := calm
	if s.Alarm {
		col = red
	}
	rows := []row{{36, func(c *canvas, x, y int) {
		w := t.bold.width(s.Verdict)
		c.pill(image.Rect(x, y, x+w+28, y+28), col)
		t.bold.text(c, x+14, y+20, s.Verdict, paper)
		t.regular.text(c, x+w+42, y+20, s.Sure, ink)
	}}}
	add := func(f face, text string, col color.RGBA, height int) {
		for _, l := range f.wrap(text, width) {
			rows = append(rows, row{height, func(c *canvas, x, y int) { f.text(c, x, y+17, l, col) }})
		}
	}
	for _, l := range s.Lines {
		add(t.regular, l, ink, lineHeight)
	}
	add(t.small, s.Small, grey, 20)
	return rows
}

func height(rows []row) (h int) {
	for _, r := range rows {
		h += r.height
	}
	return h
}
