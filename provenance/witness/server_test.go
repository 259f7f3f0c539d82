package witness_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"selvage/provenance"
	"selvage/provenance/witness"
)

func post(h http.Handler, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/add-checkpoint", strings.NewReader(body)))
	return w
}

// cosigned fails unless the answer is a valid cosignature of the checkpoint, and returns
// its time.
func cosigned(t testing.TB, s *witness.Server, checkpoint string, w *httptest.ResponseRecorder) time.Time {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	key, err := provenance.ParseWitnessKey(s.Key())
	must(t, err)
	n, err := note.Open([]byte(checkpoint+w.Body.String()), note.VerifierList(key))
	must(t, err)
	raw, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	must(t, err)
	var seconds int64
	for _, b := range raw[4:12] {
		seconds = seconds<<8 | int64(b)
	}
	return time.Unix(seconds, 0)
}

// TestConformance goes through C2SP tlog-witness, add-checkpoint, sentence by sentence.
// Each row meets a witness that has cosigned size 5 of the log.
func TestConformance(t *testing.T) {
	log := newHistory(t, "log.example/a").grow(20, "entry")
	fresh := newHistory(t, "log.example/fresh").grow(20, "entry")
	other := newHistory(t, "log.example/other").grow(20, "entry")
	usurper := newHistory(t, "log.example/a").grow(20, "entry") // another key, same origin
	fork := log.fork(3).grow(17, "other")
	text := func(lines ...string) string { return log.sign(strings.Join(lines, "\n") + "\n") }
	root := func(size int64) string { return log.root(size).String() }
	both := func(size int64) string {
		_, line, _ := strings.Cut(usurper.checkpoint(size), "\n\n")
		return log.checkpoint(size) + line
	}
	first := func(size int64) string {
		text, lines, _ := strings.Cut(both(size), "\n\n")
		a, b, _ := strings.Cut(lines, "\n")
		return text + "\n\n" + b + a + "\n"
	}
	wrong := func(p tlog.TreeProof) tlog.TreeProof { p[0][0] ^= 1; return p }

	for _, row := range []struct {
		name, body string
		status     int
		answer     string // the exact body of a conflict
	}{
		{"next checkpoint", log.body(5, 9), 200, ""},
		{"same checkpoint again", log.body(5, 5), 200, ""},
		{"first checkpoint of a log", fresh.body(0, 7), 200, ""},
		{"empty tree", fresh.body(0, 0), 200, ""},
		{"unknown signatures are ignored", body(5, log.prove(5, 9), both(9)), 200, ""},
		{"also in front", body(5, log.prove(5, 9), first(9)), 200, ""},
		{"extension lines", body(5, log.prove(5, 9), text(log.origin, "9", root(9), "extension")), 200, ""},

		{"unknown origin", other.body(0, 3), 404, ""},
		{"unknown key", usurper.body(5, 9), 403, ""},
		{"unsigned by the log, signed by another", strings.Replace(usurper.body(5, 9), usurper.root(9).String(), root(9), 1), 403, ""},
		{"text changed after signing", strings.Replace(log.body(5, 9), "\n9\n", "\n10\n", 1), 403, ""},
		{"origin of one log, signed by the key of another", body(0, nil, fresh.sign(log.text(9))), 403, ""},

		{"old size above the checkpoint's", log.body(9, 7), 400, ""},
		{"empty body", "", 400, ""},
		{"no old line", log.checkpoint(9), 400, ""},
		{"no empty line", "old 5\n" + strings.TrimSuffix(strings.Replace(log.checkpoint(9), "\n\n", "\n", 1), "\n"), 400, ""},
		{"leading zero", strings.Replace(log.body(5, 9), "old 5", "old 05", 1), 400, ""},
		{"sign", strings.Replace(log.body(5, 9), "old 5", "old +5", 1), 400, ""},
		{"negative", strings.Replace(log.body(5, 9), "old 5", "old -5", 1), 400, ""},
		{"two spaces", strings.Replace(log.body(5, 9), "old 5", "old  5", 1), 400, ""},
		{"carriage returns", strings.ReplaceAll(log.body(5, 9), "\n", "\r\n"), 400, ""},
		{"old size of 2^63", strings.Replace(log.body(5, 9), "old 5", "old 9223372036854775808", 1), 400, ""},
		{"short hash", "old 5\nAAAA\n\n" + log.checkpoint(9), 400, ""},
		{"loose base64", "old 5\n" + strings.Repeat("A", 42) + "B=\n\n" + log.checkpoint(9), 400, ""},
		{"64 proof lines", "old 5\n" + strings.Repeat(root(9)+"\n", 64) + "\n" + log.checkpoint(9), 400, ""},
		{"63 proof lines are read", "old 5\n" + strings.Repeat(root(9)+"\n", 63) + "\n" + log.checkpoint(9), 422, ""},
		{"checkpoint without signature", body(5, nil, log.text(9)), 400, ""},
		{"signed nonsense", body(5, nil, text(log.origin, "nine", root(9))), 400, ""},
		{"signed without root", body(5, nil, text(log.origin, "9")), 400, ""},
		{"signed with another root for the empty tree", body(0, nil, text(log.origin, "0", root(9))), 400, ""},
		{"too much", log.body(5, 9) + strings.Repeat("x", 1<<20), 413, ""},

		{"old size behind", log.body(3, 9), 409, "5\n"},
		{"old size ahead", log.body(7, 9), 409, "5\n"},
		{"old size zero to ask", log.body(0, 9), 409, "5\n"},
		{"rollback", log.body(4, 4), 409, "5\n"},
		{"never cosigned", fresh.body(3, 9), 409, "0\n"},
		{"another root for the same size", fork.body(5, 5), 409, "another root hash was cosigned for size 5\n"},

		{"fork", fork.body(5, 9), 422, ""},
		{"no proof", body(5, nil, log.checkpoint(9)), 422, ""},
		{"proof of other sizes", body(5, log.prove(4, 9), log.checkpoint(9)), 422, ""},
		{"proof with one flipped bit", body(5, wrong(log.prove(5, 9)), log.checkpoint(9)), 422, ""},
		{"proof from zero", body(0, log.prove(5, 9), fresh.checkpoint(9)), 422, ""},
		{"proof to the same size", body(5, log.prove(5, 9), log.checkpoint(5)), 422, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := openServer(t, t.TempDir(), "w.example", listFile(t, log.vkey, fresh.vkey))
			if w := post(s, log.body(0, 5)); w.Code != 200 {
				t.Fatalf("size 5: %d %s", w.Code, w.Body)
			}
			before := view(s, log.origin)
			w := post(s, row.body)
			if w.Code != row.status {
				t.Fatalf("status %d, want %d: %s", w.Code, row.status, w.Body)
			}
			if row.status == 200 {
				_, checkpoint, _ := strings.Cut(row.body, "\n\n")
				if at := cosigned(t, s, checkpoint, w); time.Since(at) > time.Minute || time.Until(at) > time.Minute {
					t.Errorf("cosigned at %s", at)
				}
				return
			}
			if view(s, log.origin) != before {
				t.Error("a refused checkpoint was kept")
			}
			if row.answer != "" && w.Body.String() != row.answer {
				t.Errorf("body %q, want %q", w.Body, row.answer)
			}
			if isSize := w.Header().Get("Content-Type") == "text/x.tlog.size"; isSize != (len(row.answer) == 2) {
				t.Errorf("content type %s", w.Header().Get("Content-Type"))
			}
		})
	}
	s := openServer(t, t.TempDir(), "w.example", listFile(t, log.vkey))
	for method, status := range map[string]int{"GET": 405, "PUT": 405} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, "/add-checkpoint", strings.NewReader(log.body(0, 5))))
		if w.Code != status {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// view is what the witness shows of a log.
func view(s *witness.Server, origin string) string {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/log/%x/checkpoint", sha256.Sum256([]byte(origin))), nil))
	if w.Code != 200 {
		return fmt.Sprint(w.Code)
	}
	return w.Body.String()
}

func TestServerRestarts(t *testing.T) {
	log := newHistory(t, "log.example/a").grow(20, "entry")
	dir, list := t.TempDir(), listFile(t, log.vkey)
	cfg := witness.ServerConfig{Dir: dir, Name: "w.example", Logs: list, Logger: quiet}
	s, err := witness.OpenServer(cfg)
	must(t, err)
	if _, err := witness.OpenServer(cfg); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice: %v", err)
	}
	key := s.Key()
	if w := post(s, log.body(0, 5)); w.Code != 200 {
		t.Fatal(w.Body)
	}
	must(t, s.Close())
	must(t, s.Close())
	if w := post(s, log.body(5, 6)); w.Code != 503 {
		t.Errorf("closed: %d", w.Code)
	}
	info, err := os.Stat(filepath.Join(dir, "witness.key"))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("key has mode %o", info.Mode().Perm())
	}

	s, err = witness.OpenServer(cfg)
	must(t, err)
	if kept, _ := os.ReadFile(filepath.Join(dir, "witness.vkey")); s.Key() != key || string(kept) != key+"\n" {
		t.Errorf("key %s became %s, file %s", key, s.Key(), kept)
	}
	if w := post(s, log.body(0, 9)); w.Code != 409 || w.Body.String() != "5\n" {
		t.Errorf("the size was forgotten: %d %s", w.Code, w.Body)
	}
	if w := post(s, log.fork(3).grow(9, "x").body(5, 9)); w.Code != 422 {
		t.Errorf("fork after a restart: %d", w.Code)
	}
	must(t, s.Close())
	cfg.Name = "other.example"
	if _, err := witness.OpenServer(cfg); err == nil {
		t.Error("the witness was renamed")
	}
	cfg.Name = "w.example"

	// A damaged record is no permission to begin anew.
	path := filepath.Join(dir, "state", fmt.Sprintf("%x", sha256.Sum256([]byte(log.origin))))
	record, err := os.ReadFile(path)
	must(t, err)
	for i := 0; i < len(record); i += 5 {
		bad := []byte(string(record))
		bad[i] ^= 1
		must(t, os.WriteFile(path, bad, 0o600))
		s, err = witness.OpenServer(cfg)
		must(t, err)
		for _, b := range []string{log.body(0, 3), log.body(5, 9)} {
			// A flipped bit in the log's own signature says nothing about the record.
			if w := post(s, b); w.Code != 500 && w.Code != 409 && (w.Code != 200 || b != log.body(5, 9)) {
				t.Fatalf("byte %d flipped: %d %s", i, w.Code, w.Body)
			}
		}
		must(t, s.Close())
	}
}

func TestReload(t *testing.T) {
	log, late := newHistory(t, "log.example/a").grow(9, "entry"), newHistory(t, "log.example/b").grow(9, "entry")
	list := listFile(t, log.vkey)
	s := openServer(t, t.TempDir(), "w.example", list)
	if w := post(s, late.body(0, 5)); w.Code != 404 {
		t.Errorf("not listed: %d", w.Code)
	}
	if w := post(s, log.body(0, 5)); w.Code != 200 {
		t.Errorf("listed: %d", w.Code)
	}
	must(t, os.WriteFile(list, []byte("nonsense\n"), 0o600))
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("nonsense: %v", err)
	}
	// A second key of the same origin, as in a rotation, and another log; the first is gone.
	renewed := newHistory(t, "log.example/a")
	renewed.stored, renewed.size = log.stored, log.size
	must(t, os.WriteFile(list, []byte(renewed.vkey+"\n"+late.vkey+"\n"), 0o600))
	must(t, s.Reload())
	for _, row := range []struct {
		body   string
		status int
	}{{late.body(0, 5), 200}, {log.body(5, 9), 403}, {renewed.body(0, 9), 409}, {renewed.body(5, 9), 200}} {
		if w := post(s, row.body); w.Code != row.status {
			t.Errorf("after reloading: %d, want %d", w.Code, row.status)
		}
	}
}

// TestCompareAndStore lets many ask at once, honest and forked, and holds every answer
// against an oracle: all trees that were ever cosigned lie on one history.
func TestCompareAndStore(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		log := newHistory(t, "log.example/a").grow(24, "entry")
		split := rapid.Int64Range(1, 20).Draw(r, "split")
		sides := []*history{log, log.fork(split).grow(24-int(split), "other")}
		dir, err := os.MkdirTemp(t.TempDir(), "w")
		must(t, err)
		list := listFile(t, log.vkey)
		s, err := witness.OpenServer(witness.ServerConfig{Dir: dir, Name: "w.example", Logs: list, Logger: quiet})
		must(t, err)
		var mu sync.Mutex
		var trees []tlog.Tree
		oracle := func(side *history, old, size int64, code int) {
			mu.Lock()
			defer mu.Unlock()
			switch code {
			case 200:
				trees = append(trees, tlog.Tree{N: size, Hash: side.root(size)})
			case 409, 422, 400:
			default:
				r.Fatalf("old %d, size %d: status %d", old, size, code)
			}
		}
		for range rapid.IntRange(1, 4).Draw(r, "rounds") {
			type call struct {
				side      *history
				old, size int64
			}
			calls := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) call {
				return call{sides[rapid.IntRange(0, 1).Draw(r, "side")], rapid.Int64Range(0, 24).Draw(r, "old"), rapid.Int64Range(0, 24).Draw(r, "size")}
			}), 1, 12).Draw(r, "calls")
			var wg sync.WaitGroup
			for _, c := range calls {
				wg.Go(func() {
					w := post(s, c.side.body(c.old, c.size))
					if w.Code == 409 && strings.HasPrefix(w.Header().Get("Content-Type"), "text/x.tlog.size") {
						// As a client does: again from the size the witness names.
						var size int64
						if _, err := fmt.Sscanf(w.Body.String(), "%d\n", &size); err != nil {
							r.Errorf("409 with %q", w.Body)
						}
						w = post(s, c.side.body(size, c.size))
						oracle(c.side, size, c.size, w.Code)
						return
					}
					oracle(c.side, c.old, c.size, w.Code)
				})
			}
			wg.Wait()
			must(t, s.Close())
			s, err = witness.OpenServer(witness.ServerConfig{Dir: dir, Name: "w.example", Logs: list, Logger: quiet})
			must(t, err)
		}
		must(t, s.Close())
		if err := oneHistory(sides, trees); err != nil {
			r.Fatal(err)
		}
	})
}

// oneHistory fails if trees were cosigned that no single history has.
func oneHistory(sides []*history, trees []tlog.Tree) error {
	for _, side := range sides {
		all := true
		for _, tree := range trees {
			all = all && side.root(tree.N) == tree.Hash
		}
		if all {
			return nil
		}
	}
	return errors.New("trees of two histories were cosigned")
}
