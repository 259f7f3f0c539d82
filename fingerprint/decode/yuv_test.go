package decode

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"

	"github.com/gen2brain/jpegn"

	"selvage/fingerprint/decode/internal/scene"
)

// TestJFIFEqualsTheStandardLibrary compares all 2^24 combinations.
func TestJFIFEqualsTheStandardLibrary(t *testing.T) {
	luma, cbs, crs := make([]byte, 256), make([]byte, 256), make([]byte, 256)
	row := make([]byte, 4*256)
	half := make([]byte, 4*256)
	for i := range luma {
		luma[i] = byte(i)
	}
	for cb := range 256 {
		for cr := range 256 {
			for i := range cbs {
				cbs[i], crs[i] = byte(cb), byte(cr)
			}
			yuvRowFull(row, luma, cbs, crs, jfif)
			yuvRowHalf(half, luma, cbs[:128], crs[:128], jfif)
			if !bytes.Equal(row, half) {
				t.Fatalf("the two loops differ for chroma %d, %d", cb, cr)
			}
			for y := range 256 {
				r, g, b := color.YCbCrToRGB(byte(y), byte(cb), byte(cr))
				if p := row[4*y:]; p[0] != r || p[1] != g || p[2] != b || p[3] != 255 {
					t.Fatalf("%d %d %d: %v, want %d %d %d", y, cb, cr, p[:4], r, g, b)
				}
			}
		}
	}
}

// TestMatricesAgreeWithTheirDefinition compares with ITU-T H.273 in floating point.
func TestMatricesAgreeWithTheirDefinition(t *testing.T) {
	for name, c := range map[string]struct {
		k      yuvMatrix
		kr, kb float64
		full   bool
	}{
		"studio601": {studio601, 0.299, 0.114, false},
		"full709":   {full709, 0.2126, 0.0722, true},
		"studio709": {studio709, 0.2126, 0.0722, false},
		"full2020":  {full2020, 0.2627, 0.0593, true},
		"studio20":  {studio20, 0.2627, 0.0593, false},
		"jfif":      {jfif, 0.299, 0.114, true},
	} {
		got := make([]byte, 4)
		for i := range 20_000 {
			y, cb, cr := byte(i*37), byte(i*101>>2), byte(i*59>>3)
			yuvRowFull(got, []byte{y}, []byte{cb}, []byte{cr}, c.k)
			ey, eb, er := float64(y)/255, (float64(cb)-128)/255, (float64(cr)-128)/255
			if !c.full {
				ey, eb, er = (float64(y)-16)/219, (float64(cb)-128)/224, (float64(cr)-128)/224
			}
			r, b := ey+2*(1-c.kr)*er, ey+2*(1-c.kb)*eb
			g := (ey - c.kr*r - c.kb*b) / (1 - c.kr - c.kb)
			for k, want := range []float64{r, g, b} {
				if d := math.Abs(float64(got[k]) - 255*min(1, max(0, want))); d > 1 {
					t.Fatalf("%s: %d %d %d: %v, channel %d should be %.2f", name, y, cb, cr, got, k, 255*want)
				}
			}
		}
	}
}

// TestEveryChromaLayout compares with the standard library's way through single pixels,
// also for a picture that does not start at the origin.
func TestEveryChromaLayout(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		m := image.NewYCbCr(image.Rect(0, 0, 37, 23), ratio)
		for _, plane := range [][]byte{m.Y, m.Cb, m.Cr} {
			for i := range plane {
				plane[i] = byte(i*i*7 + i*13)
			}
		}
		for _, r := range []image.Rectangle{m.Rect, image.Rect(3, 5, 30, 20), image.Rect(4, 4, 36, 23)} {
			sub := m.SubImage(r).(*image.YCbCr)
			got, alpha, err := opaque(sub)
			if err != nil || alpha {
				t.Fatal(alpha, err)
			}
			for y := range r.Dy() {
				for x := range r.Dx() {
					c := sub.YCbCrAt(r.Min.X+x, r.Min.Y+y)
					wr, wg, wb := color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
					if p := got.NRGBAAt(x, y); p != (color.NRGBA{wr, wg, wb, 255}) {
						t.Fatalf("%v %v pixel %d,%d: %v", ratio, r, x, y, p)
					}
				}
			}
		}
	}
}

// TestOpaqueOfEveryImageType goes through sub-images, whose stride is not their width.
func TestOpaqueOfEveryImageType(t *testing.T) {
	r := image.Rect(2, 3, 30, 20)
	src := scene.Alpha()
	set := func(m interface {
		image.Image
		Set(x, y int, c color.Color)
	}) image.Image {
		for y := range scene.Height {
			for x := range scene.Width {
				m.Set(x, y, src.NRGBAAt(x, y))
			}
		}
		return m
	}
	bounds := src.Rect
	for _, m := range []image.Image{
		set(image.NewNRGBA(bounds)).(*image.NRGBA).SubImage(r), set(image.NewRGBA(bounds)).(*image.RGBA).SubImage(r),
		set(image.NewGray(bounds)).(*image.Gray).SubImage(r), set(image.NewGray16(bounds)).(*image.Gray16).SubImage(r),
		set(image.NewNRGBA64(bounds)).(*image.NRGBA64).SubImage(r), set(image.NewRGBA64(bounds)).(*image.RGBA64).SubImage(r),
		set(image.NewCMYK(bounds)).(*image.CMYK).SubImage(r), set(image.NewNRGBA(bounds)), set(image.NewRGBA(bounds)),
	} {
		b := m.Bounds()
		want := make([]color.NRGBA, 0, b.Dx()*b.Dy())
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				cr, cg, cb, ca := m.At(x, y).RGBA()
				rest := 0xffff - ca
				want = append(want, color.NRGBA{uint8((cr + rest) >> 8), uint8((cg + rest) >> 8), uint8((cb + rest) >> 8), 255})
			}
		}
		got, _, err := opaque(m)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			p := got.NRGBAAt(i%b.Dx(), i/b.Dx())
			for _, d := range []int{int(p.R) - int(w.R), int(p.G) - int(w.G), int(p.B) - int(w.B)} {
				if d < -1 || d > 1 {
					t.Fatalf("%T pixel %d: %v, want about %v", m, i, p, w)
				}
			}
		}
	}
}

func TestSecondJPEGDecoder(t *testing.T) {
	// A CMYK and a progressive file through the standard library agree with the first
	// decoder to within its rounding.
	for _, name := range []string{"cmyk.jpg", "progressive.jpg", "plain.jpg"} {
		b := file(t, name)
		img, err := jpeg.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		second, _, err := opaque(img)
		if err != nil {
			t.Fatal(err)
		}
		if d := distance(t, mustDecode(t, b).RGB, second); d > 1 {
			t.Errorf("%s: %.2f levels apart", name, d)
		}
	}
}

// restartJPEG is a 4:2:0 JPEG with restart markers and optimised tables.
func restartJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpegn.Encode(&b, m, &jpegn.EncodeOptions{Quality: 90, RestartInterval: 3, OptimizeCoding: true}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRestartMarkersAreNotTheEnd(t *testing.T) {
	data := restartJPEG(t, scene.RGB())
	if !bytes.Contains(data, []byte{0xff, 0xd0}) {
		t.Fatal("the file has no restart marker")
	}
	if d := distance(t, gray(mustDecode(t, data).RGB), gray(scene.RGB())); d > 3 {
		t.Errorf("luma is %.2f levels away", d)
	}
}

// TestVectorCodeEqualsPlainCode compares all values of both chromas, each with many of luma,
// for every matrix. Where the processor has no vector code, or SELVAGE_SIMD=off, there is one code only.
func TestVectorCodeEqualsPlainCode(t *testing.T) {
	luma, cbs, crs := make([]byte, 512), make([]byte, 512), make([]byte, 512)
	for i := range luma {
		luma[i] = byte(i)
	}
	full, half, plain := make([]byte, 4*512), make([]byte, 4*512), make([]byte, 4*512)
	for name, k := range map[string]yuvMatrix{
		"jfif": jfif, "studio601": studio601, "full709": full709, "studio709": studio709, "full2020": full2020, "studio20": studio20,
	} {
		table := k.table()
		for cb := range 256 {
			for cr := range 128 {
				for i := range 128 { // both chromas change within a block of the halved rows
					cbs[i], crs[i] = byte(cb+i), byte(2*cr+i/64)
				}
				copy(cbs[128:], cbs[:128])
				copy(crs[128:], crs[:128])
				copy(cbs[256:], cbs[:256])
				copy(crs[256:], crs[:256])
				n := table.half(half, luma, cbs[:256], crs[:256])
				yuvRowHalf(plain, luma, cbs[:256], crs[:256], k)
				if !bytes.Equal(half[:4*n], plain[:4*n]) {
					t.Fatalf("%s: halved chroma from %d, %d differs", name, cb, cr)
				}
				m := table.full(full, luma, cbs, crs)
				yuvRowFull(plain, luma, cbs, crs, k)
				if !bytes.Equal(full[:4*m], plain[:4*m]) {
					t.Fatalf("%s: chroma from %d, %d differs", name, cb, cr)
				}
				if n != m || n != 0 && n != len(luma) {
					t.Fatalf("%d and %d of %d pixels done", n, m, len(luma))
				}
			}
		}
	}
}
