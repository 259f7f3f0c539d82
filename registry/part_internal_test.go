package registry

import (
	"context"
	"slices"
	"testing"

	"selvage/fingerprint"
	"selvage/store"
	"selvage/store/mem"
)

// TestSpans: a number leads to the asset whose part it is, and the parts of one asset leave
// room among the candidates for others.
func TestSpans(t *testing.T) {
	ctx := context.Background()
	kv := mem.NewKV()
	film := assetRef{1, 100} // 100, parts 101 to 150
	long := assetRef{1, 200} // 200, parts 201 to 260
	sketch := assetRef{1, 300}
	err := kv.Update(ctx, func(tx store.Txn) error {
		if err := saveSpan(tx, film, &fingerprint.Result{Parts: make([]fingerprint.Part, 50)}); err != nil {
			return err
		}
		if err := saveSpan(tx, assetRef{1, 151}, &fingerprint.Result{}); err != nil { // a photo
			return err
		}
		lines := fingerprint.Part{Kind: fingerprint.LinesPart}
		if err := saveSpan(tx, sketch, &fingerprint.Result{Parts: []fingerprint.Part{{Kind: fingerprint.PagePart}, lines, lines, lines}}); err != nil {
			return err
		}
		return saveSpan(tx, long, &fingerprint.Result{Parts: make([]fingerprint.Part, 60)})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = kv.View(ctx, func(tx store.Txn) error {
		s := &spans{tx: tx}
		for range 2 { // the second time from memory
			for _, c := range []struct {
				ref, asset assetRef
				n          int
			}{
				{film, film, -1},
				{assetRef{1, 101}, film, 0},
				{assetRef{1, 150}, film, 49},
				{assetRef{1, 151}, assetRef{1, 151}, -1},
				{assetRef{1, 99}, assetRef{1, 99}, -1},
				{assetRef{1, 260}, long, 59},
				{assetRef{1, 261}, assetRef{1, 261}, -1},
				{assetRef{2, 101}, assetRef{2, 101}, -1}, // somebody else's
			} {
				r, err := s.of(c.ref)
				if n := r.part(c.ref.seq); err != nil || r.assetRef != c.asset || n != c.n {
					t.Errorf("%v is part %d of %v (%v), want %d of %v", c.ref, n, r.assetRef, err, c.n, c.asset)
				}
			}
		}
		var list []candidate
		for i := range 50 {
			list = append(list, candidate{assetRef: film.part(i)})
		}
		list = append(list, candidate{assetRef: assetRef{1, 151}})
		kept, err := s.thin(list, 40, false)
		if err != nil || len(kept) != partsPerAsset+1 || kept[0].assetRef != film.part(0) || kept[partsPerAsset].seq != 151 {
			t.Errorf("kept %v (%v)", kept, err)
		}
		// Lines drawn anew and pictures do not take each other's room.
		list = list[:0]
		for i := range 4 {
			list = append(list, candidate{assetRef: sketch.part(i)})
		}
		list = append(list, candidate{assetRef: sketch}, candidate{assetRef: assetRef{1, 151}})
		for _, c := range []struct {
			drawn bool
			want  []uint64
		}{{false, []uint64{301, 300, 151}}, {true, []uint64{302, 303, 304}}} {
			var seqs []uint64
			kept, err := s.thin(slices.Clone(list), 1, c.drawn)
			for _, k := range kept {
				seqs = append(seqs, k.seq)
			}
			if err != nil || !slices.Equal(seqs, c.want) {
				t.Errorf("drawn %v: kept %v (%v), want %v", c.drawn, seqs, err, c.want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
