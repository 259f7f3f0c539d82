package sequencer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"selvage/provenance/internal/durable"
)

// Keys are the service's own signing keys.
type Keys struct {
	// Log signs checkpoints; LogKey is its verifier key (vkey).
	Log    note.Signer
	LogKey string
	// Service signs statements.
	Service ed25519.PrivateKey
}

// OpenKeys reads the keys kept in dir and makes those that are missing: log.key (note
// signer key), log.vkey, service.key (PKCS #8 PEM). Private keys have mode 0600. origin is
// the log's name; a kept key of another origin is an error, since a log cannot be renamed.
func OpenKeys(dir, origin string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	k := &Keys{}
	skey, err := os.ReadFile(filepath.Join(dir, "log.key"))
	if errors.Is(err, fs.ErrNotExist) {
		var s, v string
		if s, v, err = note.GenerateKey(rand.Reader, origin); err == nil {
			skey = []byte(s + "\n")
			// The public half first: with the private half in place both are.
			err = durable.WriteFile(filepath.Join(dir, "log.vkey"), []byte(v+"\n"), 0o644)
		}
		if err == nil {
			err = durable.WriteFile(filepath.Join(dir, "log.key"), skey, 0o600)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	vkey, err := os.ReadFile(filepath.Join(dir, "log.vkey"))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	k.LogKey = strings.TrimSpace(string(vkey))
	if k.Log, err = note.NewSigner(strings.TrimSpace(string(skey))); err != nil {
		return nil, fmt.Errorf("keys: log.key: %w", err)
	}
	v, err := note.NewVerifier(k.LogKey)
	if err != nil {
		return nil, fmt.Errorf("keys: log.vkey: %w", err)
	}
	if v.KeyHash() != k.Log.KeyHash() || v.Name() != k.Log.Name() {
		return nil, errors.New("keys: log.vkey is not the public half of log.key")
	}
	if k.Log.Name() != origin {
		return nil, fmt.Errorf("keys: log.key is of log %q, not of %q; a log keeps its name", k.Log.Name(), origin)
	}
	k.Service, err = openServiceKey(filepath.Join(dir, "service.key"))
	return k, err
}

func openServiceKey(path string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		return key, durable.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("keys: %s is not PEM", path)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("keys: %s: %w", path, err)
	}
	key, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("keys: %s is not an Ed25519 key", path)
	}
	return key, nil
}
