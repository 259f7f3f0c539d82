package provenance

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
)

// PayloadType is the DSSE payload type of a statement.
const PayloadType = "application/vnd.selvage.statement+json"

const (
	maxEnvelope   = 1 << 20
	maxSignatures = 16
)

// Envelope is a DSSE envelope (secure-systems-lab/dsse v1). Its one encoding here is
// canonical JSON; those exact bytes are what the log commits to.
type Envelope struct {
	Payload     []byte      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []Signature `json:"signatures"`
}

// Signature is one Ed25519 signature over the pre-authentication encoding.
type Signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// KeyID names a public key: "SHA256:" and the unpadded base64 of the SHA-256 of its 32 bytes.
func KeyID(pub ed25519.PublicKey) string {
	h := sha256.Sum256(pub)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(h[:])
}

// preAuth is DSSE's PAE: what is really signed.
func preAuth(payloadType string, payload []byte) []byte {
	b := []byte("DSSEv1 ")
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(b, ' ')
	b = append(b, payloadType...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	b = append(b, ' ')
	return append(b, payload...)
}

// Sign puts an encoded statement into an envelope signed by each of keys, in that order,
// and returns the envelope's exact bytes.
func Sign(statement []byte, keys ...ed25519.PrivateKey) ([]byte, error) {
	if len(keys) == 0 || len(keys) > maxSignatures {
		return nil, fmt.Errorf("envelope: %d keys: want 1 to %d", len(keys), maxSignatures)
	}
	e := Envelope{Payload: statement, PayloadType: PayloadType}
	for _, k := range keys {
		if len(k) != ed25519.PrivateKeySize {
			return nil, errors.New("envelope: not an Ed25519 private key")
		}
		e.Signatures = append(e.Signatures, Signature{
			KeyID: KeyID(k.Public().(ed25519.PublicKey)),
			Sig:   ed25519.Sign(k, preAuth(PayloadType, statement)),
		})
	}
	return canonical(e)
}

// ParseEnvelope reads an envelope strictly. It checks no signature; see [Envelope.SignedBy].
func ParseEnvelope(b []byte) (*Envelope, error) {
	var e Envelope
	if err := decodeCanonical(b, &e, maxEnvelope); err != nil {
		return nil, fmt.Errorf("envelope: %w", err)
	}
	if e.PayloadType != PayloadType {
		return nil, fmt.Errorf("envelope: payload type %q: want %q", clip(e.PayloadType), PayloadType)
	}
	if len(e.Signatures) == 0 || len(e.Signatures) > maxSignatures {
		return nil, fmt.Errorf("envelope: %d signatures: want 1 to %d", len(e.Signatures), maxSignatures)
	}
	seen := map[string]bool{}
	for _, s := range e.Signatures {
		if seen[s.KeyID] {
			return nil, errors.New("envelope: two signatures by one key")
		}
		seen[s.KeyID] = true
	}
	return &e, nil
}

// errUnknownKey: no signature of the envelope is by the given key.
var errUnknownKey = errors.New("no signature by a known key")

// SignedBy reports whether pub signed the envelope: nil if it did, an error if its
// signature is missing or wrong.
func (e *Envelope) SignedBy(pub ed25519.PublicKey) error {
	id := KeyID(pub)
	for _, s := range e.Signatures {
		if s.KeyID != id {
			continue
		}
		if len(pub) != ed25519.PublicKeySize || !ed25519.Verify(pub, preAuth(e.PayloadType, e.Payload), s.Sig) {
			return fmt.Errorf("signature of key %s does not fit the statement", id)
		}
		return nil
	}
	return fmt.Errorf("%w (%s)", errUnknownKey, id)
}

// EncodePublicKey writes an Ed25519 public key as PEM (SubjectPublicKeyInfo), as openssl does.
func EncodePublicKey(pub ed25519.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", fmt.Errorf("public key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// parsePublicKey reads exactly what EncodePublicKey writes.
func parsePublicKey(text string) (ed25519.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("service key: want a PEM block PUBLIC KEY")
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("service key: %w", err)
	}
	pub, ok := k.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("service key: not an Ed25519 key")
	}
	if again, err := EncodePublicKey(pub); err != nil || again != text {
		return nil, errors.New("service key: PEM is not in the form openssl writes")
	}
	return pub, nil
}
