package api

import (
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"selvage/provenance/verifiers"
)

func newTestLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// TestRoutesAreThoseOfTheSpec: what is served is in the spec, what is in the spec is
// served, and both have their place in the table of access.
func TestRoutesAreThoseOfTheSpec(t *testing.T) {
	e := newEnv(t, nil)
	served := map[string]bool{}
	for _, r := range e.srv.echo.Routes() {
		served[r.Method+" "+specPath(strings.ReplaceAll(r.Path, `\`, ""))] = true
	}
	inSpec := map[string]bool{}
	open := map[string]bool{}
	for path, item := range specTree()["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			if method == "parameters" {
				continue
			}
			route := strings.ToUpper(method) + " " + path
			inSpec[route] = true
			if s, ok := op.(map[string]any)["security"].([]any); ok && len(s) == 0 {
				open[route] = true
			}
		}
	}
	if !maps.Equal(served, inSpec) {
		t.Errorf("served: %v\nin the spec: %v", sorted(served), sorted(inSpec))
	}
	guarded := map[string]bool{}
	for r := range access {
		guarded[specPath(r)] = true
	}
	for r := range public {
		if !open[r] {
			t.Errorf("%s needs no key, but the spec says that it does", r)
		}
		if guarded[r] {
			t.Errorf("%s is both public and guarded", r)
		}
		guarded[r] = true
	}
	if !maps.Equal(guarded, inSpec) {
		t.Errorf("access: %v\nin the spec: %v", sorted(guarded), sorted(inSpec))
	}
	if len(open) != len(public) {
		t.Errorf("the spec has %d open routes, the server %d", len(open), len(public))
	}
}

// TestEveryProblemIsDocumented: the table of the spec has every type with its status.
func TestEveryProblemIsDocumented(t *testing.T) {
	text := lookUp(specTree(), "info", "description").(string)
	n := 0
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.Contains(cells[1], typePrefix) {
			continue
		}
		n++
		s := slug(strings.TrimPrefix(strings.Trim(cells[1], " `"), typePrefix))
		p, ok := problems[s]
		if !ok || strings.TrimSpace(cells[2]) != itoa(p.status) {
			t.Errorf("spec says %s %s; the server %d", s, cells[2], p.status)
		}
	}
	if n != len(problems) {
		t.Errorf("the spec explains %d problems of %d", n, len(problems))
	}
}

func TestSpecIsServed(t *testing.T) {
	r := newEnv(t, nil).do(call{method: "GET", path: "/openapi.yaml"})
	if r.status != 200 || string(r.body) != string(OpenAPI()) {
		t.Errorf("status %d, %d bytes", r.status, len(r.body))
	}
}

// TestVerifyPage: whoever has a bundle gets the page that checks it, without a key, and the
// page may do nothing but that.
func TestVerifyPage(t *testing.T) {
	r := newEnv(t, nil).do(call{method: "GET", path: "/verify"})
	if r.status != 200 || string(r.body) != string(verifiers.HTML) || r.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("status %d, %s, %d bytes", r.status, r.header.Get("Content-Type"), len(r.body))
	}
	if p := r.header.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'; script-src 'sha256-") || strings.Contains(p, "unsafe") || !strings.Contains(p, "frame-ancestors 'none'") {
		t.Errorf("policy %q", p)
	}
}

func sorted(m map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(m)), "\n  ") }

func itoa(n int) string { return strconv.Itoa(n) }
