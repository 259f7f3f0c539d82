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

func TestAll(t *testing.T) {
	x := flat.New()
	codes := indextest.Random(10, 1)
	for i, c := range codes {
		if err := x.Add(index.ID(i), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Remove(4); err != nil {
		t.Fatal(err)
	}
	seen := make(map[index.ID]index.Code)
	for id, c := range x.All() {
		seen[id] = c
	}
	if len(seen) != 9 {
		t.Fatalf("All yields %d codes, want 9", len(seen))
	}
	for id, c := range seen {
		if c != codes[id] {
			t.Errorf("code of %d is %x, want %x", id, c, codes[id])
		}
	}
	for range x.All() {
		break // leaves the index unlocked
	}
	if err := x.Add(100, codes[0]); err != nil {
		t.Fatal(err)
	}
}
