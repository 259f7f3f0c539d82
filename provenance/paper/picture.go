package paper

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"strconv"

	"codeberg.org/go-pdf/fpdf"
	"github.com/skip2/go-qrcode"
	"golang.org/x/image/draw"
)

const (
	maxPixels  = 1000 // of a side as embedded: 300 a inch on 85 mm
	maxRegions = 40   // outlined; a collage of more is a picture of nothing
	maxCorners = 64   // of a region
	leastSide  = 0.4  // millimetres: of a picture that is one pixel high
)

// box is a rectangle on the page, in millimetres.
type box struct{ x, y, w, h float64 }

// shownSize is the size of a picture inside w by h, its proportions kept.
func (p Picture) shownSize(w, h float64) (float64, float64) {
	pw, ph := float64(p.Width), float64(p.Height)
	if p.Image != nil && !p.Image.Bounds().Empty() && (p.Width <= 0 || p.Height <= 0) {
		pw, ph = float64(p.Image.Bounds().Dx()), float64(p.Image.Bounds().Dy())
	}
	if pw <= 0 || ph <= 0 {
		return w, h
	}
	k := min(w/pw, h/ph)
	return min(w, max(leastSide, pw*k)), min(h, max(leastSide, ph*k))
}

// picture draws p at the top left of b, in its proportions, and returns where it is. Where
// there is none, an empty frame says why.
func (s *sheet) picture(p Picture, b box) box {
	b.w, b.h = p.shownSize(b.w, b.h)
	if p.Image == nil || p.Image.Bounds().Empty() {
		s.pdf.SetLineWidth(0.2)
		s.pdf.SetDashPattern([]float64{1.2, 0.9}, 0)
		s.pdf.Rect(b.x, b.y, b.w, b.h, "D")
		s.pdf.SetDashPattern(nil, 0)
		if p.Why != "" && b.w > 15 && b.h > 10 {
			s.textInBox(p.Why, small, box{b.x + 3, b.y + 3, b.w - 6, b.h - 6})
		}
		return b
	}
	name := "picture " + strconv.Itoa(s.images)
	s.images++
	data, err := s.forPrint(p.Image)
	if err != nil {
		s.pdf.SetError(err)
		return b
	}
	opts := fpdf.ImageOptions{ImageType: "JPG"}
	s.pdf.RegisterImageOptionsReader(name, opts, bytes.NewReader(data))
	s.pdf.ImageOptions(name, b.x, b.y, b.w, b.h, false, opts, 0, "")
	s.pdf.SetLineWidth(0.15)
	s.pdf.Rect(b.x, b.y, b.w, b.h, "D")
	return b
}

// textInBox sets what fits; a cut shows.
func (s *sheet) textInBox(text string, st style, b box) {
	for i, l := range s.clip(text, st, b.w, int(b.h/st.leading()+1e-6)) {
		s.draw(l, st, b.x, b.y+st.ascent()+float64(i)*st.leading())
	}
}

// forPrint makes a JPEG of at most maxPixels a side, on white. No two of a document are
// equally wide: fpdf writes pictures in the order of their widths, and equal ones in any.
func (s *sheet) forPrint(m image.Image) ([]byte, error) {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	if longest := max(w, h); longest > maxPixels {
		w, h = max(1, w*maxPixels/longest), max(1, h*maxPixels/longest)
	}
	for step := -1; s.widths[w]; w += step {
		if w == 1 {
			step = 1
		}
	}
	s.widths[w] = true
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	if b.Dx() == w && b.Dy() == h {
		draw.Draw(out, out.Rect, m, b.Min, draw.Over)
	} else {
		draw.CatmullRom.Scale(out, out.Rect, m, b, draw.Over, nil)
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, out, &jpeg.Options{Quality: 92}); err != nil {
		return nil, fmt.Errorf("picture: %w", err)
	}
	return buf.Bytes(), nil
}

// outline draws regions over a picture that stands at b: black on white, so that they show
// on any picture and on any printer, with the region's number at its first corner.
func (s *sheet) outline(p Picture, b box, regions [][][2]float64) {
	w, h := float64(p.Width), float64(p.Height)
	if w <= 0 || h <= 0 {
		return
	}
	s.pdf.ClipRect(b.x, b.y, b.w, b.h, false)
	for i, r := range regions[:min(len(regions), maxRegions)] {
		pts := corners(r, w, h, b)
		if len(pts) < 2 {
			continue
		}
		s.ring(pts, 0.55)
		number := strconv.Itoa(i + 1)
		us := s.units(number, strong)
		// Inside the picture, also where the corner is at its edge.
		bw, bh := us.width()+1.8, 4.2
		x := min(max(pts[0].X, b.x), b.x+b.w-bw)
		y := min(max(pts[0].Y, b.y), b.y+b.h-bh)
		s.pdf.SetFillColor(255, 255, 255)
		s.pdf.SetLineWidth(0.2)
		s.pdf.Rect(x, y, bw, bh, "FD")
		s.pdf.SetFillColor(0, 0, 0)
		s.draw(us, strong, x+0.9, y+3.3)
	}
	s.pdf.ClipEnd()
	s.set = style{} // the end of the clipping brings the old state back
}

// ring draws a closed line, black on white.
func (s *sheet) ring(pts []fpdf.PointType, thick float64) {
	s.pdf.SetLineJoinStyle("round")
	s.pdf.SetDrawColor(255, 255, 255)
	s.pdf.SetLineWidth(thick + 0.75)
	s.pdf.Polygon(pts, "D")
	s.pdf.SetDrawColor(0, 0, 0)
	s.pdf.SetLineWidth(thick)
	s.pdf.Polygon(pts, "D")
}

// corners are those of a polygon on the page. Odd numbers are left out, far ones brought
// near: nothing is drawn outside of the picture anyhow.
func corners(poly [][2]float64, w, h float64, b box) (out []fpdf.PointType) {
	for _, c := range poly[:min(len(poly), maxCorners)] {
		x, y := c[0]/w, c[1]/h
		if math.IsNaN(x) || math.IsNaN(y) {
			continue
		}
		out = append(out, fpdf.PointType{X: b.x + min(max(x, -1), 2)*b.w, Y: b.y + min(max(y, -1), 2)*b.h})
	}
	return out
}

// qr draws a QR code of error correction M with its quiet zone inside the square.
func (s *sheet) qr(text string, x, y, side float64) {
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		s.pdf.SetError(fmt.Errorf("qr code: %w", err))
		return
	}
	bits := code.Bitmap()
	// One path for all, filled at once: no hairlines between neighbours.
	module := side / float64(len(bits)) / mmPerPoint
	x0, y0 := x/mmPerPoint, (pageHeight-y)/mmPerPoint
	var path bytes.Buffer
	path.WriteString("q 0 g\n")
	for row, line := range bits {
		for col := 0; col < len(line); col++ {
			n := col
			for n < len(line) && line[n] {
				n++
			}
			if n > col {
				fmt.Fprintf(&path, "%.3f %.3f %.3f %.3f re\n", x0+float64(col)*module, y0-float64(row+1)*module, float64(n-col)*module, module)
				col = n
			}
		}
	}
	path.WriteString("f Q")
	s.pdf.RawWriteStr(path.String())
}
