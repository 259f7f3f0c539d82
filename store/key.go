package store

import (
	"fmt"
	"strings"
)

// maxObjectKey is the longest object key in bytes.
const maxObjectKey = 512

// CheckObjectKey returns ErrBadKey unless key follows the rules of [Objects].
func CheckObjectKey(key string) error {
	if key == "" || len(key) > maxObjectKey {
		return fmt.Errorf("object key of %d bytes: %w: want 1 to %d", len(key), ErrBadKey, maxObjectKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if !isSegment(segment) {
			return fmt.Errorf("object key %q: %w: a segment is made of a-z 0-9 . _ - and is neither empty nor only one or two dots", key, ErrBadKey)
		}
	}
	return nil
}

// isSegment reports whether s can stand between two slashes of an object key.
func isSegment(s string) bool {
	if s == "" || s == "." || s == ".." {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
