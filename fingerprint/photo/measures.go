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
	for _, n := range names {
		f := calibrate.Feature{Name: n, Sense: calibrate.Rising}
		switch strings.TrimPrefix(strings.TrimPrefix(n, "c_"), "f_") {
		case "fiterr", "bare2", "bare3", "pdq", "aniso", "persp", "against":
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

// enoughPixels is the longer side of a query below which fewer of them are found.
const enoughPixels = 256

// measures are the numbers that the model judges a placement by; see Features. Pdq is
// the smallest distance of the whole-picture hashes of the two files.
func (p *Place) measures(query, ref *fingerprint.Result, pdq int) []float64 {
	qw, qh := float64(query.Width), float64(query.Height)
	rw, rh := float64(ref.Width), float64(ref.Height)
	x := make([]float64, 0, len(Features))
	h := &p.held
	support, fit := math.Log1p(h.support), -math.Log(h.err+.0005)
	// Where the registered picture has hardly any features, or the query is a thumbnail, that
	// none are found says little.
	expected := min(1, float64(h.seen)/enoughFeatures) * min(1, max(qw, qh)/enoughPixels)
	x = append(x, support, math.Log1p(float64(h.inliers)), h.spread, h.err,
		math.Log1p(float64(h.seen)), float64(h.inliers)/float64(h.seen+4), float64(h.inliers)/float64(h.asked+4),
		float64(max(0, 2-support)*expected), float64(max(0, 3-support)*expected), fit, float64(support*fit), float64(support*p.fine.Against)/max(p.fine.Texture, 1))
	x = append(x, float64(pdq)/256)
	inQuery, inRef := geometry.Overlap(p.Map, rw, rh, qw, qh)
	xx, xy, yx, yy := p.Map.Jacobian(geometry.Point{X: rw / 2, Y: rh / 2})
	det := math.Abs(float64(xx*yy) - float64(xy*yx))
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
	return x
}
