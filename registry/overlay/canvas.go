package overlay

import (
	"image"
	"image/color"
	"math"
)

// canvas is a picture to draw on. Edges are smoothed by the part of a pixel that a shape
// covers, to the nearest 1/255.
type canvas struct{ *image.RGBA }

// blend lays a colour over a pixel.
func (c *canvas) blend(x, y int, col color.RGBA, cover float64) {
	if cover <= 0 || !(image.Point{X: x, Y: y}.In(c.Rect)) {
		return
	}
	a := int(min(cover, 1)*255 + .5)
	p := c.Pix[c.PixOffset(x, y):][:4]
	for i, v := range [3]uint8{col.R, col.G, col.B} {
		p[i] = uint8((int(p[i])*(255-a) + int(v)*a + 127) / 255)
	}
}

// line draws the part of a straight line that lies within a rectangle.
func (c *canvas) line(a, b [2]float64, wide float64, col color.RGBA, within image.Rectangle) {
	box := image.Rect(
		int(math.Floor(min(a[0], b[0])-wide)), int(math.Floor(min(a[1], b[1])-wide)),
		int(math.Ceil(max(a[0], b[0])+wide))+1, int(math.Ceil(max(a[1], b[1])+wide))+1,
	).Intersect(within)
	dx, dy := b[0]-a[0], b[1]-a[1]
	for y := box.Min.Y; y < box.Max.Y; y++ {
		from, to := box.Min.X, box.Max.X
		if math.Abs(dy) > 1 { // a steep line is near few pixels of a row
			mid, reach := a[0]+(float64(y)+.5-a[1])*dx/dy, (wide+1)*math.Hypot(dx, dy)/math.Abs(dy)
			from, to = max(from, int(max(mid-reach, -1e9))), min(to, int(min(mid+reach, 1e9))+2)
		}
		for x := from; x < to; x++ {
			d := fromSegment([2]float64{float64(x) + .5, float64(y) + .5}, a, b)
			c.blend(x, y, col, wide/2+.5-d)
		}
	}
}

// fromSegment is the distance of a point from a segment.
func fromSegment(p, a, b [2]float64) float64 {
	dx, dy := b[0]-a[0], b[1]-a[1]
	t := 0.0
	if n := dx*dx + dy*dy; n > 0 {
		t = min(max(((p[0]-a[0])*dx+(p[1]-a[1])*dy)/n, 0), 1)
	}
	return math.Hypot(p[0]-a[0]-t*dx, p[1]-a[1]-t*dy)
}

func (c *canvas) disc(at [2]float64, r float64, col color.RGBA) {
	for y := int(at[1] - r - 1); y <= int(at[1]+r+1); y++ {
		for x := int(at[0] - r - 1); x <= int(at[0]+r+1); x++ {
			c.blend(x, y, col, r+.5-math.Hypot(float64(x)+.5-at[0], float64(y)+.5-at[1]))
		}
	}
}

// pill draws a rectangle with round ends.
func (c *canvas) pill(r image.Rectangle, col color.RGBA) {
	half := float64(r.Dy()) / 2
	a := [2]float64{float64(r.Min.X) + half, float64(r.Min.Y) + half}
	b := [2]float64{float64(r.Max.X) - half, float64(r.Min.Y) + half}
	c.line(a, b, 2*half-1, col, r)
}
