package media

import (
	"context"
	"errors"
	"image"
	"math"
	"time"

	"golang.org/x/image/draw"

	"selvage/fingerprint/decode"
)

// decodeWebP reads an animated WebP without ffmpeg, which does not know them.
func (j *job) decodeWebP(ctx context.Context) error {
	i := &j.info
	i.Video = "webp"
	last, end := -1.0, time.Duration(0)
	err := decode.WebPFrames(ctx, j.data, decode.Limits{MaxBytes: j.opts.MaxBytes, MaxPixels: j.opts.MaxPixels, Timeout: j.opts.Timeout},
		func(at, length time.Duration, m *image.NRGBA) error {
			i.Width, i.Height = m.Rect.Dx(), m.Rect.Dy()
			end = at + length
			interval := math.Floor((at.Seconds() + 0.0005) * j.opts.Rate)
			if interval <= last || j.sink.Frame == nil {
				return nil
			}
			last = interval
			return j.hand(Frame{Time: at.Seconds(), RGB: within(m, j.opts.Side)})
		})
	i.Duration = end.Seconds()
	if i.Width > 0 && !j.refused && ctx.Err() == nil {
		if e, ok := errors.AsType[*decode.Error](err); ok && (e.Kind == decode.Truncated || e.Kind == decode.Corrupt) {
			i.note(noteTail)
			return nil
		}
	}
	return err
}

// within is m, made smaller if a side is longer than most.
func within(m *image.NRGBA, most int) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	if max(w, h) <= most {
		return m
	}
	k := float64(most) / float64(max(w, h))
	dst := image.NewNRGBA(image.Rect(0, 0, max(1, int(float64(w)*k+.5)), max(1, int(float64(h)*k+.5))))
	draw.BiLinear.Scale(dst, dst.Rect, m, m.Rect, draw.Src, nil)
	return dst
}
