package indextest

import (
	"slices"
	"sync"
	"testing"

	"selvage/index"
	"selvage/index/local"
)

// Local is what [local.Index] and its oracle have in common.
type Local interface {
	Add(id index.ID, terms []local.Term) error
	Remove(id index.ID) error
	Search(sets [][]local.Probe, k int) ([]local.Candidate, error)
	SearchWithin(sets [][]local.Probe, k int, from, to index.ID) ([]local.Candidate, error)
	Len() int
}

// LocalWords is the size of the vocabulary that [RunLocal] asks for.
const LocalWords = 300

// RunLocal checks an index of local features. The function open returns a new, empty one.
func RunLocal(t *testing.T, open func(t *testing.T) Local) {
	t.Run("refused", func(t *testing.T) { refused(t, open(t)) })
	t.Run("found", func(t *testing.T) { foundFirst(t, open(t)) })
	t.Run("alike", func(t *testing.T) { alike(t, open(t)) })
	t.Run("once", func(t *testing.T) { once(t, open(t)) })
	t.Run("within", func(t *testing.T) { localWithin(t, open) })
	t.Run("visible", func(t *testing.T) { localVisible(t, open(t)) })
	t.Run("replaced", func(t *testing.T) { localReplaced(t, open(t)) })
}

func put(t *testing.T, x Local, id index.ID, terms []local.Term) {
	t.Helper()
	if err := x.Add(id, terms); err != nil {
		t.Fatal(err)
	}
}

func search(t *testing.T, x Local, k int, sets ...[]local.Probe) []local.Candidate {
	t.Helper()
	found, err := x.Search(sets, k)
	if err != nil {
		t.Error(err)
	}
	return found
}

// same asks for just what a picture has.
func same(terms []local.Term) []local.Probe {
	set := make([]local.Probe, len(terms))
	for i, t := range terms {
		set[i] = local.Probe{Words: []uint32{t.Word}, Sig: t.Sig, Size: t.Size, Angle: t.Angle}
	}
	return set
}

func refused(t *testing.T, x Local) {
	if err := x.Add(1, []local.Term{{Word: LocalWords}}); err == nil {
		t.Error("a word outside of the vocabulary: no error")
	}
	if err := x.Add(1, make([]local.Term, 4097)); err == nil {
		t.Error("4097 features: no error")
	}
	many := make([]local.Term, 4096)
	for i := range many {
		many[i].Word = uint32(i % LocalWords)
	}
	put(t, x, 1, many)
	put(t, x, 2, nil)
	for name, set := range map[string][]local.Probe{
		"no word":                     {{}},
		"five words":                  {{Words: []uint32{1, 2, 3, 4, 5}}},
		"a word outside":              {{Words: []uint32{0, LocalWords}}},
		"more features than a search": slices.Repeat([]local.Probe{{Words: []uint32{1}}}, 4097),
	} {
		if _, err := x.Search([][]local.Probe{set}, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	probe := []local.Probe{{Words: []uint32{0, 0}}}
	if found := search(t, x, 5, nil, probe); len(found) != 1 || found[0].ID != 1 || found[0].Set != 1 || found[0].Score <= 0 {
		t.Errorf("found %v", found)
	}
	if found := slices.Concat(search(t, x, 5), search(t, x, 5, nil), search(t, x, 0, probe), search(t, x, -1, probe)); len(found) != 0 {
		t.Errorf("empty queries find %v", found)
	}
	if x.Len() != 2 {
		t.Errorf("Len is %d, want 2", x.Len())
	}
}

// foundFirst demands that a part of a picture, turned and scaled, finds it.
func foundFirst(t *testing.T, x Local) {
	f := NewFeatures(LocalWords, 40, 1)
	var all [][]local.Term
	for i := range 300 {
		all = append(all, f.Picture())
		put(t, x, spreadID(i), all[i])
	}
	for i := 0; i < len(all); i += 17 {
		sets := [][]local.Probe{f.Query(nil, 0, 20), f.Query(all[i], 15, 10), f.Query(nil, 0, 25)}
		found := search(t, x, 10, sets...)
		if len(found) != 10 || found[0].ID != spreadID(i) || found[0].Set != 1 || found[0].Score < 1.2*found[1].Score {
			t.Errorf("picture %d, %d: found %v", i, spreadID(i), found)
		}
		if first := search(t, x, 1, sets...); !slices.Equal(first, found[:1]) {
			t.Errorf("the first of 1 is %v, of 10 %v", first, found[0])
		}
		// The order of probes and pictures' terms means nothing.
		slices.Reverse(all[i])
		put(t, x, spreadID(i), all[i])
		slices.Reverse(sets[1])
		if again := search(t, x, 10, sets...); !slices.Equal(again, found) {
			t.Errorf("found %v, and in another order %v", found, again)
		}
	}
}

// alike pictures are found by their ID, largest scores first.
func alike(t *testing.T, x Local) {
	f := NewFeatures(LocalWords, 30, 2)
	p := f.Picture()
	for i := range 100 {
		put(t, x, spreadID(i), p[:20+10*(i%2)])
	}
	found := search(t, x, 200, same(p), same(p))
	if len(found) != 100 {
		t.Fatalf("%d found, want 100", len(found))
	}
	for i, c := range found {
		if c.Set != 0 {
			t.Errorf("set %d, want the first of those that are alike", c.Set)
		}
		if i > 0 && (c.Score > found[i-1].Score || c.Score == found[i-1].Score && c.ID <= found[i-1].ID) {
			t.Errorf("%v stands before %v", found[i-1], c)
		}
	}
}

// once counts a feature that a picture has many times, and what many probes see, for little.
func once(t *testing.T, x Local) {
	term := local.Term{Word: 7, Sig: 1, Size: 100}
	plain := []local.Term{term, {Word: 8, Sig: 2, Size: 100}}
	put(t, x, 1, slices.Concat(plain, slices.Repeat([]local.Term{{Word: 9, Sig: 5}}, 10)))
	put(t, x, 2, slices.Concat(slices.Repeat([]local.Term{term}, 11), []local.Term{{Word: 10, Sig: 6}}))
	if found := search(t, x, 2, same(plain)); len(found) != 2 || found[0].ID != 1 {
		t.Errorf("found %v, want first the picture with both features", found)
	}
	// One window holds the votes for both features only if they are turned alike.
	turned := same(plain)
	turned[1].Angle += 128
	straight := search(t, x, 1, same(plain))[0].Score
	if score := search(t, x, 1, turned)[0].Score; score >= straight {
		t.Errorf("score is %g with one feature turned, %g without", score, straight)
	}
}

// localWithin compares a part of an index with an index of that part.
func localWithin(t *testing.T, open func(t *testing.T) Local) {
	f := NewFeatures(LocalWords, 20, 3)
	x, part := open(t), open(t)
	const from, to = index.ID(2) << 40, index.ID(3) << 40
	var all [][]local.Term
	for i := range 200 {
		id := index.ID(i%5)<<40 | index.ID(i*7%200)
		all = append(all, f.Picture())
		put(t, x, id, all[i])
		if id >= from && id < to {
			put(t, part, id, all[i])
		}
	}
	for i := range 20 {
		sets := [][]local.Probe{f.Query(all[i*10+2], 10, 10), f.Query(nil, 0, 30)}
		found, err := x.SearchWithin(sets, 10, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if want := search(t, part, 10, sets...); !slices.Equal(found, want) || len(want) == 0 {
			t.Fatalf("found %v, want %v", found, want)
		}
	}
	for _, r := range [][2]index.ID{{5, 5}, {9, 8}, {7 << 40, 8 << 40}} {
		if found, err := x.SearchWithin([][]local.Probe{same(all[0])}, 5, r[0], r[1]); err != nil || len(found) != 0 {
			t.Errorf("within %x: %v, %v", r, found, err)
		}
	}
}

// localVisible lets writers look for their own pictures while others write.
func localVisible(t *testing.T, x Local) {
	const writers, each = 3, 120
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			f := NewFeatures(LocalWords, 20, uint64(10+w))
			for i := range each {
				id, p := index.ID(i*writers+w), f.Picture()
				if err := x.Add(id, p); err != nil {
					t.Error(err)
					return
				}
				if i%10 == 0 && !seen(t, x, id, p) {
					t.Errorf("%d is not found after Add", id)
				}
				if i%3 != 0 {
					continue
				}
				if err := x.Remove(id); err != nil {
					t.Error(err)
					return
				}
				if seen(t, x, id, p) {
					t.Errorf("%d is found after Remove", id)
				}
			}
		})
	}
	wg.Wait()
	if want := writers * each * 2 / 3; x.Len() != want {
		t.Errorf("Len is %d, want %d", x.Len(), want)
	}
}

func seen(t *testing.T, x Local, id index.ID, p []local.Term) bool {
	return slices.ContainsFunc(search(t, x, 1000, same(p)), func(c local.Candidate) bool { return c.ID == id })
}

// localReplaced demands that an ID is found at every moment while its picture is replaced.
func localReplaced(t *testing.T, x Local) {
	f := NewFeatures(LocalWords, 20, 4)
	pictures := [][]local.Term{f.Picture(), f.Picture(), f.Picture()}
	put(t, x, 1, pictures[0])
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			if found := search(t, x, 5, same(slices.Concat(pictures...))); len(found) != 1 {
				t.Errorf("while being replaced: %v; want one picture", found)
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for i := range 300 {
		put(t, x, 1, pictures[i%3])
	}
	close(done)
	wg.Wait()
}
