// Package store holds the storage contracts: [KV] for records, [Objects] for bytes,
// and [Blobs], content-addressed files on top of Objects.
//
// Implementations live in sub-packages (mem, badgerkv, fsobjects, s3objects); all of
// them pass package storetest.
package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors that every implementation returns, wrapped with the key and action.
var (
	// ErrNotFound: no such key or object.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable: the back-end cannot be reached or is out of room just now; the
	// same call may succeed later. Nothing was stored.
	ErrUnavailable = errors.New("storage unavailable")
	// ErrCorrupt: the bytes read are not the bytes that were written.
	ErrCorrupt = errors.New("stored bytes are corrupt")
	// ErrInUse: another process holds the store.
	ErrInUse = errors.New("store is in use by another process")
	// ErrClosed: the store was closed before the call.
	ErrClosed = errors.New("store is closed")
	// ErrBadKey: the key breaks the rules of [KV] or [Objects].
	ErrBadKey = errors.New("bad key")
	// ErrTooBig: the value, or all that one transaction writes, is more than the store takes.
	ErrTooBig = errors.New("too big for one transaction")
	// ErrLocked: the object is under retention and cannot be removed yet.
	ErrLocked = errors.New("object is locked")
)

// The sizes every KV takes, in bytes.
const (
	MaxKey   = 1024
	MaxValue = 512 << 10
)

// KV is an ordered map of byte strings with transactions. It is safe for concurrent use.
type KV interface {
	// View runs f over a consistent snapshot. Writes inside return an error.
	View(ctx context.Context, f func(Txn) error) error
	// Update runs f and commits what it wrote, all or nothing. On return without error
	// the writes are durable (they survive kill -9 and power loss). f may run more than
	// once, when another transaction changed what it had read: it must have no effect
	// outside the transaction, and must not call Update. An error from f is returned as it
	// is, and nothing is written. Transactions are serializable: what f got and scanned,
	// keys that were missing included, is still so when it commits.
	Update(ctx context.Context, f func(Txn) error) error
	// Close releases the store. Calls in flight end first.
	Close() error
}

// Txn is a transaction. It must not be used after the function that got it returned,
// nor by several goroutines.
type Txn interface {
	// Get returns a copy of the value, or ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Set stores a value. Keys are 1 to 1024 bytes, values up to 512 KiB.
	Set(key, value []byte) error
	// Delete removes a key. Deleting a missing key is no error.
	Delete(key []byte) error
	// Scan calls f for every key with the prefix that is >= from (nil: the first), in
	// rising byte order, the transaction's own writes included, until f returns false.
	// Key and value are valid only during the call. f must not write to the transaction.
	Scan(prefix, from []byte, f func(key, value []byte) bool) error
}

// Object describes a stored object.
type Object struct {
	Key      string
	Size     int64
	Modified time.Time
}

// Objects stores immutable byte strings under keys: slash-separated path segments of
// [a-z0-9._-], no segment "." or "..", at most 512 bytes in all. No key may be the
// folder of another ("a" beside "a/b"): back-ends may refuse it. It is safe for
// concurrent use.
type Objects interface {
	// Put stores size bytes of r under key: all or nothing, durable on return,
	// replacing what was there. A reader that fails, ends early or goes on stores nothing.
	Put(ctx context.Context, key string, r io.Reader, size int64) error
	// Open returns the object's bytes, or ErrNotFound.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	// Stat describes the object, or ErrNotFound.
	Stat(ctx context.Context, key string) (Object, error)
	// Delete removes the object. Deleting a missing one is no error.
	Delete(ctx context.Context, key string) error
	// List yields the objects whose key begins with prefix, in rising key order. An
	// error ends the sequence.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
}

// Syncer is the second interface of Objects in which an object can be seen before it is
// durable. Whoever relies on an object without having seen its Put return calls Sync: the
// process that put it may have been killed in between.
type Syncer interface {
	// Sync makes the object of key durable, or returns ErrNotFound.
	Sync(ctx context.Context, key string) error
}

// Locker is the second interface of Objects that can keep an object from being
// changed or deleted until a date (S3 Object Lock, compliance mode).
type Locker interface {
	// PutLocked is Put with a retention date: until then Delete gives ErrLocked, and a
	// later Put of the key leaves these bytes as an older version. ErrNoLock if the
	// bucket has no lock.
	PutLocked(ctx context.Context, key string, r io.Reader, size int64, until time.Time) error
}

// ErrNoLock means that the bucket was made without object lock.
var ErrNoLock = errors.New("object lock is not enabled")
