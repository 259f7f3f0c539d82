package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"selvage/fingerprint/decode"
)

// noneLeft fails where this process has a child that runs ffmpeg, dead and unburied
// included.
func noneLeft(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	if len(stats) == 0 {
		t.Fatal("no /proc")
	}
	for _, p := range stats {
		b, err := os.ReadFile(p)
		if err != nil {
			continue // gone already
		}
		_, after, _ := strings.Cut(string(b), ") ")
		var state string
		var parent int
		if _, err := fmt.Sscan(after, &state, &parent); err == nil && parent == os.Getpid() && strings.Contains(string(b), "(ffmpeg)") {
			t.Errorf("left running: %s", b)
		}
	}
}

// noFilesLeft fails where the folder for temporary files holds a video.
func noFilesLeft(t testing.TB, dir string) {
	t.Helper()
	if l, _ := filepath.Glob(filepath.Join(dir, "selvage-video-*")); len(l) > 0 {
		t.Errorf("left behind: %v", l)
	}
}

func TestPlaylistsAndScriptsAreUnknown(t *testing.T) {
	for name, text := range map[string]string{
		"hls":     "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
		"concat":  "ffconcat version 1.0\nfile '/etc/passwd'\n",
		"dash":    `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>`,
		"sdp":     "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n",
		"pattern": "frame-%03d.png",
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, t.Context(), []byte(text), Options{}, decode.Unknown) })
	}
	// Behind the first bytes of a container, they are only damage to its demuxer.
	needFFmpeg(t)
	for name, head := range map[string]string{
		"mp4": "\x00\x00\x00\x10ftypisom\x00\x00\x00\x00", "mkv": "\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska",
		"avi": "RIFF\x00\x01\x00\x00AVI ", "gif": "GIF89a\x01\x00\x01\x00\x00\x00\x00\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00",
	} {
		t.Run("behind "+name, func(t *testing.T) {
			var s seen
			_, err := Decode(t.Context(), []byte(head+"\n#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"), Options{}, s.sink())
			if k := decode.KindOf(err); k != decode.Corrupt && k != decode.Truncated && k != decode.UnsupportedVariant && k != decode.Unknown || len(s.frames) > 0 {
				t.Errorf("%v, %d frames", err, len(s.frames))
			}
		})
	}
	noneLeft(t)
}

func TestTooLong(t *testing.T) {
	// Ten hours of black in 600 frames.
	black := made(t, "mp4", nil, "-f", "lavfi", "-i", "color=black:s=64x64:r=1/60:d=36000", "-c:v", "libx264", "-preset", "ultrafast")
	start := time.Now()
	e := wantKind(t, t.Context(), black, Options{}, decode.TooLong)
	if !strings.Contains(e.Error(), "10h0m0s") {
		t.Error(e)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("it took %v to refuse it", d)
	}
	// A header that says nothing of it does not help.
	unsaid := made(t, "mkv", black, "-i", "IN", "-c", "copy", "-f", "matroska", "-live", "1")
	wantKind(t, t.Context(), unsaid, Options{}, decode.TooLong)
	// Where so much is allowed, all of it is read.
	if i, s := read(t, black, Options{MaxDuration: 11 * time.Hour}); len(s.frames) != 600 || s.frames[599].Time != 599*60 {
		t.Errorf("%+v, %d frames", i, len(s.frames))
	}
	noneLeft(t)
}

func TestGiantFrames(t *testing.T) {
	giant := made(t, "mkv", nil, "-f", "lavfi", "-i", "color=black:s=1200x1200:r=1:d=2", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
	wantKind(t, t.Context(), giant, Options{MaxPixels: 1e6}, decode.TooManyPixels)
	// The container may lie about it: the decoder then refuses.
	small := bytes.Replace(giant, []byte{0xb0, 0x82, 0x04, 0xb0, 0xba, 0x82, 0x04, 0xb0}, []byte{0xb0, 0x82, 0x00, 0x40, 0xba, 0x82, 0x00, 0x40}, 1)
	if bytes.Equal(small, giant) {
		t.Fatal("no size found in the header")
	}
	wantKind(t, t.Context(), small, Options{MaxPixels: 1e6}, decode.TooManyPixels)
	wantKind(t, t.Context(), giant, Options{MaxBytes: 1000}, decode.TooManyBytes)
	noneLeft(t)
}

func TestBrokenTails(t *testing.T) {
	clip := spec()
	for ext, args := range map[string][]string{
		"mp4":  {"-movflags", "+faststart"},
		"mkv":  nil,
		"webm": nil,
		"avi":  nil,
	} {
		t.Run(ext, func(t *testing.T) {
			data := encode(t, clip, ext, 10, args...)
			i, s := read(t, data[:len(data)*55/100], Options{})
			if n := len(s.frames); n < 2 || n > 7 {
				t.Errorf("%d frames of 55%% of 8", n)
			}
			if !hasNote(i, "could be read for") && !hasNote(i, "the end of the file is missing") {
				t.Errorf("%+v", i)
			}
			if d := far(t, s.frames[0], Frame{RGB: clip.Frame(0)}); d > 8 {
				t.Errorf("the first frame is %.1f levels off", d)
			}
		})
	}
	// An MP4 whose index was to follow says nothing without it.
	data := encode(t, clip, "mp4", 10)
	wantKind(t, t.Context(), data[:len(data)/2], Options{}, decode.Truncated)
	noneLeft(t)
}

var long = flag.Int("damage", 1, "how many damaged files of each container to read")

// TestUnreadableSound: sound that cannot be decoded takes no frame away.
func TestUnreadableSound(t *testing.T) {
	data := encode(t, spec(), "mkv", 10, "-c:a", "libvorbis")
	deaf := bytes.Replace(data, []byte("A_VORBIS"), []byte("A_NOSUCH"), 1)
	if bytes.Equal(data, deaf) {
		t.Fatal("the file has no Vorbis sound")
	}
	i, s := read(t, deaf, Options{})
	if len(s.frames) != 8 || len(s.pcm) > 0 || !hasNote(i, "sound of the video cannot be read") {
		t.Errorf("%d frames, %+v", len(s.frames), i)
	}
}

// TestDamage: bytes flipped anywhere give frames or a typed error, in bounded time.
func TestDamage(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 2))
	for _, ext := range []string{"mp4", "mkv", "avi", "gif"} {
		whole := encode(t, spec(), ext, 10)
		for n := range *long {
			data := bytes.Clone(whole)
			for range 16 << (n % 8) {
				data[16+g.IntN(len(data)-16)] ^= byte(1 + g.IntN(255))
			}
			start := time.Now()
			i, err := Decode(t.Context(), data, Options{Timeout: 20 * time.Second}, (&seen{}).sink())
			if _, ok := errors.AsType[*decode.Error](err); err != nil && !ok {
				t.Errorf("%s: %v", ext, err)
			}
			if d := time.Since(start); d > 22*time.Second {
				t.Errorf("%s: %v", ext, d)
			}
			t.Logf("%s: %+v %v", ext, i, err)
		}
	}
	noneLeft(t)
}

func TestCancelLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	data := made(t, "mkv", nil, "-f", "lavfi", "-i", "testsrc=s=320x180:r=30:d=60", "-c:v", "mpeg4")
	t.Setenv("TMPDIR", dir)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err := Decode(ctx, data, Options{Rate: 30}, Sink{Frame: func(Frame) error {
		if n++; n == 20 {
			cancel()
		}
		return nil
	}})
	if decode.KindOf(err) != decode.Timeout || !errors.Is(err, context.Canceled) || n > 400 {
		t.Errorf("%v after %d frames", err, n)
	}
	noneLeft(t)
	start := time.Now()
	e := wantKind(t, t.Context(), data, Options{Timeout: 200 * time.Millisecond}, decode.Timeout)
	if !errors.Is(e, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", e, time.Since(start))
	}
	noneLeft(t)
	noFilesLeft(t, dir)
}

func TestWithoutFFmpeg(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	mp4 := binary.BigEndian.AppendUint32(nil, 16)
	mp4 = append(mp4, "ftypisom\x00\x00\x00\x00"...)
	e := wantKind(t, t.Context(), mp4, Options{}, decode.MissingProgram)
	if !strings.Contains(e.Error(), "ffmpeg") || !strings.Contains(e.Error(), "install") {
		t.Error(e)
	}
	if decode.KindOf(Available()) != decode.MissingProgram {
		t.Error(Available())
	}
}
