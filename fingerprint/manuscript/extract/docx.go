package extract

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// props are what WordprocessingML says of the look of text (ECMA-376, part 1, 17.3.2 and
// 17.7); nil pointers are not said.
type props struct {
	vanish *bool
	white  *bool // of the colour of blank paper
	ground *bool // on a ground of another colour
	size   *int  // half points
}

// over lays p over q.
func (p props) over(q props) props {
	if p.vanish == nil {
		p.vanish = q.vanish
	}
	if p.white == nil {
		p.white = q.white
	}
	if p.ground == nil {
		p.ground = q.ground
	}
	if p.size == nil {
		p.size = q.size
	}
	return p
}

func (p props) hidden() Hidden {
	yes := func(b *bool) bool { return b != nil && *b }
	switch {
	case yes(p.vanish):
		return HiddenMarked
	case yes(p.white) && !yes(p.ground):
		return HiddenColour
	case p.size != nil && *p.size <= 2:
		return HiddenSize
	}
	return ""
}

// set takes one property element.
func (p *props) set(e *element) {
	val := e.attr("val")
	switch e.Name.Local {
	case "vanish", "webHidden", "specVanish":
		if e.Name.Local == "vanish" {
			v := on(val)
			p.vanish = &v
		}
	case "color":
		v := isWhite(val)
		p.white = &v
	case "highlight":
		v := val != "none" && val != "white"
		p.ground = &v
	case "shd":
		fill := e.attr("fill")
		v := fill != "" && fill != "auto" && !isWhite(fill) || e.attr("themeFill") != "" || strings.HasPrefix(val, "pct") || val == "solid"
		p.ground = &v
	case "sz":
		if n, err := strconv.Atoi(val); err == nil {
			p.size = &n
		}
	}
}

// isWhite takes a colour in six hexadecimal digits, with or without #; so light that it is not
// seen on white.
func isWhite(s string) bool {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(strings.TrimPrefix(s, "#")) != 6 {
		return false
	}
	return n>>16 >= 245 && n>>8&255 >= 245 && n&255 >= 245
}

// docxStyle is a style and the one that it is based on.
type docxStyle struct {
	props
	based string
}

type docxReader struct {
	d      *Document
	a      *archive
	page   *Page
	styles map[string]*docxStyle
	dark   bool // the paper is not white
	full   bool // the limit on text is reached
}

// style is a style with all that it is based on.
func (r *docxReader) style(id string) props {
	var p props
	for range 20 { // styles that are based on each other in a circle
		s := r.styles[id]
		if s == nil {
			break
		}
		p = p.over(s.props)
		id = s.based
	}
	return p
}

func (d *Document) readDOCX(ctx context.Context, a *archive) error {
	d.Pages = make([]Page, 1)
	r := &docxReader{d: d, a: a, page: &d.Pages[0], styles: map[string]*docxStyle{}}
	if err := r.readStyles(ctx); err != nil {
		return err
	}
	parts := []string{"word/document.xml"}
	var more []string
	for _, f := range a.files {
		name, isWord := strings.CutPrefix(f.Name, "word/")
		for _, kind := range []string{"header", "footer", "footnotes", "endnotes", "comments"} {
			if isWord && strings.HasPrefix(name, kind) && strings.HasSuffix(name, ".xml") && !slices.Contains(more, f.Name) {
				more = append(more, f.Name)
			}
		}
	}
	slices.SortFunc(more, natural)
	for _, name := range append(parts, more...) {
		if err := r.readPart(ctx, name); err != nil {
			return err
		}
	}
	d.media(a, r.page, "word/media/")
	return nil
}

func (r *docxReader) readStyles(ctx context.Context) error {
	data, err := r.a.xml("word/styles.xml")
	if err != nil || data == nil {
		return err
	}
	id := ""
	return walkXML(ctx, DOCX, data, r.d.lim.MaxDepth, false, handler{
		open: func(stack []element) bool {
			e := &stack[len(stack)-1]
			switch e.Name.Local {
			case "style":
				id = e.attr("styleId")
				r.styles[id] = &docxStyle{}
			case "basedOn":
				if s := r.styles[id]; s != nil {
					s.based = e.attr("val")
				}
			case "pPr", "rPr", "tcPr", "tblPr", "tblStylePr", "rPrDefault", "pPrDefault":
			default:
				if s := r.styles[id]; s != nil {
					s.set(e)
				}
			}
			return true
		},
		text: func([]element, string) {},
	})
}

// readPart reads one story of the document.
func (r *docxReader) readPart(ctx context.Context, name string) error {
	data, err := r.a.xml(name)
	if err != nil || data == nil {
		return err
	}
	return walkXML(ctx, DOCX, data, r.d.lim.MaxDepth, false, handler{open: r.open, text: r.text, close: r.close})
}

// scope is what is collected for an open table, cell, paragraph or run.
type scope struct {
	props
	box bool // text in a shape, whose ground is not known
}

// inside is the innermost scope, and whether there is one.
func inside(stack []element) *scope {
	for i := len(stack) - 1; i >= 0; i-- {
		if s, ok := stack[i].mark.(*scope); ok {
			return s
		}
	}
	return nil
}

func (r *docxReader) open(stack []element) bool {
	e := &stack[len(stack)-1]
	switch e.Name.Local {
	case "Fallback": // of mc:AlternateContent: the same once more
		return false
	case "background":
		if c := e.attr("color"); c != "" && c != "auto" && !isWhite(c) {
			r.dark = true
		}
	case "tbl", "tr", "tc", "p", "r", "txbxContent":
		if e.Name.Space == "a" {
			break
		}
		s := &scope{}
		if outer := inside(stack[:len(stack)-1]); outer != nil {
			*s = *outer
		}
		if e.Name.Local == "p" && !s.box {
			s.props = s.props.over(r.style("Normal"))
		}
		s.box = s.box || e.Name.Local == "txbxContent"
		e.mark = s
	case "tblStyle":
		// A table style lays grounds under rows by rules that are not followed here.
		if s := inside(stack); s != nil {
			yes := true
			s.ground = &yes
		}
	case "pStyle", "rStyle":
		if s := inside(stack); s != nil {
			s.props = r.style(e.attr("val")).over(s.props)
		}
	case "vanish", "color", "highlight", "shd", "sz":
		if s := inside(stack); s != nil && !inParagraphMark(stack) {
			s.set(e)
		}
	case "tab":
		if len(stack) > 1 && stack[len(stack)-2].Name.Local == "r" {
			r.add(stack, "\t")
		}
	case "br", "cr":
		r.add(stack, "\n")
	case "noBreakHyphen":
		r.add(stack, "\u2011")
	case "softHyphen":
		r.add(stack, "\u00ad")
	case "sym":
		if n, err := strconv.ParseUint(e.attr("char"), 16, 32); err == nil {
			r.add(stack, string(rune(n)))
		}
	}
	return true
}

// inParagraphMark reports whether the innermost properties are those of the paragraph's mark
// (w:pPr/w:rPr), which say nothing of its text.
func inParagraphMark(stack []element) bool {
	n := len(stack)
	return n >= 3 && stack[n-2].Name.Local == "rPr" && stack[n-3].Name.Local == "pPr"
}

func (r *docxReader) text(stack []element, s string) {
	switch e := &stack[len(stack)-1]; e.Name.Local {
	case "t":
		r.add(stack, s)
	case "delText":
		r.run(Run{Text: s, Hidden: HiddenMarked})
	}
}

func (r *docxReader) close(stack []element) {
	if e := &stack[len(stack)-1]; e.Name.Local == "p" && e.Name.Space != "a" {
		r.run(Run{Text: "\n"})
	}
}

// add appends text with the look that is in force.
func (r *docxReader) add(stack []element, s string) {
	run := Run{Text: s}
	if sc := inside(stack); sc != nil {
		p := sc.props
		if sc.box || r.dark {
			p.white = nil
		}
		run.Hidden = p.hidden()
	}
	r.run(run)
}

// run appends a run, to the one before it where that looks the same.
func (r *docxReader) run(n Run) { r.full = r.full || !r.d.extend(r.page, n) }

// maxRun is where a run without line ends is cut.
const maxRun = 4096

// extend is addRun, for formats whose text comes in small pieces without places.
func (d *Document) extend(p *Page, n Run) bool {
	if n.Hidden != "" {
		d.note("the document has text that is not seen (%s)", n.Hidden)
	}
	k := len(p.Runs) - 1
	if k < 0 || len(p.Runs[k].Text) > maxRun || p.Runs[k].Hidden != n.Hidden && strings.TrimSpace(n.Text) != "" || strings.HasSuffix(p.Runs[k].Text, "\n") {
		return d.addRun(p, n)
	}
	if d.text+len(n.Text) > d.lim.MaxText {
		return d.addRun(p, n) // which says so
	}
	d.text += len(n.Text)
	p.Runs[k].Text += n.Text
	return true
}
