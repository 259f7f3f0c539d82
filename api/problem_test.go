package api

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
	"selvage/registry"
	"selvage/store"
)

var update = flag.Bool("update", false, "rewrite testdata/problems.golden")

// TestProblemTable freezes what every error of the rooms below looks like to a client.
func TestProblemTable(t *testing.T) {
	secret := errors.New("disk 7 of host db3 is full")
	cases := []struct {
		name string
		err  error
	}{
		{"invalid field", fmt.Errorf("register: %w", &registry.InvalidError{Field: "title", Fix: "use at most 200 characters"})},
		{"no format", &fingerprint.ErrUnsupported{Want: fingerprint.Video}},
		{"not found", fmt.Errorf("work w_1: %w", registry.ErrNotFound)},
		{"no key", ErrNoKey},
		{"last admin", ErrLastAdmin},
		{"pending", registry.ErrPending},
		{"closed", registry.ErrClosed},
		{"storage", fmt.Errorf("put: %w: %w", store.ErrUnavailable, secret)},
		{"corrupt", fmt.Errorf("get: %w: %w", store.ErrCorrupt, secret)},
		{"store not found", fmt.Errorf("get k: %w", store.ErrNotFound)},
		{"client gone", fmt.Errorf("match: %w", context.Canceled)},
		{"too slow here", fmt.Errorf("match: %w", context.DeadlineExceeded)},
		{"too slow there", badForm(fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded))},
		{"body too large", badForm(fmt.Errorf("multipart: %w", &http.MaxBytesError{Limit: 1000}))},
		{"file too large", &fileTooLarge{name: "secret.png", limit: 1000}},
		{"bad form", badForm(secret)},
		{"overloaded", errOverloaded},
		{"anything else", secret},
		{"panic", fmt.Errorf("panic: %v", secret)},
		{"echo 400", echo.NewHTTPError(400, "Invalid format for parameter limit: error parsing 'x'")},
		{"echo 400 twice", echo.NewHTTPError(400, "Expected one value for Prefer, got 2")},
		{"echo 400 other", echo.NewHTTPError(400, "something")},
		{"echo 404", echo.ErrNotFound},
		{"echo 405", echo.ErrMethodNotAllowed},
		{"echo 413", echo.ErrStatusRequestEntityTooLarge},
		{"echo 415", echo.ErrUnsupportedMediaType},
		{"echo 429", echo.ErrTooManyRequests},
		{"echo 500", echo.NewHTTPError(500, secret.Error())},
	}
	for _, k := range []decode.Kind{decode.Empty, decode.TooManyBytes, decode.Unknown, decode.Truncated, decode.TooManyPixels, decode.Corrupt, decode.UnsupportedVariant, decode.Timeout, decode.Busy, decode.Panicked, "new_kind"} {
		cases = append(cases, struct {
			name string
			err  error
		}{"decode " + string(k), fmt.Errorf("hash: %w", &decode.Error{Kind: k, Format: "png", Detail: "words for the user", Err: secret})})
	}
	cases = append(cases,
		struct {
			name string
			err  error
		}{"decode cancelled", &decode.Error{Kind: decode.Timeout, Err: context.Canceled}},
		struct {
			name string
			err  error
		}{"decode without words", &decode.Error{Kind: decode.Corrupt, Err: secret}})

	var b strings.Builder
	for _, c := range cases {
		f := faultOf(c.err)
		if !errors.Is(f, errOverloaded) && f.err == nil && f != c.err {
			t.Errorf("%s: the cause is lost to the log", c.name)
		}
		body, err := json.Marshal(f.problem("r_1"))
		if err != nil {
			t.Fatal(err)
		}
		validate(t, "components/schemas/Problem", body)
		if strings.Contains(string(body), "disk 7") || strings.Contains(string(body), "secret.png") {
			t.Errorf("%s: %s tells what is for the log", c.name, body)
		}
		fmt.Fprintf(&b, "%s\n  retry-after %d\n  %s\n", c.name, f.retryAfter, body)
	}
	const golden = "testdata/problems.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the table of problems changed; if that is meant, run go test ./api -run ProblemTable -update\n%s", b.String())
	}
}
