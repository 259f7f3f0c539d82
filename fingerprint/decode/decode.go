package decode

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"time"

	"github.com/gen2brain/jpegn"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/sync/semaphore"
)

// Limits bound what one file may cost. Zero fields mean those of DefaultLimits.
type Limits struct {
	MaxBytes  int64         // length of the file
	MaxPixels int64         // width times height
	MaxSide   int           // the longer of width and height
	Timeout   time.Duration // the whole call, waiting for a free slot included

	rows func(m *image.NRGBA, end int) // see Rows
}

// DefaultLimits suit photographs and scans: a 100-megapixel camera file passes.
var DefaultLimits = Limits{
	MaxBytes:  256 << 20,
	MaxPixels: 120_000_000,
	MaxSide:   32768,
	Timeout:   20 * time.Second,
}

func (l Limits) orDefault() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultLimits.MaxBytes
	}
	if l.MaxPixels <= 0 {
		l.MaxPixels = DefaultLimits.MaxPixels
	}
	if l.MaxSide <= 0 {
		l.MaxSide = DefaultLimits.MaxSide
	}
	if l.Timeout <= 0 {
		l.Timeout = DefaultLimits.Timeout
	}
	return l
}

func (l Limits) check(w, h int) *Error {
	if w > l.MaxSide || h > l.MaxSide {
		return bad(TooManyPixels, "the picture is %d x %d pixels, a side may have %d: scale it down", w, h, l.MaxSide)
	}
	if int64(w)*int64(h) > l.MaxPixels {
		return bad(TooManyPixels, "the picture is %d x %d pixels, %d are allowed: scale it down", w, h, l.MaxPixels)
	}
	return nil
}

// memoryBudget bounds the bytes planned for all decodes in flight. A file whose own plan
// is larger runs alone.
const memoryBudget = 3 << 30

// The gate of the process. A decoder that outlives its caller keeps its share until it
// ends, so slow ones cannot pile up.
var (
	gateSlots  = int64(max(4, 2*runtime.GOMAXPROCS(0)))
	slots      = semaphore.NewWeighted(gateSlots)
	memoryGate = semaphore.NewWeighted(memoryBudget)
)

// Decode turns the bytes of one picture file into pixels. Every error is an *Error. If
// it returns one of kind Timeout, a decoder may still be reading data: do not change it.
// Decode waits for a free slot where too many decodes run, within ctx and lim.Timeout,
// and fails with Busy where none became free.
func Decode(ctx context.Context, data []byte, lim Limits) (*Picture, error) {
	lim = lim.orDefault()
	if len(data) == 0 {
		return nil, bad(Empty, "the file is empty")
	}
	if int64(len(data)) > lim.MaxBytes {
		return nil, bad(TooManyBytes, "the file has %d bytes, %d are allowed", len(data), lim.MaxBytes)
	}
	format, ok := Sniff(data)
	if !ok {
		if what := looksLike(data); what != "" {
			return nil, bad(Unknown, "the file is %s, not a picture that can be read", what)
		}
		return nil, bad(Unknown, "the file is of no picture format that can be read")
	}
	p, err := decodeAs(ctx, format, codecs[format], data, lim)
	if err != nil {
		return nil, named(format, err)
	}
	return p, nil
}

// Rows is Decode, and calls rows from another goroutine while the picture is being
// made, each time with more of its upper rows done: what reads them then finds them in the
// processor's cache. There may be no call at all, and the last need not be with all rows.
// Where Decode fails, rows may still be running, so all that it touches is to be left alone.
func Rows(ctx context.Context, data []byte, lim Limits, rows func(m *image.NRGBA, end int)) (*Picture, error) {
	lim.rows = rows
	return Decode(ctx, data, lim)
}

func decodeAs(ctx context.Context, format string, c codec, data []byte, lim Limits) (*Picture, error) {
	ctx, cancel := context.WithTimeout(ctx, lim.Timeout)
	defer cancel()
	h, err := guard(func() (header, error) { return c.inspect(data) })
	if e := lim.check(h.width, h.height); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	if h.width <= 0 || h.height <= 0 {
		return nil, bad(Corrupt, "the header claims %d x %d pixels", h.width, h.height)
	}

	if slots.Acquire(ctx, 1) != nil {
		return nil, busy(ctx, "too many pictures are being read at once, and none was done in time: try again in a moment")
	}
	need := min(max(h.atLeast, h.perPixel*int64(h.width)*int64(h.height)), memoryBudget)
	if memoryGate.Acquire(ctx, need) != nil {
		slots.Release(1)
		return nil, busy(ctx, "the pictures being read at once take up all memory for them: try again in a moment")
	}
	type outcome struct {
		pic *Picture
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		pic, err := func() (*Picture, error) {
			defer slots.Release(1)
			defer memoryGate.Release(need)
			return guard(func() (*Picture, error) { return render(ctx, format, c, data, &h, lim) })
		}()
		done <- outcome{pic, err} // only now: the caller may count on the share being free
	}()
	select {
	case o := <-done:
		return o.pic, o.err
	case <-ctx.Done():
		return nil, timeout(ctx, tooSlow)
	}
}

// render decodes and makes the result opaque and upright.
func render(ctx context.Context, format string, c codec, data []byte, h *header, lim Limits) (*Picture, error) {
	img, err := c.open(ctx, data, h)
	if ctx.Err() != nil {
		return nil, timeout(ctx, tooSlow) // whatever the decoder says of a stream that broke off
	}
	if err != nil {
		return nil, err
	}
	b := img.Bounds()
	if e := lim.check(b.Dx(), b.Dy()); e != nil {
		return nil, e
	}
	if b.Empty() {
		return nil, bad(Corrupt, "the picture has no pixels")
	}
	rows := lim.rows
	if h.orientation > 1 {
		rows = nil // these are not yet the picture's rows
	}
	rgb, alpha, err := opaqueRows(img, rows)
	if err != nil {
		return nil, err
	}
	if alpha {
		h.note(noteAlpha)
	}
	return &Picture{
		RGB:         upright(rgb, h.orientation),
		Format:      format,
		Orientation: max(1, h.orientation, h.applied),
		Notes:       h.notes,
	}, nil
}

// guard turns a panic of f into an Error.
func guard[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Kind: Panicked, Detail: "the decoder failed on this file", Err: fmt.Errorf("panic: %v", r)}
		}
	}()
	return f()
}

func timeout(ctx context.Context, detail string) *Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		detail = "the caller gave up"
	}
	return &Error{Kind: Timeout, Detail: detail, Err: ctx.Err()}
}

// busy is for a call that never came to decode: nothing is known against the file.
func busy(ctx context.Context, detail string) *Error {
	e := timeout(ctx, detail)
	if !errors.Is(e.Err, context.Canceled) {
		e.Kind = Busy
	}
	return e
}

// named makes err an *Error with a format. Errors of the decoders are sorted by what
// their packages say about them.
func named(format string, err error) *Error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Kind: Corrupt, Detail: "the file is damaged", Err: err}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			e = truncated(err)
		case isUnsupported(err):
			e.Kind, e.Detail = UnsupportedVariant, "this variant of the format is not read: save it again as PNG or JPEG"
		}
	}
	e.Format = format
	return e
}

func isUnsupported(err error) bool {
	if errors.Is(err, bmp.ErrUnsupported) || errors.Is(err, jpegn.ErrUnsupported) {
		return true
	}
	_, isJPEG := errors.AsType[jpeg.UnsupportedError](err)
	_, isPNG := errors.AsType[png.UnsupportedError](err)
	_, isTIFF := errors.AsType[tiff.UnsupportedError](err)
	return isJPEG || isPNG || isTIFF
}

// pixelsOf is the image's bounds moved to the origin.
func pixelsOf(img image.Image) image.Rectangle {
	return image.Rectangle{Max: img.Bounds().Size()}
}
