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
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestIdleUploadsKeepNobodyOut: what one key announces and does not send takes no memory
// from another.
func TestIdleUploadsKeepNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1 << 20
		e := newEnv(t, func(c *Config) { c.MaxFile, c.MaxWork, c.UploadMemory = n, n, 4*n })
		defer e.kv.Close()
		var wg sync.WaitGroup
		var idle []*io.PipeWriter
		for range 4 {
			r, w := io.Pipe()
			idle = append(idle, w)
			req := httptest.NewRequest("POST", "/v1/matches", r)
			req.ContentLength = n
			req.Header.Set("X-API-Key", e.keys["anna"])
			wg.Go(func() { e.srv.Handler().ServeHTTP(httptest.NewRecorder(), req) })
			_, _ = w.Write([]byte("\x89PNG"))
		}
		synctest.Wait()
		if r := e.do(call{method: "POST", path: "/v1/matches", key: "bert", body: picture(1)}); r.status != 200 {
			t.Errorf("another key beside four idle uploads: %d %s", r.status, r.body)
		}
		for _, w := range idle {
			w.CloseWithError(errors.New("gone"))
		}
		wg.Wait()
		e.memoryIsFree()
	})
}

func (e *env) memoryIsFree() {
	e.t.Helper()
	if !e.srv.memory.sem.TryAcquire(e.srv.memory.size) {
		e.t.Error("upload memory is still taken")
	}
}

// TestGrowingBodiesMakeWay: of bodies that each hold what the other needs, one goes on.
func TestGrowingBodiesMakeWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 4 * bodyChunk
		e := newEnv(t, func(c *Config) { c.MaxFile, c.MaxWork, c.UploadMemory, c.QueueWait = n, n, n, time.Hour })
		defer e.kv.Close()
		data := append(bytes.Clone(picture(1)), make([]byte, n-len(picture(1)))...)
		var mu sync.Mutex
		var wg sync.WaitGroup
		statuses := map[int]int{}
		var bodies []*io.PipeWriter
		for range 2 {
			r, w := io.Pipe()
			bodies = append(bodies, w)
			req := httptest.NewRequest("POST", "/v1/matches", r)
			req.ContentLength = n
			req.Header.Set("X-API-Key", e.keys["anna"])
			wg.Go(func() {
				rec := httptest.NewRecorder()
				e.srv.Handler().ServeHTTP(rec, req)
				r.CloseWithError(io.ErrClosedPipe)
				mu.Lock()
				defer mu.Unlock()
				statuses[rec.Code]++
			})
			_, _ = w.Write(data[:n/2]) // both halves together fill the memory
		}
		for _, w := range bodies {
			wg.Go(func() {
				_, _ = w.Write(data[n/2:])
				_ = w.Close()
			})
			synctest.Wait()
		}
		wg.Wait()
		if statuses[200] != 1 || statuses[503] != 1 {
			t.Errorf("statuses %v, want one 200 and one 503", statuses)
		}
		e.memoryIsFree()
	})
}

// pipeListener hands out the far ends of pipes as connections.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	c, ok := <-l
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l pipeListener) Close() error   { close(l); return nil }
func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// TestUploadRate: a body that trickles is answered with 408 long before ReadTimeout; one
// that comes steadily is read to its end, and its answer may take its time.
func TestUploadRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, nil)
		defer e.kv.Close()
		e.reg.before = func(ctx context.Context) error {
			select {
			case <-time.After(2 * rateWindow): // longer than a body may pause
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		l := make(pipeListener)
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- e.srv.Serve(ctx, l) }()
		send := func(chunk int) (status int, body string, took time.Duration) {
			near, far := net.Pipe()
			defer near.Close()
			l <- far
			const size = 1 << 20
			data := append(bytes.Clone(picture(1)), make([]byte, size-len(picture(1)))...)
			start := time.Now()
			go func() {
				fmt.Fprintf(near, "POST /v1/matches HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n", e.keys["anna"], size)
				for len(data) > 0 && chunk > 0 {
					n, err := near.Write(data[:min(chunk, len(data))])
					if err != nil {
						return
					}
					data = data[n:]
					time.Sleep(time.Second)
				}
			}()
			resp, err := http.ReadResponse(bufio.NewReader(near), nil)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			return resp.StatusCode, string(b), time.Since(start)
		}
		for _, chunk := range []int{0, 1, rateBytes / 20} { // bytes a second
			if status, body, took := send(chunk); status != 408 || !strings.Contains(body, "request-timeout") || took > rateWindow+time.Second {
				t.Errorf("%d bytes a second: %d after %v: %s", chunk, status, took, body)
			}
		}
		if status, body, took := send(2 * rateBytes / 10); status != 200 || took < 2*rateWindow {
			t.Errorf("a steady body: %d after %v: %s", status, took, body)
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		e.memoryIsFree()
	})
}
