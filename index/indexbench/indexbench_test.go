package indexbench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"selvage/index/indexbench"
)

func TestRun(t *testing.T) {
	for _, n := range []int{1, 20000} {
		r, err := indexbench.Run(t.Context(), n, "pdq256.v1", 1)
		if err != nil {
			t.Fatal(err)
		}
		if r.N != n || r.Recall != 1 || r.MIH.Hits == 0 || r.Flat.Hits == 0 || r.MIH.QPS <= 0 || r.Flat.QPS <= 0 || r.MIH.BytesPerCode < 40 {
			t.Errorf("%d codes: %+v", n, r)
		}
		for _, s := range r.Searches {
			if s.Recall != 1 || s.Hits == 0 || s.MIH <= 0 || s.Flat <= 0 {
				t.Errorf("%d codes: %+v", n, s)
			}
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, n := range []int{-1, 0, indexbench.Limit + 1} {
		if _, err := indexbench.Run(t.Context(), n, "pdq256.v1", 1); err == nil {
			t.Errorf("%d codes: no error", n)
		}
	}
	if _, err := indexbench.Run(t.Context(), 10, "phash64.v1", 1); err == nil {
		t.Error("a kind of 64 bits: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := indexbench.Run(ctx, 10, "pdq256.v1", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// BenchmarkRun is a whole report at each size, in the test's own output.
func BenchmarkRun(b *testing.B) {
	for _, n := range []int{1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("n=%d/radius=31/probes=8", n), func(b *testing.B) {
			for b.Loop() {
				r, err := indexbench.Run(b.Context(), n, "pdq256.v1", 1)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(r.MIH.QPS, "mih-queries/s")
				b.ReportMetric(r.Flat.QPS, "flat-queries/s")
				b.ReportMetric(r.Speedup, "speedup")
				b.ReportMetric(r.Recall, "recall")
				b.ReportMetric(r.MIH.BytesPerCode, "B/code")
				line, err := json.Marshal(r)
				if err != nil {
					b.Fatal(err)
				}
				b.Log(string(line))
			}
		})
	}
}
