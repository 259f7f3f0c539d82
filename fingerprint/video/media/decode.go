package media

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
)

// Options say what is wanted of a video and what it may cost. Zero fields mean those of
// DefaultOptions.
type Options struct {
	Rate float64 // most frames a second that are handed out; the first of each interval
	Side int     // longest side of a frame in pixels; smaller videos keep their size
	// KeyFrames decodes key frames only: a first answer for little CPU. How many there are,
	// the encoder decided.
	KeyFrames bool

	MaxBytes    int64         // length of the file
	MaxPixels   int64         // of a frame as it is stored
	MaxDuration time.Duration // of the video
	MaxMemory   int64         // address space of ffmpeg in bytes; Linux only
	Timeout     time.Duration // the whole call, waiting for a free slot included
	Threads     int           // of ffmpeg's decoder
}

// DefaultOptions suit short videos of up to 8K.
var DefaultOptions = Options{
	Rate:        2,
	Side:        512,
	MaxBytes:    1 << 30,
	MaxPixels:   8192 * 4352,
	MaxDuration: time.Hour,
	MaxMemory:   4 << 30,
	Timeout:     5 * time.Minute,
	Threads:     2,
}

func (o Options) orDefault() Options {
	d := DefaultOptions
	if o.Rate <= 0 {
		o.Rate = d.Rate
	}
	if o.Side <= 0 {
		o.Side = d.Side
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = d.MaxBytes
	}
	if o.MaxPixels <= 0 {
		o.MaxPixels = d.MaxPixels
	}
	if o.MaxDuration <= 0 {
		o.MaxDuration = d.MaxDuration
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = d.MaxMemory
	}
	if o.Timeout <= 0 {
		o.Timeout = d.Timeout
	}
	if o.Threads <= 0 {
		if o.Threads = d.Threads; o.KeyFrames {
			o.Threads = 1 // a pool costs more than it saves
		}
	}
	return o
}

// SampleRate is how many samples a second a Sink hears.
const SampleRate = 11025

// Frame is a picture of a video.
type Frame struct {
	// Time is when the frame is shown first, in seconds after the start of the file. It
	// is shown until the time of the next one, or longer than the sampling interval where
	// the video stands still.
	Time float64
	// RGB is opaque and upright, with square pixels, bounds that start at (0,0) and a
	// Stride of 4*Width. It belongs to the receiver.
	RGB *image.NRGBA
}

// Gray is the luma of the frame by ITU-R BT.601, in integers.
func (f Frame) Gray() *image.Gray {
	g := image.NewGray(f.RGB.Rect)
	for i := range g.Pix {
		p := f.RGB.Pix[4*i : 4*i+3 : 4*i+3]
		g.Pix[i] = uint8((299*uint32(p[0]) + 587*uint32(p[1]) + 114*uint32(p[2]) + 500) / 1000)
	}
	return g
}

// Sink receives what is decoded. Its functions are called one at a time, in order of time
// each; an error of theirs ends Decode, which returns it as it is. A function that is nil is
// not called, and what it would receive is not decoded.
type Sink struct {
	Frame func(Frame) error
	// Sound receives the next samples, one channel, SampleRate a second. The first sample
	// of all is at time 0; gaps are filled with silence. The slice is valid during the call.
	Sound func(pcm []int16) error
}

// Info is what is known of a video when it was read.
type Info struct {
	Format string // as sniffed
	Video  string // ffmpeg's name of the codec of the pictures; empty where there are none
	Sound  string // of the sound
	Width  int    // pixels, upright and made square; 0 without pictures
	Height int
	Rate   float64 // nominal frames a second; 0 where the container does not say
	// Duration is in seconds: what the container says, or what could be read where it does not.
	Duration float64
	// Read is the time up to which frames or sound were handed out.
	Read   float64
	Frames int // handed out
	// Notes are facts that a reader of the answer should know, in plain words.
	Notes []string
}

// HasVideo reports whether there are pictures. A file with sound alone is no error.
func (i *Info) HasVideo() bool { return i.Video != "" }

func (i *Info) note(s string) {
	if !slices.Contains(i.Notes, s) {
		i.Notes = append(i.Notes, s)
	}
}

// The notes, but for the one that says how much could be read.
const (
	noteSilent    = "the video has no sound"
	noteDeaf      = "the sound of the video cannot be read"
	noteNoPicture = "the file has sound but no pictures"
	noteTracks    = "only the first of several tracks of a kind is used"
	noteHDR       = "high dynamic range is mapped to the standard one"
	noteHDRPlain  = "high dynamic range is not mapped: the ffmpeg here has no zscale filter"
	noteKeyFrames = "only key frames were read"
	noteResized   = "the picture changes its shape midway: frames of another shape are left out"
	noteTail      = "the end of the file is missing"
)

// At most so many files are decoded at once; each decoder has threads of its own.
var (
	gateSlots = int64(max(2, runtime.GOMAXPROCS(0)))
	slots     = semaphore.NewWeighted(gateSlots)
)

// Decode reads a video once and hands its frames and samples to the sink. All errors are
// *decode.Error but those of the sink. Where ctx or the time limit ends first, the kind is
// decode.Timeout; where too many videos are being read, decode.Busy. What the sink received
// before an error is to be thrown away.
func Decode(ctx context.Context, data []byte, opts Options, sink Sink) (*Info, error) {
	opts = opts.orDefault()
	if len(data) == 0 {
		return nil, bad(decode.Empty, "the file is empty")
	}
	if int64(len(data)) > opts.MaxBytes {
		return nil, bad(decode.TooManyBytes, "the file has %d bytes, %d are allowed", len(data), opts.MaxBytes)
	}
	format, ok := Sniff(data)
	if !ok {
		return nil, bad(decode.Unknown, "the file is no video that can be read: MP4, MOV, WebM, Matroska, AVI, and moving GIF and WebP are")
	}
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	if slots.Acquire(ctx, 1) != nil {
		if parent.Err() != nil {
			return nil, ended(ctx, format)
		}
		return nil, &decode.Error{Kind: decode.Busy, Format: format, Detail: "too many videos are being read at once, and none was done in time: try again in a moment", Err: ctx.Err()}
	}
	defer slots.Release(1)

	begun := func(done, whole float64) { fingerprint.Progress(ctx, done, whole) }
	j := &job{format: format, data: data, opts: opts, sink: sink, begun: begun}
	err := j.decode(ctx)
	if e, ok := errors.AsType[*decode.Error](err); ok && e.Format == "" {
		e.Format = format
	}
	if ctx.Err() != nil && !j.refused {
		err = ended(ctx, format) // whatever ffmpeg made of it
	}
	if err != nil {
		return nil, err
	}
	return &j.info, nil
}

func bad(k decode.Kind, format string, args ...any) *decode.Error {
	return &decode.Error{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// ended is the error for a context that has ended.
func ended(ctx context.Context, format string) *decode.Error {
	e := &decode.Error{Kind: decode.Timeout, Format: format, Detail: "reading the video took too long", Err: ctx.Err()}
	if errors.Is(e.Err, context.Canceled) {
		e.Detail = "the caller gave up"
	}
	return e
}

// job is one call of Decode.
type job struct {
	format  string
	data    []byte
	opts    Options
	sink    Sink
	info    Info
	refused bool // the sink returned an error
	samples int64
	pcm     []int16
	// duration is what the container says, once it is known; begun is told how far it is done.
	duration float64
	begun    func(done, whole float64)
}

func (j *job) decode(ctx context.Context) error {
	j.info = Info{Format: j.format}
	if j.format == WebP {
		return j.decodeWebP(ctx)
	}
	d, err := j.runFFmpeg(ctx)
	if err == nil && j.nothing() && d.video.there && d.audio.there && j.sink.Frame != nil && j.sink.Sound != nil {
		// ffmpeg gives up all of a file whose sound it cannot decode.
		j.sink.Sound = nil
		j.info = Info{Format: j.format, Notes: []string{noteDeaf}}
		d, err = j.runFFmpeg(ctx)
	}
	if err != nil {
		return err
	}
	if j.nothing() {
		return j.unreadable(d)
	}
	j.finish(d)
	return nil
}

// nothing reports whether the sink received nothing.
func (j *job) nothing() bool { return j.info.Frames == 0 && j.samples == 0 }

// consume hands what ffmpeg writes to the sink.
func (j *job) consume(r io.Reader) error {
	in := newReader(r, max(4*j.opts.Side*j.opts.Side, 1<<20)+64)
	for {
		p, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case p.kind == videoTrack:
			err = j.frame(p)
		case p.kind == audioTrack:
			err = j.sound(p)
		}
		if err != nil {
			return err
		}
	}
}

func (j *job) frame(p packet) error {
	if len(p.data) != 4*p.w*p.h || len(p.data) == 0 {
		j.info.note(noteResized)
		return nil
	}
	m := image.NewNRGBA(image.Rect(0, 0, p.w, p.h))
	copy(m.Pix, p.data)
	layOnWhite(m)
	return j.hand(Frame{Time: p.time, RGB: m})
}

// hand gives a frame to the sink.
func (j *job) hand(f Frame) error {
	if f.Time > j.opts.MaxDuration.Seconds() || float64(j.info.Frames) > j.opts.Rate*j.opts.MaxDuration.Seconds()+1 {
		return j.tooLong()
	}
	j.info.Frames++
	j.info.Read = max(j.info.Read, f.Time)
	j.begun(f.Time, j.duration)
	err := j.sink.Frame(f)
	j.refused = err != nil
	return err
}

func (j *job) sound(p packet) error {
	j.pcm = j.pcm[:0]
	for b := p.data; len(b) >= 2; b = b[2:] {
		j.pcm = append(j.pcm, int16(binary.LittleEndian.Uint16(b)))
	}
	j.samples += int64(len(j.pcm))
	j.info.Read = max(j.info.Read, float64(j.samples)/SampleRate)
	if float64(j.samples)/SampleRate > j.opts.MaxDuration.Seconds()+1 {
		return j.tooLong()
	}
	err := j.sink.Sound(j.pcm)
	j.refused = err != nil
	return err
}

func (j *job) tooLong() error {
	return bad(decode.TooLong, "the video lasts longer than the %v that are allowed", j.opts.MaxDuration)
}

// finish makes the Info of a video that was read.
func (j *job) finish(d dump) {
	i := &j.info
	i.Sound, i.Video, i.Rate, i.Duration = d.audio.codec, d.video.codec, d.video.fps, d.duration
	i.Width, i.Height = int(float64(d.video.w)*d.video.sar+.5), d.video.h
	if d.rotated {
		i.Width, i.Height = i.Height, i.Width
	}
	if j.opts.KeyFrames && d.video.there {
		i.note(noteKeyFrames)
	}
	switch {
	case !d.video.there:
		i.note(noteNoPicture)
	case !d.audio.there && j.format != GIF:
		i.note(noteSilent)
	}
	if d.video.many > 1 || d.audio.many > 1 {
		i.note(noteTracks)
	}
	missing := cut(j.format, j.data)
	switch {
	case i.Duration == 0:
		i.Duration = i.Read
	case (missing || len(d.complaints) > 0) && !j.opts.KeyFrames && i.Duration-i.Read > 1+1/j.opts.Rate:
		i.note(fmt.Sprintf("the file could be read for %.1f of its %.1f seconds", i.Read, i.Duration))
		return
	}
	if missing {
		i.note(noteTail)
	}
}

// layOnWhite makes a picture opaque.
func layOnWhite(m *image.NRGBA) {
	for p := m.Pix; len(p) >= 4; p = p[4:] {
		if a := uint32(p[3]); a != 255 {
			for c := range 3 {
				p[c] = uint8((uint32(p[c])*a + 255*(255-a) + 127) / 255)
			}
			p[3] = 255
		}
	}
}
