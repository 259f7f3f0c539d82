package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"selvage/fingerprint/decode"
	"selvage/registry"
	"selvage/store"
)

// live runs the server on a loopback port until stop is called, which returns Serve's error.
func (e *env) live() (url string, stop func() error) {
	e.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.srv.Serve(ctx, l) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	e.t.Cleanup(func() { _ = stop() })
	return "http://" + l.Addr().String(), stop
}

func (e *env) post(url string, body io.Reader) (*http.Response, []byte, error) {
	req, err := http.NewRequest("POST", url, body)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+e.keys["anna"])
	req.Header.Set("Content-Type", "image/png")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

// TestSlowBody: a body that stops coming is answered with 408, and its memory is free again.
func TestSlowBody(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.ReadTimeout = time.Second })
	url, stop := e.live()
	var wg sync.WaitGroup
	for _, head := range []string{
		"Content-Type: image/png\r\n\r\n\x89PNG",
		"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nPNG",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /v1/matches HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 5000\r\n%s", e.keys["anna"], head)
		wg.Go(func() {
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Error(err)
				return
			}
			b, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != 408 || !strings.Contains(string(b), "request-timeout") {
				t.Errorf("status %d: %s", resp.StatusCode, b)
			}
		})
	}
	wg.Wait()
	if err := stop(); err != nil { // handlers have returned after this
		t.Error(err)
	}
	if !e.srv.memory.sem.TryAcquire(e.srv.memory.size) {
		t.Error("upload memory is still taken")
	}
}

// TestDrain: a request in flight is finished after the stop.
func TestDrain(t *testing.T) {
	e := newEnv(t, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	e.reg.before = func(context.Context) error { close(entered); <-release; return nil }
	url, stop := e.live()
	type result struct {
		status int
		err    error
	}
	got := make(chan result, 1)
	go func() {
		resp, _, err := e.post(url+"/v1/matches", bytes.NewReader(picture(1)))
		if err != nil {
			got <- result{err: err}
			return
		}
		got <- result{status: resp.StatusCode}
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for !e.srv.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	if r := e.do(call{method: "GET", path: "/readyz"}); r.status != 503 || r.problem() != "unavailable" {
		t.Errorf("readiness while stopping: %d %s", r.status, r.body)
	}
	close(release)
	if r := <-got; r.err != nil || r.status != 200 {
		t.Errorf("request in flight: %+v", r)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, _, err := e.post(url+"/v1/matches", bytes.NewReader(picture(1))); err == nil {
		t.Error("a stopped server answered")
	}
}

// TestDrainCutsOff: a request that does not end is cut off after DrainTime, by its context.
func TestDrainCutsOff(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.DrainTime = 20 * time.Millisecond })
	entered, left := make(chan struct{}), make(chan struct{})
	e.reg.before = func(ctx context.Context) error { close(entered); <-ctx.Done(); close(left); return ctx.Err() }
	url, stop := e.live()
	go e.post(url+"/v1/matches", bytes.NewReader(picture(1)))
	<-entered
	if err := stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	<-left
}

// brokenEvidence writes much and then fails.
type brokenEvidence struct {
	*fakeRegistry
	bytes int
}

func (b brokenEvidence) Evidence(_ context.Context, _ registry.EvidenceRequest, w io.Writer) error {
	if _, err := w.Write(make([]byte, b.bytes)); err != nil {
		return err
	}
	return errors.New("the disk went away")
}

// TestEvidenceBreaksOff: a bundle that fails early is a problem; one that fails when bytes
// have left is cut off, and never looks whole.
func TestEvidenceBreaksOff(t *testing.T) {
	e := newEnv(t, nil).seed()
	get := func(n int) (*http.Response, []byte, error) {
		e.srv.Registry = brokenEvidence{e.reg, n}
		url, stop := e.live()
		defer stop()
		req, err := http.NewRequest("GET", url+e.ids.Replace("/v1/works/{A}/evidence"), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-Key", e.keys["anna"])
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, nil, err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return resp, b, err
	}
	if resp, b, err := get(1000); err != nil || resp.StatusCode != 500 || resp.Header.Get("Content-Type") != mimeProblem || resp.Header.Get("Content-Disposition") != "" {
		t.Errorf("early: %v %s", err, b)
	}
	if resp, b, err := get(1 << 20); err == nil {
		t.Errorf("late: status %d, %d bytes and no error", resp.StatusCode, len(b))
	}
}

func TestPendingReceipt(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.ReceiptWait = time.Millisecond })
	e.reg.pending = true
	r := e.do(call{method: "POST", path: "/v1/works", key: "anna", form: form2(file("a.png", picture(1)))})
	at := "/v1/works/" + r.str("work", "id") + "/receipt"
	if r.status != 202 || r.header.Get("Location") != at || r.header.Get("Retry-After") != "1" || r.at("receipt") != nil {
		t.Errorf("register: %d %v %s", r.status, r.header, r.body)
	}
	if r := e.do(call{method: "GET", path: at, key: "anna"}); r.status != 202 || r.header.Get("Retry-After") != "1" {
		t.Errorf("receipt: %d %v", r.status, r.header)
	}
	evidence := call{method: "GET", path: strings.Replace(at, "receipt", "evidence", 1), key: "anna"}
	if r := e.do(evidence); r.status != 409 || r.problem() != "pending" || r.header.Get("Retry-After") != "1" {
		t.Errorf("evidence: %d %s", r.status, r.body)
	}
	e.reg.pending = false
	if r := e.do(call{method: "GET", path: at, key: "anna"}); r.status != 200 {
		t.Errorf("receipt: %d %s", r.status, r.body)
	}
	if r := e.do(call{method: "POST", path: "/v1/works", key: "anna", header: map[string]string{"Prefer": "wait=1, Respond-Async"}, form: form2(file("a.png", picture(2)))}); r.status != 202 {
		t.Errorf("respond-async: %d %s", r.status, r.body)
	}
}

// downKV is a store that cannot be reached.
type downKV struct{ store.KV }

func (downKV) View(context.Context, func(store.Txn) error) error {
	return fmt.Errorf("view: %w", store.ErrUnavailable)
}

func TestStorageDown(t *testing.T) {
	e := newEnv(t, nil)
	e.reg.before = func(context.Context) error { return fmt.Errorf("put: %w: db3 refused", store.ErrUnavailable) }
	c := call{method: "POST", path: "/v1/works", key: "anna", header: idem("x"), form: form2(file("a.png", picture(1)))}
	if r := e.do(c); r.status != 503 || r.problem() != "unavailable" || r.header.Get("Retry-After") != "5" || strings.Contains(string(r.body), "db3") {
		t.Errorf("registry: %d %s", r.status, r.body)
	}
	if !strings.Contains(e.log.String(), "db3") {
		t.Error("the log does not say why")
	}
	e.reg.before = nil
	if r := e.do(c); r.status != 201 {
		t.Errorf("when it is back: %d %s", r.status, r.body)
	}
	e.reg.ready = store.ErrUnavailable
	if r := e.do(call{method: "GET", path: "/readyz"}); r.status != 503 || r.header.Get("Retry-After") == "" {
		t.Errorf("ready: %d %s", r.status, r.body)
	}
	e.srv.Keys = NewKeyring(downKV{e.kv}, nil)
	if r := e.do(call{method: "GET", path: "/v1/works", key: "anna"}); r.status != 503 {
		t.Errorf("keys: %d %s", r.status, r.body)
	}
}

// TestPanics: neither a panic in a handler nor one in a batch takes the process down.
func TestPanics(t *testing.T) {
	e := newEnv(t, nil)
	e.reg.before = func(context.Context) error { panic("boom") }
	for _, path := range []string{"/v1/matches", "/v1/matches:batch"} {
		r := e.do(call{method: "POST", path: path, key: "anna", form: form2(file("a.png", picture(1)))})
		if r.status != 500 || r.problem() != "internal" || strings.Contains(string(r.body), "boom") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if strings.Count(e.log.String(), "msg=panic") != 2 || !strings.Contains(e.log.String(), "goroutine") {
		t.Errorf("no stacks in the log: %s", e.log)
	}
}

func TestLogHeaders(t *testing.T) {
	e := newEnv(t, nil)
	for path, want := range map[string][2]string{
		"/log/checkpoint":     {"text/plain; charset=utf-8", "no-cache"},
		"/log/tile/0/000.p/1": {"application/octet-stream", "private, max-age=31536000, immutable"},
	} {
		r := e.do(call{method: "GET", path: path, key: "detector"})
		if r.status != 200 || r.header.Get("Content-Type") != want[0] || r.header.Get("Cache-Control") != want[1] {
			t.Errorf("%s: %d %v", path, r.status, r.header)
		}
	}
	if r := e.do(call{method: "GET", path: "/log/tile/0/001", key: "detector"}); r.status != 404 || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("missing tile: %d %v", r.status, r.header)
	}
}

// TestMetricsAndLog: figures and log name routes, never what was asked for.
func TestMetricsAndLog(t *testing.T) {
	e := newEnv(t, nil).seed()
	e.srv.Metrics.Observe("search", 3*time.Millisecond)
	e.do(call{method: "GET", path: "/v1/works/{A}?fingerprints=false", key: "anna"})
	e.do(call{method: "GET", path: "/v1/nothing/of/the/sort", key: "anna"})
	e.do(call{method: "BREW", path: "/v1/works", key: "anna"})
	text := string(e.do(call{method: "GET", path: "/metrics", key: "officer"}).body)
	for _, want := range []string{
		`selvage_http_request_duration_seconds_count{method="GET",route="/v1/works/:id",status="200"} 1`,
		`selvage_http_request_duration_seconds_count{method="other",route="/v1/works",status="405"} 1`,
		`selvage_http_request_duration_seconds_count{method="POST",route="/v1/matches",status="200"} 1`,
		`selvage_stage_duration_seconds_count{stage="search"} 1`,
		"selvage_http_requests_in_flight 1",
		"go_goroutines", "selvage_build_info{",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	id := e.ids.Replace("{A}")
	if strings.Contains(text, id) || strings.Contains(text, "anna") || strings.Contains(text, "of/the/sort") {
		t.Error("the figures name a work, an owner or a path")
	}
	log := e.log.String()
	if strings.Contains(log, id) || strings.Contains(log, "of/the/sort") || !strings.Contains(log, "route=/v1/works/:id status=200") {
		t.Errorf("log: %s", log)
	}
}

// TestPaging walks through a list and finds every work once, newest first.
func TestPaging(t *testing.T) {
	e := newEnv(t, nil)
	var made []string
	for i := range 7 {
		made = append(made, e.do(call{method: "POST", path: "/v1/works", key: "anna", form: form2(file("a.png", picture(100+i)))}).str("work", "id"))
	}
	path, pages := "/v1/works?limit=3", 0
	var got []string
	for next := "x"; next != ""; pages++ {
		r := e.do(call{method: "GET", path: path, key: "anna"})
		for _, w := range r.at("items").([]any) {
			got = append([]string{w.(map[string]any)["id"].(string)}, got...)
		}
		next = r.str("next")
		path = "/v1/works?limit=3&cursor=" + next
	}
	if pages != 3 || strings.Join(got, " ") != strings.Join(made, " ") {
		t.Errorf("%d pages: %v, want %v", pages, got, made)
	}
}

// TestReplayBringsTheReceipt: a 202 kept for its Idempotency-Key is replayed as what it
// would be now.
func TestReplayBringsTheReceipt(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.ReceiptWait = time.Millisecond })
	e.do(call{method: "POST", path: "/v1/works", key: "bert", form: form2(field("visibility", "public"), file("b.png", picture(1)))})
	e.reg.pending = true
	c := call{method: "POST", path: "/v1/works", key: "anna", header: idem("late"), form: form2(file("a.png", picture(1)))}
	first, pending := e.do(c), e.do(c)
	if first.status != 202 || pending.status != 202 || string(first.body) != string(pending.body) || pending.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("while pending: %d %s, %d %s", first.status, first.body, pending.status, pending.body)
	}
	e.reg.pending = false
	r := e.do(c)
	id := first.str("work", "id")
	if r.status != 201 || r.header.Get("Location") != "/v1/works/"+id || r.header.Get("Retry-After") != "" || r.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("replayed: %d %v", r.status, r.header)
	}
	if r.str("work", "id") != id || r.str("receipt", "work") != id || r.str("related", "0", "owner") != "bert" || r.at("duplicate") != false {
		t.Errorf("replayed: %s", r.body)
	}
	if e.reg.calls != 2 {
		t.Errorf("the registry was asked %d times", e.reg.calls)
	}
}

// TestStageTimesAreForAdmins: how long a search took may tell of others' works.
func TestStageTimesAreForAdmins(t *testing.T) {
	e := newEnv(t, nil).seed()
	for _, m := range e.reg.matches {
		m.Millis = map[string]float64{"search": 1.5}
	}
	e.reg.millis = map[string]float64{"search": 2.5}
	own := map[string]string{ownerHeader: "anna"}
	for _, c := range []struct {
		call call
		at   []string
	}{
		{call{method: "GET", path: "/v1/matches/{M}"}, nil},
		{call{method: "POST", path: "/v1/matches", body: picture(1)}, nil},
		{call{method: "POST", path: "/v1/matches:batch", form: form2(file("a.png", picture(1)))}, []string{"0", "report"}},
		{call{method: "POST", path: "/v1/works/{A}/compare", body: picture(1)}, nil},
	} {
		for _, key := range []string{"admin", "anna", "officer"} {
			ask := c.call
			if ask.key = key; key != "anna" {
				ask.header = own
			}
			r := e.do(ask)
			if r.status == 403 && key == "officer" && strings.HasPrefix(ask.path, "/v1/matches") && ask.method == "POST" {
				continue
			}
			if shown := r.at(append(c.at, "millis", "search")...) != nil; r.status != 200 || shown != (key == "admin") {
				t.Errorf("%s %s for %s: %d %s", ask.method, ask.path, key, r.status, r.body)
			}
		}
	}
	// One owner and one Idempotency-Key, first as admin.
	asAdmin := e.do(call{method: "POST", path: "/v1/matches", key: "admin", header: map[string]string{ownerHeader: "anna", "Idempotency-Key": "k"}, body: picture(1)})
	asAnna := e.do(call{method: "POST", path: "/v1/matches", key: "anna", header: idem("k"), body: picture(1)})
	if asAdmin.at("millis") == nil || strings.Contains(string(asAnna.body), "millis") {
		t.Errorf("admin %s\nanna %s", asAdmin.body, asAnna.body)
	}
}

// TestBusyDecodersAreNotTheClientsFault: the same file may be sent again.
func TestBusyDecodersAreNotTheClientsFault(t *testing.T) {
	e := newEnv(t, nil)
	e.reg.before = func(context.Context) error {
		return fmt.Errorf("hash: %w", &decode.Error{Kind: decode.Busy, Format: "png", Detail: "no room", Err: context.DeadlineExceeded})
	}
	r := e.do(call{method: "POST", path: "/v1/matches", key: "anna", body: picture(1)})
	if r.status != 503 || r.problem() != "overloaded" || r.str("kind") != "busy" || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", r.status, r.header, r.body)
	}
}
