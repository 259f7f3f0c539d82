package text

import (
	"fmt"
	"slices"

	"selvage/index"
	"selvage/index/internal/segments"
)

// Candidate is one text found.
type Candidate struct {
	ID     index.ID
	Score  float64 // larger is better; comparable within one search only
	Shared int     // how many of the query's hashes it has
}

// Options say how an index is searched. The zero value is the usual.
type Options struct {
	Postings int // how many postings a search may read; 0: 4 Mi
}

// MaxHashes is how many hashes a text may have.
const MaxHashes = 1 << 20

// Index finds texts by their hashes. Make one with [New] or [Open]. All methods are safe for
// concurrent use.
type Index struct {
	parts   *segments.Index[[]uint32, lists]
	options Options
}

// New returns an empty index in memory.
func New(o Options) *Index { return &Index{segments.New(format(usual)), o.withDefaults()} }

// Open opens the index in a directory, which is made if it does not exist. Its files are checked
// in full and then mapped into memory. Damaged or missing files give an error that wraps
// [index.ErrCorrupt]. A directory can be open once at a time, in one process.
func Open(dir string, o Options) (*Index, error) { return open(dir, o, usual, segments.Options{}) }

func open(dir string, o Options, t tuning, so segments.Options) (*Index, error) {
	parts, err := segments.Open(dir, format(t), so)
	if err != nil {
		return nil, err
	}
	return &Index{parts, o.withDefaults()}, nil
}

func (o Options) withDefaults() Options {
	if o.Postings <= 0 {
		o.Postings = 1 << 22
	}
	return o
}

// tuning is what tests change to have many segments of few texts.
type tuning struct{ live, limit int }

var usual = tuning{live: 1 << 8, limit: maxTexts}

func format(t tuning) segments.Format[[]uint32, lists] {
	return segments.Format[[]uint32, lists]{
		Name: "index of texts", Manifest: "SLMANT01",
		Live: t.live, Limit: t.limit,
		Build: build,
		Merge: merge,
		Parse: parse,
		Carve: func(w []uint64, built *segment) *segment {
			return carve(w, layoutOf(len(built.IDs), len(built.Body.posts)))
		},
		Same:  func(s *segment, at uint32, item []uint32) bool { return s.Body.holds(at, item) },
		Equal: slices.Equal[[]uint32],
	}
}

// Add stores a text under an ID, in the place of the one that was there; the same hashes again, in
// any order, change nothing.
func (x *Index) Add(id index.ID, hashes []uint64) error {
	if len(hashes) > MaxHashes {
		return fmt.Errorf("%d hashes, want at most %d", len(hashes), MaxHashes)
	}
	return x.parts.Add(id, shorten(hashes))
}

// shorten keeps of hashes what the index does, sorted, each once.
func shorten(hashes []uint64) []uint32 {
	s := make([]uint32, len(hashes))
	for i, h := range hashes {
		s[i] = uint32(h >> 32)
	}
	slices.Sort(s)
	return slices.Compact(s)
}

// Remove forgets the ID. Removing an unknown ID is no error.
func (x *Index) Remove(id index.ID) error { return x.parts.Remove(id) }

// Len is the number of stored texts. It is 0 after Close.
func (x *Index) Len() int { return x.parts.Len() }

// Flush makes everything added and removed so far durable, together with cursor, an opaque
// number of the caller's. After a crash the index is as it was at the last Flush that returned;
// the caller repeats what came after Cursor. Flush waits for a merge that is under way; adding,
// removing and searching go on meanwhile. An index made with [New] only notes the cursor.
//
// An error that comes from the merging of files after the flush leaves everything flushed; it is
// right to flush again.
func (x *Index) Flush(cursor uint64) error { return x.parts.Flush(cursor) }

// Cursor is the number given to the last durable Flush; 0 if there was none.
func (x *Index) Cursor() uint64 { return x.parts.Cursor() }

// Close releases files without flushing. Searches that run come to their end; all later calls but
// Len, Cursor and Close fail with [os.ErrClosed].
func (x *Index) Close() error { return x.parts.Close() }

// Bytes is what the index takes in files and in its live part, dead texts too; 0 after Close.
func (x *Index) Bytes() int64 {
	s, err := x.parts.Snapshot()
	if err != nil {
		return 0
	}
	defer s.Release()
	n := 0
	for _, v := range s.Segments {
		n += 8 * len(v.Words)
	}
	for _, hashes := range s.Live.Items {
		n += 8 + 4*len(hashes)
	}
	return int64(n)
}
