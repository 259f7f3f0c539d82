package decode

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"selvage/fingerprint/decode/internal/scene"
)

// fuzzLimits keep a hostile input cheap.
var fuzzLimits = Limits{MaxBytes: 1 << 20, MaxPixels: 1 << 16, MaxSide: 4096, Timeout: 5 * time.Second}

func addSeeds(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	for _, data := range bombs(f) {
		f.Add(data)
	}
	f.Add([]byte("text"))
	f.Add([]byte{})
}

// FuzzDecode: either a whole picture within the limits or an *Error, and never a panic
// of our own code.
func FuzzDecode(f *testing.F) {
	addSeeds(f)
	// The sandboxes compile here: under coverage that takes longer than the engine gives
	// to one input.
	for _, name := range []string{"lossy.avif", "plain.heic", "lossless.jxl"} {
		if _, err := Decode(context.Background(), file(f, name), patient); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(context.Background(), data, fuzzLimits)
		if err == nil {
			checkPicture(t, p)
			if w, h := p.RGB.Rect.Dx(), p.RGB.Rect.Dy(); int64(w)*int64(h) > fuzzLimits.MaxPixels || max(w, h) > fuzzLimits.MaxSide {
				t.Fatalf("%d x %d pixels are over the limits", w, h)
			}
			return
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || p != nil || e.Kind == "" || e.Detail == "" {
			t.Fatalf("not a proper error: %#v", err)
		}
	})
}

// FuzzInspect feeds the container walkers, which are our own and must not panic.
func FuzzInspect(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		format, ok := Sniff(data)
		if !ok {
			looksLike(data)
			return
		}
		h, err := codecs[format].inspect(data)
		if err == nil && (h.width < 0 || h.height < 0) {
			t.Fatalf("%s of %d x %d pixels", format, h.width, h.height)
		}
		if o := max(h.orientation, h.applied); o < 0 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
	})
}

func FuzzEXIF(f *testing.F) {
	f.Add(scene.EXIF(6))
	f.Add(append([]byte("Exif\x00\x00"), scene.EXIF(3)...))
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if o := exifOrientation(data); o < 1 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
	})
}

func FuzzMetaBox(f *testing.F) {
	for _, name := range []string{"alpha.avif", "turned5.avif", "plain.heic"} {
		data := file(f, name)
		at := bytes.Index(data, []byte("meta"))
		f.Add(data[at+4:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseMeta(data)
		if err != nil {
			return
		}
		var h header
		h.heifItems(m, data, &heifPlan{})
		if h.orientation < 0 || h.orientation > 8 {
			t.Fatalf("orientation %d", h.orientation)
		}
	})
}

func FuzzHEVCSize(f *testing.F) {
	data := file(f, "narrow.heic")
	f.Add(data[bytes.Index(data, []byte("hvcC"))+4:])
	f.Fuzz(func(t *testing.T, data []byte) {
		if w, h, ok := hevcSize(data); ok && (w <= 0 || h <= 0) {
			t.Fatalf("%d x %d pixels", w, h)
		}
	})
}

func FuzzUnpackBits(f *testing.F) {
	f.Add([]byte{0xfe, 7, 2, 1, 2, 3, 0x80}, 6)
	f.Add([]byte{0x81, 9}, 128)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		if n < 0 || n > 1<<16 {
			return
		}
		out, err := unpackBits([]byte{1, 2}, data, n)
		if err == nil && len(out) != n+2 {
			t.Fatalf("%d bytes, want %d", len(out), n+2)
		}
	})
}
