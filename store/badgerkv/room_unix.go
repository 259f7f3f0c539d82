//go:build linux || darwin || freebsd

package badgerkv

import "golang.org/x/sys/unix"

// freeBytes returns what a process without privileges can still write below dir.
func freeBytes(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(max(s.Bavail, 0)) * uint64(s.Bsize), nil
}
