package main

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"selvage/api"
)

type serveCmd struct {
	directory
	Listen string `placeholder:"ADDR" help:"Address to listen on; default $SELVAGE_LISTEN or 127.0.0.1:8080."`
}

func (c *serveCmd) Run(e *env) error {
	s, err := c.settings(e)
	if err != nil {
		return err
	}
	if c.Listen != "" {
		s.Listen = c.Listen
	}
	level := slog.LevelInfo
	if e.log.Enabled(e.ctx, slog.LevelDebug) {
		level = slog.LevelDebug
	}
	e.log = slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level}))
	// The port first: a busy one should say so before anything is opened.
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	metrics := api.NewMetrics(prometheus.NewRegistry())
	y, err := e.open(s, metrics)
	if err != nil {
		return err
	}
	defer y.quit(e.ctx)
	keys := api.NewKeyring(y.kv, time.Now)
	secret, made, err := keys.EnsureAdmin(e.ctx)
	if err != nil {
		return err
	}
	if made {
		// On stdout and nowhere else: never in a log.
		fmt.Fprintf(e.stdout, "admin key (shown this once; keep it): %s\n", secret)
	}
	srv, err := api.New(api.Config{
		Registry: y.registry, Keys: keys, KV: y.kv, Log: e.log, Metrics: metrics,
		MaxFile: s.MaxUpload, MaxWork: s.MaxUpload, UploadMemory: max(1<<30, s.MaxUpload),
		Hashing: s.Hashing, Rate: s.RatePerSecond, Burst: s.Burst, DrainTime: time.Duration(s.Drain),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "selvage %s listens on http://%s, data in %s\n", buildVersion(), l.Addr(), s.Data)
	if err := srv.Serve(e.ctx, l); err != nil {
		return err
	}
	return y.close(e.ctx)
}
