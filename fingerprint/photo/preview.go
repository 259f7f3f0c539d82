package photo

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
)

// maxPreview is the largest preview in bytes: it is kept in one row of the store.
const maxPreview = 200 << 10

// HashQuery implements fingerprint.Previewer.
func (h hasher) HashQuery(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	h.opts.query = true
	r, m, err := h.hash(ctx, data)
	if err != nil {
		return nil, err
	}
	// Most queries find nothing, and then nobody looks at the preview.
	small := smaller(m, fingerprint.PreviewSide)
	r.Preview = func() ([]byte, error) { return encodePreview(small) }
	return r, nil
}

// Preview implements fingerprint.Previewer.
func (h hasher) Preview(ctx context.Context, data []byte) ([]byte, error) {
	pic, err := decode.Decode(ctx, data, h.opts.Limits)
	if err != nil {
		return nil, err
	}
	return encodePreview(smaller(pic.RGB, fingerprint.PreviewSide))
}

// PreviewPicture makes the preview of decoded pixels.
func PreviewPicture(m *image.NRGBA) ([]byte, error) {
	return encodePreview(smaller(m, fingerprint.PreviewSide))
}

// PreviewFrame makes the preview of one frame among several.
func PreviewFrame(m *image.NRGBA) ([]byte, error) {
	return encodePreview(smaller(m, fingerprint.FrameSide))
}

// encodePreview writes a JPEG; noise, which no JPEG makes small, the more coarsely.
func encodePreview(small image.Image) ([]byte, error) {
	var b bytes.Buffer
	for _, quality := range []int{80, 50, 20, 5} {
		b.Reset()
		if err := jpeg.Encode(&b, small, &jpeg.Options{Quality: quality}); err != nil {
			return nil, fmt.Errorf("preview: %w", err)
		}
		if b.Len() <= maxPreview {
			break
		}
	}
	return b.Bytes(), nil
}

// taps is how many samples a side are averaged for one pixel of a shrunk picture at most:
// what a preview costs is bounded, however large the picture.
const taps = 3

// smaller scales an opaque picture down until its longer side is at most side; it never
// enlarges. Every pixel is the mean of evenly spread samples of its cell.
func smaller(m *image.NRGBA, side int) *image.RGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	ow, oh := w, h
	if long := max(w, h); long > side {
		ow, oh = max(1, w*side/long), max(1, h*side/long)
	}
	out := image.NewRGBA(image.Rect(0, 0, ow, oh))
	cols := make([]int, 0, ow*taps) // offsets in a row, nx a pixel
	nx, ny := min(taps, (w+ow-1)/ow), min(taps, (h+oh-1)/oh)
	for x := range ow {
		for i := range nx {
			cols = append(cols, 4*tap(x, i, nx, w, ow))
		}
	}
	n := uint32(nx * ny)
	for y := range oh {
		row := out.Pix[y*out.Stride:][:4*ow]
		var rows [taps][]byte
		for i := range ny {
			rows[i] = m.Pix[tap(y, i, ny, h, oh)*m.Stride:]
		}
		for x := range ow {
			var r, g, b uint32
			for _, in := range rows[:ny] {
				for _, o := range cols[x*nx : (x+1)*nx] {
					p := in[o : o+3 : o+3]
					r, g, b = r+uint32(p[0]), g+uint32(p[1]), b+uint32(p[2])
				}
			}
			p := row[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2], p[3] = uint8((r+n/2)/n), uint8((g+n/2)/n), uint8((b+n/2)/n), 255
		}
	}
	return out
}

// tap is the place of sample i of n in cell x, where out cells share in places.
func tap(x, i, n, in, out int) int {
	return int((int64(2*(x*n+i)) + 1) * int64(in) / int64(2*n*out))
}
