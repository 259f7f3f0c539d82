package extract

import (
	"context"
	"path"
	"strconv"
	"strings"
)

// readODF reads OpenDocument 1.3 text, slides and drawings: part 3, 5 and 6 for text, 10.2.4
// for pages.
func (d *Document) readODF(ctx context.Context, a *archive) error {
	if m, err := a.xml("META-INF/manifest.xml"); err != nil {
		return err
	} else if strings.Contains(string(m), "encryption-data") {
		return bad(ODF, Encrypted, "the document opens only with a password: save it without one")
	}
	r := &odfReader{d: d, a: a, styles: map[string]*docxStyle{}}
	for _, name := range []string{"styles.xml", "content.xml"} {
		data, err := a.xml(name)
		if err != nil {
			return err
		}
		if data == nil {
			continue
		}
		err = walkXML(ctx, ODF, data, d.lim.MaxDepth, false, handler{open: r.open, text: r.text, close: r.close})
		if err != nil {
			return err
		}
	}
	if len(r.pages) > 0 {
		d.PageCount = len(r.pages)
		if len(r.body.Runs) > 0 || len(r.body.Pictures) > 0 {
			r.pages[0].Runs = append(r.pages[0].Runs, r.body.Runs...)
		}
		if len(r.pages) > d.lim.MaxPages {
			d.note("only the first %d of %d pages were read", d.lim.MaxPages, len(r.pages))
			r.pages = r.pages[:d.lim.MaxPages]
		}
		for _, p := range r.pages {
			d.Pages = append(d.Pages, *p)
		}
		return nil
	}
	d.Pages = []Page{r.body}
	return nil
}

type odfReader struct {
	d      *Document
	a      *archive
	styles map[string]*docxStyle
	style  string  // the style being defined
	pages  []*Page // of slides and drawings
	body   Page    // what is on no page
	inPage bool
	seen   map[string]bool
}

func (r *odfReader) page() *Page {
	if r.inPage {
		return r.pages[len(r.pages)-1]
	}
	return &r.body
}

func (r *odfReader) styleOf(id string) props {
	var p props
	for range 20 {
		s := r.styles[id]
		if s == nil {
			break
		}
		p = p.over(s.props)
		id = s.based
	}
	return p
}

func (r *odfReader) open(stack []element) bool {
	e := &stack[len(stack)-1]
	yes := true
	switch e.Name.Space + ":" + e.Name.Local {
	case "style:style":
		r.style = e.attr("name")
		r.styles[r.style] = &docxStyle{based: e.attr("parent-style-name")}
	case "style:text-properties":
		if s := r.styles[r.style]; s != nil {
			for _, at := range e.Attr {
				switch at.Name.Local {
				case "display":
					v := at.Value == "none"
					s.vanish = &v
				case "color":
					v := isWhite(at.Value)
					s.white = &v
				case "font-size":
					if n, err := strconv.ParseFloat(strings.TrimSuffix(at.Value, "pt"), 64); err == nil {
						half := int(2 * n)
						s.size = &half
					}
				}
			}
			r.ground(s, e)
		}
	case "style:paragraph-properties", "style:table-cell-properties", "style:table-row-properties", "style:table-properties", "style:graphic-properties":
		if s := r.styles[r.style]; s != nil {
			r.ground(s, e)
		}
	case "text:tracked-changes", "office:forms":
		return false
	case "draw:page":
		r.pages = append(r.pages, &Page{Number: len(r.pages) + 1})
		r.inPage = true
	case "text:p", "text:h", "text:span", "text:a", "table:table", "table:table-cell", "table:table-row", "draw:frame", "draw:custom-shape", "draw:text-box":
		s := &scope{}
		if outer := inside(stack[:len(stack)-1]); outer != nil {
			*s = *outer
		}
		if id := e.attr("style-name"); id != "" {
			s.props = r.styleOf(id).over(s.props)
		}
		if e.Name.Space == "draw" || r.inPage { // whose ground is not known
			s.ground = &yes
		}
		if e.attr("display") == "none" {
			s.vanish = &yes
		}
		e.mark = s
	case "text:hidden-text", "text:hidden-paragraph":
		r.d.extend(r.page(), Run{Text: e.attr("string-value"), Hidden: HiddenMarked})
	case "text:s":
		n, err := strconv.Atoi(e.attr("c"))
		if err != nil {
			n = 1
		}
		r.text(stack, strings.Repeat(" ", max(0, min(n, 1000))))
	case "text:tab":
		r.text(stack, "\t")
	case "text:line-break":
		r.text(stack, "\n")
	case "draw:image":
		r.image(e.attr("href"))
	}
	return true
}

func (r *odfReader) ground(s *docxStyle, e *element) {
	for _, at := range e.Attr {
		if at.Name.Local == "background-color" || at.Name.Local == "fill-color" {
			v := at.Value != "transparent" && !isWhite(at.Value)
			s.ground = &v
		}
	}
}

func (r *odfReader) text(stack []element, s string) {
	sc := inside(stack)
	if sc == nil {
		return
	}
	for i := len(stack) - 1; i >= 0; i-- {
		if n := stack[i].Name; n.Space == "text" && (n.Local == "p" || n.Local == "h") {
			r.d.extend(r.page(), Run{Text: s, Hidden: sc.hidden()})
			return
		}
	}
}

func (r *odfReader) close(stack []element) {
	switch e := &stack[len(stack)-1]; e.Name.Space + ":" + e.Name.Local {
	case "text:p", "text:h":
		r.d.extend(r.page(), Run{Text: "\n"})
	case "draw:page":
		r.inPage = false
	case "style:style":
		r.style = ""
	}
}

// image adds a picture of the archive; others are outside of the file and are not fetched.
func (r *odfReader) image(href string) {
	name := strings.TrimPrefix(path.Clean("/"+href), "/")
	f := r.a.find(name)
	if f == nil || r.seen[name] {
		return
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[name] = true
	if isPictureName(name) {
		r.d.addPicture(r.page(), r.d.entry(r.a, f))
	} else {
		r.d.note("%s is in no picture format that is read", path.Base(name))
	}
}
