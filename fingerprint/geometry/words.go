package geometry

import (
	"fmt"
	"math"
	"strings"
)

// Parts are a map taken apart into numbers that people can read. Sizes and angles hold at
// the middle of the registered picture.
type Parts struct {
	Mirrored    bool    // left and right were exchanged, before anything else
	Scale       float64 // size in the query divided by registered size: root of the ratio of areas
	Turn        float64 // degrees clockwise as seen on a screen, -180 < Turn <= 180
	Aspect      float64 // stretch of the width divided by stretch of the height
	Shear       float64 // degrees by which the corners, at first right angles, are off
	Anisotropy  float64 // largest stretch divided by smallest in any direction, >= 1
	Perspective float64 // size ratio of the nearest and the farthest corner, >= 1; 1 is none
	Quarters    int     // nearest number of quarter turns clockwise, 0..3
	Upright     bool    // nothing but size, mirror and whole quarter turns, within 2° and 2 %
}

// What is too little to be worth a word, and to make a form upright.
const (
	noScale       = 0.02
	noTurn        = 1.5
	noAspect      = 0.04
	noShear       = 3.0
	noPerspective = 0.08
	tiltAspect    = 0.15 // what noAspect is in perspective
	uprightAngle  = 2.0
	uprightShare  = 0.02

	strongPerspective = 1.6
)

// Decompose takes a map apart, for a registered picture of the given size. Positions on
// both sides have to be in pixels, or in any unit that is the same for both, for Scale to
// mean what it says. ok is false for a map that flattens the picture or sends a corner
// behind the eye. The map is that of the registered picture as it is: of a fit to a
// mirrored form, first multiply the mirror in.
//
// The turn is that of the polar decomposition, the turn that is nearest to the map, so that
// stretch and shear do not tip it to the side of one axis.
func Decompose(m Map, refW, refH float64) (p Parts, ok bool) {
	near, far := m.depth(refW, refH)
	if !finite(m[:]...) || !(near > 0) || !(refW > 0 && refH > 0) {
		return Parts{}, false
	}
	xx, xy, yx, yy := m.Jacobian(Point{refW / 2, refH / 2})
	area := cross(xx, yy, xy, yx)
	if p.Mirrored = area < 0; p.Mirrored {
		xx, yx, area = -xx, -yx, -area
	}
	p.Scale = math.Sqrt(area)
	p.Turn = degrees(atan2(yx-xy, xx+yy))
	if p.Turn == -180 {
		p.Turn = 180
	}
	width, height := math.Sqrt(dot(xx, xx, yx, yx)), math.Sqrt(dot(xy, xy, yy, yy))
	p.Aspect = width / height
	p.Shear = degrees(math.Abs(atan2(dot(xx, xy, yx, yy), area)))
	p.Anisotropy = anisotropy(xx, xy, yx, yy)
	p.Perspective = far / near
	if !finite(p.Scale, p.Turn, p.Aspect, p.Shear, p.Anisotropy, p.Perspective) || p.Scale == 0 {
		return Parts{}, false
	}
	turn := math.Round(p.Turn / 90)
	p.Quarters = (int(turn) + 4) % 4
	p.Upright = math.Abs(p.Turn-float64(90*turn)) <= uprightAngle &&
		p.Anisotropy <= 1+uprightShare && p.Shear <= uprightAngle && p.Perspective <= 1+uprightShare
	return p, true
}

func degrees(radians float64) float64 { return float64(radians * (180 / math.Pi)) }

// Words says what was done to the picture, in plain English: "scaled to 52 %, turned by
// 25° clockwise, stretched 1.3 : 1, seen in perspective". What is too small to matter is left
// out; nothing at all is "neither scaled nor turned". Stretched 1.3 : 1 is made wider,
// 1 : 1.3 taller, by the registered picture's own axes.
func (p Parts) Words() string {
	var words []string
	say := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	turn := p.Turn
	switch {
	case p.Mirrored && math.Abs(turn) > 180-noTurn:
		say("mirrored top to bottom")
		turn = 0
	case p.Mirrored:
		say("mirrored left to right")
	}
	switch {
	case math.Abs(p.Scale-1) <= noScale:
	case p.Scale < 0.0995:
		say("scaled to %.1f %%", 100*p.Scale)
	default:
		say("scaled to %.0f %%", 100*p.Scale)
	}
	switch quarter := math.Round(turn / 90); {
	case math.Abs(turn) < noTurn:
	case math.Abs(turn) > 180-noTurn:
		say("turned upside down")
	case math.Abs(turn-float64(90*quarter)) < noTurn:
		say("turned by 90° %s", clock(turn))
	default:
		say("turned by %.0f° %s", math.Abs(turn), clock(turn))
	}
	// A tilted picture is always a little slanted and narrowed at its middle: part of the view.
	tilted, aspect := p.Perspective > 1+noPerspective, 1+noAspect
	if tilted {
		aspect = 1 + tiltAspect
	}
	switch {
	case p.Aspect > aspect:
		say("stretched %.3g : 1", tenth(p.Aspect))
	case p.Aspect < 1/aspect:
		say("stretched 1 : %.3g", tenth(1/p.Aspect))
	}
	if p.Shear > noShear && !tilted {
		say("slanted by %.0f°", p.Shear)
	}
	switch {
	case p.Perspective > strongPerspective:
		say("seen in strong perspective")
	case tilted:
		say("seen in perspective")
	}
	if len(words) == 0 {
		return "neither scaled nor turned"
	}
	return strings.Join(words, ", ")
}

func clock(turn float64) string {
	if turn < 0 {
		return "anticlockwise"
	}
	return "clockwise"
}

// tenth rounds to a tenth, or to a hundredth where a tenth would say 1.
func tenth(v float64) float64 {
	if v < 1.1 {
		return math.Round(100*v) / 100
	}
	return math.Round(10*v) / 10
}
