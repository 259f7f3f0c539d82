package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"selvage/index"
	"selvage/index/indextest"
	"selvage/index/local"
	"selvage/index/local/flat"
)

var few = local.Options{Words: indextest.LocalWords}

func TestFlat(t *testing.T) {
	indextest.RunLocal(t, func(*testing.T) indextest.Local { return flat.New(few) })
}

func TestMemory(t *testing.T) {
	for _, on := range []bool{false, true} {
		t.Run(fmt.Sprintf("vectors=%t", on), func(t *testing.T) {
			local.SetVectors(t, on)
			indextest.RunLocal(t, func(*testing.T) indextest.Local { return local.New(few) })
		})
	}
}

func TestMemorySmall(t *testing.T) {
	indextest.RunLocal(t, func(*testing.T) indextest.Local { return local.NewSmall(few) })
}

func TestFiles(t *testing.T) {
	indextest.RunPersistentLocal(t, func(t *testing.T, dir string) indextest.PersistentLocal {
		x, err := local.Open(dir, few)
		if err != nil {
			t.Fatal(err)
		}
		return x
	})
}

func TestFilesSmall(t *testing.T) {
	indextest.RunPersistentLocal(t, func(t *testing.T, dir string) indextest.PersistentLocal {
		return open(t, dir, nil)
	})
}

func open(t testing.TB, dir string, step func(string) error) *local.Index {
	t.Helper()
	x, err := local.OpenSmall(dir, few, step)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestAgainstFlat does the same random things to both, with flushes and reopening.
func TestAgainstFlat(t *testing.T) {
	f := indextest.NewFeatures(few.Words, 12, 11)
	var pool [][]local.Term
	for range 100 {
		pool = append(pool, f.Picture())
	}
	var queries [][]local.Probe
	for i := range 60 {
		queries = append(queries, f.Query(pool[i], i%10, 10))
	}
	root := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		dir := filepath.Join(root, fmt.Sprint(runs))
		o := local.Options{
			Words:     few.Words,
			Postings:  rapid.SampledFrom([]int{1, 300, 3000, 1 << 20}).Draw(rt, "postings"),
			Shortlist: rapid.SampledFrom([]int{1, 5, 40, 500}).Draw(rt, "shortlist"),
		}
		reopen := func() *local.Index {
			x, err := local.OpenSmall(dir, o, nil)
			if err != nil {
				rt.Fatal(err)
			}
			return x
		}
		x, oracle := reopen(), flat.New(o)
		oracle.CountWith(func(in func(index.ID) bool) (int, map[uint32]int) { return x.Count(t)(in) })
		defer func() { x.Close(); os.RemoveAll(dir) }()
		ids := rapid.Uint64Range(0, 150)
		must := func(err error) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		compare := func(got []local.Candidate, err error) func([]local.Candidate, error) {
			must(err)
			return func(want []local.Candidate, err error) {
				must(err)
				if !slices.Equal(got, want) {
					rt.Fatalf("found %v, want %v", got, want)
				}
			}
		}
		cursor := uint64(0)
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				from, n := ids.Draw(t, "from"), rapid.IntRange(1, 60).Draw(t, "n")
				p := rapid.IntRange(0, len(pool)-1).Draw(t, "picture")
				for i := range n {
					id, terms := index.ID(from+uint64(i*7%n)), pool[(p+i)%len(pool)]
					must(x.Add(id, terms[:len(terms)-i%3]))
					must(oracle.Add(id, terms[:len(terms)-i%3]))
				}
			},
			"remove": func(t *rapid.T) {
				from, n := ids.Draw(t, "from"), rapid.IntRange(1, 20).Draw(t, "n")
				for i := range n {
					must(x.Remove(index.ID(from + uint64(i))))
					must(oracle.Remove(index.ID(from + uint64(i))))
				}
			},
			"flush": func(t *rapid.T) {
				cursor++
				must(x.Flush(cursor))
			},
			"reopen": func(t *rapid.T) {
				cursor++
				must(x.Flush(cursor))
				must(x.Close())
				x = reopen()
				if x.Cursor() != cursor {
					t.Fatalf("Cursor is %d, want %d", x.Cursor(), cursor)
				}
			},
			"search": func(t *rapid.T) {
				x.Settle() // so that both count the same
				sets := rapid.SliceOfN(rapid.SampledFrom(queries), 1, 4).Draw(t, "sets")
				k := rapid.IntRange(0, 50).Draw(t, "k")
				compare(x.Search(sets, k))(oracle.Search(sets, k))
				from, n := index.ID(ids.Draw(t, "from")), index.ID(ids.Draw(t, "n"))
				compare(x.SearchWithin(sets, k, from, from+n))(oracle.SearchWithin(sets, k, from, from+n))
			},
			"": func(t *rapid.T) {
				if x.Len() != oracle.Len() {
					t.Fatalf("Len is %d, want %d", x.Len(), oracle.Len())
				}
			},
		})
	})
}

// TestLarge uses the usual settings, with enough pictures for segments. Nothing is removed, so
// that both count the same.
func TestLarge(t *testing.T) {
	x, oracle := local.New(few), flat.New(few)
	f := indextest.NewFeatures(few.Words, 20, 1)
	const n = 2500
	var all [][]local.Term
	for i := range n {
		all = append(all, f.Picture())
		for _, y := range []indextest.Local{x, oracle} {
			if err := y.Add(index.ID(i*7919%n), all[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 4 {
		sets := [][]local.Probe{f.Query(nil, 0, 300), f.Query(all[i*171], 12, 300)}
		for _, on := range []bool{false, true} {
			local.SetVectors(t, on)
			got, err := x.Search(sets, 700)
			if err != nil {
				t.Fatal(err)
			}
			want, err := oracle.Search(sets, 700)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) || len(got) != 700 {
				t.Fatalf("query %d, vectors %t: %d found, %v, want %d, %v", i, on, len(got), got[0], len(want), want[0])
			}
		}
	}
}

// TestBytes holds the promise of 4 KiB for a picture of 288 features, in a small collection, where
// the directory takes the largest part.
func TestBytes(t *testing.T) {
	x, err := local.OpenSmall(t.TempDir(), local.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	f := indextest.NewFeatures(1<<18, 288, 1)
	const n = 600
	for i := range n {
		if err := x.Add(index.ID(i), f.Picture()); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Flush(1); err != nil {
		t.Fatal(err)
	}
	if each := float64(x.Bytes()) / n; each > 4050 || each < 12*288 {
		t.Errorf("%g bytes a picture", each)
	}
}
