package video

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"

	"selvage/fingerprint"
)

func randomCode(r *rand.Rand) (c Code) {
	for i := range c {
		c[i] = r.Uint64()
	}
	return c
}

// randomTrack has frames of all kinds, gaps, and still stretches.
func randomTrack(r *rand.Rand, n int) Track {
	var t Track
	slot := 0
	for range n {
		slot += 1 + r.IntN(3)
		f := Frame{Slot: slot, Quality: r.IntN(101), Full: randomCode(r)}
		switch {
		case r.IntN(6) == 0:
			f = Frame{Slot: slot, Blank: true}
		case r.IntN(3) == 0 && len(t) > 0 && !t[len(t)-1].Blank:
			f = t[len(t)-1]
			f.Slot = slot
		case r.IntN(3) == 0:
			f.HasBox, f.Box = true, randomCode(r)
		}
		t = append(t, f)
	}
	return t
}

func TestTrackRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		want := randomTrack(r, n)
		got, err := DecodeTrack(want.Encode())
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%d frames: got %v, %v; want %v", n, got, err, want)
		}
	}
}

// A code that differs in three bits is the same, one that differs in four is not.
func TestTrackStill(t *testing.T) {
	a := Frame{Slot: 0, Full: Code{1, 2, 3, 4}, Quality: 50}
	b, c := a, a
	b.Slot, b.Full[0] = 1, a.Full[0]^7<<8
	c.Slot, c.Full[0] = 2, a.Full[0]^15<<8
	got, err := DecodeTrack(Track{a, b, c}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if got[1].Full != a.Full || got[2].Full != c.Full {
		t.Errorf("got %v", got)
	}
	still := make(Track, 120)
	for i := range still {
		still[i] = a
		still[i].Slot = i
	}
	if n := len(still.Encode()); n > 200 {
		t.Errorf("a still minute takes %d bytes, want at most 200", n)
	}
}

// The format is frozen: what was written once is read for ever.
func TestTrackGolden(t *testing.T) {
	const golden = "06" + "00" + "06" + "2a" +
		"0000000000000001000000000000000200000000000000030000000000000004" +
		"01" + "0d" + "0b" + "63" +
		"0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20" +
		"2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40" + "00"
	first := Frame{Slot: 2, Quality: 42, Full: Code{1, 2, 3, 4}}
	again, later := first, first
	again.Slot, later.Slot = 3, 7
	boxed := Frame{
		Slot: 10, Quality: 99, HasBox: true,
		Full: Code{0x0102030405060708, 0x090a0b0c0d0e0f10, 0x1112131415161718, 0x191a1b1c1d1e1f20},
		Box:  Code{0x2122232425262728, 0x292a2b2c2d2e2f30, 0x3132333435363738, 0x393a3b3c3d3e3f40},
	}
	want := Track{{Slot: 0, Blank: true}, first, again, later, boxed, {Slot: 11, Blank: true}}
	b, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := want.Encode(); !bytes.Equal(got, b) {
		t.Errorf("written: %x\nwant:    %x", got, b)
	}
	if got, err := DecodeTrack(b); err != nil || !slices.Equal(got, want) {
		t.Errorf("read: %v, %v; want %v", got, err, want)
	}
}

func FuzzDecodeTrack(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 8 {
		f.Add(randomTrack(r, 3*n).Encode())
	}
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		track, err := DecodeTrack(b)
		if err != nil {
			return
		}
		if len(track) > len(b) {
			t.Fatalf("%d frames from %d bytes", len(track), len(b))
		}
		for i := range track {
			if i > 0 && track[i].Slot <= track[i-1].Slot {
				t.Fatalf("frame %d is not after frame %d", i, i-1)
			}
		}
		again, err := DecodeTrack(track.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if len(again) != len(track) {
			t.Fatalf("%d frames, then %d", len(track), len(again))
		}
	})
}

// Turning a code twice by forms that undo each other gives it back, and the turned codes
// are those of the turned coefficients.
func TestTurned(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		// Odd in rows and columns and symmetric in nothing, with a median of zero.
		var c [16][16]int
		code := func(at func(u, v int) int) (out Code) {
			for u := range 16 {
				for v := range 16 {
					if at(u, v) > 0 {
						out[3-u/4] |= 1 << (16*(u%4) + v)
					}
				}
			}
			return out
		}
		for u := range c {
			for v := range c[u] {
				c[u][v] = 2*r.IntN(100) - 99
			}
		}
		sign := func(k int) int { return 2*(k%2) - 1 } // even places hold odd frequencies
		plain := code(func(u, v int) int { return c[u][v] })
		for form, want := range map[fingerprint.Dihedral]Code{
			fingerprint.Identity:   plain,
			fingerprint.FlipX:      code(func(u, v int) int { return sign(u) * c[u][v] }),
			fingerprint.FlipY:      code(func(u, v int) int { return sign(v) * c[u][v] }),
			fingerprint.Rotate180:  code(func(u, v int) int { return sign(u) * sign(v) * c[u][v] }),
			fingerprint.FlipPlus1:  code(func(u, v int) int { return c[v][u] }),
			fingerprint.FlipMinus1: code(func(u, v int) int { return sign(u) * sign(v) * c[v][u] }),
			fingerprint.Rotate90:   code(func(u, v int) int { return sign(u) * c[v][u] }),
			fingerprint.Rotate270:  code(func(u, v int) int { return sign(v) * c[v][u] }),
		} {
			if got := plain.Turned(form); got != want {
				t.Fatalf("%v: %x, want %x", form, got, want)
			}
			if back := plain.Turned(form).Turned(undone(form)); back != plain {
				t.Fatalf("%v and back: %x, want %x", form, back, plain)
			}
		}
	}
}
