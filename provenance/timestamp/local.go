// Package timestamp gets RFC 3161 tokens: from authorities by URL ([Remote]), from the
// built-in local authority ([Local]), or from several of them in an order of preference
// ([Several]). The verifying half is provenance.VerifyToken.
//
// The local authority has keys of its own in the data directory. It proves plumbing and
// order, not independence; its name says so, and so does every report that rests on it.
package timestamp

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"selvage/internal/durable"
	"selvage/provenance"
)

// LocalName is the common name in the local authority's certificates.
const LocalName = "Selvage local time authority (not independent)"

const (
	year       = 365 * 24 * time.Hour
	rootLife   = 40 * year
	signerLife = 15 * year
	// renewBefore is how long before its end a signing certificate is replaced.
	renewBefore = year
)

// policyOID stands for the local authority's policy, under a UUID-based arc (ITU-T
// X.667), which needs no registration.
var policyOID = asn1.ObjectIdentifier{2, 25, 1871270437, 1}

// Local is a time authority run by the service itself. Its methods are safe for
// concurrent use.
type Local struct {
	now   func() time.Time
	dir   string
	roots string
	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey

	mu     sync.Mutex // guards what follows
	signer *x509.Certificate
	key    *ecdsa.PrivateKey
}

// OpenLocal opens the authority kept in dir and makes it on the first call: a root
// (ca.pem, ca.key) and a signing certificate (tsa.pem, tsa.key), keys with mode 0600.
// now is the clock; nil means time.Now.
func OpenLocal(dir string, now func() time.Time) (*Local, error) {
	if now == nil {
		now = time.Now
	}
	l := &Local{dir: dir, now: now}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("local time authority: %w", err)
	}
	var err error
	if l.ca, l.caKey, err = l.load("ca"); errors.Is(err, fs.ErrNotExist) {
		l.ca, l.caKey, err = l.makeRoot()
	}
	if err != nil {
		return nil, fmt.Errorf("local time authority: %w", err)
	}
	l.roots = string(encodeCert(l.ca))
	l.signer, l.key, err = l.load("tsa")
	if errors.Is(err, fs.ErrNotExist) {
		l.signer, l.key, err = l.makeSigner()
	}
	if err != nil {
		return nil, fmt.Errorf("local time authority: %w", err)
	}
	if err := l.signer.CheckSignatureFrom(l.ca); err != nil {
		return nil, fmt.Errorf("local time authority: tsa.pem is not by ca.pem: %w", err)
	}
	return l, nil
}

// Authority names the authority and its root, for receipts and policies.
func (l *Local) Authority() provenance.Authority {
	return provenance.Authority{Name: LocalName, Roots: l.roots}
}

// Stamp returns an RFC 3161 response (DER) over the SHA-256 of data, with the present
// second as time and one second as accuracy.
func (l *Local) Stamp(ctx context.Context, data []byte) ([]byte, error) {
	h := sha256.Sum256(data)
	return l.StampDigest(ctx, crypto.SHA256, h[:])
}

// StampDigest is Stamp over a digest that is already made, by a hash function that
// provenance.HashOID knows.
func (l *Local) StampDigest(ctx context.Context, h crypto.Hash, digest []byte) ([]byte, error) {
	return l.respond(ctx, Imprint{Hash: h, Digest: digest})
}

func (l *Local) respond(ctx context.Context, im Imprint) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := l.now().UTC()
	signer, key, err := l.current(now)
	if err != nil {
		return nil, fmt.Errorf("local time authority: %w", err)
	}
	resp, err := Issuer{Certificate: signer, Key: key, Policy: policyOID, Accuracy: time.Second}.Respond(im, now)
	if err != nil {
		return nil, fmt.Errorf("local time authority: %w", err)
	}
	return resp, nil
}

// current returns the signing certificate, replaced in time before it ends.
func (l *Local) current(now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.After(l.signer.NotAfter.Add(-renewBefore)) && now.Before(l.ca.NotAfter) {
		c, k, err := l.makeSigner()
		if err != nil {
			return nil, nil, err
		}
		l.signer, l.key = c, k
	}
	if now.Before(l.signer.NotBefore) || now.After(l.signer.NotAfter) {
		return nil, nil, fmt.Errorf("the clock (%s) is outside the certificate's validity; set the clock", now.Format(time.RFC3339))
	}
	return l.signer, l.key, nil
}

func (l *Local) makeRoot() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	now := l.now().UTC().Truncate(time.Second)
	t := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Selvage"}, CommonName: LocalName + " root"},
		NotBefore:             now.Add(-24 * time.Hour),
		NotAfter:              now.Add(rootLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return l.make("ca", t, nil, nil)
}

func (l *Local) makeSigner() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	now := l.now().UTC().Truncate(time.Second)
	end := now.Add(signerLife)
	if end.After(l.ca.NotAfter) {
		end = l.ca.NotAfter
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Selvage"}, CommonName: LocalName},
		NotBefore:             now.Add(-24 * time.Hour),
		NotAfter:              end,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		// RFC 3161, 2.3 wants this extension critical, which the template's own field is not.
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}
	return l.make("tsa", t, l.ca, l.caKey)
}

// make creates key and certificate and keeps both; the certificate is written last, so
// its presence means that both are there.
func (l *Local) make(name string, t, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126)); err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, parentKey = t, key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	if err := durable.WriteFile(filepath.Join(l.dir, name+".key"), keyPEM, 0o600); err != nil {
		return nil, nil, err
	}
	if err := durable.WriteFile(filepath.Join(l.dir, name+".pem"), encodeCert(cert), 0o644); err != nil {
		return nil, nil, err
	}
	return cert, key, nil
}

// load reads a certificate and its key. fs.ErrNotExist means that there is no certificate.
func (l *Local) load(name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	certPEM, err := os.ReadFile(filepath.Join(l.dir, name+".pem"))
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err := os.ReadFile(filepath.Join(l.dir, name+".key"))
	if err != nil {
		// Not %w: a lost key must not look like a first start.
		return nil, nil, fmt.Errorf("%s.pem has no key beside it: %v", name, err)
	}
	certBlock, _ := pem.Decode(certPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if certBlock == nil || keyBlock == nil {
		return nil, nil, fmt.Errorf("%s.pem or %s.key is not PEM", name, name)
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s.pem: %w", name, err)
	}
	k, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s.key: %w", name, err)
	}
	key, ok := k.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(cert.PublicKey) {
		// A crash between the two writes of a renewal leaves a new key beside an old
		// certificate; a new pair costs nothing, old tokens carry their certificate.
		if name == "tsa" {
			return nil, nil, fs.ErrNotExist
		}
		return nil, nil, fmt.Errorf("%s.key is not the key of %s.pem", name, name)
	}
	return cert, key, nil
}

func encodeCert(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
