package local

import (
	"math"
	"sync"
)

// What pictures are brought to, and how many features are kept of them.
const (
	RefSide       = 512 // longer side of the base of a registered picture
	QuerySide     = 640 // of a query
	RefFeatures   = 288
	QueryFeatures = 500
)

// workspace is the memory of one extraction.
type workspace struct {
	blurrer
	finder
	base    plane
	octaves []octave
	diffs   differences
	points  []point
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// Extract finds up to limit features, strongest first, spread over the picture. A point may have two
// features, which differ in direction. Pictures with a side below 8 pixels have none.
func Extract(g *Gray, limit int) []Raw {
	if min(g.W, g.H) < leastSide || limit <= 0 {
		return nil
	}
	s := workspaces.Get().(*workspace)
	defer workspaces.Put(s)
	s.scaleSpace(g)
	points := spread(s.points, s.octaves, g.W, g.H)
	list := make([]Raw, 0, min(limit, 2*len(points)))
	for i := range points {
		p := &points[i]
		o := &s.octaves[p.octave]
		level := &o.level[p.level]
		dirs, n := orient(level, p.x, p.y, p.sigma)
		for _, dir := range dirs[:n] {
			if len(list) == limit {
				return list
			}
			r := Raw{
				X: p.x * o.scale, Y: p.y * o.scale, Sigma: p.sigma * o.scale,
				Angle: dir * (math.Pi / 4), Response: p.response,
			}
			if describe(&r.Desc, level, p.x, p.y, p.sigma, dir) {
				list = append(list, r)
			}
		}
	}
	return list
}

// scaleSpace computes all octaves and finds their extrema.
func (s *workspace) scaleSpace(g *Gray) {
	s.base.resize(g.W, g.H)
	for y := range g.H {
		row := s.base.row(y)
		for x, v := range g.Pix[y*g.W:][:g.W] {
			row[x] = float32(v)
		}
	}
	s.points = s.points[:0]
	scale := float32(1)
	for n := 0; ; n++ {
		if n == len(s.octaves) {
			s.octaves = append(s.octaves, octave{})
		}
		o := &s.octaves[n]
		o.scale = scale
		scale *= 2
		step := &steps
		if n == 0 {
			o.level[0].resize(g.W, g.H)
			s.blur(&o.level[0], &s.base, first, nil)
		} else {
			from := &s.octaves[n-1].level[layers]
			if min(from.w, from.h)/2 < leastSide {
				return
			}
			halve(&o.level[0], from)
			step = &stepsAfter
		}
		w, h := o.level[0].w, o.level[0].h
		for i := 1; i < levels; i++ {
			o.level[i].resize(w, h)
			s.diffs[i-1].resize(w, h)
			s.blur(&o.level[i], &o.level[i-1], step[i], &s.diffs[i-1])
		}
		s.points = s.detect(s.points, &s.diffs, n)
	}
}
