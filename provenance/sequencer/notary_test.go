package sequencer_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"selvage/provenance"
	"selvage/provenance/sequencer"
	"selvage/provenance/timestamp"
)

func work(i int) *provenance.WorkStatement {
	return &provenance.WorkStatement{
		Type: provenance.WorkType, Service: "selvage.example", Work: "w" + strconv.Itoa(i), Version: 1, Title: "t", Kind: "photo",
		Owner: provenance.Owner{ID: "o"}, Dates: provenance.Dates{Received: provenance.FormatTime(time.Now())},
		Assets: []provenance.Asset{{Digest: "00000000000000000000000000000000000000000000000000000000000000ff", Size: 1, MediaType: "image/png"}},
	}
}

// counting counts how often the authority was asked.
type counting struct {
	sequencer.Stamper
	n atomic.Int64
}

func (c *counting) Stamp(ctx context.Context, data []byte) ([]provenance.TimeToken, error) {
	c.n.Add(1)
	return c.Stamper.Stamp(ctx, data)
}

func TestNotaryIssues(t *testing.T) {
	dir := t.TempDir()
	local, err := timestamp.OpenLocal(filepath.Join(dir, "tsa"), nil)
	must(t, err)
	several, err := timestamp.NewSeveral(1, local)
	must(t, err)
	authority := &counting{Stamper: several}
	cfg := sequencer.NotaryConfig{Dir: dir, Origin: origin, Time: authority}
	n, err := sequencer.OpenNotary(ctx, cfg)
	must(t, err)
	var wg sync.WaitGroup
	receipts := make([]*provenance.Receipt, 64)
	for i := range receipts {
		wg.Go(func() {
			s, err := n.Seal(work(i))
			if err == nil {
				receipts[i], err = n.Issue(ctx, s)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	tokens := map[string]bool{}
	for _, r := range receipts {
		if rep := r.Verify(n.Policy()); rep.Outcome != provenance.Proved {
			t.Fatal(rep)
		}
		tokens[string(r.Tokens[0].Token)] = true
	}
	if int64(len(tokens)) != authority.n.Load() || len(tokens) > 32 {
		t.Errorf("%d tokens, authority asked %d times for 64 receipts", len(tokens), authority.n.Load())
	}

	// After a restart keys and log are the same, and a replay adds nothing.
	before, key := n.Log.Size(), n.LogKey()
	must(t, n.Close(ctx))
	n, err = sequencer.OpenNotary(ctx, cfg)
	must(t, err)
	defer func() { must(t, n.Close(ctx)) }()
	s, err := receipts[7].Sealed()
	must(t, err)
	again, err := n.IssueFrom(ctx, s, 0)
	must(t, err)
	i1, _ := receipts[7].Index()
	if i2, err := again.Index(); err != nil || i1 != i2 || n.Log.Size() != before || n.LogKey() != key {
		t.Errorf("replay: index %d then %d (%v), size %d then %d", i1, i2, err, before, n.Log.Size())
	}
	for _, name := range []string{"keys/log.key", "keys/service.key", "tsa/ca.key", "tsa/tsa.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
}

func TestKeysKeepTheirOrigin(t *testing.T) {
	dir := t.TempDir()
	a, err := sequencer.OpenKeys(dir, origin)
	must(t, err)
	b, err := sequencer.OpenKeys(dir, origin)
	must(t, err)
	if a.LogKey != b.LogKey || !bytes.Equal(a.Service, b.Service) {
		t.Error("keys changed")
	}
	if _, err := sequencer.OpenKeys(dir, "other.example/log"); err == nil {
		t.Error("the log was renamed")
	}
	must(t, os.WriteFile(filepath.Join(dir, "log.key"), []byte("x"), 0o600))
	if _, err := sequencer.OpenKeys(dir, origin); err == nil {
		t.Error("a broken key was accepted")
	}
}

func BenchmarkIssue(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			n, err := sequencer.OpenNotary(ctx, sequencer.NotaryConfig{Dir: b.TempDir(), Origin: origin})
			must(b, err)
			defer func() { must(b, n.Close(ctx)) }()
			next := make(chan int)
			var wg sync.WaitGroup
			b.ResetTimer()
			start := time.Now()
			for range callers {
				wg.Go(func() {
					for i := range next {
						s, err := n.Seal(work(i))
						if err == nil {
							_, err = n.Issue(ctx, s)
						}
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := range b.N {
				next <- i
			}
			close(next)
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "receipts/s")
			b.ReportMetric(float64(time.Since(start).Milliseconds())*float64(min(callers, b.N))/float64(b.N), "ms/receipt")
		})
	}
}
