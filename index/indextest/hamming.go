// Package indextest checks implementations of the contracts in package index.
//
// Call [Run] from a test of every [index.Hamming] and [RunPersistent] for one that keeps
// files. [Random] and [Clustered] make codes for tests and benchmarks.
package indextest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"selvage/index"
)

var radii = []int{0, 1, 15, 31, 32, 63, 64, 90, 128, 256}

// Run checks an index. The function open returns a new, empty one.
func Run(t *testing.T, open func(t *testing.T) index.Hamming) {
	sets := map[string]func(n int) []index.Code{
		"random":    func(n int) []index.Code { return Random(n, 1) },
		"clustered": func(n int) []index.Code { return Clustered(n, 50, 40, 2) },
		"tight":     func(n int) []index.Code { return Clustered(n, 500, 3, 3) },
		"equal":     func(n int) []index.Code { return slices.Repeat(Random(1, 4), n) },
	}
	for name, make := range sets {
		for _, n := range []int{0, 1, 2, 1000} {
			t.Run(fmt.Sprintf("%s/n=%d", name, n), func(t *testing.T) { exact(t, open(t), make(n)) })
		}
	}
	t.Run("queries", func(t *testing.T) { queries(t, open(t)) })
	t.Run("change", func(t *testing.T) { change(t, open(t)) })
	t.Run("ties", func(t *testing.T) { ties(t, open(t)) })
	t.Run("probe", func(t *testing.T) { probe(t, open(t)) })
	t.Run("visible", func(t *testing.T) { visible(t, open(t)) })
	t.Run("replaced", func(t *testing.T) { replaced(t, open(t)) })
}

// model is what an index must hold, in the plainest form.
type model map[index.ID]index.Code

func (m model) within(probes []index.Code, radius int) []index.Hit {
	var hits []index.Hit
	for id, c := range m {
		h := index.Hit{ID: id, Distance: 257}
		for p, q := range probes {
			if d := c.Distance(q); d < h.Distance {
				h.Distance, h.Probe = d, p
			}
		}
		if h.Distance <= radius {
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, index.Hit.Compare)
	return hits
}

func (m model) check(t *testing.T, x index.Hamming, probes []index.Code) {
	t.Helper()
	if x.Len() != len(m) {
		t.Fatalf("Len is %d, want %d", x.Len(), len(m))
	}
	for _, r := range radii {
		got, err := x.Range(probes, r)
		if err != nil {
			t.Fatal(err)
		}
		if want := m.within(probes, r); !slices.Equal(got, want) {
			t.Fatalf("Range of %d probes, radius %d: %d hits, want %d; first difference %s",
				len(probes), r, len(got), len(want), difference(got, want))
		}
	}
	all := m.within(probes, 256)
	for _, k := range []int{0, 1, 7, 100, len(m), len(m) + 1} {
		got, err := x.Nearest(probes, k)
		if err != nil {
			t.Fatal(err)
		}
		if want := all[:min(k, len(all))]; !slices.Equal(got, want) {
			t.Fatalf("Nearest %d of %d probes: %d hits, want %d; first difference %s",
				k, len(probes), len(got), len(want), difference(got, want))
		}
	}
}

func difference(got, want []index.Hit) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("at %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	return "in length"
}

func add(t *testing.T, x index.Hamming, id index.ID, c index.Code) {
	t.Helper()
	if err := x.Add(id, c); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, x index.Hamming, id index.ID) {
	t.Helper()
	if err := x.Remove(id); err != nil {
		t.Fatal(err)
	}
}

// spreadID gives IDs that neither rise nor stand close together.
func spreadID(i int) index.ID { return index.ID(uint64(i+1) * 0x9e3779b97f4a7c15) }

func exact(t *testing.T, x index.Hamming, codes []index.Code) {
	m := make(model)
	for i, c := range codes {
		add(t, x, spreadID(i), c)
		m[spreadID(i)] = c
	}
	r := rand.New(rand.NewPCG(5, 5))
	for _, count := range []int{1, 8, 16} {
		probes := Random(count, 6)
		m.check(t, x, probes)
		for i := range probes {
			if len(codes) > 0 {
				probes[i] = Near(r, codes[r.IntN(len(codes))], r.IntN(60))
			}
		}
		m.check(t, x, probes)
	}
}

func queries(t *testing.T, x index.Hamming) {
	add(t, x, 1, index.Code{})
	for _, radius := range []int{-1, 257} {
		if _, err := x.Range(make([]index.Code, 1), radius); err == nil {
			t.Errorf("radius %d: no error", radius)
		}
	}
	hits, err := x.Range(nil, 256)
	if err != nil || len(hits) != 0 {
		t.Errorf("no probes: %v, %v; want nothing", hits, err)
	}
	hits, err = x.Nearest(nil, 5)
	if err != nil || len(hits) != 0 {
		t.Errorf("no probes: %v, %v; want nothing", hits, err)
	}
	hits, err = x.Nearest(make([]index.Code, 1), -1)
	if err != nil || len(hits) != 0 {
		t.Errorf("k = -1: %v, %v; want nothing", hits, err)
	}
}

// change adds, replaces, removes and adds again.
func change(t *testing.T, x index.Hamming) {
	m := make(model)
	codes := Clustered(600, 30, 20, 7)
	probes := codes[:8]
	put := func(id index.ID, c index.Code) {
		add(t, x, id, c)
		m[id] = c
	}
	for i := range 300 {
		put(index.ID(i), codes[i])
	}
	for i := range 300 {
		put(index.ID(i), codes[i]) // again, the same
	}
	m.check(t, x, probes)
	for i := 0; i < 300; i += 2 {
		put(index.ID(i), codes[300+i])
	}
	m.check(t, x, probes)
	for i := 0; i < 300; i += 3 {
		remove(t, x, index.ID(i))
		delete(m, index.ID(i))
	}
	remove(t, x, 0)
	remove(t, x, 1<<60)
	m.check(t, x, probes)
	for i := 0; i < 300; i += 3 {
		put(index.ID(i), codes[299-i])
	}
	m.check(t, x, probes)
	for id := range m {
		remove(t, x, id)
	}
	model{}.check(t, x, probes)
}

// ties are broken by ID, also by the largest and the smallest.
func ties(t *testing.T, x index.Hamming) {
	c := Random(2, 8)
	m := make(model)
	for i := range 200 {
		id := spreadID(i)
		if i < 2 {
			id = index.ID(0) - index.ID(i) // 0 and the largest there is
		}
		m[id] = c[i%2]
		add(t, x, id, c[i%2])
	}
	m.check(t, x, c[:1])
	m.check(t, x, c)
}

// probe is the first of several that are equally near.
func probe(t *testing.T, x index.Hamming) {
	r := rand.New(rand.NewPCG(9, 9))
	c := Random(1, 9)[0]
	add(t, x, 3, c)
	probes := append(Random(5, 10), Near(r, c, 4), Near(r, c, 2), Near(r, c, 2), c, c)
	for n, want := range map[int]index.Hit{
		6: {ID: 3, Distance: 4, Probe: 5}, 8: {ID: 3, Distance: 2, Probe: 6}, 10: {ID: 3, Distance: 0, Probe: 8},
	} {
		hits, err := x.Range(probes[:n], 31)
		if err != nil || len(hits) != 1 || hits[0] != want {
			t.Errorf("first %d probes: %v, %v; want %v", n, hits, err, want)
		}
	}
}

// visible lets writers look for their own codes while others write.
func visible(t *testing.T, x index.Hamming) {
	const writers, each = 4, 1500
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			codes := Random(each, uint64(20+w))
			for i, c := range codes {
				id := index.ID(i*writers + w)
				if err := x.Add(id, c); err != nil {
					t.Error(err)
					return
				}
				if i%50 == 0 && !has(t, x, id, c) {
					t.Errorf("%d is not found after Add", id)
				}
				if i%3 == 0 {
					if err := x.Remove(id); err != nil {
						t.Error(err)
						return
					}
				}
				if i%51 == 0 && has(t, x, id, c) {
					t.Errorf("%d is found after Remove", id)
				}
				if j := i / 2; i%75 == 1 && j%3 != 0 && !has(t, x, index.ID(j*writers+w), codes[j]) {
					t.Errorf("%d is not found any more", j)
				}
			}
		})
	}
	wg.Wait()
	if want := writers * each * 2 / 3; x.Len() != want {
		t.Errorf("Len is %d, want %d", x.Len(), want)
	}
}

func has(t *testing.T, x index.Hamming, id index.ID, c index.Code) bool {
	hits, err := x.Range([]index.Code{c}, 0)
	if err != nil {
		t.Error(err)
	}
	return slices.ContainsFunc(hits, func(h index.Hit) bool { return h.ID == id })
}

// replaced demands that an ID is found at every moment while its code is replaced.
func replaced(t *testing.T, x index.Hamming) {
	codes := Random(3, 30)
	add(t, x, 1, codes[0])
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				hits, err := x.Range(codes, 0)
				if err != nil || len(hits) != 1 {
					t.Errorf("while being replaced: %v, %v; want one hit", hits, err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 2000 {
		add(t, x, 1, codes[i%3])
	}
	close(done)
	wg.Wait()
}
