package local

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"selvage/index"
	"selvage/index/internal/segments"
	"selvage/index/local/internal/weigh"
)

const fewWords = 40

func smallSegment(n, each int) *segment {
	r := rand.New(rand.NewPCG(1, 7))
	var ids []index.ID
	var pictures []*picture
	for i := range n {
		terms := make([]Term, each)
		for j := range terms {
			terms[j] = Term{r.Uint32N(fewWords), r.Uint64(), uint8(r.Uint32()), uint8(r.Uint32())}
		}
		ids, pictures = append(ids, index.ID(i*i)), append(pictures, newPicture(terms))
	}
	return build(ids, pictures, fewWords)
}

// FuzzSegment mends the checksum, so that the checks behind it are reached. What passes
// them must be searchable and can be merged.
func FuzzSegment(f *testing.F) {
	f.Add([]byte{})
	for _, s := range []*segment{smallSegment(0, 0), smallSegment(3, 0), smallSegment(1, 5), smallSegment(9, 30)} {
		f.Add(slices.Clone(segments.Bytes(s.Words)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		words := make([]uint64, len(b)/8)
		copy(segments.Bytes(words), b)
		if len(words) >= 8 {
			segments.Seal(words)
		}
		s, err := parse(words, fewWords)
		if err != nil {
			return
		}
		again := merge([]source{{Segment: s}}, fewWords)
		if !slices.Equal(again.IDs, s.IDs) || !slices.Equal(again.Body.posts, s.Body.posts) || !slices.Equal(again.Body.sigs, s.Body.sigs) {
			t.Fatal("a merge of one changes it")
		}
		if _, err := parse(again.Words, fewWords); err != nil {
			t.Fatal(err)
		}
		var dead *segments.Bitset
		if len(s.IDs) > 1 {
			dead = dead.With(uint32(len(s.IDs)) / 2)
		}
		x := New(Options{Words: fewWords})
		var q query
		var set []Probe
		for w := range uint32(fewWords) {
			set = append(set, Probe{Words: []uint32{w, (w + 7) % fewWords}})
		}
		q.ask([][]Probe{set})
		state := &segments.State[*picture, lists]{Segments: []segments.Part[lists]{{Segment: s, Dead: dead}}}
		n := q.take(state, nil)
		q.weigh(n, x.options.Budget(n))
		sr := &searcher{query: q, matches: make([]match, 1)}
		sr.begin(1, 10)
		for i := range sr.parts {
			sr.gather(&sr.parts[i], sr.probes)
			sr.choose(&sr.parts[i], 0)
		}
		for _, c := range sr.winners(10) {
			if at, ok := s.Find(c.ID); !ok || dead.Has(at) {
				t.Fatalf("%d is found", c.ID)
			}
		}
	})
}

// TestNear compares the vector code with a plain count, at every length.
func TestNear(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	sigs := make([]uint64, 300)
	sig := r.Uint64()
	for i := range sigs {
		sigs[i] = sig
		for range r.IntN(2 * weigh.MaxDistance) {
			sigs[i] ^= 1 << r.IntN(64)
		}
	}
	for _, on := range []bool{false, true} {
		SetVectors(t, on)
		var m marks
		for i := range m {
			m[i] = 0xff
		}
		for n := range len(sigs) + 1 {
			near(sigs[:n], sig, &m, new(uint32), new(uint64))
			for i := range (n + 63) / 64 * 64 {
				want := i < n && bits.OnesCount64(sigs[i]^sig) <= weigh.MaxDistance
				if got := m[i/8]>>(i%8)&1 != 0; got != want {
					t.Fatalf("vectors %t: of %d, %d is marked %t", on, n, i, got)
				}
			}
		}
	}
}
