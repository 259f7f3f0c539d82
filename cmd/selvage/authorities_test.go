package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"selvage/provenance"
	"selvage/provenance/sequencer"
	"selvage/provenance/timestamp"
)

// authorityServer is a time authority on loopback; it writes its root to dir/root.pem.
func authorityServer(t *testing.T, dir string) *httptest.Server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// A root that signs its own stamps: what a test needs, and the least a policy must name.
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Test TSA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtraExtensions: []pkix.Extension{{
			Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true,
			Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08},
		}},
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "root.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	issuer := timestamp.Issuer{Certificate: cert, Key: key, Policy: asn1.ObjectIdentifier{1, 2, 3}, Accuracy: time.Second}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var q struct {
			Version int
			Imprint struct {
				Algorithm pkix.AlgorithmIdentifier
				Digest    []byte
			}
			Policy  asn1.ObjectIdentifier `asn1:"optional"`
			Nonce   *big.Int              `asn1:"optional"`
			CertReq bool                  `asn1:"optional"`
		}
		if err == nil {
			_, err = asn1.Unmarshal(body, &q)
		}
		var response []byte
		if err == nil {
			response, err = issuer.Respond(timestamp.Imprint{Hash: crypto.SHA256, Digest: q.Imprint.Digest, Nonce: q.Nonce}, time.Now())
		}
		if user, password, _ := r.BasicAuth(); err != nil || user != "ada" || password != "loom" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(response)
	}))
	t.Cleanup(s.Close)
	return s
}

// What the configuration names stamps the receipts; the local authority stands behind it.
func TestAuthorities(t *testing.T) {
	dir := t.TempDir()
	s := authorityServer(t, dir)
	files := map[string]string{"password": "loom\n", "config.toml": `
data = "` + filepath.ToSlash(dir) + `/data"
[[authorities]]
name = "Test TSA"
url = "` + s.URL + `"
roots = "` + filepath.ToSlash(dir) + `/root.pem"
independent = true
policy = "1.2.3"
user = "ada"
password_file = "` + filepath.ToSlash(dir) + `/password"
timeout = "2s"
[[authorities]]
local = true
`}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := loadSettings(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	issue := func(wanted int) (*provenance.Receipt, *provenance.Policy, error) {
		settings.AuthoritiesWanted = wanted
		stamper, err := settings.stamper()
		if err != nil {
			t.Fatal(err)
		}
		n, err := sequencer.OpenNotary(t.Context(), sequencer.NotaryConfig{Dir: filepath.Join(settings.Data, "log"), Origin: "selvage.test/log", Time: stamper})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := n.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		sealed, err := n.Seal(&provenance.WorkStatement{
			Type: provenance.WorkType, Service: "selvage.test", Work: "w", Version: 1, Title: "t", Kind: "photo",
			Owner: provenance.Owner{ID: "o"}, Dates: provenance.Dates{Received: provenance.FormatTime(time.Now())},
			Assets: []provenance.Asset{{Digest: "00000000000000000000000000000000000000000000000000000000000000ff", Size: 1, MediaType: "image/png"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := n.Issue(t.Context(), sealed)
		return r, n.Policy(), err
	}
	r, policy, err := issue(0) // two, as there are two
	if err != nil {
		t.Fatal(err)
	}
	if rep := r.Verify(policy); rep.Outcome != provenance.Proved || len(r.Tokens) != 2 || r.Tokens[0].Authority.Name != "Test TSA" ||
		rep.Headline != "proved under the given policy; time authority: Test TSA, "+timestamp.LocalName {
		t.Error(rep)
	}
	s.Close()
	if r, policy, err = issue(1); err != nil {
		t.Fatal(err)
	}
	if rep := r.Verify(policy); rep.Outcome != provenance.Proved || len(r.Tokens) != 1 || r.Tokens[0].Authority.Name != timestamp.LocalName {
		t.Error(rep)
	}
	if _, _, err = issue(2); err == nil {
		t.Error("a receipt with one token of two wanted")
	}
}
