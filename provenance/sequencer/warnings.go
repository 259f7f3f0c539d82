package sequencer

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"k8s.io/klog/v2"
)

// Tessera logs through klog, which has one output per process and may not change it
// while a log runs. So klog is given one handler, once, which passes warnings on to the
// logger of the last Open.
var (
	setKlog sync.Once
	warnee  atomic.Pointer[slog.Logger]
)

func warnTo(l *slog.Logger) {
	warnee.Store(l)
	setKlog.Do(func() { klog.SetSlogLogger(slog.New(warnings{})) })
}

// warnings is a slog.Handler that drops everything below warnings.
type warnings struct{}

func (warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && warnee.Load().Enabled(ctx, level)
}

func (warnings) Handle(ctx context.Context, r slog.Record) error {
	return warnee.Load().Handler().Handle(ctx, r)
}

// WithAttrs and WithGroup keep nothing: klog's printf-like calls have no attributes.
func (w warnings) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w warnings) WithGroup(string) slog.Handler      { return w }
