// Package overlay draws an explanation of a match: the query and the registered picture
// side by side, the regions that correspond outlined in both, their corners numbered alike,
// and what was found in words below. Use [Sheet.Encode].
//
// It knows nothing of works, owners or storage: whoever fills a [Sheet] decides what may be
// seen. The same sheet gives the same picture; text is set in the Go fonts, which come with
// the program. What is drawn is bounded, whatever the polygons: memory and time depend on
// the size of the two small pictures only.
package overlay

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/draw"
)

// Sheet is all that one picture shows.
type Sheet struct {
	Query, Ref Panel
	Regions    []Region
	Verdict    string // one word
	Alarm      bool   // the verdict is one to act upon
	Sure       string // beside the verdict: how sure
	Lines      []string
	Small      string // the last line of the words, in grey: what the sheet belongs to
	Rows       []Row  // frames of two videos, below the words
}

// Panel is one side.
type Panel struct {
	Caption string
	// Picture is the picture at any size; nil draws a neutral frame with the sentence Why.
	Picture image.Image
	Why     string
	// Width and Height are those of the picture in whose pixels regions are given. Where
	// they are 0, the frame is as large as the regions.
	Width, Height int
}

// Region is one region in both pictures; corner i of one is corner i of the other.
type Region struct{ Query, Ref [][2]float64 }

const (
	side    = 600 // of a panel, at most
	margin  = 28
	gap     = 44
	caption = 44  // above a panel
	least   = 820 // width of a sheet
	radius  = 11  // of a corner's disc

	maxRegions = 40 // drawn; a collage of more is a picture of nothing
	maxCorners = 64 // of a region
)

var (
	paper   = color.RGBA{255, 255, 255, 255}
	ink     = color.RGBA{26, 26, 26, 255}
	grey    = color.RGBA{110, 110, 110, 255}
	neutral = color.RGBA{232, 232, 232, 255}
	hatch   = color.RGBA{218, 218, 218, 255}
	red     = color.RGBA{178, 34, 34, 255}
	calm    = color.RGBA{70, 90, 110, 255}

	// Told apart by colour-blind people too (Okabe and Ito, 2008).
	palette = []color.RGBA{{213, 94, 0, 255}, {0, 114, 178, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255}}
)

// Encode draws the sheet and writes it as a PNG.
func (s Sheet) Encode(w io.Writer) error {
	img, err := s.Draw()
	if err != nil {
		return err
	}
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(w, img); err != nil {
		return fmt.Errorf("overlay: %w", err)
	}
	return nil
}

// Draw draws the sheet.
func (s Sheet) Draw() (*image.RGBA, error) {
	t, err := newType()
	if err != nil {
		return nil, fmt.Errorf("overlay: %w", err)
	}
	defer t.close()
	s.Query, s.Ref = s.Query.fit(s.polygons(false)), s.Ref.fit(s.polygons(true))
	q, r := s.Query.scaled(side), s.Ref.scaled(side)
	column := max(r.X, s.Ref.words(t)) // of the registered picture
	width := max(least, 2*margin+max(q.X, s.Query.words(t))+gap+column)
	legend := append(s.legend(t, width-2*margin), s.rows(t, width-2*margin)...)
	top := margin + caption
	under := top + max(q.Y, r.Y) + 28
	if s.Query.Picture == nil || s.Ref.Picture == nil {
		under += 20
	}
	c := &canvas{image.NewRGBA(image.Rect(0, 0, width, under+height(legend)+margin))}
	draw.Draw(c, c.Rect, image.NewUniform(paper), image.Point{}, draw.Src)

	left := image.Rectangle{Min: image.Pt(margin, top)}
	left.Max = left.Min.Add(q)
	right := image.Rectangle{Min: image.Pt(width-margin-column, top)}
	right.Max = right.Min.Add(r)
	s.Query.draw(c, t, left)
	s.Ref.draw(c, t, right)
	s.outline(c, t, left, s.Query, false)
	s.outline(c, t, right, s.Ref, true)
	s.Query.excuse(c, t, left)
	s.Ref.excuse(c, t, right)

	y := under
	for _, l := range legend {
		l.draw(c, margin, y)
		y += l.height
	}
	return c.RGBA, nil
}

// polygons are the drawable polygons of one side.
func (s Sheet) polygons(ref bool) (out [][][2]float64) {
	for _, r := range s.Regions[:min(len(s.Regions), maxRegions)] {
		p := r.Query
		if ref {
			p = r.Ref
		}
		out = append(out, drawable(p)) // nil keeps the numbering of both sides in step
	}
	return out
}

// drawable is as much of a polygon as is drawn.
func drawable(p [][2]float64) [][2]float64 {
	p = p[:min(len(p), maxCorners)]
	for _, c := range p {
		// Beyond this no picture reaches, and coordinates stop being whole numbers.
		if !(math.Abs(c[0]) < 1e7 && math.Abs(c[1]) < 1e7) {
			return nil
		}
	}
	return p
}

// fit gives a panel of unknown size the extent of its regions.
func (p Panel) fit(polygons [][][2]float64) Panel {
	if p.Width > 0 && p.Height > 0 {
		return p
	}
	if p.Picture != nil {
		p.Width, p.Height = p.Picture.Bounds().Dx(), p.Picture.Bounds().Dy()
		return p
	}
	p.Width, p.Height = 1, 1
	for _, poly := range polygons {
		for _, c := range poly {
			p.Width, p.Height = max(p.Width, int(math.Ceil(c[0]))), max(p.Height, int(math.Ceil(c[1])))
		}
	}
	return p
}

// scaled is the size of the panel on the sheet, side at most. A tiny picture is enlarged, so
// that its outline can be seen.
func (p Panel) scaled(side int) image.Point {
	f := float64(side) / float64(max(p.Width, p.Height))
	return image.Pt(max(8, int(f*float64(p.Width)+.5)), max(8, int(f*float64(p.Height)+.5)))
}

// words is the width of what stands above and below a panel.
func (p Panel) words(t *typeset) int {
	w := t.bold.width(p.Caption)
	if p.Picture == nil {
		w = max(w, t.small.width(p.Why))
	}
	return min(w, side)
}

func (p Panel) draw(c *canvas, t *typeset, at image.Rectangle) {
	t.bold.text(c, at.Min.X, at.Min.Y-20, p.Caption, ink)
	p.frame(c, at)
}

// frame draws the picture, or what stands for it, with an edge around it.
func (p Panel) frame(c *canvas, at image.Rectangle) {
	if p.Picture != nil {
		draw.ApproxBiLinear.Scale(c, at, p.Picture, p.Picture.Bounds(), draw.Src, nil)
	} else {
		draw.Draw(c, at, image.NewUniform(neutral), image.Point{}, draw.Src)
		for y := at.Min.Y; y < at.Max.Y; y++ {
			for x := at.Min.X; x < at.Max.X; x++ {
				if (x+y)%14 == 0 {
					c.SetRGBA(x, y, hatch)
				}
			}
		}
	}
	frame := at.Inset(-1)
	for x := frame.Min.X; x < frame.Max.X; x++ {
		c.SetRGBA(x, frame.Min.Y, grey)
		c.SetRGBA(x, frame.Max.Y-1, grey)
	}
	for y := frame.Min.Y; y < frame.Max.Y; y++ {
		c.SetRGBA(frame.Min.X, y, grey)
		c.SetRGBA(frame.Max.X-1, y, grey)
	}
}

// excuse says, below a frame without a picture, why there is none.
func (p Panel) excuse(c *canvas, t *typeset, at image.Rectangle) {
	if p.Picture == nil {
		t.small.text(c, at.Min.X, at.Max.Y+29, p.Why, grey)
	}
}

// outline draws the regions of one side and numbers their corners.
func (s Sheet) outline(c *canvas, t *typeset, at image.Rectangle, p Panel, ref bool) {
	polygons := s.polygons(ref)
	for pass := range 2 { // the light edge of all lines first, so that none hides another
		for i, poly := range polygons {
			if pass == 0 {
				p.stroke(c, at, poly, paper, 6)
			} else {
				p.stroke(c, at, poly, palette[i%len(palette)], 3)
			}
		}
	}
	var taken [][2]float64
	for i, poly := range polygons {
		for j, v := range poly {
			v = p.place(at, v)
			// A corner outside of the picture is marked at its edge.
			v[0] = min(max(v[0], float64(at.Min.X)), float64(at.Max.X))
			v[1] = min(max(v[1], float64(at.Min.Y)), float64(at.Max.Y))
			if crowded(taken, v) {
				c.disc(v, 4, palette[i%len(palette)])
				continue
			}
			taken = append(taken, v)
			name := fmt.Sprint(j + 1)
			if len(polygons) > 1 {
				name = letters(i) + name
			}
			t.badge(c, v, name, palette[i%len(palette)])
		}
	}
}

// place is where a point of the picture is on the sheet.
func (p Panel) place(at image.Rectangle, v [2]float64) [2]float64 {
	fx, fy := float64(at.Dx())/float64(p.Width), float64(at.Dy())/float64(p.Height)
	return [2]float64{float64(at.Min.X) + v[0]*fx, float64(at.Min.Y) + v[1]*fy}
}

// stroke draws a polygon.
func (p Panel) stroke(c *canvas, at image.Rectangle, poly [][2]float64, col color.RGBA, wide float64) {
	for j := range poly {
		c.line(p.place(at, poly[j]), p.place(at, poly[(j+1)%len(poly)]), wide, col, at.Inset(-3))
	}
}

// crowded reports whether a badge at v would cover another.
func crowded(taken [][2]float64, v [2]float64) bool {
	for _, o := range taken {
		if math.Hypot(v[0]-o[0], v[1]-o[1]) < 2*radius {
			return true
		}
	}
	return false
}

// letters names region i: A to Z, AA, AB and so on.
func letters(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return letters(i/26-1) + letters(i%26)
}
