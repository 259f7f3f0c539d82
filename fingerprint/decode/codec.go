package decode

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"slices"
)

// header is what the first look at a file tells, before anything large is allocated.
type header struct {
	width, height int // as stored, before orientation
	// orientation that is still to be undone after the decoder; 0 and 1 mean none.
	orientation int
	// applied is the orientation that the decoder undoes by itself; 0 and 1 mean none.
	applied int
	notes   []string
	// perPixel is an estimate of the bytes a pixel costs at the peak of decoding, the
	// finished picture included.
	perPixel int64
	// atLeast is a floor for the memory planned.
	atLeast int64
	// plan is what inspect found out and open needs.
	plan any
}

func (h *header) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(h.notes, n) {
		h.notes = append(h.notes, n)
	}
}

// codec reads one format. inspect walks the container without decoding: it finds size,
// orientation and notes, and refuses files that are cut or unsupported. It may return
// a useful header beside an error, so that a cut bomb is still called a bomb. open
// decodes; a decoder that reads a stream gets one that fails once ctx is done. Both may
// panic; their caller recovers.
type codec struct {
	inspect func(data []byte) (header, error)
	open    func(ctx context.Context, data []byte, h *header) (image.Image, error)
}

// stoppable is data as a stream that fails once ctx is done, so that a decoder nobody
// waits for any more stops at its next read. It stops no decoder that holds all its bytes.
func stoppable(ctx context.Context, data []byte) io.Reader {
	return &stopReader{ctx: ctx, r: bytes.NewReader(data)}
}

// stopReader has no ReadByte on purpose: decoders then read through a buffer, and ctx is
// asked once a buffer instead of once a byte.
type stopReader struct {
	ctx context.Context
	r   *bytes.Reader
}

func (s *stopReader) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// ReadAt is for the TIFF decoder, which would copy the whole stream without it.
func (s *stopReader) ReadAt(p []byte, off int64) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.ReadAt(p, off)
}

var codecs = map[string]codec{
	"jpeg":   {inspectJPEG, openJPEG},
	"png":    {inspectPNG, openPNG},
	"gif":    {inspectGIF, openGIF},
	"webp":   {inspectWebP, openWebP},
	"bmp":    {inspectBMP, openBMP},
	"tiff":   {inspectTIFF, openTIFF},
	"avif":   {inspectHEIF, openAVIF},
	"heic":   {inspectHEIF, openHEIC},
	"jpegxl": {inspectJXL, openJXL},
	"psd":    {inspectPSD, openPSD},
}

const (
	noteProfile = "colour profile ignored"
	noteAlpha   = "alpha laid on white"
	noteDeep    = "16 bits a channel reduced to 8"
	noteCMYK    = "CMYK converted without a profile"
)

// sandboxMemory is planned at least for AVIF, HEIC and JPEG XL. Their decoders run in a
// WebAssembly sandbox, and a hostile codestream can make them take more than the header
// says, so few may run at once.
const sandboxMemory = 512 << 20
