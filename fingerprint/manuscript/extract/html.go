package extract

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/encoding/htmlindex"

	"selvage/fingerprint/decode"
)

// breaks are the elements that begin and end a line; voids have no end tag; mute hold no text of
// the page.
var (
	breaks = atoms(atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Br, atom.Dd, atom.Div, atom.Dl, atom.Dt,
		atom.Figcaption, atom.Figure, atom.Footer, atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
		atom.Header, atom.Hr, atom.Li, atom.Main, atom.Nav, atom.Ol, atom.P, atom.Pre, atom.Section, atom.Table,
		atom.Td, atom.Th, atom.Title, atom.Tr, atom.Ul)
	voids = atoms(atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link,
		atom.Meta, atom.Param, atom.Source, atom.Track, atom.Wbr)
	mute = atoms(atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Iframe, atom.Object, atom.Svg)
)

func atoms(list ...atom.Atom) map[atom.Atom]bool {
	m := map[atom.Atom]bool{}
	for _, a := range list {
		m[a] = true
	}
	return m
}

// tag is an open element.
type tag struct {
	name   string
	hidden Hidden
	mute   bool
}

// readHTML reads the tokens of a page; nothing is laid out, no style sheet applied and nothing
// fetched.
func (d *Document) readHTML(ctx context.Context, data []byte) error {
	d.Pages = make([]Page, 1)
	p := &d.Pages[0]
	z := html.NewTokenizer(bytes.NewReader(htmlToUTF8(data)))
	z.SetMaxBuf(16 << 20)
	var stack []tag
	blank := true // at the beginning of a line
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ended(HTML, ctx)
		}
		var top tag
		if len(stack) > 0 {
			top = stack[len(stack)-1]
		}
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if errors.Is(z.Err(), io.EOF) {
				return nil
			}
			return bad(HTML, TooLarge, "a piece of the page is too long")
		case html.TextToken:
			s := folded(string(z.Text()))
			if blank {
				s = strings.TrimPrefix(s, " ")
			}
			if top.mute || s == "" {
				continue
			}
			d.extend(p, Run{Text: s, Hidden: top.hidden})
			blank = false
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if breaks[t.DataAtom] && !top.mute && !blank {
				d.extend(p, Run{Text: "\n"})
				blank = true
			}
			if t.DataAtom == atom.Img && !top.mute {
				d.dataPicture(p, attribute(t, "src"))
			}
			if voids[t.DataAtom] || kind == html.SelfClosingTagToken {
				continue
			}
			if len(stack) >= d.lim.MaxDepth {
				return bad(HTML, TooLarge, "the page nests elements more than %d deep", d.lim.MaxDepth)
			}
			// An element that is closed by the next of its kind does not nest.
			if k := len(stack) - 1; k >= 0 && stack[k].name == t.Data && (t.DataAtom == atom.P || t.DataAtom == atom.Li ||
				t.DataAtom == atom.Td || t.DataAtom == atom.Tr || t.DataAtom == atom.Dt || t.DataAtom == atom.Dd || t.DataAtom == atom.Option) {
				stack = stack[:k]
				top = tag{}
				if k > 0 {
					top = stack[k-1]
				}
			}
			h := top.hidden
			if h == "" {
				h = hiddenByStyle(t)
			}
			stack = append(stack, tag{t.Data, h, top.mute || mute[t.DataAtom]})
		case html.EndTagToken:
			t := z.Token()
			for k := len(stack) - 1; k >= 0; k-- {
				if stack[k].name == t.Data {
					stack = stack[:k]
					break
				}
			}
			if breaks[t.DataAtom] && !top.mute && !blank {
				d.extend(p, Run{Text: "\n"})
				blank = true
			}
		}
	}
}

// isHTMLSpace is ASCII white space, which HTML folds; others are text.
func isHTMLSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' }

func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// hiddenByStyle judges an element by its own attributes.
func hiddenByStyle(t html.Token) Hidden {
	for _, a := range t.Attr {
		if a.Key == "hidden" {
			return HiddenMarked
		}
	}
	return hiddenStyle(attribute(t, "style"))
}

// hiddenStyle judges a list of CSS declarations.
func hiddenStyle(style string) Hidden {
	var h Hidden
	white, ground := false, false
	for _, decl := range strings.Split(strings.ToLower(style), ";") {
		name, value, _ := strings.Cut(decl, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case name == "display" && value == "none", name == "visibility" && value == "hidden":
			h = HiddenMarked
		case name == "opacity" && isZero(value):
			h = HiddenColour
		case name == "font-size" && isZero(strings.TrimRight(value, "pxtemr%")):
			h = HiddenSize
		case name == "color" || name == "fill":
			white = value == "white" || value == "transparent" || isWhite(value) || value == "#fff"
		case strings.HasPrefix(name, "background"):
			ground = true
		}
	}
	if h == "" && white && !ground {
		h = HiddenColour
	}
	return h
}

func isZero(s string) bool { return s != "" && strings.Trim(s, "0.") == "" }

// dataPicture adds a picture that is written into the file as a data URL (RFC 2397).
func (d *Document) dataPicture(p *Page, src string) {
	head, body, ok := strings.Cut(src, ",")
	if !ok || !strings.HasPrefix(head, "data:") {
		if src != "" {
			d.note("pictures outside of the file were not fetched")
		}
		return
	}
	isBase64 := strings.HasSuffix(head, ";base64")
	d.addPicture(p, d.encoded("data URL", func() ([]byte, error) {
		if !isBase64 {
			s, err := url.PathUnescape(body)
			return []byte(s), err
		}
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
		if err != nil {
			return nil, bad("", decode.Corrupt, "the picture's data URL is damaged")
		}
		return b, nil
	}))
}

// htmlToUTF8 decodes a page by its byte order mark, its meta element, or as text is decoded.
func htmlToUTF8(data []byte) []byte {
	if s, _, ok := toUTF8(data, false); ok {
		return []byte(s)
	}
	head := strings.ToLower(string(data[:min(len(data), 1024)]))
	if _, label, ok := strings.Cut(head, "charset="); ok {
		label = strings.TrimLeft(label, `"' `)
		if i := strings.IndexAny(label, `"' >;/`); i >= 0 {
			label = label[:i]
		}
		if e, err := htmlindex.Get(label); err == nil {
			if b, err := e.NewDecoder().Bytes(data); err == nil {
				return b
			}
		}
	}
	return bytes.ToValidUTF8(data, []byte("\ufffd"))
}
