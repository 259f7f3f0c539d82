package timestamp_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"selvage/provenance"
	"selvage/provenance/timestamp"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// query is a TimeStampReq as encoding/asn1 reads it.
type query struct {
	Version int
	Imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	Policy  asn1.ObjectIdentifier `asn1:"optional"`
	Nonce   *big.Int              `asn1:"optional"`
	CertReq bool                  `asn1:"optional"`
}

func parseQuery(der []byte) (timestamp.Imprint, query, error) {
	var q query
	rest, err := asn1.Unmarshal(der, &q)
	if err != nil || len(rest) > 0 || q.Version != 1 || !q.CertReq {
		return timestamp.Imprint{}, q, fmt.Errorf("not a query that asks for a certificate: %v", err)
	}
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_512} {
		if oid, _ := provenance.HashOID(h); oid.Equal(q.Imprint.Algorithm.Algorithm) {
			return timestamp.Imprint{Hash: h, Digest: q.Imprint.Digest, Nonce: q.Nonce}, q, nil
		}
	}
	return timestamp.Imprint{}, q, fmt.Errorf("hash %v", q.Imprint.Algorithm.Algorithm)
}

// server is an authority on loopback that answers with answer.
func server(t *testing.T, answer func(im timestamp.Imprint, q query) ([]byte, error)) *httptest.Server {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" {
			http.Error(w, "not a query", http.StatusUnsupportedMediaType)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			var im timestamp.Imprint
			var q query
			if im, q, err = parseQuery(body); err == nil {
				body, err = answer(im, q)
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(body)
	})
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func local(t *testing.T) *timestamp.Local {
	t.Helper()
	l, err := timestamp.OpenLocal(t.TempDir(), nil)
	must(t, err)
	return l
}

func remote(t *testing.T, cfg timestamp.RemoteConfig) *timestamp.Remote {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = "test authority"
	}
	r, err := timestamp.NewRemote(cfg)
	must(t, err)
	return r
}

// issuer makes an authority that is valid between two times.
func issuer(t *testing.T, key crypto.Signer, from, to time.Time) (timestamp.Issuer, string) {
	t.Helper()
	ca, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	must(t, err)
	root := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "root"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &ca.PublicKey, ca)
	must(t, err)
	root, err = x509.ParseCertificate(rootDER)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: new(big.Int).Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: "tsa"}, NotBefore: from, NotAfter: to,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{
			Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true,
			Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08},
		}},
	}, root, key.Public(), ca)
	must(t, err)
	c, err := x509.ParseCertificate(der)
	must(t, err)
	return timestamp.Issuer{Certificate: c, Key: key, Policy: asn1.ObjectIdentifier{1, 2, 3}, Accuracy: time.Second},
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}))
}

// withoutCertificates takes the certificates out of a response.
func withoutCertificates(t *testing.T, response []byte) []byte {
	type signedData struct {
		Version                   int
		Algorithms, Content, Info asn1.RawValue
	}
	var resp struct {
		Status asn1.RawValue
		Token  struct {
			Type    asn1.ObjectIdentifier
			Content struct {
				Version             int
				Algorithms, Content asn1.RawValue
				Certificates        asn1.RawValue `asn1:"tag:0"`
				Info                asn1.RawValue
			} `asn1:"explicit,tag:0"`
		}
	}
	_, err := asn1.Unmarshal(response, &resp)
	must(t, err)
	c := resp.Token.Content
	type token struct {
		Type    asn1.ObjectIdentifier
		Content signedData `asn1:"explicit,tag:0"`
	}
	out, err := asn1.Marshal(struct {
		Status asn1.RawValue
		Token  token
	}{resp.Status, token{resp.Token.Type, signedData{c.Version, c.Algorithms, c.Content, c.Info}}})
	must(t, err)
	return out
}

func TestRemote(t *testing.T) {
	l, stranger := local(t), local(t)
	digest := sha256.Sum256([]byte("checkpoint"))
	grant := func(im timestamp.Imprint, _ query) ([]byte, error) { return timestamp.Respond(l, ctx, im) }
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	now := time.Now()
	expired, expiredRoots := issuer(t, ecKey, now.AddDate(-3, 0, 0), now.AddDate(-1, 0, 0))
	current, currentRoots := issuer(t, ecKey, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	foreign, _ := issuer(t, ecKey, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	crowded := current
	crowded.Extra = []*x509.Certificate{foreign.Certificate}

	text := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, body)
		}
	}
	page := "<!doctype html><title>Service unavailable</title>"
	refusal := "\x30\x1a\x30\x18\x02\x01\x02\x30\x0c\x0c\x0anot at all\x03\x05\x00\x00\x01\x00\x00"
	tests := []struct {
		name   string
		server *httptest.Server
		cfg    timestamp.RemoteConfig
		err    string // "" for a good token
	}{
		{"good", server(t, grant), timestamp.RemoteConfig{}, ""},
		{"certificates beyond need", server(t, func(im timestamp.Imprint, _ query) ([]byte, error) { return crowded.Respond(im, now) }),
			timestamp.RemoteConfig{Roots: currentRoots}, ""},
		{"policy as asked", server(t, func(im timestamp.Imprint, q query) ([]byte, error) {
			if !q.Policy.Equal(current.Policy) {
				return nil, fmt.Errorf("policy %v", q.Policy)
			}
			return current.Respond(im, now)
		}), timestamp.RemoteConfig{Roots: currentRoots, Policy: current.Policy}, ""},
		{"another nonce", server(t, func(im timestamp.Imprint, q query) ([]byte, error) {
			im.Nonce = new(big.Int).Add(im.Nonce, big.NewInt(1))
			return grant(im, q)
		}), timestamp.RemoteConfig{}, "answers another request"},
		{"no nonce", server(t, func(im timestamp.Imprint, q query) ([]byte, error) {
			im.Nonce = nil
			return grant(im, q)
		}), timestamp.RemoteConfig{}, "answers another request"},
		{"another imprint", server(t, func(im timestamp.Imprint, q query) ([]byte, error) {
			im.Digest = make([]byte, 32)
			return grant(im, q)
		}), timestamp.RemoteConfig{}, "over other data"},
		{"an imprint by another function", server(t, func(im timestamp.Imprint, q query) ([]byte, error) {
			im.Hash = crypto.SHA3_256
			return grant(im, q)
		}), timestamp.RemoteConfig{}, "over other data"},
		{"no certificate", server(t, func(im timestamp.Imprint, q query) ([]byte, error) {
			resp, err := grant(im, q)
			return withoutCertificates(t, resp), err
		}), timestamp.RemoteConfig{}, "does not carry its signer's certificate"},
		{"expired", server(t, func(im timestamp.Imprint, _ query) ([]byte, error) { return expired.Respond(im, now) }),
			timestamp.RemoteConfig{Roots: expiredRoots}, "certificate's validity"},
		{"expired, and says it was in time", server(t, func(im timestamp.Imprint, _ query) ([]byte, error) {
			return expired.Respond(im, now.AddDate(-2, 0, 0))
		}), timestamp.RemoteConfig{Roots: expiredRoots}, "one of them is wrong"},
		{"another policy", server(t, grant), timestamp.RemoteConfig{Policy: asn1.ObjectIdentifier{1, 2, 3, 4}}, "not 1.2.3.4 as asked for"},
		{"another authority", server(t, func(im timestamp.Imprint, _ query) ([]byte, error) { return timestamp.Respond(stranger, ctx, im) }),
			timestamp.RemoteConfig{}, "none of the trusted roots"},
		{"a clock an hour off", server(t, func(im timestamp.Imprint, _ query) ([]byte, error) { return current.Respond(im, now.Add(time.Hour)) }),
			timestamp.RemoteConfig{Roots: currentRoots}, "one of them is wrong"},
		{"refused", serve(t, text("application/timestamp-reply", refusal)), timestamp.RemoteConfig{}, "status 2: not at all, unacceptedPolicy"},
		{"a web page", serve(t, text("text/html; charset=utf-8", page)), timestamp.RemoteConfig{}, "is the url right?"},
		{"a web page that calls itself a token", serve(t, text("application/timestamp-reply", page)), timestamp.RemoteConfig{}, "not an RFC 3161 response"},
		{"nothing", serve(t, text("application/timestamp-reply", "")), timestamp.RemoteConfig{}, "not an RFC 3161 response"},
		{"an error", serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, page, http.StatusServiceUnavailable) }), timestamp.RemoteConfig{}, "it answers 503"},
		{"a redirect", serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusTemporaryRedirect)
		}), timestamp.RemoteConfig{}, "configure the address it has moved to"},
		{"a huge body", serve(t, text("application/timestamp-reply", strings.Repeat("0", 1<<20))), timestamp.RemoteConfig{}, "longer than 65536 bytes"},
		{"no end", serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/timestamp-reply")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}), timestamp.RemoteConfig{Timeout: 200 * time.Millisecond}, "deadline exceeded"},
		{"hanging", serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}), timestamp.RemoteConfig{Timeout: 200 * time.Millisecond}, "deadline exceeded"},
		{"a password is needed", serve(t, func(w http.ResponseWriter, r *http.Request) {
			if user, pass, ok := r.BasicAuth(); ok && user == "ada" && pass == "loom" {
				body, _ := io.ReadAll(r.Body)
				im, q, _ := parseQuery(body)
				resp, _ := grant(im, q)
				w.Header().Set("Content-Type", "application/timestamp-reply")
				_, _ = w.Write(resp)
				return
			}
			w.WriteHeader(http.StatusUnauthorized)
		}), timestamp.RemoteConfig{User: "ada", Password: "loom"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := test.cfg
			cfg.URL = test.server.URL
			if cfg.Roots == "" {
				cfg.Roots = "the root of the local authority:\n" + l.Authority().Roots
			}
			r := remote(t, cfg)
			response, err := r.StampDigest(ctx, crypto.SHA256, digest[:])
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || !strings.HasPrefix(err.Error(), "time authority test authority: ") || response != nil {
					t.Fatalf("%v; want ...%s", err, test.err)
				}
				return
			}
			must(t, err)
			tok, err := provenance.VerifyTokenDigest(response, crypto.SHA256, digest[:], certificates(t, r.Authority().Roots))
			must(t, err)
			if d := time.Since(tok.Time); d < -time.Minute || d > time.Minute {
				t.Errorf("time %v", tok.Time)
			}
		})
	}
}

func certificates(t *testing.T, text string) (certs []*x509.Certificate) {
	t.Helper()
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		must(t, err)
		certs = append(certs, c)
	}
	return certs
}

func TestRemoteOverTLS(t *testing.T) {
	// The test's certificate is trusted by nobody, so the exchange must fail and say why.
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	r := remote(t, timestamp.RemoteConfig{URL: s.URL, Roots: local(t).Authority().Roots, User: "u", Password: "p"})
	if _, err := r.StampDigest(ctx, crypto.SHA256, make([]byte, 32)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Fatal(err)
	}
}

func TestRemoteConfig(t *testing.T) {
	good := timestamp.RemoteConfig{Name: "n", URL: "https://tsa.example/", Roots: local(t).Authority().Roots, User: "u", Password: "p"}
	remote(t, good)
	for name, change := range map[string]func(c *timestamp.RemoteConfig){
		"has no name":       func(c *timestamp.RemoteConfig) { c.Name = "" },
		"begins with http":  func(c *timestamp.RemoteConfig) { c.URL = "ftp://tsa.example" },
		"begins with http:": func(c *timestamp.RemoteConfig) { c.URL = "tsa.example" },
		"beside the url":    func(c *timestamp.RemoteConfig) { c.URL = "https://u:p@tsa.example" },
		"in the clear":      func(c *timestamp.RemoteConfig) { c.URL = "http://tsa.example" },
		"no certificate":    func(c *timestamp.RemoteConfig) { c.Roots = "none" },
		"certificates only": func(c *timestamp.RemoteConfig) {
			c.Roots += string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}}))
		},
	} {
		c := good
		change(&c)
		if _, err := timestamp.NewRemote(c); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(name, ":")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Keys and functions that authorities sign with.
func TestIssuer(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	now := time.Now()
	for _, key := range []crypto.Signer{rsaKey, p384, ed} {
		is, roots := issuer(t, key, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
		for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			is.Hash = h
			response, err := is.Respond(timestamp.Imprint{Hash: crypto.SHA3_512, Digest: make([]byte, 64)}, now)
			if _, isEd := key.(ed25519.PrivateKey); isEd && h != crypto.SHA512 {
				if err == nil {
					t.Errorf("Ed25519 signed with %v", h)
				}
				continue
			}
			must(t, err)
			if _, err := provenance.VerifyTokenDigest(response, crypto.SHA3_512, make([]byte, 64), certificates(t, roots)); err != nil {
				t.Errorf("%T with %v: %v", key, h, err)
			}
			// No byte of the token can be changed, nor cut off. An RSA signature may be
			// named by two identifiers, which differ by 0x0a in one byte.
			for i := 9; i < len(response); i++ {
				response[i] ^= 0x11
				if tok, err := provenance.VerifyTokenDigest(response, crypto.SHA3_512, make([]byte, 64), certificates(t, roots)); err == nil {
					t.Errorf("%T with %v: byte %d of %d changed: %v", key, h, i, len(response), tok.Time)
				}
				response[i] ^= 0x11
			}
		}
	}
}

// source is a scripted authority.
type source struct {
	timestamp.Source
	name  string
	fail  atomic.Bool
	asked atomic.Int64
}

func (s *source) Authority() provenance.Authority {
	a := s.Source.Authority()
	a.Name = s.name
	return a
}

func (s *source) StampDigest(ctx context.Context, h crypto.Hash, digest []byte) ([]byte, error) {
	s.asked.Add(1)
	if s.fail.Load() {
		return nil, fmt.Errorf("%s is closed", s.name)
	}
	return s.Source.StampDigest(ctx, h, digest)
}

func TestSeveral(t *testing.T) {
	data := []byte("checkpoint")
	var all []*source
	var sources []timestamp.Source
	for _, name := range []string{"first", "second", "third"} {
		s := &source{Source: local(t), name: name}
		all, sources = append(all, s), append(sources, s)
	}
	s, err := timestamp.NewSeveral(2, sources...)
	must(t, err)
	stamp := func(want ...string) {
		t.Helper()
		tokens, err := s.Stamp(ctx, data)
		must(t, err)
		var names []string
		for _, tok := range tokens {
			names = append(names, tok.Authority.Name)
			if _, err := provenance.VerifyToken(tok.Token, data, certificates(t, tok.Authority.Roots)); err != nil {
				t.Error(err)
			}
		}
		if fmt.Sprint(names) != fmt.Sprint(want) {
			t.Fatalf("tokens of %v, want %v", names, want)
		}
	}
	stamp("first", "second")
	if all[2].asked.Load() != 0 {
		t.Error("the third was asked without need")
	}
	all[0].fail.Store(true)
	stamp("second", "third")
	before := all[0].asked.Load()
	stamp("second", "third")
	if all[0].asked.Load() != before {
		t.Error("one that has just failed was asked first")
	}
	timestamp.Failed(s) // a minute later
	all[0].fail.Store(false)
	stamp("first", "second")

	all[0].fail.Store(true)
	all[2].fail.Store(true)
	if tokens, err := s.Stamp(ctx, data); err == nil || tokens != nil ||
		!strings.Contains(err.Error(), "1 authorities, 2 wanted") || !strings.Contains(err.Error(), "first is closed") || !strings.Contains(err.Error(), "third is closed") {
		t.Errorf("%v", err)
	}
	// A token that does not verify under its authority's own roots is not handed out.
	liar := &source{Source: local(t), name: "liar"}
	liar.Source = swapped{liar.Source, local(t)}
	s, err = timestamp.NewSeveral(1, liar, all[1])
	must(t, err)
	stamp("second")

	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Stamp(gone, data); err == nil {
		t.Error("stamped for a caller who is gone")
	}
	for _, want := range []int{0, 4} {
		if _, err := timestamp.NewSeveral(want, sources...); err == nil {
			t.Errorf("%d of 3 wanted", want)
		}
	}
	if _, err := timestamp.NewSeveral(1, all[0], all[0]); err == nil {
		t.Error("one authority counted twice")
	}
	if got := s.Authorities(); len(got) != 2 || got[0].Name != "liar" {
		t.Errorf("%v", got)
	}
}

// swapped stamps with another authority than it says.
type swapped struct {
	timestamp.Source
	other timestamp.Source
}

func (s swapped) StampDigest(ctx context.Context, h crypto.Hash, digest []byte) ([]byte, error) {
	return s.other.StampDigest(ctx, h, digest)
}

// A dead first authority costs one refused connection, a hanging one its timeout.
func TestDeadFirstAuthority(t *testing.T) {
	l := local(t)
	good := server(t, func(im timestamp.Imprint, _ query) ([]byte, error) { return timestamp.Respond(l, ctx, im) })
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	hanging := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	roots := l.Authority().Roots
	s, err := timestamp.NewSeveral(1,
		remote(t, timestamp.RemoteConfig{Name: "dead", URL: dead.URL, Roots: roots}),
		remote(t, timestamp.RemoteConfig{Name: "hanging", URL: hanging.URL, Roots: roots, Timeout: 100 * time.Millisecond}),
		remote(t, timestamp.RemoteConfig{Name: "good", URL: good.URL, Roots: roots, Independent: true}))
	must(t, err)
	tokens, err := s.Stamp(ctx, []byte("x"))
	must(t, err)
	if len(tokens) != 1 || tokens[0].Authority.Name != "good" || !tokens[0].Authority.Independent {
		t.Errorf("%v", tokens)
	}
}

func openssl(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// OpenSSL asks our authority, and our client asks OpenSSL's.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("openssl is needed as the independent authority; install the package openssl")
	}
	dir := t.TempDir()
	write := func(name string, data []byte) { must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600)) }
	l := local(t)
	write("data", []byte("checkpoint"))
	write("root.pem", []byte(l.Authority().Roots))
	for _, hash := range []string{"-sha256", "-sha384", "-sha512", "-sha3-512"} {
		openssl(t, dir, "ts", "-query", "-data", "data", hash, "-cert", "-out", "q.tsq")
		q, err := os.ReadFile(filepath.Join(dir, "q.tsq"))
		must(t, err)
		im, _, err := parseQuery(q)
		must(t, err)
		response, err := timestamp.Respond(l, ctx, im)
		must(t, err)
		write("r.tsr", response)
		if out := openssl(t, dir, "ts", "-verify", "-queryfile", "q.tsq", "-in", "r.tsr", "-CAfile", "root.pem"); !strings.Contains(out, "Verification: OK") {
			t.Errorf("%s: %s", hash, out)
		}
	}

	// An authority of OpenSSL's own, which also sends its root.
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	now := time.Now()
	is, roots := issuer(t, key, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	write("tsa.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	write("tsa.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: is.Certificate.Raw}))
	write("chain.pem", []byte(roots))
	write("serial", []byte("01\n"))
	write("tsa.cnf", []byte(`[tsa]
default_tsa = t
[t]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
certs = chain.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.5
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
`))
	asked := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "in.tsq"), body, 0o600)
		}
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		cmd := exec.CommandContext(r.Context(), "openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "in.tsq", "-out", "out.tsr")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			http.Error(w, string(out), 500)
			return
		}
		response, err := os.ReadFile(filepath.Join(dir, "out.tsr"))
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(response)
	})
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA512} {
		for _, policy := range []asn1.ObjectIdentifier{nil, {1, 2, 3, 4, 5}} {
			r := remote(t, timestamp.RemoteConfig{URL: asked.URL, Roots: roots, Policy: policy})
			w := h.New()
			w.Write([]byte("checkpoint"))
			response, err := r.StampDigest(ctx, h, w.Sum(nil))
			must(t, err)
			tok, err := provenance.VerifyTokenDigest(response, h, w.Sum(nil), certificates(t, roots))
			must(t, err)
			if tok.Accuracy != 1500*time.Millisecond || policy != nil && !tok.Policy.Equal(policy) {
				t.Errorf("%+v", tok)
			}
			write("got.tsr", response)
			if out := openssl(t, dir, "ts", "-verify", "-data", "data", "-in", "got.tsr", "-CAfile", "chain.pem"); !strings.Contains(out, "Verification: OK") {
				t.Error(out)
			}
		}
	}
	// OpenSSL refuses a policy it does not have, and we say why.
	r := remote(t, timestamp.RemoteConfig{URL: asked.URL, Roots: roots, Policy: asn1.ObjectIdentifier{1, 2, 9}})
	if _, err := r.StampDigest(ctx, crypto.SHA256, make([]byte, 32)); err == nil || !strings.Contains(err.Error(), "unacceptedPolicy") {
		t.Error(err)
	}
	r = remote(t, timestamp.RemoteConfig{URL: asked.URL, Roots: roots})
	if _, err := r.StampDigest(ctx, crypto.SHA3_512, make([]byte, 64)); err == nil || !strings.Contains(err.Error(), "badAlg") {
		t.Error(err)
	}
}

// What no signature protects is cut off: here a revocation list, an unsigned attribute, a
// second digest algorithm, a stranger's certificate and the order of the others.
func TestTrim(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	now := time.Now()
	is, roots := issuer(t, key, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	stranger, _ := issuer(t, key, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	root := certificates(t, roots)[0]
	digest := make([]byte, 32)
	is.Extra = []*x509.Certificate{root}
	good, err := is.Respond(timestamp.Imprint{Hash: crypto.SHA256, Digest: digest}, now)
	must(t, err)
	var resp struct {
		Status asn1.RawValue
		Token  struct {
			Type    asn1.ObjectIdentifier
			Content struct {
				Version             int
				Algorithms, Content asn1.RawValue
				Certificates        asn1.RawValue `asn1:"tag:0"`
				Infos               asn1.RawValue
			} `asn1:"explicit,tag:0"`
		}
	}
	rest, err := asn1.Unmarshal(good, &resp)
	must(t, err)
	if len(rest) > 0 {
		t.Fatal("a rest")
	}
	der := func(class, tag int, content ...[]byte) []byte {
		b, err := asn1.Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: true, Bytes: bytes.Join(content, nil)})
		must(t, err)
		return b
	}
	c := resp.Token.Content
	oid := func(o ...int) []byte {
		b, err := asn1.Marshal(asn1.ObjectIdentifier(o))
		must(t, err)
		return b
	}
	one, err := asn1.Marshal(3)
	must(t, err)
	var info asn1.RawValue
	_, err = asn1.Unmarshal(c.Infos.Bytes, &info)
	must(t, err)
	type part struct{ certs, algs, crls, unsigned []byte }
	build := func(p part) []byte {
		return der(0, 16, resp.Status.FullBytes, der(0, 16, oid(1, 2, 840, 113549, 1, 7, 2), der(2, 0, der(0, 16,
			one, der(0, 17, p.algs), c.Content.FullBytes, der(2, 0, p.certs), p.crls,
			der(0, 17, der(0, 16, info.Bytes, p.unsigned))))))
	}
	plain := part{certs: c.Certificates.Bytes, algs: c.Algorithms.Bytes}
	if !bytes.Equal(build(plain), good) {
		t.Fatal("the test builds another response")
	}
	descending := [][]byte{is.Certificate.Raw, root.Raw}
	if bytes.Compare(descending[0], descending[1]) < 0 {
		descending[0], descending[1] = descending[1], descending[0]
	}
	for name, change := range map[string]func(p *part){
		"certificate":      func(p *part) { p.certs = append(bytes.Clone(p.certs), stranger.Certificate.Raw...) },
		"order":            func(p *part) { p.certs = bytes.Join(descending, nil) },
		"digest algorithm": func(p *part) { p.algs = append(bytes.Clone(p.algs), der(0, 16, oid(1, 3, 14, 3, 2, 26))...) },
		"revocation list":  func(p *part) { p.crls = der(2, 1, der(0, 16)) },
		"unsigned attribute": func(p *part) {
			p.unsigned = der(2, 1, der(0, 16, oid(1, 2, 3), der(0, 17, one)))
		},
	} {
		p := plain
		change(&p)
		loose := build(p)
		if _, err := provenance.VerifyTokenDigest(loose, crypto.SHA256, digest, []*x509.Certificate{root}); err == nil {
			t.Errorf("%s: a token with it verifies", name)
		}
		trimmed, ok := timestamp.Trim(loose, []*x509.Certificate{root})
		if !ok || !bytes.Equal(trimmed, good) {
			t.Errorf("%s: not cut off", name)
		}
	}
}

// FuzzTrim: trimming what is trimmed changes nothing.
func FuzzTrim(f *testing.F) {
	l, err := timestamp.OpenLocal(f.TempDir(), nil)
	must(f, err)
	response, err := l.Stamp(ctx, []byte("x"))
	must(f, err)
	f.Add(response)
	block, _ := pem.Decode([]byte(l.Authority().Roots))
	root, err := x509.ParseCertificate(block.Bytes)
	must(f, err)
	roots := []*x509.Certificate{root}
	f.Fuzz(func(t *testing.T, b []byte) {
		once, ok := timestamp.Trim(b, roots)
		if !ok {
			return
		}
		twice, ok := timestamp.Trim(once, roots)
		if !ok || !bytes.Equal(once, twice) {
			t.Fatalf("%x was trimmed to %x and then to %x", b, once, twice)
		}
	})
}
