package video

import (
	"context"
	"math"
	"os"
	"testing"

	"selvage/fingerprint/video/media"
	"selvage/fixtures"
)

// TestSound: a picture with its own sound, with another tune, with its own sound some seconds
// off, and with none. The picture is found each time; sound decides nothing.
func TestSound(t *testing.T) {
	if media.Available() != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ffmpeg is missing: see tools/setup.sh")
		}
		t.Skip("ffmpeg is missing")
	}
	clip := fixtures.Video(7, 14, 128, 96)
	voiced := *clip
	voiced.Seed = 8 // other sound, the same scenes
	encode := func(c *fixtures.Clip, args ...string) []byte {
		t.Helper()
		b, err := c.Encode(t.Context(), "mp4", 4, args...)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	h := New(Options{}).(hasher)
	ref, err := h.Hash(context.Background(), encode(clip))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		file []byte
		want Sound
		lead float64 // seconds by which the sound is ahead of the picture
	}{
		{"own sound", encode(clip, "-b:a", "48k"), SameSound, 0},
		{"other sound", encode(&voiced), OtherSound, 0},
		{"moved sound", encode(clip, "-af", "atrim=start=4,asetpts=PTS-STARTPTS"), MovedSound, 4},
		{"no sound", encode(clip, "-an"), NoSound, 0},
	} {
		q, err := h.HashQuery(context.Background(), c.file)
		if err != nil {
			t.Fatal(err)
		}
		got := compared(t, q, ref)
		if got.Probability() < ActThreshold {
			t.Errorf("%s: the picture has %.3f", c.name, got.Probability())
		}
		sound, m := got.Sound()
		if sound != c.want {
			t.Errorf("%s: %q, want %q: %+v", c.name, sound, c.want, m)
		}
		if lead := m.Ref[0] - m.Query[0]; (sound == SameSound || sound == MovedSound) && math.Abs(lead-c.lead) > .5 {
			t.Errorf("%s: the sound is %.1f s ahead, want %.1f", c.name, lead, c.lead)
		}
		if words := sound.Words(m); (words == "") != (c.want == NoSound) {
			t.Errorf("%s: words %q", c.name, words)
		}
	}
	// The tune under other pictures is the same sound, and no copy.
	strange := fixtures.Video(9, 14, 128, 96)
	strange.Seed = clip.Seed
	q, err := h.HashQuery(context.Background(), encode(strange))
	if err != nil {
		t.Fatal(err)
	}
	got := compared(t, q, ref)
	if sound, _ := got.Sound(); sound != MovedSound && sound != SameSound || got.Probability() >= ActThreshold {
		t.Errorf("the same tune under other pictures: %q, probability %.3f", sound, got.Probability())
	}
}
