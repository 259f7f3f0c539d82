package video

import (
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
)

const filmSeconds = 9

// story is the registered film: three scenes of three seconds.
func story() film { return cuts(3, scene(1), scene(2), scene(3)) }

func TestEdits(t *testing.T) {
	ref := watched(t, story(), filmSeconds, false)
	other := cuts(3, scene(11), scene(12), scene(13), scene(14))
	for _, c := range []struct {
		name       string
		query      film
		seconds    float64
		at, in     [2]float64
		speed      float64
		words      string
		accused    bool
		everyPairs bool // a search by local features proposes pairs
	}{
		{name: "noisy", query: story().noisy(30), seconds: 9, at: [2]float64{0, 9}, in: [2]float64{0, 9}, speed: 1, accused: true},
		{name: "mirrored", query: story().mapped(black, mirrored), seconds: 9, at: [2]float64{0, 9}, in: [2]float64{0, 9}, speed: 1, words: "mirrored left to right", accused: true},
		{name: "turned", query: story().mapped(black, turned), seconds: 9, at: [2]float64{0, 9}, in: [2]float64{0, 9}, speed: 1, words: "turned by 90°", accused: true},
		{name: "letterboxed", query: story().mapped(black, letterboxed), seconds: 9, at: [2]float64{0, 9}, in: [2]float64{0, 9}, speed: 1, words: "with bars", accused: true},
		{name: "faster", query: story().from(0, 1.25), seconds: 7.2, at: [2]float64{0, 7.2}, in: [2]float64{0, 9}, speed: 1.25, words: "at about 1.2", accused: true},
		{name: "slower", query: story().from(0, .8), seconds: 11.2, at: [2]float64{0, 11.2}, in: [2]float64{0, 9}, speed: .8, words: "at about 0.8", accused: true},
		{name: "backwards", query: story().from(9, -1), seconds: 9, at: [2]float64{0, 9}, in: [2]float64{0, 9}, speed: -1, words: "played backwards", accused: true},
		{name: "two seconds", query: story().from(2.3, 1), seconds: 2, at: [2]float64{0, 2}, in: [2]float64{2.3, 4.3}, speed: 1, accused: true},
		{name: "inside another", query: cuts(3, scene(11), story().from(2, 1), scene(12)), seconds: 9, at: [2]float64{3, 6}, in: [2]float64{2, 5}, speed: 1, accused: true},
		{name: "picture in picture", query: story().mapped(other, inset), seconds: 9, at: [2]float64{0, 9}, in: [2]float64{0, 9}, speed: 1, words: "inside the box from 2", accused: true, everyPairs: true},
		{name: "cropped", query: story().mapped(black, cropped), seconds: 9, at: [2]float64{0, 9}, in: [2]float64{0, 9}, speed: 1, words: "cropped to 6", accused: true, everyPairs: true},
		{name: "stranger", query: other, seconds: 9, everyPairs: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := watched(t, c.query, c.seconds, true)
			var pairs []fingerprint.PartPair
			if c.everyPairs {
				pairs = proposed(q, ref)
			}
			got := compared(t, q, ref, pairs...)
			if accused := got.Probability() >= ActThreshold; accused != c.accused {
				t.Fatalf("probability %.3f, measures %.2f: %s", got.Probability(), got.Measures, got.Reason(true))
			}
			if !c.accused {
				return
			}
			s := got.Segments[0]
			for i := range 2 {
				if math.Abs(s.Query[i]-c.at[i]) > .75 || math.Abs(s.Ref[i]-c.in[i]) > .9 {
					t.Errorf("segment %.2f shows %.2f, want %v and %v", s.Query, s.Ref, c.at, c.in)
					break
				}
			}
			if math.Abs(s.Speed-c.speed) > .08 && c.seconds > 3 {
				t.Errorf("speed %.3f, want %v", s.Speed, c.speed)
			}
			if !strings.Contains(s.Words, c.words) || c.words == "" && s.Words != "" {
				t.Errorf("words %q, want %q", s.Words, c.words)
			}
			if r := got.Reason(true); !strings.Contains(r, "of the registered video") {
				t.Errorf("reason %q", r)
			}
		})
	}
}

// Two pieces of a registered video, the later one first.
func TestSeveralSegments(t *testing.T) {
	ref := watched(t, cuts(3, scene(1), scene(2), scene(3), scene(4)), 12, false)
	q := watched(t, cuts(3, scene(4), scene(11), scene(2)), 9, true)
	c := compared(t, q, ref)
	if len(c.Segments) < 2 || c.Probability() < ActThreshold {
		t.Fatalf("%.3f %+v", c.Probability(), c.Segments)
	}
	for _, want := range [][4]float64{{0, 3, 9, 12}, {6, 9, 3, 6}} {
		found := false
		for _, s := range c.Segments {
			found = found || math.Abs(s.Query[0]-want[0])+math.Abs(s.Query[1]-want[1])+math.Abs(s.Ref[0]-want[2])+math.Abs(s.Ref[1]-want[3]) < 1.6
		}
		if !found {
			t.Errorf("no segment %v among %+v", want, c.Segments)
		}
	}
}

// Title cards, black and fades are no reason to accuse, even where a single registered video
// shows the same.
func TestTitleCards(t *testing.T) {
	ref := watched(t, cuts(2, card(1), scene(1), scene(2), black, card(2)), 10, false)
	q := watched(t, cuts(2, card(1), scene(11), black, scene(12), card(2)), 10, true)
	c := compared(t, q, ref, proposed(q, ref)...)
	if c.Probability() >= ActThreshold/2 {
		t.Errorf("probability %.3f, measures %.2f: %s", c.Probability(), c.Measures, c.Reason(true))
	}
}

// What several other works show too is not counted; versions of one video do not speak
// against each other.
func TestDiscount(t *testing.T) {
	stock := scene(50)
	q := watched(t, cuts(3, stock, scene(11), scene(12)), 9, true)
	query := NewQuery(q)
	var all []*Comparison
	for n := range uint64(3) {
		r := watched(t, cuts(3, scene(100+n), stock, scene(200+n)), 9, false)
		all = append(all, compared(t, q, r))
	}
	if p := all[0].Probability(); p < ActThreshold {
		t.Fatalf("before: %.3f", p)
	}
	query.Discount(all)
	for _, c := range all {
		if c.Probability() >= ActThreshold || c.Shared < .9 || c.SharedBy != 2 {
			t.Errorf("after: %.3f, shared %.2f by %d", c.Probability(), c.Shared, c.SharedBy)
		}
	}
	q = watched(t, cuts(3, scene(1), scene(2)), 6, true)
	query = NewQuery(q)
	all = nil
	for n := range 3 {
		r := watched(t, story().noisy(4+n), filmSeconds, false)
		all = append(all, compared(t, q, r))
	}
	query.Discount(all)
	for _, c := range all {
		if c.Probability() < ActThreshold || c.Shared > 0 {
			t.Errorf("a version: %.3f, shared %.2f", c.Probability(), c.Shared)
		}
	}
}

func TestInsufficient(t *testing.T) {
	fade := func(t float64) film {
		return func(at float64) *image.NRGBA { v := uint8(20 * at); return blank(color.NRGBA{v, v, v, 255}) }
	}
	for name, f := range map[string]film{"black": black, "fade": fade(0)} {
		r := watched(t, f, 4, true)
		if r.Insufficient == "" || len(r.Parts) != 0 || len(Samples(r)) != 0 || len(Moments(r)) != 0 {
			t.Errorf("%s: %q, %d parts", name, r.Insufficient, len(r.Parts))
		}
		c := compared(t, r, watched(t, f, 4, false))
		if c.Probability() >= AlikeFloor {
			t.Errorf("%s against itself: %v", name, c.Probability())
		}
	}
}

// A still video costs one key frame and next to no bytes, and is found.
func TestStill(t *testing.T) {
	still := func(float64) *image.NRGBA { return scene(7)(0) }
	r := watched(t, still, 20, false)
	p, _ := r.Print(fingerprint.VFrame, fingerprint.Full)
	if len(r.Parts) != 1 || len(p.Payload) > 120 {
		t.Errorf("%d parts, %d bytes", len(r.Parts), len(p.Payload))
	}
	if c := compared(t, watched(t, film(still).noisy(10), 4, true), r); c.Probability() < ActThreshold {
		t.Errorf("probability %.3f %.2f", c.Probability(), c.Measures)
	}
}

// A registered photo that the query shows for three seconds.
func TestPhotoInVideo(t *testing.T) {
	picture, err := photo.HashPicture(scene(31)(0), photo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q := watched(t, cuts(3, scene(11), func(float64) *image.NRGBA { return scene(31)(0) }, scene(12)), 9, true)
	var pairs []fingerprint.PartPair
	for i := range q.Parts {
		pairs = append(pairs, fingerprint.PartPair{Query: i, Ref: -1})
	}
	c, err := NewQuery(q).Compare(picture, pairs, func(part int) (*fingerprint.Result, error) {
		if part != -1 {
			t.Errorf("part %d of a photo is asked for", part)
		}
		return picture, nil
	})
	if err != nil || c.Probability() < photo.ActThreshold || len(c.Segments) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	if s := c.Segments[0]; math.Abs(s.Query[0]-3) > .6 || math.Abs(s.Query[1]-6) > 1.1 {
		t.Errorf("shown at %.1f, want 3 to 6", s.Query)
	}
}

func TestLoadFails(t *testing.T) {
	want := errors.New("gone")
	r := watched(t, story(), filmSeconds, false)
	q := watched(t, story(), filmSeconds, true)
	if _, err := NewQuery(q).Compare(r, nil, func(int) (*fingerprint.Result, error) { return nil, want }); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// coded is a result of codes alone.
func coded(t Track, seconds float64) *fingerprint.Result {
	return &fingerprint.Result{
		Work: fingerprint.Video, Width: filmW, Height: filmH, Duration: seconds,
		Prints: []fingerprint.Fingerprint{{Kind: fingerprint.VFrame, View: fingerprint.Full, Payload: t.Encode()}},
	}
}

// A piece of 3 seconds of a video of 2 hours, by codes alone.
func TestNeedle(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	var long Track
	c := randomCode(r)
	for n := range 2 * 7200 {
		if r.IntN(10) == 0 {
			c = randomCode(r)
		}
		for range 10 {
			b := r.IntN(256)
			c[b/64] ^= 1 << (b % 64)
		}
		long = append(long, Frame{Slot: n, Quality: 60, Full: c})
	}
	ref := coded(long, 7200)
	for _, from := range []int{0, 5000, 14394} {
		var piece Track
		for n, f := range long[from : from+6] {
			f.Slot = n
			f.Full = f.Full.Turned(fingerprint.FlipY)
			for range 8 {
				b := r.IntN(256)
				f.Full[b/64] ^= 1 << (b % 64)
			}
			piece = append(piece, f)
		}
		got := compared(t, coded(piece, 3), ref)
		if len(got.Segments) == 0 || math.Abs(got.Segments[0].Ref[0]-float64(from)*Step) > .6 {
			t.Fatalf("piece at %d: %+v", from, got.Segments)
		}
		if got.Segments[0].Form != fingerprint.FlipY || got.Segments[0].Frames != 6 {
			t.Errorf("piece at %d: form %v, %d frames", from, got.Segments[0].Form, got.Segments[0].Frames)
		}
	}
}

// Bytes that are no video are an error of the decoder's, not a result.
func TestNoVideo(t *testing.T) {
	h := New(Options{})
	if h.Accepts([]byte("%PDF-1.7")) || h.Work() != fingerprint.Video {
		t.Error("a PDF is taken for a video")
	}
	if _, err := h.Hash(context.Background(), []byte("%PDF-1.7 and so on")); err == nil {
		t.Error("no error")
	}
}
