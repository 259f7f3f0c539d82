//go:build !amd64

package blocks

func columns([]uint32, []byte, int, int) int { return 0 }
