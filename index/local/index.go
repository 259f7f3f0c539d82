package local

import (
	"slices"

	"selvage/index"
	"selvage/index/internal/segments"
)

// Index finds pictures by their features. Make one with [New] or [Open]. All methods are safe
// for concurrent use.
type Index struct {
	parts   *segments.Index[*picture, lists]
	options Options
}

// New returns an empty index in memory. It panics on options that cannot be.
func New(o Options) *Index {
	o = o.WithDefaults()
	if err := o.check(); err != nil {
		panic("local: " + err.Error())
	}
	return &Index{segments.New(format(o.Words, usual)), o}
}

// Open opens the index in a directory, which is made if it does not exist. Its files are checked
// in full and then mapped into memory. Damaged or missing files, and those for another size of
// the vocabulary, give an error that wraps [index.ErrCorrupt]. A directory can be open once at a
// time, in one process.
func Open(dir string, o Options) (*Index, error) { return open(dir, o, usual, segments.Options{}) }

func open(dir string, o Options, t tuning, so segments.Options) (*Index, error) {
	o = o.WithDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	parts, err := segments.Open(dir, format(o.Words, t), so)
	if err != nil {
		return nil, err
	}
	return &Index{parts, o}, nil
}

// tuning is what tests change to have many segments of few pictures.
type tuning struct{ live, limit int }

var usual = tuning{live: 1 << 10, limit: maxPictures}

func format(words int, t tuning) segments.Format[*picture, lists] {
	return segments.Format[*picture, lists]{
		Name: "index of local features", Manifest: "SLMANI01",
		Live: t.live, Limit: t.limit,
		Build: func(ids []index.ID, pictures []*picture) *segment { return build(ids, pictures, words) },
		Merge: func(sources []source) *segment { return merge(sources, words) },
		Parse: func(w []uint64) (*segment, error) { return parse(w, words) },
		Carve: func(w []uint64, built *segment) *segment {
			b := &built.Body
			return carve(w, layoutOf(len(built.IDs), len(b.posts), len(b.directory)), b.starts)
		},
		Same:  func(s *segment, at uint32, p *picture) bool { return s.Body.holds(at, p) },
		Equal: func(a, b *picture) bool { return slices.Equal(a.terms, b.terms) },
	}
}

// Add stores a picture under an ID, in the place of the one that was there; the same terms again,
// in any order, change nothing. An index keeps the upper 6 bits of a size.
func (x *Index) Add(id index.ID, terms []Term) error {
	if err := CheckTerms(terms, x.options.Words); err != nil {
		return err
	}
	return x.parts.Add(id, newPicture(terms))
}

// Remove forgets the ID. Removing an unknown ID is no error.
func (x *Index) Remove(id index.ID) error { return x.parts.Remove(id) }

// Len is the number of stored pictures. It is 0 after Close.
func (x *Index) Len() int { return x.parts.Len() }

// Flush makes everything added and removed so far durable, together with cursor, an opaque
// number of the caller's. After a crash the index is as it was at the last Flush that returned;
// the caller repeats what came after Cursor. Flush waits for a merge that is under way; adding,
// removing and searching go on meanwhile. An index made with [New] only notes the cursor.
//
// An error that comes from the merging of files after the flush leaves everything
// flushed; it is right to flush again.
func (x *Index) Flush(cursor uint64) error { return x.parts.Flush(cursor) }

// Cursor is the number given to the last durable Flush; 0 if there was none.
func (x *Index) Cursor() uint64 { return x.parts.Cursor() }

// Close releases files without flushing. Searches that run come to their end; all later
// calls but Len, Cursor and Close fail with [os.ErrClosed].
func (x *Index) Close() error { return x.parts.Close() }

// Bytes is what the index takes in files and in its live part, dead pictures too; 0 after Close.
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
	for _, p := range s.Live.Items {
		n += 8 + 16*len(p.terms)
	}
	return int64(n)
}
