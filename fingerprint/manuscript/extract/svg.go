package extract

import (
	"context"
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"

	"selvage/fingerprint/decode"
)

// readSVG reads the text of a drawing; its raster is drawn by rsvg-convert (librsvg), where
// that is installed.
func (d *Document) readSVG(ctx context.Context, data []byte) error {
	d.PageCount = 1
	d.Pages = []Page{{Number: 1}}
	p := &d.Pages[0]
	w, h := 0.0, 0.0
	type mark struct {
		hidden Hidden
		text   bool
	}
	state := func(stack []element) mark {
		for i := len(stack) - 1; i >= 0; i-- {
			if m, ok := stack[i].mark.(mark); ok {
				return m
			}
		}
		return mark{}
	}
	err := walkXML(ctx, SVG, data, d.lim.MaxDepth, true, handler{
		open: func(stack []element) bool {
			e := &stack[len(stack)-1]
			m := state(stack[:len(stack)-1])
			style := e.attr("style")
			for _, name := range []string{"display", "visibility", "opacity", "font-size"} {
				if v := e.attr(name); v != "" {
					style += ";" + name + ":" + v
				}
			}
			if m.hidden == "" {
				if h := hiddenStyle(style); h != HiddenColour || strings.Contains(style, "opacity") {
					m.hidden = h // white alone says nothing: the ground is not known
				}
			}
			switch e.Name.Local {
			case "svg":
				if len(stack) == 1 {
					w, h = svgSize(e)
				}
			case "text", "flowRoot":
				m.text = true
			case "title", "desc":
				m.text, m.hidden = true, HiddenMarked
			case "style", "script", "metadata":
				return false
			case "image":
				d.dataPicture(p, e.attr("href"))
			}
			e.mark = m
			return true
		},
		text: func(stack []element, s string) {
			if m := state(stack); m.text {
				d.extend(p, Run{Text: folded(s), Hidden: m.hidden})
			}
		},
		close: func(stack []element) {
			switch e := &stack[len(stack)-1]; e.Name.Local {
			case "text", "flowRoot", "title", "desc", "flowPara":
				d.extend(p, Run{Text: "\n"})
			case "tspan":
				if e.attr("x") != "" || e.attr("y") != "" { // has a place of its own
					d.extend(p, Run{Text: " "})
				}
			}
		},
	})
	if err != nil {
		return err
	}
	if w <= 0 || h <= 0 {
		w, h = 1, 1
	}
	scale := float64(d.lim.RasterSide) / max(w, h)
	p.Width, p.Height = max(1, int(math.Round(w*scale))), max(1, int(math.Round(h*scale)))
	width, height, lim := p.Width, p.Height, d.lim
	p.raster = func(ctx context.Context) (*image.NRGBA, error) { return drawSVG(ctx, data, width, height, lim) }
	return nil
}

// folded is s with each stretch of white space as one space.
func folded(s string) string {
	words := strings.FieldsFunc(s, isHTMLSpace)
	if len(words) == 0 {
		return " "
	}
	out := strings.Join(words, " ")
	if isHTMLSpace(rune(s[0])) {
		out = " " + out
	}
	if isHTMLSpace(rune(s[len(s)-1])) {
		out += " "
	}
	return out
}

// svgSize is the size of a drawing in its own units: of its viewBox, or its width and height.
func svgSize(e *element) (w, h float64) {
	if box := strings.FieldsFunc(e.attr("viewBox"), func(r rune) bool { return r == ' ' || r == ',' }); len(box) == 4 {
		w, _ = strconv.ParseFloat(box[2], 64)
		h, _ = strconv.ParseFloat(box[3], 64)
	}
	side := func(s string) float64 {
		v, err := strconv.ParseFloat(strings.TrimRight(s, "pxtcmin%e "), 64)
		if err != nil || strings.HasSuffix(s, "%") {
			return 0
		}
		return v
	}
	if sw, sh := side(e.attr("width")), side(e.attr("height")); sw > 0 && sh > 0 {
		return sw, sh
	}
	if !(w > 0 && w < 1e9) || !(h > 0 && h < 1e9) {
		return 0, 0
	}
	return w, h
}

func drawSVG(ctx context.Context, data []byte, w, h int, lim Limits) (*image.NRGBA, error) {
	png, err := guarded(ctx, SVG, program{
		name: "rsvg-convert", install: "librsvg2-bin (Debian), librsvg2-tools (Fedora), librsvg (Homebrew)",
		args:    []string{"--width", fmt.Sprint(w), "--height", fmt.Sprint(h), "--background-color", "white", "--format", "png"},
		input:   data, // on its standard input a drawing has no base, and so no files beside it
		memory:  1 << 30,
		output:  64 << 20,
		timeout: lim.PageTimeout,
	})
	if err != nil {
		return nil, err
	}
	p, err := decode.Decode(ctx, png, lim.Pictures)
	if err != nil {
		return nil, err
	}
	return p.RGB, nil
}
