package sequencer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"selvage/provenance"
	"selvage/provenance/sequencer"
)

const origin = "selvage.example/test"

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens the log in dir with keys kept beside it.
func open(t testing.TB, dir string) (*sequencer.Log, string) {
	t.Helper()
	l, key, err := tryOpen(dir)
	must(t, err)
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l, key
}

func tryOpen(dir string) (*sequencer.Log, string, error) {
	keys, err := sequencer.OpenKeys(filepath.Join(dir, "keys"), origin)
	if err != nil {
		return nil, "", err
	}
	l, err := sequencer.Open(ctx, sequencer.Config{Dir: dir, Signer: keys.Log, Key: keys.LogKey})
	return l, keys.LogKey, err
}

func commitment(i int) [32]byte { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i))) }

// appendAll appends commitments from..to-1 with that many callers and returns their indices.
func appendAll(t testing.TB, l *sequencer.Log, from, to, callers int) map[int]uint64 {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[int]uint64{}
	next := make(chan int)
	for range callers {
		wg.Go(func() {
			for i := range next {
				index, err := l.Append(ctx, commitment(i))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				got[i] = index
				mu.Unlock()
			}
		})
	}
	for i := from; i < to; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	return got
}

func proveAll(t testing.TB, l *sequencer.Log, key string, indices map[int]uint64) {
	t.Helper()
	v, err := note.NewVerifier(key)
	must(t, err)
	for i, index := range indices {
		c := commitment(i)
		p, err := l.Prove(ctx, index, c)
		must(t, err)
		if _, _, err := p.Open(c[:], v); err != nil {
			t.Fatal(err)
		}
		other := commitment(i + 1_000_000)
		if _, err := l.Prove(ctx, index, other); err == nil {
			t.Fatal("a proof of an entry that is not there")
		}
	}
}

func TestAppendProveRestart(t *testing.T) {
	dir := t.TempDir()
	l, key, err := tryOpen(dir)
	must(t, err)
	if _, _, err := tryOpen(dir); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice: %v", err)
	}
	indices := appendAll(t, l, 0, 700, 256)
	seen := map[uint64]bool{}
	for _, i := range indices {
		seen[i] = true
	}
	if len(seen) != 700 || l.Size() != 700 {
		t.Errorf("%d indices, size %d", len(seen), l.Size())
	}
	proveAll(t, l, key, indices)
	must(t, l.Close(ctx))
	must(t, l.Close(ctx))
	if _, err := l.Append(ctx, commitment(0)); !errors.Is(err, sequencer.ErrClosed) {
		t.Errorf("append after close: %v", err)
	}

	l, _ = open(t, dir)
	if l.Size() != 700 {
		t.Fatalf("size %d after restart", l.Size())
	}
	proveAll(t, l, key, indices)
	more := appendAll(t, l, 700, 764, 64)
	proveAll(t, l, key, more)
	for i, want := range map[int]uint64{3: indices[3], 763: more[763]} {
		if at, found, err := l.Find(ctx, 0, commitment(i)); err != nil || !found || at != want {
			t.Errorf("find %d: %d %v %v, want %d", i, at, found, err, want)
		}
	}
	if _, found, err := l.Find(ctx, indices[3]+1, commitment(3)); err != nil || found {
		t.Errorf("found behind its index: %v", err)
	}
	check, err := sequencer.Fsck(ctx, dir, key)
	must(t, err)
	if check.Size != 764 || check.Origin != origin {
		t.Errorf("%+v", check)
	}
	crossCheck(t, dir, check)
}

// crossCheck rebuilds the tree from the entry bundles with x/mod's tlog alone and
// compares it with the checkpoint and with every tile.
func crossCheck(t *testing.T, dir string, check sequencer.Check) {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	n := int64(0)
	for r := range layout.Range(0, check.Size, check.Size) {
		data, err := os.ReadFile(filepath.Join(dir, "log", layout.EntriesPath(r.Index, r.Partial)))
		must(t, err)
		var b api.EntryBundle
		must(t, b.UnmarshalText(data))
		for _, e := range b.Entries {
			if len(e) != 32 {
				t.Fatalf("entry of %d bytes", len(e))
			}
			h, err := tlog.StoredHashes(n, e, reader)
			must(t, err)
			stored = append(stored, h...)
			n++
		}
	}
	root, err := tlog.TreeHash(n, reader)
	must(t, err)
	if uint64(n) != check.Size || root != tlog.Hash(check.Root) {
		t.Fatalf("%d entries with root %s, checkpoint says %+v", n, root, check)
	}
	for _, tile := range tlog.NewTiles(8, 0, n) {
		want, err := tlog.ReadTileData(tile, reader)
		must(t, err)
		have, err := os.ReadFile(filepath.Join(dir, "log", "tile", strings.TrimPrefix(tile.Path(), "tile/8/")))
		must(t, err)
		if !bytes.Equal(have, want) {
			t.Errorf("tile %s differs", tile.Path())
		}
	}
}

func TestCloseLosesNothing(t *testing.T) {
	dir := t.TempDir()
	l, key, err := tryOpen(dir)
	must(t, err)
	var wg sync.WaitGroup
	var mu sync.Mutex
	indices := map[int]uint64{}
	started := make(chan struct{}, 64)
	for i := range 64 {
		wg.Go(func() {
			started <- struct{}{}
			index, err := l.Append(ctx, commitment(i))
			if errors.Is(err, sequencer.ErrClosed) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			indices[i] = index
			mu.Unlock()
		})
	}
	<-started
	must(t, l.Close(ctx))
	wg.Wait()
	l, _ = open(t, dir)
	proveAll(t, l, key, indices)
}

// TestUnsignedEntriesAreFound: entries that a killed process had integrated, but not yet
// put under a checkpoint, are found after reopening, so that nothing is logged twice.
func TestUnsignedEntriesAreFound(t *testing.T) {
	dir := t.TempDir()
	l, _, err := tryOpen(dir)
	must(t, err)
	appendAll(t, l, 0, 5, 5)
	must(t, l.Close(ctx))
	signed := map[string][]byte{}
	for _, path := range []string{filepath.Join(dir, "log", "checkpoint"), filepath.Join(dir, "last-signed")} {
		signed[path], err = os.ReadFile(path)
		must(t, err)
	}
	l, _, err = tryOpen(dir)
	must(t, err)
	indices := appendAll(t, l, 5, 300, 64)
	must(t, l.Close(ctx))
	// The kill came between integrating and signing.
	for path, data := range signed {
		must(t, os.WriteFile(path, data, 0o600))
	}
	l, key := open(t, dir)
	for i := 5; i < 300; i++ {
		index, found, err := l.Find(ctx, 5, commitment(i))
		if err != nil || !found || index != indices[i] {
			t.Fatalf("entry %d: %d, %v, %v; want %d", i, index, found, err, indices[i])
		}
	}
	proveAll(t, l, key, indices)
}

// TestCloseOnStuckDisk: another process holds the lock that Tessera writes under, so that
// an entry never reaches the disk. Close must end with its context and say so.
func TestCloseOnStuckDisk(t *testing.T) {
	dir := t.TempDir()
	l, _, err := tryOpen(dir)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHolderProcess$")
	cmd.Env = append(os.Environ(), "SELVAGE_HOLD="+filepath.Join(dir, "log", ".state", "treeState.lock"))
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	_, err = io.ReadFull(out, make([]byte, len("held\n")))
	must(t, err)
	appended := make(chan error, 1)
	go func() {
		_, err := l.Append(ctx, commitment(1))
		appended <- err
	}()
	// Closed only once the Append is under way, or Close would not wait for it.
	for l.Flying() == 0 {
		time.Sleep(time.Millisecond)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := l.Close(short); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 entries") {
		t.Errorf("close on a stuck disk: %v", err)
	}
	if _, _, err := tryOpen(dir); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened while an entry is on its way: %v", err)
	}
	must(t, in.Close())
	must(t, cmd.Wait())
	// It may have been signed at the last moment; if not, nobody waits for that any more.
	if err := <-appended; err != nil && !errors.Is(err, sequencer.ErrClosed) {
		t.Errorf("the entry that was on its way: %v", err)
	}
}

// TestHolderProcess is the process that holds a lock for TestCloseOnStuckDisk until its
// input ends; alone it does nothing.
func TestHolderProcess(t *testing.T) {
	path := os.Getenv("SELVAGE_HOLD")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	must(t, err)
	defer f.Close()
	must(t, syscall.FcntlFlock(f.Fd(), syscall.F_SETLKW, &syscall.Flock_t{Type: syscall.F_WRLCK}))
	_, err = os.Stdout.WriteString("held\n")
	must(t, err)
	_, err = io.Copy(io.Discard, os.Stdin)
	must(t, err)
}

func TestContextEndsAppend(t *testing.T) {
	l, _ := open(t, t.TempDir())
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := l.Append(done, commitment(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("append with a cancelled context: %v", err)
	}
	if _, err := l.Prove(ctx, 99, commitment(1)); err == nil {
		t.Error("a proof beyond the tree")
	}
}

// TestKilledWriter kills a writing process with SIGKILL at several moments: whatever it
// had acknowledged must be there, provable, in a clean log.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	acked := map[int]uint64{}
	for round := range 4 {
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestWriterProcess$")
		cmd.Env = append(os.Environ(), "SELVAGE_WRITER="+dir, "SELVAGE_FROM="+strconv.Itoa(round*100_000))
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		buf := make([]byte, 0, 1<<16)
		chunk := make([]byte, 4096)
		// Different amounts of work before the kill, never a time.
		for bytes.Count(buf, []byte("\n")) < 40*round+10 {
			n, err := out.Read(chunk)
			must(t, err)
			buf = append(buf, chunk[:n]...)
		}
		must(t, cmd.Process.Kill())
		rest, err := io.ReadAll(out)
		must(t, err)
		buf = append(buf, rest...)
		_ = cmd.Wait() // killed: its status says so
		lines := strings.Split(string(buf), "\n")
		for _, line := range lines[:len(lines)-1] {
			a, b, ok := strings.Cut(line, " ")
			i, err1 := strconv.Atoi(a)
			index, err2 := strconv.ParseUint(b, 10, 64)
			if !ok || err1 != nil || err2 != nil {
				t.Fatalf("writer said %q", line)
			}
			acked[i] = index
		}
		l, key, err := tryOpen(dir)
		must(t, err)
		proveAll(t, l, key, acked)
		must(t, l.Close(ctx))
		_, err = sequencer.Fsck(ctx, dir, key)
		must(t, err)
	}
	if len(acked) < 40 {
		t.Errorf("only %d entries acknowledged", len(acked))
	}
}

// TestWriterProcess is the process that TestKilledWriter kills; alone it writes nothing.
func TestWriterProcess(t *testing.T) {
	dir := os.Getenv("SELVAGE_WRITER")
	if dir == "" {
		return
	}
	from, err := strconv.Atoi(os.Getenv("SELVAGE_FROM"))
	must(t, err)
	l, _, err := tryOpen(dir)
	must(t, err)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := from + w; ; i += 16 {
				index, err := l.Append(ctx, commitment(i))
				if err != nil {
					return
				}
				mu.Lock()
				_, err = os.Stdout.WriteString(strconv.Itoa(i) + " " + strconv.FormatUint(index, 10) + "\n")
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestRollbackIsRefused(t *testing.T) {
	dir, old := t.TempDir(), t.TempDir()
	l, key, err := tryOpen(dir)
	must(t, err)
	appendAll(t, l, 0, 10, 10)
	must(t, l.Close(ctx))
	must(t, os.CopyFS(filepath.Join(old, "log"), os.DirFS(filepath.Join(dir, "log"))))
	l, _, err = tryOpen(dir)
	must(t, err)
	appendAll(t, l, 10, 20, 10)
	must(t, l.Close(ctx))

	// The log's directory comes back from an old copy.
	must(t, os.RemoveAll(filepath.Join(dir, "log")))
	must(t, os.CopyFS(filepath.Join(dir, "log"), os.DirFS(filepath.Join(old, "log"))))
	if _, _, err := tryOpen(dir); !errors.Is(err, sequencer.ErrInconsistent) {
		t.Errorf("rolled back: %v", err)
	}
	if _, err := sequencer.Fsck(ctx, dir, key); !errors.Is(err, sequencer.ErrInconsistent) {
		t.Errorf("fsck of a rolled back log: %v", err)
	}
	// Nor may the memory of what was signed be lost.
	must(t, os.Remove(filepath.Join(dir, "last-signed")))
	if _, _, err := tryOpen(dir); !errors.Is(err, sequencer.ErrInconsistent) {
		t.Errorf("memory lost: %v", err)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "log")))
}

// A log whose state is rewound behind Tessera's back while it is open must not be signed
// again with other entries.
func TestForkIsNeverSigned(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, dir)
	appendAll(t, l, 0, 5, 5)
	state, err := os.ReadFile(filepath.Join(dir, "log", ".state", "treeState"))
	must(t, err)
	appendAll(t, l, 5, 10, 5)
	before, err := l.Checkpoint(ctx)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "log", ".state", "treeState"), state, 0o644))
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var failed error
	for i := 100; failed == nil && i < 110; i++ {
		_, failed = l.Append(short, commitment(i))
	}
	if !errors.Is(failed, sequencer.ErrInconsistent) {
		t.Errorf("append to a fork: %v", failed)
	}
	after, err := l.Checkpoint(ctx)
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("a fork was signed")
	}
}

func TestFsckFindsOneFlippedBit(t *testing.T) {
	dir := t.TempDir()
	l, key, err := tryOpen(dir)
	must(t, err)
	appendAll(t, l, 0, 300, 300)
	must(t, l.Close(ctx))
	for _, path := range []string{"tile/entries/000", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "checkpoint"} {
		full := filepath.Join(dir, "log", path)
		good, err := os.ReadFile(full)
		must(t, err)
		bad := bytes.Clone(good)
		bad[len(bad)/2] ^= 1
		must(t, os.WriteFile(full, bad, 0o644))
		if _, err := sequencer.Fsck(ctx, dir, key); err == nil {
			t.Errorf("%s: not found", path)
		}
		must(t, os.WriteFile(full, good, 0o644))
	}
	_, err = sequencer.Fsck(ctx, dir, key)
	must(t, err)
}

func TestHandlerServesTilesOnly(t *testing.T) {
	dir := t.TempDir()
	l, key := open(t, dir)
	appendAll(t, l, 0, 3, 3)
	h := sequencer.Handler(l.Dir())
	get := func(method, path string) (int, string, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "http://x/", nil).WithContext(ctx))
		r := httptest.NewRequest(method, "http://x/", nil)
		r.URL.Path = path
		w = httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Header().Get("Content-Type"), w.Body.String()
	}
	deadline, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var body string
	for deadline.Err() == nil { // publishing follows signing
		code, typ, b := get("GET", "/checkpoint")
		if code != 200 || typ != "text/plain; charset=utf-8" {
			t.Fatalf("checkpoint: %d %s", code, typ)
		}
		if body = b; strings.Contains(body, "\n3\n") {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	v, err := note.NewVerifier(key)
	must(t, err)
	if _, _, err := provenance.OpenCheckpoint([]byte(body), v); err != nil {
		t.Fatal(err)
	}
	if code, typ, b := get("GET", "/tile/0/000.p/3"); code != 200 || typ != "application/octet-stream" || len(b) != 96 {
		t.Errorf("tile: %d %s %d bytes", code, typ, len(b))
	}
	if code, _, b := get("GET", "/tile/entries/000.p/3"); code != 200 || len(b) != 3*34 {
		t.Errorf("entries: %d %d bytes", code, len(b))
	}
	for _, path := range []string{"/.state/treeState", "/", "/tile", "/tile/0", "/tile/0/../../last-signed", "/tile/0/000.p", "/checkpoint/", "/tile/0/000.p/3/x", "//checkpoint"} {
		if code, _, _ := get("GET", path); code != 404 {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code, _, _ := get("POST", "/checkpoint"); code != 405 {
		t.Errorf("POST: %d", code)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 64, 512} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			l, _ := open(b, b.TempDir())
			b.ResetTimer()
			start := time.Now()
			appendAll(b, l, 0, b.N, callers)
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "entries/s")
			b.ReportMetric(float64(time.Since(start).Milliseconds())*float64(min(callers, b.N))/float64(b.N), "ms/append")
		})
	}
}
