package s3objects_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selvage/fingerprint"
	"selvage/store"
	"selvage/store/s3objects"
	"selvage/store/storetest"
)

func config(s *storetest.S3) s3objects.Config {
	return s3objects.Config{
		Endpoint: s.Endpoint, Region: s.Region, AccessKey: s.AccessKey, SecretKey: s.SecretKey,
		Insecure: true, PathStyle: true, Bucket: "selvage-test", CreateBucket: true, Tries: 2,
	}
}

// TestS3 runs everything that needs a server against one.
func TestS3(t *testing.T) {
	server, ok := storetest.S3Server(t)
	if !ok {
		return
	}
	c := config(server)
	open := func(dir string) (store.Objects, error) {
		c := c
		c.Prefix = strings.ToLower(strings.ReplaceAll(strings.Trim(dir, "/"), "/", "-")) + "/"
		return opened(s3objects.Open(t.Context(), c))
	}
	t.Run("Objects", func(t *testing.T) { storetest.RunObjects(t, true, open) })
	t.Run("Blobs", func(t *testing.T) { storetest.RunBlobs(t, open) })
	t.Run("Lock", func(t *testing.T) { testLock(t, c) })
	t.Run("NoLock", func(t *testing.T) { testNoLock(t, c) })
	t.Run("Open", func(t *testing.T) { testOpen(t, c) })
	t.Run("Sweep", func(t *testing.T) { testSweep(t, c, server) })
	t.Run("Outage", func(t *testing.T) { testOutage(t, c, server) })
}

// opened keeps a nil *Objects from becoming an interface that is not nil.
func opened(o *s3objects.Objects, err error) (store.Objects, error) {
	if err != nil {
		return nil, err
	}
	return o, nil
}

func mustOpen(t *testing.T, c s3objects.Config) *s3objects.Objects {
	t.Helper()
	o, err := s3objects.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func testLock(t *testing.T, c s3objects.Config) {
	c.Bucket, c.ObjectLock = "selvage-lock", true
	o := mustOpen(t, c)
	storetest.RunLocker(t, o)

	// In a bucket with versions nothing of a deleted object stays behind: a second
	// life of the key has no older version to come back to.
	for range 2 {
		for _, v := range []string{"one", "two"} {
			if err := o.Put(t.Context(), "personal", strings.NewReader(v), 3); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.Delete(t.Context(), "personal"); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Stat(t.Context(), "personal"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after Delete: %v, want ErrNotFound", err)
		}
	}
}

func testNoLock(t *testing.T, c s3objects.Config) {
	o := mustOpen(t, c)
	err := o.PutLocked(t.Context(), "k", strings.NewReader("x"), 1, time.Now().Add(time.Hour))
	if !errors.Is(err, store.ErrNoLock) {
		t.Errorf("have %v, want ErrNoLock", err)
	}
	c.ObjectLock = true
	if _, err := s3objects.Open(t.Context(), c); !errors.Is(err, store.ErrNoLock) {
		t.Errorf("open with lock: have %v, want ErrNoLock", err)
	}
}

func testOpen(t *testing.T, c s3objects.Config) {
	mustOpen(t, c)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[mine]\naws_access_key_id = " + c.AccessKey + "\naws_secret_access_key = " + c.SecretKey + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		name   string
		change func(*s3objects.Config)
		want   error
	}{
		{"wrong secret", func(c *s3objects.Config) { c.SecretKey = "wrong" }, s3objects.ErrDenied},
		{"unknown key", func(c *s3objects.Config) { c.AccessKey = "nobody" }, s3objects.ErrDenied},
		{"unknown key, no new bucket", func(c *s3objects.Config) { c.AccessKey = "nobody"; c.CreateBucket = false }, s3objects.ErrDenied},
		{"no keys", func(c *s3objects.Config) { c.AccessKey = ""; c.CredentialsFile = file + "-none" }, s3objects.ErrDenied},
		{"keys from a file", func(c *s3objects.Config) { c.AccessKey = ""; c.CredentialsFile = file; c.Profile = "mine" }, nil},
		{"no bucket", func(c *s3objects.Config) { c.Bucket = "not-there"; c.CreateBucket = false }, s3objects.ErrNoBucket},
		{"bad prefix", func(c *s3objects.Config) { c.Prefix = "../" }, store.ErrBadKey},
	} {
		c := c
		v.change(&c)
		if _, err := s3objects.Open(t.Context(), c); !errors.Is(err, v.want) {
			t.Errorf("%s: have %v, want %v", v.name, err, v.want)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", c.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", c.SecretKey)
	c.AccessKey, c.SecretKey = "", ""
	mustOpen(t, c)
}

// zeros yields n zero bytes and calls at after half of them.
type zeros struct {
	n, half int
	at      func()
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.n <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.n)
	clear(p[:n])
	if z.n -= n; z.n < z.half && z.at != nil {
		z.at()
		z.at = nil
	}
	return n, nil
}

// testSweep: an upload whose client and server died leaves parts; Sweep removes them.
func testSweep(t *testing.T, c s3objects.Config, server *storetest.S3) {
	c.Prefix = "sweep/"
	o := mustOpen(t, c)
	size := 24 << 20
	if err := o.Put(t.Context(), "half", &zeros{size, size / 2, server.Stop}, int64(size)); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("have %v, want ErrUnavailable", err)
	}
	server.Start()
	if n, err := o.Sweep(t.Context(), time.Hour); n != 0 || err != nil {
		t.Errorf("sweep of old ones: %d, %v", n, err)
	}
	if n, err := o.Sweep(t.Context(), -time.Minute); n != 1 || err != nil {
		t.Errorf("sweep: %d uploads, %v, want 1", n, err)
	}
	if n, err := o.Sweep(t.Context(), -time.Minute); n != 0 || err != nil {
		t.Errorf("second sweep: %d, %v", n, err)
	}
}

// testOutage: the server stops at each sort of moment; each call says so, nothing is
// half there, and it works again when the server is back.
func testOutage(t *testing.T, c s3objects.Config, server *storetest.S3) {
	c.Prefix = "outage/"
	o := mustOpen(t, c)
	if err := o.Put(t.Context(), "kept", strings.NewReader("kept"), 4); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"small": 100_000, "large": 24 << 20} {
		err := o.Put(t.Context(), name, &zeros{size, size / 2, server.Stop}, int64(size))
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: have %v, want ErrUnavailable", name, err)
		}
		server.Start()
		if _, err := o.Stat(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: half stored: %v", name, err)
		}
	}
	blobs := store.NewBlobs(o)
	data := make([]byte, 24<<20)
	digest := fingerprint.DigestOf(data)
	if err := blobs.Put(t.Context(), "owner", digest, &zeros{len(data), len(data) / 2, server.Stop}, int64(len(data))); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("blob: have %v, want ErrUnavailable", err)
	}

	// The server is down now.
	began := time.Now()
	_, openErr := o.Open(t.Context(), "kept")
	_, statErr := o.Stat(t.Context(), "kept")
	_, dialErr := s3objects.Open(t.Context(), c)
	var listErr error
	for _, listErr = range o.List(t.Context(), "") {
	}
	for what, err := range map[string]error{
		"put": o.Put(t.Context(), "k", strings.NewReader("x"), 1), "open": openErr, "stat": statErr,
		"delete": o.Delete(t.Context(), "kept"), "list": listErr, "connect": dialErr,
	} {
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: have %v, want ErrUnavailable", what, err)
		}
	}
	t.Logf("6 calls to a dead server took %s", time.Since(began).Round(time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Stat(ctx, "kept"); !errors.Is(err, context.Canceled) {
		t.Errorf("have %v, want the context's error", err)
	}

	server.Start()
	if err := blobs.Put(t.Context(), "owner", digest, bytes.NewReader(data), int64(len(data))); err != nil {
		t.Errorf("after the server is back: %v", err)
	}
	if got, err := blobs.Read(t.Context(), "owner", digest, 1<<30); err != nil || !bytes.Equal(got, data) {
		t.Errorf("after the server is back: %d bytes, %v", len(got), err)
	}
	r, err := o.Open(t.Context(), "kept")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); string(b) != "kept" || err != nil {
		t.Errorf("have %q, %v", b, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}

	// In mid-download.
	big, _, err := blobs.Open(t.Context(), "owner", digest)
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close()
	if _, err := io.CopyN(io.Discard, big, 1000); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if _, err := io.Copy(io.Discard, big); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("download: have %v, want ErrUnavailable", err)
	}
	server.Start()
}
