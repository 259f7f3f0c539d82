package page

import (
	"slices"

	"selvage/fingerprint/local"
)

// What a drawing looks like, in a grey picture of some hundred pixels. The figures are of 1,050
// registered pictures of the development set of photos, of which 500 are clothes and 170 natural,
// and of 61 drawings of that of manuscripts.
const (
	leastPaper  = .4  // share of the picture that is of about its commonest tone
	flatStep    = 3   // grey levels between the neighbours of a pixel up to which there is no slope
	strokeStep  = 24  // and from which on it lies at the side of a stroke
	leastStroke = .01 // share of the picture that lies there
	mostStroke  = .25
	strokeReach = 2   // pixels about the side of a stroke that still belong to it
	longStroke  = 8   // this part of the longer side is a long stroke; a letter is none
	leastLong   = .3  // share of all strokes; pages of text have .17 at most, 19 of 20 drawings .4
	toneBins    = 64  // of the grey levels of plain areas
	plainTones  = 8   // so many of them may be plain areas of their own
	leastPlain  = .7  // share of all areas off the ground: the rest are soft changes of tone
	leastAreas  = .01 // share of the picture from which on that is looked at
)

// How much tone a drawing may have: pixels for each one at the side of a stroke. A shaded,
// photographed or woven thing has more: of the 500 clothes, on any ground, none has less than
// .027, and one in twenty less than .16.
const (
	PlainTone = .05 // of a picture as it was drawn
	WornTone  = .15 // of one that was compressed or scanned since
)

// IsDrawing reports whether a picture is a drawing: long strokes and plain areas on a ground of one
// tone, dark or light, with nothing shaded beside the ground. A picture of a thing is none, on
// however white a ground, and neither is a page of text, a textile, or a drawing with soft shadows.
func IsDrawing(g *local.Gray, tone float64) bool {
	if min(g.W, g.H) <= 2*strokeReach {
		return false
	}
	var hist [256]int
	for _, p := range g.Pix {
		hist[p]++
	}
	from, paper := commonest(&hist)
	if float64(paper) < leastPaper*float64(len(g.Pix)) {
		return false
	}
	slopes, strokes := slopesOf(g)
	if s := float64(strokes) / float64(len(g.Pix)); s < leastStroke || s > mostStroke {
		return false
	}
	var areas [toneBins]int
	left := int(tone * float64(strokes)) // pixels that may still be shaded: a slope off the ground, away from strokes
	for y := strokeReach; y < g.H-strokeReach; y++ {
		for x := strokeReach; x < g.W-strokeReach; x++ {
			i := y*g.W + x
			if p := int(g.Pix[i]); slopes[i] == steep || p >= from && p < from+groundLevels {
				continue
			}
			switch {
			case slopes[i] == level:
				areas[int(g.Pix[i])*toneBins/256]++
			case !atStroke(slopes, g.W, i):
				if left--; left < 0 {
					return false
				}
			}
		}
	}
	return plain(areas, len(g.Pix)) && float64(longStrokes(slopes, g.W, g.H)) >= leastLong*float64(strokes)
}

// plain reports whether areas off the ground, by their tones, are of few tones, in a picture of so
// many pixels.
func plain(areas [toneBins]int, pixels int) bool {
	all := 0
	for _, n := range areas {
		all += n
	}
	slices.SortFunc(areas[:], func(a, b int) int { return b - a })
	most := 0
	for _, n := range areas[:plainTones] {
		most += n
	}
	return float64(all) < leastAreas*float64(pixels) || float64(most) >= leastPlain*float64(all)
}

// slope says how the tone changes about a pixel.
type slope uint8

const (
	level slope = iota
	gentle
	steep // the side of a stroke
	walked
)

// slopesOf is the slope of every pixel, and how many are steep.
func slopesOf(g *local.Gray) (out []slope, steeps int) {
	out = make([]slope, len(g.Pix))
	for y := 1; y < g.H-1; y++ {
		above, row, below := g.Pix[(y-1)*g.W:][:g.W], g.Pix[y*g.W:][:g.W], g.Pix[(y+1)*g.W:][:g.W]
		to := out[y*g.W:][:g.W]
		for x := 1; x < len(row)-1; x++ {
			dx, dy := int(row[x+1])-int(row[x-1]), int(below[x])-int(above[x])
			switch d := max(dx, -dx, dy, -dy); {
			case d >= strokeStep:
				to[x] = steep
				steeps++
			case d > flatStep:
				to[x] = gentle
			}
		}
	}
	return out, steeps
}

// atStroke reports whether a steep pixel is within reach of the i-th, which is not at the rim.
func atStroke(slopes []slope, w, i int) bool {
	for dy := -strokeReach; dy <= strokeReach; dy++ {
		if slices.Contains(slopes[i+dy*w-strokeReach:i+dy*w+strokeReach+1], steep) {
			return true
		}
	}
	return false
}

// longStrokes is how many steep pixels belong to a stroke that is long. It marks those it has walked.
func longStrokes(slopes []slope, w, h int) (pixels int) {
	var stack []int
	for i, s := range slopes {
		if s != steep {
			continue
		}
		n := 0
		x0, y0, x1, y1 := w, h, 0, 0
		slopes[i] = walked
		for stack = append(stack[:0], i); len(stack) > 0; {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			n++
			x, y := at%w, at/w
			x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
			// No steep pixel lies at the rim.
			for _, to := range [8]int{at - w - 1, at - w, at - w + 1, at - 1, at + 1, at + w - 1, at + w, at + w + 1} {
				if slopes[to] == steep {
					slopes[to] = walked
					stack = append(stack, to)
				}
			}
		}
		if longStroke*max(x1-x0, y1-y0) >= max(w, h) {
			pixels += n
		}
	}
	return pixels
}
