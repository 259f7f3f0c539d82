//go:build crash

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"selvage/provenance"
)

var kills = flag.Int("kills", 50, "how often the server is killed")

// TestCrash kills the server with SIGKILL at random moments, some of them while the
// indexes are being written to files, while 8 owners register, change who may learn of
// their works, and withdraw them. After every restart what was acknowledged must hold:
// an open work is found by strangers, in recompressed copies too, a private one by its
// owner only, a withdrawn one by nobody, and every receipt verifies. At the end fsck must
// be clean, and the log hold each work once.
//
//	make crash
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "selvage")
	build := exec.Command("go", "build", "-tags", "nodynamic", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := &victim{t: t, bin: bin, data: filepath.Join(dir, "data")}
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	const clients = 8
	owned := make([][]*piece, clients)
	segments, flushed := "", 0 // rounds in which the indexes were written to files
	for round := range *kills {
		s.start()
		// What was touched since the last restart is checked whole, and some of the rest.
		var due []*piece
		for _, ps := range owned {
			for _, p := range ps {
				if p.touched || rng.IntN(100) == 0 {
					due = append(due, p)
				}
			}
		}
		s.checkAll(due)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for c := range clients {
			rng := rand.New(rand.NewPCG(uint64(round), uint64(c)))
			wg.Go(func() { owned[c] = s.client(fmt.Sprintf("owner-%d", c), rng, owned[c], stop) })
		}
		// The indexes are written 2 s after the start: a third of the kills come around then.
		after := time.Duration(rng.IntN(900)) * time.Millisecond
		if round%3 == 2 {
			after = time.Duration(1200+rng.IntN(1300)) * time.Millisecond
		}
		time.Sleep(after)
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		close(stop)
		wg.Wait()
		_ = s.cmd.Wait() // "signal: killed"
		if n := s.segments(); n != segments {
			segments, flushed = n, flushed+1
		}
	}
	s.start()
	all := slices.Concat(owned...)
	s.checkAll(all)
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("graceful stop: %v", err)
	}
	out, err := exec.Command(bin, "fsck", "--data", s.data).CombinedOutput()
	withdrawn := 0
	for _, p := range all {
		if p.withdrawn {
			withdrawn++
		}
	}
	t.Logf("%d kills; acknowledged: %d works, %d withdrawals, %d changes of visibility; %d checks, %d of them with a recompressed copy; the indexes were written in %d rounds\n%s",
		*kills, len(all), withdrawn, s.changes.Load(), s.checks.Load(), s.copies.Load(), flushed, out)
	if err != nil {
		t.Errorf("fsck: %v", err)
	}
	if m := summary.FindSubmatch(out); m == nil || !bytes.Equal(m[1], m[2]) {
		t.Error("the log does not hold each work once")
	}
	if len(all) < *kills || withdrawn == 0 || s.changes.Load() == 0 || flushed == 0 {
		t.Error("the test did not load the server")
	}
}

// piece is an acknowledged work and what its owner was told last.
type piece struct {
	id, owner  string
	data       []byte
	visibility string
	withdrawn  bool
	touched    bool // since the last check
	// doubt: a change was sent and not answered; the work's record says how it went.
	doubt bool
}

type victim struct {
	t         *testing.T
	bin, data string
	cmd       *exec.Cmd
	url, key  string

	changes, checks, copies atomic.Int64
}

var (
	keyLine    = regexp.MustCompile(`selv_[a-z0-9]+`)
	listenLine = regexp.MustCompile(`http://[0-9.]+:[0-9]+`)
	summary    = regexp.MustCompile(`(?m)^(\d+) works .* (\d+) log entries`)
)

func (s *victim) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.bin, "serve", "--data", s.data, "--listen", "127.0.0.1:0", "--config", s.config())
	var log bytes.Buffer
	s.cmd.Stderr = &log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.url = ""
	lines := bufio.NewScanner(out)
	for s.url == "" && lines.Scan() {
		if k := keyLine.FindString(lines.Text()); k != "" {
			s.key = k
		}
		s.url = listenLine.FindString(lines.Text())
	}
	if s.url == "" || s.key == "" {
		s.t.Fatalf("the server did not start:\n%s", log.String())
	}
	go io.Copy(io.Discard, out)
}

// config lifts the rate limit, since all clients share one key, and has the indexes
// written often.
func (s *victim) config() string {
	path := filepath.Join(filepath.Dir(s.data), "selvage.toml")
	if err := os.WriteFile(path, []byte("rate_per_second = 100000\nburst = 100000\nflush_every = 20\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// client registers, changes and withdraws works of one owner until it is stopped or the
// server is gone, and returns the owner's works.
func (s *victim) client(owner string, rng *rand.Rand, works []*piece, stop chan struct{}) []*piece {
	visibilities := []string{"private", "matchable", "public"}
	for {
		select {
		case <-stop:
			return works
		default:
		}
		action := rng.IntN(10)
		var p *piece
		if len(works) > 0 {
			p = works[rng.IntN(len(works))]
		}
		switch {
		case action < 6 || p == nil || p.withdrawn:
			p = &piece{owner: owner, data: noisePNG(rng.Uint64()), visibility: visibilities[rng.IntN(3)], touched: true}
			body, err := s.upload(owner, "/v1/works", p.visibility, p.data)
			if err != nil {
				return works
			}
			var got struct{ Work struct{ ID string } }
			if err := json.Unmarshal(body, &got); err != nil || got.Work.ID == "" {
				s.t.Errorf("registered, but the answer is %q", body)
				return works
			}
			p.id = got.Work.ID
			works = append(works, p)
		case action < 8:
			to := visibilities[rng.IntN(3)]
			p.touched, p.doubt = true, true
			if _, err := s.send(owner, "PATCH", "/v1/works/"+p.id, "application/json", []byte(`{"visibility":"`+to+`"}`)); err != nil {
				return works
			}
			p.visibility, p.doubt = to, false
			s.changes.Add(1)
		default:
			p.touched, p.doubt = true, true
			if _, err := s.send(owner, "DELETE", "/v1/works/"+p.id, "", nil); err != nil {
				return works
			}
			p.withdrawn, p.doubt = true, false
		}
	}
}

// segments names the files of the open index.
func (s *victim) segments() string {
	files, err := filepath.Glob(filepath.Join(s.data, "index", "open", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(files, " ")
}

// checkAll checks works, several at a time.
func (s *victim) checkAll(works []*piece) {
	todo := make(chan *piece)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for p := range todo {
				s.check(p)
				p.touched = false
			}
		})
	}
	for _, p := range works {
		todo <- p
	}
	close(todo)
	wg.Wait()
}

func (s *victim) check(p *piece) {
	n := s.checks.Add(1)
	if err := s.settle(p); err != nil {
		s.t.Errorf("work %s: %v", p.id, err)
		return
	}
	// The same bytes are found by their digest; only a copy must be found by the indexes.
	query := p.data
	if n%4 > 0 {
		query = recompressed(p.data)
		s.copies.Add(1)
	}
	for asker, want := range map[string]bool{
		p.owner: !p.withdrawn,
		"shop":  !p.withdrawn && p.visibility != "private",
	} {
		body, err := s.upload(asker, "/v1/matches", "", query)
		if err != nil {
			s.t.Errorf("work %s: match: %v", p.id, err)
		} else if bytes.Contains(body, []byte(p.id)) != want {
			s.t.Errorf("work %s of %s (%s, withdrawn %v) asked for by %s: found %v: %s", p.id, p.owner, p.visibility, p.withdrawn, asker, !want, body)
		}
	}
	var body []byte
	var err error
	for range 100 {
		var pending struct{ Status string }
		body, err = s.send(p.owner, "GET", "/v1/works/"+p.id+"/receipt", "", nil)
		if err != nil || json.Unmarshal(body, &pending) != nil || pending.Status != "pending" {
			break
		}
		time.Sleep(50 * time.Millisecond) // the log is taking up its outbox
	}
	var r *provenance.Receipt
	if err == nil {
		r, err = provenance.ParseReceipt(body)
	}
	if err == nil {
		err = r.Verify(nil).Err()
	}
	if err != nil {
		s.t.Errorf("work %s: receipt: %v", p.id, err)
	}
}

// settle compares the work's record with what was acknowledged; where an answer was
// lost, the record says how it went.
func (s *victim) settle(p *piece) error {
	body, err := s.send(p.owner, "GET", "/v1/works/"+p.id, "", nil)
	if err != nil {
		return err
	}
	var w struct {
		Visibility string
		Withdrawn  *time.Time
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return err
	}
	if p.doubt {
		p.visibility, p.withdrawn, p.doubt = w.Visibility, w.Withdrawn != nil, false
	}
	if w.Visibility != p.visibility || (w.Withdrawn != nil) != p.withdrawn {
		return fmt.Errorf("acknowledged as %s, withdrawn %v, but the record says %s", p.visibility, p.withdrawn, body)
	}
	return nil
}

// upload sends a file for an owner: to be registered if it has a visibility, else matched.
func (s *victim) upload(owner, path, visibility string, data []byte) ([]byte, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "a.png")
	if err != nil {
		return nil, err
	}
	if _, err := part.Write(data); err != nil {
		return nil, err
	}
	if visibility != "" {
		if err := w.WriteField("visibility", visibility); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return s.send(owner, "POST", path, w.FormDataContentType(), b.Bytes())
}

// send sends a request for an owner; an answer that is no success is an error.
func (s *victim) send(owner, method, path, mediaType string, body []byte) ([]byte, error) {
	req, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	req.Header.Set("Selvage-Owner", owner)
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return b, err
}

// recompressed is the same picture as a JPEG.
func recompressed(data []byte) []byte {
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		panic(err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 80}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// noisePNG is a small picture of random blocks, different for every seed.
func noisePNG(seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 3))
	img := image.NewNRGBA(image.Rect(0, 0, 128, 128))
	for y := 0; y < 128; y += 8 {
		for x := 0; x < 128; x += 8 {
			c := color.NRGBA{uint8(rng.IntN(256)), uint8(rng.IntN(256)), uint8(rng.IntN(256)), 255}
			for i := range 64 {
				img.SetNRGBA(x+i%8, y+i/8, c)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}
