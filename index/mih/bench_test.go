package mih

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"selvage/index"
	"selvage/index/indextest"
)

// built is a segment of n codes, half of them random and half clustered.
func built(n, chunks int) *segment {
	s := carve(make([]uint64, layoutOf(n, chunks).total), n, chunks)
	copy(s.Body.codes, indextest.Random(n/2, 1))
	copy(s.Body.codes[n/2:], indextest.Clustered(n-n/2, 100, 12, 2))
	rand.New(rand.NewPCG(3, 3)).Shuffle(n, func(i, j int) { s.Body.codes[i], s.Body.codes[j] = s.Body.codes[j], s.Body.codes[i] })
	for i := range s.IDs {
		s.IDs[i] = index.ID(i)
	}
	post(s)
	return s
}

func scan(codes []index.Code, ids []index.ID, probes []index.Code, radius int) []index.Hit {
	s := newScanner(probes)
	defer scanners.Put(s)
	return s.scan(nil, codes, ids, nil, radius)
}

// BenchmarkSearch reads the buckets of one segment with 8 probes near its codes or not.
func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{1 << 20} {
		for _, chunks := range []int{11, 13, 15} {
			s := built(n, chunks)
			r := rand.New(rand.NewPCG(4, 4))
			queries := make([][]index.Code, 256)
			for i := range queries {
				queries[i] = indextest.Random(8, r.Uint64())
				if i%2 == 0 {
					queries[i][0] = indextest.Near(r, s.Body.codes[r.IntN(n)], 10)
				}
			}
			v := &part{Segment: s}
			for _, radius := range []int{15, 31, 45, 60} {
				b.Run(fmt.Sprintf("n=%d/chunks=%d/probes=8/radius=%d", n, chunks, radius), func(b *testing.B) {
					hits := 0
					for i := 0; b.Loop(); i++ {
						p := probers.Get().(*prober)
						found, _ := p.search(v, nil, queries[i%len(queries)], radius, math.MaxInt)
						hits += len(found)
						p.reset()
						probers.Put(p)
					}
					b.ReportMetric(float64(hits)/float64(b.N), "hits/op")
				})
			}
		}
	}
}

// BenchmarkScan compares every code of a segment with 16 probes.
func BenchmarkScan(b *testing.B) {
	const n = 1 << 20
	s := built(n, 0)
	probes := indextest.Random(16, 9)
	for _, on := range []bool{false, true} {
		for _, radius := range []int{31, 45, 64, 100} {
			b.Run(fmt.Sprintf("vectors=%t/n=%d/probes=16/radius=%d", on, n, radius), func(b *testing.B) {
				SetVectors(b, on)
				for b.Loop() {
					scan(s.Body.codes, s.IDs, probes, radius)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n/16, "ns/code/probe")
				b.ReportMetric(float64(b.N)*n*32/float64(b.Elapsed().Nanoseconds()), "GB/s")
			})
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1 << 16, 1 << 20} {
		s := built(n, 0)
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			for b.Loop() {
				merge([]source{{Segment: s}}, usual)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/code")
		})
	}
}
