package mih_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"selvage/index"
	"selvage/index/flat"
	"selvage/index/indextest"
	"selvage/index/mih"
)

// Costs of a scan that make searches read buckets always, until there are more
// candidates than allowed, and never.
var costs = []float64{1e9, 60, 0}

// both runs a test with plain and with vector code.
func both(t *testing.T, test func(*testing.T)) {
	for _, on := range []bool{false, true} {
		t.Run(fmt.Sprintf("vectors=%t", on), func(t *testing.T) {
			mih.SetVectors(t, on)
			test(t)
		})
	}
}

func TestMemory(t *testing.T) {
	both(t, func(t *testing.T) {
		indextest.Run(t, func(*testing.T) index.Hamming { return mih.New() })
	})
}

func TestMemoryEager(t *testing.T) {
	for _, cost := range costs {
		t.Run(fmt.Sprintf("cost=%g", cost), func(t *testing.T) {
			indextest.Run(t, func(*testing.T) index.Hamming { return mih.NewEager(cost) })
		})
	}
}

func TestFiles(t *testing.T) {
	indextest.RunPersistent(t, func(t *testing.T, dir string) index.Persistent {
		return open(t, dir, mih.Open)
	})
}

func TestFilesEager(t *testing.T) {
	indextest.RunPersistent(t, func(t *testing.T, dir string) index.Persistent {
		return open(t, dir, eager(nil))
	})
}

func eager(step func(string) error) func(string) (*mih.Index, error) {
	return func(dir string) (*mih.Index, error) { return mih.OpenEager(dir, 200, step) }
}

func open(t testing.TB, dir string, with func(string) (*mih.Index, error)) *mih.Index {
	t.Helper()
	x, err := with(dir)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestAgainstFlat does the same random things to both, with flushes and reopening.
func TestAgainstFlat(t *testing.T) {
	pool := indextest.Clustered(400, 40, 30, 11)
	root := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		dir := filepath.Join(root, fmt.Sprint(runs))
		cost := rapid.SampledFrom(costs).Draw(t, "cost")
		reopen := func() *mih.Index {
			x, err := mih.OpenEager(dir, cost, nil)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		x, oracle := reopen(), flat.New()
		defer func() { x.Close(); os.RemoveAll(dir) }()
		ids := rapid.Uint64Range(0, 300)
		code := rapid.SampledFrom(pool)
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		cursor := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"add many": func(t *rapid.T) {
				from, n := ids.Draw(t, "from"), rapid.IntRange(1, 120).Draw(t, "n")
				c := rapid.IntRange(0, len(pool)-1).Draw(t, "code")
				for i := range n {
					id := index.ID(from + uint64(i*7%n))
					must(x.Add(id, pool[(c+i)%len(pool)]))
					must(oracle.Add(id, pool[(c+i)%len(pool)]))
				}
			},
			"add": func(t *rapid.T) {
				id, c := index.ID(ids.Draw(t, "id")), code.Draw(t, "code")
				must(x.Add(id, c))
				must(oracle.Add(id, c))
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
			"range": func(t *rapid.T) {
				probes := rapid.SliceOfN(code, 1, 16).Draw(t, "probes")
				radius := rapid.IntRange(0, 256).Draw(t, "radius")
				got, err := x.Range(probes, radius)
				must(err)
				want, err := oracle.Range(probes, radius)
				must(err)
				if !slices.Equal(got, want) {
					t.Fatalf("Range: %v, want %v", got, want)
				}
			},
			"nearest": func(t *rapid.T) {
				probes := rapid.SliceOfN(code, 1, 16).Draw(t, "probes")
				k := rapid.IntRange(0, 50).Draw(t, "k")
				got, err := x.Nearest(probes, k)
				must(err)
				want, err := oracle.Nearest(probes, k)
				must(err)
				if !slices.Equal(got, want) {
					t.Fatalf("Nearest: %v, want %v", got, want)
				}
			},
			"": func(t *rapid.T) {
				if x.Len() != oracle.Len() {
					t.Fatalf("Len is %d, want %d", x.Len(), oracle.Len())
				}
			},
		})
	})
}

// TestLarge uses the usual settings, with enough codes for segments that have buckets.
func TestLarge(t *testing.T) { both(t, large) }

func large(t *testing.T) {
	x, oracle := mih.New(), flat.New()
	codes := slices.Concat(indextest.Random(30000, 1), indextest.Clustered(20000, 2000, 20, 2),
		slices.Repeat(indextest.Random(1, 3), 10000))
	for i, c := range codes {
		if err := x.Add(index.ID(i), c); err != nil {
			t.Fatal(err)
		}
		if err := oracle.Add(index.ID(i), c); err != nil {
			t.Fatal(err)
		}
	}
	for at := 0; at < len(codes); at += 4999 {
		c := codes[at]
		probes := append(indextest.Random(6, uint64(at)), c, index.Code{^c[0], ^c[1], ^c[2], ^c[3]})
		for _, radius := range []int{0, 15, 31, 50, 100} {
			got, err := x.Range(probes, radius)
			if err != nil {
				t.Fatal(err)
			}
			want, err := oracle.Range(probes, radius)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("near code %d, radius %d: %d hits, want %d", at, radius, len(got), len(want))
			}
		}
	}
}
