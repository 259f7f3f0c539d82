// Package beacon keeps a fresh value of outside at hand: the last witnessed checkpoint of
// another log, or a public file that nobody could foresee. A statement that contains it is
// not older than it (provenance.NotBefore).
//
// Start with [Open]; [Source.Value] answers at once with what was fetched last.
package beacon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"selvage/provenance"
)

// Config says where the value comes from.
type Config struct {
	// Kind is provenance.CheckpointValue or provenance.BeaconValue.
	Kind string
	// From is a URL (http, https) or the path of a file that something else keeps fresh. Of a
	// checkpoint it is where the other log publishes it.
	From string
	// Witnesses are the keys (cosignature/v1) of which at least one must have cosigned a
	// checkpoint; its time is the lower bound.
	Witnesses []string
	// Every is the time between two fetches; zero means 30 s. A value older than MaxAge is
	// not given out, since it would prove next to nothing; zero means 24 h.
	Every, MaxAge time.Duration
	Now           func() time.Time // nil: time.Now
	Log           *slog.Logger     // nil: none
}

const (
	maxValue = 64 << 10
	timeout  = 10 * time.Second
)

// Value is what was fetched.
type Value struct {
	NotBefore *provenance.NotBefore
	Bytes     []byte
	Witnesses []string // keys that the checkpoint's time is by
}

// Source fetches again and again until it is closed. Its methods are safe for concurrent use.
type Source struct {
	cfg  Config
	http http.Client
	stop context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex
	last Value
	err  error // of the last fetch
}

// Open fetches once and keeps on fetching. That the first fetch fails is no error: the
// world may come back; Value says why there is none.
func Open(ctx context.Context, cfg Config) (*Source, error) {
	if cfg.Every == 0 {
		cfg.Every = 30 * time.Second
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.Kind != provenance.CheckpointValue && cfg.Kind != provenance.BeaconValue:
		return nil, fmt.Errorf("value of outside: kind %q: use %q or %q", cfg.Kind, provenance.CheckpointValue, provenance.BeaconValue)
	case cfg.From == "":
		return nil, errors.New("value of outside: say where it comes from, a URL or a file")
	case cfg.Kind == provenance.CheckpointValue && len(cfg.Witnesses) == 0:
		return nil, errors.New("value of outside: a checkpoint needs the key of at least one witness, whose time is the lower bound")
	}
	for i, k := range cfg.Witnesses {
		w, err := provenance.ParseWitnessKey(k)
		if err != nil {
			return nil, fmt.Errorf("value of outside: %w", err)
		}
		if i == 0 {
			cfg.Witnesses = slices.Clone(cfg.Witnesses)
		}
		cfg.Witnesses[i] = w.String() // one spelling
	}
	s := &Source{cfg: cfg, http: http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = cancel
	s.fetch(ctx)
	s.done.Go(func() {
		t := time.NewTicker(cfg.Every)
		defer t.Stop()
		for {
			select {
			case <-run.Done():
				return
			case <-t.C:
				s.fetch(run)
			}
		}
	})
	return s, nil
}

// Close ends the fetching.
func (s *Source) Close() {
	s.stop()
	s.done.Wait()
}

// Value is what was fetched last, or an error if that is too old or there is nothing.
func (s *Source) Value() (Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.NotBefore == nil {
		return Value{}, fmt.Errorf("value of outside: none yet from %s: %w", s.cfg.From, s.err)
	}
	at, err := provenance.ParseTime(s.last.NotBefore.Time)
	if err != nil {
		return Value{}, err
	}
	if age := s.cfg.Now().Sub(at); age > s.cfg.MaxAge {
		return Value{}, errors.Join(fmt.Errorf("value of outside: the last one of %s is %s old", s.cfg.From, age.Round(time.Second)), s.err)
	}
	return s.last, nil
}

func (s *Source) fetch(ctx context.Context) {
	v, err := s.get(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err != nil {
		if ctx.Err() == nil {
			s.cfg.Log.Warn("no fresh value of outside; the last one serves as long as it is young enough", "from", s.cfg.From, "err", err)
		}
		return
	}
	s.last = v
}

func (s *Source) get(ctx context.Context) (Value, error) {
	read := s.readFile
	if strings.HasPrefix(s.cfg.From, "http://") || strings.HasPrefix(s.cfg.From, "https://") {
		read = s.readURL
	}
	b, at, err := read(ctx)
	if err != nil {
		return Value{}, err
	}
	if s.cfg.Kind == provenance.CheckpointValue {
		nb, err := provenance.NewCheckpointValue(b, s.cfg.Witnesses)
		return Value{nb, b, s.cfg.Witnesses}, err
	}
	if len(b) == 0 {
		return Value{}, errors.New("the beacon is empty")
	}
	return Value{&provenance.NotBefore{
		Kind: provenance.BeaconValue, Source: s.cfg.From, Digest: provenance.DigestOf(b), Time: provenance.FormatTime(at),
	}, b, nil}, nil
}

func limited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxValue+1))
	if err == nil && len(b) > maxValue {
		err = fmt.Errorf("more than %d bytes", maxValue)
	}
	return b, err
}

// readFile takes the time at which the file was last written for the beacon's.
func (s *Source) readFile(context.Context) ([]byte, time.Time, error) {
	f, err := os.Open(s.cfg.From)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	b, err := limited(f)
	return b, info.ModTime(), err
}

// readURL takes Last-Modified, or else Date, for the beacon's time.
func (s *Source) readURL(ctx context.Context) ([]byte, time.Time, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.cfg.From, nil)
	if err != nil {
		return nil, time.Time{}, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer resp.Body.Close() // only read
	if resp.StatusCode != http.StatusOK {
		return nil, time.Time{}, fmt.Errorf("%s answers %s", s.cfg.From, resp.Status)
	}
	at := s.cfg.Now()
	for _, h := range []string{"Last-Modified", "Date"} {
		if t, err := http.ParseTime(resp.Header.Get(h)); err == nil {
			at = t
			break
		}
	}
	b, err := limited(resp.Body)
	return b, at, err
}
