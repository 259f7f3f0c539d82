package video

import (
	"context"
	"fmt"
	"image"

	"selvage/fingerprint"
	"selvage/fingerprint/local"
	"selvage/fingerprint/photo"
)

// Info is what a decoder says of a video as a whole.
type Info struct {
	Format        string  // of the container: "mp4", "webm", "gif", …
	Width, Height int     // pixels of the picture as shown
	Duration      float64 // seconds, by the time stamps
	Notes         []string
	Audio         []byte // payload of audio.v1; nil where there is no sound
}

// Decoder turns the bytes of a video into frames.
type Decoder interface {
	// Accepts reports whether the first bytes of a file look like a video.
	Accepts(head []byte) bool
	// Frames calls yield with the frame that is shown at each multiple of step seconds, by
	// rising number, upright and opaque, no side longer than side. The picture is yield's to
	// keep. Frames ends with the error of yield, if any.
	Frames(ctx context.Context, data []byte, step float64, side int, yield func(n int, m *image.NRGBA) error) (Info, error)
}

// Options of a hasher.
type Options struct {
	Decoder Decoder
}

// How often frames are looked at closely.
const (
	frameSide = local.QuerySide // longest side of a frame that is looked at
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
)

type hasher struct{ opts Options }

// New returns the hasher of videos. It is safe for concurrent use.
func New(opts Options) fingerprint.Hasher { return hasher{opts} }

func (hasher) Work() fingerprint.WorkKind { return fingerprint.Video }

func (h hasher) Accepts(head []byte) bool { return h.opts.Decoder.Accepts(head) }

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
	info, err := h.opts.Decoder.Frames(ctx, data, Step, frameSide, m.add)
	if err != nil {
		return nil, err
	}
	r := &fingerprint.Result{
		Work: fingerprint.Video, Format: info.Format, Width: info.Width, Height: info.Height,
		Box: fingerprint.Rect{X1: info.Width, Y1: info.Height}, Duration: info.Duration, Notes: info.Notes, Parts: m.parts,
	}
	m.end(info.Duration)
	if len(m.track) > 0 {
		r.Prints = append(r.Prints, fingerprint.Fingerprint{Kind: fingerprint.VFrame, View: fingerprint.Full, Payload: m.track.Encode(), Quality: m.track.quality()})
	}
	if len(info.Audio) > 0 {
		r.Prints = append(r.Prints, fingerprint.Fingerprint{Kind: fingerprint.Audio, View: fingerprint.Full, Payload: info.Audio, Quality: 100})
	}
	if query {
		r.Query = &m.looks
	}
	r.Insufficient = m.track.lacking()
	return r, nil
}

// maker makes the fingerprints of a video from its samples as they come.
type maker struct {
	query bool
	track Track
	parts []fingerprint.Part
	key   Frame // of the last part
	looks Looks
}

// add takes sample n.
func (m *maker) add(n int, pic *image.NRGBA) error {
	if len(m.track) == maxFrames {
		return nil
	}
	h := photo.HashFrame(pic)
	f := Frame{Slot: n, Quality: max(h.Quality, h.BoxedQuality)}
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
	m.track = append(m.track, f)
	if f.Blank {
		return nil
	}
	if m.query && len(m.looks.Slots) < maxLooks {
		m.looks.Slots = append(m.looks.Slots, n)
		m.looks.Pics = append(m.looks.Pics, local.NewBase(pic, lookSide))
	}
	if len(m.parts) > 0 && (n < m.key.Slot+m.every() || f.still(&m.key)) {
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
