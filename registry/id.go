package registry

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"regexp"
	"strings"
	"time"
)

// idAlphabet is Crockford's base 32 in lower case: its order is the order of bytes, so
// identifiers sort by time.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

var (
	idEncoding   = base32.NewEncoding(idAlphabet).WithPadding(base32.NoPadding)
	idPattern    = regexp.MustCompile(`^[wmefij]_[0-9a-hjkmnp-tv-z]{26}$`)
	ownerPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
)

// newID returns the prefix and 26 characters: 48 bits of Unix milliseconds, then 80
// random bits.
func newID(prefix string, now time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16)
	rand.Read(b[6:]) // never fails (crypto/rand, Go 1.24)
	return prefix + idEncoding.EncodeToString(b[:])
}

// descending maps an identifier to one that sorts the other way round: rows under it
// are scanned newest first.
func descending(id string) string {
	prefix, body, _ := strings.Cut(id, "_")
	inv := make([]byte, len(body))
	for i := range len(body) {
		inv[i] = idAlphabet[len(idAlphabet)-1-max(0, strings.IndexByte(idAlphabet, body[i]))]
	}
	return prefix + "_" + string(inv)
}

// ParseOwner checks an owner's name.
func ParseOwner(s string) (OwnerID, error) {
	if !ownerPattern.MatchString(s) {
		return "", &InvalidError{Field: "owner", Fix: "use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"}
	}
	return OwnerID(s), nil
}

func validID(prefix, id string) bool {
	return strings.HasPrefix(id, prefix) && idPattern.MatchString(id)
}
