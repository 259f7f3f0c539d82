package decode

import (
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"testing"
	"time"
)

// evenly is w, or one more: frames stand at even places only.
func evenly(w int) int { return w + w%2 }

// animated puts a still picture into an animation on a canvas twice as wide: on the left
// with the flags given, 100 ms, then on the right, 50 ms.
func animated(tb testing.TB, still []byte, flags byte) []byte {
	tb.Helper()
	var frame webpFrame
	if err := chunks(still[12:], func(kind string, body []byte) error {
		if kind == "VP8X" {
			return nil
		}
		return frame.add(kind, body)
	}); err != nil {
		tb.Fatal(err)
	}
	w, h := frame.size()
	w24 := func(b []byte, v int) []byte { return append(b, byte(v), byte(v>>8), byte(v>>16)) }
	list := appendChunk([]byte("WEBP"), "VP8X", w24(w24([]byte{2, 0, 0, 0}, evenly(w)+w-1), h-1))
	list = appendChunk(list, "ANIM", make([]byte, 6))
	for n, ms := range []int{100, 50} {
		b := w24(w24(w24(w24(w24(nil, n*evenly(w)/2), 0), w-1), h-1), ms)
		b = append(b, flags)
		if frame.alph != nil {
			b = appendChunk(b, "ALPH", frame.alph)
		}
		list = appendChunk(list, "ANMF", appendChunk(b, frame.kind, frame.body))
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(list))), list...)
}

func TestWebPFrames(t *testing.T) {
	still := file(t, "lossless.webp")
	want := mustDecode(t, still).RGB
	w, h := want.Rect.Dx(), want.Rect.Dy()
	for _, flags := range []byte{0, 1, 2, 3} { // 1: dispose, 2: do not blend
		var at, length []time.Duration
		var pics []*image.NRGBA
		err := WebPFrames(t.Context(), animated(t, still, flags), Limits{}, func(a, l time.Duration, m *image.NRGBA) error {
			at, length, pics = append(at, a), append(length, l), append(pics, m)
			return nil
		})
		if err != nil || len(pics) != 2 || at[1] != 100*time.Millisecond || length[1] != 50*time.Millisecond {
			t.Fatalf("flags %d: %v, %d frames at %v for %v", flags, err, len(pics), at, length)
		}
		for y := range h {
			for x := range w {
				left, white := want.NRGBAAt(x, y), color.NRGBA{255, 255, 255, 255}
				if got := pics[0].NRGBAAt(x, y); got != left {
					t.Fatalf("flags %d, first frame at %d,%d: %v, want %v", flags, x, y, got, left)
				}
				if got := pics[0].NRGBAAt(x+evenly(w), y); got != white {
					t.Fatalf("flags %d, beside the first frame: %v", flags, got)
				}
				if got := pics[1].NRGBAAt(x+evenly(w), y); got != left {
					t.Fatalf("flags %d, second frame: %v, want %v", flags, got, left)
				}
				if flags&1 != 0 {
					left = white
				}
				if got := pics[1].NRGBAAt(x, y); got != left {
					t.Fatalf("flags %d, what the first frame left: %v, want %v", flags, got, left)
				}
			}
		}
	}
	data := animated(t, still, 0)
	shown := 0
	count := func(time.Duration, time.Duration, *image.NRGBA) error { shown++; return nil }
	if err := WebPFrames(t.Context(), data[:len(data)-9], Limits{}, count); KindOf(err) != Truncated || shown != 1 {
		t.Errorf("cut: %v after %d frames", err, shown)
	}
	if err := WebPFrames(t.Context(), data, Limits{MaxPixels: 10}, count); KindOf(err) != TooManyPixels {
		t.Errorf("large: %v", err)
	}
	enough := errors.New("enough")
	if err := WebPFrames(t.Context(), data, Limits{}, func(time.Duration, time.Duration, *image.NRGBA) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
}

func FuzzWebPFrames(f *testing.F) {
	f.Add(animated(f, file(f, "lossless.webp"), 0))
	f.Add(animated(f, file(f, "lossless.webp"), 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		last := time.Duration(-1)
		err := WebPFrames(t.Context(), b, Limits{MaxPixels: 1 << 18, Timeout: 5 * time.Second}, func(at, _ time.Duration, m *image.NRGBA) error {
			if at < last || m.Rect.Empty() {
				t.Fatalf("a frame of %v at %v after %v", m.Rect, at, last)
			}
			last = at
			return nil
		})
		if err != nil && KindOf(err) == "" {
			t.Fatal(err)
		}
	})
}
