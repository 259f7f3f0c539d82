package decode

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"slices"
	"testing"

	"golang.org/x/image/bmp"

	"selvage/fingerprint/decode/internal/scene"
)

func bmpOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bmp.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// animatedGIF has a first frame that fills only a part of its canvas.
func animatedGIF(t testing.TB) []byte {
	t.Helper()
	pal := color.Palette{color.NRGBA{}, color.NRGBA{200, 10, 20, 255}, color.NRGBA{10, 200, 20, 255}}
	frame := func(r image.Rectangle, index uint8) *image.Paletted {
		m := image.NewPaletted(r, pal)
		for i := range m.Pix {
			m.Pix[i] = index
		}
		return m
	}
	first := frame(image.Rect(4, 2, 10, 9), 1)
	first.SetColorIndex(5, 3, 0)
	g := &gif.GIF{
		Image:  []*image.Paletted{first, frame(image.Rect(0, 0, 16, 12), 2), frame(image.Rect(0, 0, 16, 12), 1)},
		Delay:  []int{10, 10, 10},
		Config: image.Config{ColorModel: pal, Width: 16, Height: 12},
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAnimatedGIFIsItsFirstFrameOnItsCanvas(t *testing.T) {
	p := mustDecode(t, animatedGIF(t))
	if p.RGB.Rect != image.Rect(0, 0, 16, 12) {
		t.Fatalf("size %v", p.RGB.Rect)
	}
	white, red := color.NRGBA{255, 255, 255, 255}, color.NRGBA{200, 10, 20, 255}
	for y := range 12 {
		for x := range 16 {
			want := white
			if image.Pt(x, y).In(image.Rect(4, 2, 10, 9)) && (x != 5 || y != 3) {
				want = red
			}
			if got := p.RGB.NRGBAAt(x, y); got != want {
				t.Fatalf("pixel %d,%d is %v, want %v", x, y, got, want)
			}
		}
	}
	if want := []string{"first of 3 frames", noteAlpha}; !slices.Equal(p.Notes, want) {
		t.Errorf("notes %q, want %q", p.Notes, want)
	}
}

func TestAnimatedWebPWithASmallFrame(t *testing.T) {
	// The second frame of this file is smaller than the canvas: make it the first.
	data := file(t, "animated2.webp")
	list := []byte("WEBP")
	frames := 0
	err := chunks(data[12:], func(kind string, body []byte) error {
		if kind == "ANMF" {
			if frames++; frames == 1 {
				return nil
			}
		}
		list = appendChunk(list, kind, body)
		return nil
	})
	if err != nil || frames != 2 {
		t.Fatalf("%d frames, %v", frames, err)
	}
	file := append([]byte("RIFF\x00\x00\x00\x00"), list...)
	file[4], file[5] = byte(len(list)), byte(len(list)>>8)
	p := mustDecode(t, file)
	if p.RGB.Rect != scene.RGB().Rect {
		t.Fatalf("size %v", p.RGB.Rect)
	}
	inside, outside := 0, 0
	for y := range scene.Height {
		for x := range scene.Width {
			switch got := p.RGB.NRGBAAt(x, y); {
			case got == scene.RGB().NRGBAAt(x, y):
				inside++
			case got == color.NRGBA{255, 255, 255, 255}:
				outside++
			default:
				t.Fatalf("pixel %d,%d is %v: neither the scene nor white", x, y, got)
			}
		}
	}
	if inside < 30*20 || outside == 0 {
		t.Errorf("%d pixels of the scene, %d white", inside, outside)
	}
}

// samples is one small file of every format, and the variants with a container of
// their own.
func samples(t testing.TB) map[string][]byte {
	m := map[string][]byte{
		"rgb.png":      pngOf(t, scene.RGB()),
		"exif.png":     scene.WithEXIF(pngOf(t, scene.RGB()), 6),
		"rgb.bmp":      bmpOf(t, scene.RGB()),
		"rgb.tiff":     tiffOf(t, scene.RGB(), 1),
		"turned.tiff":  tiffOf(t, scene.RGB(), 7),
		"animated.gif": animatedGIF(t),
		"exif.jpg":     jpegWithEXIF(t, blocks(), 3),
	}
	for _, name := range []string{
		"plain.jpg", "progressive.jpg", "cmyk.jpg", "interlaced.png", "lossless.webp", "lossy-alpha.webp", "animated.webp",
		"lzw.tiff", "tiles.tiff", "lossy.avif", "alpha.avif", "plain.heic", "lossless.jxl", "boxed.jxl", "rle.psd", "gray.psd", "large.psb",
	} {
		m[name] = file(t, name)
	}
	return m
}

func TestTruncatedIsAnErrorOrTheSamePicture(t *testing.T) {
	for name, data := range samples(t) {
		t.Run(name, func(t *testing.T) {
			whole := mustDecode(t, data).PixelDigest()
			cuts := []int{1, 2, 4, 8, 11, 12, 13, 16, 20, 24, 30, 33, 40, 54, 64, 100, len(data) - 12, len(data) - 8, len(data) - 4, len(data) - 2, len(data) - 1}
			for i := 1; i < 40; i++ {
				cuts = append(cuts, i*len(data)/40)
			}
			kinds := map[Kind]int{}
			for _, n := range cuts {
				if n < 1 || n >= len(data) {
					continue
				}
				// A clone of its own length: no decoder may see what was cut off.
				p, err := Decode(context.Background(), slices.Clip(bytes.Clone(data[:n])), patient)
				if err == nil && p.PixelDigest() != whole {
					t.Fatalf("cut to %d of %d bytes it is another picture", n, len(data))
				}
				if err == nil {
					continue
				}
				k := KindOf(err)
				kinds[k]++
				switch k {
				case Truncated, Unknown, Corrupt:
				default:
					t.Errorf("cut to %d of %d bytes: %v", n, len(data), err)
				}
			}
			// A bare JPEG XL codestream has no lengths: only the decoder notices.
			if kinds[Truncated] < 20 && name != "lossless.jxl" {
				t.Errorf("only %d cuts are called truncated: %v", kinds[Truncated], kinds)
			}
		})
	}
}

func TestBytesAfterTheEndAreAllowed(t *testing.T) {
	for _, name := range []string{"plain.jpg", "interlaced.png", "lossless.webp", "lzw.tiff", "gray.psd"} {
		data := file(t, name)
		longer := append(bytes.Clone(data), "\x00\x00trailing bytes of a phone\xff\xd8\xff"...)
		if mustDecode(t, longer).PixelDigest() != mustDecode(t, data).PixelDigest() {
			t.Errorf("%s: trailing bytes change the picture", name)
		}
	}
}

func TestPixelDigestSurvivesLosslessReencoding(t *testing.T) {
	want := (&Picture{RGB: scene.RGB()}).PixelDigest()
	files := map[string][]byte{
		"png": pngOf(t, scene.RGB()), "bmp": bmpOf(t, scene.RGB()), "tiff": tiffOf(t, scene.RGB(), 1),
	}
	for _, name := range []string{
		"lossless.webp", "deep.png", "interlaced.png", "lzw.tiff", "deep.tiff", "lossless.jxl", "boxed.jxl", "deep.jxl", "turned6.jxl",
		"turned1.avif", "turned5.avif", "plain.psd", "deep-rle.psd", "large.psb",
	} {
		files[name] = file(t, name)
	}
	for name, data := range files {
		if got := mustDecode(t, data).PixelDigest(); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	alpha := mustDecode(t, pngOf(t, scene.Alpha())).PixelDigest()
	for _, name := range []string{"lossless-alpha.webp", "alpha.jxl"} {
		if mustDecode(t, file(t, name)).PixelDigest() != alpha {
			t.Errorf("%s: alpha is laid on white in another way", name)
		}
	}
	if alpha == want {
		t.Error("alpha makes no difference")
	}
}

// The digest is frozen: pixels256.v2 is stored and compared for ever. The values were made
// by another program, written from the BLAKE3 paper; the first is also that of
// `printf '\1\2\3\375\376\377selvage pixels v2\n\0\0\0\2\0\0\0\1' | b3sum`.
func TestPixelDigestIsFrozen(t *testing.T) {
	two := &image.NRGBA{Pix: []uint8{1, 2, 3, 255, 253, 254, 255, 255}, Stride: 8, Rect: image.Rect(0, 0, 2, 1)}
	large := image.NewNRGBA(image.Rect(0, 0, 300, 200))
	for i := range large.Rect.Dx() * large.Rect.Dy() {
		x, y := i%300, i/300
		copy(large.Pix[4*i:], []uint8{uint8(7*x + y), uint8(5 * y), uint8(x ^ y), 255})
	}
	for want, m := range map[string]*image.NRGBA{
		"f3ac22204f1f142777e4261ac423dbdb9a35de8ccebe2c13e42027c60bc23cdd": two,
		"f93828ebc684d437d31c802086541b6e39e5a0e84b9f003e2170252ec7a912f9": large,
	} {
		if got := (&Picture{RGB: m}).PixelDigest().String(); got != want {
			t.Errorf("%d x %d pixels: %v, want %v", m.Rect.Dx(), m.Rect.Dy(), got, want)
		}
	}
}
