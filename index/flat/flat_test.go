package flat_test

import (
	"testing"

	"selvage/index"
	"selvage/index/flat"
	"selvage/index/indextest"
)

func TestIndex(t *testing.T) {
	indextest.Run(t, func(*testing.T) index.Hamming { return flat.New() })
}
