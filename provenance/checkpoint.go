package provenance

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

const maxCheckpoint = 64 << 10

// Checkpoint is a tree head (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   [32]byte
}

// parseCheckpoint reads a checkpoint's note text. Extension lines are refused: nobody
// audits them.
func parseCheckpoint(text string) (Checkpoint, error) {
	var c Checkpoint
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return c, errors.New("checkpoint: want the three lines origin, size, root hash")
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return c, fmt.Errorf("checkpoint: size %q is not a plain decimal number", clip(lines[1]))
	}
	root, err := decodeBase64(lines[2])
	if err != nil || len(root) != 32 {
		return c, errors.New("checkpoint: root hash is not the base64 of 32 bytes")
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: [32]byte(root)}, nil
}

// OpenCheckpoint verifies a signed checkpoint under one of the log keys (note verifier
// keys), whose name must be the origin. logSigned is the same note with that key's
// signature line only: the bytes that time tokens are over.
func OpenCheckpoint(signed []byte, logs ...note.Verifier) (c Checkpoint, logSigned []byte, err error) {
	c, logSigned, _, _, err = openCheckpoint(signed, logs)
	return c, logSigned, err
}

func openCheckpoint(signed []byte, logs []note.Verifier) (c Checkpoint, logSigned []byte, by note.Verifier, cosigs []note.Signature, err error) {
	if len(signed) > maxCheckpoint {
		return c, nil, nil, nil, fmt.Errorf("checkpoint of %d bytes: the limit is %d", len(signed), maxCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(logs...))
	if err != nil {
		return c, nil, nil, nil, fmt.Errorf("checkpoint: %w", err)
	}
	if c, err = parseCheckpoint(n.Text); err != nil {
		return c, nil, nil, nil, err
	}
	// note.Open drops repeated lines and accepts loose base64; one encoding only here.
	var again strings.Builder
	again.WriteString(n.Text + "\n")
	for _, line := range strings.Split(strings.TrimSuffix(string(signed[len(n.Text)+1:]), "\n"), "\n") {
		name, b64, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		sig, err := decodeBase64(b64)
		if err != nil || len(sig) < 5 {
			return c, nil, nil, nil, errors.New("checkpoint: signature line is not canonical base64")
		}
		hash := binary.BigEndian.Uint32(sig)
		own := slices.IndexFunc(logs, func(v note.Verifier) bool { return v.Name() == name && v.KeyHash() == hash })
		switch {
		case own >= 0 && name == c.Origin && by == nil:
			by = logs[own]
			logSigned = []byte(n.Text + "\n" + line + "\n")
		case own >= 0:
			return c, nil, nil, nil, errors.New("checkpoint: more than one signature by a log key, or one under another origin")
		default:
			cosigs = append(cosigs, note.Signature{Name: name, Hash: hash, Base64: b64})
		}
	}
	if by == nil {
		return c, nil, nil, nil, fmt.Errorf("checkpoint: no signature by a key of origin %q", clip(c.Origin))
	}
	return c, logSigned, by, cosigs, nil
}

// WitnessKey verifies the Ed25519 cosignatures (cosignature/v1, C2SP tlog-cosignature) of
// one witness. It implements note.Verifier; what it verifies is the note's text together
// with the time that the cosignature carries.
type WitnessKey struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// ParseWitnessKey reads a verifier key of signature type 0x04.
func ParseWitnessKey(vkey string) (*WitnessKey, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	hash16, key64, _ := strings.Cut(rest, "+")
	hash, err := strconv.ParseUint(hash16, 16, 32)
	key, err2 := decodeBase64(key64)
	if err != nil || err2 != nil || len(hash16) != 8 || len(key) != 33 || key[0] != 4 {
		return nil, fmt.Errorf("witness key %q: want NAME+HASH+KEY of signature type 4", clip(vkey))
	}
	w, err := NewWitnessKey(name, key[1:])
	if err != nil {
		return nil, err
	}
	if w.hash != uint32(hash) {
		return nil, fmt.Errorf("witness key %q: the hash does not fit the key", clip(vkey))
	}
	return w, nil
}

// NewWitnessKey is the key of the witness of that name.
func NewWitnessKey(name string, key ed25519.PublicKey) (*WitnessKey, error) {
	if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsSpace) || strings.Contains(name, "+") {
		return nil, fmt.Errorf("witness name %q: use a name like a host name, without spaces and '+'", clip(name))
	}
	if len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("witness %q: key of %d bytes, want %d", clip(name), len(key), ed25519.PublicKeySize)
	}
	h := sha256.Sum256(append([]byte(name+"\n\x04"), key...))
	return &WitnessKey{name: name, hash: binary.BigEndian.Uint32(h[:]), key: key}, nil
}

// Name implements note.Verifier.
func (w *WitnessKey) Name() string { return w.name }

// KeyHash implements note.Verifier.
func (w *WitnessKey) KeyHash() uint32 { return w.hash }

// String is the verifier key (vkey).
func (w *WitnessKey) String() string {
	return fmt.Sprintf("%s+%08x+%s", w.name, w.hash, encodeBase64(append([]byte{4}, w.key...)))
}

// Equal reports whether both are the same public key, under whatever names.
func (w *WitnessKey) Equal(v *WitnessKey) bool { return w.key.Equal(v.key) }

// Verify implements note.Verifier: sig is the time in 8 bytes and the signature.
func (w *WitnessKey) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	t := binary.BigEndian.Uint64(sig)
	return t < 1<<63 && ed25519.Verify(w.key, CosignedMessage(t, string(msg)), sig[8:])
}

// CosignedMessage is what a cosignature/v1 at time t (seconds since 1970) signs of a
// checkpoint's note text.
func CosignedMessage(t uint64, text string) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", t, text)
}

// cosigned reports whether sig is this witness's valid cosignature of the note text.
func (w *WitnessKey) cosigned(text string, sig note.Signature) bool {
	raw, err := decodeBase64(sig.Base64)
	return err == nil && sig.Name == w.name && sig.Hash == w.hash && len(raw) > 4 && w.Verify([]byte(text), raw[4:])
}

// decodeBase64 reads standard base64 in its one canonical form.
func decodeBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodeToString(b) != s {
		return nil, errors.New("base64 is not canonical")
	}
	return b, nil
}

func encodeBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
