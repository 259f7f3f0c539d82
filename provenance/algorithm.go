package provenance

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha3" // for hashes
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// hashes are the hash functions a time-stamp may use: SHA-2 (RFC 5754) and SHA-3 (FIPS
// 202, object identifiers of NIST's registry). Nothing weaker is read.
var hashes = []struct {
	hash crypto.Hash
	oid  asn1.ObjectIdentifier
}{
	{crypto.SHA256, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}},
	{crypto.SHA384, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}},
	{crypto.SHA512, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}},
	{crypto.SHA3_256, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 8}},
	{crypto.SHA3_384, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 9}},
	{crypto.SHA3_512, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 10}},
}

// HashOID returns the object identifier of a hash function that time-stamps may use.
func HashOID(h crypto.Hash) (asn1.ObjectIdentifier, bool) {
	for _, k := range hashes {
		if k.hash == h {
			return k.oid, true
		}
	}
	return nil, false
}

func hashOf(oid asn1.ObjectIdentifier) (crypto.Hash, bool) {
	for _, k := range hashes {
		if k.oid.Equal(oid) {
			return k.hash, true
		}
	}
	return 0, false
}

// checkDigest demands a hash function that time-stamps may use, and a digest of its size.
func checkDigest(h crypto.Hash, digest []byte) error {
	if _, ok := HashOID(h); !ok {
		return fmt.Errorf("hash function %v: use SHA-256, SHA-384, SHA-512 or SHA3 of those sizes", h)
	}
	if len(digest) != h.Size() {
		return fmt.Errorf("%v digest of %d bytes: want %d", h, len(digest), h.Size())
	}
	return nil
}

// sum hashes the concatenation of parts.
func sum(h crypto.Hash, parts ...[]byte) []byte {
	w := h.New()
	for _, p := range parts {
		w.Write(p)
	}
	return w.Sum(nil)
}

// readAlgorithm reads an AlgorithmIdentifier whose parameters are absent or NULL: all that
// hash functions and the signatures known here have (RFC 5754, 2 and 3; RFC 5758, 3.2).
func readAlgorithm(in *cryptobyte.String) (oid asn1.ObjectIdentifier, ok bool) {
	var alg cryptobyte.String
	if !in.ReadASN1(&alg, cbasn1.SEQUENCE) {
		return nil, false
	}
	return algorithmBody(alg)
}

// algorithmBody is readAlgorithm behind the tag, for where the tag is an implicit one.
func algorithmBody(alg cryptobyte.String) (oid asn1.ObjectIdentifier, ok bool) {
	var null cryptobyte.String
	if !alg.ReadASN1ObjectIdentifier(&oid) {
		return nil, false
	}
	if alg.Empty() {
		return oid, true
	}
	return oid, alg.ReadASN1(&null, cbasn1.NULL) && null.Empty() && alg.Empty()
}

// Sunsets says until when an algorithm or a key is held to be sound. It is data, given by
// whoever verifies, since no one can know today what breaks when. What it does not name
// has no known end. The keys are
//
//	SHA-256 SHA-384 SHA-512 SHA3-256 SHA3-384 SHA3-512   a hash function
//	"ECDSA 256" "RSA 2048" Ed25519                       a kind of key with its size in bits
//	cert:<SHA-256 of a certificate, 64 hex digits>       an authority found rogue, or its key lost:
//	                                                     what it issued is worth nothing from then on,
//	                                                     unless somebody else had stamped it before
//
// As JSON a value is a time of RFC 3339.
type Sunsets map[string]time.Time

var sunsetKey = regexp.MustCompile(`^(SHA-(256|384|512)|SHA3-(256|384|512)|(ECDSA|RSA) [1-9][0-9]{2,4}|Ed25519|cert:[0-9a-f]{64})$`)

// Check refuses names that would have no effect.
func (s Sunsets) Check() error {
	for name := range s {
		if !sunsetKey.MatchString(name) {
			return fmt.Errorf("sunset of %q: use a hash like SHA-256 or SHA3-512, a key like \"RSA 2048\", \"ECDSA 256\" or Ed25519, or cert: and 64 hex digits", clip(name))
		}
	}
	return nil
}

// bound is the end of something, and what ends it.
type bound struct {
	until time.Time // zero: no known end
	by    string
}

// earlier returns the bound that ends first.
func (b bound) earlier(c bound) bound {
	if b.until.IsZero() || !c.until.IsZero() && c.until.Before(b.until) {
		return c
	}
	return b
}

// holds reports whether the bound does not end before t.
func (b bound) holds(t time.Time) bool { return b.until.IsZero() || !b.until.Before(t) }

func (s Sunsets) of(name string) bound {
	if t, ok := s[name]; ok {
		return bound{t.UTC(), name + " is no longer held to be sound"}
	}
	return bound{}
}

// chain is the end of a signature by the first certificate of a chain up to its root:
// validity, keys and hash functions all the way.
func (s Sunsets) chain(certs []*x509.Certificate, signature crypto.Hash) bound {
	b := s.of(signature.String())
	for i, c := range certs {
		b = b.earlier(bound{c.NotAfter.UTC(), fmt.Sprintf("the certificate %q ends", c.Subject.CommonName)})
		b = b.earlier(s.of(keyName(c)))
		id := sha256.Sum256(c.Raw)
		if d := s.of("cert:" + hex.EncodeToString(id[:])); !d.until.IsZero() {
			d.by = fmt.Sprintf("the certificate %q is no longer trusted", c.Subject.CommonName)
			b = b.earlier(d)
		}
		// A root is trusted as such; its signature over itself says nothing.
		if i < len(certs)-1 {
			b = b.earlier(s.of(signatureHash(c.SignatureAlgorithm).String()))
		}
	}
	return b
}

func keyName(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return fmt.Sprintf("ECDSA %d", k.Curve.Params().BitSize)
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "unknown key"
}

// signatureHash is the hash function within a signature. Ed25519 has SHA-512 inside.
func signatureHash(a x509.SignatureAlgorithm) crypto.Hash {
	switch a {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		return crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS, x509.PureEd25519:
		return crypto.SHA512
	}
	return crypto.SHA256
}

// Object identifiers of the signatures that a token may carry (RFC 5754, 5758, 8419).
var (
	oidRSA        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidEd25519    = asn1.ObjectIdentifier{1, 3, 101, 112}
	oidSignatures = []struct {
		oid  asn1.ObjectIdentifier
		hash crypto.Hash
		alg  x509.SignatureAlgorithm
	}{
		{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, crypto.SHA256, x509.ECDSAWithSHA256},
		{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, crypto.SHA384, x509.ECDSAWithSHA384},
		{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, crypto.SHA512, x509.ECDSAWithSHA512},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, crypto.SHA256, x509.SHA256WithRSA},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, crypto.SHA384, x509.SHA384WithRSA},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, crypto.SHA512, x509.SHA512WithRSA},
		// rsaEncryption leaves the hash function to the digest algorithm beside it.
		{oidRSA, crypto.SHA256, x509.SHA256WithRSA},
		{oidRSA, crypto.SHA384, x509.SHA384WithRSA},
		{oidRSA, crypto.SHA512, x509.SHA512WithRSA},
		{oidEd25519, crypto.SHA512, x509.PureEd25519},
	}
)

// signatureAlgorithm fits a signature's algorithm and the digest algorithm beside it together.
func signatureAlgorithm(sig asn1.ObjectIdentifier, digest crypto.Hash) (x509.SignatureAlgorithm, error) {
	for _, s := range oidSignatures {
		if s.oid.Equal(sig) && s.hash == digest {
			return s.alg, nil
		}
	}
	return 0, unsupported("token: a signature that is not ECDSA, RSA (PKCS #1 v1.5) or Ed25519 with the hash function it names")
}
