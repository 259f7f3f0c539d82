package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// S3 is a real S3 server (versitygw over a directory) that belongs to one test. Its
// address speaks HTTP, path style.
type S3 struct {
	Endpoint  string // host:port on loopback
	Region    string
	AccessKey string
	SecretKey string

	t      testing.TB
	binary string
	root   string

	mu  sync.Mutex
	cmd *exec.Cmd
	out *bytes.Buffer
}

// S3Server starts an S3 server that ends with the test. The program is the one that
// `make s3server` builds: bin/versitygw at the root of the module, or the path in
// SELVAGE_S3_SERVER.
//
// If it is not there, the test fails where CI=true or SELVAGE_REQUIRE_S3=1; elsewhere
// S3Server says so and returns false, and the caller returns.
//
// The server keeps what it knows of objects in extended attributes, so the directory
// for temporary files must be on a disk file system (ext4, xfs, btrfs); set TMPDIR to
// one where /tmp has none (a tmpfs before Linux 6.6).
func S3Server(t testing.TB) (*S3, bool) {
	t.Helper()
	binary, err := s3Binary()
	if err != nil {
		if os.Getenv("CI") == "true" || os.Getenv("SELVAGE_REQUIRE_S3") == "1" {
			t.Fatal(err)
		}
		fmt.Fprintf(os.Stderr, "%s: NOT RUN against an S3 server: %v\n", t.Name(), err)
		return nil, false
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	s := &S3{
		Endpoint:  net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Region:    "us-east-1",
		AccessKey: "test-access",
		SecretKey: "test-secret-key",
		t:         t,
		binary:    binary,
		root:      t.TempDir(),
	}
	for _, d := range []string{"buckets", "versions"} {
		if err := os.Mkdir(filepath.Join(s.root, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s, true
}

// s3Binary finds the server program.
func s3Binary() (string, error) {
	if p := os.Getenv("SELVAGE_S3_SERVER"); p != "" {
		_, err := os.Stat(p)
		return p, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", errors.New("no go.mod above the test: set SELVAGE_S3_SERVER to the S3 server program")
		}
		dir = above
	}
	p := filepath.Join(dir, "bin", "versitygw")
	if _, err := os.Stat(p); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is missing: run `make s3server`, or set SELVAGE_S3_SERVER", p)
	} else if err != nil {
		return "", err
	}
	return p, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// Start starts the server, on the same address and data as before, and waits until it
// answers.
func (s *S3) Start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		return
	}
	s.out = new(bytes.Buffer)
	s.cmd = exec.Command(s.binary, "--port", s.Endpoint, "--region", s.Region, "--quiet",
		"posix", "--versioning-dir", filepath.Join(s.root, "versions"), filepath.Join(s.root, "buckets"))
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+s.AccessKey, "ROOT_SECRET_ACCESS_KEY="+s.SecretKey)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		s.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var last error
	for range 300 { // 30 s
		r, err := client.Get("http://" + s.Endpoint + "/")
		if err == nil {
			_ = r.Body.Close()
			return
		}
		last = err
		time.Sleep(100 * time.Millisecond)
	}
	s.stop()
	s.t.Fatalf("the S3 server does not answer: %v\n%s", last, s.out)
}

// Stop kills the server, as a crash would. A stopped server refuses connections.
func (s *S3) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
}

func (s *S3) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // by its id; it is ours
	_ = s.cmd.Wait()
	s.cmd = nil
}
