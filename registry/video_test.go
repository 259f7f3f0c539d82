package registry_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
	"selvage/fingerprint/video"
	"selvage/fingerprint/video/media"
	"selvage/fixtures"
	"selvage/provenance"
	"selvage/registry"
)

var show = flag.String("show", "", "write the pictures and reports that tests make into this folder")

// shown writes what a test made to where people can look at it, if that is asked for.
func shown(t testing.TB, name string, data []byte) {
	t.Helper()
	if *show == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*show, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// newVideoRig is a registry that reads photos and videos.
func newVideoRig(t testing.TB) *rig {
	t.Helper()
	if media.Available() != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ffmpeg is missing: see tools/setup.sh")
		}
		t.Skip("ffmpeg is missing")
	}
	r := newRig(t)
	r.hashers = fingerprint.Set{video.New(video.Options{}), photo.New(photo.Options{})}
	r.stop()
	r.start()
	return r
}

// loom is the registered clip of the tests: several scenes in ten seconds.
var loom = sync.OnceValue(func() *fixtures.Clip { return fixtures.Video(7, 10, 320, 240) })

func encoded(t testing.TB, c *fixtures.Clip, ext string, args ...string) []byte {
	t.Helper()
	b, err := c.Encode(t.Context(), ext, 12, args...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVideoEvidence: the pieces of a clip, mirrored and in another order inside another clip, are
// told with their times in the answer, in its signed statement, and frame by frame in overlay
// and report.
func TestVideoEvidence(t *testing.T) {
	r := newVideoRig(t)
	ctx := context.Background()
	film := r.register("ann", registry.Public, encoded(t, loom(), "mp4")).Work
	query := encoded(t, loom(), "mp4", "-an", "-filter_complex", "[0:v]split[x][y];testsrc2=s=320x240:r=12:d=3,setsar=1[b];"+
		"[x]trim=5.5:9,setpts=PTS-STARTPTS,hflip,crop=256:192,scale=320:240,setsar=1[a];[y]trim=1:4.5,setpts=PTS-STARTPTS,setsar=1[c];[a][b][c]concat=n=3")
	rep := r.match("shop", query)
	if len(rep.Matches) != 1 || rep.Verdict != registry.Part {
		t.Fatalf("%s: %s", rep.Verdict, rep.Reason)
	}
	m := rep.Matches[0]
	for _, want := range []struct{ query, ref [2]float64 }{{[2]float64{0, 3.5}, [2]float64{5.5, 9}}, {[2]float64{6.5, 10}, [2]float64{1, 4.5}}} {
		found := false
		for _, g := range m.Segments {
			if far(*g.Query, want.query) > .8 || far(*g.Ref, want.ref) > .8 {
				continue
			}
			found = true
			if len(g.Frames) < 3 {
				t.Errorf("segment %v has %d pairs of frames", want.query, len(g.Frames))
			}
			for _, f := range g.Frames {
				if shift := want.ref[0] - want.query[0]; math.Abs(f.Ref-f.Query-shift) > .5 || f.Query < g.Query[0] || f.Query > g.Query[1] || f.Distance > 72 {
					t.Errorf("segment %v: pair %+v", want.query, f)
				}
			}
		}
		if !found {
			t.Errorf("no segment %v to %v among %+v", want.query, want.ref, m.Segments)
		}
	}

	// Whoever may see the work sees frames of both, others those of the query.
	for _, c := range []struct {
		who        registry.OwnerID
		visibility registry.Visibility
		most       float64 // of the frames that are not shown
	}{{"ann", registry.Public, .02}, {"shop", registry.Public, .02}, {"ann", registry.Matchable, .02}, {"shop", registry.Matchable, .6}} {
		if err := r.SetVisibility(ctx, "ann", film.ID, c.visibility); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := r.Overlay(ctx, c.who, rep.ID, film.ID, &b); err != nil {
			t.Fatal(err)
		}
		shown(t, fmt.Sprintf("sheet-%s-%s.png", c.who, c.visibility), b.Bytes())
		sheet := r.overlay(c.who, rep.ID, film.ID)
		if h := sheet.Bounds().Dy(); h < 1500 {
			t.Errorf("%s, %s: a sheet of %d lines has no frames", c.who, c.visibility, h)
		}
		if empty := empty(sheet); empty > c.most || empty < c.most-.3 {
			t.Errorf("%s, %s: %.2f of the frames are not shown", c.who, c.visibility, empty)
		}
	}

	var bundle bytes.Buffer
	if err := r.Evidence(ctx, registry.EvidenceRequest{Owner: "ann", Work: film.ID, Match: rep.ID}, &bundle); err != nil {
		t.Fatal(err)
	}
	if v := provenance.Verify(bytes.NewReader(bundle.Bytes()), int64(bundle.Len()), provenance.VerifyOptions{}); v.Outcome != provenance.Proved {
		t.Errorf("bundle: %s", v)
	}
	shown(t, "bundle.zip", bundle.Bytes())
	shown(t, "report.pdf", inZip(t, bundle.Bytes(), "bundle/report.pdf"))
	var st provenance.MatchStatement
	if err := json.Unmarshal(inZip(t, bundle.Bytes(), "bundle/data/match/statement.jcs"), &st); err != nil {
		t.Fatal(err)
	}
	if len(st.Segments) != len(m.Segments) || st.Segments[0].Query != *m.Segments[0].Query || st.Segments[0].Work != *m.Segments[0].Ref {
		t.Errorf("the statement has the segments %+v, the answer %+v", st.Segments, m.Segments)
	}
	r.clean()
}

// TestIgnoredFrames: a picture of the ignore bank is no evidence where frames of a video show it,
// to whoever put it there; what else the video shows still is.
func TestIgnoredFrames(t *testing.T) {
	r := newVideoRig(t)
	ctx := context.Background()
	var still bytes.Buffer
	if err := png.Encode(&still, loom().Frame(4)); err != nil {
		t.Fatal(err)
	}
	held := "trim=4:4.05,setpts=PTS-STARTPTS,tpad=stop_mode=clone:stop_duration=4,setsar=1"
	picture := r.register("ann", registry.Matchable, still.Bytes()).Work.ID
	slide := r.register("bob", registry.Matchable, encoded(t, loom(), "mp4", "-an", "-vf", held)).Work.ID
	film := r.register("cat", registry.Matchable, encoded(t, loom(), "mp4", "-an", "-vf", "trim=5.5:10,setpts=PTS-STARTPTS")).Work.ID
	query := encoded(t, loom(), "mp4", "-an", "-crf", "30", "-filter_complex", "[0:v]split[x][y];testsrc2=s=320x240:r=12:d=2,setsar=1[b];[x]"+held+"[a];"+
		"[y]trim=5.5:9,setpts=PTS-STARTPTS,setsar=1[c];[a][b][c]concat=n=3")
	ask := func(who registry.OwnerID, ignored int, want ...registry.WorkID) {
		t.Helper()
		rep := r.match(who, query)
		var got []registry.WorkID
		for _, m := range rep.Matches {
			got = append(got, m.Work)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || rep.Ignored != ignored {
			t.Errorf("%s: found %v, %d ignored: want %v, %d", who, got, rep.Ignored, want, ignored)
		}
	}
	ask("shop", 0, picture, slide, film)
	e := r.ignore("shop", "title card", still.Bytes())
	ask("shop", 2, film)
	ask("eve", 0, picture, slide, film)
	if err := r.Unignore(ctx, "shop", e.ID); err != nil {
		t.Fatal(err)
	}
	ask("shop", 0, picture, slide, film)
}

// far is the distance of two stretches.
func far(a, b [2]float64) float64 { return math.Abs(a[0]-b[0]) + math.Abs(a[1]-b[1]) }

// empty is the share of the lower part of a sheet that is the ground of a frame without a picture.
func empty(img image.Image) float64 {
	n, all := 0, 0
	b := img.Bounds()
	for y := b.Dy() / 2; y < b.Dy(); y += 3 {
		for x := 0; x < b.Dx(); x += 3 {
			all++
			if r, g, b, _ := img.At(x, y).RGBA(); r>>8 == 232 && g>>8 == 232 && b>>8 == 232 {
				n++
			}
		}
	}
	return float64(n) / float64(all)
}

func inZip(t testing.TB, data []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
