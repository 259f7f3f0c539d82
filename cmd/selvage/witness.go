package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"selvage/provenance/witness"
)

type witnessCmd struct {
	Data   string `required:"" placeholder:"DIR" help:"Directory of the witness: its key, made on the first start, and what it has cosigned."`
	Name   string `required:"" placeholder:"NAME" help:"The witness's name in its key, like witness.example/w1; it can never change."`
	Logs   string `required:"" placeholder:"FILE" help:"Logs to cosign for: a file with one verifier key a line. SIGHUP reads it again."`
	Listen string `default:"127.0.0.1:8090" placeholder:"ADDR" help:"Address to listen on; default 127.0.0.1:8090."`
}

func (c *witnessCmd) Run(e *env) error {
	log := slog.New(slog.NewTextHandler(e.stderr, nil))
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	w, err := witness.OpenServer(witness.ServerConfig{Dir: c.Data, Name: c.Name, Logs: c.Logs, Logger: log})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "witness key: %s\nlistens on http://%s\n", w.Key(), l.Addr())
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go func() {
		for range hup {
			if err := w.Reload(); err != nil {
				log.Error("the logs stay as they were", "err", err)
				continue
			}
			log.Info("the list of logs was read again")
		}
	}()
	err = serveUntil(e.ctx, l, w)
	signal.Stop(hup)
	close(hup)
	return errors.Join(err, w.Close())
}

// serveUntil serves until ctx ends, and then the requests in flight.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	return srv.Shutdown(last)
}
