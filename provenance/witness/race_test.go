package witness_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"selvage/provenance"
	"selvage/provenance/witness"
)

var raceCalls = flag.Int("calls", 400, "add-checkpoint calls of TestRacingAndKilled")

// process is a witness in a process of its own.
type process struct {
	dir, list, addr string
	key             *provenance.WitnessKey
	cmd             *exec.Cmd
}

func (p *process) start(t testing.TB) {
	t.Helper()
	p.cmd = exec.CommandContext(context.Background(), os.Args[0], "-test.run=^TestWitnessProcess$")
	p.cmd.Env = append(os.Environ(), "SELVAGE_WITNESS="+p.dir, "SELVAGE_LOGS="+p.list, "SELVAGE_ADDR="+p.addr)
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	r := bufio.NewReader(out)
	line, err := r.ReadString('\n')
	must(t, err)
	addr, vkey, _ := strings.Cut(strings.TrimSpace(line), " ")
	p.addr = addr // the same after every start
	p.key, err = provenance.ParseWitnessKey(vkey)
	must(t, err)
	go func() { _, _ = io.Copy(io.Discard, r) }()
}

func (p *process) kill(t testing.TB) {
	t.Helper()
	must(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait() // killed: its status says so
}

// TestWitnessProcess is the process of a witness; alone it does nothing.
func TestWitnessProcess(t *testing.T) {
	dir := os.Getenv("SELVAGE_WITNESS")
	if dir == "" {
		return
	}
	s, err := witness.OpenServer(witness.ServerConfig{Dir: dir, Name: "w.example", Logs: os.Getenv("SELVAGE_LOGS"), Logger: quiet})
	must(t, err)
	l, err := net.Listen("tcp", os.Getenv("SELVAGE_ADDR"))
	must(t, err)
	fmt.Println(l.Addr(), s.Key())
	must(t, http.Serve(l, s)) //nolint:gosec // a test on loopback
}

// TestRacingAndKilled lets clients of three versions of one log race for the cosignatures
// of three witnesses, which are killed again and again. No two trees with a quorum may
// contradict each other, and no witness may forget what it has answered.
//
//	make witness-race
func TestRacingAndKilled(t *testing.T) {
	const witnesses, quorum, sizes = 3, 2, 4000
	log := newHistory(t, "log.example/a").grow(sizes, "entry")
	sides := []*history{log, log.fork(40).grow(sizes-40, "other"), log.fork(90).grow(sizes-90, "third")}
	var all [witnesses]*process
	for i := range all {
		all[i] = &process{dir: t.TempDir(), list: listFile(t, log.vkey), addr: "127.0.0.1:0"}
		all[i].start(t)
		defer func() { all[i].kill(t) }()
	}

	var mu sync.Mutex // guards what follows
	var cosigned [witnesses][]tlog.Tree
	votes := map[tlog.Tree]map[int]bool{}
	var calls, answered, granted, lost, next atomic.Int64
	client := &http.Client{Timeout: 5 * time.Second}
	ask := func(i int, side *history, old, size int64) (status int, named int64, err error) {
		calls.Add(1)
		res, err := client.Post("http://"+all[i].addr+"/add-checkpoint", "text/plain", strings.NewReader(side.body(old, size)))
		if err != nil {
			return 0, 0, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			return 0, 0, err
		}
		answered.Add(1)
		switch res.StatusCode {
		case http.StatusOK:
			if _, err := note.Open([]byte(side.checkpoint(size)+string(b)), note.VerifierList(all[i].key)); err != nil {
				t.Errorf("witness %d: %v", i, err)
			}
			granted.Add(1)
			tree := tlog.Tree{N: size, Hash: side.root(size)}
			mu.Lock()
			defer mu.Unlock()
			cosigned[i] = append(cosigned[i], tree)
			if votes[tree] == nil {
				votes[tree] = map[int]bool{}
			}
			votes[tree][i] = true
		case http.StatusConflict:
			if res.Header.Get("Content-Type") == "text/x.tlog.size" {
				_, err = fmt.Sscanf(string(b), "%d\n", &named)
			}
		case http.StatusUnprocessableEntity:
		default:
			t.Errorf("witness %d: status %d: %s", i, res.StatusCode, b)
		}
		return res.StatusCode, named, err
	}

	stop := make(chan struct{})
	var killer sync.WaitGroup
	kills := 0
	killer.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(20+rand.IntN(200)) * time.Millisecond):
			}
			p := all[rand.IntN(witnesses)]
			p.kill(t)
			p.start(t)
			kills++
		}
	})
	var clients sync.WaitGroup
	for c := range 12 {
		clients.Go(func() {
			side, rng := sides[c%len(sides)], rand.New(rand.NewPCG(uint64(c), 1))
			var known [witnesses]int64
			for calls.Load() < int64(*raceCalls) {
				i := rng.IntN(witnesses)
				// Sizes move on together, so that clients meet at the same ones.
				size := min(sizes, next.Add(1)/4+1+rng.Int64N(3))
				if rng.IntN(20) == 0 {
					size = 1 + rng.Int64N(size) // a rollback
				}
				status, named, err := ask(i, side, min(known[i], size), size)
				switch {
				case err != nil:
					lost.Add(1)
					time.Sleep(5 * time.Millisecond) // it is being started again
				case status == http.StatusOK:
					known[i] = size
				case status == http.StatusConflict:
					known[i] = named
				}
			}
		})
	}
	clients.Wait()
	close(stop)
	killer.Wait()

	inconsistent := 0
	var quorums []tlog.Tree
	for tree, by := range votes {
		if len(by) >= quorum {
			quorums = append(quorums, tree)
		}
	}
	if err := oneHistory(sides, quorums); err != nil {
		inconsistent++
		t.Error(err)
	}
	for i, trees := range cosigned {
		if err := oneHistory(sides, trees); err != nil {
			t.Errorf("witness %d: %v", i, err)
		}
		largest := int64(0)
		for _, tree := range trees {
			largest = max(largest, tree.N)
		}
		// A refusal names the size it remembers.
		if status, named, err := ask(i, log, 1+largest%2, sizes); err != nil || status == http.StatusConflict && named < largest || status == http.StatusOK && largest > 2 {
			t.Errorf("witness %d answered %d to %d entries, and now names %d (status %d, %v)", i, len(trees), largest, named, status, err)
		}
	}
	if granted.Load() == 0 || len(quorums) == 0 || kills == 0 {
		t.Error(errors.New("nothing was raced for"))
	}
	t.Logf("%d calls, %d answered, %d cosignatures, %d calls lost to %d kills, %d trees with a quorum, %d inconsistent",
		calls.Load(), answered.Load(), granted.Load(), lost.Load(), kills, len(quorums), inconsistent)
}
