package badgerkv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"selvage/store"
	"selvage/store/internal/occ"
)

// Options tune a KV. The zero value is right for a laptop and for a small server.
type Options struct {
	// Logger gets Badger's warnings and errors. Nil: slog.Default.
	Logger *slog.Logger
	// MinFree is the room in bytes that the file system must have for a commit. It
	// covers what Badger writes behind the commits. 0: 256 MiB.
	MinFree uint64
	// MemTable is the bytes of newest writes held in memory; up to three such tables
	// exist, and one transaction writes at most 15 % of one. 0: 32 MiB.
	MemTable int64
	// Cache is the bytes of table blocks held in memory. 0: 32 MiB.
	Cache int64

	free func(dir string) (uint64, error) // in place of freeBytes, for tests
}

// KV is a store.KV in a directory. It is safe for concurrent use.
type KV struct {
	*occ.DB
}

var _ store.KV = (*KV)(nil)

// Open opens the store in dir, which is made if it is missing. store.ErrInUse when
// another process (or an earlier Open of this one) has it open; store.ErrUnavailable
// when the disk is full.
func Open(dir string, o Options) (kv *KV, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("open store %s: %w: %v", dir, store.ErrCorrupt, r)
		}
	}()
	o = o.withDefaults()
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("open store: %w", mapError(err))
	}
	room := room{dir: dir, min: o.MinFree, free: o.free}
	if err := room.check(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	db, err := badger.OpenManaged(badgerOptions(dir, o))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, mapError(err))
	}
	last := db.MaxVersion()
	db.SetDiscardTs(last)
	limits := occ.Limits{Bytes: db.MaxBatchSize() * 3 / 4, Writes: int(db.MaxBatchCount() / 2)}
	return &KV{occ.New(&engine{db: db, room: room}, last, limits)}, nil
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MinFree == 0 {
		o.MinFree = 256 << 20
	}
	if o.MemTable == 0 {
		o.MemTable = 32 << 20
	}
	if o.Cache == 0 {
		o.Cache = 32 << 20
	}
	if o.free == nil {
		o.free = freeBytes
	}
	return o
}

func badgerOptions(dir string, o Options) badger.Options {
	b := badger.DefaultOptions(dir).
		WithLogger(logger{o.Logger}).
		WithSyncWrites(true).
		WithDetectConflicts(false). // package occ does
		WithMemTableSize(max(o.MemTable, 8<<20)).
		WithNumMemtables(2).
		WithNumCompactors(2).
		WithBlockCacheSize(o.Cache).
		WithIndexCacheSize(o.Cache / 2).
		WithValueLogFileSize(1 << 20). // empty, see the package comment
		WithValueThreshold(store.MaxValue + 1).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithMetricsEnabled(false)
	return b
}

// makeDir makes dir and flushes the folder above, so that dir survives a power cut.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(filepath.Clean(dir)))
	if err != nil {
		return err
	}
	err = parent.Sync()
	return errors.Join(ignoreUnsupported(err), parent.Close())
}

// ignoreUnsupported drops the error of file systems that cannot flush a directory.
func ignoreUnsupported(err error) error {
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// Backup writes all records, as of now, in the portable form of store.Backup.
func (kv *KV) Backup(ctx context.Context, w io.Writer) error { return store.Backup(ctx, kv, w) }

// Restore fills an empty store from what Backup wrote. See store.Restore.
func (kv *KV) Restore(ctx context.Context, r io.Reader) error { return store.Restore(ctx, kv, r) }

// mapError gives Badger's errors the meaning they have in package store.
func mapError(err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "Another process is using this Badger database"):
		return fmt.Errorf("%w: stop it, or choose another directory", store.ErrInUse)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: no room on the disk: %w", store.ErrUnavailable, err)
	case strings.Contains(strings.ToLower(err.Error()), "checksum"):
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	return err
}
