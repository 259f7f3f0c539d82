//go:build !unix

package segments

import "os"

// mapFile reads a file, where it cannot be mapped. One that cannot be a segment by its
// size gives no words, which the parser then misses.
func mapFile(path string) (words []uint64, unmap func(), err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	if len(b)%8 != 0 {
		return nil, func() {}, nil
	}
	words = make([]uint64, len(b)/8)
	copy(Bytes(words), b)
	return words, func() {}, nil
}

// syncDir does nothing: without a unix system a directory cannot be opened and synced.
func syncDir(string) error { return nil }
