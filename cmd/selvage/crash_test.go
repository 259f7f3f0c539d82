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
	"image/png"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"selvage/provenance"
)

var kills = flag.Int("kills", 50, "how often the server is killed")

// TestCrash kills the server with SIGKILL at random moments while 8 clients register.
// After every restart each work that was ever acknowledged must be there, match, and
// have a receipt that verifies; at the end fsck must be clean.
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
	s := &victim{t: t, bin: bin, data: filepath.Join(dir, "data"), acked: map[string][]byte{}}
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	checked := 0
	for round := range *kills {
		s.start()
		var fresh []string
		for id := range s.acked {
			if !s.known[id] {
				fresh = append(fresh, id)
			}
		}
		// What is new since the last restart is checked whole, and some of the rest.
		for _, id := range fresh {
			s.check(id)
			s.known[id] = true
		}
		checked += len(fresh)
		stop := make(chan struct{})
		var clients sync.WaitGroup
		for c := range 8 {
			seed := uint64(round)<<32 | uint64(c)<<16
			clients.Go(func() { s.client(seed, stop) })
		}
		time.Sleep(time.Duration(rng.IntN(900)) * time.Millisecond)
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		close(stop)
		clients.Wait()
		_ = s.cmd.Wait() // "signal: killed"
	}
	s.start()
	for id := range s.acked {
		s.check(id)
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("graceful stop: %v", err)
	}
	out, err := exec.Command(bin, "fsck", "--data", s.data).CombinedOutput()
	t.Logf("%d kills, %d works acknowledged, %d of them unknown before a restart\n%s", *kills, len(s.acked), checked, out)
	if err != nil {
		t.Errorf("fsck: %v", err)
	}
	if len(s.acked) < *kills {
		t.Errorf("only %d works were acknowledged: the test did not load the server", len(s.acked))
	}
}

type victim struct {
	t         *testing.T
	bin, data string
	cmd       *exec.Cmd
	url, key  string

	mu    sync.Mutex
	acked map[string][]byte // work → its file
	known map[string]bool   // checked after a restart
}

var (
	keyLine    = regexp.MustCompile(`selv_[a-z0-9]+`)
	listenLine = regexp.MustCompile(`http://[0-9.]+:[0-9]+`)
)

func (s *victim) start() {
	s.t.Helper()
	if s.known == nil {
		s.known = map[string]bool{}
	}
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

// config lifts the rate limit: eight clients share one key.
func (s *victim) config() string {
	path := filepath.Join(filepath.Dir(s.data), "selvage.toml")
	if err := os.WriteFile(path, []byte("rate_per_second = 100000\nburst = 100000\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// client registers until it is stopped or the server is gone.
func (s *victim) client(seed uint64, stop chan struct{}) {
	for i := uint64(0); ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		data := noisePNG(seed + i)
		body, err := s.post("/v1/works", data)
		if err != nil {
			return
		}
		var got struct {
			Work struct {
				ID string `json:"id"`
			} `json:"work"`
		}
		if err := json.Unmarshal(body, &got); err != nil || got.Work.ID == "" {
			s.t.Errorf("registered, but the answer is %q", body)
			return
		}
		s.mu.Lock()
		s.acked[got.Work.ID] = data
		s.mu.Unlock()
	}
}

func (s *victim) check(id string) {
	s.t.Helper()
	body, err := s.post("/v1/matches", s.acked[id])
	if err != nil {
		s.t.Errorf("work %s: match: %v", id, err)
		return
	}
	if !bytes.Contains(body, []byte(id)) {
		s.t.Errorf("work %s was acknowledged and does not match: %s", id, body)
	}
	for range 100 {
		body, err = s.get("/v1/works/" + id + "/receipt")
		if err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond) // the log is taking up its outbox
	}
	if err != nil {
		s.t.Errorf("work %s: receipt: %v", id, err)
		return
	}
	r, err := provenance.ParseReceipt(body)
	if err == nil {
		err = r.Verify(nil).Err()
	}
	if err != nil {
		s.t.Errorf("work %s: receipt: %v", id, err)
	}
}

func (s *victim) get(path string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, err
	}
	return s.do(req)
}

func (s *victim) post(path string, data []byte) ([]byte, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "a.png")
	if err != nil {
		return nil, err
	}
	part.Write(data)
	if path == "/v1/works" {
		w.WriteField("visibility", "matchable")
	}
	w.Close()
	req, err := http.NewRequest(http.MethodPost, s.url+path, &b)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	return s.do(req)
}

func (s *victim) do(req *http.Request) ([]byte, error) {
	req.Header.Set("Authorization", "Bearer "+s.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return body, err
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
