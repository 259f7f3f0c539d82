//go:build !(linux || darwin || freebsd)

package badgerkv

import "math"

// freeBytes is not known here: commits are never refused.
func freeBytes(string) (uint64, error) { return math.MaxUint64, nil }
