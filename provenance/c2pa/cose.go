package c2pa

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// sign1 is a COSE_Sign1 (RFC 9052, 4.2).
type sign1 struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected map[any]cbor.RawMessage
	Payload     cbor.RawMessage
	Signature   []byte
}

// algorithms are those of the specification (13.2), by their COSE numbers.
var algorithms = map[int64]struct {
	name string
	hash crypto.Hash
}{
	-7: {"ES256", crypto.SHA256}, -35: {"ES384", crypto.SHA384}, -36: {"ES512", crypto.SHA512},
	-37: {"PS256", crypto.SHA256}, -38: {"PS384", crypto.SHA384}, -39: {"PS512", crypto.SHA512},
	-8: {"EdDSA", 0},
}

// signature reads and checks the signature over the claim.
func (r *reader) signature(claim []byte) Signature {
	s := Signature{Check: NotChecked}
	if err := s.read(r.manifest, claim); err != nil {
		s.Note = clean(err.Error())
	}
	return s
}

func (s *Signature) read(manifest *superbox, claim []byte) error {
	box, err := manifest.child("c2pa.signature")
	if err != nil {
		return err
	}
	if box.uuid != typeSignature {
		return errors.New("c2pa.signature is no signature box")
	}
	text, err := box.cbor()
	if err != nil {
		return err
	}
	var tag cbor.RawTag
	if decoder.Unmarshal(text, &tag) == nil && tag.Number == 18 {
		text = tag.Content
	}
	var sig sign1
	protected := map[any]cbor.RawMessage{}
	if err := decoder.Unmarshal(text, &sig); err != nil {
		return fmt.Errorf("the signature is no COSE_Sign1: %w", err)
	}
	if err := decoder.Unmarshal(sig.Protected, &protected); err != nil {
		return fmt.Errorf("the signature's header cannot be read: %w", err)
	}
	s.Time = claimedTime(sig.Unprotected)
	leaf, err := certificate(protected, sig.Unprotected)
	if err != nil {
		return err
	}
	s.Issuer, s.CommonName = clean(leaf.Issuer.CommonName), clean(leaf.Subject.CommonName)
	if len(leaf.Issuer.Organization) > 0 {
		s.Issuer = clean(leaf.Issuer.Organization[0])
	}
	end := leaf.NotAfter.UTC()
	s.NotAfter = &end

	var number int64
	if err := decoder.Unmarshal(protected[uint64(1)], &number); err != nil {
		return errors.New("the signature names no algorithm")
	}
	alg, ok := algorithms[number]
	if !ok {
		return fmt.Errorf("the signature algorithm %d is not known here", number)
	}
	s.Algorithm = alg.name
	// The payload is detached (specification, 13.2); what is signed is the claim in the store.
	if !bytes.Equal(sig.Payload, []byte{0xf6}) {
		s.Check = Invalid
		return errors.New("the signature carries a payload of its own")
	}
	signed, err := cbor.Marshal([]any{"Signature1", sig.Protected, []byte{}, claim}) // RFC 9052, 4.4
	if err != nil {
		return err
	}
	key := publicKey(leaf)
	if key == nil {
		return errors.New("the certificate's key is of a kind that is not known here")
	}
	s.Check = Invalid
	if verify(alg.name, alg.hash, key, signed, sig.Signature) {
		s.Check = Valid
	}
	return nil
}

// oidPSS marks RSA keys that are for PSS alone (RFC 4055, 3.1).
var oidPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}

// publicKey is the certificate's key. Package x509 leaves out keys for PSS alone, which are
// common here; nil for any other that it does not know.
func publicKey(c *x509.Certificate) any {
	if c.PublicKey != nil {
		return c.PublicKey
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if rest, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &info); err != nil || len(rest) > 0 || !info.Algorithm.Algorithm.Equal(oidPSS) {
		return nil
	}
	key, err := x509.ParsePKCS1PublicKey(info.Key.RightAlign())
	if err != nil {
		return nil
	}
	return key
}

// verify checks one signature; a key of the wrong kind verifies nothing.
func verify(alg string, hash crypto.Hash, key any, signed, sig []byte) bool {
	var digest []byte
	if hash != 0 {
		h := hash.New()
		h.Write(signed)
		digest = h.Sum(nil)
	}
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		n := (k.Curve.Params().BitSize + 7) / 8
		if alg[:2] != "ES" || len(sig) != 2*n {
			return false
		}
		return ecdsa.Verify(k, digest, new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:]))
	case *rsa.PublicKey:
		if alg[:2] != "PS" {
			return false
		}
		return rsa.VerifyPSS(k, hash, digest, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
	case ed25519.PublicKey:
		return alg == "EdDSA" && ed25519.Verify(k, signed, sig)
	}
	return false
}

// certificate is the first of x5chain (RFC 9360): header 33, or the name in early claims.
func certificate(headers ...map[any]cbor.RawMessage) (*x509.Certificate, error) {
	for _, h := range headers {
		for _, name := range []any{uint64(33), "x5chain"} {
			raw, ok := h[name]
			if !ok {
				continue
			}
			var one []byte
			var chain [][]byte
			if decoder.Unmarshal(raw, &one) != nil {
				if err := decoder.Unmarshal(raw, &chain); err != nil || len(chain) == 0 {
					return nil, errors.New("the signature's certificates cannot be read")
				}
				one = chain[0]
			}
			leaf, err := x509.ParseCertificate(one)
			if err != nil {
				return nil, fmt.Errorf("the signer's certificate cannot be read: %w", err)
			}
			return leaf, nil
		}
	}
	return nil, errors.New("the signature carries no certificate")
}

// claimedTime is the time in the first time stamp of the signature (sigTst2, or sigTst in
// version 1), not checked; nil where there is none that can be read.
func claimedTime(unprotected map[any]cbor.RawMessage) *time.Time {
	for _, name := range []string{"sigTst2", "sigTst"} {
		var v struct {
			Tokens []struct {
				Val []byte `cbor:"val"`
			} `cbor:"tstTokens"`
		}
		if decoder.Unmarshal(unprotected[name], &v) == nil && len(v.Tokens) > 0 {
			if t, err := tokenTime(v.Tokens[0].Val); err == nil {
				return &t
			}
		}
	}
	return nil
}

// tokenTime reads genTime of an RFC 3161 token, or of the response around it. No signature
// is checked.
func tokenTime(der []byte) (time.Time, error) {
	var response struct {
		Status asn1.RawValue
		Token  asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(der, &response); err == nil && response.Status.Tag == asn1.TagSequence && len(response.Token.FullBytes) > 0 {
		der = response.Token.FullBytes
	}
	var content struct {
		Type asn1.ObjectIdentifier
		Data struct {
			Version int
			Digests asn1.RawValue
			Info    struct {
				Type asn1.ObjectIdentifier
				Data []byte `asn1:"explicit,tag:0"`
			}
		} `asn1:"explicit,tag:0"`
	}
	if _, err := asn1.Unmarshal(der, &content); err != nil {
		return time.Time{}, fmt.Errorf("time stamp: %w", err)
	}
	var info struct {
		Version int
		Policy  asn1.ObjectIdentifier
		Imprint asn1.RawValue
		Serial  *big.Int
		Time    time.Time `asn1:"generalized"`
	}
	if _, err := asn1.Unmarshal(content.Data.Info.Data, &info); err != nil {
		return time.Time{}, fmt.Errorf("time stamp: %w", err)
	}
	return info.Time.UTC(), nil
}
