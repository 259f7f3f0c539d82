package api

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"
)

const requestIDHeader = "X-Request-Id"

// requestID is the identifier of the request, in the answer's header and in every line
// of the log.
func requestID(c echo.Context) string { return c.Response().Header().Get(requestIDHeader) }

// requestIDOf takes over the client's identifier if it is harmless, and makes one if not.
func requestIDOf(sent string) string {
	ok := len(sent) >= 1 && len(sent) <= 64
	for _, b := range []byte(sent) {
		ok = ok && (b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '.' || b == '_' || b == '-')
	}
	if ok {
		return sent
	}
	return "r_" + strings.ToLower(rand.Text())
}

// observe is around everything: request identifier, common headers, panics, access log
// and figures. The log has the route, never the path, query or a name of a file.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.Clock()
		r, h := c.Request(), c.Response().Header()
		h.Set(requestIDHeader, requestIDOf(r.Header.Get(requestIDHeader)))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store") // answers belong to one key; handlers may say otherwise
		s.Metrics.inFlight.Inc()
		aborted := true
		defer func() {
			s.Metrics.inFlight.Dec()
			d := s.Clock().Sub(start)
			status := c.Response().Status
			s.Metrics.request(template(c), r.Method, status, d)
			attrs := []any{"request", requestID(c), "method", logWord(r.Method), "route", template(c), "status", status,
				"ms", float64(d.Microseconds()) / 1000, "in", max(r.ContentLength, 0), "out", c.Response().Size}
			if a, ok := c.Get("actor").(actor); ok {
				attrs = append(attrs, "key", a.key.ID, "owner", string(a.owner))
			}
			if aborted {
				attrs = append(attrs, "aborted", true)
			}
			s.Log.InfoContext(r.Context(), "request", attrs...)
		}()
		if err := s.recovered(c, next); err != nil {
			s.handleError(err, c)
			if c.Response().Committed && h.Get("Content-Type") != mimeProblem {
				// Half an answer must not look like a whole one.
				panic(http.ErrAbortHandler)
			}
		}
		aborted = false
		return nil
	}
}

// recovered runs the handler and turns a panic into an error that is logged with its stack.
func (s *Server) recovered(c echo.Context, next echo.HandlerFunc) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = s.panicked(c, p)
		}
	}()
	return next(c)
}

func (s *Server) panicked(c echo.Context, p any) error {
	s.Log.Error("panic", "request", requestID(c), "route", template(c), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return fmt.Errorf("panic: %v", p)
}

func logWord(s string) string { return shorten(strings.Map(printable, s)) }

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}
