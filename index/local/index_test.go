package local_test

import (
	"slices"
	"testing"

	"selvage/index"
	"selvage/index/indextest"
	"selvage/index/local"
	"selvage/index/local/flat"
)

var few = local.Options{Words: 500}

// TestLarge uses the usual settings, with enough pictures for segments.
func TestLarge(t *testing.T) {
	x, oracle := local.New(few), flat.New(few)
	f := indextest.NewFeatures(few.Words, 60, 1)
	var all [][]local.Term
	for i := range 3000 {
		all = append(all, f.Picture())
		id := index.ID(i*7919%3000) + 5
		for _, y := range []interface {
			Add(index.ID, []local.Term) error
		}{x, oracle} {
			if err := y.Add(id, all[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 12 {
		sets := [][]local.Probe{f.Query(nil, 0, 30), f.Query(all[i*171], 20, 30)}
		got, err := x.Search(sets, 20)
		if err != nil {
			t.Fatal(err)
		}
		want, err := oracle.Search(sets, 20)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("query %d:\n%v, want\n%v", i, got[:3], want[:3])
		}
		if want := index.ID(i*171*7919%3000) + 5; got[0].ID != want || got[0].Set != 1 {
			t.Errorf("query %d: best is %v, want %d", i, got[0], want)
		}
	}
}
