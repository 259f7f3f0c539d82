package video

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"selvage/fingerprint"
	"selvage/fingerprint/align"
	"selvage/fingerprint/geometry"
	"selvage/fingerprint/local"
	"selvage/fingerprint/photo"
)

// NearFrames is the Hamming distance within which two frames are taken as evidence that
// they show the same.
const NearFrames = 72

// How much of one candidate is looked at.
const (
	maxFirst    = 12 // pairs of key frames that local features propose
	maxChecks   = 6  // pairs of key frames along a line
	maxLenses   = 3  // ways in which one lies in the other
	maxSegments = 8
	leastRun    = .3 // sum of the scores of a segment's frames
)

// Query is a video made ready for comparing it with many registered files. It is safe for
// concurrent use.
type Query struct {
	res    *fingerprint.Result
	track  Track
	looks  *Looks
	photos []func() *photo.Query // by part
}

// NewQuery prepares a result that was hashed as a query.
func NewQuery(r *fingerprint.Result) *Query {
	q := &Query{res: r, track: trackOf(r)}
	q.looks, _ = r.Query.(*Looks)
	if q.looks == nil {
		q.looks = &Looks{}
	}
	for i := range r.Parts {
		q.photos = append(q.photos, sync.OnceValue(func() *photo.Query { return photo.NewQuery(r.Parts[i].Result) }))
	}
	return q
}

// Len is how many frames of the query are told from others.
func (q *Query) Len() int { return len(q.track) }

// trackOf is the track of a video without its blank frames; none where there is none or it
// is damaged.
func trackOf(r *fingerprint.Result) Track {
	p, ok := r.Print(fingerprint.VFrame, fingerprint.Full)
	if !ok {
		return nil
	}
	t, err := DecodeTrack(p.Payload)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(t, func(f Frame) bool { return f.Blank })
}

// Segment is a stretch of the query that shows a stretch of the registered video.
type Segment struct {
	Query [2]float64 `json:"query"` // start and end, seconds
	Ref   [2]float64 `json:"ref"`   // the same; start before end, reversed or not
	// Speed is how many seconds of the registered video pass in one of the query, negative
	// where it runs backwards; 0 where that cannot be told, as of a still scene. Backwards may
	// be told where the speed cannot.
	Speed     float64 `json:"speed"`
	Backwards bool    `json:"backwards"`
	// Frames is how many sampled frames of the query there agree, of Asked that could.
	Frames int `json:"frames"`
	Asked  int `json:"asked"`
	// Scenes is how many different pictures are among those that agree, Distance the mean
	// number of bits by which their codes differ.
	Scenes   int     `json:"scenes"`
	Distance float64 `json:"distance"`
	// Form is how the picture was turned or mirrored. InQuery and InRef are the outlines of
	// what both show, in pixels of the two videos, OfQuery and OfRef their shares of the two
	// areas; zero where no key frame was compared closely enough to say.
	Form           fingerprint.Dihedral `json:"-"`
	InQuery, InRef geometry.Polygon     `json:"-"`
	OfQuery, OfRef float64              `json:"-"`
	// At is a moment of both at which they show the same: that of the outlines, where there
	// are some.
	At [2]float64 `json:"at"`
	// Pairs are frames of both that show the same, for people to compare: a few of those that
	// agree, spread over the segment, by rising query time.
	Pairs []Pair `json:"pairs"`
	// Words say what was done to the picture and to the time; empty where nothing was.
	Words string `json:"words"`

	line   align.Line
	agreed []agreement
}

// Pair is a frame of the query and the frame of the registered video that it shows: their times
// in seconds, and by how many of 256 bits their codes differ.
type Pair struct {
	Query, Ref float64
	Distance   int
}

// agreement is a frame of the query that agrees with one of the registered video: their
// places in the tracks, and the number of bits by which they differ.
type agreement struct {
	row, col int
	d        uint8
	// off is the mean number of bits by which the frame differs from registered frames two to
	// six seconds away; far where there are none.
	off float64
}

// check is a pair of key frames that was compared closely.
type check struct {
	row  int // frame of the query that the key frame is; -1: a blank one
	pair fingerprint.PartPair
	cmp  *photo.Comparison
}

// probability is that one frame was made of the other: that of package photo, but 0 where the
// two share no more than a detail of both. A door frame in the corner of a room is in every
// video that is shot there.
func (k *check) probability() float64 {
	if len(k.cmp.Places) > 0 && !k.cmp.SamePixels {
		if p := &k.cmp.Places[0]; max(p.OfRef, p.OfContent) < detail {
			return 0
		}
	}
	return k.cmp.Probability()
}

// detail is the share of a frame below which what it shows of another is a detail: less than the
// smallest picture in a picture shows of the whole other one.
const detail = .1

// Comparison is what comparing a video with one registered file found.
type Comparison struct {
	// Segments are the stretches that both show, the weightiest first.
	Segments []Segment
	// Measures are what the model saw, by [Features].
	Measures []float64
	// Shared is how much of the evidence, 0..1, is content that other registered works show
	// as well; it was not counted. SharedBy is how many.
	Shared   float64
	SharedBy int

	query  *fingerprint.Result
	ref    *fingerprint.Result
	track  Track // of ref
	checks []check
	common []bool // by row of the query: content that other works show too; nil: none
	prob   float64
}

// refSide is a registered video while it is compared.
type refSide struct {
	res    *fingerprint.Result
	track  Track
	load   func(int) (*fingerprint.Result, error)
	loaded map[int]*fingerprint.Result
}

func (r *refSide) part(i int) (*fingerprint.Result, error) {
	if p, ok := r.loaded[i]; ok {
		return p, nil
	}
	p, err := r.load(i)
	if err != nil {
		return nil, fmt.Errorf("part %d: %w", i, err)
	}
	r.loaded[i] = p
	return p, nil
}

// Compare says whether and where a registered file is in the query. Pairs are key frames
// that may show the same, the likeliest first. Of ref, the prints and the times of the parts
// are read; load gives the fingerprints of a part, or, for -1, of the file itself where that
// is a photo.
func (q *Query) Compare(ref *fingerprint.Result, pairs []fingerprint.PartPair, load func(part int) (*fingerprint.Result, error)) (*Comparison, error) {
	c := &Comparison{query: q.res, ref: ref, track: trackOf(ref)}
	r := &refSide{res: ref, track: c.track, load: load, loaded: map[int]*fingerprint.Result{}}
	if ref.Work == fingerprint.Photo {
		return c, q.photo(c, r, pairs)
	}
	g := newGrid(q.track, r.track)
	var lenses []lens
	done := map[fingerprint.PartPair]*check{}
	look := func(p fingerprint.PartPair) (*check, error) {
		if k, ok := done[p]; ok {
			return k, nil
		}
		part, err := r.part(p.Ref)
		if err != nil {
			return nil, err
		}
		cmp := q.photos[p.Query]().Compare(part, local.Plain, local.Mirrored)
		k := check{q.row(q.res.Parts[p.Query].Start), p, cmp}
		done[p] = &k
		c.checks = append(c.checks, k)
		return &k, nil
	}
	looked := 0
	for _, p := range pairs {
		if !q.has(p.Query) || p.Ref < 0 || p.Ref >= len(ref.Parts) {
			continue
		}
		if looked == maxFirst || len(lenses) == maxLenses {
			break
		}
		i, j := q.row(q.res.Parts[p.Query].Start), r.col(ref.Parts[p.Ref].Start)
		if i < 0 || j < 0 || g.at(i, j) <= plainlyNear {
			continue // the codes say so already
		}
		looked++
		k, err := look(p)
		if err != nil {
			return nil, err
		}
		prob := k.probability()
		if prob < lensFrom {
			continue
		}
		g.nearer(i, j, localNear(prob))
		part, _ := r.part(p.Ref)
		if l, ok := newLens(&k.cmp.Places[0], q.res.Parts[p.Query].Result, part); ok {
			lenses = append(lenses, l)
			if err := q.through(g, &l, r); err != nil {
				return nil, err
			}
		}
	}
	used := make([]bool, len(q.track))
	for _, l := range align.Find(g.evidence(), align.Options{Tolerance: .5, Min: .3}) {
		c.Segments = append(c.Segments, q.segments(g, r, l, used)...)
	}
	c.Segments = q.joined(c.Segments, r)
	slices.SortStableFunc(c.Segments, func(a, b Segment) int { return cmp.Compare(b.weight(), a.weight()) })
	c.Segments = c.Segments[:min(len(c.Segments), maxSegments)]
	for k := range c.Segments {
		if err := q.check(&c.Segments[k], r, look); err != nil {
			return nil, err
		}
	}
	for k := range c.Segments {
		s := &c.Segments[k]
		speed, direction := q.pace(g, s)
		s.Backwards = direction && s.Speed < 0
		if !speed {
			s.Speed = 0
		}
		if err := c.describe(q, r, s); err != nil {
			return nil, err
		}
	}
	c.judge(q, nil)
	return c, nil
}

// lensFrom is the probability from which a pair of key frames makes a lens.
const lensFrom = .3

// has reports whether the query has the fingerprints of a key frame.
func (q *Query) has(part int) bool {
	return part >= 0 && part < len(q.res.Parts) && q.res.Parts[part].Result != nil
}

// plainlyNear is the distance within which codes say by themselves that two frames are one.
const plainlyNear = 40

// localNear is the distance that counts for two frames that show the same by their local
// features, with a probability.
func localNear(p float64) uint8 { return uint8(20 + float64((NearFrames-20)*(1-p))) }

// row is the frame of the query at a time, col that of the registered video.
func (q *Query) row(t float64) int   { return q.track.at(t) }
func (r *refSide) col(t float64) int { return r.track.at(t) }

// at is the place of the frame nearest to a time, at most a step away; -1 where there is
// none.
func (t Track) at(time float64) int {
	slot := int(math.Round(time / Step))
	i, _ := slices.BinarySearchFunc(t, slot, func(f Frame, s int) int { return cmp.Compare(f.Slot, s) })
	best, off := -1, 2
	for _, k := range []int{i - 1, i} {
		if k >= 0 && k < len(t) {
			if d := abs(t[k].Slot - slot); d < off {
				best, off = k, d
			}
		}
	}
	return best
}

func abs(v int) int { return max(v, -v) }

// through looks at all frames through a lens.
func (q *Query) through(g *grid, l *lens, r *refSide) error {
	type seen struct {
		col  int
		code Code
	}
	var refs []seen
	if l.whole {
		for j := range r.track {
			refs = append(refs, seen{j, r.track[j].Full})
		}
	} else {
		for i := range r.res.Parts {
			part, err := r.part(i)
			if err != nil {
				return err
			}
			j := r.col(r.res.Parts[i].Start)
			s := photo.Sketch(part)
			if j < 0 || s == nil {
				continue
			}
			if c, ok := through(s, l.toRef); ok {
				for ; j < len(r.track) && r.track[j].Time() < max(r.res.Parts[i].End, r.res.Parts[i].Start+.1); j++ {
					refs = append(refs, seen{j, c})
				}
			}
		}
	}
	for k, slot := range q.looks.Slots {
		i := q.row(float64(slot) * Step)
		if i < 0 {
			continue
		}
		c, ok := through(q.looks.Pics[k], l.toQuery)
		if !ok {
			continue
		}
		for _, s := range refs {
			g.nearer(i, s.col, uint8(min(far, c.Distance(s.code))))
		}
	}
	return nil
}

// nearness is how telling a distance is, 0..1.
func nearness(d uint8) float64 {
	return min(1, max(0, (NearFrames+4-float64(d))/44))
}

// telling is how much the content of a frame tells, 0..1.
//
// A title card has 4 to 11 percent of busy ground, most pictures 30 and more.
func (f *Frame) telling() float64 { return min(1, max(.1, float64(f.Quality-8)/20)) }

// segments are the stretches of the query that go along a line.
func (q *Query) segments(g *grid, r *refSide, l align.Line, used []bool) (out []Segment) {
	n := len(q.track)
	score, col := make([]float64, n), make([]int, n)
	for i := range n {
		t := l.At(q.track[i].Time())
		best, at := far+1, -1
		for j := r.track.from(t - Step - 1e-6); j < len(r.track) && r.track[j].Time() <= t+Step+1e-6; j++ {
			if d := int(g.at(i, j)); d < best {
				best, at = d, j
			}
		}
		col[i] = at
		switch w := q.track[i].telling(); {
		case at < 0:
			score[i] = -2 // the registered video does not reach there
		case best <= NearFrames:
			score[i] = w * nearness(uint8(best))
		default:
			score[i] = -w * min(1, float64(best-NearFrames)/24)
		}
	}
	// The stretches of greatest sum, one after the other.
	for len(out) < maxSegments {
		from, to, sum := heaviest(score, used)
		if sum < leastRun {
			break
		}
		s := Segment{Speed: l.Speed, line: l}
		for i := from; i < to; i++ {
			used[i] = true
			s.Asked++
			if score[i] > 0 {
				s.agreed = append(s.agreed, agreement{i, col[i], g.at(i, col[i]), g.off(i, col[i])})
			}
		}
		q.sum(&s)
		q.bound(&s, r, from, to)
		out = append(out, s)
	}
	return out
}

// from is the first frame at or after a time.
func (t Track) from(time float64) int {
	i, _ := slices.BinarySearchFunc(t, time, func(f Frame, s float64) int { return cmp.Compare(f.Time(), s) })
	return i
}

// heaviest is the run of unused rows with the greatest sum.
func heaviest(score []float64, used []bool) (from, to int, sum float64) {
	start, run := 0, 0.0
	for i, v := range score {
		if used[i] {
			start, run = i+1, 0
			continue
		}
		if run <= 0 {
			start, run = i, 0
		}
		if run += v; run > sum {
			from, to, sum = start, i+1, run
		}
	}
	return from, to, sum
}

// sum fills in what follows from the frames that agree.
func (q *Query) sum(s *Segment) {
	s.Frames, s.Distance = len(s.agreed), 0
	var codes []Code
	for _, a := range s.agreed {
		s.Distance += float64(a.d)
		codes = append(codes, q.track[a.row].Full)
	}
	s.Distance /= float64(max(1, s.Frames))
	s.Scenes = scenes(codes)
}

// newScene is how many bits two pictures differ by that are not of one scene.
const newScene = 60

// scenes counts pictures that differ from all counted before.
func scenes(codes []Code) int {
	var kept []Code
	for _, c := range codes {
		if !slices.ContainsFunc(kept, func(k Code) bool { return k.Distance(c) < newScene }) {
			kept = append(kept, c)
		}
	}
	return len(kept)
}

// bound sets where a segment of the rows from ≤ i < to starts and ends. A frame stands for
// the time until the next sample; what lies between a frame that agrees and one that does
// not is halved.
func (q *Query) bound(s *Segment, r *refSide, from, to int) {
	const half = Step / 2
	first, last := q.track[from].Time(), q.track[to-1].Time()
	start, end := first-half, last+half
	if first < Step {
		start = 0
	}
	if q.res.Duration-last <= Step+.05 {
		end = q.res.Duration
	}
	start, end = max(start, 0), min(end, max(q.res.Duration, last))
	// Not beyond the registered video.
	a, b := s.line.At(start), s.line.At(end)
	clip := func(t float64) float64 { return min(max(t, 0), r.res.Duration) }
	s.Query = [2]float64{start, end}
	s.Ref = [2]float64{clip(min(a, b)), clip(max(a, b))}
}

// joined makes one of segments that go on along nearly the same line after a gap.
func (q *Query) joined(all []Segment, r *refSide) (out []Segment) {
	slices.SortStableFunc(all, func(a, b Segment) int { return cmp.Compare(a.Query[0], b.Query[0]) })
	for _, s := range all {
		if n := len(out); n > 0 && out[n-1].goesOn(&s) {
			p := &out[n-1]
			long := p
			if s.Frames > p.Frames {
				long = &s
			}
			line := long.line
			p.agreed = append(p.agreed, s.agreed...)
			p.Asked += s.Asked + q.between(p.Query[1], s.Query[0])
			p.Speed, p.line = line.Speed, line
			q.sum(p)
			q.bound(p, r, p.agreed[0].row, p.agreed[len(p.agreed)-1].row+1)
			continue
		}
		out = append(out, s)
	}
	return out
}

// How long a gap may be, and how far off the line of a longer segment a shorter one may be,
// in seconds, for the two to be one.
const (
	gap     = 2
	offLine = 1
)

func (s *Segment) goesOn(o *Segment) bool {
	if o.Query[0]-s.Query[1] > gap || s.Speed < 0 != (o.Speed < 0) {
		return false
	}
	long, short := s, o
	if o.Frames > s.Frames {
		long, short = o, s
	}
	mid := (short.Query[0] + short.Query[1]) / 2
	return math.Abs(long.line.At(mid)-short.line.At(mid)) <= offLine
}

// between counts the frames of the query that are told from others between two times.
func (q *Query) between(from, to float64) int {
	return max(0, q.track.from(to)-q.track.from(from))
}

func (s *Segment) weight() float64 { return float64(s.Frames) * max(1, NearFrames+8-s.Distance) }

// check compares a few pairs of key frames along a segment closely.
func (q *Query) check(s *Segment, r *refSide, look func(fingerprint.PartPair) (*check, error)) error {
	var at []fingerprint.PartPair
	for i := range q.res.Parts {
		t := q.res.Parts[i].Start
		if t < s.Query[0]-.01 || t > s.Query[1] || q.res.Parts[i].Result == nil {
			continue
		}
		if j := partAt(r.res.Parts, s.line.At(t)); j >= 0 {
			at = append(at, fingerprint.PartPair{Query: i, Ref: j})
		}
	}
	// Evenly spread.
	n := min(len(at), maxChecks)
	for k := range n {
		if _, err := look(at[k*len(at)/n]); err != nil {
			return err
		}
	}
	return nil
}

// partAt is the part whose key frame is nearest to a time that it stands for; -1 where
// there is none.
func partAt(parts []fingerprint.Part, t float64) int {
	best, off := -1, 1.5
	for j := range parts {
		d := 0.0
		switch p := &parts[j]; {
		case t < p.Start:
			d = p.Start - t
		case t > p.End:
			d = t - p.End
		default:
			d = min(t-p.Start, 1) / 2 // a long part is still
		}
		if d < off {
			best, off = j, d
		}
	}
	return best
}

// photo finds a registered photo in the key frames of the query.
func (q *Query) photo(c *Comparison, r *refSide, pairs []fingerprint.PartPair) error {
	ref, err := r.part(-1)
	if err != nil {
		return err
	}
	for n, p := range pairs {
		if n == maxFirst {
			break
		}
		if !q.has(p.Query) {
			continue
		}
		part := &q.res.Parts[p.Query]
		cmp := q.photos[p.Query]().Compare(ref, local.Plain, local.Mirrored)
		c.prob = max(c.prob, cmp.Probability())
		if cmp.Probability() >= photo.ActThreshold {
			c.Segments = append(c.Segments, Segment{Query: [2]float64{part.Start, part.End}, Frames: 1, Asked: 1, Scenes: 1})
			c.checks = append(c.checks, check{-1, p, cmp})
		}
	}
	for k := range c.Segments {
		if err := c.describe(q, r, &c.Segments[k]); err != nil {
			return err
		}
	}
	return nil
}
