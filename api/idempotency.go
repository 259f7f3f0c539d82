package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"selvage/registry"
	"selvage/store"
)

const (
	keepAnswers   = 24 * time.Hour
	claimLease    = time.Minute // a process that died in between blocks its key for so long
	maxKeptBytes  = 384 << 10   // of a row; values may have 512 KiB
	maxIdempotent = 128
)

// answer is a response that can be given again.
type answer struct {
	Status     int    `json:"status"`
	Location   string `json:"location,omitempty"`
	RetryAfter string `json:"retry_after,omitempty"`
	Body       []byte `json:"-"`
}

// idempotency keeps answers under i/<owner>/<hash of route and key>. A row is first a
// claim (no answer yet, short-lived), then the answer with its body gzipped.
type idempotency struct {
	kv    store.KV
	clock func() time.Time
	log   *slog.Logger
	node  string // this process

	mu      sync.Mutex
	running map[string]chan struct{} // closed when the request under the row ends
}

func newIdempotency(c Config) *idempotency {
	return &idempotency{kv: c.KV, clock: c.Clock, log: c.Log, node: rand.Text(), running: map[string]chan struct{}{}}
}

type kept struct {
	Digest  string    `json:"digest"`
	Node    string    `json:"node,omitempty"`
	Expires time.Time `json:"expires"`
	Answer  *answer   `json:"answer,omitempty"`
	Gzip    []byte    `json:"gzip,omitempty"`
}

// do runs f once for an owner, route and key, and repeats its answer to the same request
// for 24 hours. A request that comes while the first one runs waits for it here, and is
// refused (in-progress) when the first runs in another process. Errors of f are not
// kept: the request may be sent again.
func (i *idempotency) do(ctx context.Context, owner registry.OwnerID, route, key string, digest [sha256.Size]byte,
	f func() (*answer, error),
) (a *answer, replayed bool, err error) {
	h := sha256.Sum256([]byte(route + "\x00" + key))
	row := "i/" + string(owner) + "/" + hex.EncodeToString(h[:])
	unlock, err := i.lock(ctx, row)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if a, err = i.claim(ctx, row, hex.EncodeToString(digest[:])); a != nil || err != nil {
		return a, a != nil, err
	}
	done := false
	defer func() {
		if !done { // f failed or panicked
			i.release(context.WithoutCancel(ctx), row)
		}
	}()
	if a, err = f(); err != nil {
		return nil, false, err
	}
	// The work is done: an answer that cannot be kept is given all the same.
	if err := i.keep(context.WithoutCancel(ctx), row, hex.EncodeToString(digest[:]), a); err != nil {
		i.log.Warn("answer not kept for its Idempotency-Key", "err", err)
	} else {
		done = true
	}
	return a, false, nil
}

// lock makes requests under one row run one after the other in this process.
func (i *idempotency) lock(ctx context.Context, row string) (unlock func(), err error) {
	for {
		i.mu.Lock()
		ch, busy := i.running[row]
		if !busy {
			ch = make(chan struct{})
			i.running[row] = ch
			i.mu.Unlock()
			return func() {
				i.mu.Lock()
				delete(i.running, row)
				i.mu.Unlock()
				close(ch)
			}, nil
		}
		i.mu.Unlock()
		select {
		case <-ch:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// claim returns the kept answer, or nil when the caller is to make it.
func (i *idempotency) claim(ctx context.Context, row, digest string) (a *answer, err error) {
	err = i.kv.Update(ctx, func(tx store.Txn) error {
		a = nil
		now := i.clock()
		k, err := loadKept(tx, row)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case now.After(k.Expires), k.Answer == nil && k.Node == i.node:
		case k.Digest != digest:
			return &fault{slug: slugMismatch, field: "Idempotency-Key", detail: "this key was used for another request in the last 24 hours; use a new key for a new request"}
		case k.Answer == nil:
			return &fault{slug: slugInProgress, field: "Idempotency-Key", detail: "a request with this key is still running; ask again in a moment", retryAfter: retrySoon}
		default:
			a = k.Answer
			return nil
		}
		return saveKept(tx, row, kept{Digest: digest, Node: i.node, Expires: now.Add(claimLease)})
	})
	return a, err
}

func (i *idempotency) keep(ctx context.Context, row, digest string, a *answer) error {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write(a.Body)
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	if z.Len() > maxKeptBytes {
		return fmt.Errorf("answer of %d bytes is too large to keep", len(a.Body))
	}
	return i.kv.Update(ctx, func(tx store.Txn) error {
		return saveKept(tx, row, kept{Digest: digest, Expires: i.clock().Add(keepAnswers), Answer: a, Gzip: z.Bytes()})
	})
}

func (i *idempotency) release(ctx context.Context, row string) {
	err := i.kv.Update(ctx, func(tx store.Txn) error { return tx.Delete([]byte(row)) })
	if err != nil {
		i.log.Warn("claim of an Idempotency-Key not released", "err", err)
	}
}

// sweep deletes answers that are past their time.
func (i *idempotency) sweep(ctx context.Context) error {
	const batch = 500 // rows a transaction
	for {
		n := 0
		err := i.kv.Update(ctx, func(tx store.Txn) error {
			var old [][]byte
			now := i.clock()
			err := tx.Scan([]byte("i/"), nil, func(k, v []byte) bool {
				var r struct {
					Expires time.Time `json:"expires"`
				}
				if json.Unmarshal(v, &r) == nil && now.After(r.Expires) {
					old = append(old, bytes.Clone(k))
				}
				return len(old) < batch
			})
			if err != nil {
				return err
			}
			for _, k := range old {
				if err := tx.Delete(k); err != nil {
					return err
				}
			}
			n = len(old)
			return nil
		})
		if err != nil || n < batch {
			return err
		}
	}
}

func loadKept(tx store.Txn, row string) (kept, error) {
	var k kept
	b, err := tx.Get([]byte(row))
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(b, &k); err != nil {
		return k, fmt.Errorf("row %s: %w: %w", row, store.ErrCorrupt, err)
	}
	if k.Answer != nil {
		r, err := gzip.NewReader(bytes.NewReader(k.Gzip))
		if err == nil {
			k.Answer.Body, err = io.ReadAll(r)
		}
		if err != nil {
			return k, fmt.Errorf("row %s: %w: %w", row, store.ErrCorrupt, err)
		}
	}
	return k, nil
}

func saveKept(tx store.Txn, row string, k kept) error {
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return tx.Set([]byte(row), b)
}

// once answers a request under its Idempotency-Key, if it has one. Renew, if not nil, may
// bring an answer that is replayed up to date.
func (s *Server) once(c echo.Context, u *upload, extra string, renew func(*answer) (*answer, error), f func() (*answer, error)) error {
	var a *answer
	var replayed bool
	var err error
	keys := c.Request().Header.Values("Idempotency-Key")
	switch {
	case len(keys) == 0:
		a, err = f()
	case !validIdempotencyKey(keys):
		return &fault{slug: slugInvalidRequest, field: "Idempotency-Key", detail: fmt.Sprintf("send the header once, with 1 to %d visible ASCII characters", maxIdempotent)}
	default:
		content := u.digest()
		digest := sha256.Sum256(append(content[:], extra...))
		a, replayed, err = s.idempotent.do(c.Request().Context(), actorOf(c).owner, template(c), keys[0], digest, f)
		if replayed && renew != nil {
			a, err = renew(a)
		}
	}
	if err != nil {
		return err
	}
	h := c.Response().Header()
	if a.Location != "" {
		h.Set("Location", a.Location)
	}
	if a.RetryAfter != "" {
		h.Set("Retry-After", a.RetryAfter)
	}
	if replayed {
		h.Set("Idempotency-Replayed", "true")
	}
	return c.Blob(a.Status, mimeJSON, a.Body)
}

func validIdempotencyKey(keys []string) bool {
	if len(keys) != 1 || keys[0] == "" || len(keys[0]) > maxIdempotent {
		return false
	}
	for _, b := range []byte(keys[0]) {
		if b < '!' || b > '~' {
			return false
		}
	}
	return true
}

// answerJSON marshals v before anything is sent, so that a failure is still a problem.
func answerJSON(status int, v any) (*answer, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return &answer{Status: status, Body: append(b, '\n')}, nil
}

func sendJSON(c echo.Context, status int, v any) error {
	a, err := answerJSON(status, v)
	if err != nil {
		return err
	}
	return c.Blob(a.Status, mimeJSON, a.Body)
}

const mimeJSON = "application/json"
