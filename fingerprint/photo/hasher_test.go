package photo_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"reflect"
	"strings"
	"sync"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
	"selvage/fingerprint/photo"
)

// weave is a small original: threads of changing width and colour.
func weave(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := (x*x/(w/4+1) ^ y*y/(h/3+1)) & 0x7f
			m.SetNRGBA(x, y, color.NRGBA{uint8(40 + v), uint8(2 * v), uint8(200 - v - x*60/w), 255})
		}
	}
	return m
}

func encode(t testing.TB, f func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(t testing.TB, m image.Image) []byte {
	return encode(t, func(b *bytes.Buffer) error { return png.Encode(b, m) })
}

func asJPEG(t testing.TB, m image.Image, quality int) []byte {
	return encode(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, m, &jpeg.Options{Quality: quality}) })
}

func TestHashFiles(t *testing.T) {
	ctx, h, m := context.Background(), photo.New(photo.Options{}), weave(320, 240)
	if h.Work() != fingerprint.Photo {
		t.Errorf("work is %q", h.Work())
	}
	ref, err := h.Hash(ctx, asPNG(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if ref.Format != "png" || ref.Width != 320 || ref.Height != 240 || ref.Insufficient != "" {
		t.Errorf("result %+v", ref)
	}
	for kind, size := range map[fingerprint.Kind]int{fingerprint.PDQ256: 32, fingerprint.PHash64: 8, fingerprint.Pixels256: 32} {
		if p, ok := ref.Print(kind, fingerprint.Full); !ok || len(p.Payload) != size {
			t.Errorf("%s: payload of %d bytes, want %d", kind, len(p.Payload), size)
		}
	}
	same, err := h.Hash(ctx, encode(t, func(b *bytes.Buffer) error {
		return (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(b, m)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if c := photo.Compare(same, ref); !c.SamePixels || c.Probability() != 1 {
		t.Errorf("same pixels in another file: %+v", c)
	}
	lossy, err := h.Hash(ctx, asJPEG(t, m, 60))
	if err != nil {
		t.Fatal(err)
	}
	if c := photo.Compare(lossy, ref); c.SamePixels || c.Probability() < photo.ActThreshold {
		t.Errorf("JPEG of it: probability %v, %+v", c.Probability(), c)
	}
}

func TestHashOfNothingKeepsPixels(t *testing.T) {
	h := photo.New(photo.Options{})
	m := image.NewPaletted(image.Rect(0, 0, 90, 70), color.Palette{color.White})
	r, err := h.Hash(context.Background(), encode(t, func(b *bytes.Buffer) error { return gif.Encode(b, m, nil) }))
	if err != nil {
		t.Fatal(err)
	}
	if r.Insufficient != "flat picture: one colour" || len(r.Prints) != 1 || r.Prints[0].Kind != fingerprint.Pixels256 || len(r.Probes) != 0 {
		t.Errorf("insufficient %q, prints %v, %d probes", r.Insufficient, r.Prints, len(r.Probes))
	}
}

func TestHashRefuses(t *testing.T) {
	h := photo.New(photo.Options{})
	whole := asPNG(t, weave(100, 100))
	for name, data := range map[string][]byte{"nothing": nil, "text": []byte("not a picture"), "half a file": whole[:len(whole)/2]} {
		if r, err := h.Hash(context.Background(), data); err == nil {
			t.Errorf("%s: hashed to %+v", name, r)
		} else if decode.KindOf(err) == "" || !strings.Contains(err.Error(), "the file ") {
			t.Errorf("%s: error %q does not say what is wrong with the file", name, err)
		}
	}
	if !h.Accepts(whole[:64]) || h.Accepts([]byte("%PDF-1.7 and so on, which is no picture")) {
		t.Error("Accepts does not tell a PNG from a PDF")
	}
}

func TestNoNegativesHalvesTheProbes(t *testing.T) {
	data := asPNG(t, weave(200, 200))
	all, err := photo.New(photo.Options{}).Hash(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	few, err := photo.New(photo.Options{NoNegatives: true}).Hash(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Probes) != 16 || !reflect.DeepEqual(few.Probes, all.Probes[:8]) {
		t.Errorf("%d probes, %d without negatives", len(all.Probes), len(few.Probes))
	}
}

func TestHashIsSafeForConcurrentUse(t *testing.T) {
	h, data := photo.New(photo.Options{}), asJPEG(t, weave(300, 200), 80)
	want, err := h.Hash(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got, err := h.Hash(context.Background(), data); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("another result at the same time: %v", err)
			}
		})
	}
	wg.Wait()
}

// TestHashReadsRowsEarly compares what is read while a JPEG is decoded with what is read of
// it afterwards.
func TestHashReadsRowsEarly(t *testing.T) {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, weave(1203, 901), nil); err != nil {
		t.Fatal(err)
	}
	got, err := photo.New(photo.Options{}).Hash(t.Context(), file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	pic, err := decode.Decode(t.Context(), file.Bytes(), decode.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := photo.HashPicture(pic.RGB, photo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := pic.PixelDigest()
	want.Format, want.Notes = pic.Format, pic.Notes
	want.Prints = append(want.Prints, fingerprint.Fingerprint{Kind: fingerprint.Pixels256, View: fingerprint.Full, Payload: d[:], Quality: 100})
	if !reflect.DeepEqual(got, want) {
		t.Error("another result than of the decoded picture")
	}
}

func ExampleCompare() {
	original := weave(400, 300)
	mirrored := image.NewNRGBA(original.Rect)
	for y := range 300 {
		for x := range 400 {
			mirrored.SetNRGBA(x, y, original.NRGBAAt(399-x, y))
		}
	}
	ref, err := photo.HashPicture(original, photo.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	query, err := photo.HashPicture(mirrored, photo.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := photo.Compare(query, ref)
	fmt.Println(c.Places[0].Form(), c.Probability() >= photo.ActThreshold)
	fmt.Println(c.Reason(true))
	// Output:
	// flipY true
	// copy: mirrored left to right; 288 local features and 100 % of the texture of the overlap agree
}
