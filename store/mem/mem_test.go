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

func open(string) (store.Objects, error) { return mem.NewObjects(), nil }

func TestObjects(t *testing.T) { storetest.RunObjects(t, false, open) }
func TestBlobs(t *testing.T)   { storetest.RunBlobs(t, open) }
func TestLocker(t *testing.T)  { storetest.RunLocker(t, mem.NewObjects()) }
