package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"selvage/api/oas"
)

// Server is the HTTP API. TLS is the business of the proxy before it.
type Server struct {
	Config
	echo       *echo.Echo
	rate       *middleware.RateLimiterMemoryStore
	memory     *gate // bytes of bodies
	hashing    *gate // photos
	heavy      *gate // videos and manuscripts: photos do not wait for them
	idempotent *idempotency
	draining   atomic.Bool
}

var _ oas.ServerInterface = (*Server)(nil)

// New makes a server; it starts nothing.
func New(c Config) (*Server, error) {
	if err := c.setDefaults(); err != nil {
		return nil, err
	}
	s := &Server{Config: c, echo: echo.New()}
	s.rate = newLimiter(c)
	s.memory = newGate(c.UploadMemory, c.Queue, c.QueueWait)
	s.hashing = newGate(int64(c.Hashing), c.Queue, c.QueueWait)
	s.heavy = newGate(1, c.Queue, c.QueueWait)
	s.idempotent = newIdempotency(c)
	s.echo.HTTPErrorHandler = s.handleError
	s.echo.Use(s.observe, s.authenticate)
	oas.RegisterHandlers(s.echo, s)
	return s, nil
}

// Handler is the whole API.
func (s *Server) Handler() http.Handler { return s.echo }

// Serve answers requests on l until ctx ends. Then /readyz fails, no new connection is
// taken, and requests in flight have Config.DrainTime to finish before they are cut off.
// It returns nil after a stop by ctx, also when requests had to be cut off.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	srv := &http.Server{
		Handler:           s.echo,
		ReadHeaderTimeout: s.ReadHeaderTimeout,
		ReadTimeout:       s.ReadTimeout,
		WriteTimeout:      s.WriteTimeout,
		IdleTimeout:       s.IdleTimeout,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	sweep := time.NewTicker(time.Hour)
	defer sweep.Stop()
	for {
		select {
		case err := <-failed:
			return fmt.Errorf("serve %s: %w", l.Addr(), err)
		case <-sweep.C:
			if err := s.idempotent.sweep(ctx); err != nil {
				s.Log.Warn("old answers not deleted", "err", err)
			}
		case <-ctx.Done():
			return s.drain(srv, cut)
		}
	}
}

func (s *Server) drain(srv *http.Server, cut context.CancelFunc) error {
	s.draining.Store(true)
	s.Log.Info("stopping", "drain", s.DrainTime)
	limit, cancel := context.WithTimeout(context.Background(), s.DrainTime)
	defer cancel()
	err := srv.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Log.Warn("requests in flight were cut off")
		cut()
		err = srv.Close()
	}
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}
