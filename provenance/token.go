package provenance

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"
)

const (
	maxToken = 64 << 10
	maxRoots = 64 << 10
)

// Object identifiers of RFC 3161, RFC 5652 and RFC 5816.
var (
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidExtKeyUsage   = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// Token is what a time-stamp token says once it is verified.
type Token struct {
	// Time is the authority's time; the data existed at Time + Accuracy at the latest.
	Time     time.Time
	Accuracy time.Duration
	// Authority is the common name of the certificate that signed.
	Authority string
	Root      *x509.Certificate
}

// NotAfter is the latest time at which the stamped data can have come to exist.
func (t Token) NotAfter() time.Time { return t.Time.Add(t.Accuracy) }

// errUntrustedAuthority: the token is sound but leads to none of the given roots.
var errUntrustedAuthority = errors.New("the token's certificate leads to none of the trusted roots")

// VerifyToken checks an RFC 3161 response (DER) over data, whose SHA-256 must be the
// message imprint. The certificate chain is judged at the token's own time, never at
// the present, so the answer does not change with the years.
func VerifyToken(response, data []byte, roots []*x509.Certificate) (tok Token, err error) {
	// The ASN.1 of a token comes from outside and is read by code that is not ours.
	defer func() {
		if p := recover(); p != nil {
			tok, err = Token{}, fmt.Errorf("token: unreadable: %v", p)
		}
	}()
	if len(response) > maxToken {
		return tok, fmt.Errorf("token of %d bytes: the limit is %d", len(response), maxToken)
	}
	ts, p7, err := parseToken(response)
	if err != nil {
		return tok, fmt.Errorf("token: %w", err)
	}
	want := sha256.Sum256(data)
	if ts.HashAlgorithm != crypto.SHA256 || !bytes.Equal(ts.HashedMessage, want[:]) {
		return tok, errors.New("token: it is over other data")
	}
	signer := p7.GetOnlySigner()
	if signer == nil {
		return tok, errors.New("token: want exactly one signer, with its certificate in the token")
	}
	if err := checkSignedAttributes(p7, signer); err != nil {
		return tok, err
	}
	if err := checkStampingUsage(signer); err != nil {
		return tok, err
	}
	if ts.Time.Before(signer.NotBefore) || ts.Time.After(signer.NotAfter) {
		return tok, fmt.Errorf("token: its time %s lies outside its certificate's validity", ts.Time.UTC().Format(time.RFC3339))
	}
	tok = Token{Time: ts.Time.UTC(), Accuracy: ts.Accuracy, Authority: signer.Subject.CommonName}
	if ts.Accuracy < 0 {
		return Token{}, errors.New("token: negative accuracy")
	}
	tok.Root, err = chainRoot(p7.Certificates, signer, roots, ts.Time)
	return tok, err
}

// parsing serialises pkcs7's decoder, which keeps a counter in a package variable.
var parsing sync.Mutex

// parseToken also verifies the signature, if the token carries any certificate; that the
// signer's is among them is the caller's to demand.
func parseToken(response []byte) (*timestamp.Timestamp, *pkcs7.PKCS7, error) {
	parsing.Lock()
	defer parsing.Unlock()
	ts, err := timestamp.ParseResponse(response)
	if err != nil {
		return nil, nil, err
	}
	p7, err := pkcs7.Parse(ts.RawToken)
	return ts, p7, err
}

func chainRoot(carried []*x509.Certificate, signer *x509.Certificate, roots []*x509.Certificate, at time.Time) (*x509.Certificate, error) {
	opts := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	}
	for _, c := range roots {
		opts.Roots.AddCert(c)
	}
	for _, c := range carried {
		opts.Intermediates.AddCert(c)
	}
	chains, err := signer.Verify(opts)
	if err != nil {
		return nil, fmt.Errorf("token: %w: %v", errUntrustedAuthority, err)
	}
	return chains[0][len(chains[0])-1], nil
}

// checkSignedAttributes demands that the signature was made for a time stamp (content
// type, RFC 3161 2.4.2) and by this very certificate (ESSCertIDv2, RFC 5816).
func checkSignedAttributes(p7 *pkcs7.PKCS7, signer *x509.Certificate) error {
	var contentType asn1.ObjectIdentifier
	if err := p7.UnmarshalSignedAttribute(oidContentType, &contentType); err != nil || !contentType.Equal(oidTSTInfo) {
		return errors.New("token: the signature is not over a time stamp")
	}
	var ess struct{ Certs []asn1.RawValue }
	if err := p7.UnmarshalSignedAttribute(oidSigningCertV2, &ess); err != nil || len(ess.Certs) == 0 {
		return errors.New("token: no signing certificate attribute")
	}
	// ESSCertIDv2 is hashAlgorithm (default SHA-256), certHash, issuerSerial; another
	// algorithm than the default would come first.
	var hash []byte
	if _, err := asn1.Unmarshal(ess.Certs[0].Bytes, &hash); err != nil {
		var alg asn1.RawValue
		rest, err := asn1.Unmarshal(ess.Certs[0].Bytes, &alg)
		if err != nil {
			return errors.New("token: unreadable signing certificate attribute")
		}
		if _, err := asn1.Unmarshal(rest, &hash); err != nil {
			return errors.New("token: unreadable signing certificate attribute")
		}
	}
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		if len(hash) == h.Size() {
			w := h.New()
			w.Write(signer.Raw)
			if bytes.Equal(w.Sum(nil), hash) {
				return nil
			}
		}
	}
	return errors.New("token: signed for another certificate")
}

// checkStampingUsage demands the extended key usage timeStamping, critical and alone
// (RFC 3161, 2.3).
func checkStampingUsage(c *x509.Certificate) error {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidExtKeyUsage) && e.Critical &&
			len(c.ExtKeyUsage) == 1 && c.ExtKeyUsage[0] == x509.ExtKeyUsageTimeStamping && len(c.UnknownExtKeyUsage) == 0 {
			return nil
		}
	}
	return errors.New("token: the certificate is not for time stamping alone")
}

// parseRoots reads PEM certificates: at least one, nothing else between them.
func parseRoots(text string) ([]*x509.Certificate, error) {
	if len(text) > maxRoots {
		return nil, fmt.Errorf("authority certificates of %d bytes: the limit is %d", len(text), maxRoots)
	}
	var certs []*x509.Certificate
	var again bytes.Buffer
	for rest := []byte(text); len(rest) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("authority certificates: text that is not PEM")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("authority certificates: %w", err)
		}
		certs = append(certs, c)
		if err := pem.Encode(&again, &pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}); err != nil {
			return nil, fmt.Errorf("authority certificates: %w", err)
		}
	}
	if len(certs) == 0 {
		return nil, errors.New("authority certificates: none")
	}
	if again.String() != text {
		return nil, errors.New("authority certificates: PEM is not in its plain form")
	}
	return certs, nil
}
