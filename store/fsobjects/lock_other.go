//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package fsobjects

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// stale is the age at which a folder is taken to be left behind, where folders cannot
// be locked.
const stale = 24 * time.Hour

// lockDir opens a folder. Here an owner's lock cannot be seen, so one that was ever
// owned counts as held for a day.
func lockDir(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	own := filepath.Join(path, "owner")
	if _, err := os.Stat(own); err == nil && time.Since(info.ModTime()) < stale {
		return nil, errLocked
	}
	if err := os.WriteFile(own, fmt.Append(nil, os.Getpid()), 0o600); err != nil {
		return nil, err
	}
	return os.Open(path)
}
