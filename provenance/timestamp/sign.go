package timestamp

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // for Issuer.Hash
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"selvage/provenance"
)

// Object identifiers of RFC 3161, RFC 5652 and RFC 5816.
var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
)

var tag0 = cbasn1.Tag(0).ContextSpecific().Constructed()

// Issuer is what an authority signs with. Key is ECDSA, RSA or Ed25519 and belongs to
// Certificate; Extra are further certificates to carry, up to but not including the root.
type Issuer struct {
	Certificate *x509.Certificate
	Extra       []*x509.Certificate
	Key         crypto.Signer
	Policy      asn1.ObjectIdentifier
	// Hash is the function of the signature: SHA-256, SHA-384 or SHA-512; 0 means SHA-256.
	Hash crypto.Hash
	// Accuracy is how far the clock may be off; whole seconds.
	Accuracy time.Duration
}

// Imprint is what is to be stamped: a digest, and the nonce of the request if it had one.
type Imprint struct {
	Hash   crypto.Hash
	Digest []byte
	Nonce  *big.Int
}

// Respond writes an RFC 3161 response (DER) that grants a time-stamp over an imprint at a
// time, which is cut to whole seconds.
func (i Issuer) Respond(im Imprint, at time.Time) ([]byte, error) {
	token, err := i.token(im, at.UTC().Truncate(time.Second))
	if err != nil {
		return nil, fmt.Errorf("time-stamp: %w", err)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Int64(0) })
		b.AddBytes(token)
	})
	return b.Bytes()
}

func (i Issuer) token(im Imprint, at time.Time) ([]byte, error) {
	info, err := i.info(im, at)
	if err != nil {
		return nil, err
	}
	h := i.Hash
	if h == 0 {
		h = crypto.SHA256
	}
	digestOID, ok := provenance.HashOID(h)
	if !ok {
		return nil, fmt.Errorf("signing with %v: use SHA-256, SHA-384 or SHA-512", h)
	}
	attrs, err := i.signedAttributes(h, info, at)
	if err != nil {
		return nil, err
	}
	sigAlg, sig, err := i.sign(h, attrs)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(tag0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(3)
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { addAlgorithm(b, digestOID) })
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidTSTInfo)
					b.AddASN1(tag0, func(b *cryptobyte.Builder) { b.AddASN1OctetString(info) })
				})
				b.AddASN1(tag0, func(b *cryptobyte.Builder) {
					certs := [][]byte{i.Certificate.Raw}
					for _, c := range i.Extra {
						certs = append(certs, c.Raw)
					}
					slices.SortFunc(certs, bytes.Compare)
					for _, c := range certs {
						b.AddBytes(c)
					}
				})
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1Int64(1)
						b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddBytes(i.Certificate.RawIssuer)
							b.AddASN1BigInt(i.Certificate.SerialNumber)
						})
						addAlgorithm(b, digestOID)
						b.AddBytes(append([]byte{byte(tag0)}, attrs[1:]...))
						b.AddBytes(sigAlg)
						b.AddASN1OctetString(sig)
					})
				})
			})
		})
	})
	return b.Bytes()
}

// info writes TSTInfo (RFC 3161, 2.4.2).
func (i Issuer) info(im Imprint, at time.Time) ([]byte, error) {
	oid, ok := provenance.HashOID(im.Hash)
	if !ok || len(im.Digest) != im.Hash.Size() {
		return nil, fmt.Errorf("imprint of %d bytes by %v: want a digest by SHA-2 or SHA3 of at least 256 bits", len(im.Digest), im.Hash)
	}
	serial := make([]byte, 20)
	if _, err := rand.Read(serial); err != nil {
		return nil, err
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive, at full length
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(i.Policy)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addAlgorithm(b, oid)
			b.AddASN1OctetString(im.Digest)
		})
		b.AddASN1BigInt(new(big.Int).SetBytes(serial))
		b.AddASN1GeneralizedTime(at)
		if s := int64(i.Accuracy / time.Second); s > 0 {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Int64(s) })
		}
		if im.Nonce != nil {
			b.AddASN1BigInt(im.Nonce)
		}
		// tsa [0] GeneralName: directoryName [4], which is a CHOICE and so explicit.
		b.AddASN1(tag0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(i.Certificate.RawSubject) })
		})
	})
	return b.Bytes()
}

// signedAttributes writes the SET OF that is signed, in DER's order.
func (i Issuer) signedAttributes(h crypto.Hash, info []byte, at time.Time) ([]byte, error) {
	w := h.New()
	w.Write(info)
	certID := sha256.Sum256(i.Certificate.Raw)
	var attrs [][]byte
	for _, a := range []struct {
		oid   asn1.ObjectIdentifier
		value func(b *cryptobyte.Builder)
	}{
		{oidContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidTSTInfo) }},
		{oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(w.Sum(nil)) }},
		// RFC 5652, 11.3 wants UTCTime up to 2049 and GeneralizedTime from 2050 on.
		{oidSigningTime, func(b *cryptobyte.Builder) {
			if at.Year() < 2050 {
				b.AddASN1UTCTime(at)
			} else {
				b.AddASN1GeneralizedTime(at)
			}
		}},
		// SigningCertificateV2 with one ESSCertIDv2, hash by default SHA-256 (RFC 5035, 4).
		{oidSigningCertV2, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(certID[:]) })
				})
			})
		}},
	} {
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(a.oid)
			b.AddASN1(cbasn1.SET, a.value)
		})
		der, err := b.Bytes()
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, der)
	}
	slices.SortFunc(attrs, bytes.Compare)
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(attrs...)) })
	return b.Bytes()
}

// sign returns the signature's AlgorithmIdentifier and value.
func (i Issuer) sign(h crypto.Hash, data []byte) (alg, sig []byte, err error) {
	which := map[crypto.Hash]int{crypto.SHA256: 0, crypto.SHA384: 1, crypto.SHA512: 2}
	n, ok := which[h]
	if !ok {
		return nil, nil, fmt.Errorf("signing with %v: use SHA-256, SHA-384 or SHA-512", h)
	}
	w := h.New()
	w.Write(data)
	digest, opts := w.Sum(nil), crypto.SignerOpts(h)
	var b cryptobyte.Builder
	switch i.Key.Public().(type) {
	case *ecdsa.PublicKey: // ecdsa-with-SHA2, without parameters (RFC 5758, 3.2)
		addAlgorithm(&b, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2 + n})
	case *rsa.PublicKey: // sha2WithRSAEncryption, with NULL (RFC 5754, 3.2)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11 + n})
			b.AddASN1NULL()
		})
	case ed25519.PublicKey: // RFC 8419: over the data itself, digest algorithm SHA-512
		if h != crypto.SHA512 {
			return nil, nil, fmt.Errorf("an Ed25519 key signs time-stamps with SHA-512 only (RFC 8419), not %v", h)
		}
		addAlgorithm(&b, asn1.ObjectIdentifier{1, 3, 101, 112})
		digest, opts = data, crypto.Hash(0)
	default:
		return nil, nil, fmt.Errorf("a key of type %T: use ECDSA, RSA or Ed25519", i.Key.Public())
	}
	if alg, err = b.Bytes(); err != nil {
		return nil, nil, err
	}
	sig, err = i.Key.Sign(rand.Reader, digest, opts)
	return alg, sig, err
}

// addAlgorithm adds an AlgorithmIdentifier without parameters (RFC 5754, 2).
func addAlgorithm(b *cryptobyte.Builder, oid asn1.ObjectIdentifier) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid) })
}
