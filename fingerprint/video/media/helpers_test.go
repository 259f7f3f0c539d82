package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"selvage/fingerprint/decode"
	"selvage/fixtures"
)

// needFFmpeg skips a test that cannot be made without ffmpeg, unless it must not be.
func needFFmpeg(t testing.TB) {
	t.Helper()
	if Available() != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ffmpeg is missing: see tools/setup.sh")
		}
		t.Skip("ffmpeg is missing")
	}
}

// encoded are the files that encode made: starting ffmpeg costs more than what it does here.
var encoded = map[string][]byte{}

// encode makes a file of a clip, with options of ffmpeg for its output. The bytes belong to
// all tests.
func encode(t testing.TB, c *fixtures.Clip, ext string, fps int, args ...string) []byte {
	t.Helper()
	needFFmpeg(t)
	key := fmt.Sprint(c.Seed, c.Seconds, c.W, c.H, ext, fps, args)
	if b, ok := encoded[key]; ok {
		return b
	}
	b, err := c.Encode(t.Context(), ext, fps, args...)
	if err != nil {
		t.Fatal(err)
	}
	encoded[key] = b
	return b
}

// made runs ffmpeg for a file of the given extension. IN among the arguments is a file of
// the bytes in.
func made(t testing.TB, ext string, in []byte, args ...string) []byte {
	t.Helper()
	needFFmpeg(t)
	dir := t.TempDir()
	src, out := filepath.Join(dir, "in"), filepath.Join(dir, "out."+ext)
	if err := os.WriteFile(src, in, 0o600); err != nil {
		t.Fatal(err)
	}
	line := []string{"-v", "error", "-nostdin"}
	for _, a := range args {
		line = append(line, strings.ReplaceAll(a, "IN", src))
	}
	if b, err := exec.CommandContext(t.Context(), ffmpeg, append(line, out)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, b)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// seen is what a sink received.
type seen struct {
	frames []Frame
	pcm    []int16
}

func (s *seen) times() []float64 {
	var l []float64
	for _, f := range s.frames {
		l = append(l, f.Time)
	}
	return l
}

func (s *seen) sink() Sink {
	return Sink{
		Frame: func(f Frame) error { s.frames = append(s.frames, f); return nil },
		Sound: func(pcm []int16) error { s.pcm = append(s.pcm, pcm...); return nil },
	}
}

func read(t testing.TB, data []byte, o Options) (*Info, *seen) {
	t.Helper()
	var s seen
	i, err := Decode(t.Context(), data, o, s.sink())
	if err != nil {
		t.Fatalf("%v (%v)", err, errors.Unwrap(err))
	}
	return i, &s
}

func wantKind(t testing.TB, ctx context.Context, data []byte, o Options, want decode.Kind) *decode.Error {
	t.Helper()
	var s seen
	i, err := Decode(ctx, data, o, s.sink())
	e, ok := errors.AsType[*decode.Error](err)
	if !ok || e.Kind != want {
		t.Fatalf("%+v, error %v (%v), want kind %s", i, err, errors.Unwrap(err), want)
	}
	return e
}

// far is the mean difference of the gray levels of two pictures of one size.
func far(t testing.TB, a, b Frame) float64 {
	t.Helper()
	x, y := a.Gray(), b.Gray()
	if x.Rect != y.Rect {
		t.Fatalf("sizes %v and %v", x.Rect.Max, y.Rect.Max)
	}
	sum := 0
	for i := range x.Pix {
		sum += max(int(x.Pix[i])-int(y.Pix[i]), int(y.Pix[i])-int(x.Pix[i]))
	}
	return float64(sum) / float64(len(x.Pix))
}

// hasNote reports whether one of the notes has the words in it.
func hasNote(i *Info, words string) bool { return strings.Contains(strings.Join(i.Notes, "\n"), words) }
