package local

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestPayload(t *testing.T) {
	for _, n := range []int{0, 1, 288, MaxFeatures} {
		features := Quantise(madeUp(n, 1), 512, 400, Plain)
		b := Encode(features)
		if len(b) != 3+25*n {
			t.Errorf("%d features take %d bytes", n, len(b))
		}
		got, err := Decode(b)
		if err != nil || !slices.Equal(got, features) {
			t.Errorf("%d features do not come back: %v", n, err)
		}
	}
	most := Quantise(madeUp(MaxFeatures+5, 1), 512, 400, Plain)
	if got, err := Decode(Encode(most)); err != nil || !slices.Equal(got, most[:MaxFeatures]) {
		t.Errorf("the first %d of too many features do not come back: %v", MaxFeatures, err)
	}
}

// TestPayloadBytes freezes the form.
func TestPayloadBytes(t *testing.T) {
	got := Encode([]Feature{{X: 0x0102, Y: 0x0304, Size: 5, Angle: 6, Word: 0x030201, Sig: [2]uint64{0x0807060504030201, 0x100f0e0d0c0b0a09}}})
	want := []byte{1, 1, 0, 2, 1, 4, 3, 5, 6, 1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	if !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
	if f, err := Decode(want); err != nil || f[0].Word != 0x030201 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestPayloadDamaged(t *testing.T) {
	good := Encode(Quantise(madeUp(2, 1), 512, 400, Plain))
	for name, b := range map[string][]byte{
		"empty":         nil,
		"head only":     good[:2],
		"short":         good[:len(good)-1],
		"long":          append(slices.Clone(good), 0),
		"other form":    append([]byte{2}, good[1:]...),
		"fewer":         append([]byte{1, 1, 0}, good[3:]...),
		"too many":      append([]byte{1, 0xff, 0xff}, make([]byte, 0xffff*25)...),
		"word too high": append([]byte{1, 1, 0}, bytes.Repeat([]byte{0xff}, 25)...),
	} {
		if f, err := Decode(b); !errors.Is(err, ErrPayload) || f != nil {
			t.Errorf("%s: %d features, %v", name, len(f), err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(Encode(nil))
	f.Add(Encode(Quantise(madeUp(3, 1), 512, 400, Plain)))
	f.Fuzz(func(t *testing.T, b []byte) {
		features, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrPayload) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if again := Encode(features); !bytes.Equal(again, b) {
			t.Fatalf("% x comes back as % x", b, again)
		}
		Match(features, features, MatchLimit)
	})
}
