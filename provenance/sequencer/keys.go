package sequencer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"selvage/internal/durable"
)

// Keys are the service's own signing keys.
type Keys struct {
	// Log signs checkpoints; LogKey is its verifier key (vkey). Former are the verifier
	// keys it replaced, see [RotateLogKey].
	Log    note.Signer
	LogKey string
	Former []string
	// Service signs statements.
	Service ed25519.PrivateKey
}

// OpenKeys reads the keys kept in dir and makes those that are missing: log.key (note
// signer key), log.vkey, service.key (PKCS #8 PEM). log.former lists the verifier keys that
// log.vkey replaced, one a line. Private keys have mode 0600. origin is the log's name; a
// kept key of another origin is an error, since a log cannot be renamed.
func OpenKeys(dir, origin string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	k := &Keys{}
	var err error
	if k.Log, k.LogKey, err = openLogKey(filepath.Join(dir, "log.key"), origin); err != nil {
		return nil, err
	}
	former, err := os.ReadFile(filepath.Join(dir, "log.former"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keys: %w", err)
	}
	for _, f := range strings.Fields(string(former)) {
		if f != k.LogKey { // a rotation that a crash cut short
			k.Former = append(k.Former, f)
		}
	}
	path := filepath.Join(dir, "log.vkey")
	vkey, err := os.ReadFile(path)
	said := strings.TrimSpace(string(vkey))
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && slices.Contains(k.Former, said):
		err = durable.WriteFile(path, []byte(k.LogKey+"\n"), 0o644)
	case err == nil && said != k.LogKey:
		err = errors.New("log.vkey is not the public half of log.key")
	}
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	k.Service, err = openServiceKey(filepath.Join(dir, "service.key"))
	return k, err
}

// openLogKey reads a note signer key and makes it if it is missing. It returns the signer
// and its verifier key.
func openLogKey(path, origin string) (note.Signer, string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var key string
		if key, _, err = note.GenerateKey(rand.Reader, origin); err == nil {
			text = []byte(key + "\n")
			err = durable.WriteFile(path, text, 0o600)
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("keys: %w", err)
	}
	key := strings.TrimSpace(string(text))
	s, err := note.NewSigner(key)
	if err != nil {
		return nil, "", fmt.Errorf("keys: %s: %w", path, err)
	}
	if s.Name() != origin {
		return nil, "", fmt.Errorf("keys: %s is of log %q, not of %q; a log keeps its name", path, s.Name(), origin)
	}
	parts := strings.SplitN(key, "+", 5) // PRIVATE, KEY, name, hash, key
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, "", fmt.Errorf("keys: %s is not an Ed25519 key", path)
	}
	vkey, err := note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	return s, vkey, err
}

// NextLogKey returns the verifier key of the log's next key, kept in keys/log.next below
// dir (a [NotaryConfig].Dir) and made if there is none: witnesses and whoever follows the
// log must trust it beside the present one before [RotateLogKey].
func NextLogKey(dir, origin string) (string, error) {
	keys, next := filepath.Join(dir, "keys"), filepath.Join(dir, "keys", "log.next")
	if _, err := os.Stat(filepath.Join(keys, "log.key")); err != nil {
		return "", fmt.Errorf("keys: %w", err)
	}
	present, err := OpenKeys(keys, origin)
	if err != nil {
		return "", err
	}
	_, vkey, err := openLogKey(next, origin)
	if err == nil && vkey == present.LogKey { // left by a rotation that a crash cut short
		if err = os.Remove(next); err == nil {
			_, vkey, err = openLogKey(next, origin)
		}
	}
	return vkey, err
}

// RotateLogKey replaces the log's key by the one of [NextLogKey] and forgets the private
// half of the old one. The log stays the same log under the same origin; what the old key
// signed keeps verifying under it, and policies go on naming it. It fails while the log is
// open. A crash leaves the old key in force or the new one.
func RotateLogKey(dir, origin string) (k *Keys, err error) {
	lock, err := durable.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	keys := filepath.Join(dir, "keys")
	old, err := OpenKeys(keys, origin)
	if err != nil {
		return nil, err
	}
	next := filepath.Join(keys, "log.next")
	text, err := os.ReadFile(next)
	if err != nil {
		return nil, fmt.Errorf("keys: no next key is prepared: %w", err)
	}
	// The order is that of OpenKeys' patience: the old key is listed before it is replaced.
	former := strings.Join(append(old.Former, old.LogKey), "\n") + "\n"
	if err := durable.WriteFile(filepath.Join(keys, "log.former"), []byte(former), 0o644); err != nil {
		return nil, err
	}
	if err := durable.WriteFile(filepath.Join(keys, "log.key"), text, 0o600); err != nil {
		return nil, err
	}
	if err := os.Remove(next); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return OpenKeys(keys, origin)
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
