package decode

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// withScans is a gray progressive JPEG of side x side pixels in n scans: one that makes
// all blocks gray, then such that say nothing, each a few runs over blocks without
// coefficients (ITU-T T.81, G.1.2.2).
func withScans(side, n int) []byte {
	blocks := (side + 7) / 8 * ((side + 7) / 8)
	out := append([]byte{0xff, 0xd8, 0xff, 0xdb, 0, 67, 0}, bytes.Repeat([]byte{1}, 64)...)
	out = append(out, 0xff, 0xc2, 0, 11, 8)
	out = binary.BigEndian.AppendUint16(out, uint16(side))
	out = binary.BigEndian.AppendUint16(out, uint16(side))
	out = append(out, 1, 1, 0x11, 0)
	// Each table has one code, the bit 0: no difference, and a run of 2^14 and more blocks.
	for _, t := range [][2]byte{{0x00, 0x00}, {0x10, 0xe0}} {
		out = append(out, 0xff, 0xc4, 0, 20, t[0], 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, t[1])
	}
	out = append(out, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0)
	out = append(out, make([]byte, (blocks+7)/8)...)
	for range n - 1 {
		out = append(out, 0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0)
		acc, bits := uint32(0), 0
		for left := blocks; left > 0; left -= 1<<14 + 0x1fff {
			acc, bits = acc<<15|0x1fff, bits+15 // the code, and 14 bits
			for ; bits >= 8; bits -= 8 {
				if out = append(out, byte(acc>>(bits-8))); out[len(out)-1] == 0xff {
					out = append(out, 0)
				}
			}
		}
		out = append(out, byte(acc<<(8-bits))&0xfe)
	}
	return append(out, 0xff, 0xd9)
}

func TestScanBombsAreRefusedFromTheHeader(t *testing.T) {
	for name, data := range map[string][]byte{
		"many scans":           withScans(64, maxScans+1),
		"many scans, large":    withScans(10900, 20000),
		"few scans, too large": withScans(10900, 75),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			e := wantKind(t, data, Limits{}, UnsupportedVariant)
			runtime.ReadMemStats(&after)
			if !strings.Contains(e.Detail, "passes") {
				t.Error(e)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
				t.Errorf("%d bytes were allocated to refuse a file of %d", grown, len(data))
			}
		})
	}
	// As many scans as are read, and the most that encoders write for the largest picture.
	if _, err := inspectJPEG(withScans(64, maxScans)); err != nil {
		t.Error(err)
	}
	if _, err := inspectJPEG(withScans(10900, 20)); err != nil {
		t.Error(err)
	}
	if p := mustDecode(t, withScans(64, maxScans)); p.RGB.NRGBAAt(63, 63).R != 128 {
		t.Errorf("pixel %v", p.RGB.NRGBAAt(63, 63))
	}
}

// fewReads is a context that ends after it was asked a few times, as a caller does who gives up while a
// decoder is at work.
type fewReads struct {
	context.Context
	asked int
	after int
}

func (c *fewReads) Err() error {
	if c.asked++; c.asked > c.after {
		return context.Canceled
	}
	return nil
}

// TestStreamDecodersStop: a decoder that reads a stream stops at its next read when
// nobody waits any more.
func TestStreamDecodersStop(t *testing.T) {
	big := image.NewNRGBA(image.Rect(0, 0, 300, 300))
	for i := range big.Pix {
		big.Pix[i] = byte(i * i >> 3)
	}
	encoded := func(f func(io.Writer, image.Image) error) []byte {
		var b bytes.Buffer
		if err := f(&b, big); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for format, data := range map[string][]byte{
		"png":  encoded(png.Encode),
		"gif":  encoded(func(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) }),
		"bmp":  bmpOf(t, big),
		"tiff": file(t, "lzw.tiff"),
		"webp": file(t, "lossless.webp"),
		"psd":  file(t, "plain.psd"),
	} {
		t.Run(format, func(t *testing.T) {
			c := codecs[format]
			h, err := c.inspect(data)
			if err != nil {
				t.Fatal(err)
			}
			ctx := &fewReads{Context: context.Background(), after: 1}
			if img, err := c.open(ctx, data, &h); img != nil || err == nil {
				t.Errorf("decoded although nobody waits, after asking %d times", ctx.asked)
			}
			ctx.asked = 0
			if p, err := render(ctx, format, c, data, &h, DefaultLimits); p != nil || KindOf(err) != Timeout {
				t.Errorf("render: %v", err)
			}
		})
	}
	jpg := encoded(func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) })
	if _, err := jpeg.Decode(stoppable(&fewReads{Context: context.Background(), after: 2}, jpg)); !errors.Is(err, context.Canceled) {
		t.Errorf("jpeg: %v", err)
	}
}

func TestBusyIsNotTheFilesFault(t *testing.T) {
	if err := slots.Acquire(t.Context(), gateSlots); err != nil {
		t.Fatal(err)
	}
	defer slots.Release(gateSlots)
	_, err := Decode(t.Context(), file(t, "plain.jpg"), Limits{Timeout: time.Millisecond})
	if KindOf(err) != Busy || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no slot: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Decode(ctx, file(t, "plain.jpg"), Limits{}); KindOf(err) != Timeout || !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who gave up: %v", err)
	}
}
