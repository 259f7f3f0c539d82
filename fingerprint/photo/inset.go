package photo

import (
	"cmp"
	"slices"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
)

// A picture pasted into another, or standing in a collage or on a page, ends in four
// straight edges along the axes. What such a rectangle surrounds is hashed like a picture
// of its own: small drawings have too few local features to be found by them.

const (
	maxInsets = 4 // rectangles that are looked into

	insetStep    = 12  // grey levels that an edge changes by at least
	insetShare   = 9   // the sides of an inset are at least this part of the picture's longer side
	insetLines   = 28  // lines of each direction that are combined
	insetMiss    = 3   // what a pixel of a line without an edge takes away, where one with an edge gives 2
	insetSide    = .55 // share of a side that must be an edge
	insetSides   = .8  // the same of all sides together, on average
	insetOpen    = .25 // what one side, where the grounds are alike, needs at least
	insetOverlap = .7  // rectangles that share more of their union than this are one
)

// line is a straight edge between two rows or columns of pixels, at place, along from..to.
type line struct {
	at, from, to int
	score        int
}

// edgeMap marks the pixels of one direction where the picture changes most: edges between
// a column (row) and the one before.
type edgeMap struct {
	n, length int     // lines, and pixels of a line
	sum       []int32 // by line: how many marks there are before each pixel
}

func (e *edgeMap) count(at, from, to int) int {
	if at <= 0 || at >= e.n {
		return to - from // the border of the picture
	}
	row := e.sum[at*(e.length+1):]
	return int(row[to] - row[from])
}

// newEdgeMap looks for edges between each of n rows of pixels and the row before.
func newEdgeMap(pix []uint8, n, length int) *edgeMap {
	e := &edgeMap{n: n, length: length, sum: make([]int32, n*(length+1))}
	before, here, after := make([]uint8, length), make([]uint8, length), make([]uint8, length)
	steps := func(to []uint8, at int) {
		if at == n {
			clear(to)
			return
		}
		a, b := pix[(at-1)*length:][:length], pix[at*length:][:length]
		for i, v := range b {
			to[i] = max(v, a[i]) - min(v, a[i])
		}
	}
	steps(here, 1)
	for at := 1; at < n; at++ {
		steps(after, at+1)
		row := e.sum[at*(length+1)+1:][:length]
		var sum int32
		for i, d := range here {
			if d >= insetStep && d >= before[i] && d >= after[i] {
				sum++
			}
			row[i] = sum
		}
		before, here, after = here, after, before
	}
	return e
}

// turned exchanges rows and columns.
func turned(g *local.Gray) []uint8 {
	out := make([]uint8, len(g.Pix))
	for y := range g.H {
		for x, v := range g.Pix[y*g.W:][:g.W] {
			out[x*g.H+y] = v
		}
	}
	return out
}

// lines are the longest straight edges, at most one a line, and the picture's borders.
func (e *edgeMap) lines(least int) []line {
	var all []line
	for at := 2; at < e.n-1; at++ {
		row := e.sum[at*(e.length+1):][:e.length+1]
		// A line has more edges than what is beside it.
		beside := (e.sum[(at-1)*(e.length+1)-1] + e.sum[min(at+3, e.n)*(e.length+1)-1]) / 2
		if int(row[e.length]-beside) < least/2 {
			continue
		}
		best, run, from := line{at: at}, 0, 0
		for i, sum := range row[1:] {
			if sum > row[i] {
				run += 2
			} else {
				run -= insetMiss
			}
			if run <= 0 {
				run, from = 0, i+1
			}
			if run > best.score {
				best.score, best.from, best.to = run, from, i+1
			}
		}
		if best.to-best.from >= least {
			all = append(all, best)
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return cmp.Compare(b.score, a.score) })
	var kept []line
	for _, l := range all {
		if len(kept) == insetLines {
			break
		}
		if !slices.ContainsFunc(kept, func(k line) bool {
			return k.at-l.at <= 1 && l.at-k.at <= 1 && min(k.to, l.to)-max(k.from, l.from) > 0
		}) {
			kept = append(kept, l)
		}
	}
	return append(kept, line{0, 0, e.length, 0}, line{e.n, 0, e.length, 0})
}

// insets finds up to maxInsets rectangles that straight edges surround, in pixels of g, the
// surest first.
func insets(g *local.Gray) []fingerprint.Rect {
	least := max(g.W, g.H) / insetShare
	if least < minContent || min(g.W, g.H) < 2*minContent {
		return nil
	}
	columns, rows := newEdgeMap(turned(g), g.W, g.H), newEdgeMap(g.Pix, g.H, g.W)
	across, down := rows.lines(least), columns.lines(least)
	byPlace := func(a, b line) int { return cmp.Compare(a.at, b.at) }
	slices.SortFunc(across, byPlace)
	slices.SortFunc(down, byPlace)
	type found struct {
		r     fingerprint.Rect
		score int
	}
	var all []found
	for i, l := range down {
		for _, r := range down[i+1:] {
			w := r.at - l.at
			if w < least {
				continue
			}
			for j, t := range across {
				if outside := t.from > l.at+w/3 || t.to < r.at-w/3; outside {
					continue
				}
				for _, b := range across[j+1:] {
					h := b.at - t.at
					if h < least || b.from > l.at+w/3 || b.to < r.at-w/3 || w == g.W && h == g.H {
						continue
					}
					n := [4]int{columns.count(l.at, t.at, b.at), columns.count(r.at, t.at, b.at), rows.count(t.at, l.at, r.at), rows.count(b.at, l.at, r.at)}
					share := [4]float64{float64(n[0]) / float64(h), float64(n[1]) / float64(h), float64(n[2]) / float64(w), float64(n[3]) / float64(w)}
					weak, sum := 0, 0.
					for _, s := range share {
						if s < insetSide {
							weak++
						}
						sum += s
					}
					if weak > 1 || slices.Min(share[:]) < insetOpen || sum < 4*insetSides {
						continue
					}
					// The border of the picture is no evidence.
					score := 0
					for k, at := range [4]int{l.at, r.at, t.at, b.at} {
						if n, side := n[k], [4]int{h, h, w, w}[k]; at != 0 && at != [4]int{g.W, g.W, g.H, g.H}[k] {
							score += 2*n - insetMiss*(side-n)
						}
					}
					if score <= 0 {
						continue
					}
					all = append(all, found{fingerprint.Rect{X0: l.at, Y0: t.at, X1: r.at, Y1: b.at}, score})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b.score, a.score) })
	var out []fingerprint.Rect
	for _, f := range all {
		if len(out) == maxInsets {
			break
		}
		if !slices.ContainsFunc(out, func(o fingerprint.Rect) bool { return sameRect(o, f.r) }) {
			out = append(out, f.r)
		}
	}
	return out
}

func sameRect(a, b fingerprint.Rect) bool {
	both := fingerprint.Rect{X0: max(a.X0, b.X0), Y0: max(a.Y0, b.Y0), X1: min(a.X1, b.X1), Y1: min(a.Y1, b.Y1)}
	if both.Empty() {
		return false
	}
	n := both.W() * both.H()
	return float64(n) > insetOverlap*float64(a.W()*a.H()+b.W()*b.H()-n)
}
