package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"selvage/api"
	"selvage/store"
	"selvage/store/s3objects"
	"selvage/store/storetest"
)

// TestObjectStoreOutage kills a real S3 server while the second part of an original is on
// its way to it, behind the whole HTTP API wired as serve wires it. The request must be
// refused as one to send again, leave nothing behind, and go through as it is once the
// server is back.
func TestObjectStoreOutage(t *testing.T) {
	server, ok := storetest.S3Server(t)
	if !ok {
		return
	}
	wire := newTap(t, server.Endpoint)
	s := defaults()
	s.Data, s.Objects = t.TempDir(), "s3"
	s.S3 = S3Settings{
		Endpoint: wire.address, Region: server.Region, Bucket: "originals",
		AccessKey: server.AccessKey, SecretKey: server.SecretKey, Insecure: true,
	}
	e := &env{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)}
	y, err := e.open(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := y.close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	c := newCaller(t, y)

	// Noise does not get smaller: three parts of at most 8 MiB.
	original := noise(2400, 2400)
	if len(original) < 17_000_000 {
		t.Fatalf("the original has %d bytes: too few for three parts", len(original))
	}
	wire.cutAt(12<<20, server.Stop)
	resp, body := c.register(original)
	if !wire.cut() {
		t.Fatalf("the upload never came to its second part: %s: %s", resp.Status, body)
	}
	var problem struct{ Type, Detail string }
	if err := json.Unmarshal(body, &problem); err != nil {
		t.Errorf("%v: %s", err, body)
	}
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Content-Type") != "application/problem+json" ||
		resp.Header.Get("Retry-After") == "" || !strings.Contains(problem.Detail, "nothing was stored") {
		t.Errorf("the object store is gone: %s, %v: %s", resp.Status, resp.Header, body)
	}
	if n := c.works(); n != 0 {
		t.Errorf("%d works are listed after the refusal", n)
	}
	if status, body := c.match(original); status != http.StatusOK || bytes.Contains(body, []byte("w_")) {
		t.Errorf("matching while the object store is gone: %d: %s", status, body)
	}

	server.Start()
	if n := blobs(t, y.objects); n != 0 {
		t.Errorf("%d blobs can be read after the refusal", n)
	}
	bucket := y.objects.(*s3objects.Objects)
	if n, err := bucket.Sweep(t.Context(), 0); err != nil || n != 1 {
		t.Errorf("swept %d unfinished uploads, %v; want the one that was cut", n, err)
	}
	if n, err := bucket.Sweep(t.Context(), 0); err != nil || n != 0 {
		t.Errorf("%d unfinished uploads are left, %v", n, err)
	}
	resp, body = c.register(original)
	if resp.StatusCode != http.StatusCreated || !bytes.Contains(body, []byte(`"receipt"`)) {
		t.Errorf("the same request after the outage: %s: %s", resp.Status, body)
	}
	if n := c.works(); n != 1 {
		t.Errorf("%d works are listed, want 1", n)
	}
	if n := blobs(t, y.objects); n != 1 {
		t.Errorf("%d blobs can be read, want 1", n)
	}
}

// blobs reads every blob and returns how many there are.
func blobs(t *testing.T, o store.Objects) (n int) {
	t.Helper()
	all := store.NewBlobs(o)
	for ref, err := range all.List(t.Context()) {
		if err == nil {
			_, err = all.Read(t.Context(), ref.Space, ref.Digest, 64<<20)
		}
		if err != nil {
			t.Error(err)
		}
		n++
	}
	return n
}

// caller speaks HTTP to a server over a system.
type caller struct {
	t        *testing.T
	url, key string
}

func newCaller(t *testing.T, y *system) *caller {
	t.Helper()
	keys := api.NewKeyring(y.kv, time.Now)
	secret, _, err := keys.EnsureAdmin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	srv, err := api.New(api.Config{Registry: y.registry, Keys: keys, KV: y.kv, Metrics: api.NewMetrics(prometheus.NewRegistry())})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &caller{t, "http://" + l.Addr().String(), secret}
}

func (c *caller) do(method, path, mediaType string, body []byte) (*http.Response, []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, b
}

func (c *caller) register(file []byte) (*http.Response, []byte) {
	c.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "noise.png")
	if err == nil {
		_, err = part.Write(file)
	}
	if err == nil {
		err = w.WriteField("visibility", "matchable")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return c.do("POST", "/v1/works", w.FormDataContentType(), b.Bytes())
}

func (c *caller) match(file []byte) (status int, body []byte) {
	c.t.Helper()
	resp, body := c.do("POST", "/v1/matches", "image/png", file)
	return resp.StatusCode, body
}

// works returns how many works are listed.
func (c *caller) works() int {
	c.t.Helper()
	_, body := c.do("GET", "/v1/works", "", nil)
	return bytes.Count(body, []byte(`"w_`))
}

// noise is a PNG of random bytes that are not compressed.
func noise(w, h int) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	rng := rand.NewChaCha8([32]byte{1})
	if _, err := rng.Read(img.Pix); err != nil {
		panic(err)
	}
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = 255 // opaque: three bytes a pixel in the file
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// tap is a wire between a client and a server that calls a function once so many bytes
// have gone to the server, before it passes on the next ones.
type tap struct {
	address string
	server  string
	left    atomic.Int64
	then    func()
	once    sync.Once
	done    atomic.Bool
}

func newTap(t *testing.T, server string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &tap{address: l.Addr().String(), server: server}
	w.left.Store(1 << 62)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed below
			}
			go w.pass(c)
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return w
}

// cutAt has then called after n more bytes. Nothing else may be under way.
func (w *tap) cutAt(n int64, then func()) {
	w.then = then
	w.left.Store(n)
}

// cut reports whether it was.
func (w *tap) cut() bool { return w.done.Load() }

func (w *tap) pass(client net.Conn) {
	defer client.Close()
	up, err := net.Dial("tcp", w.server)
	if err != nil {
		return // as refused
	}
	defer up.Close()
	go func() {
		_, _ = io.Copy(client, up) // a broken connection is what this is about
		_ = client.Close()
	}()
	_, _ = io.Copy(up, &tapReader{w, client})
}

type tapReader struct {
	w *tap
	r io.Reader
}

func (r *tapReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if r.w.left.Add(-int64(n)) < 0 {
		r.w.once.Do(func() {
			r.w.then()
			r.w.done.Store(true)
		})
	}
	return n, err
}
