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
	"math/big"
	"time"
)

const (
	maxToken = 64 << 10
	maxRoots = 64 << 10
)

// Token is what a time-stamp token says once it is verified.
type Token struct {
	// Time is the authority's time; the data existed at Time + Accuracy at the latest.
	Time     time.Time
	Accuracy time.Duration
	// Authority is the common name of the certificate that signed.
	Authority string
	// Chain leads from the signing certificate to Root.
	Chain []*x509.Certificate
	Root  *x509.Certificate
	// Hash is the function of the message imprint; Policy the authority's policy; Nonce the
	// request's, nil where it had none.
	Hash   crypto.Hash
	Policy asn1.ObjectIdentifier
	Nonce  *big.Int

	signedBy crypto.Hash
}

// NotAfter is the latest time at which the stamped data can have come to exist.
func (t Token) NotAfter() time.Time { return t.Time.Add(t.Accuracy) }

// errUntrustedAuthority: the token is sound but leads to none of the given roots.
var errUntrustedAuthority = errors.New("the token's certificate leads to none of the trusted roots")

// VerifyToken checks an RFC 3161 response (DER) over data, whose SHA-256 must be the
// message imprint. The certificate chain is judged at the token's own time, never at
// the present, so the answer does not change with the years.
func VerifyToken(response, data []byte, roots []*x509.Certificate) (Token, error) {
	digest := sha256.Sum256(data)
	return VerifyTokenDigest(response, crypto.SHA256, digest[:], roots)
}

// VerifyTokenDigest is [VerifyToken] for an imprint made with h, which must be a SHA-2 or
// SHA3 of at least 256 bits. A token over the same digest by another function is refused.
func VerifyTokenDigest(response []byte, h crypto.Hash, digest []byte, roots []*x509.Certificate) (Token, error) {
	if err := checkDigest(h, digest); err != nil {
		return Token{}, fmt.Errorf("token: %w", err)
	}
	raw, err := openResponse(response)
	if err != nil {
		return Token{}, err
	}
	s, err := parseStamp(raw)
	if err != nil {
		return Token{}, err
	}
	return s.verify(h, digest, roots)
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
