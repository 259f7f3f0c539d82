package witness_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"selvage/provenance"
	"selvage/provenance/witness"
)

// site serves a history as tlog-tiles, whatever it is told to be.
type site struct {
	history    *history
	checkpoint string
	missing    string // a path that is not there
	spoil      func(path string, b []byte) []byte
	down       bool
}

func entry(what string, i int64) []byte {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, i))
	return h[:]
}

// entryOf finds which of the test's entries has the leaf hash at index i.
func (h *history) entryOf(i int64) []byte {
	for _, what := range []string{"entry", "other"} {
		if e := entry(what, i); tlog.RecordHash(e) == h.stored[tlog.StoredHashIndex(0, i)] {
			return e
		}
	}
	panic("an entry of no known kind")
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	b, ok := s.file(path)
	if s.down {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	if !ok || path == s.missing {
		http.NotFound(w, r)
		return
	}
	if s.spoil != nil {
		b = s.spoil(path, slices.Clone(b))
	}
	_, _ = w.Write(b)
}

func (s *site) file(path string) ([]byte, bool) {
	if path == "checkpoint" {
		return []byte(s.checkpoint), true
	}
	kind, entries := strings.CutPrefix(path, "tile/entries/")
	name := "tile/8/" + strings.TrimPrefix(path, "tile/")
	if entries {
		name = "tile/8/data/" + kind
	}
	t, err := tlog.ParseTilePath(name)
	if err != nil {
		return nil, false
	}
	if t.L >= 0 {
		b, err := tlog.ReadTileData(t, tlog.HashReaderFunc(s.history.read))
		return b, err == nil
	}
	var b []byte
	for i := range int64(t.W) {
		e := s.history.entryOf(t.N*256 + i)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(e))), e...)
	}
	return b, true
}

// scene is a log with witnesses and a monitor that has seen its first 300 entries.
type scene struct {
	*site
	*serving
	client  *witness.Client
	cfg     witness.MonitorConfig
	monitor *witness.Monitor
	now     time.Time
}

func newScene(t *testing.T) *scene {
	t.Helper()
	log := newHistory(t, "log.example/a").grow(300, "entry")
	s := &scene{site: &site{history: log}, serving: serve(t, 3, 2, log.vkey), now: time.Now()}
	h := httptest.NewServer(s.site)
	t.Cleanup(h.Close)
	v, err := note.NewVerifier(log.vkey)
	must(t, err)
	s.policy.Logs = []witness.Log{{Verifier: v, Key: log.vkey, URL: h.URL}}
	s.client = s.serving.client(t)
	s.publish(t, log, 300)
	s.cfg = witness.MonitorConfig{Dir: t.TempDir(), Policy: s.policy, Now: func() time.Time { return s.now }, Logger: quiet}
	s.reopen(t)
	if a, err := s.monitor.Check(t.Context()); err != nil || len(a) > 0 {
		t.Fatal(a, err)
	}
	return s
}

func (s *scene) reopen(t *testing.T) {
	t.Helper()
	if s.monitor != nil {
		must(t, s.monitor.Close())
	}
	m, err := witness.OpenMonitor(s.cfg)
	must(t, err)
	s.monitor = m
	t.Cleanup(func() { _ = m.Close() })
}

// publish has a tree cosigned and published.
func (s *scene) publish(t *testing.T, h *history, size int64) {
	t.Helper()
	c, err := ask(t, s.client, h, size)
	must(t, err)
	s.history, s.checkpoint = h, c
}

// forge publishes a tree with the log's signature and one that the witnesses refuse.
func (s *scene) forge(t *testing.T, h *history, size int64) {
	t.Helper()
	if c, err := ask(t, s.client, h, size); err == nil {
		t.Fatalf("witnesses cosigned the forgery:\n%s", c)
	}
	s.history, s.checkpoint = h, h.checkpoint(size)
}

func (s *scene) receipt(i uint64, e []byte, checkpoint string) {
	s.cfg.Receipts = append(s.cfg.Receipts, witness.Receipt{Index: i, Entry: [32]byte(e), Checkpoint: []byte(checkpoint)})
}

func TestMonitorFollows(t *testing.T) {
	s := newScene(t)
	log := s.history
	s.receipt(7, log.entryOf(7), s.checkpoint)
	s.reopen(t)
	for range 12 {
		log.grow(97, "entry")
		s.publish(t, log, log.size)
		if a, err := s.monitor.Check(t.Context()); err != nil || len(a) > 0 || s.monitor.Size() != log.size {
			t.Fatal(a, err, s.monitor.Size())
		}
		s.reopen(t)
	}
	// A larger tree, cosigned by a witness and not yet by a quorum, is given its time.
	log.grow(1, "entry")
	post(s.servers[0], log.body(log.size-1, log.size))
	if a, err := s.monitor.Check(t.Context()); err != nil || len(a) > 0 {
		t.Fatal(a, err)
	}
	s.now = s.now.Add(time.Minute)
	if a, err := s.monitor.Check(t.Context()); err != nil || len(a) != 1 || a[0].Kind != witness.Rollback {
		t.Error(a, err)
	}
	s.publish(t, log, log.size)
	if a, err := s.monitor.Check(t.Context()); err != nil || len(a) > 0 {
		t.Error(a, err)
	}
	// What it keeps is checked when it is opened.
	path := filepath.Join(s.cfg.Dir, "hashes")
	b, err := os.ReadFile(path)
	must(t, err)
	b[64*300] ^= 1
	must(t, os.WriteFile(path, b, 0o600))
	must(t, s.monitor.Close())
	m, err := witness.OpenMonitor(s.cfg)
	if err != nil {
		return
	}
	defer m.Close()
	// The root did not need the flipped hash; reading its entry again does.
	if a, err := m.Check(t.Context()); err != nil || len(a) == 0 {
		t.Errorf("a damaged hash was not noticed: %v", err)
	}
}

func TestMonitorRaisesAlarms(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(t *testing.T, s *scene)
		want witness.Kind
		text string
	}{
		"fork of the same size": {func(t *testing.T, s *scene) { s.forge(t, s.history.fork(290).grow(10, "other"), 300) }, witness.Fork, "two trees of 300 entries"},
		"rollback":              {func(t *testing.T, s *scene) { s.forge(t, s.history, 299) }, witness.Rollback, "299 entries, after 300"},
		"old entry rewritten, signed anew": {func(t *testing.T, s *scene) {
			s.forge(t, s.history.fork(20).grow(290, "other"), 310)
		}, witness.Rewrite, "entry 20"},
		"last tile rewritten, signed anew": {func(t *testing.T, s *scene) {
			s.forge(t, s.history.fork(295).grow(25, "other"), 320)
		}, witness.Rewrite, "entry 295"},
		"entry dropped, signed anew": {func(t *testing.T, s *scene) {
			// Everything behind it moves up.
			s.forge(t, s.history.fork(100).grow(300, "other"), 400)
		}, witness.Rewrite, "entry 100"},
		"another history to the witnesses": {func(t *testing.T, s *scene) {
			// Two witnesses and everybody else see 320 entries that the monitor is not shown.
			seen := s.checkpoint
			s.publish(t, s.history.fork(300).grow(20, "entry"), 320)
			s.checkpoint = seen
			s.now = s.now.Add(time.Hour)
			s.cfg.MaxAge = 24 * time.Hour
			s.cfg.Grace = time.Nanosecond
			s.reopen(t)
			if a, err := s.monitor.Check(t.Context()); err != nil || len(a) > 0 {
				t.Fatal(a, err)
			}
			s.now = s.now.Add(time.Second)
		}, witness.Rollback, "holds a signed tree of 320 entries, the log shows 300"},
		"another history in a receipt": {func(t *testing.T, s *scene) {
			f := s.history.fork(290).grow(10, "other")
			s.receipt(295, f.entryOf(295), f.checkpoint(299))
			s.reopen(t)
		}, witness.Fork, "receipt of entry 295"},
		"entry of a receipt is not there": {func(t *testing.T, s *scene) {
			s.receipt(7, entry("lost", 7), s.checkpoint)
			s.reopen(t)
		}, witness.Drop, "receipt of entry 7"},
		"receipt of a larger tree": {func(t *testing.T, s *scene) {
			f := s.history.fork(300).grow(50, "entry")
			s.receipt(340, f.entryOf(340), f.checkpoint(350))
			s.reopen(t)
		}, witness.Rollback, "signed tree of 350 entries, the log shows 300"},
		"entry changed in its bundle":      {spoiled("tile/entries/000", 600), witness.Rewrite, "entry 17"},
		"entry changed in the last bundle": {spoiled("tile/entries/001.p/44", 40), witness.Rewrite, "entry 257"},
		"hash changed in a tile":           {spoiled("tile/0/000", 600), witness.Rewrite, "entry 18"},
		"hash changed in an upper tile":    {spoiled("tile/1/000.p/1", 3), witness.Rewrite, "tile/1/000.p/1"},
		"bundle cut off":                   {cut("tile/entries/000", 600), witness.Drop, "17 entries"},
		"tile cut off":                     {cut("tile/0/001.p/44", 64), witness.Drop, "64 bytes"},
		"bundle gone":                      {gone("tile/entries/000"), witness.Drop, "no tile/entries/000"},
		"tile gone":                        {gone("tile/0/001.p/44"), witness.Drop, "no tile/0/001.p/44"},
		"upper tile gone":                  {gone("tile/1/000.p/1"), witness.Drop, "no tile/1/000.p/1"},
		"entry and hash changed alike":     {both, witness.Rewrite, "entry 17 is another one than before"},
		"signed by another key": {func(t *testing.T, s *scene) {
			s.checkpoint = newHistory(t, s.history.origin).grow(300, "entry").checkpoint(300)
		}, witness.Invalid, "not the log's"},
		"not a checkpoint":                   {func(_ *testing.T, s *scene) { s.checkpoint = "hello\n" }, witness.Invalid, ""},
		"published without its cosignatures": {func(_ *testing.T, s *scene) { s.checkpoint = s.history.checkpoint(300) }, witness.Quorum, "0 of 3 witnesses"},
		"witnesses have stopped":             {func(_ *testing.T, s *scene) { s.now = s.now.Add(time.Hour) }, witness.Stale, "newest cosignature"},
		"log is silent":                      {func(_ *testing.T, s *scene) { s.down = true; s.now = s.now.Add(time.Hour) }, witness.Stale, "could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			row.do(t, s)
			for round := range 2 { // it does not get used to it
				alarms, err := s.monitor.Check(t.Context())
				if err != nil && !s.down {
					t.Fatal(err)
				}
				if !slices.ContainsFunc(alarms, func(a *witness.Alarm) bool { return a.Kind == row.want && strings.Contains(a.Text, row.text) }) {
					t.Fatalf("round %d: %v, want %s with %q", round, alarms, row.want, row.text)
				}
				for _, a := range alarms {
					if (a.Kind == witness.Fork || a.Kind == witness.Rollback) && len(a.Evidence) != 2 {
						t.Errorf("%v: evidence %q", a, a.Evidence)
					}
				}
			}
			found, err := filepath.Glob(filepath.Join(s.cfg.Dir, "evidence", string(row.want)+"-*"))
			if err != nil || len(found) == 0 {
				t.Errorf("no evidence is kept: %v", err)
			}
		})
	}
}

func spoiled(path string, at int) func(*testing.T, *scene) {
	return func(_ *testing.T, s *scene) {
		s.spoil = func(p string, b []byte) []byte {
			if p == path {
				b[at] ^= 1
			}
			return b
		}
	}
}

func cut(path string, at int) func(*testing.T, *scene) {
	return func(_ *testing.T, s *scene) {
		s.spoil = func(p string, b []byte) []byte {
			if p == path {
				b = b[:at]
			}
			return b
		}
	}
}

func gone(path string) func(*testing.T, *scene) {
	return func(_ *testing.T, s *scene) { s.missing = path }
}

// both changes an entry and its hash in the tile, so that the two agree.
func both(_ *testing.T, s *scene) {
	s.spoil = func(p string, b []byte) []byte {
		e := entry("changed", 17)
		h := tlog.RecordHash(e)
		switch p {
		case "tile/entries/000":
			copy(b[17*34+2:], e)
		case "tile/0/000":
			copy(b[17*32:], h[:])
		}
		return b
	}
}

func TestMonitorNetworkTroubleIsNoAlarm(t *testing.T) {
	s := newScene(t)
	s.down = true
	if a, err := s.monitor.Check(t.Context()); err == nil || len(a) > 0 {
		t.Errorf("%v, %v", a, err)
	}
	s.down = false
	for _, h := range s.http {
		h.Close() // witnesses that cannot be asked
	}
	if a, err := s.monitor.Check(t.Context()); err != nil || len(a) > 0 {
		t.Errorf("%v, %v", a, err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if a, err := s.monitor.Check(done); err == nil || len(a) > 0 {
		t.Errorf("%v, %v", a, err)
	}
	if _, err := provenance.ParseReceipt([]byte("{}")); err == nil {
		t.Error("an empty receipt")
	}
	if _, err := witness.OpenMonitor(s.cfg); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice: %v", err)
	}
}
