package sequencer_test

import (
	"bufio"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"selvage/provenance"
	"selvage/provenance/sequencer"
	"selvage/provenance/timestamp"
	"selvage/provenance/witness"
)

var attackBinary = flag.String("selvage", "", "selvage binary: TestAttacks then runs witnesses and monitor as its processes")

// fiveWitnesses serves five witnesses of a log, in this process or as processes, and
// returns the policy that three of them must have cosigned.
func fiveWitnesses(t *testing.T, logKey string) string {
	t.Helper()
	list := filepath.Join(t.TempDir(), "logs")
	must(t, os.WriteFile(list, []byte(logKey+"\n"), 0o600))
	text := ""
	for i := range 5 {
		name := fmt.Sprintf("w%d.example", i)
		key, url := "", ""
		if *attackBinary == "" {
			s, err := witness.OpenServer(witness.ServerConfig{Dir: t.TempDir(), Name: name, Logs: list, Logger: quiet})
			must(t, err)
			h := httptest.NewServer(s)
			t.Cleanup(func() { h.Close(); must(t, s.Close()) })
			key, url = s.Key(), h.URL
		} else {
			cmd := exec.CommandContext(t.Context(), *attackBinary, "witness", "--data", t.TempDir(), "--name", name, "--logs", list, "--listen", "127.0.0.1:0")
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			r := bufio.NewReader(out)
			for _, field := range []*string{&key, &url} {
				line, err := r.ReadString('\n')
				must(t, err)
				*field = line[strings.LastIndex(line, " ")+1 : len(line)-1]
			}
		}
		text += fmt.Sprintf("witness w%d %s %s\n", i, key, url)
	}
	return text + "group g 3 w0 w1 w2 w3 w4\nquorum g\n"
}

// liar is a malicious build of the service: it has all of its keys and its log, and writes
// what it likes.
type liar struct {
	keys    *sequencer.Keys
	entries [][32]byte
	stored  []tlog.Hash
}

func (l *liar) read(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, l.stored[i])
	}
	return out, nil
}

// write makes the public files of a log of these entries in dir, signed with the log's key,
// and returns the checkpoint.
func (l *liar) write(t testing.TB, dir string, entries [][32]byte) []byte {
	t.Helper()
	l.entries, l.stored = entries, nil
	for i, e := range entries {
		h, err := tlog.StoredHashes(int64(i), e[:], tlog.HashReaderFunc(l.read))
		must(t, err)
		l.stored = append(l.stored, h...)
	}
	put := func(path string, b []byte) {
		path = filepath.Join(dir, path)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, b, 0o600))
	}
	n := int64(len(entries))
	for _, tile := range tlog.NewTiles(8, 0, n) {
		b, err := tlog.ReadTileData(tile, tlog.HashReaderFunc(l.read))
		must(t, err)
		name := strings.TrimPrefix(tile.Path(), "tile/8/")
		put("tile/"+name, b)
		if tile.L == 0 {
			b = nil
			for _, e := range entries[tile.N*256:][:tile.W] {
				b = append(append(b, 0, 32), e[:]...)
			}
			put("tile/entries/"+strings.TrimPrefix(name, "0/"), b)
		}
	}
	root, err := tlog.TreeHash(n, tlog.HashReaderFunc(l.read))
	must(t, err)
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, n, root)}, l.keys.Log)
	must(t, err)
	put("checkpoint", signed)
	return signed
}

// receipt is the receipt of entry index under a checkpoint of the liar's last log.
func (l *liar) receipt(t testing.TB, s provenance.Sealed, index int, checkpoint []byte, tsa *timestamp.Local) *provenance.Receipt {
	t.Helper()
	path, err := tlog.ProveRecord(int64(len(l.entries)), int64(index), tlog.HashReaderFunc(l.read))
	must(t, err)
	p := provenance.LogProof{Index: uint64(index), Checkpoint: checkpoint}
	for _, h := range path {
		p.Path = append(p.Path, [32]byte(h))
	}
	v, err := note.NewVerifier(l.keys.LogKey)
	must(t, err)
	_, logSigned, err := p.Open(l.entries[index][:], v)
	must(t, err)
	token, err := tsa.Stamp(ctx, logSigned)
	must(t, err)
	pub, err := provenance.EncodePublicKey(l.keys.Service.Public().(ed25519.PublicKey))
	must(t, err)
	return provenance.NewReceipt(s, provenance.Notarisation{
		Proof: p, Tokens: []provenance.TimeToken{{Token: token, Authority: tsa.Authority()}}, LogKey: l.keys.LogKey, ServiceKey: pub,
	})
}

// TestAttacks has a malicious build of the service fork, roll back, rewrite and drop. It
// gets no quorum for that, a monitor notices, and receipts of it are refused offline.
//
//	make attack
func TestAttacks(t *testing.T) {
	type history = [][32]byte
	for _, row := range []struct {
		name   string
		forge  func(honest history, evil [32]byte) (entries history, index int)
		alarms []witness.Kind
	}{
		{"fork", func(h history, evil [32]byte) (history, int) {
			h[len(h)-1] = evil
			return h, len(h) - 1
		}, []witness.Kind{witness.Fork}},
		{"rollback", func(h history, evil [32]byte) (history, int) {
			return append(h[:len(h)-5], evil), len(h) - 5
		}, []witness.Kind{witness.Rollback}},
		{"rewrite", func(h history, evil [32]byte) (history, int) {
			h[3] = evil
			return append(h, commitment(9001), commitment(9002)), 3
		}, []witness.Kind{witness.Rewrite}},
		{"drop", func(h history, evil [32]byte) (history, int) {
			h = append(slices.Delete(h, 3, 4), evil, commitment(9001))
			return h, len(h) - 2
		}, []witness.Kind{witness.Rewrite, witness.Drop}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			keys, err := sequencer.OpenKeys(filepath.Join(dir, "keys"), origin)
			must(t, err)
			policyText := fiveWitnesses(t, keys.LogKey)
			policy, err := witness.ParsePolicy([]byte(policyText))
			must(t, err)
			client, err := witness.NewClient(policy, witness.ClientConfig{})
			must(t, err)

			// The honest past: entries, and a receipt of entry 3 that somebody holds.
			n := notary(t, dir, client)
			var honest history
			var third provenance.Sealed
			for i := range 4 {
				s, _, err := issue(t, n, i)
				must(t, err)
				honest, third = append(honest, s.Commitment()), s
			}
			indices := appendAll(t, n.Log, 0, 260, 130)
			honest = append(honest, make(history, 260)...)
			for i, index := range indices {
				honest[index] = commitment(i)
			}
			held, err := n.IssueFrom(ctx, third, 0) // entry 3, in the whole tree
			must(t, err)
			trusted := n.Policy()
			if rep := held.Verify(trusted); rep.Outcome != provenance.Proved {
				t.Fatal(rep)
			}
			published(t, n, uint64(len(honest)))
			must(t, n.Close(ctx))

			var public atomic.Value
			public.Store(n.Log.Dir())
			site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sequencer.Handler(public.Load().(string)).ServeHTTP(w, r)
			}))
			defer site.Close()
			follow := filepath.Join(t.TempDir(), "policy")
			must(t, os.WriteFile(follow, []byte("log "+keys.LogKey+" "+site.URL+"\n"+policyText), 0o600))
			heldPath := filepath.Join(t.TempDir(), "receipt.json")
			text, err := held.Marshal()
			must(t, err)
			must(t, os.WriteFile(heldPath, text, 0o600))
			watching := watch(t, follow, "")
			if a := watching(); len(a) > 0 {
				t.Fatalf("honest: %v", a)
			}

			// The lie, with the log's own key and a real token.
			tsa, err := timestamp.OpenLocal(filepath.Join(dir, "tsa"), nil)
			must(t, err)
			sealed, err := provenance.Seal(work(666), keys.Service)
			must(t, err)
			l := &liar{keys: keys}
			entries, index := row.forge(slices.Clone(honest), sealed.Commitment())
			forged := l.write(t, filepath.Join(dir, "forged"), entries)
			cosigned, got := forged, 0
			for _, w := range policy.Witnesses {
				one, err := witness.NewClient(&witness.Policy{Witnesses: []witness.Witness{w}, Need: 1}, witness.ClientConfig{Round: 2 * time.Second})
				must(t, err)
				b, err := one.Cosign(ctx, forged, func(old int64) (tlog.TreeProof, error) {
					return tlog.ProveTree(int64(len(entries)), old, tlog.HashReaderFunc(l.read))
				})
				var q *witness.QuorumError
				switch {
				case err == nil: // a witness that was behind
					cosigned, got = append(slices.Clip(cosigned), b[len(forged):]...), got+1
				case !errors.As(err, &q):
					t.Fatal(err)
				}
			}
			if got >= 3 {
				t.Fatalf("%d of 5 witnesses cosigned the lie", got)
			}
			public.Store(filepath.Join(dir, "forged"))
			start := time.Now()

			// The receipt would do, were it not for the quorum.
			r := l.receipt(t, sealed, index, cosigned, tsa)
			naive := *trusted
			naive.Witnesses, naive.Quorum = nil, 0
			if rep := r.Verify(&naive); rep.Outcome != provenance.Proved {
				t.Fatalf("the forgery is not even good enough without witnesses: %s", rep)
			}
			if rep := r.Verify(trusted); rep.Outcome == provenance.Proved {
				t.Errorf("the forged receipt is accepted: %s", rep)
			}
			alarms := watching(row.alarms...)
			took := time.Since(start)
			if !slices.ContainsFunc(alarms, func(a witness.Alarm) bool { return slices.Contains(row.alarms, a.Kind) }) || took > time.Minute {
				t.Errorf("after %s: %v", took, alarms)
			}
			// Whoever comes only now is warned by the receipt that somebody holds.
			late := watch(t, follow, heldPath)(witness.Fork, witness.Rollback)
			if !slices.ContainsFunc(late, func(a witness.Alarm) bool { return a.Kind == witness.Fork || a.Kind == witness.Rollback }) {
				t.Errorf("a new monitor with a receipt: %v", late)
			}
			t.Logf("%s: %d of 5 witnesses cosigned, the receipt is refused, caught after %s", row.name, got, took.Round(time.Millisecond))
		})
	}
}

// watch opens a monitor, in this process or as one, and returns how to ask it. A process
// looks until there is an alarm of a wanted kind, for a minute at most.
func watch(t *testing.T, policyPath, receiptPath string) func(want ...witness.Kind) []witness.Alarm {
	t.Helper()
	dir := t.TempDir()
	if *attackBinary != "" {
		args := []string{"monitor", "--data", dir, "--policy", policyPath, "--every", "1s"}
		if receiptPath != "" {
			args = append(args, "--receipt", receiptPath)
		}
		cmd := exec.CommandContext(t.Context(), *attackBinary, args...)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		lines := make(chan witness.Alarm, 64)
		go func() {
			for in := json.NewDecoder(out); ; {
				var a witness.Alarm
				if in.Decode(&a) != nil {
					return
				}
				lines <- a
			}
		}()
		return func(want ...witness.Kind) (got []witness.Alarm) {
			wait := 3 * time.Second // long enough for a look
			if len(want) > 0 {
				wait = time.Minute
			}
			for late := time.After(wait); ; {
				select {
				case a := <-lines:
					if got = append(got, a); slices.Contains(want, a.Kind) {
						return got
					}
				case <-late:
					return got
				}
			}
		}
	}
	policy, err := witness.LoadPolicy(policyPath)
	must(t, err)
	cfg := witness.MonitorConfig{Dir: dir, Policy: policy, Logger: quiet}
	if receiptPath != "" {
		text, err := os.ReadFile(receiptPath)
		must(t, err)
		r, err := witness.ReadReceipt(text)
		must(t, err)
		cfg.Receipts = []witness.Receipt{r}
	}
	m, err := witness.OpenMonitor(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return func(...witness.Kind) (got []witness.Alarm) {
		alarms, err := m.Check(ctx)
		must(t, err)
		for _, a := range alarms {
			got = append(got, *a)
		}
		return got
	}
}
