package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"selvage/api/oas"
	"selvage/fingerprint"
	"selvage/fingerprint/decode"
	"selvage/fingerprint/manuscript/extract"
	"selvage/registry"
	"selvage/store"
)

// A slug ends the problem's type, "urn:selvage:problem:SLUG".
type slug string

// The problems; openapi.yaml explains them.
const (
	slugInvalidRequest  slug = "invalid-request"
	slugUnauthenticated slug = "unauthenticated"
	slugForbidden       slug = "forbidden"
	slugNotFound        slug = "not-found"
	slugMethod          slug = "method-not-allowed"
	slugTimeout         slug = "request-timeout"
	slugPending         slug = "pending"
	slugInProgress      slug = "in-progress"
	slugAmbiguous       slug = "ambiguous"
	slugJobCancelled    slug = "job-cancelled"
	slugJobFailed       slug = "job-failed"
	slugLastAdmin       slug = "last-admin-key"
	slugTooLarge        slug = "too-large"
	slugMediaType       slug = "unsupported-media-type"
	slugFormat          slug = "unsupported-format"
	slugInvalidField    slug = "invalid-field"
	slugUnreadable      slug = "unreadable-file"
	slugMismatch        slug = "idempotency-mismatch"
	slugRateLimited     slug = "rate-limited"
	slugClientClosed    slug = "client-closed"
	slugInternal        slug = "internal"
	slugNotOffered      slug = "not-offered"
	slugOverloaded      slug = "overloaded"
	slugUnavailable     slug = "unavailable"
	typePrefix               = "urn:selvage:problem:"
	instancePrefix           = "urn:selvage:request:"
	statusClientClosed       = 499 // as nginx says it; nobody is left to read it
	mimeProblem              = "application/problem+json"
	retrySoon                = 1 // seconds
	retryStorage             = 5
)

var problems = map[slug]struct {
	status int
	title  string
}{
	slugInvalidRequest:  {http.StatusBadRequest, "The request cannot be read"},
	slugUnauthenticated: {http.StatusUnauthorized, "A valid key is needed"},
	slugForbidden:       {http.StatusForbidden, "This key may not do that"},
	slugNotFound:        {http.StatusNotFound, "Not found"},
	slugMethod:          {http.StatusMethodNotAllowed, "The path does not know this method"},
	slugTimeout:         {http.StatusRequestTimeout, "The body came too slowly"},
	slugPending:         {http.StatusConflict, "The receipt is pending"},
	slugInProgress:      {http.StatusConflict, "The same request is still running"},
	slugAmbiguous:       {http.StatusConflict, "The name stands for more than one thing"},
	slugJobCancelled:    {http.StatusConflict, "The job was cancelled"},
	slugJobFailed:       {http.StatusUnprocessableEntity, "The job failed"},
	slugLastAdmin:       {http.StatusConflict, "The last admin key cannot be revoked"},
	slugTooLarge:        {http.StatusRequestEntityTooLarge, "Too large"},
	slugMediaType:       {http.StatusUnsupportedMediaType, "The body's media type is not read here"},
	slugFormat:          {http.StatusUnsupportedMediaType, "The file's format is not read here"},
	slugInvalidField:    {http.StatusUnprocessableEntity, "A field is wrong"},
	slugUnreadable:      {http.StatusUnprocessableEntity, "The file cannot be read"},
	slugMismatch:        {http.StatusUnprocessableEntity, "The Idempotency-Key belongs to another request"},
	slugRateLimited:     {http.StatusTooManyRequests, "Too many requests"},
	slugClientClosed:    {statusClientClosed, "The client went away"},
	slugInternal:        {http.StatusInternalServerError, "A fault of the service"},
	slugNotOffered:      {http.StatusNotImplemented, "Not offered here"},
	slugOverloaded:      {http.StatusServiceUnavailable, "Too much work at once"},
	slugUnavailable:     {http.StatusServiceUnavailable, "Unavailable just now"},
}

// fault is an error on its way to becoming a problem.
type fault struct {
	slug       slug
	detail     string
	field      string
	kind       string
	retryAfter int // seconds; 0: no header
	err        error
}

func (f *fault) Error() string {
	if f.err != nil {
		return fmt.Sprintf("%s: %s: %v", f.slug, f.detail, f.err)
	}
	return fmt.Sprintf("%s: %s", f.slug, f.detail)
}

func (f *fault) Unwrap() error { return f.err }

func (f *fault) status() int { return problems[f.slug].status }

// faultOf is the one table from errors to problems. Only sentences made for users get
// into the detail; everything else stays in err, for the log.
func faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if e, ok := errors.AsType[*registry.InvalidError](err); ok {
		return &fault{slug: slugInvalidField, field: e.Field, detail: e.Fix, err: err}
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &fault{slug: slugTooLarge, detail: fmt.Sprintf("the body is larger than the %d bytes read here; send less at once", e.Limit), err: err}
	}
	if e, ok := errors.AsType[*fileTooLarge](err); ok {
		return &fault{slug: slugTooLarge, field: filePart, kind: string(decode.TooManyBytes), detail: fmt.Sprintf("the file is larger than the %d bytes read here; send a smaller one", e.limit), err: err}
	}
	if e, ok := errors.AsType[*decode.Error](err); ok {
		return decodeFault(e, err)
	}
	if e, ok := errors.AsType[*fingerprint.ErrUnsupported](err); ok {
		return &fault{slug: slugFormat, field: "file", kind: string(decode.Unknown), detail: e.Error() + "; send a photo, video or document in a common format", err: err}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		return echoFault(e)
	}
	switch {
	case errors.Is(err, registry.ErrNoJob):
		return &fault{slug: slugNotFound, detail: "no such job for this key: check the identifier and the owner; a job is forgotten some days after its end, while the work or match that came of it stays", err: err}
	case errors.Is(err, registry.ErrNotFound), errors.Is(err, ErrNoKey):
		return &fault{slug: slugNotFound, detail: "nothing of this name exists for this key; check the identifier and the owner", err: err}
	case errors.Is(err, registry.ErrPending):
		return &fault{slug: slugPending, detail: "the log has not taken the work yet; ask again in a moment", retryAfter: retrySoon, err: err}
	case errors.Is(err, registry.ErrAmbiguous):
		return &fault{slug: slugAmbiguous, detail: "more than one manifest store has this label; ask with the manifestId of a match, which names the store", err: err}
	case errors.Is(err, ErrLastAdmin):
		return &fault{slug: slugLastAdmin, detail: ErrLastAdmin.Error(), err: err}
	case errors.Is(err, registry.ErrClosed):
		return &fault{slug: slugUnavailable, detail: "the service is stopping; send the request again", retryAfter: retryStorage, err: err}
	case errors.Is(err, store.ErrUnavailable):
		return &fault{slug: slugUnavailable, detail: "storage cannot be reached; nothing was stored, send the request again", retryAfter: retryStorage, err: err}
	case errors.Is(err, context.Canceled):
		return &fault{slug: slugClientClosed, detail: "the client closed the connection before the answer", err: err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &fault{slug: slugTimeout, detail: "the body did not arrive in time; send it faster or in smaller pieces", err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &fault{slug: slugOverloaded, detail: "the answer took too long; try again in a moment", retryAfter: retryStorage, err: err}
	}
	return &fault{slug: slugInternal, detail: "something went wrong here; tell the operator the instance of this problem", err: err}
}

// decodeFault says what is wrong with a file. A file that a decoder fell over is told
// to the user as damaged: that it was our decoder's fault is for the log.
func decodeFault(e *decode.Error, err error) *fault {
	f := &fault{slug: slugUnreadable, field: "file", kind: string(e.Kind), detail: e.Detail, err: err}
	switch e.Kind {
	case decode.TooManyBytes, decode.TooManyPixels, decode.TooLong, extract.TooLarge:
		f.slug = slugTooLarge
	case decode.Unknown, decode.UnsupportedVariant:
		f.slug = slugFormat
	case decode.MissingProgram, extract.NoProgram:
		f.slug = slugNotOffered
	case decode.Busy:
		return &fault{slug: slugOverloaded, kind: f.kind, detail: errOverloaded.detail, retryAfter: retryStorage, err: err}
	case decode.Timeout:
		if errors.Is(e.Err, context.Canceled) {
			f.slug = slugClientClosed
		}
	}
	if f.detail == "" {
		f.detail = "the file cannot be read; export it again and send that"
	}
	return f
}

// echoFault translates what echo and the generated parameter code say.
func echoFault(e *echo.HTTPError) *fault {
	switch e.Code {
	case http.StatusNotFound:
		return &fault{slug: slugNotFound, detail: "there is no such path; /openapi.yaml lists them all", err: e}
	case http.StatusMethodNotAllowed:
		return &fault{slug: slugMethod, detail: "use one of the methods in the Allow header", err: e}
	case http.StatusUnsupportedMediaType:
		return &fault{slug: slugMediaType, detail: "the Content-Type is not read here; /openapi.yaml names those that are", err: e}
	case http.StatusRequestEntityTooLarge:
		return &fault{slug: slugTooLarge, detail: "the body is larger than what is read here; send less at once", err: e}
	case http.StatusTooManyRequests:
		return &fault{slug: slugRateLimited, detail: "too many requests; slow down", retryAfter: retrySoon, err: e}
	}
	if e.Code >= 400 && e.Code < 500 {
		f := &fault{slug: slugInvalidRequest, detail: "the request cannot be read; compare it with /openapi.yaml", err: e}
		// "Invalid format for parameter NAME: …" of the generated code.
		if msg, ok := e.Message.(string); ok {
			if rest, ok := strings.CutPrefix(msg, "Invalid format for parameter "); ok {
				f.field, _, _ = strings.Cut(rest, ":")
				f.detail = fmt.Sprintf("the parameter %s has the wrong form; compare it with /openapi.yaml", f.field)
			} else if rest, ok := strings.CutPrefix(msg, "Expected one value for "); ok {
				f.field, _, _ = strings.Cut(rest, ",")
				f.detail = fmt.Sprintf("%s occurs more than once; send it once", f.field)
			}
		}
		return f
	}
	return &fault{slug: slugInternal, detail: "something went wrong here; tell the operator the instance of this problem", err: e}
}

func (f *fault) problem(requestID string) oas.Problem {
	p := oas.Problem{
		Type: typePrefix + string(f.slug), Title: problems[f.slug].title, Status: f.status(),
		Detail: f.detail, Instance: instancePrefix + requestID,
	}
	if f.field != "" {
		p.Field = &f.field
	}
	if f.kind != "" {
		p.Kind = &f.kind
	}
	return p
}

// handleError is echo's error handler: it writes the problem, and logs what is ours.
func (s *Server) handleError(err error, c echo.Context) {
	f := faultOf(err)
	s.logFault(c, f)
	if c.Response().Committed {
		return
	}
	body, err := json.Marshal(f.problem(requestID(c)))
	if err != nil {
		s.Log.Error("problem cannot be written", "err", err)
		return
	}
	h := c.Response().Header()
	if f.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	if f.slug == slugUnauthenticated {
		h.Set("WWW-Authenticate", `Bearer realm="selvage"`)
	}
	for _, name := range []string{"Location", "Content-Disposition", "Idempotency-Replayed"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	if c.Request().Method == http.MethodHead {
		err = c.NoContent(f.status())
	} else {
		err = c.Blob(f.status(), mimeProblem, append(body, '\n'))
	}
	if err != nil {
		s.Log.Debug("problem not delivered", "request", requestID(c), "err", err)
	}
}

func (s *Server) logFault(c echo.Context, f *fault) {
	level := slog.LevelDebug
	if f.status() >= 500 && f.slug != slugOverloaded {
		level = slog.LevelError
	} else if f.kind == string(decode.Panicked) {
		level = slog.LevelError
	}
	s.Log.Log(c.Request().Context(), level, "request failed", "request", requestID(c),
		"route", template(c), "status", f.status(), "problem", string(f.slug), "err", f.Error())
}
