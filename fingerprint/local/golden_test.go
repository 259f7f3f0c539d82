package local

import (
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selvage/fixtures"
)

var updateFeatures = flag.Bool("update-features", false, "write testdata/features.txt anew; only when a new version of a kind is made")

// TestGoldenFeatures compares all bits of the features of generated pictures with those
// in testdata: one line a picture, with its name, the sides of the base, the number of
// features and the CRC-32 of all that they are.
func TestGoldenFeatures(t *testing.T) {
	var have strings.Builder
	for i, family := range fixtures.Families() {
		size := [][3]int{{300, 400, 256}, {850, 401, 200}, {180, 150, 320}}[i%3]
		g := NewBase(fixtures.Original(family.Name, 11, size[0], size[1]), size[2])
		list := Extract(g, 120)
		crc := crc32.NewIEEE()
		crc.Write(g.Pix)
		for i := range list {
			f := &list[i]
			var b []byte
			for _, v := range []float32{f.X, f.Y, f.Sigma, f.Angle, f.Response} {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
			crc.Write(append(b, f.Desc[:]...))
		}
		fmt.Fprintf(&have, "%s %dx%d %d %08x\n", family.Name, g.W, g.H, len(list), crc.Sum32())
	}
	name := filepath.Join("testdata", "features.txt")
	if *updateFeatures {
		if err := os.WriteFile(name, []byte(have.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, old := strings.Split(have.String(), "\n"), strings.Split(string(want), "\n")
	if len(got) != len(old) {
		t.Errorf("%d pictures, want %d", len(got)-1, len(old)-1)
	}
	for i := range min(len(got), len(old)) {
		if got[i] != old[i] {
			t.Errorf("features %q, want %q", got[i], old[i])
		}
	}
}
