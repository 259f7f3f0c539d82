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
	// Prints are stored with a registered asset: per view one of each kind that the
	// view has information for.
	Prints []Fingerprint `json:"prints"`
	// Probes are asked of the index when the file is a query: every view in all
	// dihedral forms. They are never stored.
	Probes []Probe `json:"-"`
	// Asides are prints of view Frame, and Frame is where it lies: for comparing a query,
	// never stored.
	Asides []Fingerprint `json:"-"`
	Frame  Rect          `json:"-"`
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
	// Accepts reports whether the first bytes of a file look like one it reads.
	Accepts(head []byte) bool
	// Hash fingerprints a file. Errors are those of package decode; a file that is
	// readable but says nothing is no error but a Result with Insufficient set.
	Hash(ctx context.Context, data []byte) (*Result, error)
}

// Set is the hashers of a service.
type Set []Hasher

// SniffLen is how many leading bytes Accepts may look at.
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
	head := data[:min(len(data), SniffLen)]
	for _, h := range s {
		if want == "" && h.Accepts(head) || want == h.Work() {
			return h.Hash(ctx, data)
		}
	}
	if want == "" && len(s) > 0 {
		// No hasher knows the bytes: let the first say what is wrong with them (empty
		// file, text, unknown format), which it does better than this loop could.
		return s[0].Hash(ctx, data)
	}
	return nil, &ErrUnsupported{Want: want}
}
