package text_test

import (
	"cmp"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"selvage/index"
	"selvage/index/text"
)

// oracle gives the answers by looking at every text.
type oracle map[index.ID][]uint64

func (o oracle) search(hashes []uint64, k int, in func(index.ID) bool) []text.Candidate {
	frequency, texts := map[uint32]int{}, 0
	for id, item := range o {
		if !in(id) {
			continue
		}
		texts++
		for _, h := range text.Shorten(item) {
			frequency[h]++
		}
	}
	var found []text.Candidate
	for id, item := range o {
		if !in(id) {
			continue
		}
		have := text.Shorten(item)
		c := text.Candidate{ID: id}
		for _, h := range text.Shorten(hashes) {
			if slices.Contains(have, h) {
				w := idf(texts, frequency[h])
				c.Score += w * w
				c.Shared++
			}
		}
		if c.Shared > 0 {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b text.Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	return found[:min(k, len(found))]
}

// idf is log2(1 + texts/n) as the package documentation has it, by another way.
func idf(texts, n int) float64 {
	v := math.Floor(256*float64(texts)/float64(n)) + 256
	whole := math.Floor(math.Log2(v))
	return whole - 8 + math.Floor((v/math.Exp2(whole)-1)*256)/256
}

// pool makes texts that share hashes: some are in many.
type pool struct{ *rand.Rand }

func (p pool) text() []uint64 {
	out := make([]uint64, p.IntN(40))
	for i := range out {
		out[i] = uint64(p.IntN(1+p.IntN(300)))*0x9e3779b97f4a7c15 | 1
	}
	return out
}

func check(t *testing.T, x *text.Index, o oracle, p pool) {
	t.Helper()
	if x.Len() != len(o) {
		t.Fatalf("Len %d, want %d", x.Len(), len(o))
	}
	query := append(p.text(), p.text()...)
	from, to := index.ID(p.IntN(100)), index.ID(50+p.IntN(200))
	for _, k := range []int{0, 1, 5, 1000} {
		got, err := x.Search(query, k)
		if err != nil {
			t.Fatal(err)
		}
		if want := o.search(query, k, func(index.ID) bool { return true }); !slices.Equal(got, want) {
			t.Fatalf("the %d best are %v, want %v", k, got, want)
		}
		if got, err = x.SearchWithin(query, k, from, to); err != nil {
			t.Fatal(err)
		}
		if want := o.search(query, k, func(id index.ID) bool { return from <= id && id < to }); !slices.Equal(got, want) {
			t.Fatalf("the %d best of %d to %d are %v, want %v", k, from, to, got, want)
		}
	}
}

// TestOracle adds, replaces and removes, and compares the answers with the oracle's. Dead texts count
// in the frequencies until their segment is merged, so it compares after that.
func TestOracle(t *testing.T) {
	p := pool{rand.New(rand.NewPCG(1, 2))}
	for range 20 {
		x, o := text.NewSmall(text.Options{}), oracle{}
		for range 1 + p.IntN(150) {
			id := index.ID(p.IntN(220))
			if _, known := o[id]; known {
				continue // see TestChanges
			}
			o[id] = p.text()
			if err := x.Add(id, o[id]); err != nil {
				t.Fatal(err)
			}
			if p.IntN(20) == 0 {
				check(t, x, o, p)
			}
		}
		x.Settle()
		check(t, x, o, p)
	}
}

// TestChanges: what was removed or replaced is not found, at once.
func TestChanges(t *testing.T) {
	p := pool{rand.New(rand.NewPCG(3, 4))}
	x, o := text.NewSmall(text.Options{}), oracle{}
	for range 600 {
		id := index.ID(p.IntN(60))
		if p.IntN(3) == 0 {
			delete(o, id)
			if err := x.Remove(id); err != nil {
				t.Fatal(err)
			}
		} else {
			o[id] = append(p.text(), uint64(id)<<40)
			if err := x.Add(id, o[id]); err != nil {
				t.Fatal(err)
			}
		}
		got, err := x.Search(o[id], 100)
		if err != nil {
			t.Fatal(err)
		}
		want := map[index.ID]int{}
		for _, c := range o.search(o[id], 100, func(index.ID) bool { return true }) {
			want[c.ID] = c.Shared
		}
		found := map[index.ID]int{}
		for _, c := range got {
			found[c.ID] = c.Shared
		}
		if !maps.Equal(found, want) {
			t.Fatalf("found %v, want %v", found, want)
		}
	}
	if x.Len() != len(o) {
		t.Errorf("Len %d, want %d", x.Len(), len(o))
	}
}

// TestBudget: the most frequent hashes are left out where there is too much to read.
func TestBudget(t *testing.T) {
	x := text.NewSmall(text.Options{Postings: 10})
	for id := range index.ID(40) {
		if err := x.Add(id, []uint64{1 << 40, uint64(id+2) << 40}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := x.Search([]uint64{1 << 40, 9 << 40}, 100)
	if err != nil || len(got) != 1 || got[0].ID != 7 || got[0].Shared != 1 {
		t.Errorf("found %v, %v, want 7 alone", got, err)
	}
}

func TestLimits(t *testing.T) {
	x := text.New(text.Options{})
	if err := x.Add(1, make([]uint64, text.MaxHashes+1)); err == nil {
		t.Error("a text with too many hashes was taken")
	}
	if _, err := x.Search(make([]uint64, text.MaxHashes+1), 1); err == nil {
		t.Error("a query with too many hashes was taken")
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Search([]uint64{1}, 1); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a search after Close: %v", err)
	}
}

var errCrash = errors.New("crash")

const flushes = 4

// history is what happens between two flushes, by the number of the first, and what is there then.
func history(round int, o oracle, add func(index.ID, []uint64) error, remove func(index.ID) error) error {
	p := pool{rand.New(rand.NewPCG(uint64(round), 9))}
	for i := range 40 {
		id := index.ID(round*30 + i)
		o[id] = p.text()
		if err := add(id, o[id]); err != nil {
			return err
		}
	}
	for i := range 15 {
		id := index.ID((round*17 + i*7) % (round*30 + 40))
		delete(o, id)
		if err := remove(id); err != nil {
			return err
		}
	}
	return nil
}

// run goes on from the index's cursor until the end or the first error.
func run(x *text.Index) error {
	for round := int(x.Cursor()); round < flushes; round++ {
		if err := history(round, oracle{}, x.Add, x.Remove); err != nil {
			return err
		}
		if err := x.Flush(uint64(round + 1)); err != nil {
			return err
		}
	}
	return nil
}

// whole demands that just those texts are there that should be at the index's cursor.
func whole(t *testing.T, x *text.Index) {
	t.Helper()
	o := oracle{}
	for round := range int(x.Cursor()) {
		_ = history(round, o, func(index.ID, []uint64) error { return nil }, func(index.ID) error { return nil })
	}
	x.Settle()
	if x.Len() != len(o) {
		t.Fatalf("cursor %d: Len %d, want %d", x.Cursor(), x.Len(), len(o))
	}
	for id, got := range x.Contents(t) {
		if want, ok := o[id]; !ok || !slices.Equal(got, text.Shorten(want)) {
			t.Fatalf("cursor %d: %d is there with other hashes or should not be", x.Cursor(), id)
		}
	}
}

func small(t *testing.T, dir string, step func(string) error) *text.Index {
	t.Helper()
	x, err := text.OpenSmall(dir, step)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func end(t *testing.T, x *text.Index) {
	t.Helper()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCrash stops at each step on disk once. What is there afterwards is what a flush left, and
// no earlier one than the last that succeeded.
func TestCrash(t *testing.T) {
	for crashAt, crashed := 1, true; crashed; crashAt++ {
		dir := t.TempDir()
		step := 0
		crashed = false
		x := small(t, dir, func(string) error {
			if step++; step >= crashAt {
				crashed = true // and nothing works from then on
				return errCrash
			}
			return nil
		})
		if err := run(x); crashed != errors.Is(err, errCrash) {
			t.Fatalf("step %d: %v", crashAt, err)
		}
		acknowledged := x.Cursor()
		end(t, x)
		x = small(t, dir, nil)
		if c := x.Cursor(); c < acknowledged || c > acknowledged+1 {
			t.Fatalf("step %d: cursor is %d after a crash, want %d or one more", crashAt, c, acknowledged)
		}
		whole(t, x)
		if err := run(x); err != nil {
			t.Fatal(err)
		}
		whole(t, x)
		end(t, x)
		if crashAt > 500 {
			t.Fatal("there is no end of steps")
		}
	}
}

// TestDamage changes and shortens each file.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	x := small(t, dir, nil)
	if err := run(x); err != nil {
		t.Fatal(err)
	}
	end(t, x)
	names, err := filepath.Glob(filepath.Join(dir, "*[0-9A-Zg]"))
	if err != nil {
		t.Fatal(err)
	}
	damages := 0
	for _, name := range names {
		if filepath.Base(name) == "LOCK" {
			continue
		}
		good, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(good)-56; at += len(good)/16 + 1 {
			bad := slices.Clone(good)
			bad[at] ^= 0x10
			for _, b := range [][]byte{bad, good[:at]} {
				if err := os.WriteFile(name, b, 0o600); err != nil {
					t.Fatal(err)
				}
				if x, err := text.Open(dir, text.Options{}); !errors.Is(err, index.ErrCorrupt) {
					t.Errorf("%s damaged at %d: %v, want an error that is ErrCorrupt", filepath.Base(name), at, err)
					if err == nil {
						end(t, x)
					}
				}
				damages++
			}
		}
		if err := os.WriteFile(name, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if damages < 40 {
		t.Errorf("only %d damages tried", damages)
	}
	x = small(t, dir, nil)
	whole(t, x)
	end(t, x)
}

func FuzzParse(f *testing.F) {
	good := text.Words([]uint64{1 << 33, 5 << 32, 7 << 40}, nil, []uint64{5 << 32})
	bytes := make([]byte, 0, 8*len(good))
	for _, w := range good {
		bytes = binary.LittleEndian.AppendUint64(bytes, w)
	}
	f.Add(bytes)
	f.Add(bytes[:64])
	f.Fuzz(func(t *testing.T, b []byte) {
		words := make([]uint64, len(b)/8)
		for i := range words {
			words[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
		if len(words) >= 8 {
			text.Seal(words)
		}
		_ = text.Parse(words)
	})
}

// BenchmarkSearch asks for a document of 10 pages among 100,000 texts of a page each.
func BenchmarkSearch(b *testing.B) {
	x := text.New(text.Options{})
	r := rand.New(rand.NewPCG(5, 6))
	page := func() []uint64 {
		out := make([]uint64, 215)
		for i := range out {
			if out[i] = r.Uint64(); i < 20 { // a tenth are what many have
				out[i] = uint64(r.IntN(2000)) << 40
			}
		}
		return out
	}
	var query []uint64
	for id := range index.ID(100_000) {
		p := page()
		if id%10_000 == 0 {
			query = append(query, p...)
		}
		if err := x.Add(id, p); err != nil {
			b.Fatal(err)
		}
	}
	x.Settle()
	for b.Loop() {
		found, err := x.Search(query, 100)
		if err != nil || len(found) < 10 || found[9].Shared < 215 {
			b.Fatalf("%d found, %v", len(found), err)
		}
	}
	b.ReportMetric(float64(x.Bytes())/float64(x.Len()), "B/page")
}
