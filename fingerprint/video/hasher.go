package video

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
	"selvage/fingerprint/photo"
	"selvage/fingerprint/video/audio"
	"selvage/fingerprint/video/media"
)

// Options of a hasher. The zero value is right for the service.
type Options struct {
	// Limits on what is decoded; zero fields mean those of package media. Rate and Side are the
	// hasher's own.
	Limits media.Options
}

// How often frames are looked at closely.
const (
	frameSide = local.RefSide // longest side of a frame that is looked at
	// lookSide is that of the small pictures of a query that are laid under what was found.
	lookSide = 320
	// A registered video has a key frame a second, a query one every second and a half, and
	// none where nothing moves: where the codes differ by no more than still bits from those of
	// the last key frame.
	refEvery   = 2 // in samples
	queryEvery = 3
	still      = 10
	// longEvery is refEvery past the first longAfter key frames.
	longAfter = 600
	longEvery = 6
	maxLooks  = 600 // small pictures of a query
	// A query of no more than brief samples has a key frame wherever something moved: a cut of
	// two seconds is proved by its key frames or not at all.
	brief = 10
)

type hasher struct{ opts Options }

// New returns the hasher of videos. It is safe for concurrent use.
func New(opts Options) fingerprint.Hasher { return hasher{opts} }

func (hasher) Work() fingerprint.WorkKind { return fingerprint.Video }

func (h hasher) Accepts(head []byte) bool { return accepts(head) }

// Hash implements fingerprint.Hasher.
func (h hasher) Hash(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	return h.hash(ctx, data, false)
}

// HashQuery is Hash for a video that is asked about.
func (h hasher) HashQuery(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	return h.hash(ctx, data, true)
}

// Looks are small grey pictures of the frames of a query: what was found in one of them is
// looked for in all. They are in Result.Query.
type Looks struct {
	Slots []int
	Pics  []*local.Gray
}

func (h hasher) hash(ctx context.Context, data []byte, query bool) (*fingerprint.Result, error) {
	m := maker{query: query}
	opts := h.opts.Limits
	opts.Rate, opts.Side = 1/Step, frameSide
	sound := audio.NewMaker()
	info, err := media.Decode(ctx, data, opts, media.Sink{
		Frame: m.show,
		Sound: func(pcm []int16) error { sound.Write(pcm); return nil },
	})
	if err != nil {
		return nil, err
	}
	if err := m.finish(info.Duration); err != nil {
		return nil, err
	}
	r := m.result(info.Width, info.Height, info.Duration)
	r.Format, r.Notes = info.Format, info.Notes
	if heard, ok := sound.Print().Fingerprint(); ok {
		r.Prints = append(r.Prints, heard)
	}
	if query && m.face != nil {
		r.Preview = func() ([]byte, error) { return photo.PreviewPicture(m.face) }
	}
	return r, nil
}

// Preview implements fingerprint.Previewer: the first frame that shows something.
func (h hasher) Preview(ctx context.Context, data []byte) ([]byte, error) {
	var face *image.NRGBA
	opts := h.opts.Limits
	opts.Rate, opts.Side = 1, fingerprint.PreviewSide
	_, err := media.Decode(ctx, data, opts, media.Sink{Frame: func(f media.Frame) error {
		telling := photo.HashFrame(f.RGB).Busy >= facing
		if face == nil || telling {
			face = f.RGB
		}
		if telling || f.Time > faceWithin {
			return errEnough
		}
		return nil
	}})
	if err != nil && !errors.Is(err, errEnough) || face == nil {
		return nil, err
	}
	return photo.PreviewPicture(face)
}

// PreviewPart implements fingerprint.PartPreviewer.
func (h hasher) PreviewPart(ctx context.Context, data []byte, p fingerprint.Part) ([]byte, error) {
	var out []byte
	err := h.frames(ctx, data, fingerprint.PreviewSide, []float64{p.Start}, func(_ int, m *image.NRGBA) (err error) {
		out, err = photo.PreviewPicture(m)
		return err
	})
	return out, err
}

// PreviewFrames implements fingerprint.FramePreviewer.
func (h hasher) PreviewFrames(ctx context.Context, data []byte, times []float64) ([][]byte, error) {
	out := make([][]byte, len(times))
	err := h.frames(ctx, data, fingerprint.FrameSide, times, func(i int, m *image.NRGBA) (err error) {
		out[i], err = photo.PreviewFrame(m)
		return err
	})
	return out, err
}

// frames decodes a file as far as the last of the times, and gives the frame that is shown at
// each of them: at times past the end, the last one.
func (h hasher) frames(ctx context.Context, data []byte, side int, times []float64, take func(i int, m *image.NRGBA) error) error {
	order := make([]int, len(times))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(times[a], times[b]) })
	var shown *image.NRGBA
	upTo := func(t float64) error { // takes what is shown for good, as a frame at t follows
		for len(order) > 0 && shown != nil && times[order[0]]+Step/2 < t {
			if err := take(order[0], shown); err != nil {
				return err
			}
			order = order[1:]
		}
		return nil
	}
	opts := h.opts.Limits
	opts.Rate, opts.Side = 1/Step, side
	_, err := media.Decode(ctx, data, opts, media.Sink{Frame: func(f media.Frame) error {
		if err := upTo(f.Time); err != nil {
			return err
		}
		if len(order) == 0 {
			return errEnough
		}
		shown = f.RGB
		return nil
	}})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	return upTo(math.Inf(1))
}

var errEnough = errors.New("seen enough")

const (
	facing     = 15 // of Frame.Quality: enough to stand for the video
	faceWithin = 30 // seconds
)

func accepts(head []byte) bool {
	_, ok := media.Sniff(head)
	return ok
}

// maker makes the fingerprints of a video from its frames as they come.
type maker struct {
	query bool
	shown *image.NRGBA // the frame that is shown now, from sample next on; nil before the first
	next  int
	track Track
	parts []fingerprint.Part
	key   Frame // of the last part
	spare []spare
	looks Looks
	face  *image.NRGBA // stands for the video: the first frame that shows something, or the first
	best  int          // its quality
}

// spare is a frame that becomes a key frame if the query turns out to be brief.
type spare struct {
	time float64
	pic  *image.NRGBA
}

// show takes the frame that is shown from its time on: until then, the one before was.
func (m *maker) show(f media.Frame) error {
	n := int(f.Time/Step + 1e-6)
	if err := m.hold(n); err != nil {
		return err
	}
	m.shown, m.next = f.RGB, n
	return nil
}

// hold samples the frame that is shown up to sample n.
func (m *maker) hold(n int) error {
	for first := true; m.shown != nil && m.next < n && len(m.track) < maxFrames; m.next++ {
		if !first {
			again := m.track[len(m.track)-1]
			again.Slot = m.next
			m.track = append(m.track, again)
			continue
		}
		if err := m.add(m.next, m.shown); err != nil {
			return err
		}
		first = false
	}
	return nil
}

// finish samples the last frame, which is shown until the end.
func (m *maker) finish(duration float64) error {
	if err := m.hold(max(m.next+1, int(math.Ceil(duration/Step-1e-6)))); err != nil {
		return err
	}
	if len(m.track) > brief {
		return nil
	}
	for _, s := range m.spare {
		r, err := m.part(s.pic)
		if err != nil {
			return fmt.Errorf("frame at %.1f s: %w", s.time, err)
		}
		m.parts = append(m.parts, fingerprint.Part{Kind: fingerprint.FramePart, Start: s.time, Result: r})
	}
	slices.SortFunc(m.parts, func(a, b fingerprint.Part) int { return cmp.Compare(a.Start, b.Start) })
	for i := range len(m.parts) - 1 {
		m.parts[i].End = m.parts[i+1].Start
	}
	return nil
}

// result is all but what the container says.
func (m *maker) result(w, h int, duration float64) *fingerprint.Result {
	m.end(duration)
	r := &fingerprint.Result{
		Work: fingerprint.Video, Width: w, Height: h, Box: fingerprint.Rect{X1: w, Y1: h}, Duration: duration,
		Parts: m.parts, Insufficient: m.track.lacking(),
	}
	if len(m.track) > 0 {
		r.Prints = append(r.Prints, fingerprint.Fingerprint{Kind: fingerprint.VFrame, View: fingerprint.Full, Payload: m.track.Encode(), Quality: m.track.quality()})
	}
	if m.query {
		r.Query = &m.looks
	}
	return r
}

// add takes sample n.
func (m *maker) add(n int, pic *image.NRGBA) error {
	h := photo.HashFrame(pic)
	f := Frame{Slot: n, Quality: h.Busy}
	switch {
	case h.Full != nil && h.Boxed != nil:
		f.Full, f.Box, f.HasBox = codeOf(h.Full), codeOf(h.Boxed), true
	case h.Full != nil:
		f.Full = codeOf(h.Full)
	case h.Boxed != nil:
		f.Full = codeOf(h.Boxed)
	default:
		f.Blank = true
	}
	if m.face == nil || f.Quality >= facing && m.best < facing {
		m.face, m.best = pic, f.Quality
	}
	m.track = append(m.track, f)
	if f.Blank {
		return nil
	}
	if m.query && len(m.looks.Slots) < maxLooks {
		m.looks.Slots = append(m.looks.Slots, n)
		m.looks.Pics = append(m.looks.Pics, local.NewBase(pic, lookSide))
	}
	if len(m.parts) > 0 && (n < m.key.Slot+m.every() || f.still(&m.key)) {
		if m.query && n < brief && !f.still(&m.key) {
			m.spare = append(m.spare, spare{f.Time(), pic})
		}
		return nil
	}
	r, err := m.part(pic)
	if err != nil {
		return fmt.Errorf("frame at %.1f s: %w", f.Time(), err)
	}
	m.end(f.Time())
	m.parts = append(m.parts, fingerprint.Part{Kind: fingerprint.FramePart, Start: f.Time(), Result: r})
	m.key = f
	return nil
}

func (m *maker) every() int {
	switch {
	case m.query:
		return queryEvery
	case len(m.parts) > longAfter:
		return longEvery
	}
	return refEvery
}

func (m *maker) part(pic *image.NRGBA) (*fingerprint.Result, error) {
	if m.query {
		return photo.HashQueryPicture(pic, photo.Options{NoNegatives: true})
	}
	return photo.HashPicture(pic, photo.Options{NoNegatives: true})
}

// end says when the last part ends.
func (m *maker) end(t float64) {
	if n := len(m.parts); n > 0 {
		m.parts[n-1].End = max(t, m.parts[n-1].Start)
	}
}

// still reports whether nothing moved between two frames.
func (f *Frame) still(o *Frame) bool {
	return f.HasBox == o.HasBox && f.Full.Distance(o.Full) <= still && f.Box.Distance(o.Box) <= still
}

// quality is the mean quality of the frames.
func (t Track) quality() int {
	sum := 0
	for i := range t {
		if !t[i].Blank {
			sum += t[i].Quality
		}
	}
	return sum / max(1, len(t))
}

// lacking says why a video cannot be told from others, or nothing where it can.
func (t Track) lacking() string {
	for i := range t {
		if !t[i].Blank {
			return ""
		}
	}
	if len(t) == 0 {
		return "no picture"
	}
	return "all frames are black or flat"
}
