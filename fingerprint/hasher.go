package fingerprint

import (
	"context"
	"fmt"
)

// Result is everything that a hasher learns from one file.
type Result struct {
	Work   WorkKind `json:"work"`
	Format string   `json:"format"` // as sniffed from the bytes: "jpeg", "png", "heic", …
	Width  int      `json:"width"`  // pixels after orientation
	Height int      `json:"height"`
	Box    Rect     `json:"box"` // the content box; the whole picture where nothing was cut
	// Duration is how long a video or sound lasts, in seconds, by its time stamps.
	Duration float64 `json:"duration,omitempty"`
	// Pages is how many pages a manuscript has; 0 where its format has none.
	Pages int `json:"pages,omitempty"`
	// Prints are stored with a registered asset: per view one of each kind that the
	// view has information for.
	Prints []Fingerprint `json:"prints"`
	// Probes are asked of the index when the file is a query: every view in all
	// dihedral forms. They are never stored.
	Probes []Probe `json:"-"`
	// Asides are prints that only comparing a query needs, never stored: those of view Frame,
	// and finer ones of the whole. Frame is where that view lies.
	Asides []Fingerprint `json:"-"`
	Frame  Rect          `json:"-"`
	// Insets are where the views Inset lie. A probe of such a view says which by its Inset.
	Insets []Rect `json:"-"`
	// Query is what only searching for the file needs, in the hasher's own form: for photos
	// see photo.LocalQuery. Never stored with an asset; nil where there is too little
	// information.
	Query any `json:"-"`
	// Preview makes a small JPEG of the picture, PreviewSide at most on its longer side: of
	// queries only. Nil where the hasher makes none.
	Preview func() ([]byte, error) `json:"-"`
	// Parts are the pictures inside a video or manuscript, in their order, and the lines of a
	// photo that is a drawing. They are stored as rows of their own.
	Parts []Part `json:"-"`
	// Lines draws a photo that is asked about anew, as parts of kind LinesPart and IslandPart;
	// nil where it is no drawing. That takes longer than all else, so it is left until nothing
	// else was found. It may be called once, or not at all.
	Lines func() ([]Part, error) `json:"-"`
	// Insufficient says why the file holds too little information to be told from
	// others ("flat picture: one colour"); empty where it holds enough. Such a file is
	// registered and found again by its bytes and its pixels only.
	Insufficient string `json:"insufficient,omitempty"`
	// Notes are facts about decoding that a reader of the answer should know
	// ("colour profile ignored").
	Notes []string `json:"notes,omitempty"`
}

// Print returns the fingerprint of the kind and view, and whether there is one.
func (r *Result) Print(k Kind, v View) (Fingerprint, bool) {
	for _, p := range r.Prints {
		if p.Kind == k && p.View == v {
			return p, true
		}
	}
	return Fingerprint{}, false
}

// Hasher turns files of one kind of work into fingerprints. It is safe for concurrent
// use. The same bytes give the same result on every machine.
type Hasher interface {
	// Work is the kind of work whose files the hasher reads.
	Work() WorkKind
	// Accepts reports whether a file looks like one it reads. It reads no more of it than it
	// takes to tell, and its first SniffLen bytes suffice to guess.
	Accepts(data []byte) bool
	// Hash fingerprints a file. Errors are those of package decode; a file that is
	// readable but says nothing is no error but a Result with Insufficient set.
	Hash(ctx context.Context, data []byte) (*Result, error)
}

// PreviewSide is the longest side of a preview in pixels, FrameSide that of one among several.
const (
	PreviewSide = 640
	FrameSide   = 320
)

// Previewer is the second interface of hashers whose files can be shown as a small
// picture.
type Previewer interface {
	// HashQuery is Hash for a file that is asked about: Result.Preview is set too.
	HashQuery(ctx context.Context, data []byte) (*Result, error)
	// Preview decodes a file, under the same caps as Hash, into the small JPEG alone.
	Preview(ctx context.Context, data []byte) ([]byte, error)
}

// PartPreviewer is the second interface of hashers whose files hold pictures.
type PartPreviewer interface {
	// PreviewPart makes the small JPEG of one part of a file: the frame that is shown at its
	// Start, its page, or the embedded picture. Nil where there is none.
	PreviewPart(ctx context.Context, data []byte, p Part) ([]byte, error)
}

// FramePreviewer is the second interface of hashers whose files run in time.
type FramePreviewer interface {
	// PreviewFrames makes small JPEGs, FrameSide at most on their longer sides, of the frames
	// that are shown at times in seconds, decoding the file once: past the end, of the last one.
	// Nil where there is none.
	PreviewFrames(ctx context.Context, data []byte, times []float64) ([][]byte, error)
}

// Set is the hashers of a service, in the order in which they are asked whether they read a
// file. Of bytes that none knows, the last says what is wrong with them.
type Set []Hasher

// SniffLen is how many leading bytes Accepts needs to guess.
const SniffLen = 4096

// ErrUnsupported is returned for bytes that no hasher of the set reads.
type ErrUnsupported struct {
	Want WorkKind // empty: any kind was asked for
}

func (e *ErrUnsupported) Error() string {
	if e.Want == "" {
		return "the bytes are of no format that can be fingerprinted"
	}
	return fmt.Sprintf("the bytes are of no format that can be fingerprinted as a %s", e.Want)
}

// Hash fingerprints data with the hasher of the wanted kind of work, or, where want
// is empty, with the first hasher that accepts the bytes.
func (s Set) Hash(ctx context.Context, want WorkKind, data []byte) (*Result, error) {
	h, err := s.pick(want, data)
	if err != nil {
		return nil, err
	}
	return h.Hash(ctx, data)
}

// HashQuery is Hash for a file that is asked about: where the hasher is a Previewer, the
// result has a preview.
func (s Set) HashQuery(ctx context.Context, data []byte) (*Result, error) {
	h, err := s.pick("", data)
	if err != nil {
		return nil, err
	}
	if p, ok := h.(Previewer); ok {
		return p.HashQuery(ctx, data)
	}
	return h.Hash(ctx, data)
}

// Preview returns a small JPEG of a file of the given kind, nil where its hasher is no
// Previewer.
func (s Set) Preview(ctx context.Context, kind WorkKind, data []byte) ([]byte, error) {
	h, err := s.pick(kind, data)
	if err != nil {
		return nil, err
	}
	if p, ok := h.(Previewer); ok {
		return p.Preview(ctx, data)
	}
	return nil, nil
}

// PreviewPart returns a small JPEG of a part of a file of the given kind; of the whole file
// where its hasher knows no parts.
func (s Set) PreviewPart(ctx context.Context, kind WorkKind, data []byte, p Part) ([]byte, error) {
	h, err := s.pick(kind, data)
	if err != nil {
		return nil, err
	}
	if x, ok := h.(PartPreviewer); ok {
		return x.PreviewPart(ctx, data, p)
	}
	return s.Preview(ctx, kind, data)
}

// PreviewFrames returns small JPEGs of the frames that a file of the given kind shows at times
// in seconds; none where its hasher knows no time.
func (s Set) PreviewFrames(ctx context.Context, kind WorkKind, data []byte, times []float64) ([][]byte, error) {
	h, err := s.pick(kind, data)
	if err != nil {
		return nil, err
	}
	if x, ok := h.(FramePreviewer); ok {
		return x.PreviewFrames(ctx, data, times)
	}
	return nil, nil
}

// Kind is the kind of work that Hash would take data for; empty where no hasher reads it.
func (s Set) Kind(want WorkKind, data []byte) WorkKind {
	h, err := s.pick(want, data)
	if err != nil {
		return ""
	}
	return h.Work()
}

// pick returns the hasher for a file.
func (s Set) pick(want WorkKind, data []byte) (Hasher, error) {
	for _, h := range s {
		if want == "" && h.Accepts(data) || want == h.Work() {
			return h, nil
		}
	}
	if want == "" && len(s) > 0 {
		// No hasher knows the bytes: let the last, which reads photos, say what is wrong with
		// them (empty file, unknown format), which it does better than this loop could.
		return s[len(s)-1], nil
	}
	return nil, &ErrUnsupported{Want: want}
}
