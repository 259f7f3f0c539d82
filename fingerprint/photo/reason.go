package photo

import (
	"fmt"

	"selvage/fingerprint"
)

var formWords = [8]string{
	fingerprint.Identity:   "copy",
	fingerprint.Rotate90:   "copy turned a quarter anticlockwise",
	fingerprint.Rotate180:  "copy turned upside down",
	fingerprint.Rotate270:  "copy turned a quarter clockwise",
	fingerprint.FlipX:      "copy mirrored top to bottom",
	fingerprint.FlipY:      "mirrored copy",
	fingerprint.FlipPlus1:  "copy mirrored along the diagonal",
	fingerprint.FlipMinus1: "copy mirrored along the other diagonal",
}

// Reason says in one plain sentence what the comparison found, without a full stop. It
// calls a copy only what reaches ActThreshold.
func (c Comparison) Reason() string {
	if c.SamePixels {
		return "identical: the decoded pictures are equal to the last pixel"
	}
	if !c.Found {
		return "nothing to compare: one of the pictures holds too little information"
	}
	what := formWords[c.Form&7]
	if c.Probability() < ActThreshold {
		what = "alike, not proved to be a copy"
		if c.Form != fingerprint.Identity {
			what += fmt.Sprintf(" (compared under %s)", c.Form)
		}
	}
	if c.Negative {
		what += " with inverted tones"
	}
	where := ""
	switch {
	case c.QueryView == fingerprint.Box && c.RefView == fingerprint.Box:
		where = "inside the content boxes of both, "
	case c.QueryView == fingerprint.Frame && c.RefView == fingerprint.Box:
		where = "after cutting the borders of both, "
	case c.QueryView == fingerprint.Box || c.QueryView == fingerprint.Frame:
		where = "after cutting the border of the query, "
	case c.RefView == fingerprint.Box:
		where = "after cutting the border of the registered picture, "
	}
	return fmt.Sprintf("%s: %s%d of 256 PDQ bits agree and the aligned pictures correlate %.2f", what, where, 256-c.PDQ, c.NCC)
}

// Regions returns what was compared as corner points x, y in pixels of the oriented
// pictures: the view of the query clockwise from its upper left corner, and the
// corner of the registered picture's view that each of them shows.
func (c Comparison) Regions(query, ref *fingerprint.Result) (q, r [4][2]float64) {
	a, b := viewRect(query, c.QueryView), viewRect(ref, c.RefView)
	s := symmetries[c.Form&7]
	for i, p := range [4][2]int{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
		q[i] = corner(a, p[0], p[1])
		y, x := s.at(p[1], p[0], 2)
		r[i] = corner(b, x, y)
	}
	return q, r
}

func viewRect(r *fingerprint.Result, v fingerprint.View) fingerprint.Rect {
	switch v {
	case fingerprint.Box:
		return r.Box
	case fingerprint.Frame:
		return r.Frame
	}
	return fingerprint.Rect{X1: r.Width, Y1: r.Height}
}

// corner of r on the left (x 0) or right, at the top (y 0) or bottom.
func corner(r fingerprint.Rect, x, y int) [2]float64 {
	return [2]float64{float64(r.X0 + x*r.W()), float64(r.Y0 + y*r.H())}
}
