package sequencer

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"selvage/provenance"
	"selvage/provenance/witness"
)

// gathered brings the cosignatures that the guard has gathered into the checkpoint that
// Tessera publishes. To Tessera it is a group of witnesses that all must sign, and the
// transport by which they are reached: each answers with the line that is there already.
// ADR 0006 says why Tessera does not ask the witnesses itself.
type gathered struct {
	policy *witness.Policy

	mu    sync.Mutex // guards what follows
	lines map[string]cosignature
}

// cosignature is a line of a note and the key it is by.
type cosignature struct {
	key  *provenance.WitnessKey
	line string
}

// set takes the cosignatures of a note that have been verified.
func (g *gathered) set(cosigned []byte) {
	lines := map[string]cosignature{}
	for _, w := range g.policy.Witnesses {
		if n, err := note.Open(cosigned, note.VerifierList(w.Key)); err == nil {
			host := fmt.Sprintf("%d.invalid", len(lines))
			lines[host] = cosignature{w.Key, fmt.Sprintf("— %s %s\n", n.Sigs[0].Name, n.Sigs[0].Base64)}
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = lines
}

// Endpoints lists the witnesses whose cosignatures are there, each under a URL that only
// RoundTrip knows. Tessera asks for them anew for every checkpoint.
func (g *gathered) Endpoints() map[string]note.Verifier {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := map[string]note.Verifier{}
	for host, c := range g.lines {
		out["http://"+host] = c.key
	}
	return out
}

// Satisfied reports whether all the cosignatures are in the checkpoint.
func (g *gathered) Satisfied(checkpoint []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.lines {
		if !bytes.Contains(checkpoint, []byte(c.line)) {
			return false
		}
	}
	return true
}

// RoundTrip implements http.RoundTripper without a network.
func (g *gathered) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close() // what was asked is known
	}
	g.mu.Lock()
	c, ok := g.lines[r.URL.Host]
	g.mu.Unlock()
	status := http.StatusOK
	if !ok {
		status = http.StatusNotFound
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.line)), Request: r,
	}, nil
}
