package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"selvage/registry"
	"selvage/store"
	"selvage/store/storetest"
)

// Five hundred registrations of somebody's picture must not hide whose it is.
func TestCrowd(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	first := r.register("ann", registry.Matchable, asPNG(picture(1)))
	copied := asJPEG(picture(1), 85)
	for i := range 510 {
		_, err := r.Register(ctx, registry.RegisterRequest{Owner: "mallory", Visibility: registry.Public, NoWait: true,
			Title: strings.Repeat("織", 300), Files: []registry.File{{Name: "m.jpg", Data: append(bytes.Clone(copied), fmt.Sprint(i)...)}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	rep := r.match("shop", copied)
	byOwner := map[registry.OwnerID]int{}
	for _, m := range rep.Matches {
		byOwner[m.Owner]++
	}
	if byOwner["ann"] != 1 || byOwner["mallory"] != 10 || rep.More == 0 {
		t.Errorf("%v and %d more; want one work of ann and ten of mallory", byOwner, rep.More)
	}
	reg := r.register("carl", registry.Matchable, asJPEG(picture(1), 70))
	if len(reg.Related) == 0 || len(reg.Related) > 20 {
		t.Errorf("%d related works", len(reg.Related))
	}
	named := false
	for _, m := range reg.Related {
		named = named || m.Work == first.Work.ID
	}
	if !named {
		t.Error("the earliest work is not among the related ones")
	}
	r.events("ann", 2)
}

// Registering privately tells nobody; showing the work later does.
func TestPrivateRegistrationIsSilent(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	guess := r.register("mallory", registry.Matchable, asPNG(picture(1)))
	secret := r.register("bob", registry.Private, asJPEG(picture(1), 85))
	if len(secret.Related) != 1 || secret.Related[0].Work != guess.Work.ID {
		t.Errorf("bob is not told of the earlier work: %+v", secret.Related)
	}
	r.settle()
	if p, err := r.Events(ctx, "mallory", "", 10); err != nil || len(p.Items) != 0 {
		t.Fatalf("a stranger was told of a private registration: %+v, %v", p.Items, err)
	}
	if err := r.SetVisibility(ctx, "bob", secret.Work.ID, registry.Matchable); err != nil {
		t.Fatal(err)
	}
	if e := r.events("mallory", 1)[0]; e.Work != guess.Work.ID || e.Kind != registry.EventRegistered {
		t.Errorf("event %+v", e)
	}
	// Comparing a file with one's own work is nobody else's business.
	r.register("dora", registry.Private, asPNG(picture(1)))
	if _, err := r.Compare(ctx, "mallory", guess.Work.ID, registry.File{Data: asJPEG(picture(1), 50)}); err != nil {
		t.Fatal(err)
	}
	r.settle()
	if p, err := r.Events(ctx, "dora", "", 10); err != nil || len(p.Items) != 0 {
		t.Errorf("a comparison was told: %+v, %v", p.Items, err)
	}
}

// settle waits until the watcher has nothing left.
func (r *rig) settle() {
	r.t.Helper()
	for range 300 {
		if rep := r.clean(); rep.Untold == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.t.Fatal("the watcher does not end")
}

func TestReceiptIsTheOwners(t *testing.T) {
	r := newRig(t)
	reg := r.register("ann", registry.Public, asPNG(picture(1)))
	if _, err := r.Receipt(context.Background(), "bob", reg.Work.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("a stranger's receipt of a public work: %v; it holds fingerprints and file names", err)
	}
}

func TestImpossibleDatesAndTexts(t *testing.T) {
	r := newRig(t)
	file := []registry.File{{Name: "a.png", Data: asPNG(picture(1))}}
	early, late := time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600))
	for name, q := range map[string]registry.RegisterRequest{
		"year 0":     {Owner: "ann", Fixed: &early, Files: file},
		"year 10000": {Owner: "ann", Fixed: &late, Files: file},
		"disclosed":  {Owner: "ann", FirstDisclosed: &registry.Disclosure{Date: late}, Files: file},
		"escape":     {Owner: "ann", Title: "a\x1b[2Jb", Files: file},
		"direction":  {Owner: "ann", Title: "a\u202eb", Files: file},
		"place":      {Owner: "ann", FirstDisclosed: &registry.Disclosure{Date: time.Now(), Place: "\x00"}, Files: file},
	} {
		var invalid *registry.InvalidError
		if _, err := r.Register(context.Background(), q); !errors.As(err, &invalid) {
			t.Errorf("%s: %v, want an InvalidError", name, err)
		}
	}
}

// TestFaultsInALivingProcess fails a step, heals, and goes on without a restart.
func TestFaultsInALivingProcess(t *testing.T) {
	ctx := context.Background()
	r := newRig(t)
	faulty := storetest.NewFaulty()
	r.stop()
	r.kv, r.objects = faulty.KV(r.kv), faulty.Objects(r.objects)
	r.start()
	seen := func(seed uint64) bool { return len(r.match("shop", asJPEG(picture(seed), 80)).Matches) == 1 }
	for n := 0; ; n++ {
		seed := uint64(1000 + n)
		faulty.FailOnce(n)
		before := faulty.Failed()
		_, err := r.Register(ctx, registry.RegisterRequest{Owner: "ann", Visibility: registry.Matchable, NoWait: true, Files: []registry.File{{Name: "a.png", Data: asPNG(picture(seed))}}})
		faulty.Heal()
		if err != nil && !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("step %d: %v", n, err)
		}
		reg := r.register("ann", registry.Matchable, asPNG(picture(seed)))
		if !seen(seed) {
			t.Fatalf("step %d: registered, and not matched (first try: %v)", n, err)
		}
		// The same for a change of mind.
		faulty.FailOnce(n % 4)
		err = r.SetVisibility(ctx, "ann", reg.Work.ID, registry.Private)
		faulty.Heal()
		if err != nil {
			if err = r.SetVisibility(ctx, "ann", reg.Work.ID, registry.Private); err != nil {
				t.Fatal(err)
			}
		}
		if seen(seed) {
			t.Fatalf("step %d: private, and still matched", n)
		}
		if faulty.Failed() == before && n > 8 {
			break
		}
	}
	r.settle()
	r.clean()
}
