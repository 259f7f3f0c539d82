package provenance

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// SaltSize is the length of a salt in bytes.
const SaltSize = 32

// Commit returns the log entry for an envelope: HMAC-SHA-256 with the salt as key over
// the envelope's exact bytes. Without the salt the entry tells nothing about the
// envelope, even to somebody who has the registered file.
func Commit(salt [SaltSize]byte, envelope []byte) [32]byte {
	m := hmac.New(sha256.New, salt[:])
	m.Write(envelope)
	return [32]byte(m.Sum(nil))
}

// Sealed is a signed statement with its salt: what must be durable before the
// commitment goes to the log, since a log entry whose salt is lost proves nothing.
type Sealed struct {
	Envelope []byte
	Salt     [SaltSize]byte
	Named
}

// Named is what a work statement names by digest, and a receipt therefore carries.
type Named struct {
	// Claim is the envelope of the designer's own claim, Key the receipt of the key that
	// signed it.
	Claim []byte   `json:"claim,omitempty"`
	Key   *Receipt `json:"key,omitempty"`
	// Outside is the value of the statement's NotBefore, OutsideWitnesses the keys of the
	// witnesses that have cosigned it, if it is a checkpoint.
	Outside          []byte   `json:"outside,omitempty"`
	OutsideWitnesses []string `json:"outsideWitnesses,omitempty"`
}

// Commitment is the log entry.
func (s Sealed) Commitment() [32]byte { return Commit(s.Salt, s.Envelope) }

// Seal checks and encodes a statement, signs it with each key and draws a salt.
func Seal(st Statement, keys ...ed25519.PrivateKey) (Sealed, error) {
	b, err := EncodeStatement(st)
	if err != nil {
		return Sealed{}, err
	}
	env, err := Sign(b, keys...)
	if err != nil {
		return Sealed{}, err
	}
	return salted(env)
}

// SealEnvelope adds key's signature to an envelope and draws a salt.
func SealEnvelope(envelope []byte, key ed25519.PrivateKey) (Sealed, error) {
	env, err := Countersign(envelope, key)
	if err != nil {
		return Sealed{}, err
	}
	return salted(env)
}

func salted(envelope []byte) (Sealed, error) {
	s := Sealed{Envelope: envelope}
	if _, err := rand.Read(s.Salt[:]); err != nil {
		return Sealed{}, fmt.Errorf("salt: %w", err)
	}
	return s, nil
}

func parseSalt(s string) (salt [SaltSize]byte, err error) {
	if !isDigest(s) {
		return salt, errors.New("salt: want 64 lower-case hex digits")
	}
	b, err := hex.DecodeString(s)
	return [SaltSize]byte(b), err
}

// opening is the text of opening.txt: all that is needed to open a commitment by hand.
func opening(salt [SaltSize]byte, envelope []byte) []byte {
	return fmt.Appendf(nil, "selvage.opening.v1\nsalt %x\ncommitment %x\n", salt, Commit(salt, envelope))
}

// parseOpening reads what opening writes. It does not know the envelope, so the caller
// compares the commitment.
func parseOpening(b []byte) (salt [SaltSize]byte, commitment [32]byte, err error) {
	bad := errors.New("opening: want the three lines selvage.opening.v1, salt HEX, commitment HEX")
	lines := strings.Split(string(b), "\n")
	if len(lines) != 4 || lines[0] != "selvage.opening.v1" || lines[3] != "" {
		return salt, commitment, bad
	}
	saltHex, ok1 := strings.CutPrefix(lines[1], "salt ")
	commitHex, ok2 := strings.CutPrefix(lines[2], "commitment ")
	if !ok1 || !ok2 || !isDigest(saltHex) || !isDigest(commitHex) {
		return salt, commitment, bad
	}
	if salt, err = parseSalt(saltHex); err != nil {
		return salt, commitment, err
	}
	c, err := hex.DecodeString(commitHex)
	return salt, [32]byte(c), err
}
