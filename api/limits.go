package api

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4/middleware"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// gate bounds something scarce: bytes of upload memory, files being hashed. What does
// not fit waits for a while; when too many wait already, it is refused at once, so that
// a machine with too much work answers quickly instead of ever more slowly.
type gate struct {
	sem     *semaphore.Weighted
	size    int64
	waiting atomic.Int64
	queue   int64
	wait    time.Duration
	growing atomic.Bool // one waits for more while it holds some
}

func newGate(size int64, queue int, wait time.Duration) *gate {
	return &gate{sem: semaphore.NewWeighted(size), size: size, queue: int64(queue), wait: wait}
}

var errOverloaded = &fault{slug: slugOverloaded, detail: "the machine has more work than it takes at once; try again in a moment", retryAfter: retrySoon}

// enter takes n and returns the function that gives it back, which may be called once.
func (g *gate) enter(ctx context.Context, n int64) (leave func(), err error) {
	n = min(max(n, 1), g.size)
	if !g.sem.TryAcquire(n) {
		if g.waiting.Add(1) > g.queue {
			g.waiting.Add(-1)
			return nil, errOverloaded
		}
		defer g.waiting.Add(-1)
		short, cancel := context.WithTimeout(ctx, g.wait)
		defer cancel()
		if err := g.sem.Acquire(short, n); err != nil {
			if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, ctx.Err()
			}
			return nil, errOverloaded
		}
	}
	return func() { g.sem.Release(n) }, nil
}

// grow takes n more for somebody who holds some already; who got the first gives this back
// too. Only one such may wait: the others give up at once, and by that make room for it.
// Were all to wait, each would hold what another one needs.
func (g *gate) grow(ctx context.Context, n int64) error {
	if g.sem.TryAcquire(n) {
		return nil
	}
	if !g.growing.CompareAndSwap(false, true) {
		return errOverloaded
	}
	defer g.growing.Store(false)
	_, err := g.enter(ctx, n)
	return err
}

// newLimiter returns a token bucket a key; buckets unused for three minutes are dropped.
func newLimiter(c Config) *middleware.RateLimiterMemoryStore {
	return middleware.NewRateLimiterMemoryStoreWithConfig(middleware.RateLimiterMemoryStoreConfig{
		Rate: rate.Limit(c.Rate), Burst: c.Burst, ExpiresIn: 3 * time.Minute,
	})
}

// limit takes one token of the key's bucket.
func (s *Server) limit(key string) error {
	if ok, err := s.rate.Allow(key); err == nil && ok {
		return nil
	}
	return &fault{slug: slugRateLimited, detail: "this key sends too many requests; slow down, or use /v1/matches:batch",
		retryAfter: int(math.Ceil(max(1, 1/s.Rate)))}
}
