package sequencer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"selvage/internal/durable"
	"selvage/provenance"
	"selvage/provenance/witness"
)

// Defaults of [Config]. They suit a single waiting caller; throughput is the number of
// waiting callers divided by the time of one round.
const (
	DefaultBatchAge           = 20 * time.Millisecond
	DefaultBatchSize          = 1024
	DefaultCheckpointInterval = 100 * time.Millisecond
)

// RepublishInterval is how often a log with witnesses that does not grow has its checkpoint
// cosigned anew, so that whoever follows it sees that it is alive.
const RepublishInterval = time.Minute

// ErrClosed is returned by Append after Close.
var ErrClosed = errors.New("the log is closed")

// Config says where a log is and how it batches.
type Config struct {
	// Dir holds the log and is made if missing.
	Dir string
	// Signer signs checkpoints and names the log; Key is its verifier key (vkey). Former
	// are verifier keys of the same log that Key replaced; what they signed stays good.
	Signer note.Signer
	Key    string
	Former []string
	// Witnesses gathers the cosignatures without which no checkpoint of a tree with entries
	// is handed out or published; nil asks for none.
	Witnesses *witness.Client
	// BatchAge is how long the first entry of a batch waits for company, BatchSize the
	// most entries in one batch. Zero means the default.
	BatchAge  time.Duration
	BatchSize uint
	// CheckpointInterval is the least time between two checkpoints, 100 ms or more. Zero
	// means the default.
	CheckpointInterval time.Duration
	// Logger gets Tessera's warnings; nil means slog.Default(). Tessera logs through
	// klog, whose output is one per process: the last Open sets it.
	Logger *slog.Logger
}

// Log is an open log. Its methods are safe for concurrent use.
type Log struct {
	dir      string
	guard    *guard
	appender *tessera.Appender
	shutdown func(context.Context) error
	cancel   context.CancelFunc
	lock     *os.File

	mu      sync.RWMutex // held for reading while an Append begins
	closed  bool
	flights sync.WaitGroup
	flying  atomic.Int64 // how many flights there are
	// appended is one above the highest index that an Append was given.
	appended atomic.Uint64
}

// Open opens the log in cfg.Dir and creates it on the first call. It fails with
// ErrInconsistent if what is on disk does not continue what was last signed, and with a
// plain error if another process holds the log. It returns when a checkpoint covers every
// entry on disk, those of a process that was killed before it could sign included, so
// that Find sees them all; it does not wait for witnesses. ctx is for opening only.
func Open(ctx context.Context, cfg Config) (_ *Log, err error) {
	if cfg.BatchAge == 0 {
		cfg.BatchAge = DefaultBatchAge
	}
	if cfg.BatchSize == 0 {
		cfg.BatchSize = DefaultBatchSize
	}
	if cfg.CheckpointInterval == 0 {
		cfg.CheckpointInterval = DefaultCheckpointInterval
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	warnTo(cfg.Logger)
	l := &Log{dir: filepath.Join(cfg.Dir, "log")}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	if l.lock, err = durable.Lock(filepath.Join(cfg.Dir, "lock")); err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("log %s: %w", cfg.Dir, errors.Join(err, l.lock.Close()))
		}
	}()
	v, err := note.NewVerifier(cfg.Key)
	if err != nil {
		return nil, err
	}
	former, err := verifiers(cfg.Former)
	if err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	l.guard = &guard{
		Signer: cfg.Signer, verifier: v, former: former, dir: l.dir, path: filepath.Join(cfg.Dir, "last-signed"),
		witnesses: cfg.Witnesses, ctx: run,
	}
	if err := l.guard.load(); err != nil {
		return nil, err
	}
	posixConfig := posix.Config{Path: l.dir}
	opts := tessera.NewAppendOptions().
		WithCheckpointSigner(l.guard).
		WithBatching(cfg.BatchSize, cfg.BatchAge).
		WithCheckpointInterval(cfg.CheckpointInterval)
	if cfg.Witnesses != nil {
		g := &l.guard.gathered
		g.policy = cfg.Witnesses.Policy()
		posixConfig.HTTPClient = &http.Client{Transport: g}
		opts.WithWitnesses(tessera.NewWitnessGroup(1, g), nil).
			WithCheckpointRepublishInterval(max(RepublishInterval, cfg.CheckpointInterval))
	}
	driver, err := posix.New(ctx, posixConfig)
	if err != nil {
		return nil, err
	}
	var reader tessera.LogReader
	if l.appender, l.shutdown, reader, err = tessera.NewAppender(run, driver, opts); err != nil {
		return nil, err
	}
	if err := l.catchUp(ctx, reader); err != nil {
		return nil, err
	}
	return l, nil
}

func verifiers(keys []string) ([]note.Verifier, error) {
	var out []note.Verifier
	for _, k := range keys {
		v, err := note.NewVerifier(k)
		if err != nil {
			return nil, fmt.Errorf("log key %q: %w", k, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// catchUp waits for the checkpoint over all entries on disk.
func (l *Log) catchUp(ctx context.Context, r tessera.LogReader) error {
	size, err := r.IntegratedSize(ctx)
	if err != nil || size == 0 {
		return err
	}
	if err := l.guard.awaitSigned(ctx, int64(size)); err != nil {
		return fmt.Errorf("no checkpoint over the %d entries on disk: %w", size, err)
	}
	return nil
}

// Append adds a commitment and returns its index once a checkpoint covers it that may be
// handed out. What that makes durable is said in the package comment. If ctx ends first the
// entry may or may not come to be in the log; [Log.Find] tells later. With too few
// witnesses the answer is a [witness.QuorumError]: the entry is in the log, its proof has to
// wait. An entry appended twice is in the log twice, which harms nothing.
func (l *Log) Append(ctx context.Context, commitment [32]byte) (uint64, error) {
	l.mu.RLock()
	if l.closed {
		l.mu.RUnlock()
		return 0, ErrClosed
	}
	l.flights.Add(1)
	l.flying.Add(1)
	l.mu.RUnlock()

	type result struct {
		index uint64
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer l.flights.Done()
		defer l.flying.Add(-1)
		// The future ignores contexts, and Close must wait for it in any case.
		i, err := l.appender.Add(context.WithoutCancel(ctx), tessera.NewEntry(commitment[:]))()
		for n := l.appended.Load(); err == nil && n <= i.Index && !l.appended.CompareAndSwap(n, i.Index+1); {
			n = l.appended.Load()
		}
		done <- result{i.Index, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return 0, fmt.Errorf("log: append: %w", r.err)
		}
		return r.index, l.Await(ctx, r.index)
	case <-ctx.Done():
		return 0, fmt.Errorf("log: append: %w", ctx.Err())
	}
}

// Prove returns the proof that the commitment is entry index of the last tree that may be
// handed out, cosignatures included, verified before it is returned.
func (l *Log) Prove(ctx context.Context, index uint64, commitment [32]byte) (provenance.LogProof, error) {
	tree, signed := l.guard.handed()
	p := provenance.LogProof{Index: index, Checkpoint: signed}
	if err := ctx.Err(); err != nil {
		return p, err
	}
	if index >= uint64(tree.N) {
		return p, fmt.Errorf("log: no entry %d in the tree of %d that is handed out", index, tree.N)
	}
	path, err := tlog.ProveRecord(tree.N, int64(index), tiles{l.dir}.hashes(tree))
	if err != nil {
		return p, fmt.Errorf("log: proof of entry %d: %w", index, err)
	}
	for _, h := range path {
		p.Path = append(p.Path, [32]byte(h))
	}
	if _, _, err := p.Open(commitment[:], l.guard.verifier); err != nil {
		return p, fmt.Errorf("log: proof of entry %d: %w", index, err)
	}
	return p, nil
}

// Size is the number of entries under the last signed checkpoint.
func (l *Log) Size() uint64 { return uint64(l.guard.size()) }

// Await returns when entry index is under a checkpoint that may be handed out, with the
// errors of Append.
func (l *Log) Await(ctx context.Context, index uint64) error {
	if err := l.guard.await(ctx, index); err != nil {
		return fmt.Errorf("log: entry %d is not under a checkpoint: %w", index, err)
	}
	return nil
}

// Find looks for a commitment among the entries from index from on. It serves a replay
// after a crash: note Size before Append, and look from there.
func (l *Log) Find(ctx context.Context, from uint64, commitment [32]byte) (index uint64, found bool, err error) {
	size := l.Size()
	const width = 1 << tileHeight
	for b := from / width; b*width < size; b++ {
		if err := ctx.Err(); err != nil {
			return 0, false, err
		}
		entries, err := tiles{l.dir}.entries(int64(b), int(min(width, size-b*width)))
		if err != nil {
			return 0, false, fmt.Errorf("log: %w", err)
		}
		for i, e := range entries {
			if at := b*width + uint64(i); at >= from && string(e) == string(commitment[:]) {
				return at, true, nil
			}
		}
	}
	return 0, false, nil
}

// Checkpoint is the last checkpoint that may be handed out, a signed note with its
// cosignatures; nil if there is none yet.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	_, signed := l.guard.handed()
	return signed, ctx.Err()
}

// Dir is the directory of the public files, see [Handler].
func (l *Log) Dir() string { return l.dir }

// Close waits for the Appends under way, then for the checkpoint that covers them, and
// lets the directory go. Further Appends fail with ErrClosed. If ctx ends first, as when
// the disk is stuck, Close says what is left and returns; the directory stays locked
// until the disk has taken it, or the process ends.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- l.finish(ctx) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = fmt.Errorf("%d entries are still on their way to the disk: %w", l.flying.Load(), ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("log: close: %w", err)
	}
	return nil
}

// finish is Close for as long as it takes.
func (l *Log) finish(ctx context.Context) (err error) {
	l.flights.Wait()
	// After ErrInconsistent no checkpoint will ever come, and without a quorum none now:
	// there is nothing to wait for. The entries are on disk, and Open takes them up again.
	quorum := (*witness.QuorumError)(nil)
	if n := l.appended.Load(); n > 0 && l.guard.witnesses != nil {
		errors.As(l.guard.await(ctx, n-1), &quorum)
	}
	if quorum == nil && !errors.Is(l.guard.failure(), ErrInconsistent) {
		err = l.shutdown(ctx)
	}
	l.cancel()
	l.guard.end()
	return errors.Join(err, l.lock.Close())
}
