//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package segments

import "os"

// lockFile only makes the file: on this system the caller must see to it that one
// process at a time opens a directory.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
