package api

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"selvage/registry"
	"selvage/store"
	"selvage/store/mem"
)

// env is a server with one key a role and a few works:
// {A} is anna's private work, {PUB} her public one, {B} bert's private one, {M} a match
// that anna asked for, {NO} an identifier of a work that nobody has.
type env struct {
	t    *testing.T
	srv  *Server
	kv   store.KV
	reg  *fakeRegistry // nil with the real service
	keys map[string]string
	ids  *strings.Replacer
	log  *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var epoch = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// newEnv makes a server over the fake registry.
func newEnv(t *testing.T, change func(*Config)) *env {
	t.Helper()
	reg := &fakeRegistry{clock: func() time.Time { return epoch }, matches: map[registry.MatchID]*registry.MatchReport{}, events: map[registry.OwnerID][]registry.Event{}, banks: map[registry.OwnerID][]registry.Ignored{}}
	e := newEnvOver(t, reg, mem.NewKV(), change)
	e.reg = reg
	return e
}

func newEnvOver(t *testing.T, reg Registry, kv store.KV, change func(*Config)) *env {
	t.Helper()
	e := &env{t: t, kv: kv, keys: map[string]string{"": "", "wrong": "selv_" + strings.Repeat("a", 52)}, log: &lockedBuffer{}}
	ring := NewKeyring(kv, nil)
	for name, k := range map[string]struct {
		role  Role
		owner registry.OwnerID
	}{"admin": {Admin, "admin"}, "anna": {Designer, "anna"}, "bert": {Designer, "bert"}, "detector": {Detector, "shop"}, "officer": {Officer, "office"}} {
		_, secret, err := ring.Create(t.Context(), name, k.role, k.owner)
		if err != nil {
			t.Fatal(err)
		}
		e.keys[name] = secret
	}
	c := Config{Registry: reg, Keys: ring, KV: kv, Log: newTestLog(e.log), Rate: 1e6, Burst: 1e6, Clock: func() time.Time { return epoch }}
	if change != nil {
		change(&c)
	}
	var err error
	if e.srv, err = New(c); err != nil {
		t.Fatal(err)
	}
	return e
}

// seed registers the works that placeholders stand for.
func (e *env) seed() *env {
	e.t.Helper()
	work := func(key, visibility string, data []byte) string {
		r := e.do(call{method: "POST", path: "/v1/works", key: key, form: form2(field("title", "Leaves of "+key), field("visibility", visibility), file("leaf.png", data))})
		if r.status != 201 && r.status != 202 {
			e.t.Fatalf("seed: %d %s", r.status, r.body)
		}
		return r.str("work", "id")
	}
	a := work("anna", "private", picture(1))
	pub := work("anna", "public", picture(2))
	b := work("bert", "private", picture(3))
	m := e.do(call{method: "POST", path: "/v1/matches", key: "anna", body: picture(1)})
	if m.status != 200 {
		e.t.Fatalf("seed: %d %s", m.status, m.body)
	}
	e.ids = strings.NewReplacer("{A}", a, "{PUB}", pub, "{B}", b, "{M}", m.str("id"), "{NO}", "w_"+strings.Repeat("9", 26), "{NOM}", "m_"+strings.Repeat("9", 26))
	return e
}

// call is one request.
type call struct {
	method, path, key string
	header            map[string]string
	body              []byte
	sent              string // a body in which placeholders are filled in
	form              *formBody
}

type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// do sends the request and checks what holds for every answer: it validates against the
// spec, has a request identifier, and carries no fingerprint that nobody asked for.
func (e *env) do(c call) reply {
	e.t.Helper()
	path := c.path
	if e.ids != nil {
		path = e.ids.Replace(path)
	}
	body := c.body
	if c.sent != "" {
		body = []byte(c.sent)
		if e.ids != nil {
			body = []byte(e.ids.Replace(c.sent))
		}
	}
	req := httptest.NewRequest(c.method, "http://selvage.test/", nil)
	if c.form != nil {
		body = c.form.body
		req.Header.Set("Content-Type", c.form.contentType)
	}
	if body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	u, err := url.ParseRequestURI(path) // dots stay, as on the wire
	if err != nil {
		e.t.Fatal(err)
	}
	req.URL, req.RequestURI = u, path
	if k := e.keys[c.key]; k != "" {
		req.Header.Set("Authorization", "Bearer "+k)
	}
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	e.srv.Handler().ServeHTTP(w, req)
	r := reply{t: e.t, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
	e.check(c, req, r)
	return r
}

func (e *env) check(c call, req *http.Request, r reply) {
	e.t.Helper()
	id := r.header.Get("X-Request-Id")
	if requestIDOf(id) != id {
		e.t.Errorf("%s %s: X-Request-Id %q", c.method, c.path, id)
	}
	ec := e.srv.echo.NewContext(req, httptest.NewRecorder())
	e.srv.echo.Router().Find(c.method, req.URL.Path, ec)
	if r.status >= 400 {
		if r.header.Get("Content-Type") != mimeProblem {
			e.t.Errorf("%s %s: %d with Content-Type %q", c.method, c.path, r.status, r.header.Get("Content-Type"))
		}
		if c.method != http.MethodHead {
			validate(e.t, "components/schemas/Problem", r.body)
			if r.str("instance") != "urn:selvage:request:"+id {
				e.t.Errorf("instance %q of request %q", r.str("instance"), id)
			}
		}
		return
	}
	if c.method == http.MethodOptions {
		return
	}
	checkAgainstSpec(e.t, c.method, template(ec), r)
	if bytes.Contains(r.body, []byte("payload")) && r.header.Get("Content-Type") == mimeJSON && !strings.Contains(c.path, "fingerprints") {
		e.t.Errorf("%s %s: fingerprints nobody asked for: %s", c.method, c.path, r.body)
	}
}

func (r reply) json() any {
	r.t.Helper()
	var v any
	if err := json.Unmarshal(r.body, &v); err != nil {
		r.t.Fatalf("%v in %q", err, r.body)
	}
	return v
}

// at returns the value under the keys, nil where there is none; numbers index lists.
func (r reply) at(keys ...string) any {
	r.t.Helper()
	v := r.json()
	for _, k := range keys {
		switch x := v.(type) {
		case map[string]any:
			v = x[k]
		case []any:
			i, err := strconv.Atoi(k)
			if err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func (r reply) str(keys ...string) string {
	s, _ := r.at(keys...).(string)
	return s
}

func (r reply) problem() string { return strings.TrimPrefix(r.str("type"), typePrefix) }

// formBody is a multipart body.
type formBody struct {
	contentType string
	body        []byte
}

type formPart func(*multipart.Writer) error

func form2(parts ...formPart) *formBody {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		if err := p(w); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return &formBody{contentType: w.FormDataContentType(), body: b.Bytes()}
}

func field(name, value string) formPart {
	return func(w *multipart.Writer) error { return w.WriteField(name, value) }
}

func file(name string, data []byte) formPart {
	return func(w *multipart.Writer) error {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", mime.FormatMediaType("form-data", map[string]string{"name": "file", "filename": name}))
		h.Set("Content-Type", "application/octet-stream")
		p, err := w.CreatePart(h)
		if err != nil {
			return err
		}
		_, err = p.Write(data)
		return err
	}
}

// picture is a PNG with enough in it to be told from others.
var picture = func() func(int) []byte {
	var mu sync.Mutex
	made := map[int][]byte{}
	return func(seed int) []byte {
		mu.Lock()
		defer mu.Unlock()
		if made[seed] == nil {
			made[seed] = drawPicture(seed)
		}
		return made[seed]
	}
}()

func drawPicture(seed int) []byte {
	const n = 192
	rnd := rand.New(rand.NewPCG(uint64(seed), 42))
	img := image.NewNRGBA(image.Rect(0, 0, n, n))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for range 60 {
		x, y, w, h := rnd.IntN(n), rnd.IntN(n), 8+rnd.IntN(60), 8+rnd.IntN(60)
		c := color.NRGBA{uint8(rnd.IntN(256)), uint8(rnd.IntN(256)), uint8(rnd.IntN(256)), 255}
		for j := y; j < min(n, y+h); j++ {
			for i := x; i < min(n, x+w); i++ {
				if seed%2 == 0 || (i-x)*(i-x)+(j-y)*(j-y) < w*h {
					img.SetNRGBA(i, j, c)
				}
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// schemas validates against the schemas inside openapi.yaml, which are JSON Schema 2020-12.
var schemas = sync.OnceValue(func() *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("https://selvage.test/openapi", specTree()); err != nil {
		panic(err)
	}
	return c
})

var specTree = sync.OnceValue(func() map[string]any {
	var v any
	if err := yaml.Unmarshal(spec, &v); err != nil {
		panic(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		panic(err)
	}
	return tree.(map[string]any)
})

var schemaMu sync.Mutex

// validate checks JSON against the schema at a pointer (without the leading slash).
func validate(t *testing.T, pointer string, body []byte) {
	t.Helper()
	schemaMu.Lock()
	defer schemaMu.Unlock()
	s, err := schemas().Compile("https://selvage.test/openapi#/" + pointer)
	if err != nil {
		t.Fatalf("schema %s: %v", pointer, err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Errorf("%v in %q", err, body)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("answer is not as in the spec: %v\n%s", err, body)
	}
}

// checkAgainstSpec checks status, media type and body of a good answer.
func checkAgainstSpec(t *testing.T, method, route string, r reply) {
	t.Helper()
	path := specPath(route)
	responses := []string{"paths", path, strings.ToLower(method), "responses", strconv.Itoa(r.status)}
	node, ok := lookUp(specTree(), responses...).(map[string]any)
	if !ok {
		t.Errorf("%s %s: status %d is not in the spec", method, route, r.status)
		return
	}
	content, _ := node["content"].(map[string]any)
	if content == nil {
		if len(r.body) > 0 {
			t.Errorf("%s %s: %d has a body", method, route, r.status)
		}
		return
	}
	mt, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	if content[mt] == nil {
		t.Errorf("%s %s: media type %q is not in the spec", method, route, mt)
		return
	}
	if mt == mimeJSON {
		esc := strings.NewReplacer("~", "~0", "/", "~1")
		pointer := "paths/" + esc.Replace(path) + "/" + strings.ToLower(method) + "/responses/" + strconv.Itoa(r.status) + "/content/application~1json/schema"
		validate(t, strings.NewReplacer("{", "%7B", "}", "%7D").Replace(pointer), r.body)
	}
}

func lookUp(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

// specPath turns /v1/works/:id into /v1/works/{id}.
func specPath(route string) string {
	segs := strings.Split(route, "/")
	for i, s := range segs {
		if n, ok := strings.CutPrefix(s, ":"); ok {
			segs[i] = "{" + n + "}"
		}
	}
	return strings.Join(segs, "/")
}
