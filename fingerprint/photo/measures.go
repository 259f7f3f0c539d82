package photo

import (
	"math"
	"strings"

	"selvage/fingerprint"
	"selvage/fingerprint/calibrate"
	"selvage/fingerprint/geometry"
)

// Features are what the model sees of a place, in order: the name of each measure, and how
// the probability may depend on it.
var Features = func() (all []calibrate.Feature) {
	names := []string{
		"support", "inliers", "spread", "fiterr", "seen", "ofseen", "ofasked", "bare2", "bare3", "fit", "sup_fit", "sup_against", "pdq", "qarea", "rarea", "aniso", "persp", "scale", "known", "fill",
	}
	for _, size := range []string{"c_", "f_"} {
		for _, n := range []string{"amount", "s20", "s35", "s50", "s65", "s80", "s90", "whole", "against", "query", "region", "extent", "hidden", "foreign"} {
			names = append(names, size+n)
		}
	}
	names = append(names, "cover", "hole", "crisp", "ofsure", "recoloured", "recoloured_bare", "inset")
	for _, n := range names {
		f := calibrate.Feature{Name: n, Sense: calibrate.Rising}
		switch strings.TrimPrefix(strings.TrimPrefix(n, "c_"), "f_") {
		case "fiterr", "bare2", "bare3", "pdq", "aniso", "persp", "against", "hole", "recoloured", "recoloured_bare":
			f.Sense = calibrate.Falling
		case "support", "ofseen", "amount", "sup_fit", "sup_against", "seen", "qarea", "rarea", "scale", "known", "hidden", "foreign":
			f.Sense = calibrate.Free
		}
		all = append(all, f)
	}
	return all
}()

// enoughFeatures is how many features that should be seen make it telling that they are not.
const enoughFeatures = 12

// enoughPixels is the longer side of what is shown of a registered picture below which fewer
// of them are found.
const enoughPixels = 256

// measures are the numbers that the model judges a placement by; see Features. Pdq is
// the smallest distance of the whole-picture hashes of the two files.
func (p *Place) measures(query, ref *fingerprint.Result, pdq int) []float64 {
	qw, qh := float64(query.Width), float64(query.Height)
	rw, rh := float64(ref.Width), float64(ref.Height)
	x := make([]float64, 0, len(Features))
	h := &p.held
	support, fit := math.Log1p(h.support), -math.Log(h.err+.0005)
	// Where the registered picture has hardly any features, or is shown as a thumbnail, that
	// none are found says little.
	xx, xy, yx, yy := p.Map.Jacobian(geometry.Point{X: rw / 2, Y: rh / 2})
	det := math.Abs(float64(xx*yy) - float64(xy*yx))
	shown := min(max(qw, qh), math.Sqrt(det)*max(rw, rh))
	expected := min(1, float64(h.seen)/enoughFeatures) * min(1, shown/enoughPixels)
	x = append(x, support, math.Log1p(float64(h.inliers)), h.spread, h.err,
		math.Log1p(float64(h.seen)), float64(h.inliers)/float64(h.seen+4), float64(h.inliers)/float64(h.asked+4),
		float64(max(0, 2-support)*expected), float64(max(0, 3-support)*expected), fit, float64(support*fit), float64(support*p.fine.Against)/max(p.fine.Texture, 1))
	x = append(x, float64(pdq)/256)
	inQuery, inRef := geometry.Overlap(p.Map, rw, rh, qw, qh)
	norm := float64(xx*xx) + float64(xy*xy) + float64(yx*yx) + float64(yy*yy)
	x = append(x, inQuery.Area()/(qw*qh), inRef.Area()/(rw*rh),
		math.Log(max(1, norm/max(1e-9, 2*det))),
		math.Abs(float64(p.Map[6]*rw))+math.Abs(float64(p.Map[7]*rh)),
		math.Log(math.Sqrt(max(1e-9, det))*max(rw, rh)/max(qw, qh)),
		math.Log1p(p.fine.Whole),
		max(inQuery.Area()/(qw*qh), inRef.Area()/(rw*rh)))
	for _, e := range []*evidence{p.coarse, p.fine} {
		t, q := max(e.Texture, 1), max(e.Query, 1)
		x = append(x, math.Log1p(e.Above[3]))
		for _, a := range e.Above {
			x = append(x, a/t)
		}
		x = append(x, e.Above[3]/max(e.Whole, 1), e.Against/t, e.QueryOK/q, e.Region/t, e.Spread, e.Hidden/t, e.Foreign/t)
	}
	f := p.fine
	x = append(x, f.Cover, f.Hole, f.Above[5]/max(f.Above[2], 1), float64(h.inliers)/float64(h.sure+4),
		p.recoloured, float64(max(0, wellHeld-support)*p.recoloured), outlined(inQuery, query.Insets))
	return x
}

// outlined is 1 for a place whose outline is one that straight edges in the query show anyway.
func outlined(outline geometry.Polygon, insets []fingerprint.Rect) float64 {
	for _, r := range insets {
		x0, y0, x1, y1 := float64(r.X0), float64(r.Y0), float64(r.X1), float64(r.Y1)
		if geometry.IoU(outline, geometry.Polygon{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}) > sameOutline {
			return 1
		}
	}
	return 0
}

// sameOutline is what two outlines have in common that are one.
const sameOutline = .9

// wellHeld is the support of a place that hundreds of features hold.
const wellHeld = 5
