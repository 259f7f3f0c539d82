package mih

import (
	"slices"

	"selvage/index"
)

// within returns the living codes of a snapshot, in order.
func (s state) within(probes []index.Code, radius int) []index.Hit {
	if len(probes) == 0 {
		return nil
	}
	sc := newScanner(probes)
	defer scanners.Put(sc)
	var hits []index.Hit
	for _, v := range s.Segments {
		hits = searchPart(&v, hits, sc, radius, s.tuning)
	}
	hits = sc.scan(hits, s.Live.Items, s.Live.IDs, s.Live.Dead, radius)
	slices.SortFunc(hits, index.Hit.Compare)
	return hits
}

// nearest tries small radii, which are cheap, and then looks at every code.
func (s state) nearest(probes []index.Code, k int) []index.Hit {
	if k >= s.Len() {
		return s.within(probes, 256)
	}
	b := bounded{k: k, limit: 256, scanner: newScanner(probes)}
	defer scanners.Put(b.scanner)
	for _, radius := range []int{15, 31, 43} {
		bucketed, scanned := 0.0, 0.0
		for _, v := range s.Segments {
			all := s.tuning.scanCost(b.scanner, radius) * float64(len(v.Body.codes))
			scanned += all
			if len(v.Body.chunks) > 0 {
				all = min(all, float64(len(probes))*probeCost(len(v.Body.codes), len(v.Body.chunks), radius))
			}
			bucketed += all
		}
		if bucketed > scanned/4 {
			break
		}
		if hits := s.within(probes, radius); len(hits) >= k {
			return hits[:k]
		}
	}
	for _, v := range s.Segments {
		b.scan(v.Body.codes, v.IDs, v.Dead)
	}
	b.scan(s.Live.Items, s.Live.IDs, s.Live.Dead)
	b.trim()
	return b.hits
}

// bounded keeps the k best hits.
type bounded struct {
	*scanner
	k     int
	hits  []index.Hit
	limit int // no hit further than this can be among the best
}

// scan goes in pieces, so that the limit soon comes down.
func (b *bounded) scan(codes []index.Code, ids []index.ID, dead *bitset) {
	for from := 0; from < len(codes); from += blockSize {
		to := min(from+blockSize, len(codes))
		b.hits = b.block(b.hits, codes, ids, from, to, dead, b.limit)
		if len(b.hits) >= 2*b.k+blockSize {
			b.trim()
		}
	}
}

func (b *bounded) trim() {
	slices.SortFunc(b.hits, index.Hit.Compare)
	if len(b.hits) >= b.k {
		b.hits = b.hits[:b.k]
		b.limit = b.hits[b.k-1].Distance
	}
}

// searchPart searches one segment by the cheaper of two ways, both exact.
func searchPart(v *part, hits []index.Hit, s *scanner, radius int, tune tuning) []index.Hit {
	n := len(v.Body.codes)
	scan := tune.scanCost(s, radius) * float64(n)
	if len(v.Body.chunks) > 0 && float64(len(s.probes))*probeCost(n, len(v.Body.chunks), radius) < scan {
		p := probers.Get().(*prober)
		found, ok := p.search(v, hits, s.probes, radius, int(scan/costCandidate))
		p.reset()
		probers.Put(p)
		if ok {
			return found
		}
	}
	return s.scan(hits, v.Body.codes, v.IDs, v.Dead, radius)
}
