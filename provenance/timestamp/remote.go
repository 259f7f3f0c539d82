package timestamp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"selvage/provenance"
)

const (
	// maxResponse is the largest answer read, in bytes; a token takes 1 to 10 KiB.
	maxResponse = 64 << 10
	// defaultTimeout is for the whole exchange with one authority.
	defaultTimeout = 10 * time.Second
	// maxSkew is how far an authority's clock may be from ours. One that is further off
	// gives tokens that are true of nothing.
	maxSkew = 5 * time.Minute
)

// RemoteConfig names a time authority that answers over HTTP (RFC 3161, 3.4).
type RemoteConfig struct {
	// Name is what receipts, policies and errors call it.
	Name string
	// URL is http or https. Its answer is checked, so http loses privacy only: who listens
	// learns that a digest was stamped. Redirects are refused.
	URL string
	// Roots are its trusted root certificates in PEM; text around them is dropped.
	Roots string
	// Independent says that somebody else than the registering service runs it.
	Independent bool
	// Policy is asked for, and must be in the answer; nil leaves it to the authority.
	Policy asn1.ObjectIdentifier
	// User and Password are for basic authentication; with them the URL must be https, or
	// on this machine.
	User, Password string
	// Timeout is for the whole exchange; 0 means 10 seconds.
	Timeout time.Duration
	// Now is our clock; nil means time.Now.
	Now func() time.Time
}

// Remote is a time authority by URL. Its methods are safe for concurrent use.
type Remote struct {
	cfg       RemoteConfig
	authority provenance.Authority
	roots     []*x509.Certificate
	client    *http.Client
}

// NewRemote checks the configuration; it asks the authority nothing.
func NewRemote(cfg RemoteConfig) (*Remote, error) {
	if cfg.Name == "" {
		return nil, errors.New("time authority: it has no name")
	}
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("time authority %s: url %q: want an address that begins with http:// or https:// and names a host", cfg.Name, cfg.URL)
	}
	if u.User != nil {
		return nil, fmt.Errorf("time authority %s: give user and password beside the url, not in it", cfg.Name)
	}
	if cfg.User != "" && u.Scheme != "https" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("time authority %s: its password would travel in the clear: use https", cfg.Name)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &Remote{cfg: cfg}
	text, roots, err := readRoots(cfg.Roots)
	if err != nil {
		return nil, fmt.Errorf("time authority %s: roots: %w", cfg.Name, err)
	}
	r.roots = roots
	r.authority = provenance.Authority{Name: cfg.Name, Roots: text, Independent: cfg.Independent}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 16 << 10
	transport.MaxIdleConnsPerHost = 2
	r.client = &http.Client{
		Transport: transport,
		// A redirect is an answer like any other that is not a token; following one would
		// carry the request to an address nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return r, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// readRoots reads the certificates in a PEM file and writes them in the plain form that
// receipts and policies hold.
func readRoots(text string) (plain string, certs []*x509.Certificate, err error) {
	var b strings.Builder
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return "", nil, fmt.Errorf("there is a %s in it: it must hold certificates only", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "", nil, err
		}
		certs = append(certs, c)
		b.Write(encodeCert(c))
	}
	if len(certs) == 0 {
		return "", nil, errors.New("no certificate in PEM")
	}
	return b.String(), certs, nil
}

// Authority names the authority and its roots, for receipts and policies.
func (r *Remote) Authority() provenance.Authority { return r.authority }

// StampDigest asks the authority for a token over a digest and returns its answer, an RFC
// 3161 response (DER) that verifies under the authority's roots: it is over this digest,
// answers this request (nonce), is under the policy asked for, and its time is ours within
// five minutes. The answer is as the authority sent it, unless it carries what no
// signature protects (see trim).
func (r *Remote) StampDigest(ctx context.Context, h crypto.Hash, digest []byte) ([]byte, error) {
	response, err := r.stamp(ctx, h, digest)
	if err != nil {
		return nil, fmt.Errorf("time authority %s: %w", r.cfg.Name, err)
	}
	return response, nil
}

func (r *Remote) stamp(ctx context.Context, h crypto.Hash, digest []byte) ([]byte, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, err
	}
	query, err := Query(Imprint{Hash: h, Digest: digest, Nonce: nonce}, r.cfg.Policy)
	if err != nil {
		return nil, err
	}
	response, err := r.post(ctx, query)
	if err != nil {
		return nil, err
	}
	tok, err := provenance.VerifyTokenDigest(response, h, digest, r.roots)
	if err != nil {
		// It may carry more than is needed and still be right.
		trimmed, ok := trim(response, r.roots)
		if !ok {
			return nil, err
		}
		if tok, err = provenance.VerifyTokenDigest(trimmed, h, digest, r.roots); err != nil {
			return nil, err
		}
		response = trimmed
	}
	if tok.Nonce == nil || tok.Nonce.Cmp(nonce) != 0 {
		return nil, errors.New("its token answers another request (nonce)")
	}
	if r.cfg.Policy != nil && !tok.Policy.Equal(r.cfg.Policy) {
		return nil, fmt.Errorf("its token is under policy %v, not %v as asked for", tok.Policy, r.cfg.Policy)
	}
	if d := tok.Time.Sub(r.cfg.Now()); d > maxSkew || d < -maxSkew {
		return nil, fmt.Errorf("its clock says %s, ours is %v away: one of them is wrong", tok.Time.Format(time.RFC3339), d.Abs().Round(time.Second))
	}
	return response, nil
}

// post sends a query and returns the answer's body.
func (r *Remote) post(ctx context.Context, query []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.cfg.URL, bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	req.Header.Set("Accept", "application/timestamp-reply")
	if r.cfg.User != "" {
		req.SetBasicAuth(r.cfg.User, r.cfg.Password)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return nil, fmt.Errorf("it answers %s to %q: configure the address it has moved to", resp.Status, resp.Header.Get("Location"))
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", resp.Status)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "application/timestamp-reply" {
		return nil, fmt.Errorf("it answers with %q, not with a time-stamp: is the url right?", resp.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxResponse {
		return nil, fmt.Errorf("its answer is longer than %d bytes", maxResponse)
	}
	return body, nil
}

// Query writes a TimeStampReq (RFC 3161, 2.4.1) that asks for the certificate too. policy
// may be nil.
func Query(im Imprint, policy asn1.ObjectIdentifier) ([]byte, error) {
	oid, ok := provenance.HashOID(im.Hash)
	if !ok || len(im.Digest) != im.Hash.Size() {
		return nil, fmt.Errorf("imprint of %d bytes by %v: want a digest by SHA-2 or SHA3 of at least 256 bits", len(im.Digest), im.Hash)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oid)
				b.AddASN1NULL() // what every authority has seen
			})
			b.AddASN1OctetString(im.Digest)
		})
		if policy != nil {
			b.AddASN1ObjectIdentifier(policy)
		}
		if im.Nonce != nil {
			b.AddASN1BigInt(im.Nonce)
		}
		b.AddASN1Boolean(true)
	})
	return b.Bytes()
}
