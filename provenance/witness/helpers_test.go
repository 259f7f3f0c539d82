package witness_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"selvage/provenance/witness"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var quiet = slog.New(slog.DiscardHandler)

// history is a log in memory: one key, one sequence of entries. A second one with the same
// key and other entries is a fork.
type history struct {
	origin, vkey string
	signer       note.Signer
	stored       []tlog.Hash
	size         int64
}

func newHistory(t testing.TB, origin string) *history {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	must(t, err)
	s, err := note.NewSigner(skey)
	must(t, err)
	return &history{origin: origin, vkey: vkey, signer: s}
}

// fork continues the first size entries in its own way.
func (h *history) fork(size int64) *history {
	f := *h
	f.stored, f.size = h.stored[:tlog.StoredHashCount(size):tlog.StoredHashCount(size)], size
	return &f
}

func (h *history) read(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		if i >= int64(len(h.stored)) {
			return nil, fmt.Errorf("no hash %d", i)
		}
		out = append(out, h.stored[i])
	}
	return out, nil
}

func (h *history) grow(n int, what string) *history {
	for range n {
		entry := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, h.size))
		more, err := tlog.StoredHashes(h.size, entry[:], tlog.HashReaderFunc(h.read))
		if err != nil {
			panic(err)
		}
		h.stored = append(h.stored, more...)
		h.size++
	}
	return h
}

func (h *history) root(size int64) tlog.Hash {
	root, err := tlog.TreeHash(size, tlog.HashReaderFunc(h.read))
	if err != nil {
		panic(err)
	}
	return root
}

func (h *history) sign(text string) string {
	signed, err := note.Sign(&note.Note{Text: text}, h.signer)
	if err != nil {
		panic(err)
	}
	return string(signed)
}

func (h *history) text(size int64) string {
	return fmt.Sprintf("%s\n%d\n%s\n", h.origin, size, h.root(size))
}

func (h *history) checkpoint(size int64) string { return h.sign(h.text(size)) }

func (h *history) prove(old, size int64) tlog.TreeProof {
	if old == 0 || old >= size {
		return nil
	}
	p, err := tlog.ProveTree(size, old, tlog.HashReaderFunc(h.read))
	if err != nil {
		panic(err)
	}
	return p
}

// body is the request for the checkpoint of size after old.
func (h *history) body(old, size int64) string {
	return body(old, h.prove(old, size), h.checkpoint(size))
}

func body(old int64, proof tlog.TreeProof, checkpoint string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "old %d\n", old)
	for _, p := range proof {
		b.WriteString(base64.StdEncoding.EncodeToString(p[:]) + "\n")
	}
	return b.String() + "\n" + checkpoint
}

// listFile writes a list of logs.
func listFile(t testing.TB, keys ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logs")
	must(t, os.WriteFile(path, []byte("# logs\n\n"+strings.Join(keys, "\n")+"\n"), 0o600))
	return path
}

func openServer(t testing.TB, dir, name, list string) *witness.Server {
	t.Helper()
	s, err := witness.OpenServer(witness.ServerConfig{Dir: dir, Name: name, Logs: list, Logger: quiet})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// serving is a set of witnesses over loopback and the policy that names them.
type serving struct {
	servers []*witness.Server
	http    []*httptest.Server
	policy  *witness.Policy
}

// serve starts n witnesses of logs, need of which make a quorum.
func serve(t testing.TB, n, need int, logs ...string) *serving {
	t.Helper()
	s := &serving{}
	list := listFile(t, logs...)
	text, names := "", ""
	for i := range n {
		w := openServer(t, t.TempDir(), fmt.Sprintf("w%d.example", i), list)
		h := httptest.NewServer(w)
		t.Cleanup(h.Close)
		s.servers, s.http = append(s.servers, w), append(s.http, h)
		text += fmt.Sprintf("witness w%d %s %s\n", i, w.Key(), h.URL)
		names += fmt.Sprintf(" w%d", i)
	}
	p, err := witness.ParsePolicy(fmt.Appendf(nil, "%sgroup g %d%s\nquorum g\n", text, need, names))
	must(t, err)
	s.policy = p
	return s
}

func (s *serving) client(t testing.TB) *witness.Client {
	t.Helper()
	c, err := witness.NewClient(s.policy, witness.ClientConfig{Round: 20 * time.Second, Request: 2 * time.Second, Backoff: 5 * time.Millisecond})
	must(t, err)
	return c
}
