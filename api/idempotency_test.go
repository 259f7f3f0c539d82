package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/registry"
	"selvage/store"
	"selvage/store/mem"
)

func idem(key string) map[string]string { return map[string]string{"Idempotency-Key": key} }

func TestIdempotencyKey(t *testing.T) {
	now := epoch
	e := newEnv(t, func(c *Config) { c.Clock = func() time.Time { return now } })
	ask := func(key, idemKey string, data []byte) reply {
		return e.do(call{method: "POST", path: "/v1/matches", key: key, header: idem(idemKey), body: data})
	}
	first := ask("anna", "one", picture(1))
	again := ask("anna", "one", picture(1))
	if first.status != 200 || string(first.body) != string(again.body) || again.header.Get("Idempotency-Replayed") != "true" ||
		first.header.Get("Idempotency-Replayed") != "" || first.header.Get("Location") != again.header.Get("Location") {
		t.Errorf("first %d %v %s\nagain %d %v %s", first.status, first.header, first.body, again.status, again.header, again.body)
	}
	if e.reg.calls != 1 {
		t.Errorf("the registry was asked %d times", e.reg.calls)
	}
	if r := ask("anna", "one", picture(2)); r.status != 422 || r.problem() != "idempotency-mismatch" {
		t.Errorf("other body: %d %s", r.status, r.body)
	}
	if r := e.do(call{method: "POST", path: "/v1/matches?alike=true", key: "anna", header: idem("one"), body: picture(1)}); r.problem() != "idempotency-mismatch" {
		t.Errorf("other parameters: %d %s", r.status, r.body)
	}
	if r := ask("bert", "one", picture(2)); r.status != 200 || r.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("other owner: %d %s", r.status, r.body)
	}
	reg := call{method: "POST", path: "/v1/works", key: "anna", header: idem("one"), form: form2(file("a.png", picture(1)))}
	made, remade := e.do(reg), e.do(reg)
	if made.status != 201 || remade.status != 201 || string(made.body) != string(remade.body) {
		t.Errorf("register under the same key: %d %s, %d %s", made.status, made.body, remade.status, remade.body)
	}
	// The boundary of a form is no part of the request's meaning; names and fields are.
	reg.form = form2(file("b.png", picture(1)))
	if r := e.do(reg); r.problem() != "idempotency-mismatch" {
		t.Errorf("other file name: %d %s", r.status, r.body)
	}

	if r := ask("anna", "bad", []byte("some words")); r.status != 415 {
		t.Errorf("bad file: %d %s", r.status, r.body)
	}
	if r := ask("anna", "bad", picture(4)); r.status != 200 {
		t.Errorf("an error was kept: %d %s", r.status, r.body)
	}
	for _, bad := range []string{"", "a b", "ü", strings.Repeat("x", 129)} {
		if r := ask("anna", bad, picture(1)); r.status != 400 || r.str("field") != "Idempotency-Key" {
			t.Errorf("key %.10q: %d %s", bad, r.status, r.body)
		}
	}

	now = now.Add(25 * time.Hour)
	if r := ask("anna", "one", picture(2)); r.status != 200 || r.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("after 25 hours: %d %s", r.status, r.body)
	}
	if err := e.srv.idempotent.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := countRows(t, e.kv, "i/"); n != 1 { // the one asked for after 25 hours
		t.Errorf("%d answers left after the sweep", n)
	}
}

func countRows(t *testing.T, kv store.KV, prefix string) (n int) {
	t.Helper()
	err := kv.View(t.Context(), func(tx store.Txn) error {
		n = 0
		return tx.Scan([]byte(prefix), nil, func(_, _ []byte) bool { n++; return true })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestIdempotencyConcurrent: of many equal requests at once one does the work, the
// others wait for its answer.
func TestIdempotencyConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := mem.NewKV()
		defer kv.Close()
		i := newIdempotency(Config{KV: kv, Clock: time.Now, Log: newTestLog(&lockedBuffer{})})
		var mu sync.Mutex
		ran, replays := 0, 0
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				a, replayed, err := i.do(t.Context(), "anna", "/v1/works", "k", sha256.Sum256(nil), func() (*answer, error) {
					mu.Lock()
					ran++
					mu.Unlock()
					time.Sleep(time.Second)
					return &answer{Status: 201, Body: []byte("{}")}, nil
				})
				mu.Lock()
				defer mu.Unlock()
				if err != nil || a.Status != 201 || string(a.Body) != "{}" {
					t.Errorf("%+v, %v", a, err)
				}
				if replayed {
					replays++
				}
			})
		}
		wg.Wait()
		if ran != 1 || replays != 19 {
			t.Errorf("ran %d times, %d replays", ran, replays)
		}
	})
}

// TestIdempotencyAcrossProcesses: a claim of another process is refused while it is
// fresh, and taken over when that process must be dead.
func TestIdempotencyAcrossProcesses(t *testing.T) {
	now := epoch
	c := Config{KV: mem.NewKV(), Clock: func() time.Time { return now }, Log: newTestLog(&lockedBuffer{})}
	a, b := newIdempotency(c), newIdempotency(c)
	digest := sha256.Sum256([]byte("request"))
	try := func(i *idempotency) error {
		_, _, err := i.do(t.Context(), "anna", "r", "k", digest, func() (*answer, error) { return &answer{Status: 200}, nil })
		return err
	}
	var inner error
	_, _, err := a.do(t.Context(), "anna", "r", "k", digest, func() (*answer, error) {
		inner = try(b)
		return nil, registry.ErrClosed
	})
	if f, ok := errors.AsType[*fault](inner); !ok || f.slug != slugInProgress {
		t.Errorf("while another process runs it: %v", inner)
	}
	if !errors.Is(err, registry.ErrClosed) {
		t.Errorf("error of the work: %v", err)
	}
	if err := try(b); err != nil {
		t.Errorf("after the other failed: %v", err)
	}

	if _, err := a.claim(t.Context(), "i/anna/dead", "d"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.claim(t.Context(), "i/anna/dead", "d"); err == nil {
		t.Error("a fresh claim was taken over")
	}
	now = now.Add(claimLease + time.Second)
	if _, err := b.claim(t.Context(), "i/anna/dead", "d"); err != nil {
		t.Errorf("the claim of a dead process: %v", err)
	}
}

// TestIdempotencyPanic: a panic frees the key.
func TestIdempotencyPanic(t *testing.T) {
	e := newEnv(t, nil)
	e.reg.before = func(context.Context) error { panic("boom") }
	c := call{method: "POST", path: "/v1/works", key: "anna", header: idem("p"), form: form2(file("a.png", picture(1)))}
	if r := e.do(c); r.status != 500 || strings.Contains(string(r.body), "boom") {
		t.Errorf("panic: %d %s", r.status, r.body)
	}
	if !strings.Contains(e.log.String(), "boom") || !strings.Contains(e.log.String(), "goroutine") {
		t.Error("the log has no stack")
	}
	e.reg.before = nil
	if r := e.do(c); r.status != 201 {
		t.Errorf("after the panic: %d %s", r.status, r.body)
	}
}
