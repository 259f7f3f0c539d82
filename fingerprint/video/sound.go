package video

import (
	"fmt"
	"math"

	"selvage/fingerprint"
	"selvage/fingerprint/video/audio"
)

// Sound says how what is heard in the two videos compares. It is judged apart from the
// picture, is shown beside it, and decides nothing: one track put under another picture is
// no copied picture, and a copied picture often has another track.
type Sound string

// What can be said of sound.
const (
	SameSound  Sound = "same"       // the same recording
	OtherSound Sound = "other"      // both are heard, and are not the same
	NoSound    Sound = "none"       // one of them has no sound, or too little
	MovedSound Sound = "same-moved" // the same recording, but not where the picture is
)

// Sound compares what is heard in the two videos, with where it agrees. It may take a tenth
// of a second: ask for it of comparisons that are shown.
func (c *Comparison) Sound() (Sound, audio.Match) {
	a, ok := soundOf(c.query)
	b, ok2 := soundOf(c.ref)
	if !ok || !ok2 {
		return NoSound, audio.Match{}
	}
	m := audio.Compare(a, b)
	if m.Score < audio.Telling {
		return OtherSound, m
	}
	for i := range c.Segments {
		s := &c.Segments[i]
		t := (max(m.Query[0], s.Query[0]) + min(m.Query[1], s.Query[1])) / 2
		heard := m.Ref[0] + float64((t-m.Query[0])*m.Speed)
		if m.Query[0] < s.Query[1] && s.Query[0] < m.Query[1] && math.Abs(s.line.At(t)-heard) <= sameMoment {
			return SameSound, m
		}
	}
	return MovedSound, m
}

// sameMoment is how many seconds picture and sound may be apart to run together.
const sameMoment = 1.5

func soundOf(r *fingerprint.Result) (audio.Print, bool) {
	f, ok := r.Print(fingerprint.Audio, fingerprint.Full)
	if !ok {
		return audio.Print{}, false
	}
	p, err := audio.Decode(f.Payload)
	return p, err == nil
}

// Words say what Comparison.Sound found, for beside the reason; empty where one of the videos
// has no sound.
func (s Sound) Words(m audio.Match) string {
	switch s {
	case SameSound:
		return fmt.Sprintf("same sound, from %s to %s", Clock(m.Query[0]), Clock(m.Query[1]))
	case MovedSound:
		return fmt.Sprintf("the sound from %s to %s is that of %s to %s of the registered video", Clock(m.Query[0]), Clock(m.Query[1]), Clock(m.Ref[0]), Clock(m.Ref[1]))
	case OtherSound:
		return "other sound"
	}
	return ""
}
