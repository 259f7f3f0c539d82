package registry_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
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

	// The owner of the work and the asker see frames of both; the text says the rest.
	var sheets []image.Image
	for _, who := range []registry.OwnerID{"ann", "shop"} {
		var b bytes.Buffer
		if err := r.Overlay(ctx, who, rep.ID, film.ID, &b); err != nil {
			t.Fatal(err)
		}
		shown(t, "sheet-"+string(who)+".png", b.Bytes())
		sheets = append(sheets, r.overlay(who, rep.ID, film.ID))
	}
	for _, sheet := range sheets {
		if b := sheet.Bounds(); colourful(sheet, b.Dy()*3/5, b.Dy()*4/5) < .4 {
			t.Errorf("the lower part of a sheet of %v shows no frames", b)
		}
	}
	// Whoever may not see the work sees the query's frames only.
	if err := r.SetVisibility(ctx, "ann", film.ID, registry.Matchable); err != nil {
		t.Fatal(err)
	}
	hidden := r.overlay("shop", rep.ID, film.ID)
	b := hidden.Bounds()
	if n, all := colourful(hidden, b.Dy()*3/5, b.Dy()*4/5), colourful(sheets[0], b.Dy()*3/5, b.Dy()*4/5); n > .7*all || n < .3*all {
		t.Errorf("a sheet without the registered frames is as colourful as %.2f, one with them %.2f", n, all)
	}

	var bundle bytes.Buffer
	if err := r.Evidence(ctx, registry.EvidenceRequest{Owner: "ann", Work: film.ID, Match: rep.ID}, &bundle); err != nil {
		t.Fatal(err)
	}
	if v := provenance.Verify(bytes.NewReader(bundle.Bytes()), int64(bundle.Len()), provenance.VerifyOptions{}); v.Outcome != provenance.Proved {
		t.Errorf("bundle: %s", v)
	}
	shown(t, "bundle.zip", bundle.Bytes())
	shown(t, "report.pdf", inZip(t, bundle.Bytes(), "report.pdf"))
	var st provenance.MatchStatement
	if err := json.Unmarshal(inZip(t, bundle.Bytes(), "data/match/statement.jcs"), &st); err != nil {
		t.Fatal(err)
	}
	if len(st.Segments) != len(m.Segments) || st.Segments[0].Query != *m.Segments[0].Query || st.Segments[0].Work != *m.Segments[0].Ref {
		t.Errorf("the statement has the segments %+v, the answer %+v", st.Segments, m.Segments)
	}
	r.clean()
}

// far is the distance of two stretches.
func far(a, b [2]float64) float64 { return math.Abs(a[0]-b[0]) + math.Abs(a[1]-b[1]) }

// colourful is the share of the pixels between two heights that are no grey.
func colourful(img image.Image, from, to int) float64 {
	n, all := 0, 0
	for y := from; y < to; y += 3 {
		for x := 0; x < img.Bounds().Dx(); x += 3 {
			r, g, b, _ := img.At(x, y).RGBA()
			all++
			if max(r, g, b)-min(r, g, b) > 12<<8 {
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
