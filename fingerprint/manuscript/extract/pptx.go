package extract

import (
	"context"
	"path"
	"strings"
)

// relation is one line of an OOXML relationships part.
type relation struct{ kind, target string }

// relations reads the relationships of a part by their identifiers; those that lead out of the
// file are left out.
func (d *Document) relations(ctx context.Context, a *archive, part string) (map[string]relation, error) {
	data, err := a.xml(path.Join(path.Dir(part), "_rels", path.Base(part)+".rels"))
	if err != nil || data == nil {
		return nil, err
	}
	out := map[string]relation{}
	err = walkXML(ctx, a.format, data, d.lim.MaxDepth, false, handler{
		open: func(stack []element) bool {
			e := &stack[len(stack)-1]
			if e.Name.Local == "Relationship" && e.attr("TargetMode") != "External" {
				target := e.attr("Target")
				if !strings.HasPrefix(target, "/") {
					target = path.Join("/", path.Dir(part), target)
				}
				out[e.attr("Id")] = relation{path.Base(e.attr("Type")), strings.TrimPrefix(path.Clean(target), "/")}
			}
			return true
		},
		text: func([]element, string) {},
	})
	return out, err
}

// readPPTX reads slides in the order of the show.
func (d *Document) readPPTX(ctx context.Context, a *archive) error {
	const main = "ppt/presentation.xml"
	rels, err := d.relations(ctx, a, main)
	if err != nil {
		return err
	}
	data, err := a.xml(main)
	if err != nil {
		return err
	}
	var slides []string
	err = walkXML(ctx, PPTX, data, d.lim.MaxDepth, false, handler{
		open: func(stack []element) bool {
			e := &stack[len(stack)-1]
			if e.Name.Local == "sldId" {
				for _, at := range e.Attr { // r:id; the other attribute is id too
					if r, ok := rels[at.Value]; ok && at.Name.Space != "" && r.kind == "slide" {
						slides = append(slides, r.target)
					}
				}
			}
			return true
		},
		text: func([]element, string) {},
	})
	if err != nil {
		return err
	}
	d.PageCount = len(slides)
	for i, name := range slides {
		if i == d.lim.MaxPages {
			d.note("only the first %d of %d pages were read", i, len(slides))
			break
		}
		d.Pages = append(d.Pages, Page{Number: i + 1})
		if err := d.readSlide(ctx, a, name, &d.Pages[i]); err != nil {
			return err
		}
	}
	if len(slides) == 0 {
		return bad(PPTX, NoPages, "the presentation has no slides")
	}
	return nil
}

// readSlide reads the text and pictures of a slide, and what its speaker's notes say.
func (d *Document) readSlide(ctx context.Context, a *archive, name string, p *Page) error {
	hidden, err := d.readDrawing(ctx, a, name, p, "")
	if err != nil {
		return err
	}
	if hidden {
		for i := range p.Runs {
			p.Runs[i].Hidden = HiddenMarked
		}
		d.note("slide %d is not shown", p.Number)
	}
	rels, err := d.relations(ctx, a, name)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, id := range sortedKeys(rels) {
		r := rels[id]
		f := a.find(r.target)
		switch {
		case f == nil || seen[r.target]:
		case r.kind == "image" && isPictureName(r.target):
			d.addPicture(p, d.entry(a, f))
		case r.kind == "image":
			d.note("%s is in no picture format that is read", path.Base(r.target))
		case r.kind == "notesSlide":
			if _, err := d.readDrawing(ctx, a, r.target, p, HiddenMarked); err != nil {
				return err
			}
		}
		seen[r.target] = true
	}
	return nil
}

// readDrawing reads the text of DrawingML (ECMA-376, part 1, 21.1.2). notShown reports whether
// the slide is left out of the show.
func (d *Document) readDrawing(ctx context.Context, a *archive, name string, p *Page, mark Hidden) (notShown bool, err error) {
	data, err := a.xml(name)
	if err != nil || data == nil {
		return false, err
	}
	add := func(s string, h Hidden) { d.extend(p, Run{Text: s, Hidden: h}) }
	err = walkXML(ctx, PPTX, data, d.lim.MaxDepth, false, handler{
		open: func(stack []element) bool {
			switch e := &stack[len(stack)-1]; e.Name.Local {
			case "sld":
				notShown = e.attr("show") != "" && !on(e.attr("show"))
			case "Fallback":
				return false
			case "br":
				add("\n", mark)
			case "tab":
				add("\t", mark)
			}
			return true
		},
		text: func(stack []element, s string) {
			if stack[len(stack)-1].Name.Local == "t" {
				add(s, mark)
			}
		},
		close: func(stack []element) {
			if e := &stack[len(stack)-1]; e.Name.Local == "p" && e.Name.Space == "a" {
				add("\n", "")
			}
		},
	})
	return notShown, err
}
