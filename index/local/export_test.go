package local

import (
	"testing"

	"selvage/index"
	"selvage/index/internal/segments"
)

var small = tuning{live: 20, limit: 400}

// NewSmall returns an index with segments of a few pictures, so that a test soon has many
// of them, and merges.
func NewSmall(o Options) *Index {
	return &Index{segments.New(format(o.WithDefaults().Words, small)), o.WithDefaults()}
}

// OpenSmall is Open with the settings of NewSmall, without syncing and, if step is not nil, with a
// function that is called before each step on disk and may let it fail.
func OpenSmall(dir string, o Options, step func(string) error) (*Index, error) {
	return open(dir, o, small, segments.Options{Step: step, NoSync: true})
}

// Count counts as a search does: dead pictures of segments too.
func (x *Index) Count(t testing.TB) func(in func(index.ID) bool) (pictures int, features map[uint32]int) {
	return func(in func(index.ID) bool) (pictures int, features map[uint32]int) {
		s, err := x.parts.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		features = make(map[uint32]int)
		for i, id := range s.Live.IDs {
			if in(id) && !s.Live.Dead.Has(uint32(i)) {
				pictures++
				for _, f := range s.Live.Items[i].terms {
					features[f.word]++
				}
			}
		}
		for _, v := range s.Segments {
			for _, id := range v.IDs {
				if in(id) {
					pictures++
				}
			}
			for w := range uint32(x.options.Words) {
				from, to := v.Body.list(w)
				for _, post := range v.Body.posts[from:to] {
					if in(v.IDs[post>>14]) {
						features[w]++
					}
				}
			}
		}
		return pictures, features
	}
}

// Settle waits for the merge in the background that is on its way, if any.
func (x *Index) Settle() { x.parts.Settle() }

// SetVectors turns vector code on, where the processor has it, or off, until the test ends.
func SetVectors(t testing.TB, on bool) {
	was := vectors
	vectors = on && assembly
	t.Cleanup(func() { vectors = was })
}

// Contents are the features of all living pictures, in the order of [Sorted].
func (x *Index) Contents(t testing.TB) map[index.ID][]Term {
	s, err := x.parts.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	all := make(map[index.ID]*picture)
	for i, id := range s.Live.IDs {
		if !s.Live.Dead.Has(uint32(i)) {
			all[id] = s.Live.Items[i]
		}
	}
	for _, v := range s.Segments {
		pictures := make([]picture, len(v.IDs))
		for w := range uint32(x.options.Words) {
			from, to := v.Body.list(w)
			for i, post := range v.Body.posts[from:to] {
				p := &pictures[post>>14]
				p.terms = append(p.terms, feature{w, post & 0x3fff, v.Body.sigs[from:][i]})
			}
		}
		for at := range pictures {
			if !v.Body.holds(uint32(at), &pictures[at]) {
				t.Errorf("%d does not hold what it holds", v.IDs[at])
			}
			if !v.Dead.Has(uint32(at)) {
				all[v.IDs[at]] = &pictures[at]
			}
		}
	}
	terms := make(map[index.ID][]Term)
	for id, p := range all {
		terms[id] = p.unpack()
	}
	return terms
}

// Sorted returns terms as an index keeps them.
func Sorted(terms []Term) []Term { return newPicture(terms).unpack() }

func (p *picture) unpack() []Term {
	terms := []Term{}
	for _, f := range p.terms {
		terms = append(terms, Term{f.word, f.sig, uint8(f.place >> 8 << 2), uint8(f.place)})
	}
	return terms
}
