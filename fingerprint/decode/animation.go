package decode

import (
	"context"
	"image"
	"image/draw"
	"time"
)

// WebPFrames composes the frames of an animated WebP (RFC 9649, section 2.7) one after the
// other and hands each to show with the time when it begins and its length: opaque, laid on
// white. The picture belongs to show. An error of show ends it and is returned as it is; all others are
// *Error. Where the file is cut or a frame is damaged, what came before was shown.
func WebPFrames(ctx context.Context, data []byte, lim Limits, show func(at, length time.Duration, m *image.NRGBA) error) error {
	lim = lim.orDefault()
	if int64(len(data)) > lim.MaxBytes {
		return bad(TooManyBytes, "the file has %d bytes, %d are allowed", len(data), lim.MaxBytes)
	}
	if f, _ := Sniff(data); f != "webp" {
		return bad(Unknown, "the file is no WebP picture")
	}
	ctx, cancel := context.WithTimeout(ctx, lim.Timeout)
	defer cancel()
	a := animation{show: show}
	_, err := guard(func() (struct{}, error) { return struct{}{}, a.play(ctx, data, lim) })
	switch {
	case err == nil || a.refused:
		return err
	case ctx.Err() != nil:
		return named("webp", timeout(ctx, tooSlow))
	}
	return named("webp", err)
}

// animation is an animated WebP that is being composed.
type animation struct {
	canvas  *image.NRGBA // with alpha
	at      time.Duration
	show    func(at, length time.Duration, m *image.NRGBA) error
	refused bool            // show returned an error
	dispose image.Rectangle // what the last frame wants cleared behind it
}

func (a *animation) play(ctx context.Context, data []byte, lim Limits) error {
	if len(data) < 12 {
		return truncated(nil)
	}
	return chunks(data[12:], func(kind string, body []byte) error {
		switch {
		case kind == "VP8X" && a.canvas == nil:
			if len(body) < 10 {
				return bad(Corrupt, "the VP8X chunk has %d bytes, 10 are needed", len(body))
			}
			w, h := 1+le24(body[4:]), 1+le24(body[7:])
			if e := lim.check(w, h); e != nil {
				return e
			}
			a.canvas = image.NewNRGBA(image.Rect(0, 0, w, h))
		case kind == "ANMF" && a.canvas != nil:
			return a.frame(ctx, body)
		}
		return nil
	})
}

// frame draws one ANMF chunk and shows the canvas.
func (a *animation) frame(ctx context.Context, body []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var f webpFrame
	if err := f.addAnimated(body); err != nil {
		return err
	}
	w, h := f.size()
	place := image.Rect(0, 0, w, h).Add(f.at)
	if w == 0 || !place.In(a.canvas.Rect) {
		return bad(Corrupt, "a frame of %d x %d pixels reaches over the canvas", w, h)
	}
	coded, err := f.decode(ctx)
	if err != nil {
		return err
	}
	m := withAlpha(coded)
	draw.Draw(a.canvas, a.dispose, image.Transparent, image.Point{}, draw.Src)
	op := draw.Over
	if body[15]&2 != 0 { // do not blend
		op = draw.Src
	}
	draw.Draw(a.canvas, place, m, m.Bounds().Min, op)
	a.dispose = image.Rectangle{}
	if body[15]&1 != 0 {
		a.dispose = place
	}
	shown := image.NewNRGBA(a.canvas.Rect)
	copy(shown.Pix, a.canvas.Pix)
	onWhite(shown.Pix)
	length := time.Duration(le24(body[12:])) * time.Millisecond
	err = a.show(a.at, length, shown)
	a.refused = err != nil
	a.at += length
	return err
}

// withAlpha is m in a form that package draw blends fast, with its alpha.
func withAlpha(m image.Image) image.Image {
	l, ok := m.(*limitedYCbCr)
	if !ok {
		return m
	}
	dst := image.NewNRGBA(pixelsOf(m))
	yuvToRGB(dst, l.YCbCr, l.matrix, nil)
	if l.alpha != nil {
		for i := range dst.Pix[:len(dst.Pix)/4] {
			dst.Pix[4*i+3] = l.alpha[i/dst.Rect.Dx()*l.alphaStride+i%dst.Rect.Dx()]
		}
	}
	return dst
}
