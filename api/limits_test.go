package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestBodyLimits: each route has its cap, whether the length is announced or not.
func TestBodyLimits(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.MaxFile, c.MaxWork, c.MaxBatch, c.UploadMemory = 3000, 5000, 9000, 5000 }).seed()
	big := func(n int) []byte { return append(append([]byte{}, picture(1)[:200]...), make([]byte, n)...) }
	for _, c := range []struct {
		path   string
		form   *formBody
		body   []byte
		status int
	}{
		{"/v1/matches", nil, big(2500), 200},
		{"/v1/matches", nil, big(3000), 413},
		{"/v1/matches", form2(file("a.png", big(3000))), nil, 413},
		{"/v1/fingerprints", nil, big(3000), 413},
		{"/v1/works/{A}/compare", nil, big(3000), 413},
		{"/v1/works", form2(file("a.png", big(3000))), nil, 201},
		{"/v1/works", form2(file("a.png", big(5000))), nil, 413},
		{"/v1/matches:batch", form2(file("a.png", big(2000)), file("b.png", big(2100)), file("c.png", big(2200))), nil, 200},
		{"/v1/matches:batch", form2(file("a.png", big(9000))), nil, 413},
	} {
		if r := e.do(call{method: "POST", path: c.path, key: "anna", form: c.form, body: c.body}); r.status != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.path, r.status, c.status, r.body)
		}
		// Again without Content-Length.
		body, ct := c.body, ""
		if c.form != nil {
			body, ct = c.form.body, c.form.contentType
		}
		req := httptest.NewRequest("POST", e.ids.Replace(c.path), io.MultiReader(bytes.NewReader(body)))
		req.ContentLength = -1
		req.Header.Set("Content-Type", ct)
		req.Header.Set("X-API-Key", e.keys["anna"])
		w := httptest.NewRecorder()
		e.srv.Handler().ServeHTTP(w, req)
		want := c.status
		if want == 201 {
			want = 200 // registered a moment ago
		}
		if w.Code != want {
			t.Errorf("%s, chunked: status %d, want %d: %s", c.path, w.Code, want, w.Body)
		}
	}
	r := e.do(call{method: "POST", path: "/v1/matches:batch", key: "anna", form: form2(file("a.png", big(100)), file("b.png", big(3000)), file("c.png", big(200)))})
	if r.status != 200 || r.str("1", "problem", "kind") != "too_many_bytes" || r.str("1", "name") != "b.png" || r.str("2", "report", "id") == "" {
		t.Errorf("batch with one large file: %d %s", r.status, r.body)
	}
}

// TestShedding: one file is hashed at a time and one request waits; the third is told to
// come again at once, and the second when it has waited long enough.
func TestShedding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(c *Config) { c.Hashing, c.Queue, c.QueueWait = 1, 1, 10*time.Second })
		defer e.kv.Close()
		release := make(chan struct{})
		e.reg.before = func(context.Context) error { <-release; return nil }
		var wg sync.WaitGroup
		replies := make([]reply, 3)
		for i := range replies[:2] {
			wg.Go(func() { replies[i] = e.do(call{method: "POST", path: "/v1/matches", key: "anna", body: picture(1)}) })
			synctest.Wait()
		}
		replies[2] = e.do(call{method: "POST", path: "/v1/matches", key: "bert", body: picture(1)})
		time.Sleep(11 * time.Second)
		synctest.Wait()
		close(release)
		wg.Wait()
		for i, status := range []int{200, 503, 503} {
			if replies[i].status != status {
				t.Errorf("request %d: status %d, want %d", i, replies[i].status, status)
			}
			if status == 503 && (replies[i].problem() != "overloaded" || replies[i].header.Get("Retry-After") != "1") {
				t.Errorf("request %d: %s, Retry-After %q", i, replies[i].body, replies[i].header.Get("Retry-After"))
			}
		}
		if r := e.do(call{method: "POST", path: "/v1/matches", key: "anna", body: picture(1)}); r.status != 200 {
			t.Errorf("afterwards: %d", r.status)
		}
	})
}

// TestUploadMemory: bodies beyond the memory for them wait outside, unread.
func TestUploadMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := int64(len(picture(1)))
		e := newEnv(t, func(c *Config) {
			c.MaxFile, c.MaxWork, c.UploadMemory, c.Hashing, c.QueueWait = n, n, 2*n, 8, time.Hour
		})
		defer e.kv.Close()
		release := make(chan struct{})
		e.reg.before = func(context.Context) error { <-release; return nil }
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if r := e.do(call{method: "POST", path: "/v1/matches", key: "anna", body: picture(1)}); r.status != 200 {
					t.Errorf("status %d", r.status)
				}
			})
		}
		synctest.Wait()
		if e.reg.calls != 2 || e.srv.memory.waiting.Load() != 3 {
			t.Errorf("%d bodies read, %d waiting", e.reg.calls, e.srv.memory.waiting.Load())
		}
		close(release)
		wg.Wait()
	})
}

func TestRateLimit(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.Rate, c.Burst = 0.001, 2 })
	for i, status := range []int{200, 200, 429, 429} {
		r := e.do(call{method: "GET", path: "/v1/works", key: "anna"})
		if r.status != status {
			t.Errorf("request %d: status %d, want %d", i, r.status, status)
		}
		if status == 429 && (r.header.Get("Retry-After") != "1000" || r.problem() != "rate-limited") {
			t.Errorf("Retry-After %q, %s", r.header.Get("Retry-After"), r.body)
		}
	}
	if r := e.do(call{method: "GET", path: "/v1/works", key: "bert"}); r.status != 200 {
		t.Errorf("another key: %d", r.status)
	}
	if r := e.do(call{method: "GET", path: "/healthz"}); r.status != 200 {
		t.Errorf("health: %d", r.status)
	}
}

func TestConfigRefuses(t *testing.T) {
	good := newEnv(t, nil).srv.Config
	for name, change := range map[string]func(*Config){
		"no registry":      func(c *Config) { c.Registry = nil },
		"no keys":          func(c *Config) { c.Keys = nil },
		"no store":         func(c *Config) { c.KV = nil },
		"negative":         func(c *Config) { c.MaxFile = -1 },
		"too small memory": func(c *Config) { c.UploadMemory = 1 },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestAllow: 405 says what is allowed, and OPTIONS too.
func TestAllow(t *testing.T) {
	e := newEnv(t, nil)
	r := e.do(call{method: "PUT", path: "/v1/works", key: "anna"})
	if allow := r.header.Get("Allow"); allow != "OPTIONS, GET, POST" {
		t.Errorf("Allow %q", allow)
	}
	if r := e.do(call{method: http.MethodOptions, path: "/v1/works", key: "anna"}); r.status != 204 {
		t.Errorf("OPTIONS: %d", r.status)
	}
}
