package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"selvage/registry"
	"selvage/store"
)

// Role says what a key may do; the table is in openapi.yaml.
type Role string

// The roles.
const (
	Admin    Role = "admin"    // everything, for any owner
	Designer Role = "designer" // own works, matches and evidence
	Detector Role = "detector" // matches only
	Officer  Role = "officer"  // reads, compares and takes evidence for any owner; never registers
)

var roles = []Role{Admin, Designer, Detector, Officer}

// Key is an API key without its secret.
type Key struct {
	ID      string           `json:"id"` // "k_" and 16 characters
	Name    string           `json:"name,omitempty"`
	Role    Role             `json:"role"`
	Owner   registry.OwnerID `json:"owner"`
	Created time.Time        `json:"created"`
	Revoked *time.Time       `json:"revoked,omitempty"`
}

// Errors of the key ring.
var (
	// ErrNoKey: no such key, or it was revoked.
	ErrNoKey = errors.New("no such key")
	// ErrLastAdmin: revoking the key would leave nobody who can make keys.
	ErrLastAdmin = errors.New("this is the last admin key: make another one first")
)

const (
	secretPrefix = "selv_"
	maxKeyName   = 100 // characters
)

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// keyRecord is the stored form of a key. Hash repeats the row's key, so that a lookup
// can compare in constant time whatever the store did to find the row.
type keyRecord struct {
	Key
	Hash string `json:"hash"`
}

// Keyring keeps API keys in a KV store. It reads the store at every lookup, so that a
// key revoked anywhere stops everywhere at once. It is safe for concurrent use; its
// errors are ErrNoKey, ErrLastAdmin, *registry.InvalidError and those of the store.
type Keyring struct {
	kv    store.KV
	clock func() time.Time
}

// NewKeyring returns the key ring kept in kv. A nil clock means time.Now.
func NewKeyring(kv store.KV, clock func() time.Time) *Keyring {
	if clock == nil {
		clock = time.Now
	}
	return &Keyring{kv: kv, clock: clock}
}

// Create makes a key and returns it with its secret, which is stored nowhere and cannot
// be had again.
func (r *Keyring) Create(ctx context.Context, name string, role Role, owner registry.OwnerID) (Key, string, error) {
	if err := checkKey(name, role, owner); err != nil {
		return Key{}, "", err
	}
	rec, secret := r.fresh(name, role, owner)
	err := r.kv.Update(ctx, func(tx store.Txn) error { return putNew(tx, rec) })
	if err != nil {
		return Key{}, "", fmt.Errorf("create key: %w", err)
	}
	return rec.Key, secret, nil
}

// EnsureAdmin makes an admin key if no admin key is in force, and says whether it did.
// Call it at every start and show the secret when created is true.
func (r *Keyring) EnsureAdmin(ctx context.Context) (secret string, created bool, err error) {
	rec, fresh := r.fresh("first admin key", Admin, "admin")
	err = r.kv.Update(ctx, func(tx store.Txn) error {
		created = false
		n, err := countAdmins(tx)
		if err != nil || n > 0 {
			return err
		}
		created = true
		return putNew(tx, rec)
	})
	if err != nil {
		return "", false, fmt.Errorf("ensure admin key: %w", err)
	}
	if !created {
		return "", false, nil
	}
	return fresh, true, nil
}

// List returns all keys, revoked ones too, oldest first.
func (r *Keyring) List(ctx context.Context) ([]Key, error) {
	keys := []Key{}
	err := r.kv.View(ctx, func(tx store.Txn) error {
		keys = keys[:0]
		return scanKeys(tx, func(k keyRecord) { keys = append(keys, k.Key) })
	})
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return keys, nil
}

// Revoke ends a key. Revoking it again is no error.
func (r *Keyring) Revoke(ctx context.Context, id string) error {
	if id == "" || len(id) > 64 {
		return ErrNoKey
	}
	err := r.kv.Update(ctx, func(tx store.Txn) error {
		hash, err := tx.Get([]byte("k/i/" + id))
		if err != nil {
			return err
		}
		k, err := loadKey(tx, string(hash))
		if err != nil || k.Revoked != nil {
			return err
		}
		if k.Role == Admin {
			n, err := countAdmins(tx)
			if err != nil {
				return err
			}
			if n == 1 {
				return ErrLastAdmin
			}
		}
		now := r.clock().UTC()
		k.Revoked = &now
		return putKey(tx, k)
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrNoKey
	case err != nil && !errors.Is(err, ErrLastAdmin):
		return fmt.Errorf("revoke key %s: %w", id, err)
	}
	return err
}

// Lookup returns the key of a secret, or ErrNoKey for unknown and revoked ones alike.
func (r *Keyring) Lookup(ctx context.Context, secret string) (Key, error) {
	if !strings.HasPrefix(secret, secretPrefix) || len(secret) > 128 {
		return Key{}, ErrNoKey
	}
	hash := hashSecret(secret)
	var k keyRecord
	err := r.kv.View(ctx, func(tx store.Txn) (err error) {
		k, err = loadKey(tx, hash)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Key{}, ErrNoKey
	case err != nil:
		return Key{}, fmt.Errorf("look up key: %w", err)
	case subtle.ConstantTimeCompare([]byte(k.Hash), []byte(hash)) != 1 || k.Revoked != nil:
		return Key{}, ErrNoKey
	}
	return k.Key, nil
}

func (r *Keyring) fresh(name string, role Role, owner registry.OwnerID) (keyRecord, string) {
	b := make([]byte, 32)
	rand.Read(b) // never fails (crypto/rand, Go 1.24)
	secret := secretPrefix + base32Lower.EncodeToString(b)
	return keyRecord{
		Key: Key{
			ID: "k_" + strings.ToLower(rand.Text()[:16]), Name: name, Role: role, Owner: owner,
			Created: r.clock().UTC(),
		},
		Hash: hashSecret(secret),
	}, secret
}

func hashSecret(secret string) string {
	h := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(h[:])
}

func checkKey(name string, role Role, owner registry.OwnerID) error {
	if !slices.Contains(roles, role) {
		return &registry.InvalidError{Field: "role", Fix: "use admin, designer, detector or officer"}
	}
	if _, err := registry.ParseOwner(string(owner)); err != nil {
		return err
	}
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxKeyName || strings.ContainsFunc(name, unicode.IsControl) {
		return &registry.InvalidError{Field: "name", Fix: fmt.Sprintf("use at most %d characters of UTF-8 text without control characters", maxKeyName)}
	}
	return nil
}

func putNew(tx store.Txn, k keyRecord) error {
	if err := tx.Set([]byte("k/i/"+k.ID), []byte(k.Hash)); err != nil {
		return err
	}
	return putKey(tx, k)
}

func putKey(tx store.Txn, k keyRecord) error {
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return tx.Set([]byte("k/h/"+k.Hash), b)
}

func loadKey(tx store.Txn, hash string) (keyRecord, error) {
	b, err := tx.Get([]byte("k/h/" + hash))
	if err != nil {
		return keyRecord{}, err
	}
	return decodeKey(b)
}

func decodeKey(b []byte) (k keyRecord, err error) {
	if err := json.Unmarshal(b, &k); err != nil {
		return k, fmt.Errorf("key record: %w: %w", store.ErrCorrupt, err)
	}
	return k, nil
}

func scanKeys(tx store.Txn, f func(keyRecord)) error {
	var bad error
	err := tx.Scan([]byte("k/h/"), nil, func(_, v []byte) bool {
		k, err := decodeKey(v)
		if err != nil {
			bad = err
			return false
		}
		f(k)
		return true
	})
	return errors.Join(err, bad)
}

func countAdmins(tx store.Txn) (n int, err error) {
	err = scanKeys(tx, func(k keyRecord) {
		if k.Role == Admin && k.Revoked == nil {
			n++
		}
	})
	return n, err
}
