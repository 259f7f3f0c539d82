package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"selvage/store"
)

// Objects is a store.Objects and store.Locker in memory.
type Objects struct {
	mu   sync.RWMutex
	data map[string]object
}

type object struct {
	data     []byte // never changed once stored
	modified time.Time
	until    time.Time // retention
}

var (
	_ store.Objects = (*Objects)(nil)
	_ store.Locker  = (*Objects)(nil)
)

// NewObjects returns an empty Objects.
func NewObjects() *Objects { return &Objects{data: make(map[string]object)} }

// Put implements store.Objects.
func (o *Objects) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	return o.PutLocked(ctx, key, r, size, time.Time{})
}

// PutLocked implements store.Locker. A later Put of a locked key is refused, since no
// older version is kept here.
func (o *Objects) PutLocked(ctx context.Context, key string, r io.Reader, size int64, until time.Time) error {
	if err := store.CheckObjectKey(key); err != nil {
		return err
	}
	b, err := io.ReadAll(store.Exact(ctx, r, size))
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.data[key].until.After(time.Now()) {
		return fmt.Errorf("put %s: %w", key, store.ErrLocked)
	}
	o.data[key] = object{b, time.Now(), until}
	return nil
}

// Open implements store.Objects.
func (o *Objects) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	v, err := o.find(ctx, key)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(v.data)), nil
}

// Stat implements store.Objects.
func (o *Objects) Stat(ctx context.Context, key string) (store.Object, error) {
	v, err := o.find(ctx, key)
	if err != nil {
		return store.Object{}, err
	}
	return store.Object{Key: key, Size: int64(len(v.data)), Modified: v.modified}, nil
}

func (o *Objects) find(ctx context.Context, key string) (object, error) {
	if err := store.CheckObjectKey(key); err != nil {
		return object{}, err
	}
	if err := ctx.Err(); err != nil {
		return object{}, err
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	v, ok := o.data[key]
	if !ok {
		return object{}, fmt.Errorf("object %s: %w", key, store.ErrNotFound)
	}
	return v, nil
}

// Delete implements store.Objects.
func (o *Objects) Delete(ctx context.Context, key string) error {
	if err := store.CheckObjectKey(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.data[key].until.After(time.Now()) {
		return fmt.Errorf("delete %s: %w", key, store.ErrLocked)
	}
	delete(o.data, key)
	return nil
}

// List implements store.Objects, as of the call.
func (o *Objects) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for _, v := range o.listing(prefix) {
			if err := ctx.Err(); err != nil {
				yield(store.Object{}, err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (o *Objects) listing(prefix string) []store.Object {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var all []store.Object
	for k, v := range o.data {
		if strings.HasPrefix(k, prefix) {
			all = append(all, store.Object{Key: k, Size: int64(len(v.data)), Modified: v.modified})
		}
	}
	slices.SortFunc(all, func(a, b store.Object) int { return strings.Compare(a.Key, b.Key) })
	return all
}
