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
