package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"selvage/fingerprint/decode"
	"selvage/fixtures"
)

// spec is a small clip that most tests use.
func spec() *fixtures.Clip { return fixtures.Video(3, 4, 160, 90) }

func TestEveryContainer(t *testing.T) {
	clip := spec()
	for _, ext := range []string{"mp4", "mkv", "webm", "avi"} {
		t.Run(ext, func(t *testing.T) {
			data := encode(t, clip, ext, 10)
			i, s := read(t, data, Options{})
			if i.Width != 160 || i.Height != 90 || math.Abs(i.Duration-4) > 0.1 || i.Rate != 10 || !i.HasVideo() || i.Sound == "" {
				t.Errorf("%+v", i)
			}
			if want := []float64{0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5}; !near(s.times(), want, 0.03) {
				t.Errorf("times %v, want %v", s.times(), want)
			}
			if n := len(s.pcm); n < 4*SampleRate*95/100 || n > 4*SampleRate*105/100 {
				t.Errorf("%d samples in 4 seconds", n)
			}
			for _, f := range s.frames {
				if d := far(t, f, Frame{RGB: clip.Frame(f.Time)}); d > 8 {
					t.Errorf("at %.1f the frame is %.1f levels from what was drawn", f.Time, d)
				}
			}
			if len(i.Notes) > 0 {
				t.Error(i.Notes)
			}
		})
	}
}

func near(a, b []float64, most float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= most })
}

// TestTimesAreTheStreams: frames that come irregularly keep their times.
func TestTimesAreTheStreams(t *testing.T) {
	// Frames 0 to 39 are shown at the square of their number, in units of 1/100 s.
	data := encode(t, spec(), "mkv", 10, "-an", "-vf", "settb=1/1000,setpts=N*N/(100*TB)", "-fps_mode", "passthrough", "-enc_time_base", "1/1000")
	_, s := read(t, data, Options{Rate: 1000})
	if len(s.frames) != 40 {
		t.Fatalf("%d frames of 40", len(s.frames))
	}
	for n, f := range s.frames {
		if want := float64(n*n) / 100; math.Abs(f.Time-want) > 0.0006 {
			t.Errorf("frame %d is at %.4f, want %.4f", n, f.Time, want)
		}
	}
	// At two a second, each is the first of its half second, and none is repeated.
	_, s = read(t, data, Options{})
	last := -1.0
	for _, f := range s.frames {
		root := math.Round(math.Sqrt(f.Time * 100))
		if math.Abs(f.Time-root*root/100) > 0.0006 || math.Floor(f.Time*2) <= math.Floor(last*2) {
			t.Errorf("a frame at %.3f after one at %.3f", f.Time, last)
		}
		last = f.Time
	}
}

func TestRotatedAndStretched(t *testing.T) {
	plain := encode(t, spec(), "mp4", 10)
	_, upright := read(t, plain, Options{})

	// The matrix of a phone that was held upright: a quarter turn clockwise (ISO/IEC
	// 14496-12, 8.3.2), in the track header behind version, times, layer and volume.
	turned := bytes.Clone(plain)
	matrix := turned[bytes.Index(turned, []byte("tkhd"))+44:]
	for n, v := range []int32{0, 1 << 16, 0, -1 << 16, 0} {
		binary.BigEndian.PutUint32(matrix[4*n:], uint32(v))
	}
	i, s := read(t, turned, Options{})
	if i.Width != 90 || i.Height != 160 {
		t.Errorf("turned: %d x %d", i.Width, i.Height)
	}
	b := s.frames[0].RGB
	if b.Rect.Dx() != 90 || b.Rect.Dy() != 160 {
		t.Fatalf("turned frame: %v", b.Rect.Max)
	}
	// Turned back by hand, it is the upright frame.
	back := upright.frames[0].RGB
	diff := 0
	for y := range 90 {
		for x := range 160 {
			p, q := back.NRGBAAt(x, y), b.NRGBAAt(89-y, x)
			diff += max(int(p.G)-int(q.G), int(q.G)-int(p.G))
		}
	}
	if mean := float64(diff) / (90 * 160); mean > 3 {
		t.Errorf("the turned frame is %.1f levels from the upright one turned by hand", mean)
	}

	wide := encode(t, spec(), "mp4", 2, "-an", "-vf", "setsar=2/1")
	i, s = read(t, wide, Options{})
	if i.Width != 320 || i.Height != 90 || s.frames[0].RGB.Rect.Dx() != 320 {
		t.Errorf("pixels twice as wide: %d x %d, frames %v", i.Width, i.Height, s.frames[0].RGB.Rect.Max)
	}
}

func TestSizes(t *testing.T) {
	odd := encode(t, fixtures.Video(4, 1, 131, 77), "mkv", 5, "-an", "-c:v", "ffv1", "-pix_fmt", "yuv444p")
	if i, s := read(t, odd, Options{}); i.Width != 131 || i.Height != 77 || s.frames[0].RGB.Rect.Dx() != 131 {
		t.Errorf("odd: %+v", i)
	}
	if _, s := read(t, odd, Options{Side: 64}); s.frames[0].RGB.Rect.Dx() != 64 || s.frames[0].RGB.Rect.Dy() != 38 {
		t.Errorf("made small: frames %v", s.frames[0].RGB.Rect.Max)
	}
}

func TestHighDynamicRange(t *testing.T) {
	clip := fixtures.Video(4, 2, 160, 90)
	hdr := encode(t, clip, "mkv", 5, "-an", "-c:v", "ffv1", "-vf",
		"zscale=tin=bt709:min=bt709:pin=bt709:rin=full:t=smpte2084:m=bt2020nc:p=bt2020:r=tv:npl=203,format=yuv420p10le",
		"-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-pix_fmt", "yuv420p10le")
	i, s := read(t, hdr, Options{})
	if !hasNote(i, "high dynamic range is mapped") {
		t.Fatalf("%+v", i)
	}
	if len(s.frames) != 4 {
		t.Errorf("%d frames of 4", len(s.frames))
	}
	if d := far(t, s.frames[0], Frame{RGB: clip.Frame(0)}); d > 20 {
		t.Errorf("the mapped frame is %.1f levels from what was drawn", d)
	}
}

func TestSoundAndPicturesAlone(t *testing.T) {
	silent := encode(t, spec(), "mp4", 5, "-an")
	i, s := read(t, silent, Options{})
	if len(s.pcm) > 0 || i.Sound != "" || !hasNote(i, "no sound") || len(s.frames) != 8 {
		t.Errorf("silent: %+v, %d samples", i, len(s.pcm))
	}
	song := encode(t, spec(), "m4a", 5, "-vn", "-c:a", "aac")
	i, s = read(t, song, Options{})
	if i.HasVideo() || len(s.frames) > 0 || len(s.pcm) < 4*SampleRate*9/10 || !hasNote(i, "no pictures") {
		t.Errorf("song: %+v, %d frames, %d samples", i, len(s.frames), len(s.pcm))
	}
	// What nobody asks for is not decoded.
	var heard int
	both := encode(t, spec(), "mp4", 10)
	i, err := Decode(t.Context(), both, Options{}, Sink{Sound: func(pcm []int16) error { heard += len(pcm); return nil }})
	if err != nil || i.Frames != 0 || heard == 0 || !i.HasVideo() {
		t.Errorf("sound alone of both: %+v, %v", i, err)
	}
}

// TestLateSoundIsPadded: the place of a sample is its time.
func TestLateSoundIsPadded(t *testing.T) {
	data := encode(t, spec(), "mkv", 5, "-af", "asetpts=PTS+1.5/TB")
	_, s := read(t, data, Options{})
	first := slices.IndexFunc(s.pcm, func(v int16) bool { return v > 500 || v < -500 })
	if at := float64(first) / SampleRate; math.Abs(at-1.5) > 0.1 {
		t.Errorf("the sound begins at %.2f s, want 1.5", at)
	}
}

func TestKeyFrames(t *testing.T) {
	data := encode(t, spec(), "mp4", 10, "-g", "10", "-keyint_min", "10", "-sc_threshold", "0")
	i, s := read(t, data, Options{KeyFrames: true})
	if want := []float64{0, 1, 2, 3}; !near(s.times(), want, 0.01) || !hasNote(i, "key frames") || len(s.pcm) == 0 {
		t.Errorf("times %v, want %v; %+v", s.times(), want, i)
	}
}

func TestGIF(t *testing.T) {
	moving := encode(t, spec(), "gif", 10)
	i, s := read(t, moving, Options{})
	if want := []float64{0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5}; i.Format != GIF || !near(s.times(), want, 0.011) {
		t.Errorf("times %v, want %v; %+v", s.times(), want, i)
	}
	wantKind(t, t.Context(), gif(1, true), Options{}, decode.Unknown)
}

func TestAnimatedWebP(t *testing.T) {
	clip := spec()
	data := encode(t, clip, "webp", 10, "-c:v", "libwebp_anim", "-pix_fmt", "yuva420p", "-quality", "90", "-an")
	t.Setenv("PATH", t.TempDir()) // it needs no ffmpeg
	i, s := read(t, data, Options{})
	if want := []float64{0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5}; i.Format != WebP || !near(s.times(), want, 0.011) || math.Abs(i.Duration-4) > 0.02 || i.Width != 160 {
		t.Errorf("times %v, want %v; %+v", s.times(), want, i)
	}
	for _, f := range s.frames {
		if d := far(t, f, Frame{RGB: clip.Frame(f.Time)}); d > 8 {
			t.Errorf("at %.1f the frame is %.1f levels from what was drawn", f.Time, d)
		}
	}
	if _, s := read(t, data, Options{Side: 80}); s.frames[0].RGB.Rect.Dx() != 80 || s.frames[0].RGB.Rect.Dy() != 45 {
		t.Errorf("made small: %v", s.frames[0].RGB.Rect.Max)
	}
	if i, s := read(t, data[:len(data)*6/10], Options{}); len(s.frames) < 3 || len(s.frames) > 7 || !hasNote(i, "the end of the file is missing") {
		t.Errorf("cut: %d frames, %+v", len(s.frames), i)
	}
	wantKind(t, t.Context(), data, Options{MaxPixels: 1000}, decode.TooManyPixels)
}

func TestSinkErrorsEndIt(t *testing.T) {
	data := encode(t, spec(), "mp4", 10)
	enough := errors.New("enough")
	n := 0
	_, err := Decode(t.Context(), data, Options{Rate: 10}, Sink{Frame: func(Frame) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	}})
	if !errors.Is(err, enough) || n != 3 {
		t.Errorf("error %v after %d frames", err, n)
	}
	noneLeft(t)
}

func TestBusyAndCancelled(t *testing.T) {
	data := encode(t, spec(), "mp4", 10)
	if err := slots.Acquire(t.Context(), gateSlots); err != nil {
		t.Fatal(err)
	}
	wantKind(t, t.Context(), data, Options{Timeout: 10 * time.Millisecond}, decode.Busy)
	slots.Release(gateSlots)
}
