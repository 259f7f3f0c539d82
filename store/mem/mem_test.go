package mem_test

import (
	"testing"

	"selvage/store"
	"selvage/store/mem"
	"selvage/store/storetest"
)

func TestKV(t *testing.T) {
	storetest.RunKV(t, false, func(string) (store.KV, error) { return mem.NewKV(), nil })
}
