package registry_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"strings"
	"testing"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
	"selvage/registry"
	"selvage/store"
	"selvage/store/storetest"
)

// reel is a video of the tests: pictures behind one another, a second each.
type reel struct{ photo fingerprint.Hasher }

const reelMagic = "REEL"

func asReel(frames ...[]byte) []byte {
	b := []byte(reelMagic)
	for _, f := range frames {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
	}
	return b
}

func (reel) Work() fingerprint.WorkKind { return fingerprint.Video }

func (reel) Accepts(head []byte) bool { return bytes.HasPrefix(head, []byte(reelMagic)) }

func (h reel) Hash(ctx context.Context, data []byte) (*fingerprint.Result, error) {
	r := &fingerprint.Result{Work: fingerprint.Video, Format: "reel"}
	for b := data[len(reelMagic):]; len(b) >= 4; {
		n := binary.BigEndian.Uint32(b)
		p, err := h.photo.Hash(ctx, b[4:4+n])
		if err != nil {
			return nil, err
		}
		at := float64(len(r.Parts))
		r.Parts = append(r.Parts, fingerprint.Part{Kind: fingerprint.FramePart, Start: at, End: at + 1, Result: p})
		r.Width, r.Height, r.Duration = p.Width, p.Height, at+1
		b = b[4+n:]
	}
	return r, nil
}

// newReelRig is a registry that reads photos and reels.
func newReelRig(t testing.TB) *rig {
	t.Helper()
	r := newRig(t)
	r.hashers = fingerprint.Set{reel{photo.New(photo.Options{})}, photo.New(photo.Options{})}
	r.stop()
	r.start()
	return r
}

// TestPicturesInsideFiles: a photo finds the second of the video that it is taken from, a
// video finds the photo that it shows, for as long and for whom the work is to be found.
func TestPicturesInsideFiles(t *testing.T) {
	r := newReelRig(t)
	ctx := context.Background()
	film := r.register("ann", registry.Matchable, asReel(asPNG(picture(1)), asPNG(picture(2)), asPNG(picture(3)))).Work
	still := r.register("bob", registry.Matchable, asPNG(picture(4))).Work
	if film.Kind != fingerprint.Video || film.Assets[0].Parts != 3 {
		t.Fatalf("registered a %s of %d parts", film.Kind, film.Assets[0].Parts)
	}
	check := func(name string, file []byte, want registry.WorkID) *registry.Match {
		t.Helper()
		rep, err := r.Match(ctx, registry.MatchRequest{Asker: "eve", File: registry.File{Name: name, Data: file}})
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			verdict := registry.None
			if rep.Query.Kind == fingerprint.Video && rep.Query.Duration < 2.5 {
				verdict = registry.Insufficient // too short to rule a copy out
			}
			if len(rep.Matches) > 0 || rep.Verdict != verdict {
				t.Fatalf("%s: %s: found %+v", name, rep.Verdict, rep.Matches)
			}
			return nil
		}
		if len(rep.Matches) != 1 || rep.Matches[0].Work != want {
			t.Fatalf("%s: %s (%s), want %s", name, rep.Verdict, rep.Reason, want)
		}
		return &rep.Matches[0]
	}

	m := check("second frame", asJPEG(picture(2), 85), film.ID)
	if m.Verdict != registry.Part || m.RefPart == nil || m.RefPart.Start != 1 || len(m.Segments) != 1 || *m.Segments[0].Ref != [2]float64{1, 2} || m.Segments[0].Query != nil {
		t.Errorf("second frame: %s at %+v, segments %+v", m.Verdict, m.RefPart, m.Segments)
	}
	if m.Asset != film.Assets[0].Digest || !strings.Contains(m.Reason, "second 1.0 of the registered video") {
		t.Errorf("second frame: asset %s: %s", m.Asset, m.Reason)
	}
	m = check("a reel with the photo", asReel(asPNG(picture(7)), asJPEG(picture(4), 85)), still.ID)
	if m.Verdict != registry.Part || len(m.Segments) != 1 || m.Segments[0].Query == nil || m.Segments[0].Query[0] < .9 || m.Segments[0].Ref != nil {
		t.Errorf("a reel with the photo: %s, segments %+v", m.Verdict, m.Segments)
	}
	check("a stranger", asPNG(picture(9)), "")
	check("a longer reel of strangers", asReel(asPNG(picture(9)), asPNG(picture(10)), asPNG(picture(11))), "")
	check("a reel of strangers", asReel(asPNG(picture(9)), asPNG(picture(10))), "")
	if m = check("the same file", asReel(asPNG(picture(1)), asPNG(picture(2)), asPNG(picture(3))), film.ID); m.Verdict != registry.Identical {
		t.Errorf("the same file: %s", m.Verdict)
	}
	r.clean()

	// All parts follow the work: into private, over a restart, and away.
	if err := r.SetVisibility(ctx, "ann", film.ID, registry.Private); err != nil {
		t.Fatal(err)
	}
	check("a frame of a private reel", asPNG(picture(3)), "")
	r.stop()
	r.start()
	check("the same after a restart", asPNG(picture(3)), "")
	if err := r.SetVisibility(ctx, "ann", film.ID, registry.Public); err != nil {
		t.Fatal(err)
	}
	check("a frame of a public reel", asPNG(picture(3)), film.ID)
	if err := r.Withdraw(ctx, "ann", film.ID); err != nil {
		t.Fatal(err)
	}
	check("a frame of a withdrawn reel", asPNG(picture(3)), "")
	r.clean()
}

// TestPartsOfAFailedRegistration fails each storage operation of a registration in turn: its
// parts are there with the work, or no fingerprint of them is left, without a restart too.
func TestPartsOfAFailedRegistration(t *testing.T) {
	ctx := context.Background()
	data := asReel(asPNG(picture(1)), asPNG(picture(2)))
	for _, dies := range []bool{false, true} {
		for n := 0; ; n++ {
			r := newReelRig(t)
			kv := r.kv
			r.stop()
			faulty := storetest.NewFaulty()
			r.kv = faulty.KV(kv)
			r.start()
			if dies {
				faulty.FailAfter(n)
			} else {
				faulty.FailOnce(n)
			}
			short, cancel := context.WithTimeout(ctx, 10*time.Second)
			_, err := r.Register(short, registry.RegisterRequest{Owner: "ann", NoWait: true, Bulk: true, Files: []registry.File{{Name: "a.reel", Data: data}}})
			cancel()
			failed := faulty.Failed()
			if !dies {
				faulty.Heal()
			} else {
				faulty.Kill()
				_ = r.Close(ctx)
				if err := r.notary.Close(ctx); err != nil {
					t.Fatal(err)
				}
				r.kv = kv
				r.start()
			}
			rows := map[string]int{}
			for _, prefix := range []string{"w/", "a/", "b/", "j/"} {
				err := kv.View(ctx, func(tx store.Txn) error {
					return tx.Scan([]byte(prefix), nil, func(_, _ []byte) bool { rows[prefix]++; return true })
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			want := map[string]int{"w/": 1, "a/": 3, "b/": 1}
			if rows["w/"] == 0 {
				want = map[string]int{}
			}
			if !maps.Equal(rows, want) || err == nil && rows["w/"] == 0 {
				t.Fatalf("step %d, dies %t: rows %v after %v", n, dies, rows, err)
			}
			r.stop()
			if failed == 0 {
				if n < 5 {
					t.Fatalf("only %d operations: the test does not reach the steps", n)
				}
				break
			}
		}
	}
}
