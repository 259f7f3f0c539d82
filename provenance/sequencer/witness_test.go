package sequencer_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"selvage/provenance"
	"selvage/provenance/sequencer"
	"selvage/provenance/witness"
)

var quiet = slog.New(slog.DiscardHandler)

// witnesses serves three witnesses of a log, two of which make a quorum. Those switched off
// answer 503.
type witnesses struct {
	policy *witness.Policy
	list   string
	all    []*witness.Server
	off    [3]atomic.Bool
}

func serveWitnesses(t testing.TB) *witnesses {
	t.Helper()
	w := &witnesses{list: filepath.Join(t.TempDir(), "logs")}
	must(t, os.WriteFile(w.list, nil, 0o600))
	text := ""
	for i := range w.off {
		s, err := witness.OpenServer(witness.ServerConfig{Dir: t.TempDir(), Name: fmt.Sprintf("w%d.example", i), Logs: w.list, Logger: quiet})
		must(t, err)
		h := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if w.off[i].Load() {
				http.Error(rw, "off", http.StatusServiceUnavailable)
				return
			}
			s.ServeHTTP(rw, r)
		}))
		t.Cleanup(func() { h.Close(); must(t, s.Close()) })
		w.all = append(w.all, s)
		text += fmt.Sprintf("witness w%d %s %s\n", i, s.Key(), h.URL)
	}
	var err error
	w.policy, err = witness.ParsePolicy([]byte(text + "group g 2 w0 w1 w2\nquorum g\n"))
	must(t, err)
	return w
}

// know tells the witnesses the keys of a log.
func (w *witnesses) know(t testing.TB, keys ...string) {
	t.Helper()
	must(t, os.WriteFile(w.list, []byte(strings.Join(keys, "\n")+"\n"), 0o600))
	for _, s := range w.all {
		must(t, s.Reload())
	}
}

func (w *witnesses) turn(off bool) {
	for i := range w.off {
		w.off[i].Store(off)
	}
}

func (w *witnesses) client(t testing.TB) *witness.Client {
	t.Helper()
	c, err := witness.NewClient(w.policy, witness.ClientConfig{Round: 3 * time.Second, Backoff: 5 * time.Millisecond})
	must(t, err)
	return c
}

func notary(t testing.TB, dir string, c *witness.Client) *sequencer.Notary {
	t.Helper()
	n, err := sequencer.OpenNotary(ctx, sequencer.NotaryConfig{Dir: dir, Origin: origin, Witnesses: c})
	must(t, err)
	return n
}

func issue(t testing.TB, n *sequencer.Notary, i int) (provenance.Sealed, *provenance.Receipt, error) {
	t.Helper()
	s, err := n.Seal(work(i))
	must(t, err)
	r, err := n.Issue(ctx, s)
	return s, r, err
}

// published waits for the published checkpoint of a tree of at least that size.
func published(t testing.TB, n *sequencer.Notary, size uint64) []byte {
	t.Helper()
	v, err := note.NewVerifier(n.LogKey())
	must(t, err)
	for start := time.Now(); time.Since(start) < 20*time.Second; time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(filepath.Join(n.Log.Dir(), "checkpoint"))
		must(t, err)
		if c, _, err := provenance.OpenCheckpoint(b, v); err == nil && c.Size >= size {
			return b
		}
	}
	t.Fatalf("no checkpoint of %d entries was published", size)
	return nil
}

func TestOnlyCosignedIsHandedOut(t *testing.T) {
	w := serveWitnesses(t)
	dir := t.TempDir()
	// The first start works before any witness can know the log.
	n := notary(t, dir, w.client(t))
	w.know(t, n.LogKey())
	policy := n.Policy()
	if policy.Quorum != 2 || len(policy.Witnesses) != 3 {
		t.Fatalf("policy %+v", policy)
	}
	var receipts []*provenance.Receipt
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_, r, err := issue(t, n, i)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			receipts = append(receipts, r)
		})
	}
	wg.Wait()
	for _, r := range receipts {
		if rep := r.Verify(policy); rep.Outcome != provenance.Proved {
			t.Fatal(rep)
		}
	}
	if _, err := w.policy.Cosigned(published(t, n, 40)); err != nil {
		t.Errorf("published: %v", err)
	}

	// One witness off: nothing changes. Two off: nothing is handed out, and it is said why.
	w.off[0].Store(true)
	if _, _, err := issue(t, n, 100); err != nil {
		t.Fatal(err)
	}
	w.turn(true)
	before, err := n.Log.Checkpoint(ctx)
	must(t, err)
	sealed, _, err := issue(t, n, 101)
	var q *witness.QuorumError
	if !errors.As(err, &q) || q.Got != 0 || q.Need != 2 || !strings.Contains(err.Error(), "0 of 3 witnesses cosigned, 2 are needed") {
		t.Fatalf("below quorum: %v", err)
	}
	if _, err := n.IssueFrom(ctx, sealed, 0); !errors.As(err, &q) {
		t.Errorf("again below quorum: %v", err)
	}
	size := n.Log.Size()
	if size != 42 {
		t.Errorf("%d entries are signed, want 42", size)
	}
	after, err := n.Log.Checkpoint(ctx)
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("a checkpoint below quorum is handed out")
	}
	if _, err := n.Log.Prove(ctx, 41, sealed.Commitment()); err == nil {
		t.Error("a proof below quorum")
	}
	if b, err := os.ReadFile(filepath.Join(n.Log.Dir(), "checkpoint")); err != nil || !bytes.Contains(b, []byte("\n41\n")) {
		t.Errorf("published below quorum: %s %v", b, err)
	}

	// Stopping and starting need no witness, and the entry is proved once there are two.
	start := time.Now()
	must(t, n.Close(ctx))
	if d := time.Since(start); d > 15*time.Second {
		t.Errorf("closing took %s", d)
	}
	n = notary(t, dir, w.client(t))
	defer func() { must(t, n.Close(ctx)) }()
	if _, err := n.IssueFrom(ctx, sealed, 0); !errors.As(err, &q) {
		t.Errorf("after a restart below quorum: %v", err)
	}
	w.turn(false)
	var r *provenance.Receipt
	for range 100 {
		if r, err = n.IssueFrom(ctx, sealed, 0); err == nil {
			break
		}
	}
	must(t, err)
	if index, err := r.Index(); err != nil || index != 41 || n.Log.Size() != 42 {
		t.Errorf("index %d of %d: %v", index, n.Log.Size(), err)
	}
	if rep := r.Verify(policy); rep.Outcome != provenance.Proved {
		t.Fatal(rep)
	}
	if _, err := w.policy.Cosigned(published(t, n, 42)); err != nil {
		t.Error(err)
	}
}

// A log that has entries already gets its quorum when a policy is set.
func TestWitnessesOfAnOldLog(t *testing.T) {
	w := serveWitnesses(t)
	dir := t.TempDir()
	n := notary(t, dir, nil)
	s, old, err := issue(t, n, 1)
	must(t, err)
	w.know(t, n.LogKey())
	must(t, n.Close(ctx))
	n = notary(t, dir, w.client(t))
	defer func() { must(t, n.Close(ctx)) }()
	if c, err := n.Log.Checkpoint(ctx); err != nil || c != nil {
		t.Errorf("handed out before it is cosigned: %s %v", c, err)
	}
	if _, _, err := issue(t, n, 2); err != nil {
		t.Fatal(err)
	}
	r, err := n.IssueFrom(ctx, s, 0)
	must(t, err)
	if rep := r.Verify(n.Policy()); rep.Outcome != provenance.Proved || n.Log.Size() != 2 {
		t.Errorf("size %d: %s", n.Log.Size(), rep)
	}
	// What was issued without witnesses fits, but is below the new policy's quorum.
	if rep := old.Verify(n.Policy()); rep.Outcome != provenance.CannotTell {
		t.Error(rep)
	}
}

func TestRotateLogKey(t *testing.T) {
	for _, witnessed := range []bool{false, true} {
		t.Run(fmt.Sprintf("witnesses=%v", witnessed), func(t *testing.T) {
			w := serveWitnesses(t)
			client := func() *witness.Client {
				if !witnessed {
					return nil
				}
				return w.client(t)
			}
			dir := t.TempDir()
			if _, err := sequencer.NextLogKey(dir, origin); err == nil {
				t.Error("a next key of a log that has none")
			}
			n := notary(t, dir, client())
			first := n.LogKey()
			w.know(t, first)
			_, old, err := issue(t, n, 1)
			must(t, err)
			next, err := sequencer.NextLogKey(dir, origin)
			must(t, err)
			if again, err := sequencer.NextLogKey(dir, origin); err != nil || again != next || next == first {
				t.Errorf("next key %s, then %s, %v", next, again, err)
			}
			w.know(t, first, next)
			if _, err := sequencer.RotateLogKey(dir, origin); err == nil || !strings.Contains(err.Error(), "in use") {
				t.Errorf("rotated while open: %v", err)
			}
			must(t, n.Close(ctx))
			keys, err := sequencer.RotateLogKey(dir, origin)
			must(t, err)
			if keys.LogKey != next || len(keys.Former) != 1 || keys.Former[0] != first {
				t.Fatalf("%+v", keys)
			}
			if _, err := sequencer.RotateLogKey(dir, origin); err == nil {
				t.Error("rotated without a next key")
			}
			n = notary(t, dir, client())
			if n.LogKey() != next {
				t.Errorf("key %s", n.LogKey())
			}
			s, r, err := issue(t, n, 2)
			must(t, err)
			for what, r := range map[string]*provenance.Receipt{"old": old, "new": r} {
				if rep := r.Verify(n.Policy()); rep.Outcome != provenance.Proved {
					t.Errorf("%s: %s", what, rep)
				}
			}
			if index, err := r.Index(); err != nil || index != 1 {
				t.Errorf("index %d, %v: not the same log", index, err)
			}
			must(t, n.Close(ctx))
			check, err := sequencer.Fsck(ctx, dir, next, first)
			if err != nil || check.Size != 2 {
				t.Errorf("%+v %v", check, err)
			}
			if _, err := sequencer.Fsck(ctx, dir, first); err == nil {
				t.Error("fsck under the old key alone")
			}
			// Rotated and not grown yet: proofs are under the new key all the same.
			third, err := sequencer.NextLogKey(dir, origin)
			must(t, err)
			w.know(t, first, next, third)
			// As a crash between the two files leaves it.
			_, err = sequencer.RotateLogKey(dir, origin)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, "keys", "log.vkey"), []byte(next+"\n"), 0o600))
			if witnessed {
				return // its head is cosigned anew within RepublishInterval
			}
			n = notary(t, dir, nil)
			defer func() { must(t, n.Close(ctx)) }()
			r, err = n.IssueFrom(ctx, s, 0)
			must(t, err)
			if rep := r.Verify(n.Policy()); rep.Outcome != provenance.Proved || n.LogKey() != third {
				t.Error(rep)
			}
		})
	}
}

// BenchmarkCosigned measures from a leaf to its checkpoint, published and cosigned by two of
// three witnesses over loopback, one caller and 64.
func BenchmarkCosigned(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			w := serveWitnesses(b)
			c, err := witness.NewClient(w.policy, witness.ClientConfig{})
			must(b, err)
			n := notary(b, b.TempDir(), c)
			defer func() { must(b, n.Close(ctx)) }()
			w.know(b, n.LogKey())
			var mu sync.Mutex
			var took []time.Duration
			next := make(chan int)
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for i := range next {
						start := time.Now()
						if _, err := n.Log.Append(ctx, commitment(i)); err != nil {
							b.Error(err)
						}
						mu.Lock()
						took = append(took, time.Since(start))
						mu.Unlock()
					}
				})
			}
			start := time.Now()
			for i := range b.N {
				next <- i
			}
			close(next)
			wg.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "entries/s")
			b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
		})
	}
}
