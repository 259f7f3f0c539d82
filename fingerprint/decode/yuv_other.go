//go:build !amd64

package decode

// yuvTable is of use only to the code in assembly, of which this processor has none.
type yuvTable struct{}

func (yuvMatrix) table() *yuvTable { return nil }

func (*yuvTable) half(_, _, _, _ []byte) int { return 0 }

func (*yuvTable) full(_, _, _, _ []byte) int { return 0 }

func packBlocks(_, _ []byte) int { return 0 }
