package registry_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"strings"
	"testing"

	"selvage/registry"
	"selvage/store"
)

func (r *rig) overlay(who registry.OwnerID, m registry.MatchID, w registry.WorkID) image.Image {
	r.t.Helper()
	var b bytes.Buffer
	if err := r.Overlay(context.Background(), who, m, w, &b); err != nil {
		r.t.Fatalf("overlay for %s: %v", who, err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		r.t.Fatal(err)
	}
	return img
}

// pictures reports whether the left and the right half of a sheet show a picture: test
// pictures are colourful, frames grey, and the outline and its badges only a few pixels.
func pictures(img image.Image) (left, right bool) {
	b := img.Bounds()
	share := func(x0, x1 int) bool {
		n, all := 0, 0
		for y := b.Dy() / 4; y < b.Dy()/2; y += 5 {
			for x := x0; x < x1; x += 5 {
				r, g, bl, _ := img.At(x, y).RGBA()
				all++
				if max(r, g, bl)-min(r, g, bl) > 12<<8 {
					n++
				}
			}
		}
		return n*2 > all
	}
	return share(b.Dx()/8, b.Dx()*3/8), share(b.Dx()*5/8, b.Dx()*7/8)
}

// TestOverlayShowsWhatTheReaderMaySee walks through readers and visibilities.
func TestOverlayShowsWhatTheReaderMaySee(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	public := r.register("ann", registry.Public, asPNG(picture(1))).Work.ID
	matchable := r.register("bob", registry.Matchable, asPNG(picture(1))).Work.ID
	own := r.register("shop", registry.Private, asPNG(picture(1))).Work.ID
	m := r.match("shop", asJPEG(picture(1), 70))
	if len(m.Matches) != 3 {
		t.Fatalf("%d matches", len(m.Matches))
	}
	for _, c := range []struct {
		name        string
		reader      registry.OwnerID
		work        registry.WorkID
		left, right bool
	}{
		{"asker, own private work", "shop", own, true, true},
		{"asker, public work", "shop", public, true, true},
		{"asker, matchable work", "shop", matchable, true, false},
		{"owner of the public work", "ann", public, true, true},
		{"owner of the matchable work", "bob", matchable, true, true},
		{"owner, the first of the works", "bob", "", true, true},
	} {
		if left, right := pictures(r.overlay(c.reader, m.ID, c.work)); left != c.left || right != c.right {
			t.Errorf("%s: query shown %t, registered picture shown %t", c.name, left, right)
		}
	}
	nobody := []struct {
		name   string
		reader registry.OwnerID
		match  registry.MatchID
		work   registry.WorkID
	}{
		{"stranger", "eve", m.ID, public},
		{"stranger, any work", "eve", m.ID, ""},
		{"owner, another's work", "ann", m.ID, matchable},
		{"owner, the asker's private work", "ann", m.ID, own},
		{"work that was not found", "shop", m.ID, registry.WorkID("w_" + strings.Repeat("9", 26))},
		{"odd work", "shop", m.ID, "../w"},
		{"odd match", "shop", "m_../..", ""},
		{"no match", "shop", registry.MatchID("m_" + strings.Repeat("9", 26)), ""},
	}
	for _, c := range nobody {
		var b bytes.Buffer
		if err := r.Overlay(ctx, c.reader, c.match, c.work, &b); !errors.Is(err, registry.ErrNotFound) || b.Len() != 0 {
			t.Errorf("%s: %v, %d bytes", c.name, err, b.Len())
		}
	}
	// What counts is what the reader may see now.
	if err := r.SetVisibility(ctx, "ann", public, registry.Private); err != nil {
		t.Fatal(err)
	}
	if left, right := pictures(r.overlay("shop", m.ID, public)); !left || right {
		t.Errorf("public no more: query shown %t, registered picture shown %t", left, right)
	}
	if err := r.SetVisibility(ctx, "ann", public, registry.Public); err != nil {
		t.Fatal(err)
	}
	if err := r.Withdraw(ctx, "ann", public); err != nil {
		t.Fatal(err)
	}
	if _, right := pictures(r.overlay("shop", m.ID, public)); right {
		t.Error("a withdrawn work is shown")
	}
	if _, right := pictures(r.overlay("ann", m.ID, public)); !right {
		t.Error("a withdrawn work is not shown to its owner")
	}
	r.clean()
}

// TestPreviewIsKeptWithWhatWasFound: nothing of a query is kept where nothing was found,
// and a report without a preview is still explained.
func TestPreviewIsKeptWithWhatWasFound(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	work := r.register("ann", registry.Matchable, asPNG(picture(1))).Work.ID
	previews := func() (keys []string) {
		err := r.kv.View(ctx, func(tx store.Txn) error {
			return tx.Scan([]byte("v/"), nil, func(k, v []byte) bool { keys = append(keys, string(k)); return true })
		})
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	if r.match("shop", asPNG(picture(5))); len(previews()) != 0 {
		t.Error("the preview of a query that found nothing was kept")
	}
	m := r.match("shop", asJPEG(picture(1), 70))
	keys := previews()
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "v/shop/") {
		t.Fatalf("previews %q", keys)
	}
	// A comparison is explained too, and so is why it is no copy.
	cmp, err := r.Compare(ctx, "ann", work, registry.File{Name: "q.png", Data: asPNG(picture(5))})
	if err != nil || cmp.Verdict != registry.None {
		t.Fatalf("%+v, %v", cmp, err)
	}
	if left, right := pictures(r.overlay("ann", cmp.ID, work)); !left || !right {
		t.Errorf("comparison: query shown %t, registered picture shown %t", left, right)
	}
	if err := r.kv.Update(ctx, func(tx store.Txn) error { return tx.Delete([]byte(keys[0])) }); err != nil {
		t.Fatal(err)
	}
	if left, _ := pictures(r.overlay("shop", m.ID, work)); left {
		t.Error("a query without a preview is shown")
	}
}

// TestOverlayOfWhatIsHidden: the owner of a work that the asker has rejected sees it
// explained, the asker does not.
func TestOverlayOfWhatIsHidden(t *testing.T) {
	r := newRig(t)
	work := r.register("ann", registry.Matchable, asPNG(picture(1))).Work.ID
	query := asJPEG(picture(1), 70)
	r.judge("shop", r.match("shop", query).ID, work, registry.Rejected)
	m := r.match("shop", query)
	if left, right := pictures(r.overlay("ann", m.ID, work)); !left || !right {
		t.Errorf("query shown %t, registered picture shown %t", left, right)
	}
	if err := r.Overlay(context.Background(), "shop", m.ID, work, new(bytes.Buffer)); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("the asker: %v", err)
	}
}
