package extract

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"

	"golang.org/x/text/encoding/htmlindex"

	"selvage/fingerprint/decode"
)

// element is an open XML element; what a format keeps of it is in mark.
type element struct {
	xml.StartElement
	mark any
}

// attr is the value of an attribute by its local name, "" where there is none. Names of one
// element that differ in their space only do not occur in the formats read here.
func (e *element) attr(local string) string {
	for _, a := range e.Attr {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// handler is told what an XML file holds, in its order.
type handler struct {
	// open is called for each element with those around it, itself last. False leaves out the
	// element with all that it holds, close included.
	open  func(stack []element) bool
	text  func(stack []element, s string)
	close func(stack []element) // before the element leaves the stack
}

// walkXML reads XML. There are no external entities, and those that a file defines are not
// known: strict files that name one are damaged; in lenient ones, SVG, they stay as they are.
func walkXML(ctx context.Context, format Format, data []byte, depth int, lenient bool, h handler) error {
	if s, enc, ok := toUTF8(data, false); ok && enc != "utf-8" {
		data = []byte(s)
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict = !lenient
	d.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		e, err := htmlindex.Get(label)
		if err != nil {
			return nil, err
		}
		if name, _ := htmlindex.Name(e); name == "utf-16le" || name == "utf-16be" {
			return r, nil // done above
		}
		return e.NewDecoder().Reader(r), nil
	}
	var stack []element
	skip := 0
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ended(format, ctx)
		}
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if len(stack) > 0 || skip > 0 {
				return bad(format, decode.Truncated, "the document ends too early: it was cut, upload it again")
			}
			return nil
		}
		if err != nil {
			e := bad(format, decode.Corrupt, "the document is damaged, or names an entity that it would fetch or expand")
			e.Err = err
			return e
		}
		switch t := t.(type) {
		case xml.StartElement:
			if len(stack)+skip >= depth {
				return bad(format, TooLarge, "the document nests elements more than %d deep", depth)
			}
			if skip > 0 {
				skip++
				continue
			}
			stack = append(stack, element{StartElement: t.Copy()})
			if h.open != nil && !h.open(stack) {
				stack = stack[:len(stack)-1]
				skip = 1
			}
		case xml.EndElement:
			if skip > 0 {
				skip--
				continue
			}
			if len(stack) == 0 || stack[len(stack)-1].Name != t.Name {
				if lenient {
					continue
				}
				return bad(format, decode.Corrupt, "the document closes an element that is not open")
			}
			if h.close != nil {
				h.close(stack)
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if skip == 0 && len(stack) > 0 {
				h.text(stack, string(t))
			}
		}
	}
}

// on reports whether an OOXML switch is on: there, and not turned off.
func on(value string) bool {
	return value != "0" && value != "false" && value != "off" && value != "none"
}
