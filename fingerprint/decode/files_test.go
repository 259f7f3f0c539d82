package decode

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"selvage/fingerprint/decode/internal/scene"
)

// file reads a test file.
func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// patient is the default limits with time enough for a busy machine.
var patient = Limits{Timeout: 5 * time.Minute}

// mustDecode decodes and checks what every Picture promises.
func mustDecode(t testing.TB, data []byte) *Picture {
	t.Helper()
	p, err := Decode(context.Background(), data, patient)
	if err != nil {
		t.Fatal(err)
	}
	checkPicture(t, p)
	return p
}

func checkPicture(t testing.TB, p *Picture) {
	t.Helper()
	m := p.RGB
	if m.Rect.Min != (image.Point{}) || m.Rect.Empty() || m.Stride != 4*m.Rect.Dx() || len(m.Pix) != m.Stride*m.Rect.Dy() {
		t.Fatalf("the picture is not packed: %v, stride %d, %d bytes", m.Rect, m.Stride, len(m.Pix))
	}
	for i := 3; i < len(m.Pix); i += 4 {
		if m.Pix[i] != 255 {
			t.Fatalf("pixel %d is not opaque", i/4)
		}
	}
	if p.Orientation < 1 || p.Orientation > 8 {
		t.Fatalf("orientation %d", p.Orientation)
	}
}

// distance is the mean absolute difference of the channels, in levels.
func distance(t testing.TB, a, b *image.NRGBA) float64 {
	t.Helper()
	if a.Rect != b.Rect {
		t.Fatalf("sizes %v and %v differ", a.Rect, b.Rect)
	}
	sum := 0
	for i := range a.Pix {
		d := int(a.Pix[i]) - int(b.Pix[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(3*len(a.Pix)/4)
}

// white lays the scene with alpha on white, written apart from the code under test.
func white(m *image.NRGBA) *image.NRGBA {
	out := image.NewNRGBA(m.Rect)
	for i := 0; i < len(m.Pix); i += 4 {
		a := float64(m.Pix[i+3]) / 255
		for k := range 3 {
			out.Pix[i+k] = uint8(float64(m.Pix[i+k])*a + 255*(1-a) + 0.5)
		}
		out.Pix[i+3] = 255
	}
	return out
}

// gray is the luma of a picture by BT.601.
func gray(m *image.NRGBA) *image.NRGBA { return weighted(m, 0.299, 0.587, 0.114) }

// gray709 is the luma by BT.709, which ImageMagick means by Gray.
func gray709(m *image.NRGBA) *image.NRGBA { return weighted(m, 0.2126, 0.7152, 0.0722) }

func weighted(m *image.NRGBA, r, g, b float64) *image.NRGBA {
	out := image.NewNRGBA(m.Rect)
	for i := 0; i < len(m.Pix); i += 4 {
		y := uint8(r*float64(m.Pix[i]) + g*float64(m.Pix[i+1]) + b*float64(m.Pix[i+2]) + 0.5)
		out.Pix[i], out.Pix[i+1], out.Pix[i+2], out.Pix[i+3] = y, y, y, 255
	}
	return out
}

// tripled repeats every pixel three times in both directions.
func tripled(m *image.NRGBA) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, 3*m.Rect.Dx(), 3*m.Rect.Dy()))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.SetNRGBA(x, y, m.NRGBAAt(x/3, y/3))
		}
	}
	return out
}

// good lists the readable test files: the picture expected, the mean difference allowed
// (0: equal to the last bit) and the notes.
var good = []struct {
	name   string
	format string
	want   *image.NRGBA
	within float64
	notes  []string
}{
	// The texture of the scene is finer than halved chroma can follow, so luma decides
	// there: see TestLumaSurvivesSubsampling.
	{"plain.jpg", "jpeg", scene.RGB(), 6, nil},
	{"444.jpg", "jpeg", scene.RGB(), 2.5, nil},
	{"422.jpg", "jpeg", scene.RGB(), 4.5, nil},
	{"440.jpg", "jpeg", scene.RGB(), 4, nil},
	{"411.jpg", "jpeg", scene.RGB(), 9, nil},
	{"progressive.jpg", "jpeg", scene.RGB(), 2.5, nil},
	{"gray.jpg", "jpeg", gray709(scene.RGB()), 2.5, nil},
	{"cmyk.jpg", "jpeg", scene.RGB(), 1.5, []string{noteCMYK}},
	{"interlaced.png", "png", scene.RGB(), 0, nil},
	{"deep.png", "png", scene.RGB(), 0, []string{noteDeep}},
	{"lossless.webp", "webp", scene.RGB(), 0, nil},
	{"lossless-alpha.webp", "webp", white(scene.Alpha()), 0, []string{noteAlpha}},
	{"lossy.webp", "webp", scene.RGB(), 5.5, nil},
	{"lossy-alpha.webp", "webp", white(scene.Alpha()), 5.5, []string{noteAlpha}},
	{"animated.webp", "webp", scene.RGB(), 0, []string{"first of 2 frames"}},
	{"plain.tiff", "tiff", scene.RGB(), 0, nil},
	{"lzw.tiff", "tiff", scene.RGB(), 0, nil},
	{"deflate.tiff", "tiff", scene.RGB(), 0, nil},
	{"deep.tiff", "tiff", scene.RGB(), 0, []string{noteDeep}},
	{"tiles.tiff", "tiff", scene.RGB(), 0, nil},
	{"pages.tiff", "tiff", scene.RGB(), 0, []string{"first of 2 pages"}},
	{"turned1.avif", "avif", scene.RGB(), 0, nil},
	{"lossy.avif", "avif", scene.RGB(), 1.5, nil},
	{"10bit.avif", "avif", scene.RGB(), 1, []string{"10 bits a channel reduced to 8"}},
	{"alpha.avif", "avif", white(scene.Alpha()), 1.5, []string{noteAlpha}},
	{"plain.heic", "heic", tripled(scene.RGB()), 4, nil},
	{"lossless.jxl", "jpegxl", scene.RGB(), 0, nil},
	{"boxed.jxl", "jpegxl", scene.RGB(), 0, nil},
	{"lossy.jxl", "jpegxl", scene.RGB(), 4, nil},
	{"alpha.jxl", "jpegxl", white(scene.Alpha()), 0, []string{noteAlpha}},
	{"deep.jxl", "jpegxl", scene.RGB(), 0, []string{noteDeep}},
	{"plain.psd", "psd", scene.RGB(), 0, []string{noteMerged}},
	{"rle.psd", "psd", scene.RGB(), 0, []string{noteMerged}},
	{"large.psb", "psd", scene.RGB(), 0, []string{noteMerged}},
	{"deep.psd", "psd", scene.RGB(), 0, []string{noteDeep, noteMerged}},
	{"deep-rle.psd", "psd", scene.RGB(), 0, []string{noteDeep, noteMerged}},
	{"cmyk.psd", "psd", scene.RGB(), 0, []string{noteCMYK, noteMerged}},
	{"gray.psd", "psd", gray709(scene.RGB()), 2, []string{noteMerged}},
	{"alpha.psd", "psd", white(scene.Alpha()), 0.5, []string{noteMerged, noteAlpha}},
	{"palette.psd", "psd", scene.RGB(), 12, []string{noteMerged}},
	{"layers.psd", "psd", scene.RGB(), 0, []string{noteMerged}},
}

const noteMerged = "merged picture of a file with layers"

func TestDecodeEveryFormat(t *testing.T) {
	for _, c := range good {
		t.Run(c.name, func(t *testing.T) {
			p := mustDecode(t, file(t, c.name))
			if p.Format != c.format {
				t.Errorf("format %q, want %q", p.Format, c.format)
			}
			if d := distance(t, p.RGB, c.want); d > c.within {
				t.Errorf("the picture is %.2f levels away, %.2f are allowed", d, c.within)
			}
			if !slices.Equal(p.Notes, c.notes) {
				t.Errorf("notes %q, want %q", p.Notes, c.notes)
			}
			if p.Orientation != 1 {
				t.Errorf("orientation %d, want 1", p.Orientation)
			}
		})
	}
}

func TestLumaSurvivesSubsampling(t *testing.T) {
	want := gray(scene.RGB())
	for _, name := range []string{"plain.jpg", "411.jpg", "422.jpg", "440.jpg", "lossy.webp", "lossy.avif", "lossy.jxl"} {
		if d := distance(t, gray(mustDecode(t, file(t, name)).RGB), want); d > 2.5 {
			t.Errorf("%s: luma is %.2f levels away", name, d)
		}
	}
}

func TestHEICWithAlphaKeepsItsColours(t *testing.T) {
	p := mustDecode(t, file(t, "alpha.heic"))
	if !slices.Equal(p.Notes, []string{"auxiliary picture (alpha or depth) ignored"}) {
		t.Errorf("notes %q", p.Notes)
	}
	// The upper part of the scene is opaque; below, encoders may drop hidden colours.
	top := func(m *image.NRGBA) *image.NRGBA {
		n := 84 * m.Stride
		return &image.NRGBA{Pix: m.Pix[:n], Stride: m.Stride, Rect: image.Rect(0, 0, m.Rect.Dx(), 84)}
	}
	if d := distance(t, top(p.RGB), top(tripled(scene.RGB()))); d > 4 {
		t.Errorf("the opaque part is %.2f levels away", d)
	}
}

func TestFaxIsBlackAndWhite(t *testing.T) {
	p := mustDecode(t, file(t, "fax.tiff"))
	for i, v := range p.RGB.Pix {
		if v != 0 && v != 255 {
			t.Fatalf("byte %d is %d", i, v)
		}
	}
	if d := distance(t, p.RGB, gray(scene.RGB())); d > 128 {
		t.Errorf("the picture is inverted: %.0f levels away", d)
	}
}

func TestDecodeTwiceIsEqual(t *testing.T) {
	for _, name := range []string{"plain.jpg", "lossy.avif", "plain.heic", "lossy.jxl"} {
		b := file(t, name)
		if mustDecode(t, b).PixelDigest() != mustDecode(t, b).PixelDigest() {
			t.Errorf("%s: two decodes differ", name)
		}
	}
}
