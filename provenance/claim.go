package provenance

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// ClaimStatement is what a designer says of a work and signs with a key of their own,
// before a file leaves their machine. The service cannot have made it up: it does not have
// the key. The [WorkStatement] of the registration names it and repeats what it says.
type ClaimStatement struct {
	Type string `json:"type"` // ClaimType
	// Made is the designer's own clock, as [FormatTime] writes it.
	Made  string `json:"made"`
	Owner string `json:"owner"` // the identifier at the service
	Title string `json:"title"`
	// Previous is the commitment (hex) of the registration that this version replaces.
	Previous       string        `json:"previous,omitempty"`
	Fixed          *ClaimedDate  `json:"fixed,omitempty"`
	FirstDisclosed *ClaimedDate  `json:"firstDisclosed,omitempty"`
	Authors        []Author      `json:"authors,omitempty"`
	Rights         []string      `json:"rights,omitempty"`
	Files          []ClaimedFile `json:"files"`
}

// ClaimedFile is one file of a claim.
type ClaimedFile struct {
	Digest string `json:"digest"` // SHA-256, 64 lower-case hex digits
	Size   int64  `json:"size"`
}

// ClaimRef is how a work statement names a claim.
type ClaimRef struct {
	// Digest is the SHA-256 (hex) of the claim's envelope.
	Digest string `json:"digest"`
	// Key is the [KeyID] of the key that signed it, Registration the commitment (hex) of the
	// [KeyStatement] by which the key is in the log.
	Key          string `json:"key"`
	Registration string `json:"registration"`
}

// KeyStatement brings a designer's key into the log, before it signs anything that a
// dispute could be about. Its envelope is signed by the key itself, which proves that the
// owner has it, and then by the service.
type KeyStatement struct {
	Type    string `json:"type"` // KeyType
	Service string `json:"service"`
	Owner   string `json:"owner"`
	// Key is the public key, PEM as [EncodePublicKey] writes it.
	Key string `json:"key"`
	// Made is the designer's own clock.
	Made string `json:"made"`
	// Replaces is the KeyID of the key before, if there was one.
	Replaces string `json:"replaces,omitempty"`
}

// Check implements [Statement].
func (s *ClaimStatement) Check() error {
	switch {
	case s.Type != ClaimType:
		return fmt.Errorf("type %q: want %q", clip(s.Type), ClaimType)
	case s.Owner == "":
		return errors.New("owner must not be empty")
	case s.Previous != "" && !isDigest(s.Previous):
		return errors.New("previous: want the 64 hex digits of a commitment")
	case len(s.Files) == 0 || len(s.Files) > maxAssets:
		return fmt.Errorf("%d files: want 1 to %d", len(s.Files), maxAssets)
	}
	if _, err := ParseTime(s.Made); err != nil {
		return fmt.Errorf("made: %w", err)
	}
	seen := map[string]bool{}
	for i, f := range s.Files {
		if !isDigest(f.Digest) || f.Size < 0 || f.Size > maxInteger || seen[f.Digest] {
			return fmt.Errorf("file %d: want a digest of 64 lower-case hex digits (SHA-256), once, and a size", i)
		}
		seen[f.Digest] = true
	}
	if err := shortTexts(s.Owner, s.Title); err != nil {
		return err
	}
	return checkClaims(s.Fixed, s.FirstDisclosed, s.Authors, s.Rights)
}

func (s *ClaimStatement) statementType() string { return ClaimType }

// Check implements [Statement].
func (s *KeyStatement) Check() error {
	switch {
	case s.Type != KeyType:
		return fmt.Errorf("type %q: want %q", clip(s.Type), KeyType)
	case s.Service == "" || s.Owner == "":
		return errors.New("service and owner must not be empty")
	}
	if _, err := ParseTime(s.Made); err != nil {
		return fmt.Errorf("made: %w", err)
	}
	if _, err := s.PublicKey(); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	return shortTexts(s.Service, s.Owner, s.Replaces)
}

func (s *KeyStatement) statementType() string { return KeyType }

// PublicKey is the key.
func (s *KeyStatement) PublicKey() (ed25519.PublicKey, error) { return parsePublicKey(s.Key) }

func (c *ClaimRef) check() error {
	if c == nil {
		return nil
	}
	if !isDigest(c.Digest) || !isDigest(c.Registration) || c.Key == "" {
		return errors.New("claim: want digest and registration of 64 hex digits, and a key")
	}
	return shortTexts(c.Key)
}

// SignClaim checks a claim and returns its envelope, signed by the designer's key.
func SignClaim(s *ClaimStatement, key ed25519.PrivateKey) ([]byte, error) {
	b, err := EncodeStatement(s)
	if err != nil {
		return nil, err
	}
	return Sign(b, key)
}

// SignKey returns the envelope of a key statement, signed by the key itself. The service
// adds its own signature with [Countersign].
func SignKey(s *KeyStatement, key ed25519.PrivateKey) ([]byte, error) {
	text, err := EncodePublicKey(key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	if s.Key != text {
		return nil, errors.New("the statement is of another key")
	}
	b, err := EncodeStatement(s)
	if err != nil {
		return nil, err
	}
	return Sign(b, key)
}

// OpenClaim reads a claim and checks that key signed it, and nobody else.
func OpenClaim(envelope []byte, key ed25519.PublicKey) (*ClaimStatement, error) {
	e, err := ParseEnvelope(envelope)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	st, err := ParseStatement(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	c, ok := st.(*ClaimStatement)
	if !ok {
		return nil, fmt.Errorf("claim: it is a %s statement", st.statementType())
	}
	if len(e.Signatures) != 1 {
		return nil, fmt.Errorf("claim: %d signatures: want the designer's alone", len(e.Signatures))
	}
	if err := e.SignedBy(key); err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	return c, nil
}

// OpenKey reads a key statement and checks that the key itself signed it.
func OpenKey(envelope []byte) (*KeyStatement, error) {
	e, err := ParseEnvelope(envelope)
	if err != nil {
		return nil, fmt.Errorf("key statement: %w", err)
	}
	st, err := ParseStatement(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("key statement: %w", err)
	}
	k, ok := st.(*KeyStatement)
	if !ok {
		return nil, fmt.Errorf("key statement: it is a %s statement", st.statementType())
	}
	return k, k.signedBySelf(e)
}

func (s *KeyStatement) signedBySelf(e *Envelope) error {
	pub, err := s.PublicKey()
	if err != nil {
		return fmt.Errorf("key statement: %w", err)
	}
	if err := e.SignedBy(pub); err != nil {
		return fmt.Errorf("key statement: the key has not signed it: %w", err)
	}
	return nil
}

// Countersign adds key's signature to an envelope.
func Countersign(envelope []byte, key ed25519.PrivateKey) ([]byte, error) {
	e, err := ParseEnvelope(envelope)
	if err != nil {
		return nil, err
	}
	if len(e.Signatures) == maxSignatures {
		return nil, fmt.Errorf("envelope: %d signatures already", maxSignatures)
	}
	e.Signatures = append(e.Signatures, Signature{
		KeyID: KeyID(key.Public().(ed25519.PublicKey)), Sig: ed25519.Sign(key, preAuth(e.PayloadType, e.Payload)),
	})
	b, err := canonical(e)
	if err != nil {
		return nil, err
	}
	_, err = ParseEnvelope(b) // the same key twice is refused here
	return b, err
}

// agrees reports the first thing in which a work statement does not repeat its claim.
func (s *ClaimStatement) agrees(w *WorkStatement) error {
	files := make([]ClaimedFile, len(w.Assets))
	for i, a := range w.Assets {
		files[i] = ClaimedFile{a.Digest, a.Size}
	}
	for _, part := range []struct {
		what string
		same bool
	}{
		{"owner", s.Owner == w.Owner.ID},
		{"title", s.Title == w.Title},
		{"previous version", s.Previous == w.Previous},
		{"date of fixing", sameDate(s.Fixed, w.Dates.Fixed)},
		{"date of first disclosure", sameDate(s.FirstDisclosed, w.Dates.FirstDisclosed)},
		{"list of authors", slices.Equal(s.Authors, w.Authors)},
		{"list of rights", slices.Equal(s.Rights, w.Rights)},
		{"list of files", slices.Equal(s.Files, files)},
	} {
		if !part.same {
			return fmt.Errorf("the registration has another %s than the designer's claim", part.what)
		}
	}
	return nil
}

func sameDate(a, b *ClaimedDate) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// DigestOf is the SHA-256 of b in hex, as statements carry it.
func DigestOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
