package video

import (
	"bytes"
	"image/jpeg"
	"os"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/video/media"
	"selvage/fixtures"
)

// encoded makes a file of a clip, and skips the test where ffmpeg is missing, unless it must
// not be.
func encoded(t *testing.T, c *fixtures.Clip, args ...string) []byte {
	t.Helper()
	if media.Available() != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ffmpeg is missing: see tools/setup.sh")
		}
		t.Skip("ffmpeg is missing")
	}
	b, err := c.Encode(t.Context(), "mp4", 10, args...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// From files to a verdict.
func TestFiles(t *testing.T) {
	clip := fixtures.Video(3, 4, 256, 192)
	h := New(Options{})
	data := encoded(t, clip)
	if !h.Accepts(data[:min(len(data), fingerprint.SniffLen)]) {
		t.Error("the file is not accepted")
	}
	ref, err := h.Hash(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if ref.Work != fingerprint.Video || ref.Format != "mp4" || ref.Width != 256 || ref.Height != 192 || ref.Duration < 3.8 || ref.Duration > 4.3 || ref.Insufficient != "" {
		t.Errorf("%+v", ref)
	}
	if _, ok := ref.Print(fingerprint.Audio, fingerprint.Full); !ok {
		t.Error("nothing is heard")
	}
	for i, p := range ref.Parts {
		if p.Kind != fingerprint.FramePart || p.Result == nil || p.End <= p.Start || i > 0 && p.Start != ref.Parts[i-1].End {
			t.Errorf("part %d: %v from %v to %v", i, p.Kind, p.Start, p.End)
		}
	}
	for _, c := range []struct {
		name  string
		args  []string
		words string
		sound Sound
	}{
		{"mirrored", []string{"-vf", "hflip"}, "mirrored left to right", SameSound},
		{"silent", []string{"-an"}, "", NoSound},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := h.(fingerprint.Previewer).HashQuery(t.Context(), encoded(t, clip, c.args...))
			if err != nil {
				t.Fatal(err)
			}
			got := compared(t, q, ref)
			if got.Probability() < ActThreshold || got.Segments[0].Words != c.words {
				t.Errorf("%.3f, %q: %s", got.Probability(), got.Segments[0].Words, got.Reason(true))
			}
			if s, m := got.Sound(); s != c.sound {
				t.Errorf("sound %q %+v, want %q", s, m, c.sound)
			}
			b, err := q.Preview()
			if err != nil {
				t.Fatal(err)
			}
			if m, err := jpeg.Decode(bytes.NewReader(b)); err != nil || m.Bounds().Dx() != 256 {
				t.Errorf("preview: %v", err)
			}
		})
	}
	other, err := h.(fingerprint.Previewer).HashQuery(t.Context(), encoded(t, fixtures.Video(4, 4, 256, 192)))
	if err != nil {
		t.Fatal(err)
	}
	if got := compared(t, other, ref, proposed(other, ref)...); got.Probability() >= ActThreshold/2 {
		t.Errorf("a stranger: %.3f, %s", got.Probability(), got.Reason(true))
	}
	b, err := h.(fingerprint.Previewer).Preview(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jpeg.Decode(bytes.NewReader(b)); err != nil {
		t.Error(err)
	}
}
