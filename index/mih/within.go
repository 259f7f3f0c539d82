package mih

import (
	"slices"

	"selvage/index"
)

// RangeWithin implements [index.Persistent]. Segments are in the order of IDs, so the part
// asked for is one run of each, and it is scanned; buckets would be shared with others.
func (x *Index) RangeWithin(probes []index.Code, radius int, from, to index.ID) ([]index.Hit, error) {
	if err := index.CheckRadius(radius); err != nil {
		return nil, err
	}
	s, err := x.snapshot()
	if err != nil {
		return nil, err
	}
	defer s.Release()
	if len(probes) == 0 || from >= to {
		return nil, nil
	}
	sc := newScanner(probes)
	defer scanners.Put(sc)
	var hits []index.Hit
	for _, v := range s.Segments {
		at, _ := slices.BinarySearch(v.IDs, from)
		end, _ := slices.BinarySearch(v.IDs, to)
		for ; at < end; at += blockSize {
			hits = sc.block(hits, v.Body.codes, v.IDs, at, min(at+blockSize, end), v.Dead, radius)
		}
	}
	// The live part is in the order of arrival: all its IDs are read, and the codes asked for.
	var codes []index.Code
	var ids []index.ID
	for i, id := range s.Live.IDs {
		if id >= from && id < to && !s.Live.Dead.Has(uint32(i)) {
			codes, ids = append(codes, s.Live.Items[i]), append(ids, id)
		}
	}
	hits = sc.scan(hits, codes, ids, nil, radius)
	slices.SortFunc(hits, index.Hit.Compare)
	return hits, nil
}
