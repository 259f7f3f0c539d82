package mih

import (
	"testing"

	"selvage/index/internal/segments"
)

// SetVectors turns the scanning of planes on, on any processor, or off, until the test ends.
func SetVectors(t testing.TB, on bool) {
	was := vectors
	vectors = on
	t.Cleanup(func() { vectors = was })
}

// NewEager returns an index with segments of a few codes, so that a test soon has many
// of them, and merges. It reads buckets whenever cost is high, and hardly ever when it
// is low.
func NewEager(cost float64) *Index {
	return create(eager(cost))
}

func eager(cost float64) tuning {
	return tuning{live: 40, scan: 36, scanCost: func(s *scanner, radius int) float64 {
		return cost * float64(len(s.probes))
	}}
}

// OpenEager is Open with the settings of NewEager, without syncing and, if step is not nil, with a
// function that is called before each step on disk and may let it fail.
func OpenEager(dir string, cost float64, step func(string) error) (*Index, error) {
	return open(dir, eager(cost), segments.Options{Step: step, NoSync: true})
}
