package index_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"selvage/index"
	"selvage/index/flat"
	"selvage/index/indextest"
	"selvage/index/mih"
)

func newPartitions(limit int) *index.Partitions {
	return index.NewPartitions(
		func(string) index.Small { return flat.New() },
		func(string) (index.Hamming, error) { return mih.New(), nil }, limit)
}

// one lets the suite see one partition as an index; the others must not matter.
type one struct{ *index.Partitions }

func (o one) Add(id index.ID, c index.Code) error {
	if err := o.Partitions.Add("private/other", ^id, c); err != nil {
		return err
	}
	return o.Partitions.Add("open", id, c)
}
func (o one) Remove(id index.ID) error { return o.Partitions.Remove("open", id) }
func (o one) Range(p []index.Code, radius int) ([]index.Hit, error) {
	return o.Partitions.Range([]string{"open", "unknown", "open"}, p, radius)
}
func (o one) Nearest(p []index.Code, k int) ([]index.Hit, error) {
	return o.Partitions.Nearest([]string{"open"}, p, k)
}
func (o one) Len() int { return o.Partitions.Len("open") }

func TestPartition(t *testing.T) {
	for _, limit := range []int{0, 150, 1 << 30} {
		t.Run(fmt.Sprintf("limit=%d", limit), func(t *testing.T) {
			indextest.Run(t, func(*testing.T) index.Hamming { return one{newPartitions(limit)} })
		})
	}
}

func TestPartitionsMerge(t *testing.T) {
	ps := newPartitions(10)
	c := index.Code{1, 2, 3, 4}
	near, far := c, c
	near[0] ^= 1
	far[0] ^= 7
	for _, a := range []struct {
		name string
		id   index.ID
		code index.Code
	}{{"a", 1, far}, {"b", 1, c}, {"a", 2, near}, {"b", 3, near}, {"c", 4, c}} {
		if err := ps.Add(a.name, a.id, a.code); err != nil {
			t.Fatal(err)
		}
	}
	ab := []string{"b", "a", "nowhere"}
	want := []index.Hit{{ID: 1}, {ID: 2, Distance: 1}, {ID: 3, Distance: 1}}
	got, err := ps.Range(ab, []index.Code{c}, 31)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Range: %v, %v; want %v", got, err, want)
	}
	got, err = ps.Nearest(ab, []index.Code{c}, 2)
	if err != nil || !slices.Equal(got, want[:2]) {
		t.Errorf("Nearest: %v, %v; want %v", got, err, want[:2])
	}
	if got := ps.Names(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("Names: %v", got)
	}
	if err := ps.Remove("c", 4); err != nil {
		t.Fatal(err)
	}
	if err := ps.Remove("nowhere", 4); err != nil {
		t.Fatal(err)
	}
	if got := ps.Names(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("Names after the last code of c went: %v", got)
	}
	if ps.Len("nowhere") != 0 {
		t.Error("an unknown partition is not empty")
	}
	for _, names := range [][]string{nil, {"nowhere"}} {
		if got, err := ps.Range(names, []index.Code{c}, 256); err != nil || len(got) != 0 {
			t.Errorf("Range in %v: %v, %v; want nothing", names, got, err)
		}
		if _, err := ps.Range(names, nil, 257); err == nil {
			t.Errorf("Range in %v with a radius of 257: no error", names)
		}
	}
}

// TestPartitionsGrow moves partitions while they are written to and searched.
func TestPartitionsGrow(t *testing.T) {
	ps := newPartitions(64)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i, c := range indextest.Random(300, uint64(w)) {
				id := index.ID(4*i + w)
				if err := ps.Add("open", id, c); err != nil {
					t.Error(err)
					return
				}
				hits, err := ps.Range([]string{"open"}, []index.Code{c}, 0)
				if err != nil || len(hits) != 1 || hits[0].ID != id {
					t.Errorf("%d after Add: %v, %v", id, hits, err)
				}
			}
		})
	}
	wg.Wait()
	if ps.Len("open") != 1200 {
		t.Errorf("Len is %d, want 1200", ps.Len("open"))
	}
}

// TestPartitionsLargeFails keeps what is there when no large index can be made.
func TestPartitionsLargeFails(t *testing.T) {
	broken := errors.New("no room")
	ps := index.NewPartitions(func(string) index.Small { return flat.New() },
		func(string) (index.Hamming, error) { return nil, broken }, 1)
	if err := ps.Add("open", 1, index.Code{}); err != nil {
		t.Fatal(err)
	}
	if err := ps.Add("open", 2, index.Code{}); !errors.Is(err, broken) {
		t.Errorf("error is %v, want %v", err, broken)
	}
	hits, err := ps.Range([]string{"open"}, make([]index.Code, 1), 0)
	if err != nil || len(hits) != 2 {
		t.Errorf("Range: %v, %v; want both", hits, err)
	}
}
