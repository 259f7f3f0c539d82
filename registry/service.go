package registry

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"selvage/fingerprint"
	"selvage/provenance"
	"selvage/provenance/sequencer"
	"selvage/store"
)

// Config is what a Service is made of. The zero value of an optional field means the
// default named beside it.
type Config struct {
	KV      store.KV          // records; the commit point
	Blobs   *store.Blobs      // originals
	Hashers fingerprint.Set   // in order of preference when the kind is to be told from the bytes
	Notary  *sequencer.Notary // signs, logs and stamps
	DataDir string            // holds index/: derived files
	Name    string            // of the service, in statements; default "selvage"
	Clock   func() time.Time  // default time.Now
	Log     *slog.Logger      // default: discard
	// Outside gives the value of outside that the statement of a new work is to contain, for
	// the lower bound of its time; nil: none. It is called for every registration and must
	// be quick.
	Outside func(context.Context) (OutsideValue, error)
	// VerifyURL is the address of a page where a stranger can check a record, as it is
	// printed on certificates, at most 200 bytes; default: none.
	VerifyURL string
	// Tools are the verifiers that go with evidence bundles, by file name; default: none.
	Tools map[string][]byte
	// Observe is called with every finished stage and its duration; default: none.
	Observe func(stage string, d time.Duration)
	// Matched is called with the report of every query that Match answers, those of jobs too;
	// it must not change it. Default: none.
	Matched func(*MatchReport)
	// KeepJobs is how long the row of a job is kept after its end; default 7 days.
	KeepJobs time.Duration
	// ReceiptWait is how long Register waits for the log before it answers "pending";
	// default 3 s.
	ReceiptWait time.Duration
	// FlushEvery is how many changes the indexes take before they are written to files;
	// default 20,000. What was not written is replayed from the store at the next start.
	FlushEvery int
}

// OutsideValue is a value that nobody could know earlier; see provenance.NotBefore.
type OutsideValue struct {
	NotBefore *provenance.NotBefore
	Value     []byte
	Witnesses []string // keys that have cosigned the value, if it is a checkpoint
}

// Service is the registry. All methods are safe for concurrent use.
type Service struct {
	Config
	seq *sequence

	// open holds matchable and public works of all owners; closed private works, which are
	// shown to their owner only.
	open, closed *shelf
	applying     [64]sync.Mutex // one change of a work at a time, by hash of its ID
	seed         maphash.Seed
	moving       sync.RWMutex // held while an asset moves between the indexes; searches of both read it
	unflushed    atomic.Int64
	// altered is the number of the latest change of a registered work, raised before the
	// change can be seen; at a start it is a number above all of the last run. See watchSearch.
	altered atomic.Uint64
	late    struct {
		sync.Mutex
		changes []lateChange
	}

	stop    context.CancelFunc
	workers sync.WaitGroup
	logged  *logWorker
	watched *watcher
	jobs    *jobs

	owners ownerCache
	banks  bankCache
	policy Policy
	pages  atomic.Bool // there was an open manuscript; see readsPages
	shut   atomic.Bool
}

// Open starts a service: it opens the indexes, replays what they had not yet seen, and
// takes up the entries that the log has not taken yet. It returns when everything
// registered is matchable.
func Open(ctx context.Context, c Config) (*Service, error) {
	if c.KV == nil || c.Blobs == nil || c.Notary == nil || len(c.Hashers) == 0 {
		return nil, errors.New("registry: Config needs KV, Blobs, Notary and Hashers")
	}
	if c.Name == "" {
		c.Name = "selvage"
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Observe == nil {
		c.Observe = func(string, time.Duration) {}
	}
	if c.Matched == nil {
		c.Matched = func(*MatchReport) {}
	}
	if c.KeepJobs == 0 {
		c.KeepJobs = keepJobs
	}
	if c.ReceiptWait == 0 {
		c.ReceiptWait = 3 * time.Second
	}
	if c.FlushEvery == 0 {
		c.FlushEvery = 20_000
	}
	s := &Service{Config: c, seed: maphash.MakeSeed(), policy: DefaultPolicy}
	var err error
	if s.seq, err = openSequence(ctx, c.KV); err != nil {
		return nil, err
	}
	s.altered.Store(s.seq.settled())
	if s.open, err = openShelf(filepath.Join(c.DataDir, "index", "open")); err != nil {
		return nil, err
	}
	if s.closed, err = openShelf(filepath.Join(c.DataDir, "index", "private")); err != nil {
		return nil, errors.Join(err, s.open.close())
	}
	if err := errors.Join(s.dropLeftParts(ctx), s.replay(ctx)); err != nil {
		return nil, errors.Join(err, s.open.close(), s.closed.close())
	}
	if err := errors.Join(s.openPages(ctx), s.openJobs(ctx)); err != nil {
		return nil, errors.Join(err, s.open.close(), s.closed.close())
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = cancel
	s.logged = newLogWorker(s)
	s.watched = newWatcher(s)
	s.workers.Go(func() { s.logged.run(run) })
	s.workers.Go(func() { s.watched.run(run) })
	s.workers.Go(func() { s.flushLoop(run) })
	s.workers.Go(func() { s.jobs.run(run) })
	s.workers.Go(func() { s.forgetJobs(run) })
	return s, nil
}

// Close stops the background work, writes the indexes to files, and returns. Entries
// that the log has not taken yet stay in the outbox for the next start. The stores that
// came with the Config stay open.
func (s *Service) Close(ctx context.Context) error {
	if s.shut.Swap(true) {
		return nil
	}
	s.stop()
	idle := make(chan struct{})
	go func() { s.workers.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
		return fmt.Errorf("registry: close: %w", ctx.Err())
	}
	return errors.Join(s.flush(ctx), s.open.close(), s.closed.close())
}

// Ready reports whether the service can answer: the store can be read.
func (s *Service) Ready(ctx context.Context) error {
	if s.shut.Load() {
		return ErrClosed
	}
	return s.KV.View(ctx, func(tx store.Txn) error {
		_, err := tx.Get(sequenceKey)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
}

// stage measures a stage for Observe; use: defer s.stage("hash")().
func (s *Service) stage(name string) func() time.Duration {
	start := time.Now()
	return func() time.Duration {
		d := time.Since(start)
		s.Observe(name, d)
		return d
	}
}
