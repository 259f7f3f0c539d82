//go:build biglog

package sequencer_test

import (
	"context"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"

	"selvage/provenance/sequencer"
)

var leaves = flag.Int("leaves", 2_000_000, "entries of the log")

// TestBigLog builds a log of -leaves entries through Append, each waited for until a
// checkpoint covers it, and measures proofs and a restart. Beside it Tessera alone takes a
// twentieth of that, with the same batching. Run it by "make biglog".
func TestBigLog(t *testing.T) {
	const callers = 2048
	dir := t.TempDir()
	l, key := open(t, dir)
	entry := func(i int) (e [32]byte) { binary.BigEndian.PutUint64(e[:], uint64(i)); return e }
	spread := func(n int, f func(i int)) time.Duration {
		start := time.Now()
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				for i := c; i < n; i += callers {
					f(i)
				}
			})
		}
		wg.Wait()
		return time.Since(start)
	}
	indices := make([]uint64, *leaves)
	took := spread(*leaves, func(i int) {
		var err error
		if indices[i], err = l.Append(ctx, entry(i)); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Logf("%d entries in %s: %.0f a second, each under a checkpoint", *leaves, took.Round(time.Second), float64(*leaves)/took.Seconds())

	n := *leaves / 20
	t.Logf("Tessera alone: %.0f a second over %d", float64(n)/bare(t, n, spread).Seconds(), n)

	var times []time.Duration
	size := 0
	for i := range 2000 {
		k := i * *leaves / 2000
		at := time.Now()
		p, err := l.Prove(ctx, indices[k], entry(k))
		times = append(times, time.Since(at))
		must(t, err)
		size = max(size, len(p.Marshal()))
	}
	slices.Sort(times)
	t.Logf("proofs: at most %d bytes, p50 %s, p99 %s", size, times[len(times)/2], times[len(times)*99/100])
	must(t, l.Close(ctx))

	at := time.Now()
	l, _ = open(t, dir)
	t.Logf("restart: %s", time.Since(at).Round(time.Millisecond))
	must(t, l.Close(ctx))
	at = time.Now()
	check, err := sequencer.Fsck(ctx, dir, key)
	must(t, err)
	if check.Size != uint64(*leaves) {
		t.Errorf("fsck: %d entries", check.Size)
	}
	t.Logf("fsck: %s", time.Since(at).Round(time.Second))
	var bytes int64
	must(t, filepath.Walk(filepath.Join(dir, "log"), func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			bytes += info.Size()
		}
		return err
	}))
	t.Logf("files: %.1f bytes an entry", float64(bytes)/float64(*leaves))
}

// bare appends n entries to Tessera without anything of ours around it.
func bare(t *testing.T, n int, spread func(int, func(int)) time.Duration) time.Duration {
	driver, err := posix.New(ctx, posix.Config{Path: t.TempDir()})
	must(t, err)
	keys, err := sequencer.OpenKeys(t.TempDir(), origin)
	must(t, err)
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	a, shutdown, _, err := tessera.NewAppender(run, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(keys.Log).
		WithBatching(sequencer.DefaultBatchSize, sequencer.DefaultBatchAge).
		WithCheckpointInterval(sequencer.DefaultCheckpointInterval))
	must(t, err)
	took := spread(n, func(i int) {
		e := make([]byte, 32)
		binary.BigEndian.PutUint64(e, uint64(i))
		if _, err := a.Add(run, tessera.NewEntry(e))(); err != nil {
			t.Error(err)
		}
	})
	must(t, shutdown(ctx))
	return took
}
