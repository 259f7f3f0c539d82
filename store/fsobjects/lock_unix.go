//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package fsobjects

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockDir opens and locks a folder, until the file is closed or the process ends.
func lockDir(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errLocked
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
