//go:build !amd64

package blocks

func columns([]uint64, []byte, int, int) int { return 0 }
