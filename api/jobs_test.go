package api

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
	"selvage/registry"
)

// slowFilms is a hasher of videos that waits until it is let go, half done.
type slowFilms struct {
	fingerprint.Hasher               // of photos
	begun              chan struct{} // gets one for each film that is half done
	goOn               chan struct{}
}

func (slowFilms) Work() fingerprint.WorkKind { return fingerprint.Video }

func (slowFilms) Accepts(head []byte) bool { return bytes.HasPrefix(head, []byte("FILM")) }

func (h slowFilms) Hash(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	fingerprint.Progress(ctx, 1, 2)
	h.begun <- struct{}{}
	select {
	case <-h.goOn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if bytes.HasSuffix(data, []byte("bad")) {
		return nil, &registry.InvalidError{Field: "file", Fix: "send a better film"}
	}
	r, err := h.Hasher.Hash(ctx, data[4:])
	if err != nil {
		return nil, err
	}
	return &fingerprint.Result{
		Work: fingerprint.Video, Format: "film", Width: r.Width, Height: r.Height, Duration: 1,
		Parts: []fingerprint.Part{{Kind: fingerprint.FramePart, End: 1, Result: r}},
	}, nil
}

// TestJobs: what takes long is answered with a job that can be followed, replayed and
// cancelled by its owner and nobody else, while photos do not wait for it.
func TestJobs(t *testing.T) {
	photos := photo.New(photo.Options{Limits: patient})
	films := slowFilms{photos, make(chan struct{}), make(chan struct{})}
	e := newRealEnvWith(t, fingerprint.Set{films, photos}).seed()
	film := func(frame []byte) []byte { return append([]byte("FILM"), frame...) }
	at := func(path string) call { return call{method: "GET", path: path, key: "anna"} }

	// Registering.
	reg := call{
		method: "POST", path: "/v1/works", key: "anna", header: map[string]string{"Prefer": "respond-async", "Idempotency-Key": "k"},
		form: form2(field("visibility", "matchable"), file("a.film", film(picture(7)))),
	}
	r := e.do(reg)
	job := r.header.Get("Location")
	if r.status != http.StatusAccepted || !strings.HasPrefix(job, "/v1/jobs/j_") || r.header.Get("Retry-After") == "" {
		t.Fatalf("registering a film: %d, Location %q: %s", r.status, job, r.body)
	}
	<-films.begun
	if r := e.do(at(job)); r.str("state") != "running" || r.at("progress") != .5 || r.str("task") != "register" {
		t.Errorf("the running job: %s", r.body)
	}
	if r := e.do(call{method: "POST", path: "/v1/matches", key: "anna", body: picture(8)}); r.status != http.StatusOK {
		t.Errorf("a photo beside it: %d %s", r.status, r.body)
	}
	if r := e.do(reg); r.status != http.StatusAccepted || r.header.Get("Location") != job {
		t.Errorf("the same request again: %d %s", r.status, r.body)
	}
	for _, stranger := range []string{"bert", "detector"} {
		if r := e.do(call{method: "GET", path: job, key: stranger}); r.status != http.StatusNotFound {
			t.Errorf("%s reads it: %d", stranger, r.status)
		}
		if r := e.do(call{method: "DELETE", path: job, key: stranger}); r.status < 400 {
			t.Errorf("%s cancels it: %d", stranger, r.status)
		}
	}
	films.goOn <- struct{}{}
	late := at(job)
	late.header = map[string]string{"Prefer": "wait=60"}
	r = e.do(late)
	work := r.str("work")
	if r.str("state") != "done" || work == "" {
		t.Fatalf("the job at its end: %s", r.body)
	}
	if r := e.do(reg); r.status != http.StatusCreated && r.status != http.StatusAccepted || r.str("work", "id") != work {
		t.Errorf("the same request after its end: %d %s", r.status, r.body)
	}

	// Matching, and waiting for it.
	ask := call{method: "POST", path: "/v1/matches", key: "bert", header: map[string]string{"Prefer": "wait=60"}, body: film(picture(2))} // a film that shows anna's public photo
	go func() { <-films.begun; films.goOn <- struct{}{} }()
	if r := e.do(ask); r.status != http.StatusOK || r.str("matches", "0", "work") != e.ids.Replace("{PUB}") || !strings.HasPrefix(r.header.Get("Location"), "/v1/matches/") {
		t.Errorf("asking about a film: %d %s", r.status, r.body)
	}
	go func() { <-films.begun; films.goOn <- struct{}{} }()
	bad := ask
	bad.body = []byte("FILM bad")
	if r := e.do(bad); r.status != http.StatusUnprocessableEntity || r.str("field") != "file" {
		t.Errorf("a film that cannot be read: %d %s", r.status, r.body)
	}

	// Cancelling, running and waiting.
	ask.header = map[string]string{"Prefer": "respond-async"}
	first := e.do(ask).header.Get("Location")
	<-films.begun
	ask.body = film(picture(9))
	second := e.do(ask).header.Get("Location")
	for _, j := range []string{second, first} {
		if r := e.do(call{method: "DELETE", path: j, key: "bert"}); r.status != http.StatusOK || r.str("state") != "cancelled" {
			t.Errorf("cancelling %s: %d %s", j, r.status, r.body)
		}
	}
	// Of jobs, too, what was answered is counted, once: the seed's query, a photo and a film.
	counted := string(e.do(call{method: "GET", path: "/metrics", key: "officer"}).body)
	for _, want := range []string{`{verdict="identical"} 1`, `{verdict="part"} 1`, `{verdict="none"} 1`, `{verdict="copy"} 0`} {
		if !strings.Contains(counted, "selvage_matches_total"+want) {
			t.Errorf("no selvage_matches_total%s", want)
		}
	}
	if r := e.do(at("/v1/jobs/j_" + strings.Repeat("9", 26))); r.status != http.StatusNotFound || !strings.Contains(r.str("detail"), "forgotten") {
		t.Errorf("a job that is there no more: %d %s", r.status, r.body)
	}
	if r := e.do(call{method: "GET", path: "/v1/jobs?limit=10", key: "bert"}); len(r.at("items").([]any)) != 4 {
		t.Errorf("bert's jobs: %s", r.body)
	}
}
