package registry_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"selvage/fingerprint/decode"
	"selvage/registry"
	"selvage/store"
)

func (r *rig) ignore(o registry.OwnerID, label string, data []byte) *registry.Ignored {
	r.t.Helper()
	e, _, err := r.Ignore(context.Background(), o, label, registry.File{Name: "i.png", Data: data})
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

// TestIgnoredIsNoEvidence: what the asker's bank explains is left out of the asker's
// answers, at once and as long as the entry stays, and of nobody else's; the owner of the
// work is told all the same.
func TestIgnoredIsNoEvidence(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	work := r.register("ann", registry.Matchable, asPNG(picture(1))).Work.ID
	query := asJPEG(mirrored(picture(1)), 70)
	ask := func(when string, hidden bool) {
		t.Helper()
		rep := r.match("shop", query)
		if hidden && (len(rep.Matches) != 0 || rep.Ignored != 1 || rep.Verdict != registry.None || !strings.Contains(rep.Reason, "ignore bank")) ||
			!hidden && (len(rep.Matches) != 1 || rep.Ignored != 0) {
			t.Errorf("%s: %s %q, %d matches, %d ignored", when, rep.Verdict, rep.Reason, len(rep.Matches), rep.Ignored)
		}
		if own, err := r.MatchByID(ctx, "ann", rep.ID); err != nil || len(own.Matches) != 1 || own.Ignored != 0 {
			t.Errorf("%s: the owner reads %+v, %v", when, own, err)
		}
		if rep := r.match("bob", query); len(rep.Matches) != 1 || rep.Ignored != 0 {
			t.Errorf("%s: another asker gets %d matches, %d ignored", when, len(rep.Matches), rep.Ignored)
		}
		if rep := r.match("shop", asPNG(picture(2))); rep.Ignored != 0 || rep.Reason != "nothing found" {
			t.Errorf("%s: another picture: %d ignored, %q", when, rep.Ignored, rep.Reason)
		}
	}
	ask("before", false)
	e := r.ignore("shop", "stock background", asPNG(picture(1)))
	ask("ignored", true)
	if reg := r.register("shop", registry.Matchable, query); len(reg.Related) != 0 {
		t.Errorf("%d related works", len(reg.Related))
	}
	if n := len(r.events("ann", 5)); n != 5 { // four queries and the registration
		t.Errorf("the owner has %d events, want 5", n)
	}
	r.stop()
	r.start()
	if rep := r.clean(); rep.Ignored != 1 {
		t.Errorf("fsck counts %d entries", rep.Ignored)
	}
	// The same again is the same entry.
	again, added, err := r.Ignore(ctx, "shop", "the wall", registry.File{Data: asJPEG(picture(3), 90)})
	if err != nil || !added {
		t.Fatalf("second entry: %v, added %t", err, added)
	}
	same, added, err := r.Ignore(ctx, "shop", "the sea", registry.File{Data: decoded(t, asJPEG(picture(3), 90))})
	if err != nil || added || same.ID != again.ID || same.Label != "the sea" {
		t.Errorf("the same pixels again: %+v, added %t, %v", same, added, err)
	}
	all, err := r.IgnoredList(ctx, "shop")
	if err != nil || len(all) != 2 || all[0].Label != "the sea" || all[1].ID != e.ID || all[1].Width != 160 {
		t.Errorf("list: %+v, %v", all, err)
	}
	if err := r.Unignore(ctx, "bob", e.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("a stranger removes an entry: %v", err)
	}
	if err := r.Unignore(ctx, "shop", e.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Unignore(ctx, "shop", e.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	rep := r.match("shop", query)
	found := false
	for _, w := range works(rep) {
		found = found || w == work
	}
	if !found || rep.Ignored != 0 {
		t.Errorf("after removal: %v, %d ignored", works(rep), rep.Ignored)
	}
}

// TestOwnersBankSiftsEvents: the owner's bank decides what the owner is told, not what
// the asker is shown.
func TestOwnersBankSiftsEvents(t *testing.T) {
	r := newRig(t)
	r.register("ann", registry.Matchable, asPNG(picture(1)))
	r.register("ann", registry.Private, asJPEG(picture(1), 90))
	r.register("zoe", registry.Private, asPNG(picture(1)))
	r.ignore("ann", "our own banner", asPNG(picture(1)))
	if rep := r.match("shop", asJPEG(picture(1), 70)); len(rep.Matches) != 1 || rep.Ignored != 0 {
		t.Errorf("the asker gets %d matches, %d ignored", len(rep.Matches), rep.Ignored)
	}
	r.events("zoe", 1)
	if p, err := r.Events(context.Background(), "ann", "", 10); err != nil || len(p.Items) != 0 {
		t.Errorf("the owner was told %d times (%v)", len(p.Items), err)
	}
}

func TestIgnoreRefuses(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	flat := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range flat.Pix {
		flat.Pix[i] = 255
	}
	for name, c := range map[string]struct {
		owner        registry.OwnerID
		label, field string
		data         []byte
	}{
		"flat picture":  {"shop", "x", "file", asPNG(flat)},
		"no label":      {"shop", "", "label", asPNG(picture(1))},
		"long label":    {"shop", strings.Repeat("x", 201), "label", asPNG(picture(1))},
		"control label": {"shop", "a\x1b[31m", "label", asPNG(picture(1))},
		"odd owner":     {"../shop", "x", "owner", asPNG(picture(1))},
	} {
		_, _, err := r.Ignore(ctx, c.owner, c.label, registry.File{Data: c.data})
		var bad *registry.InvalidError
		if !errors.As(err, &bad) || bad.Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	var bad *decode.Error
	if _, _, err := r.Ignore(ctx, "shop", "x", registry.File{Data: []byte("words")}); !errors.As(err, &bad) {
		t.Errorf("words: %v", err)
	}
	for _, id := range []string{"", "i_", "i_" + strings.Repeat("9", 26), "w_" + strings.Repeat("9", 26), "../x"} {
		if err := r.Unignore(ctx, "shop", id); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("remove %q: %v", id, err)
		}
	}
	if all, err := r.IgnoredList(ctx, "shop"); err != nil || all == nil || len(all) != 0 {
		t.Errorf("list: %v, %v", all, err)
	}
}

// TestIgnoreQuota: the bank has a bound, also against many at once.
func TestIgnoreQuota(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	first := r.ignore("shop", "x", asPNG(picture(1)))
	err := r.kv.Update(ctx, func(tx store.Txn) error {
		var row []byte
		if err := tx.Scan([]byte("i/shop/"), nil, func(_, v []byte) bool { row = bytes.Clone(v); return false }); err != nil {
			return err
		}
		for i := range registry.MaxIgnored - 6 {
			id := fmt.Sprintf("i_%026d", i)
			named := bytes.Replace(row[:len(row)-4], []byte(first.ID), []byte(id), 1)
			named = binary.BigEndian.AppendUint32(named, crc32.Checksum(named, crc32.MakeTable(crc32.Castagnoli)))
			if err := tx.Set([]byte("i/shop/"+id), named); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.stop()
	r.start() // the rows were written behind its back
	var wg sync.WaitGroup
	var added, refused atomic.Int32
	for seed := range uint64(10) {
		data := asPNG(picture(10 + seed))
		wg.Go(func() {
			_, fresh, err := r.Ignore(ctx, "shop", "x", registry.File{Data: data})
			var full *registry.InvalidError
			switch {
			case err == nil && fresh:
				added.Add(1)
			case errors.As(err, &full) && strings.Contains(full.Fix, "full"):
				refused.Add(1)
			default:
				t.Errorf("added %t, %v", fresh, err)
			}
		})
	}
	wg.Wait()
	all, err := r.IgnoredList(ctx, "shop")
	if err != nil || len(all) != registry.MaxIgnored || added.Load() != 5 || refused.Load() != 5 {
		t.Errorf("%d in the bank, %d added, %d refused, %v", len(all), added.Load(), refused.Load(), err)
	}
	// A full bank still renames what it holds.
	if e, fresh, err := r.Ignore(ctx, "shop", "y", registry.File{Data: asPNG(picture(1))}); err != nil || fresh || e.Label != "y" {
		t.Errorf("renamed: %+v, added %t, %v", e, fresh, err)
	}
}
