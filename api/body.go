package api

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// Memory for a body is taken as its bytes arrive, so that a length that was only announced
// keeps nobody else out; and a body must keep coming, so that what has arrived is not held
// for the sake of what never will.
const (
	bodyChunk  = 256 << 10        // bytes of upload memory taken at a time
	rateWindow = 10 * time.Second // of waiting for bytes
	rateBytes  = 160 << 10        // that must arrive in it: 16 KiB/s
)

// body is the body of a request that pays for its memory and must not come too slowly.
type body struct {
	io.ReadCloser
	c    echo.Context
	gate *gate
	max  int64 // bytes of the body that are held at once
	held int64 // taken from gate
	read int64 // bytes read, as far as they are paid for

	end    time.Time     // of the time for the whole request
	waited time.Duration // for the bytes of this window
	got    int           // bytes in this window
	done   bool          // the body has ended or failed
}

// admit checks the headers of a request with a body of at most limit bytes, waits for the
// first piece of upload memory and bounds the body. Reading it takes more memory, up to
// the given, which is how much of the body will be held at once; leave gives all back.
func (s *Server) admit(c echo.Context, limit, memory int64) (leave func(), err error) {
	r := c.Request()
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, &fault{slug: slugMediaType, field: "Content-Encoding", detail: "the body is compressed; send it as it is"}
	}
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	if r.ContentLength >= 0 {
		memory = min(memory, r.ContentLength)
	}
	b := &body{c: c, gate: s.memory, max: min(max(memory, 1), s.memory.size), end: time.Now().Add(s.ReadTimeout)}
	first := min(b.max, bodyChunk)
	if _, err := s.memory.enter(r.Context(), first); err != nil {
		return nil, err
	}
	b.held = first
	b.ReadCloser = http.MaxBytesReader(c.Response(), r.Body, limit)
	r.Body = b
	return b.leave, nil
}

func (b *body) leave() {
	if !b.done {
		// net/http reads a little of what is left, to use the connection again.
		b.deadline(time.Now().Add(rateWindow))
	}
	b.gate.sem.Release(b.held)
	b.held = 0
}

// Read pays for what it reads before it does.
func (b *body) Read(p []byte) (int, error) {
	if b.held < b.max {
		if b.read == b.held {
			more := min(bodyChunk, b.max-b.held)
			if err := b.gate.grow(b.c.Request().Context(), more); err != nil {
				return 0, err
			}
			b.held += more
		}
		p = p[:min(int64(len(p)), b.held-b.read)]
	}
	start := time.Now()
	b.deadline(start.Add(rateWindow - b.waited))
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.waited += time.Since(start)
	if b.got += n; b.got >= rateBytes {
		b.got, b.waited = 0, 0
	}
	b.done = b.done || err != nil
	if err == io.EOF {
		// net/http now watches the connection, and making the answer may take longer.
		b.deadline(b.end)
	}
	return n, err
}

// deadline is until when the connection may wait for bytes, within the request's time.
func (b *body) deadline(t time.Time) {
	if t.After(b.end) {
		t = b.end
	}
	// An error means that there is no connection, or none any more: then reading fails.
	_ = http.NewResponseController(b.c.Response()).SetReadDeadline(t)
}
