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

// witness verifies Ed25519 cosignature/v1 lines (C2SP tlog-cosignature).
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// parseWitness reads a vkey of signature type 0x04.
func parseWitness(vkey string) (*witness, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	hash16, key64, _ := strings.Cut(rest, "+")
	hash, err := strconv.ParseUint(hash16, 16, 32)
	key, err2 := decodeBase64(key64)
	if err != nil || err2 != nil || len(hash16) != 8 || name == "" || len(key) != 33 || key[0] != 4 {
		return nil, fmt.Errorf("witness key %q: want NAME+HASH+KEY of signature type 4", clip(vkey))
	}
	h := sha256.Sum256(append([]byte(name+"\n"), key...))
	if binary.BigEndian.Uint32(h[:]) != uint32(hash) {
		return nil, fmt.Errorf("witness key %q: the hash does not fit the key", clip(vkey))
	}
	return &witness{name: name, hash: uint32(hash), key: ed25519.PublicKey(key[1:])}, nil
}

// cosigned reports whether sig is this witness's valid cosignature of the note text.
func (w *witness) cosigned(text string, sig note.Signature) bool {
	raw, err := decodeBase64(sig.Base64)
	if err != nil || sig.Name != w.name || sig.Hash != w.hash || len(raw) != 4+8+ed25519.SignatureSize {
		return false
	}
	t := binary.BigEndian.Uint64(raw[4:12])
	if t >= 1<<63 {
		return false
	}
	return ed25519.Verify(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", t, text), raw[12:])
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
