package witness_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"selvage/provenance/witness"
)

// ask has the client cosign the checkpoint of size.
func ask(t testing.TB, c *witness.Client, h *history, size int64) (string, error) {
	t.Helper()
	b, err := c.Cosign(t.Context(), []byte(h.checkpoint(size)), func(old int64) (tlog.TreeProof, error) { return h.prove(old, size), nil })
	return string(b), err
}

func TestClientGathersQuorum(t *testing.T) {
	log := newHistory(t, "log.example/a").grow(40, "entry")
	s := serve(t, 3, 2, log.vkey)
	c := s.client(t)
	for _, size := range []int64{1, 2, 2, 17, 40} {
		got, err := ask(t, c, log, size)
		must(t, err)
		if !strings.HasPrefix(got, log.checkpoint(size)) {
			t.Errorf("size %d: the log's own part changed:\n%s", size, got)
		}
		if have, err := s.policy.Cosigned([]byte(got)); err != nil || len(have) != 2 {
			t.Errorf("size %d: %d, %v", size, len(have), err)
		}
	}
	// A new client knows nothing and is told by 409.
	if _, err := ask(t, s.client(t), log, 40); err != nil {
		t.Error(err)
	}
	// One witness gone: two are enough. Two gone: the error names them.
	s.http[1].Close()
	log.grow(5, "entry")
	if _, err := ask(t, c, log, 43); err != nil {
		t.Error(err)
	}
	s.http[2].Close()
	short, err := witness.NewClient(s.policy, witness.ClientConfig{Round: 2 * time.Second, Backoff: 5 * time.Millisecond})
	must(t, err)
	_, err = ask(t, short, log, 45)
	var q *witness.QuorumError
	if !errors.As(err, &q) || q.Got != 1 || q.Need != 2 || len(q.Failed) != 2 {
		t.Fatalf("below quorum: %v", err)
	}
	for _, part := range []string{"1 of 3 witnesses cosigned, 2 are needed", "w1 (http://127.0.0.1", "w2 (http://127.0.0.1", "connection refused"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
}

func TestClientRefusals(t *testing.T) {
	log := newHistory(t, "log.example/a").grow(40, "entry")
	s := serve(t, 3, 2, log.vkey)
	_, err := ask(t, s.client(t), log, 20)
	must(t, err)
	// All three have it, not only the two that were quickest.
	for _, w := range s.servers {
		for _, b := range []string{log.body(0, 20), log.body(20, 20)} {
			post(w, b)
		}
	}
	for name, row := range map[string]struct {
		log  *history
		size int64
		why  error
		text string
	}{
		"rolled back":     {log, 19, witness.ErrBehind, "20 entries, this checkpoint has 19"},
		"fork, same size": {log.fork(9).grow(11, "x"), 20, witness.ErrFork, "two histories"},
		"fork, larger":    {log.fork(9).grow(31, "x"), 40, nil, "422"},
		"unknown log":     {newHistory(t, "log.example/b").grow(9, "x"), 9, nil, "does not know this log"},
		"unknown key":     {newHistory(t, "log.example/a").grow(30, "x"), 30, nil, "another key of this log"},
	} {
		start := time.Now()
		_, err := ask(t, s.client(t), row.log, row.size)
		var q *witness.QuorumError
		if !errors.As(err, &q) || q.Got != 0 || row.why != nil && !errors.Is(err, row.why) || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: %v", name, err)
		}
		if time.Since(start) > 10*time.Second {
			t.Errorf("%s: a refusal that will not change took %s", name, time.Since(start))
		}
	}
	if _, err := ask(t, s.client(t), log, 21); err != nil {
		t.Errorf("after the refusals: %v", err)
	}
}

// between serves a witness through a handler that may spoil its answers.
func between(t testing.TB, s *serving, i int, spoil func(w http.ResponseWriter, r *http.Request, pass http.Handler)) {
	t.Helper()
	pass := s.http[i].Config.Handler
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { spoil(w, r, pass) }))
	t.Cleanup(h.Close)
	s.policy.Witnesses[i].URL = h.URL
}

// hang answers nothing until the client gives up, which a server notices once it has read
// the request.
func hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestClientOutlastsTrouble(t *testing.T) {
	log := newHistory(t, "log.example/a").grow(40, "entry")
	s := serve(t, 3, 3, log.vkey)
	var calls [3]atomic.Int64
	// One fails three times, one loses the connection once, one forgets the answer.
	between(t, s, 0, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if calls[0].Add(1) <= 3 {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		pass.ServeHTTP(w, r)
	})
	between(t, s, 1, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if calls[1].Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
		pass.ServeHTTP(w, r)
	})
	between(t, s, 2, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if calls[2].Add(1) == 1 { // cosigned, but the answer is lost
			pass.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		pass.ServeHTTP(w, r)
	})
	got, err := ask(t, s.client(t), log, 20)
	must(t, err)
	if have, err := s.policy.Cosigned([]byte(got)); err != nil || len(have) != 3 {
		t.Errorf("%d, %v", len(have), err)
	}
}

func TestClientTrustsNoAnswer(t *testing.T) {
	log := newHistory(t, "log.example/a").grow(40, "entry")
	s := serve(t, 3, 3, log.vkey)
	lie := func(status int, typ, body string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", typ)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	var sizes atomic.Int64
	elsewhere := post(s.servers[1], log.body(0, 5)).Body.String() // a cosignature of something else
	for name, spoil := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"nothing":                     lie(200, "text/plain", ""),
		"nonsense":                    lie(200, "text/plain", "— w0.example AAAA\n"),
		"another witness's signature": lie(200, "text/plain", elsewhere),
		"endless answer":              lie(200, "text/plain", strings.Repeat("x", 1<<20)),
		"size it was asked from":      lie(409, "text/x.tlog.size", "0\n"),
		"size that is none":           lie(409, "text/x.tlog.size", "many\n"),
		"status that does not exist":  lie(299, "text/plain", "fine"),
		"a new size each time it asks": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			lie(409, "text/x.tlog.size", fmt.Sprintf("%d\n", 1+sizes.Add(1)%9))(w, r, nil)
		},
		"silence": hang,
	} {
		between(t, s, 0, spoil)
		c, err := witness.NewClient(s.policy, witness.ClientConfig{Round: 300 * time.Millisecond, Request: 200 * time.Millisecond, Backoff: 5 * time.Millisecond})
		must(t, err)
		_, err = ask(t, c, log, 20)
		var q *witness.QuorumError
		if !errors.As(err, &q) || q.Got > 2 || len(q.Failed) == 0 || !strings.Contains(err.Error(), "w0 (") {
			t.Errorf("%s: %v", name, err)
		}
		s.http[0].Config.Handler = s.servers[0]
	}
}

// A witness that hangs costs a quorum no time, and does not pile up requests.
func TestClientLeavesSlowWitnessBehind(t *testing.T) {
	log := newHistory(t, "log.example/a").grow(60, "entry")
	s := serve(t, 3, 2, log.vkey)
	var waiting, most atomic.Int64
	between(t, s, 0, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		most.Store(max(most.Load(), waiting.Add(1)))
		defer waiting.Add(-1)
		hang(w, r, pass)
	})
	c := s.client(t)
	start := time.Now()
	for size := range int64(40) {
		if _, err := ask(t, c, log, size+1); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(start); d > 40*time.Second {
		t.Errorf("40 checkpoints took %s", d)
	}
	if most.Load() > 1 {
		t.Errorf("%d requests hung at the slow witness at once", most.Load())
	}
}

func TestClientEndsWithContext(t *testing.T) {
	log := newHistory(t, "log.example/a").grow(9, "entry")
	s := serve(t, 1, 1, log.vkey)
	between(t, s, 0, hang)
	c := s.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	_, err := c.Cosign(ctx, []byte(log.checkpoint(9)), func(int64) (tlog.TreeProof, error) { return nil, nil })
	if !errors.Is(err, context.Canceled) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	// Without a policy nobody is asked.
	p, err := witness.ParsePolicy([]byte("quorum none\n"))
	must(t, err)
	none, err := witness.NewClient(p, witness.ClientConfig{})
	must(t, err)
	if got, err := ask(t, none, log, 9); err != nil || got != log.checkpoint(9) {
		t.Errorf("%q, %v", got, err)
	}
	s.policy.Witnesses[0].URL = ""
	if _, err := witness.NewClient(s.policy, witness.ClientConfig{}); err == nil {
		t.Error("a witness without URL")
	}
}
