package witness

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"selvage/internal/durable"
)

// ServerConfig says where a witness keeps its things.
type ServerConfig struct {
	// Dir holds key and state and is made if missing; see the package comment.
	Dir string
	// Name is the witness's name, like "witness.example/w1"; it can never change.
	Name string
	// Logs is the path of the list of logs to cosign for.
	Logs string
	// Now is the clock of cosignatures; nil means time.Now.
	Now func() time.Time
	// Logger gets refusals that may prove misbehaviour, and failures; nil: slog.Default().
	Logger *slog.Logger
}

// Server is a witness (C2SP tlog-witness, tlog-cosignature with Ed25519). As an
// http.Handler it answers
//
//	POST /add-checkpoint               the protocol
//	GET  /log/HEX/checkpoint           the latest cosigned checkpoint of the log whose
//	                                   origin has the SHA-256 HEX, for monitors (the
//	                                   specification leaves reading open)
//
// It is safe for concurrent use; different logs do not wait for each other.
type Server struct {
	dir, list string
	key       *key
	now       func() time.Time
	log       *slog.Logger
	lock      *os.File
	mux       *http.ServeMux

	mu   sync.RWMutex // guards what follows
	logs map[string]*watched
	open bool
}

// watched is a log that the witness cosigns for. It stays when its keys leave the list.
type watched struct {
	keys []note.Verifier // guarded by Server.mu

	// mu is held from comparing to storing, so that the two are one step.
	mu   sync.Mutex
	last head   // the latest cosigned; nothing cosigned: no origin
	note []byte // last with the log's signature and ours
	// known says that last and note are what the disk holds.
	known bool
}

// OpenServer opens the witness in cfg.Dir and makes its key on the first start. It fails
// if another process has it open: two would cosign two histories.
func OpenServer(cfg ServerConfig) (_ *Server, err error) {
	s := &Server{dir: cfg.Dir, list: cfg.Logs, now: cfg.Now, log: cfg.Logger, mux: http.NewServeMux(), logs: map[string]*watched{}, open: true}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if err := os.MkdirAll(filepath.Join(s.dir, "state"), 0o700); err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	if s.lock, err = durable.Lock(filepath.Join(s.dir, "lock")); err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.lock.Close())
		}
	}()
	if s.key, err = openKey(s.dir, cfg.Name); err != nil {
		return nil, err
	}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	s.mux.HandleFunc("POST /add-checkpoint", s.addCheckpoint)
	s.mux.HandleFunc("GET /log/{origin}/checkpoint", s.latest)
	return s, nil
}

// Key is the witness's verifier key (vkey), to be put into policies.
func (s *Server) Key() string { return s.key.String() }

// Reload reads the list of logs again. If the list is not well formed, the logs stay as
// they were. A log that is taken off the list is cosigned no more, but not forgotten.
func (s *Server) Reload() error {
	text, err := os.ReadFile(s.list)
	if err != nil {
		return fmt.Errorf("list of logs: %w", err)
	}
	keys := map[string][]note.Verifier{}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		v, err := note.NewVerifier(line)
		if err != nil {
			return fmt.Errorf("list of logs %s, line %d: %w: want a verifier key, NAME+HASH+KEY", s.list, i+1, err)
		}
		keys[v.Name()] = append(keys[v.Name()], v)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for origin, l := range s.logs {
		l.keys = keys[origin]
	}
	for origin, k := range keys {
		if s.logs[origin] == nil {
			s.logs[origin] = &watched{keys: k}
		}
	}
	return nil
}

// Close waits for the requests that store a checkpoint and lets the directory go; later
// ones are answered 503.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil
	}
	s.open = false
	for _, l := range s.logs {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.known = false
	}
	return s.lock.Close()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// refusal is an answer other than a cosignature.
type refusal struct {
	status int
	text   string
	// size is the size last cosigned, where that is the answer.
	size int64
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, text: fmt.Sprintf(format, args...)}
}

func (s *Server) addCheckpoint(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		http.Error(w, fmt.Sprintf("the body may have %d bytes", tooLarge.Limit), http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		return // the client is gone
	}
	line, no := s.add(body)
	switch {
	case no == nil:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(line) // if it does not arrive, the client asks again
	case no.text == "":
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(no.status)
		fmt.Fprintf(w, "%d\n", no.size)
	default:
		http.Error(w, no.text, no.status)
	}
}

// add checks a request in the order of the specification and returns the cosignature.
func (s *Server) add(body []byte) ([]byte, *refusal) {
	req, err := parseRequest(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock() // held so that Close waits
	if !s.open {
		return nil, refuse(http.StatusServiceUnavailable, "the witness is stopping")
	}
	l := s.logs[originOf(req.checkpoint)]
	if l == nil || len(l.keys) == 0 {
		return nil, refuse(http.StatusNotFound, "the log %q is not known here", clip(originOf(req.checkpoint)))
	}
	next, signed, err := openHead(req.checkpoint, l.keys)
	if unsigned, invalid := (*note.UnverifiedNoteError)(nil), (*note.InvalidSignatureError)(nil); errors.As(err, &unsigned) || errors.As(err, &invalid) {
		return nil, refuse(http.StatusForbidden, "no signature of the checkpoint is by a key of the log known here")
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	if req.old > next.tree.N {
		return nil, refuse(http.StatusBadRequest, "the old size %d is above the checkpoint's %d", req.old, next.tree.N)
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	if err := s.load(next.origin, l); err != nil {
		s.log.Error("the record of a log cannot be read; nothing is cosigned for it", "log", next.origin, "err", err)
		return nil, refuse(http.StatusInternalServerError, "the record of this log cannot be read")
	}
	prev := l.last.tree
	if req.old != prev.N {
		return nil, &refusal{status: http.StatusConflict, size: prev.N}
	}
	if l.last.origin != "" && prev.N == next.tree.N && prev.Hash != next.tree.Hash {
		s.log.Error("the log signed two trees of one size", "log", next.origin, "size", prev.N, "cosigned", string(l.note), "refused", string(render(signed)))
		return nil, refuse(http.StatusConflict, "another root hash was cosigned for size %d", prev.N)
	}
	if err := consistent(prev, next.tree, req.proof); err != nil {
		// Not yet a proof against the log: anybody can send a wrong proof with its checkpoint.
		s.log.Warn("a signed checkpoint came with a proof that does not hold", "log", next.origin, "cosigned", prev.N, "refused", string(render(signed)))
		return nil, refuse(http.StatusUnprocessableEntity, "the proof does not lead from size %d to size %d: %v", prev.N, next.tree.N, err)
	}
	sig := s.key.cosign(signed.Text, s.now())
	signed.Sigs = append(signed.Sigs, sig)
	if err := s.store(l, next, render(signed)); err != nil {
		s.log.Error("a checkpoint could not be kept; it is not cosigned", "log", next.origin, "err", err)
		return nil, refuse(http.StatusInternalServerError, "the checkpoint could not be kept")
	}
	return signatureLine(sig), nil
}

func (s *Server) statePath(origin string) string {
	return filepath.Join(s.dir, "state", fmt.Sprintf("%x", sha256.Sum256([]byte(origin))))
}

// load makes l's record what the disk holds. l.mu is held.
func (s *Server) load(origin string, l *watched) error {
	if l.known {
		return nil
	}
	kept, err := os.ReadFile(s.statePath(origin))
	if errors.Is(err, fs.ErrNotExist) {
		l.last, l.note, l.known = head{}, nil, true
		return nil
	}
	if err != nil {
		return err
	}
	// Under the witness's own key: the log's may have left the list.
	n, err := note.Open(kept, note.VerifierList(s.key))
	if err != nil {
		return err
	}
	h, err := parseHead(n.Text)
	if err != nil {
		return err
	}
	if h.origin != origin {
		return fmt.Errorf("the record is of log %q", clip(h.origin))
	}
	l.last, l.note, l.known = h, kept, true
	return nil
}

// store makes the record durable. l.mu is held. After a failure the disk may hold the old
// or the new one, so it is read again before it is relied upon.
func (s *Server) store(l *watched, h head, cosigned []byte) error {
	l.known = false
	if err := durable.WriteFile(s.statePath(h.origin), cosigned, 0o644); err != nil {
		return err
	}
	l.last, l.note, l.known = h, cosigned, true
	return nil
}

// latest serves the latest cosigned checkpoint of a log.
func (s *Server) latest(w http.ResponseWriter, r *http.Request) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for origin, l := range s.logs {
		if fmt.Sprintf("%x", sha256.Sum256([]byte(origin))) != r.PathValue("origin") || !s.open {
			continue
		}
		l.mu.Lock()
		err := s.load(origin, l)
		cosigned := slices.Clone(l.note)
		l.mu.Unlock()
		if err != nil {
			http.Error(w, "the record of this log cannot be read", http.StatusInternalServerError)
			return
		}
		if len(cosigned) == 0 {
			break
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(cosigned))
		return
	}
	http.NotFound(w, r)
}
