package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
	"selvage/fingerprint/photo"
	"selvage/provenance"
	"selvage/provenance/sequencer"
	"selvage/registry"
	"selvage/store"
	"selvage/store/mem"
)

// rig is a registry over memory, whose directory survives a restart.
type rig struct {
	clock   func() time.Time // nil: time.Now
	t       testing.TB
	dir     string
	kv      store.KV
	objects store.Objects
	notary  *sequencer.Notary
	hashers fingerprint.Set
	*registry.Service
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), kv: mem.NewKV(), objects: mem.NewObjects(), hashers: fingerprint.Set{photo.New(photo.Options{})}}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *rig) start() {
	r.t.Helper()
	var err error
	r.notary, err = sequencer.OpenNotary(context.Background(), sequencer.NotaryConfig{Dir: filepath.Join(r.dir, "log"), Origin: "test.selvage"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.Service, err = registry.Open(context.Background(), registry.Config{
		KV: r.kv, Blobs: store.NewBlobs(r.objects), Notary: r.notary, Hashers: r.hashers, DataDir: r.dir,
		ReceiptWait: 20 * time.Second, Clock: r.clock,
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) stop() {
	r.t.Helper()
	if r.Service == nil {
		return
	}
	if err := errors.Join(r.Service.Close(context.Background()), r.notary.Close(context.Background())); err != nil {
		r.t.Error(err)
	}
	r.Service = nil
}

// clean demands that fsck finds nothing wrong.
func (r *rig) clean() registry.FsckReport {
	r.t.Helper()
	rep, err := r.Fsck(context.Background(), registry.FsckOptions{Originals: true})
	if err != nil {
		r.t.Fatal(err)
	}
	if len(rep.Problems) > 0 {
		r.t.Fatalf("fsck: %q", rep.Problems)
	}
	return rep
}

// picture is a photo-like picture: smooth random fields, different for every seed.
func picture(seed uint64) *image.NRGBA {
	const w, h, cell = 160, 120, 20
	rng := rand.New(rand.NewPCG(seed, 7))
	var grid [h/cell + 2][w/cell + 2][3]float64
	for y := range grid {
		for x := range grid[y] {
			for c := range 3 {
				grid[y][x][c] = rng.Float64() * 255
			}
		}
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			gy, gx := y/cell, x/cell
			fy, fx := float64(y%cell)/cell, float64(x%cell)/cell
			var v [3]uint8
			for c := range 3 {
				top := grid[gy][gx][c]*(1-fx) + grid[gy][gx+1][c]*fx
				bottom := grid[gy+1][gx][c]*(1-fx) + grid[gy+1][gx+1][c]*fx
				v[c] = uint8(top*(1-fy) + bottom*fy)
			}
			img.SetNRGBA(x, y, color.NRGBA{v[0], v[1], v[2], 255})
		}
	}
	return img
}

func asPNG(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func asJPEG(img image.Image, quality int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func mirrored(img *image.NRGBA) *image.NRGBA {
	b := img.Bounds()
	out := image.NewNRGBA(b)
	for y := range b.Dy() {
		for x := range b.Dx() {
			out.Set(b.Dx()-1-x, y, img.At(x, y))
		}
	}
	return out
}

func (r *rig) register(owner registry.OwnerID, v registry.Visibility, data []byte) *registry.Registration {
	r.t.Helper()
	reg, err := r.Register(context.Background(), registry.RegisterRequest{Owner: owner, Visibility: v, Files: []registry.File{{Name: "a.png", Data: data}}})
	if err != nil {
		r.t.Fatal(err)
	}
	return reg
}

func (r *rig) match(asker registry.OwnerID, data []byte) *registry.MatchReport {
	r.t.Helper()
	rep, err := r.Match(context.Background(), registry.MatchRequest{Asker: asker, File: registry.File{Name: "q.jpg", Data: data}})
	if err != nil {
		r.t.Fatal(err)
	}
	return rep
}

// events waits until the owner has n events.
func (r *rig) events(owner registry.OwnerID, n int) []registry.Event {
	r.t.Helper()
	for range 200 {
		p, err := r.Events(context.Background(), owner, "", 200)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(p.Items) >= n {
			return p.Items
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.t.Fatalf("owner %s has not got %d events", owner, n)
	return nil
}

func TestRegisterAndMatch(t *testing.T) {
	r := newRig(t)
	if rep := r.match("shop", asJPEG(picture(1), 80)); rep.Verdict != registry.None || len(rep.Matches) != 0 {
		t.Fatalf("an empty registry answered %s with %d matches", rep.Verdict, len(rep.Matches))
	}
	var works []registry.WorkID
	for seed := range uint64(5) {
		reg := r.register("ann", registry.Matchable, asPNG(picture(seed)))
		if reg.Duplicate || reg.Receipt == nil || reg.Work.Proven == nil || len(reg.Related) != 0 {
			t.Fatalf("registration %d: %+v", seed, reg)
		}
		receipt, err := provenance.ParseReceipt(reg.Receipt)
		if err != nil {
			t.Fatal(err)
		}
		if err := receipt.Verify(r.notary.Policy()).Err(); err != nil {
			t.Fatalf("receipt: %v", err)
		}
		works = append(works, reg.Work.ID)
	}
	for _, c := range []struct {
		name string
		data []byte
		work registry.WorkID
		want registry.Verdict
		form string
	}{
		{"same bytes", asPNG(picture(3)), works[3], registry.Identical, "none"},
		{"same pixels", func() []byte {
			var b bytes.Buffer
			enc := png.Encoder{CompressionLevel: png.NoCompression}
			if err := enc.Encode(&b, picture(3)); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}(), works[3], registry.Identical, "none"},
		{"recompressed", asJPEG(picture(2), 60), works[2], registry.Copy, "none"},
		{"mirrored", asJPEG(mirrored(picture(4)), 80), works[4], registry.Copy, "flipY"},
		{"stranger", asJPEG(picture(99), 80), "", registry.None, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := r.match("shop", c.data)
			if rep.Verdict != c.want {
				t.Fatalf("verdict %s (%s), want %s", rep.Verdict, rep.Reason, c.want)
			}
			if c.work == "" {
				if len(rep.Matches) != 0 || rep.Matches == nil {
					t.Fatalf("matches %v, want an empty list", rep.Matches)
				}
				return
			}
			m := rep.Matches[0]
			if m.Work != c.work || m.Transform.Form != c.form || m.Reason == "" || len(m.Signals) == 0 || m.Proven == nil || m.Title != "" {
				t.Errorf("match %+v", m)
			}
			if len(m.Regions) != 1 || len(m.Regions[0].Query) != 4 || len(m.Regions[0].Ref) != 4 {
				t.Errorf("regions %v", m.Regions)
			}
			again, err := r.MatchByID(context.Background(), "shop", rep.ID)
			if err != nil || !reflect.DeepEqual(again, rep) {
				t.Errorf("stored report differs: %v\n%+v\n%+v", err, again, rep)
			}
		})
	}
	if got := r.clean(); got.Works != 5 || got.Proved != 5 {
		t.Errorf("fsck: %+v", got)
	}
}

func TestSameFileAgain(t *testing.T) {
	r := newRig(t)
	data := asPNG(picture(1))
	first := r.register("ann", registry.Matchable, data)
	again := r.register("ann", registry.Matchable, data)
	if !again.Duplicate || again.Work.ID != first.Work.ID || !bytes.Equal(again.Receipt, first.Receipt) {
		t.Errorf("the same bytes of the same owner: %+v, want the first work and receipt", again)
	}
	// Another owner gets a registration of its own, and both learn of each other.
	other := r.register("bob", registry.Matchable, data)
	if other.Duplicate || other.Work.ID == first.Work.ID || bytes.Equal(other.Receipt, first.Receipt) {
		t.Errorf("the same bytes of another owner: %+v, want a new work", other)
	}
	if len(other.Related) != 1 || other.Related[0].Work != first.Work.ID || other.Related[0].Verdict != registry.Identical || other.Related[0].Proven == nil {
		t.Errorf("related %+v, want the earlier work with its proven date", other.Related)
	}
	if e := r.events("ann", 1)[0]; e.Kind != registry.EventRegistered || e.Work != first.Work.ID {
		t.Errorf("event %+v", e)
	}
	if p, _ := r.Events(context.Background(), "bob", "", 10); len(p.Items) != 0 {
		t.Errorf("the later owner got %v", p.Items)
	}
	rep := r.match("shop", data)
	if len(rep.Matches) != 2 || rep.Matches[0].Work != first.Work.ID || !rep.Matches[0].Received.Before(rep.Matches[1].Received) {
		t.Errorf("matches %+v, want both works, the earlier first", rep.Matches)
	}
}

func TestConcurrentSameFile(t *testing.T) {
	r := newRig(t)
	data := asPNG(picture(1))
	ids := make([]registry.WorkID, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			reg, err := r.Register(context.Background(), registry.RegisterRequest{Owner: "ann", Files: []registry.File{{Name: "a", Data: data}}})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = reg.Work.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("works %v, want one", ids)
		}
	}
	if got := r.clean(); got.Works != 1 {
		t.Errorf("%d works", got.Works)
	}
}

// A private work must be invisible to everybody but its owner.
func TestPrivate(t *testing.T) {
	r := newRig(t)
	secret := r.register("ann", registry.Private, asPNG(picture(1)))
	r.register("bob", registry.Matchable, asPNG(picture(2)))
	ctx := context.Background()

	for _, q := range [][]byte{asPNG(picture(1)), asJPEG(picture(1), 80)} {
		for _, asker := range []registry.OwnerID{"shop", "bob"} {
			got := r.match(asker, q)
			// The same question to a registry that never held the work.
			bare := newRig(t)
			bare.register("bob", registry.Matchable, asPNG(picture(2)))
			want := bare.match(asker, q)
			got.ID, got.Time, got.Millis = want.ID, want.Time, want.Millis
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the answer shows the private work:\n%+v\n%+v", asker, got, want)
			}
		}
		if rep := r.match("ann", q); len(rep.Matches) != 1 || rep.Matches[0].Work != secret.Work.ID || rep.Matches[0].Title == "" {
			t.Errorf("the owner's own query: %+v", rep)
		}
	}
	events := r.events("ann", 4)
	for _, e := range events {
		if e.Work != secret.Work.ID || e.Kind != registry.EventMatched || e.Match != "" || !e.Verdict.Accuses() {
			t.Errorf("event %+v", e)
		}
	}
	for name, f := range map[string]func(id registry.WorkID) error{
		"work":    func(id registry.WorkID) error { _, err := r.Work(ctx, "bob", id); return err },
		"receipt": func(id registry.WorkID) error { _, err := r.Receipt(ctx, "bob", id); return err },
		"evidence": func(id registry.WorkID) error {
			return r.Evidence(ctx, registry.EvidenceRequest{Owner: "bob", Work: id}, &bytes.Buffer{})
		},
		"withdraw": func(id registry.WorkID) error { return r.Withdraw(ctx, "bob", id) },
		"show":     func(id registry.WorkID) error { return r.SetVisibility(ctx, "bob", id, registry.Public) },
		"compare": func(id registry.WorkID) error {
			_, err := r.Compare(ctx, "bob", id, registry.File{Data: asPNG(picture(1))})
			return err
		},
	} {
		hidden, missing := f(secret.Work.ID), f("w_00000000000000000000000000")
		if !errors.Is(hidden, registry.ErrNotFound) || !errors.Is(missing, registry.ErrNotFound) {
			t.Errorf("%s: private work %v, missing work %v; want ErrNotFound for both", name, hidden, missing)
		}
	}
	// A stranger's registration is no probe either.
	if reg := r.register("carl", registry.Matchable, asJPEG(picture(1), 90)); len(reg.Related) != 0 {
		t.Errorf("a registration shows the private work: %+v", reg.Related)
	}
	if e := r.events("ann", 5); e[0].Kind != registry.EventRegistered {
		t.Errorf("events %+v", e)
	}
}

func TestWithdrawAndVisibility(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	data := asPNG(picture(1))
	reg := r.register("ann", registry.Matchable, data)
	seen := func() bool { return len(r.match("shop", asJPEG(picture(1), 70)).Matches) == 1 }
	if !seen() {
		t.Fatal("not matched after registration")
	}
	for range 3 {
		if err := r.SetVisibility(ctx, "ann", reg.Work.ID, registry.Private); err != nil || seen() {
			t.Fatalf("private: %v, still matched", err)
		}
		if err := r.SetVisibility(ctx, "ann", reg.Work.ID, registry.Public); err != nil || !seen() {
			t.Fatalf("public: %v, not matched", err)
		}
	}
	if w, err := r.Work(ctx, "shop", reg.Work.ID); err != nil || w.Assets[0].Result != nil || w.Assets[0].Name != "" {
		t.Errorf("a public work shows %+v, %v", w, err)
	}
	for range 2 {
		if err := r.Withdraw(ctx, "ann", reg.Work.ID); err != nil || seen() {
			t.Fatalf("withdrawn: %v, still matched", err)
		}
	}
	if _, err := r.Work(ctx, "shop", reg.Work.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("a withdrawn work is shown to strangers: %v", err)
	}
	var invalid *registry.InvalidError
	if err := r.SetVisibility(ctx, "ann", reg.Work.ID, registry.Public); !errors.As(err, &invalid) {
		t.Errorf("showing a withdrawn work: %v", err)
	}
	if got, err := r.Receipt(ctx, "ann", reg.Work.ID); err != nil || !bytes.Equal(got, reg.Receipt) {
		t.Errorf("the receipt is gone: %v", err)
	}
	again := r.register("ann", registry.Matchable, data)
	if again.Duplicate || again.Work.ID == reg.Work.ID || !seen() {
		t.Errorf("registered again after withdrawal: %+v", again)
	}
	r.clean()
}

func TestLists(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	var want []registry.WorkID
	for seed := range uint64(7) {
		want = append([]registry.WorkID{r.register("ann", registry.Private, asPNG(picture(seed))).Work.ID}, want...)
		time.Sleep(2 * time.Millisecond) // identifiers sort by millisecond
	}
	r.register("anna", registry.Private, asPNG(picture(50)))
	var got []registry.WorkID
	for cursor := ""; ; {
		p, err := r.Works(ctx, "ann", cursor, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range p.Items {
			got = append(got, w.ID)
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("works %v, want %v", got, want)
	}
	var invalid *registry.InvalidError
	for _, bad := range []string{"x", "w_", string(want[0][:5]), "../x"} {
		if _, err := r.Works(ctx, "ann", bad, 3); !errors.As(err, &invalid) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
}

func TestBadRequests(t *testing.T) {
	r := newRig(t)
	good := []registry.File{{Name: "a.png", Data: asPNG(picture(1))}}
	for name, q := range map[string]registry.RegisterRequest{
		"owner":       {Owner: "Ann", Files: good},
		"owner/":      {Owner: "a/b", Files: good},
		"no file":     {Owner: "ann"},
		"twice":       {Owner: "ann", Files: append(good, good...)},
		"many":        {Owner: "ann", Files: make([]registry.File, registry.MaxAssets+1)},
		"visibility":  {Owner: "ann", Visibility: "secret", Files: good},
		"kind":        {Owner: "ann", Kind: "song", Files: good},
		"title utf-8": {Owner: "ann", Title: "\xff", Files: good},
		"long title":  {Owner: "ann", Title: fmt.Sprintf("%01000d", 0), Files: good},
	} {
		var invalid *registry.InvalidError
		if _, err := r.Register(context.Background(), q); !errors.As(err, &invalid) || invalid.Fix == "" {
			t.Errorf("%s: %v, want an InvalidError", name, err)
		}
	}
	for name, data := range map[string][]byte{"empty": nil, "text": []byte("hello, world"), "cut": good[0].Data[:len(good[0].Data)/2]} {
		var bad *decode.Error
		_, err := r.Register(context.Background(), registry.RegisterRequest{Owner: "ann", Files: []registry.File{{Name: "a.jpg", Data: data}}})
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v, want a decode error", name, err)
		}
		if _, err := r.Match(context.Background(), registry.MatchRequest{Asker: "ann", File: registry.File{Data: data}}); !errors.As(err, &bad) {
			t.Errorf("match %s: %v, want a decode error", name, err)
		}
	}
	if got := r.clean(); got.Works != 0 || got.Orphans != 0 {
		t.Errorf("refused requests left %+v", got)
	}
}

func TestRestart(t *testing.T) {
	r := newRig(t)
	reg := r.register("ann", registry.Matchable, asPNG(picture(1)))
	secret := r.register("ann", registry.Private, asPNG(picture(2)))
	gone := r.register("ann", registry.Matchable, asPNG(picture(3)))
	check := func(what string) {
		t.Helper()
		if rep := r.match("shop", asJPEG(picture(1), 70)); len(rep.Matches) != 1 || rep.Matches[0].Work != reg.Work.ID {
			t.Errorf("%s: %+v", what, rep)
		}
		if rep := r.match("shop", asJPEG(picture(2), 70)); len(rep.Matches) != 0 {
			t.Errorf("%s: a private work shows", what)
		}
		if rep := r.match("ann", asJPEG(picture(2), 70)); len(rep.Matches) != 1 || rep.Matches[0].Work != secret.Work.ID {
			t.Errorf("%s: the private work is lost to its owner", what)
		}
		if got, err := r.Receipt(context.Background(), "ann", reg.Work.ID); err != nil || !bytes.Equal(got, reg.Receipt) {
			t.Errorf("%s: another receipt: %v", what, err)
		}
		r.clean()
	}
	check("before")
	r.stop()
	r.start()
	check("after a restart")
	if err := r.Withdraw(context.Background(), "ann", gone.Work.ID); err != nil {
		t.Fatal(err)
	}
	r.stop()
	// The index files are derived: without them the registry opens all the same.
	if err := os.RemoveAll(filepath.Join(r.dir, "index")); err != nil {
		t.Fatal(err)
	}
	r.start()
	check("after losing the index")
	if rep := r.match("shop", asPNG(picture(3))); len(rep.Matches) != 0 {
		t.Error("a withdrawn work is back")
	}
}

func TestEvidence(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	reg := r.register("ann", registry.Matchable, asPNG(picture(1)))
	accused := asJPEG(mirrored(picture(1)), 80)
	rep := r.match("shop", accused)
	bundle := func(q registry.EvidenceRequest) []byte {
		t.Helper()
		q.Owner, q.Work = "ann", reg.Work.ID
		var one, two bytes.Buffer
		if err := errors.Join(r.Evidence(ctx, q, &one), r.Evidence(ctx, q, &two)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Error("the same request gave other bytes")
		}
		got := provenance.Verify(bytes.NewReader(one.Bytes()), int64(one.Len()), provenance.VerifyOptions{Policy: r.notary.Policy()})
		if got.Outcome != provenance.Proved {
			t.Errorf("%s\n%v", got.Headline, got.Lines)
		}
		return one.Bytes()
	}
	whole := bundle(registry.EvidenceRequest{})
	small := bundle(registry.EvidenceRequest{DigestsOnly: true})
	if len(small) >= len(whole) || bytes.Contains(small, asPNG(picture(1))) || !bytes.Contains(whole, asPNG(picture(1))) {
		t.Error("DigestsOnly does not decide about the original")
	}
	about := bundle(registry.EvidenceRequest{Match: rep.ID})
	if !bytes.Contains(about, []byte(fingerprint.DigestOf(accused).String())) || bytes.Contains(about, []byte("shop")) {
		t.Error("the bundle does not name the accused file, or names who asked")
	}
	with := bundle(registry.EvidenceRequest{Match: rep.ID, Accused: &registry.File{Data: accused}})
	if !bytes.Contains(with, accused) {
		t.Error("the accused file is not in the bundle")
	}
	var invalid *registry.InvalidError
	err := r.Evidence(ctx, registry.EvidenceRequest{Owner: "ann", Work: reg.Work.ID, Match: rep.ID, Accused: &registry.File{Data: []byte("x")}}, &bytes.Buffer{})
	if !errors.As(err, &invalid) {
		t.Errorf("another file as the accused one: %v", err)
	}
	// Why not: a comparison that found nothing is evidence too.
	not, err := r.Compare(ctx, "ann", reg.Work.ID, registry.File{Data: asPNG(picture(77))})
	if err != nil || not.Verdict != registry.None || len(not.Matches) != 1 || not.Matches[0].Verdict != registry.Alike {
		t.Fatalf("compare: %+v, %v", not, err)
	}
	bundle(registry.EvidenceRequest{Match: not.ID})
	none := r.match("ann", asPNG(picture(78)))
	if err := r.Evidence(ctx, registry.EvidenceRequest{Owner: "ann", Work: reg.Work.ID, Match: none.ID}, &bytes.Buffer{}); !errors.As(err, &invalid) {
		t.Errorf("a match about nothing: %v", err)
	}
}

func TestInsufficient(t *testing.T) {
	r := newRig(t)
	flat := image.NewNRGBA(image.Rect(0, 0, 200, 200))
	for i := range flat.Pix {
		flat.Pix[i] = 200
		if i%4 == 3 {
			flat.Pix[i] = 255
		}
	}
	reg := r.register("ann", registry.Matchable, asPNG(flat))
	if w, err := r.Work(context.Background(), "ann", reg.Work.ID); err != nil || w.Assets[0].Result.Insufficient == "" {
		t.Fatalf("a flat picture: %+v, %v", w, err)
	}
	if rep := r.match("shop", asPNG(flat)); rep.Verdict != registry.Identical {
		t.Errorf("the same flat file: %s", rep.Verdict)
	}
	for i := range flat.Pix {
		if i%4 == 0 {
			flat.Pix[i] = 90
		}
	}
	if rep := r.match("shop", asJPEG(flat, 90)); rep.Verdict != registry.Insufficient || len(rep.Matches) != 0 {
		t.Errorf("another flat picture: %s %v", rep.Verdict, rep.Matches)
	}
	r.clean()
}
