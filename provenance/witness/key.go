package witness

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"selvage/internal/durable"
	"selvage/provenance"
)

// key signs cosignatures.
type key struct {
	*provenance.WitnessKey
	private ed25519.PrivateKey
}

// openKey reads the key kept in dir and makes it if there is none. A kept key of another
// name is an error: those who trust a witness know it by key and name.
func openKey(dir, name string) (*key, error) {
	path := filepath.Join(dir, "witness.key")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := provenance.NewWitnessKey(name, make(ed25519.PublicKey, ed25519.PublicKeySize)); err != nil {
			return nil, err
		}
		// The form that other witnesses keep their keys in.
		var signer string
		if signer, _, err = note.GenerateKey(rand.Reader, name); err == nil {
			text = []byte(signer + "\n")
			err = durable.WriteFile(path, text, 0o600)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("witness key: %w", err)
	}
	k, err := parseKey(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("witness key %s: %w", path, err)
	}
	if k.Name() != name {
		return nil, fmt.Errorf("witness key %s is of %q, not of %q; a witness keeps its name", path, k.Name(), name)
	}
	return k, durable.WriteFile(filepath.Join(dir, "witness.vkey"), []byte(k.String()+"\n"), 0o644)
}

func parseKey(signer string) (*key, error) {
	// The note package checks the form and that hash and key fit.
	if _, err := note.NewSigner(signer); err != nil {
		return nil, err
	}
	parts := strings.SplitN(signer, "+", 5) // PRIVATE, KEY, name, hash, key
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize || seed[0] != 1 {
		return nil, errors.New("not an Ed25519 note signer key")
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	w, err := provenance.NewWitnessKey(parts[2], private.Public().(ed25519.PublicKey))
	return &key{w, private}, err
}

// cosign returns the cosignature of a checkpoint's text.
func (k *key) cosign(text string, at time.Time) note.Signature {
	t := uint64(max(at.Unix(), 0))
	sig := binary.BigEndian.AppendUint32(nil, k.KeyHash())
	sig = binary.BigEndian.AppendUint64(sig, t)
	sig = append(sig, ed25519.Sign(k.private, provenance.CosignedMessage(t, text))...)
	return note.Signature{Name: k.Name(), Hash: k.KeyHash(), Base64: base64.StdEncoding.EncodeToString(sig)}
}
