package fingerprint

import "context"

type progressKey struct{}

// WithProgress has f called, from time to time, with the share of a file that is done, from
// 0 to 1. It is called by one goroutine at a time and must be quick.
func WithProgress(ctx context.Context, f func(share float64)) context.Context {
	return context.WithValue(ctx, progressKey{}, f)
}

// Progress is called by hashers that take long: done of whole, both in any one unit, like
// seconds of a video or pages.
func Progress(ctx context.Context, done, whole float64) {
	if f, ok := ctx.Value(progressKey{}).(func(float64)); ok && whole > 0 {
		f(min(max(done/whole, 0), 1))
	}
}
