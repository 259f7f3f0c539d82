package mih

import (
	"selvage/index"
	"selvage/index/internal/segments"
)

// Index implements [index.Persistent]. Make one with [New] or [Open].
type Index struct {
	parts  *segments.Index[index.Code, body]
	tuning tuning
}

var _ index.Persistent = (*Index)(nil)

// New returns an empty index in memory.
func New() *Index { return create(usual) }

func create(t tuning) *Index { return &Index{segments.New(format(t)), t} }

// Open opens the index in a directory, which is made if it does not exist. Its files
// are checked in full and then mapped into memory; nothing is built. Damaged or missing
// files give an error that wraps [index.ErrCorrupt]. A directory can be open once at a
// time, in one process.
func Open(dir string) (*Index, error) { return open(dir, usual, segments.Options{}) }

func open(dir string, t tuning, o segments.Options) (*Index, error) {
	parts, err := segments.Open(dir, format(t), o)
	if err != nil {
		return nil, err
	}
	return &Index{parts, t}, nil
}

func format(t tuning) segments.Format[index.Code, body] {
	return segments.Format[index.Code, body]{
		Name: "similarity index", Manifest: "SHMANI01",
		Live: t.live, Limit: segmentLimit,
		Build: func(ids []index.ID, codes []index.Code) *segment {
			s := carve(make([]uint64, layoutOf(len(ids), 0).total), len(ids), 0)
			copy(s.IDs, ids)
			copy(s.Body.codes, codes)
			seal(s)
			return s
		},
		Merge: func(sources []source) *segment { return merge(sources, t) },
		Parse: parse,
		Carve: func(words []uint64, built *segment) *segment {
			return carve(words, len(built.IDs), len(built.Body.chunks))
		},
		Same:  func(s *segment, at uint32, c index.Code) bool { return s.Body.codes[at] == c },
		Equal: func(a, b index.Code) bool { return a == b },
	}
}

// A state is what an index holds at one moment.
type state struct {
	*segments.State[index.Code, body]
	tuning tuning
}

func (x *Index) snapshot() (state, error) {
	s, err := x.parts.Snapshot()
	return state{s, x.tuning}, err
}

// Add implements [index.Hamming].
func (x *Index) Add(id index.ID, c index.Code) error { return x.parts.Add(id, c) }

// Remove implements [index.Hamming].
func (x *Index) Remove(id index.ID) error { return x.parts.Remove(id) }

// Range implements [index.Hamming]. It costs the cheaper of reading buckets and of
// scanning; see the package documentation.
func (x *Index) Range(probes []index.Code, radius int) ([]index.Hit, error) {
	if err := index.CheckRadius(radius); err != nil {
		return nil, err
	}
	s, err := x.snapshot()
	if err != nil {
		return nil, err
	}
	defer s.Release()
	return s.within(probes, radius), nil
}

// Nearest implements [index.Hamming].
func (x *Index) Nearest(probes []index.Code, k int) ([]index.Hit, error) {
	s, err := x.snapshot()
	if err != nil {
		return nil, err
	}
	defer s.Release()
	if k <= 0 || len(probes) == 0 {
		return nil, nil
	}
	return s.nearest(probes, k), nil
}

// Len implements [index.Hamming]. It is 0 after Close.
func (x *Index) Len() int { return x.parts.Len() }

// Flush implements [index.Persistent]. It waits for a merge that is under way; adding,
// removing and searching go on meanwhile. An index made with [New] has nowhere to write
// to and only notes the cursor.
//
// An error that comes from the merging of files after the flush leaves everything
// flushed; it is right to flush again.
func (x *Index) Flush(cursor uint64) error { return x.parts.Flush(cursor) }

// Cursor implements [index.Persistent].
func (x *Index) Cursor() uint64 { return x.parts.Cursor() }

// Close implements [index.Persistent]. Searches that run come to their end; all later
// calls but Len, Cursor and Close fail with [os.ErrClosed].
func (x *Index) Close() error { return x.parts.Close() }

// Size is the memory that the index takes, in bytes, and how much of it is mapped from
// files and so can be given back by the system under pressure.
func (x *Index) Size() (total, mapped int64) {
	s, err := x.snapshot()
	if err != nil {
		return 0, 0
	}
	defer s.Release()
	for _, v := range s.Segments {
		size := int64(8 * len(v.Words))
		total += size
		if v.OnDisk() {
			mapped += size
		}
	}
	return total + int64(len(s.Live.IDs))*80, mapped // code, ID and place
}
