package badgerkv

import (
	"fmt"

	"selvage/store"
)

// room knows whether the file system of dir has room for another commit.
type room struct {
	dir  string
	min  uint64
	free func(dir string) (uint64, error)
}

func (r room) check() error {
	free, err := r.free(r.dir)
	if err != nil {
		return fmt.Errorf("%w: free room of %s: %w", store.ErrUnavailable, r.dir, err)
	}
	if free < r.min {
		return fmt.Errorf("%w: %s has %d MiB free, less than the %d MiB that a commit needs: make room on that disk",
			store.ErrUnavailable, r.dir, free>>20, r.min>>20)
	}
	return nil
}
