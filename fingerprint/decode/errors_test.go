package decode

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"

	"selvage/fingerprint/decode/internal/scene"
)

// wantKind checks that data fails with the kind and returns the error.
func wantKind(t *testing.T, data []byte, lim Limits, kind Kind) *Error {
	t.Helper()
	lim.Timeout = patient.Timeout
	p, err := Decode(context.Background(), data, lim)
	if p != nil {
		t.Fatalf("decoded %v", p.RGB.Rect)
	}
	if got := KindOf(err); got != kind {
		t.Fatalf("kind %q, want %q: %v", got, kind, err)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Detail == "" {
		t.Fatalf("no detail: %v", err)
	}
	return e
}

func TestEmpty(t *testing.T) {
	wantKind(t, nil, Limits{}, Empty)
	wantKind(t, []byte{}, Limits{}, Empty)
}

func TestTooManyBytes(t *testing.T) {
	b := file(t, "plain.jpg")
	wantKind(t, b, Limits{MaxBytes: int64(len(b) - 1)}, TooManyBytes)
	if _, err := Decode(context.Background(), b, Limits{MaxBytes: int64(len(b))}); err != nil {
		t.Error(err)
	}
}

func TestUnknownSaysWhatItLooksLike(t *testing.T) {
	for data, want := range map[string]string{
		"Dear designer,\n\nthis is a letter.":          "text",
		"Zażółć gęślą jaźń":                            "text",
		"<!DOCTYPE html><html></html>":                 "an HTML page",
		"\xef\xbb\xbf <svg xmlns='x'/>":                "an SVG drawing",
		"<?xml version='1.0'?><svg/>":                  "an SVG drawing",
		"<?xml version='1.0'?><a/>":                    "an XML document",
		"%PDF-1.7\n%\xe2\xe3":                          "a PDF document",
		"PK\x03\x04\x14\x00\x06\x00":                   "a zip archive",
		"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isom": "a video (MP4)",
		"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ": "a video (QuickTime)",
		"\x1a\x45\xdf\xa3\x01\x00\x00\x00":             "a video (Matroska or WebM)",
		"RIFF\x10\x00\x00\x00WAVEfmt ":                 "sound (WAV)",
		"\x00\x00\x00\x0cjP  \r\n\x87\n":               "JPEG 2000",
		"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx ": "a camera raw file (CR3)",
	} {
		e := wantKind(t, []byte(data), Limits{}, Unknown)
		if !strings.Contains(e.Detail, "the file is "+want) {
			t.Errorf("%q: %q, want %q", data, e.Detail, want)
		}
	}
	e := wantKind(t, []byte{1, 2, 3, 4, 5, 0, 0xff}, Limits{}, Unknown)
	if e.Detail != "the file is of no picture format that can be read" {
		t.Error(e.Detail)
	}
}

func TestUnsupportedVariants(t *testing.T) {
	jpg := file(t, "444.jpg")
	sof := bytes.Index(jpg, []byte{0xff, 0xc0})
	patched := func(at int, b ...byte) []byte {
		out := bytes.Clone(jpg)
		copy(out[sof+at:], b)
		return out
	}
	psd := file(t, "plain.psd")
	lab := bytes.Clone(psd)
	lab[25] = 9
	float := bytes.Clone(psd)
	float[23] = 32
	os2 := append([]byte("BM\x40\x00\x00\x00\x00\x00\x00\x00\x1a\x00\x00\x00\x0c\x00\x00\x00"), make([]byte, 46)...)
	for name, data := range map[string][]byte{
		"JPEG inside TIFF": file(t, "jpeg-inside.tiff"),
		"CMYK TIFF":        file(t, "cmyk.tiff"),
		"planar TIFF":      file(t, "planes.tiff"),
		"BigTIFF":          append([]byte("II+\x00\x08\x00\x00\x00"), make([]byte, 16)...),
		"narrow HEIC":      file(t, "narrow.heic"),
		"arithmetic JPEG":  patched(1, 0xc9),
		"lossless JPEG":    patched(1, 0xc3),
		"12-bit JPEG":      patched(4, 12),
		"DNL JPEG":         patched(5, 0, 0),
		"Lab PSD":          lab,
		"32-bit PSD":       float,
		"OS/2 bitmap":      os2,
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, data, Limits{}, UnsupportedVariant) })
	}
}

func chunkPNG(kind string, body []byte) []byte {
	b := append([]byte(kind), body...)
	out := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), b...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(b))
}

// bombs are tiny files of every format whose header claims 60000 x 60000 pixels, or the
// most that the format can say.
func bombs(t testing.TB) map[string][]byte {
	const side = 60000
	be, le := binary.BigEndian, binary.LittleEndian
	ihdr := append(be.AppendUint32(be.AppendUint32(nil, side), side), 8, 2, 0, 0, 0)
	pngBomb := []byte("\x89PNG\r\n\x1a\n")
	for _, c := range [][]byte{chunkPNG("IHDR", ihdr), chunkPNG("IDAT", []byte("\x78\x9c\x63\x00\x00\x00\x01\x00\x01")), chunkPNG("IEND", nil)} {
		pngBomb = append(pngBomb, c...)
	}
	gifBomb := le.AppendUint16(le.AppendUint16([]byte("GIF89a"), side), side)
	gifBomb = append(gifBomb, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x2c, 0, 0, 0, 0)
	gifBomb = le.AppendUint16(le.AppendUint16(gifBomb, side), side)
	gifBomb = append(gifBomb, 0, 2, 2, 0x4c, 1, 0, 0x3b)
	h, err := inspectWebP(file(t, "lossless.webp"))
	if err != nil {
		t.Fatal(err)
	}
	x := []byte{0, 0, 0, 0, 0x5f, 0xea, 0, 0x5f, 0xea, 0}
	list := appendChunk(appendChunk([]byte("WEBP"), "VP8X", x), "VP8L", h.plan.(webpFrame).body)
	webpBomb := append(le.AppendUint32([]byte("RIFF"), uint32(len(list))), list...)
	bmpBomb := append([]byte("BM"), make([]byte, 52)...)
	bmpBomb[10], bmpBomb[14], bmpBomb[26], bmpBomb[28] = 54, 40, 1, 24
	le.PutUint32(bmpBomb[18:], side)
	le.PutUint32(bmpBomb[22:], side)
	tiffBomb := tiffOf(t, image.NewGray(image.Rect(0, 0, 8, 8)), 1)
	for r, at, n := (ifdReader{tiffBomb, le}), int(le.Uint32(tiffBomb[4:]))+2, 0; n < 2; at += 12 {
		if tag := r.order.Uint16(tiffBomb[at:]); tag == tagImageWidth || tag == tagImageLength {
			le.PutUint16(tiffBomb[at+2:], 4)
			le.PutUint32(tiffBomb[at+8:], side)
			n++
		}
	}
	jpegBomb := bytes.Clone(file(t, "444.jpg"))
	sof := bytes.Index(jpegBomb, []byte{0xff, 0xc0})
	be.PutUint16(jpegBomb[sof+5:], side)
	be.PutUint16(jpegBomb[sof+7:], side)
	heif := func(name string) []byte {
		b := bytes.Clone(file(t, name))
		for at := 0; ; at += 4 {
			i := bytes.Index(b[at:], []byte("ispe"))
			if i < 0 {
				return b
			}
			at += i
			be.PutUint32(b[at+8:], side)
			be.PutUint32(b[at+12:], side)
		}
	}
	psdBomb := bytes.Clone(file(t, "plain.psd"))
	be.PutUint32(psdBomb[14:], 30000)
	be.PutUint32(psdBomb[18:], 30000)
	// JPEG XL: not small, selector 3, 30 bits of height-1, ratio 1 (square).
	bits := uint64(3)<<1 | uint64(side-1)<<3 | uint64(1)<<33
	jxlBomb := append(le.AppendUint64([]byte{0xff, 0x0a}, bits), make([]byte, 16)...)
	return map[string][]byte{
		"png": pngBomb, "gif": gifBomb, "webp": webpBomb, "bmp": bmpBomb, "tiff": tiffBomb, "jpeg": jpegBomb,
		"avif": heif("lossy.avif"), "heic": heif("plain.heic"), "psd": psdBomb, "jpegxl": jxlBomb,
		"jpegxl in boxes": append([]byte("\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x00jxlc"), jxlBomb...),
	}
}

func TestBombsAreRefusedFromTheHeader(t *testing.T) {
	for name, data := range bombs(t) {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			wantKind(t, data, Limits{}, TooManyPixels)
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
				t.Errorf("%d bytes were allocated to refuse a file of %d", grown, len(data))
			}
		})
	}
}

func TestPixelLimitHoldsForEveryFile(t *testing.T) {
	for _, c := range good {
		wantKind(t, file(t, c.name), Limits{MaxPixels: scene.Width*scene.Height - 1}, TooManyPixels)
		wantKind(t, file(t, c.name), Limits{MaxSide: scene.Width - 1}, TooManyPixels)
	}
}

func TestHEVCParameterSetsCountAgainstTheLimits(t *testing.T) {
	b := file(t, "narrow.heic")
	at := bytes.Index(b, []byte("hvcC"))
	w, h, ok := hevcSize(b[at+4:])
	if !ok || w != 64 || h != 64 { // one coding block
		t.Errorf("coded size %d x %d, %v", w, h, ok)
	}
}

func TestBadPaletteIndex(t *testing.T) {
	pal := color.Palette{color.White, color.Black, color.NRGBA{1, 2, 3, 255}, color.NRGBA{4, 5, 6, 255}}
	m := image.NewPaletted(image.Rect(0, 0, 4, 4), pal)
	m.Pix[5] = 3
	short := func(data []byte) []byte {
		i := bytes.Index(data, []byte("PLTE"))
		n := binary.BigEndian.Uint32(data[i-4:])
		out := append(bytes.Clone(data[:i-4]), chunkPNG("PLTE", data[i+4:i+4+6])...)
		return append(out, data[i+4+int(n)+4:]...)
	}
	// Whether the decoder pads the palette or the check here fires, the pixel must not
	// reach anyone as an index.
	p, err := Decode(context.Background(), short(pngOf(t, m)), patient)
	if err == nil {
		checkPicture(t, p)
	} else if k := KindOf(err); k != Corrupt {
		t.Errorf("kind %q: %v", k, err)
	}
	m.Palette = pal[:2]
	if _, _, err := opaque(m); KindOf(err) != Corrupt {
		t.Errorf("a palette with a bad index gave %v", err)
	}
	var b bytes.Buffer
	m.Palette = pal
	if err := gif.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	mustDecode(t, b.Bytes())
}

func TestCorruptFiles(t *testing.T) {
	flip := func(name string, from float64) []byte {
		b := bytes.Clone(file(t, name))
		for i := int(from * float64(len(b))); i < len(b)-16; i += 3 {
			b[i] ^= 0xa5
		}
		return b
	}
	// An AV1 stream whose headers are gone; further in there is no checksum to fail.
	damaged := func(name string) []byte {
		b := bytes.Clone(file(t, name))
		data := b[bytes.Index(b, []byte("mdat"))+4:]
		for i := range data {
			data[i] = byte(i*7) | 0x81
		}
		return b
	}
	for name, data := range map[string][]byte{
		"png checksum":     flip("deep.png", 0.5),
		"avif":             damaged("lossy.avif"),
		"avif with alpha":  damaged("alpha.avif"),
		"jxl":              flip("lossless.jxl", 0.3),
		"jpeg no picture":  {0xff, 0xd8, 0xff, 0xd9},
		"gif no picture":   []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00\x3b"),
		"webp no picture":  []byte("RIFF\x04\x00\x00\x00WEBP"),
		"heif no picture":  []byte("\x00\x00\x00\x14ftypavif\x00\x00\x00\x00mif1"),
		"bmp of no size":   append([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00"), make([]byte, 46)...),
		"tiff with no IFD": []byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, data, Limits{}, Corrupt) })
	}
}

// fake is a codec that calls open after a header of 8 x 8 pixels.
func fake(open func() (image.Image, error)) codec {
	return codec{
		inspect: func([]byte) (header, error) { return header{width: 8, height: 8, perPixel: 1}, nil },
		open:    func(context.Context, []byte, *header) (image.Image, error) { return open() },
	}
}

func TestPanicsStayInside(t *testing.T) {
	for _, v := range []any{"a string", io.EOF, nil} {
		c := fake(func() (image.Image, error) { panic(v) })
		if _, err := decodeAs(context.Background(), "png", c, nil, DefaultLimits); KindOf(err) != Panicked {
			t.Errorf("panic(%v) became %v", v, err)
		}
	}
	c := codec{inspect: func(b []byte) (header, error) { return header{width: int(b[9])}, nil }}
	if _, err := decodeAs(context.Background(), "png", c, nil, DefaultLimits); KindOf(err) != Panicked {
		t.Errorf("a panic while inspecting became %v", err)
	}
	// An image that panics when it is read, as a lazy one can.
	c = fake(func() (image.Image, error) { return lazy{}, nil })
	if _, err := decodeAs(context.Background(), "png", c, nil, DefaultLimits); KindOf(err) != Panicked {
		t.Errorf("a panic while converting became %v", err)
	}
	if !slots.TryAcquire(gateSlots) {
		t.Fatal("a panic kept a slot")
	}
	slots.Release(gateSlots)
}

type lazy struct{ image.Image }

func (lazy) Bounds() image.Rectangle { return image.Rect(0, 0, 4, 4) }
func (lazy) ColorModel() color.Model { return color.NRGBAModel }
func (lazy) At(x, y int) color.Color { return color.Palette{}[x+y] }

func TestDecoderThatLiesAboutItsSize(t *testing.T) {
	c := fake(func() (image.Image, error) { return image.NewUniform(color.White), nil })
	if _, err := decodeAs(context.Background(), "png", c, nil, DefaultLimits); KindOf(err) != TooManyPixels {
		t.Errorf("an endless picture gave %v", err)
	}
	c = fake(func() (image.Image, error) { return image.NewGray(image.Rectangle{}), nil })
	if _, err := decodeAs(context.Background(), "png", c, nil, DefaultLimits); KindOf(err) != Corrupt {
		t.Errorf("an empty picture gave %v", err)
	}
}

// idle waits for decoders that an earlier test gave up: from outside the bubble of a test
// they must not release what is waited for inside.
func idle(t *testing.T) {
	t.Helper()
	for _, gate := range []struct {
		*semaphore.Weighted
		all int64
	}{{slots, gateSlots}, {memoryGate, memoryBudget}} {
		if err := gate.Acquire(t.Context(), gate.all); err != nil {
			t.Fatal(err)
		}
		gate.Release(gate.all)
	}
}

func TestTimeoutReturnsWhileTheDecoderRunsOn(t *testing.T) {
	idle(t)
	synctest.Test(t, func(t *testing.T) {
		c := fake(func() (image.Image, error) {
			time.Sleep(time.Hour)
			return image.NewGray(image.Rect(0, 0, 8, 8)), nil
		})
		start := time.Now()
		_, err := decodeAs(t.Context(), "png", c, nil, DefaultLimits)
		if KindOf(err) != Timeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(start); d != DefaultLimits.Timeout {
			t.Errorf("returned after %v", d)
		}
		// Every slot can be held by such decoders, and no more than every slot.
		for range gateSlots - 1 {
			if _, err := decodeAs(t.Context(), "png", c, nil, DefaultLimits); KindOf(err) != Timeout {
				t.Errorf("got %v", err)
			}
		}
		_, err = decodeAs(t.Context(), "png", c, nil, DefaultLimits)
		if e, _ := errors.AsType[*Error](err); e == nil || e.Kind != Busy || !errors.Is(e, context.DeadlineExceeded) || strings.Contains(e.Error(), "deadline") {
			t.Errorf("a full house gave %v", err)
		}
		time.Sleep(2 * time.Hour)
		if !slots.TryAcquire(gateSlots) || !memoryGate.TryAcquire(memoryBudget) {
			t.Fatal("decoders that ended kept their share")
		}
		slots.Release(gateSlots)
		memoryGate.Release(memoryBudget)
	})
}

func TestCancelReturnsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	release := make(chan struct{})
	c := fake(func() (image.Image, error) {
		cancel()
		<-release
		return nil, io.EOF
	})
	_, err := decodeAs(ctx, "png", c, nil, DefaultLimits)
	if KindOf(err) != Timeout || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
}

func TestMemoryBudgetMakesLargePicturesWait(t *testing.T) {
	idle(t)
	synctest.Test(t, func(t *testing.T) {
		running, most := 0, 0
		c := fake(func() (image.Image, error) {
			running++
			most = max(most, running)
			time.Sleep(time.Second)
			running--
			return image.NewGray(image.Rect(0, 0, 8, 8)), nil
		})
		c.inspect = func([]byte) (header, error) {
			return header{width: 8, height: 8, atLeast: memoryBudget/2 + 1}, nil
		}
		results := make(chan error)
		for range 4 {
			go func() {
				_, err := decodeAs(t.Context(), "png", c, nil, DefaultLimits)
				results <- err
			}()
		}
		for range 4 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if most != 1 {
			t.Errorf("%d decodes ran at once, their plans leave room for 1", most)
		}
	})
}

func TestErrorText(t *testing.T) {
	_, err := Decode(context.Background(), file(t, "plain.jpg")[:500], patient)
	if got, want := err.Error(), "jpeg: the file ends too early: it was cut, upload it again"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for data, want := range map[string]string{
		"":                 "the file is empty",
		"Dear designer,\n": "the file is text, not a picture that can be read",
		"PK\x03\x04......": "the file is a zip archive, not a picture that can be read",
		"\x01\x02\x03":     "the file is of no picture format that can be read",
	} {
		if _, err := Decode(context.Background(), []byte(data), patient); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %q", data, err, want)
		}
	}
	if got, want := (&Error{Kind: Corrupt, Err: io.EOF}).Error(), "the file cannot be read (EOF)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if KindOf(fmt.Errorf("register: %w", err)) != Truncated || KindOf(io.EOF) != "" || KindOf(nil) != "" {
		t.Error("KindOf does not look through wrapping")
	}
	_, err = png.Decode(bytes.NewReader(nil))
	if KindOf(named("png", err)) != Truncated {
		t.Error("an unexpected end is not called a truncation")
	}
}
