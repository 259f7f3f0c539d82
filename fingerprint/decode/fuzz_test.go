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

// seeds adds the test files of one format, whole and cut, and its bombs; format "" adds
// those of all.
func seeds(f *testing.F, format string) {
	add := func(data []byte) {
		if got, _ := Sniff(data); format == "" || got == format {
			f.Add(data)
		}
	}
	for _, data := range samples(f) {
		add(data)
		add(data[:len(data)/2])
	}
	for _, data := range bombs(f) {
		add(data)
	}
}

// fuzzFormat feeds one decoder: it gives either a whole picture within the limits or an
// *Error, and never a panic of our own code. A target for each format gives every decoder
// its share of the time.
func fuzzFormat(f *testing.F, format string) {
	seeds(f, format)
	// The sandboxes compile here: under coverage that takes longer than the engine gives
	// to one input.
	for _, c := range good {
		if c.format != format {
			continue
		}
		if _, err := Decode(context.Background(), file(f, c.name), patient); err != nil {
			f.Fatal(err)
		}
		break
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, _ := Sniff(data); got != format {
			return // another target's
		}
		p, err := Decode(context.Background(), data, fuzzLimits)
		if err == nil {
			checkPicture(t, p)
			if w, h := p.RGB.Rect.Dx(), p.RGB.Rect.Dy(); int64(w)*int64(h) > fuzzLimits.MaxPixels || max(w, h) > fuzzLimits.MaxSide {
				t.Fatalf("%d x %d pixels are over the limits", w, h)
			}
			return
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || p != nil || e.Kind == "" || e.Detail == "" || e.Format != format {
			t.Fatalf("not a proper error: %#v", err)
		}
	})
}

func FuzzJPEG(f *testing.F)   { fuzzFormat(f, "jpeg") }
func FuzzPNG(f *testing.F)    { fuzzFormat(f, "png") }
func FuzzGIF(f *testing.F)    { fuzzFormat(f, "gif") }
func FuzzWebP(f *testing.F)   { fuzzFormat(f, "webp") }
func FuzzBMP(f *testing.F)    { fuzzFormat(f, "bmp") }
func FuzzTIFF(f *testing.F)   { fuzzFormat(f, "tiff") }
func FuzzAVIF(f *testing.F)   { fuzzFormat(f, "avif") }
func FuzzHEIC(f *testing.F)   { fuzzFormat(f, "heic") }
func FuzzJPEGXL(f *testing.F) { fuzzFormat(f, "jpegxl") }
func FuzzPSD(f *testing.F)    { fuzzFormat(f, "psd") }

// FuzzInspect feeds the container walkers, which are our own and must not panic.
func FuzzInspect(f *testing.F) {
	seeds(f, "")
	f.Add([]byte("text"))
	f.Add([]byte{})
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

// TestEveryFormatHasSeeds: a format without seeds would be fuzzed with nothing.
func TestEveryFormatHasSeeds(t *testing.T) {
	counts := map[string]int{}
	for _, data := range samples(t) {
		format, _ := Sniff(data)
		counts[format]++
	}
	for format := range codecs {
		if counts[format] == 0 {
			t.Errorf("no test file of %s", format)
		}
	}
}
