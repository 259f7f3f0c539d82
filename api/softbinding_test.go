package api

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/jpeg"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"selvage/fingerprint"
	"selvage/fixtures"
	"selvage/provenance"
	"selvage/provenance/c2pa"
	"selvage/provenance/c2pa/c2patest"
)

func jpegOf(t *testing.T, m image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func design(seed uint32) *image.NRGBA {
	return fixtures.Original("lookbook", fixtures.SeriesSeed(seed, 0), 640, 480)
}

// signedWorks is the real service with signed works of bert's.
type signedWorks struct {
	*env
	signer *c2patest.Signer
	code   map[string]string // pdq256.v1 of a work's picture as base64, by its label
}

func newSignedWorks(t *testing.T) *signedWorks {
	t.Helper()
	s, err := c2patest.New("Bert Weaver")
	if err != nil {
		t.Fatal(err)
	}
	return &signedWorks{newRealEnv(t), s, map[string]string{}}
}

// register registers a signed picture for bert and returns the file and the work's id.
func (e *signedWorks) register(seed uint32, label, visibility string) (signed []byte, work string) {
	e.t.Helper()
	signed, err := e.signer.Sign(jpegOf(e.t, design(seed), 92), c2patest.Claim{Label: label, Title: "Leaves"})
	if err != nil {
		e.t.Fatal(err)
	}
	r := e.do(call{method: "POST", path: "/v1/works", key: "bert", form: form2(field("visibility", visibility), file("leaf.jpg", signed))})
	if r.status != 201 {
		e.t.Fatalf("register: %d %s", r.status, r.body)
	}
	p := e.do(call{method: "POST", path: "/v1/fingerprints", key: "bert", body: signed})
	for _, f := range p.at("fingerprints").([]any) {
		if f := f.(map[string]any); f["kind"] == string(fingerprint.PDQ256) && f["view"] == "full" {
			e.code[label] = f["payload"].(string)
		}
	}
	return signed, r.str("work", "id")
}

// recovered is a manifest that was found again over the API.
type recovered struct {
	plain, signed []byte // the picture before and after it was signed; signed is registered
	copy          []byte // half its size, JPEG quality 30, no metadata
	id            string
	store         []byte
	root          []byte // PEM
}

// recoverManifest registers a signed picture among others, and finds its manifest by a copy
// that was stripped, shrunk and compressed.
func recoverManifest(t *testing.T) recovered {
	t.Helper()
	e := newSignedWorks(t)
	got := recovered{plain: jpegOf(t, design(1), 92), root: e.signer.Root}
	got.signed, _ = e.register(1, "urn:c2pa:6f1d3c3e-5a0f-4c55-9d0c-1c2b3a4d5e6f", "public")
	for i := range uint32(4) {
		e.register(10+i, "urn:c2pa:other-"+itoa(int(i)), "public")
	}
	got.copy = jpegOf(t, fixtures.Resize(design(1), 320, 240), 30)
	if _, err := c2pa.Read(got.copy); err == nil {
		t.Fatal("the copy still has its credentials")
	}
	found := e.do(call{method: "POST", path: "/c2pa/matches/byContent", key: "anna", header: raw("image/jpeg"), body: got.copy})
	if n := len(found.at("matches").([]any)); found.status != 200 || n != 1 {
		t.Fatalf("%d %s", found.status, found.body)
	}
	if score, _ := found.at("matches", "0", "similarityScore").(float64); score < 90 {
		t.Errorf("score %v", score)
	}
	got.id = found.str("matches", "0", "manifestId")
	m := e.do(call{method: "GET", path: "/c2pa/manifests/" + url.PathEscape(got.id), key: "anna"})
	if m.status != 200 || m.header.Get("Content-Type") != mimeC2PA {
		t.Fatalf("%d %s", m.status, m.header.Get("Content-Type"))
	}
	got.store = m.body
	return got
}

// TestStrippedPictureGetsItsPapersBack is the reason of all this, checked by our own reader;
// see c2pa_test.go for the same by somebody else's.
func TestStrippedPictureGetsItsPapersBack(t *testing.T) {
	got := recoverManifest(t)
	claims, err := c2pa.ReadStore(got.store)
	if err != nil || claims.Manifest != got.id || claims.Title != "Leaves" || claims.Signature.Check != c2pa.Valid || claims.Signature.CommonName != "Bert Weaver" {
		t.Fatalf("%+v, %v", claims, err)
	}
	for _, c := range []struct {
		name string
		file []byte
		want c2pa.Check
	}{{"the picture as signed", got.plain, c2pa.Match}, {"the copy", got.copy, c2pa.Mismatch}} {
		b, err := c2patest.Embed(c.file, got.store)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c2pa.Read(b)
		if err != nil || r.Claims.Binding.Check != c.want {
			t.Errorf("%s with the recovered manifest: %+v, %v", c.name, r, err)
		}
	}
}

// TestNobodyLearnsOfOthersManifests sends every request that could name a manifest as the
// wrong tenant and as nobody: a work that may not be read is answered, byte for byte, like
// one that does not exist.
func TestNobodyLearnsOfOthersManifests(t *testing.T) {
	e := newSignedWorks(t)
	private, _ := e.register(1, "urn:c2pa:private", "private")
	e.register(2, "urn:c2pa:matchable", "matchable")
	_, gone := e.register(3, "urn:c2pa:withdrawn", "public")
	if r := e.do(call{method: "DELETE", path: "/v1/works/" + gone, key: "bert"}); r.status != 204 {
		t.Fatal(r.status)
	}
	e.register(4, "urn:c2pa:public", "public")
	public := e.do(call{method: "GET", path: "/c2pa/manifests/urn:c2pa:public/receipts", key: "anna"})
	if public.status != 200 {
		t.Fatalf("%d %s", public.status, public.body)
	}
	c, err := c2pa.Read(private)
	if err != nil {
		t.Fatal(err)
	}
	exact := "@sha256:" + fingerprint.DigestOf(c.Store).String()

	jsonBody := map[string]string{"Content-Type": "application/json"}
	// {MANIFEST} stands for the manifest.
	named := []call{
		{method: "GET", path: "/c2pa/manifests/{MANIFEST}"},
		{method: "GET", path: "/c2pa/manifests/{MANIFEST}?returnActiveManifest=true"},
		{method: "GET", path: "/c2pa/manifests/{MANIFEST}/receipts"},
		{method: "POST", path: "/c2pa/manifests/{MANIFEST}/receipts", header: jsonBody, sent: string(public.body)},
		{method: "POST", path: "/c2pa/manifests/{MANIFEST}/receipts", header: jsonBody, sent: strings.ReplaceAll(string(public.body), "urn:c2pa:public", "{MANIFEST}")},
	}
	for _, key := range []string{"anna", "detector", "admin", ""} {
		about := func(c call, id string) string {
			c.key, c.header = key, maps.Clone(c.header)
			if key == "admin" { // in anna's place
				if c.header == nil {
					c.header = map[string]string{}
				}
				c.header["Selvage-Owner"] = "anna"
			}
			c.path, c.sent = strings.Replace(c.path, "{MANIFEST}", id, 1), strings.ReplaceAll(c.sent, "{MANIFEST}", id)
			r := e.do(c)
			if want := map[bool]int{true: 401, false: 404}[key == ""]; r.status != want {
				t.Errorf("%s %s as %q: status %d", c.method, c.path, key, r.status)
			}
			return sameness(r)
		}
		for _, c := range named {
			nothing := about(c, "urn:c2pa:no-such-one")
			for _, id := range []string{"urn:c2pa:private", "urn:c2pa:private" + exact, "urn:c2pa:matchable", "urn:c2pa:withdrawn", "nonsense", "%00", strings.Repeat("a", 500)} {
				if got := about(c, id); got != nothing {
					t.Errorf("%s %s as %q tells of %.80s:\n%s\nagainst\n%s", c.method, c.path, key, id, got, nothing)
				}
			}
		}
	}

	// Content and codes of a private work, against those of nobody's.
	strange := jpegOf(t, design(77), 92)
	strangeCode := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x5a, 0xc3}, 16))
	for _, key := range []string{"anna", "detector"} {
		content := func(data []byte) string {
			return sameness(e.do(call{method: "POST", path: "/c2pa/matches/byContent", key: key, header: raw("image/jpeg"), body: data}))
		}
		if a, b := content(private), content(strange); a != b {
			t.Errorf("byContent as %s tells of a private work:\n%s\nagainst\n%s", key, a, b)
		}
		code := func(value string) string {
			get := e.do(call{method: "GET", path: "/c2pa/matches/byBinding?alg=pdq256.v1&value=" + url.QueryEscape(value), key: key})
			post := e.do(call{method: "POST", path: "/c2pa/matches/byBinding", key: key, header: jsonBody, body: []byte(`{"alg":"pdq256.v1","value":"` + value + `"}`)})
			if get.status != 200 || sameness(get) != sameness(post) {
				t.Errorf("GET and POST differ:\n%s\n%s", get.body, post.body)
			}
			return sameness(get)
		}
		for _, label := range []string{"urn:c2pa:private", "urn:c2pa:matchable", "urn:c2pa:withdrawn"} {
			if a, b := code(e.code[label]), code(strangeCode); a != b {
				t.Errorf("byBinding as %s tells of %s:\n%s\nagainst\n%s", key, label, a, b)
			}
		}
	}
	// As nobody: every route that is not public.
	for _, c := range []call{
		{method: "POST", path: "/c2pa/matches/byContent", body: private}, {method: "POST", path: "/c2pa/matches/byContent", body: strange},
		{method: "GET", path: "/c2pa/matches/byBinding?alg=pdq256.v1&value=" + url.QueryEscape(e.code["urn:c2pa:public"])},
		{method: "POST", path: "/c2pa/matches/byBinding", header: jsonBody, sent: `{}`}, {method: "POST", path: "/c2pa/matches/byReference"},
		{method: "GET", path: "/c2pa/manifests/urn:c2pa:public"}, {method: "GET", path: "/c2pa/manifests/urn:c2pa:public/receipts"},
	} {
		if r := e.do(c); r.status != 401 {
			t.Errorf("%s %s as nobody: %d %s", c.method, c.path, r.status, r.body)
		}
	}
}

// TestSoftBinding is what the right asker gets.
func TestSoftBinding(t *testing.T) {
	e := newSignedWorks(t)
	signed, work := e.register(1, "urn:c2pa:one", "public")
	e.register(2, "urn:c2pa:matchable", "matchable")
	get := func(key, path string) reply { return e.do(call{method: "GET", path: path, key: key}) }
	post := func(key, path, body string) reply {
		return e.do(call{method: "POST", path: path, key: key, header: map[string]string{"Content-Type": "application/json"}, body: []byte(body)})
	}
	one := `{"matches":[{"manifestId":"urn:c2pa:one","similarityScore":100}]}`
	code := url.QueryEscape(e.code["urn:c2pa:one"])
	for _, c := range []struct {
		name   string
		r      reply
		status int
		body   string // the whole of it, or the problem's slug
	}{
		{"discovery", get("", "/.well-known/c2pa-soft-binding-resolution"), 200, `{"apiEndpoint":"/c2pa","c2paSpecificationVersion":"2.4.0","capabilitiesEndpoint":"/c2pa/services/capabilities","statusEndpoint":"/c2pa/services/status"}`},
		{"algorithms", get("", "/c2pa/services/supportedAlgorithms"), 200, `{"fingerprints":[{"alg":"pdq256.v1"}],"watermarks":[]}`},
		{"capabilities", get("", "/c2pa/services/capabilities"), 200, `{"c2paSpecificationVersion":"2.4.0","supportedCapabilities":["queryByContent"]}`},
		{"status", get("", "/c2pa/services/status"), 200, `{"status":"ok","timestamp":"2026-03-31T12:00:00Z"}`},
		{"by binding", get("anna", "/c2pa/matches/byBinding?alg=pdq256.v1&value="+code), 200, one},
		{"by binding in the body", post("anna", "/c2pa/matches/byBinding?maxResults=1", `{"alg":"pdq256.v1","value":"`+e.code["urn:c2pa:one"]+`"}`), 200, one},
		{"an own code", get("bert", "/c2pa/matches/byBinding?alg=pdq256.v1&value="+url.QueryEscape(e.code["urn:c2pa:matchable"])), 200, `{"matches":[{"manifestId":"urn:c2pa:matchable","similarityScore":100}]}`},
		{"another algorithm", get("anna", "/c2pa/matches/byBinding?alg=io.iscc.v0&value="+code), 422, "invalid-field"},
		{"a short value", get("anna", "/c2pa/matches/byBinding?alg=pdq256.v1&value=AAAA"), 422, "invalid-field"},
		{"no value", get("anna", "/c2pa/matches/byBinding?alg=pdq256.v1"), 400, "invalid-request"},
		{"too many results", get("anna", "/c2pa/matches/byBinding?alg=pdq256.v1&maxResults=101&value="+code), 422, "invalid-field"},
		{"by reference", post("anna", "/c2pa/matches/byReference", `{"referenceUrl":"https://example.org/a.jpg","assetLength":5}`), 501, "not-offered"},
		{"by content", e.do(call{method: "POST", path: "/c2pa/matches/byContent?alg=pdq256.v1", key: "anna", body: signed}), 200, one},
		{"by content of no picture", e.do(call{method: "POST", path: "/c2pa/matches/byContent", key: "anna", body: []byte("hello")}), 415, "unsupported-format"},
		{"by content, with a hint", e.do(call{method: "POST", path: "/c2pa/matches/byContent?hintAlg=pdq256.v1&hintValue=" + code, key: "anna", body: picture(5)}), 200, one},
		{"by content, with a bad hint", e.do(call{method: "POST", path: "/c2pa/matches/byContent?hintAlg=pdq256.v1&hintValue=x", key: "anna", body: signed}), 422, "invalid-field"},
		{"by content, another algorithm", e.do(call{method: "POST", path: "/c2pa/matches/byContent?alg=io.iscc.v0", key: "anna", body: signed}), 422, "invalid-field"},
	} {
		if c.status >= 400 {
			if c.r.status != c.status || c.r.problem() != c.body {
				t.Errorf("%s: %d %s", c.name, c.r.status, c.r.body)
			}
		} else if got := compact(t, c.r.body); c.r.status != c.status || got != c.body {
			t.Errorf("%s: %d %s, want %s", c.name, c.r.status, got, c.body)
		}
	}
	// A matchable work is named, and no more.
	r := e.do(call{method: "POST", path: "/c2pa/matches/byContent", key: "anna", body: jpegOf(t, design(2), 80)})
	if id := r.str("matches", "0", "manifestId"); !regexp.MustCompile(`^urn:c2pa:matchable@sha256:[0-9a-f]{64}$`).MatchString(id) {
		t.Errorf("%s", r.body)
	} else if m := get("anna", "/c2pa/manifests/"+url.PathEscape(id)); m.status != 404 {
		t.Errorf("the manifest of a matchable work: %d", m.status)
	}

	// The owner sees what the credentials claim; others do not.
	own, other := get("bert", "/v1/works/"+work), get("anna", "/v1/works/"+work)
	if own.str("assets", "0", "contentCredentials", "claims", "title") != "Leaves" || own.str("assets", "0", "contentCredentials", "claims", "trust") != "not assessed" {
		t.Errorf("the owner sees %s", own.body)
	}
	if other.status != 200 || bytes.Contains(other.body, []byte("contentCredentials")) {
		t.Errorf("somebody else sees %s", other.body)
	}
}

// compact is JSON in one form.
func compact(t *testing.T, b []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v in %q", err, b)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestManifestReceiptIsALogProof checks a receipt with nothing but the log's key, and that
// another one is told apart.
func TestManifestReceiptIsALogProof(t *testing.T) {
	e := newSignedWorks(t)
	e.register(1, "urn:c2pa:one", "public")
	e.register(2, "urn:c2pa:two", "public")
	path := func(id string) string { return "/c2pa/manifests/" + id + "/receipts" }
	one := e.do(call{method: "GET", path: path("urn:c2pa:one"), key: "anna"})
	two := e.do(call{method: "GET", path: path("urn:c2pa:two"), key: "anna"})
	if one.status != 200 || one.str("repository", "manifestId") != "urn:c2pa:one" || one.str("@type") != "org.c2pa.manifest-receipt" {
		t.Fatalf("%d %s", one.status, one.body)
	}
	var r struct {
		Anchor struct {
			Proof      struct{ Value string }
			Parameters struct {
				Commitment, LogKey string
				Token              []byte
			}
		}
	}
	if err := json.Unmarshal(one.body, &r); err != nil {
		t.Fatal(err)
	}
	proof, err := provenance.ParseLogProof([]byte(r.Anchor.Proof.Value))
	if err != nil || proof.Extra != nil {
		t.Fatalf("%+v, %v", proof, err)
	}
	key, err := note.NewVerifier(r.Anchor.Parameters.LogKey)
	if err != nil {
		t.Fatal(err)
	}
	entry := make([]byte, 32)
	if _, err := hex.Decode(entry, []byte(r.Anchor.Parameters.Commitment)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := proof.Open(entry, key); err != nil {
		t.Error(err)
	}

	check := func(id string, body []byte) reply {
		return e.do(call{method: "POST", path: path(id), key: "anna", header: map[string]string{"Content-Type": "application/json"}, body: body})
	}
	if v := check("urn:c2pa:one", one.body); v.status != 200 || v.at("verified") != true || v.str("error") != "" {
		t.Errorf("its own receipt: %s", v.body)
	}
	commitment, value := one.str("anchor", "parameters", "commitment"), "index 0"
	for name, body := range map[string][]byte{
		"of another manifest":               two.body,
		"of another manifest, renamed":      bytes.ReplaceAll(two.body, []byte("urn:c2pa:two"), []byte("urn:c2pa:one")),
		"with another commitment":           bytes.ReplaceAll(one.body, []byte(commitment), []byte(strings.Repeat("0", 64))),
		"with the proof for another entry":  bytes.ReplaceAll(one.body, []byte(value), []byte("index 1")),
		"with a proof that cannot be read":  bytes.ReplaceAll(one.body, []byte("tlog-proof@v1\\n"), []byte("tlog-proof@v2\\n")),
		"with a checkpoint of another tree": bytes.ReplaceAll(one.body, []byte("test.selvage\\n"), []byte("test.selvages\\n")),
	} {
		if bytes.Equal(body, one.body) {
			t.Fatalf("%s: it is the same receipt", name)
		}
		if v := check("urn:c2pa:one", body); v.status != 200 || v.at("verified") != false || v.str("error") == "" {
			t.Errorf("a receipt %s: %d %s", name, v.status, v.body)
		}
	}
}
