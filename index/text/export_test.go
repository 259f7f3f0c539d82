package text

import (
	"slices"
	"testing"

	"selvage/index"
	"selvage/index/internal/segments"
)

// OpenSmall opens an index that has many segments of few texts, and calls step before each step on
// disk.
func OpenSmall(dir string, step func(name string) error) (*Index, error) {
	return open(dir, Options{}, tuning{live: 8, limit: 64}, segments.Options{Step: step, NoSync: true})
}

// NewSmall is OpenSmall in memory.
func NewSmall(o Options) *Index {
	return &Index{segments.New(format(tuning{live: 8, limit: 64})), o.withDefaults()}
}

// Settle waits for merges in the background.
func (x *Index) Settle() { x.parts.Settle() }

// Contents are the living texts.
func (x *Index) Contents(t *testing.T) map[index.ID][]uint32 {
	t.Helper()
	s, err := x.parts.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	out := make(map[index.ID][]uint32)
	for _, v := range s.Segments {
		for _, post := range v.Body.posts {
			if doc := uint32(post); !v.Dead.Has(doc) {
				out[v.IDs[doc]] = append(out[v.IDs[doc]], uint32(post>>32))
			}
		}
	}
	for doc, id := range s.Live.IDs {
		if !s.Live.Dead.Has(uint32(doc)) {
			out[id] = s.Live.Items[doc]
		}
	}
	return out
}

// Shorten is what is kept of hashes.
func Shorten(hashes []uint64) []uint32 { return shorten(hashes) }

// Parse reads the words of a segment, and looks everything in it up.
func Parse(words []uint64) error {
	s, err := parse(words)
	if err != nil {
		return err
	}
	for doc := range s.IDs {
		s.Body.run(uint32(doc), 0, uint32(len(s.IDs)))
		s.Body.holds(uint32(doc), []uint32{1, 2, 3})
	}
	merge([]source{{Segment: s}})
	return nil
}

// Words are those of a segment of texts with the IDs 1, 2, 3 and so on.
func Words(items ...[]uint64) []uint64 {
	var ids []index.ID
	var short [][]uint32
	for i, item := range items {
		ids, short = append(ids, index.ID(i+1)), append(short, shorten(item))
	}
	return slices.Clone(build(ids, short).Words)
}

// Seal makes the checksum right.
func Seal(words []uint64) { segments.Seal(words) }
