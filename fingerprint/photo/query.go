package photo

import (
	"cmp"
	"math"
	"slices"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
)

// Query is one photo made ready for comparing it with many registered ones. It is safe
// for concurrent use.
type Query struct {
	res  *fingerprint.Result
	base pyramid // nil where the result has no picture to lay over others
	kx   float64 // base pixels per pixel
	ky   float64
	sets [4][]local.Feature

	chroma *chroma // nil: not known
}

// NewQuery prepares a result that was hashed as a query.
func NewQuery(r *fingerprint.Result) *Query {
	q := &Query{res: r, chroma: chromaOf(r.Asides, r.Prints)}
	l := LocalQuery(r)
	if l == nil || r.Width == 0 || r.Height == 0 {
		return q
	}
	q.base = newPyramid(l.Base)
	q.kx, q.ky = float64(l.Base.W)/float64(r.Width), float64(l.Base.H)/float64(r.Height)
	for v, set := range l.Sets {
		for i := range set {
			q.sets[v] = append(q.sets[v], set[i].Feature)
		}
	}
	return q
}

// LocalQuery is what a result of this package has for searching by local features; nil
// where the photo has too little information.
func LocalQuery(r *fingerprint.Result) *local.Query {
	l, _ := r.Query.(*local.Query)
	return l
}

// Place is one way in which a registered photo lies in a query, found and measured.
type Place struct {
	// Map leads from pixels of the registered picture to pixels of the query.
	Map geometry.Map
	// Mirrored, Negative: what was done to the registered picture besides.
	Mirrored, Negative bool
	// Inliers is how many local features of the two pictures are alike and lie where the
	// map says, of Seen of the registered picture that should be seen.
	Inliers, Seen int
	// InQuery and InRef are the outline of what both show, corner by corner, in pixels.
	InQuery, InRef geometry.Polygon
	// OfQuery and OfRef are their shares of the two areas, 0..1, and OfContent the share of
	// the query's content box.
	OfQuery, OfRef, OfContent float64
	// Agree is the share of the registered picture's texture inside the outline, 0..1, where
	// the local correlation of the two is above 0.5.
	Agree float64
	// Probability that this is a copy, calibrated.
	Probability float64
	// Measures are what the model saw, by Features.
	Measures []float64

	bend         *bend // nil where the map says all
	held         held
	recoloured   float64
	coarse, fine *evidence
}

// Comparison is what comparing a query with one registered photo found.
type Comparison struct {
	// SamePixels: the decoded pictures are equal to the last pixel.
	SamePixels bool
	// Places are where the registered photo was found, the surest first: the first one is
	// the best there is, further ones lie elsewhere in the query and are as good as proved.
	// Empty where nothing could be laid over anything.
	Places []Place
	// PDQ is the smallest number of differing bits of the pdq256.v1 hashes over all views
	// and forms, 0..128; farPDQ where there are none. PHash is that of the phash64.v1 hashes
	// of the whole pictures, 0..64, or -1.
	PDQ, PHash int
	// Shared is how much of the first place's evidence, 0..1, is content that other
	// registered works, or the asker's ignore bank, show as well; it was not counted.
	Shared float64
	// SharedBy is how many other works show it; 0 where it is the ignore bank alone.
	SharedBy int
	// Undiscounted are the measures of the first place with common content counted; nil where
	// there is none.
	Undiscounted []float64

	ref      *fingerprint.Result
	proof    *local.Gray
	chroma   *chroma
	features []local.Feature
}

// Compare says whether and where a registered photo lies in the query. Variants are those
// of the query's features worth trying, beside the hashes of the whole pictures. Of the
// registered photo only Prints, size and Box are read.
func (q *Query) Compare(ref *fingerprint.Result, variants ...local.Variant) *Comparison {
	c := &Comparison{SamePixels: samePixels(q.res, ref), PDQ: farPDQ, PHash: -1, ref: ref}
	all := pairs(q.res, ref)
	if len(all) > 0 {
		c.PDQ = all[0].distance
	}
	c.PHash = phashDistance(q.res, ref)
	if c.SamePixels {
		c.Places = []Place{q.whole(ref)}
		return c
	}
	print, ok := ref.Print(fingerprint.Proof, fingerprint.Full)
	if !ok || q.base == nil {
		return c
	}
	guesses := q.globals(ref, all)
	if lp, ok := ref.Print(fingerprint.Local, fingerprint.Full); ok {
		c.features, _ = local.Decode(lp.Payload) // damaged: as if there were none
	}
	var alike [4][]geometry.Pair
	pairsOf := func(v local.Variant) []geometry.Pair {
		if alike[v] == nil {
			alike[v] = q.alike(v, ref, c.features)
		}
		return alike[v]
	}
	for _, v := range variants {
		guesses = append(guesses, q.locals(v, ref, pairsOf(v))...)
	}
	if len(guesses) == 0 {
		return c
	}
	proof, err := decodeProof(print.Payload)
	if err != nil {
		return c
	}
	c.proof, c.chroma = proof, chromaOf(ref.Prints)
	small, large := newSheet(half(proof)), (*sheet)(nil)
	var places []Place
	for _, g := range guesses {
		p := Place{Map: g.m, Mirrored: g.variant&local.Mirrored != 0, Negative: g.variant&local.Negative != 0}
		if slices.ContainsFunc(places, p.sameAs) || !q.sketch(&p, c, small, pairsOf(g.variant)) || slices.ContainsFunc(places, p.sameAs) {
			continue
		}
		if large == nil {
			large = newSheet(proof)
		}
		p.Map, p.fine = q.lay(p.Map, c.ref, large, p.Negative, 2)
		p.held = q.hold(&p, c, pairsOf(g.variant))
		q.bent(&p, c, small, large, pairsOf(g.variant))
		p.finish(q, c)
		places = append(places, p)
	}
	slices.SortStableFunc(places, func(a, b Place) int { return cmp.Compare(b.Probability, a.Probability) })
	for _, p := range places {
		if len(c.Places) == 0 || p.Probability >= ActThreshold && p.elsewhere(c.Places) {
			c.Places = append(c.Places, p)
		}
	}
	return c
}

// Probability is that of the best place: 1 for equal pixels and only then, 0 where nothing
// was found.
func (c *Comparison) Probability() float64 {
	switch {
	case c.SamePixels:
		return 1
	case len(c.Places) == 0:
		return 0
	}
	return c.Places[0].Probability
}

// elsewhere reports whether p lies apart from all others in the query.
func (p *Place) elsewhere(others []Place) bool {
	for _, o := range others {
		if geometry.IoU(p.InQuery, o.InQuery) > .25 {
			return false
		}
	}
	return true
}

// Unlike says how what both show differs: the area of the largest square that agrees nowhere, and
// the texture of the registered picture where the query has another one, both as shares, 0..1.
func (p *Place) Unlike() (hole, foreign float64) {
	if p.fine == nil {
		return 0, 0
	}
	return p.fine.Hole, p.fine.Foreign / max(p.fine.Texture, 1)
}

// Lost is by how much likelier, as a natural logarithm, the local features that the query should
// show are lost and found as they are if one block of the registered picture loses them at a rate
// of its own: high where another work was set into the same surroundings.
func (p *Place) Lost() float64 { return p.held.lost.odds }

// whole is the place of a registered picture that is the query.
func (q *Query) whole(ref *fingerprint.Result) Place {
	r := geometry.Rect(float64(ref.Width), float64(ref.Height))
	return Place{Map: geometry.Identity, InQuery: r, InRef: r, OfQuery: 1, OfRef: 1, OfContent: 1, Agree: 1, Probability: 1}
}

// guess is one way in which the registered picture may lie in the query.
type guess struct {
	m       geometry.Map // registered picture → query, in pixels
	variant local.Variant
}

// farPDQ stands for whole-picture hashes that say nothing: half of the bits differ.
const farPDQ = 128

// How much of one candidate is looked at.
const (
	maxGlobals = 2 // pairings of whole pictures
	maxFits    = 3 // fits of local features a variant
	minInliers = 4
)

// globals are the guesses from the nearest pairings of whole pictures.
func (q *Query) globals(ref *fingerprint.Result, all []pairing) (out []guess) {
	for _, p := range all[:min(maxGlobals, len(all))] {
		if p.distance > CandidateRadius {
			break
		}
		qc, rc := corners(q.res, ref, p)
		m, ok := fromCorners(rc, qc)
		if ok {
			g := guess{m: m}
			if m.Det() < 0 {
				g.variant |= local.Mirrored
			}
			if p.negative {
				g.variant |= local.Negative
			}
			out = append(out, g)
		}
	}
	return out
}

// fromCorners is the affine map of one parallelogram to another.
func fromCorners(from, to [4][2]float64) (geometry.Map, bool) {
	basis := func(c [4][2]float64) geometry.Map {
		return geometry.Map{
			c[1][0] - c[0][0], c[3][0] - c[0][0], c[0][0],
			c[1][1] - c[0][1], c[3][1] - c[0][1], c[0][1], 0, 0, 1,
		}
	}
	inv, ok := basis(from).Inverse()
	if !ok {
		return geometry.Map{}, false
	}
	return basis(to).Mul(inv)
}

// alike are the pairs of features of one variant of the query and of a registered picture
// that look alike, in pixels; of a mirrored variant as if the query were mirrored.
func (q *Query) alike(v local.Variant, ref *fingerprint.Result, features []local.Feature) []geometry.Pair {
	set := q.sets[v&3]
	matched := local.Match(set, features, local.MatchLimit)
	qw := float64(q.res.Width)
	ql, rl := max(qw, float64(q.res.Height)), float64(max(ref.Width, ref.Height))
	list := make([]geometry.Pair, len(matched))
	for i, p := range matched {
		a, b := &set[p.Q], &features[p.R]
		x, angle := float64(a.X)/65536*ql, int(a.Angle)
		if v&local.Negative != 0 {
			angle += 128 // all gradients point the other way
		}
		if v&local.Mirrored != 0 {
			x, angle = qw-x, 128-angle
		}
		list[i] = geometry.Pair{
			RX: float64(b.X) / 65536 * rl, RY: float64(b.Y) / 65536 * rl,
			QX: x, QY: float64(a.Y) / 65536 * ql,
			Scale:  sizes[int(b.Size)-int(a.Size)+255] * ql / rl,
			Turn:   float64(int8(angle-int(b.Angle))) * (math.Pi / 128),
			Weight: pairWeight(p), R: p.R, Q: p.Q,
		}
	}
	return list
}

// locals fits pairs of features.
func (q *Query) locals(v local.Variant, ref *fingerprint.Result, list []geometry.Pair) (out []guess) {
	if len(list) < minInliers {
		return nil
	}
	qw, qh := float64(q.res.Width), float64(q.res.Height)
	fits := geometry.Find(list, geometry.Options{
		RefW: float64(ref.Width), RefH: float64(ref.Height), QueryW: qw, QueryH: qh, Min: minInliers, Max: maxFits,
	})
	for i := range fits {
		m := fits[i].Map
		if v&local.Mirrored != 0 {
			m = flip(m, qw)
		}
		out = append(out, guess{m: m, variant: v})
	}
	return out
}

// flip mirrors the query's side of a map left to right; w is the width of the query.
func flip(m geometry.Map, w float64) geometry.Map {
	for i := range 3 {
		m[i] = float64(w*m[6+i]) - m[i]
	}
	return m
}

// sizes[255+d] is 2^(d/16).
var sizes = func() (t [511]float64) {
	for i := range t {
		t[i] = math.Pow(2, float64(i-255)/16)
	}
	return t
}()

// pairWeight makes a pair count more, the nearer the signatures are.
func pairWeight(p local.Pairing) float64 {
	w := 1 - float64(p.Distance)/64
	if p.Second {
		w /= 2
	}
	return w
}

// sketch lays the pictures over each other where p was guessed to be, at half the size of the proof
// picture, and reports whether that is worth a closer look.
func (q *Query) sketch(p *Place, c *Comparison, small *sheet, pairs []geometry.Pair) bool {
	p.Map, p.coarse = q.lay(p.Map, c.ref, small, p.Negative, 4)
	amount, share := p.coarse.Above[3], p.coarse.Above[3]/max(p.coarse.Texture, 1)
	switch {
	case amount < leastEvidence || share < leastShare:
		return false
	case share >= plainShare:
		return true
	}
	return q.grip(p, c, pairs).inliers >= leastGrip
}

// A guess is followed if this much texture agrees, in grey levels times pixels of the
// halved proof picture, and this share of the overlap's; below plainShare only if so many
// features hold it. Of 2,200 development copies the rule loses none.
const (
	leastEvidence = 500
	leastShare    = .15
	plainShare    = .4
	leastGrip     = 6
)

// sameAs reports whether two places of one registered picture are one to a hundredth of its
// sides: a closer look would lead to the same.
func (p *Place) sameAs(o Place) bool {
	if p.Mirrored != o.Mirrored || p.Negative != o.Negative {
		return false
	}
	back, ok := o.Map.Inverse()
	if !ok {
		return false
	}
	for _, at := range o.InRef {
		to, ok := p.Map.Apply(at)
		if !ok {
			return false
		}
		if to, ok = back.Apply(to); !ok || math.Hypot(to.X-at.X, to.Y-at.Y) > samePlaceShare*math.Sqrt(o.InRef.Area()) {
			return false
		}
	}
	return len(o.InRef) > 0
}

const samePlaceShare = .01

// finish fills in what follows from map and evidence.
func (p *Place) finish(q *Query, c *Comparison) {
	qw, qh := float64(q.res.Width), float64(q.res.Height)
	rw, rh := float64(c.ref.Width), float64(c.ref.Height)
	p.InQuery, p.InRef = geometry.Overlap(p.Map, rw, rh, qw, qh)
	p.OfQuery, p.OfRef = p.InQuery.Area()/(qw*qh), p.InRef.Area()/(rw*rh)
	p.InQuery, p.InRef = tidy(p.InQuery, p.InRef, qw, qh, rw, rh)
	b := q.res.Box
	box := geometry.Polygon{{X: float64(b.X0), Y: float64(b.Y0)}, {X: float64(b.X1), Y: float64(b.Y0)}, {X: float64(b.X1), Y: float64(b.Y1)}, {X: float64(b.X0), Y: float64(b.Y1)}}
	p.OfContent = p.InQuery.Intersect(box).Area() / max(1, box.Area())
	p.Agree = p.fine.Above[2] / max(p.fine.Texture, 1)
	p.Inliers, p.Seen = p.held.inliers, p.held.seen
	p.recoloured = q.recoloured(p, c)
	p.Measures = p.measures(q.res, c.ref, c.PDQ)
	p.Probability = probability(p.Measures)
	switch {
	case p.recolouredFigure(), p.looselyHeld(c), p.otherWork():
		p.Probability *= figureDoubt
	case (p.sureWhole(c) || p.sureBent(c)) && p.Probability < wholeFloor:
		p.Probability = wholeFloor + float64((1-wholeFloor)*p.Probability)/2
	}
}

// sureWhole reports whether whole-picture hash and local features agree, each by itself, that
// the query is the registered picture as a whole. The local correlation may then disagree:
// compression wipes out the faint grain that a soft ground has. Of 1,225 rows of the
// training sets within slightly wider bounds 1,224 were copies.
func (p *Place) sureWhole(c *Comparison) bool {
	return c.Undiscounted == nil && c.PDQ <= wholePDQ && p.held.inliers >= wholeInliers && p.OfRef > wholeShare && p.OfContent > wholeShare &&
		p.fine.Against <= wholeAgainst*p.fine.Texture && p.recoloured < otherColours
}

const (
	wholePDQ     = 8   // bits that may differ
	wholeInliers = 40  // local features that must agree
	wholeShare   = .9  // of both pictures
	wholeAgainst = .02 // of the texture may speak against it
	wholeFloor   = .95 // least probability then
)

// sureBent reports whether a place that was found by a bend is held by so many of the features that
// should be seen, all over, that the model need not be asked: it knows flat copies alone, and takes
// what is left of the bend for another picture. Of 280 pictures bent in seven ways 121 are such, and
// of 3,000 pairs that share a template, none.
func (p *Place) sureBent(c *Comparison) bool {
	e, h := p.fine, &p.held
	return p.bend != nil && c.Undiscounted == nil && h.inliers >= sureInliers && float64(h.inliers) >= sureSeen*float64(h.seen) &&
		h.lost.odds < bendLost && e.Above[2] >= sureAgree*e.Texture && e.Hole < sureHole && p.recoloured < otherColours
}

const (
	sureInliers = 40  // local features that must agree
	sureSeen    = .4  // and the share of those that should be seen
	sureAgree   = .75 // of the texture
	sureHole    = .08 // of the overlap: the largest square that agrees nowhere is smaller
)

// otherWork reports whether a place that would be called a copy has lost the features of one block:
// another work was set into the same surroundings.
func (p *Place) otherWork() bool {
	return p.Probability >= ActThreshold && p.held.lost.odds > otherWorkLost
}

// recolouredFigure reports whether the place is held by few local features and shows other
// colours. Arrows, signs and badges are drawn alike by many, so the same figure in other colours
// is no proof of copying: it is shown as alike.
func (p *Place) recolouredFigure() bool {
	return p.recoloured >= otherColours && p.held.support < figureSupport
}

// looselyHeld reports whether too few local features hold a place that would be called a
// copy, while its texture says little: it is what common content has left of the evidence, or
// it repeats itself and so agrees with anything of the same spacing, or much of it is another
// texture, as on two pages of one layout with other words. Where the hash of the whole
// pictures says that they are one, nothing more is asked for.
func (p *Place) looselyHeld(c *Comparison) bool {
	if p.Probability < ActThreshold || c.PDQ <= samePDQ && p.OfRef > wholeShare && p.OfContent > wholeShare {
		return false
	}
	few := p.held.support < figureSupport
	if few && c.Undiscounted != nil {
		return true
	}
	if e := p.fine; p.held.support < rewrittenSupport && e.Above[2] < rewrittenAgree*e.Texture && e.Foreign > rewrittenForeign*e.Texture {
		return true
	}
	return (few || float64(p.held.inliers) < periodicSeen*float64(p.held.seen)) &&
		periodic(c.proof, p.InRef, float64(c.proof.W)/float64(c.ref.Width), float64(c.proof.H)/float64(c.ref.Height))
}

const (
	rewrittenAgree   = .7 // share of the texture that agrees, less than
	rewrittenForeign = .2 // share of it that is another texture, more than
	rewrittenSupport = 20 // weight of the features that such a place needs
	samePDQ          = 20 // bits that may differ where the whole pictures are one, turned or mirrored
	periodicSeen     = .2 // share of what should be seen of a repeating picture that has to be
)

const (
	otherWorkLost = 45 // odds of a block that has lost its features, from which on it shows another work
	otherColours  = .5 // of Query.recoloured: from here on, colours are said to differ
	figureSupport = 12 // weight of the features that hold a simple figure, at most
	figureDoubt   = .8 // less than 1 by so much that no probability reaches ActThreshold
)

// lay measures the agreement with the registered picture g under a map, after moving it to
// where they agree best.
func (q *Query) lay(m geometry.Map, ref *fingerprint.Result, g *sheet, negative bool, rounds int) (geometry.Map, *evidence) {
	x, y := float64(g.W)/float64(ref.Width), float64(g.H)/float64(ref.Height)
	at := chain(stretch(q.kx, q.ky), m, stretch(1/x, 1/y))
	to, l := q.base.polish(g.Gray, at, negative, rounds)
	return chain(stretch(1/q.kx, 1/q.ky), to, stretch(x, y)), weigh(l, g, nil)
}

// stretch is the map that scales the axes.
func stretch(x, y float64) geometry.Map { return geometry.Map{x, 0, 0, 0, y, 0, 0, 0, 1} }

// chain does the last map first. The maps are good ones and scalings, which cannot fail
// together.
func chain(maps ...geometry.Map) geometry.Map {
	out := geometry.Identity
	for _, m := range maps {
		if p, ok := out.Mul(m); ok {
			out = p
		}
	}
	return out
}
