package registry_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"selvage/fingerprint"
	"selvage/fixtures"
	"selvage/provenance/c2pa"
	"selvage/provenance/c2pa/c2patest"
	"selvage/registry"
	"selvage/store"
)

// scene is a photo-like picture that is large enough to be shrunk and still recognised.
func scene(seed uint64) []byte {
	return asJPEG(fixtures.Original("lookbook", fixtures.SeriesSeed(uint32(seed), 0), 640, 480), 92)
}

// stripped is what is left of a picture on the way through a network: half its size, JPEG
// quality 30, no metadata.
func stripped(seed uint64) []byte {
	return asJPEG(fixtures.Resize(fixtures.Original("lookbook", fixtures.SeriesSeed(uint32(seed), 0), 640, 480), 320, 240), 30)
}

type signing struct {
	t *testing.T
	*c2patest.Signer
}

func newSigning(t *testing.T) signing {
	t.Helper()
	s, err := c2patest.New("Anna Weaver")
	if err != nil {
		t.Fatal(err)
	}
	return signing{t, s}
}

func (s signing) file(data []byte, c c2patest.Claim) []byte {
	s.t.Helper()
	b, err := s.Sign(data, c)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (r *rig) work(owner registry.OwnerID, v registry.Visibility, data []byte) *registry.Work {
	r.t.Helper()
	reg, err := r.Register(context.Background(), registry.RegisterRequest{Owner: owner, Visibility: v, Files: []registry.File{{Name: "a.jpg", Data: data}}})
	if err != nil {
		r.t.Fatal(err)
	}
	return reg.Work
}

// recover asks which manifests belong to a file.
func (r *rig) recover(asker registry.OwnerID, data []byte) []registry.ManifestMatch {
	r.t.Helper()
	rep, err := r.Match(context.Background(), registry.MatchRequest{Asker: asker, File: registry.File{Data: data}})
	if err != nil {
		r.t.Fatal(err)
	}
	found, err := r.Manifests(context.Background(), asker, rep, 10)
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

func storeOf(t *testing.T, file []byte) []byte {
	t.Helper()
	c, err := c2pa.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return c.Store
}

func TestCredentialsAreKeptWithTheWork(t *testing.T) {
	r, s := newRig(t), newSigning(t)
	file := s.file(scene(1), c2patest.Claim{Label: "urn:c2pa:one", Title: "Leaves"})
	w := r.work("anna", registry.Public, file)
	plain := r.work("anna", registry.Public, scene(2))
	r.stop()
	r.start() // what is kept outlives the process

	own, err := r.Work(t.Context(), "anna", w.ID)
	if err != nil {
		t.Fatal(err)
	}
	c := own.Assets[0].Credentials
	if c == nil || c.Claims.Title != "Leaves" || c.Claims.Binding.Check != c2pa.Match || c.Claims.Signature.Check != c2pa.Valid {
		t.Fatalf("%+v", c)
	}
	if kept := storeOf(t, file); c.Store != fingerprint.DigestOf(kept) || c.Size != int64(len(kept)) {
		t.Errorf("the store is said to be %s of %d bytes", c.Store, c.Size)
	}
	if other, err := r.Work(t.Context(), "bert", w.ID); err != nil || other.Assets[0].Credentials != nil {
		t.Errorf("somebody else sees %+v, %v", other.Assets[0].Credentials, err)
	}
	if p, err := r.Work(t.Context(), "anna", plain.ID); err != nil || p.Assets[0].Credentials != nil {
		t.Errorf("a file without credentials: %+v, %v", p.Assets[0].Credentials, err)
	}
	if rep := r.clean(); rep.Credentials != 1 || rep.Orphans != 0 {
		t.Errorf("fsck: %+v", rep)
	}
	// A lost store is found by fsck.
	if err := r.objects.Delete(t.Context(), "blobs/anna/"+c.Store.String()[:2]+"/"+c.Store.String()); err != nil {
		t.Fatal(err)
	}
	rep, err := r.Fsck(t.Context(), registry.FsckOptions{})
	if err != nil || len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0], "manifest store") {
		t.Errorf("%q, %v", rep.Problems, err)
	}
}

func TestDamagedCredentialsHinderNothing(t *testing.T) {
	r, s := newRig(t), newSigning(t)
	file := s.file(scene(1), c2patest.Claim{Label: "urn:c2pa:one"})
	damaged := bytes.Replace(file, []byte("c2pa.assertions\x00"), []byte("c2pa.assertionz\x00"), 1)
	w := r.work("anna", registry.Public, damaged)
	own, err := r.Work(t.Context(), "anna", w.ID)
	if err != nil || own.Assets[0].Credentials != nil {
		t.Fatalf("%+v, %v", own.Assets[0].Credentials, err)
	}
	notes := strings.Join(own.Assets[0].Result.Notes, "; ")
	if !strings.Contains(notes, "content credentials: \"c2pa.assertions\" is missing") {
		t.Errorf("notes: %q", notes)
	}
	r.clean()
}

func TestManifestIsRecoveredByContent(t *testing.T) {
	r, s := newRig(t), newSigning(t)
	file := s.file(scene(1), c2patest.Claim{Label: "urn:c2pa:one", Title: "Leaves"})
	w := r.work("anna", registry.Public, file)
	for i := range uint64(5) {
		r.work("bert", registry.Public, s.file(scene(100+i), c2patest.Claim{}))
	}
	for _, asker := range []registry.OwnerID{"anna", "carl"} {
		found := r.recover(asker, stripped(1))
		if len(found) != 1 || found[0].Manifest != "urn:c2pa:one" || found[0].Work != w.ID || found[0].Score < 90 {
			t.Fatalf("%s: %+v", asker, found)
		}
		got, err := r.Manifest(t.Context(), asker, found[0].Manifest, false)
		if err != nil || !bytes.Equal(got, storeOf(t, file)) {
			t.Errorf("%s: %d bytes, %v", asker, len(got), err)
		}
		if active, err := r.Manifest(t.Context(), asker, found[0].Manifest, true); err != nil || !bytes.Equal(active, got) {
			t.Errorf("%s: the active manifest: %d bytes, %v", asker, len(active), err)
		}
	}
	if found := r.recover("carl", stripped(50)); len(found) != 0 {
		t.Errorf("a stranger's picture: %+v", found)
	}
}

// TestWhoMayHaveAManifest walks one work through its visibilities.
func TestWhoMayHaveAManifest(t *testing.T) {
	r, s := newRig(t), newSigning(t)
	w := r.work("anna", registry.Private, s.file(scene(1), c2patest.Claim{Label: "urn:c2pa:one"}))
	own, err := r.Work(t.Context(), "anna", w.ID)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := own.Assets[0].Result.Print(fingerprint.PDQ256, fingerprint.Full)
	exact := registry.ManifestID("urn:c2pa:one@sha256:" + own.Assets[0].Credentials.Store.String())
	look := func(who registry.OwnerID, byContent []registry.ManifestID, byCode, manifest bool) {
		t.Helper()
		var ids []registry.ManifestID
		for _, m := range r.recover(who, stripped(1)) {
			ids = append(ids, m.Manifest)
		}
		if len(ids) != len(byContent) || len(ids) > 0 && ids[0] != byContent[0] {
			t.Errorf("%s finds %q by content, want %q", who, ids, byContent)
		}
		found, err := r.ManifestsByCode(t.Context(), who, p.Payload, 10)
		if err != nil || (len(found) == 1) != byCode {
			t.Errorf("%s finds %+v by code, %v", who, found, err)
		}
		for _, id := range []registry.ManifestID{"urn:c2pa:one", exact} {
			_, err := r.Manifest(t.Context(), who, id, false)
			_, err2 := r.ManifestReceipt(t.Context(), who, id)
			if manifest && errors.Join(err, err2) != nil || !manifest && (!errors.Is(err, registry.ErrNotFound) || !errors.Is(err2, registry.ErrNotFound)) {
				t.Errorf("%s asks for %s: %v, %v", who, id, err, err2)
			}
		}
	}
	one := []registry.ManifestID{"urn:c2pa:one"}
	look("anna", one, true, true)
	look("bert", nil, false, false)
	set := func(v registry.Visibility) {
		t.Helper()
		if err := r.SetVisibility(t.Context(), "anna", w.ID, v); err != nil {
			t.Fatal(err)
		}
		r.clean()
	}
	set(registry.Matchable)
	look("anna", one, true, true)
	look("bert", []registry.ManifestID{exact}, false, false) // that there is one, and no more
	set(registry.Public)
	look("bert", one, true, true)
	set(registry.Private)
	look("bert", nil, false, false)
	set(registry.Public)
	if err := r.Withdraw(t.Context(), "anna", w.ID); err != nil {
		t.Fatal(err)
	}
	look("bert", nil, false, false)
	look("anna", nil, false, true) // withdrawn works match nothing; what is kept stays the owner's
	r.clean()
}

// TestFsckFollowsLabels: a row that leads to no store is found.
func TestFsckFollowsLabels(t *testing.T) {
	r, s := newRig(t), newSigning(t)
	w := r.work("anna", registry.Public, s.file(scene(1), c2patest.Claim{Label: "urn:c2pa:one"}))
	stray := "N/*/" + strings.Repeat("0", 64) + "/anna/" + string(w.ID) + "/" + w.Assets[0].Digest.String()
	for _, row := range []struct{ key, value string }{{stray, strings.Repeat("x", 32)}, {stray + "0", strings.Repeat("x", 32)}, {"N/x", ""}} {
		if err := r.kv.Update(t.Context(), func(tx store.Txn) error { return tx.Set([]byte(row.key), []byte(row.value)) }); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := r.Fsck(t.Context(), registry.FsckOptions{})
	if err != nil || len(rep.Problems) != 3 {
		t.Errorf("%q, %v", rep.Problems, err)
	}
}

// TestForgedLabel: who registers other content under somebody's label cannot put his store
// in the place of the true one, neither before nor after it.
func TestForgedLabel(t *testing.T) {
	r, s := newRig(t), newSigning(t)
	label := c2patest.Claim{Label: "urn:c2pa:one"}
	forged := s.file(scene(7), label)
	true1 := s.file(scene(1), label)
	r.work("mallory", registry.Public, forged)
	r.work("anna", registry.Matchable, true1)
	for _, v := range []registry.Visibility{registry.Matchable, registry.Public} {
		for _, w := range must(r.Works(t.Context(), "anna", "", 10)).Items {
			if err := r.SetVisibility(t.Context(), "anna", w.ID, v); err != nil {
				t.Fatal(err)
			}
		}
		found := r.recover("carl", stripped(1))
		if len(found) != 1 || found[0].Manifest == "urn:c2pa:one" {
			t.Fatalf("%s: %+v", v, found)
		}
		got, err := r.Manifest(t.Context(), "carl", found[0].Manifest, false)
		if v == registry.Matchable && !errors.Is(err, registry.ErrNotFound) || v == registry.Public && !bytes.Equal(got, storeOf(t, true1)) {
			t.Errorf("%s: %d bytes, %v", v, len(got), err)
		}
	}
	if _, err := r.Manifest(t.Context(), "carl", "urn:c2pa:one", false); !errors.Is(err, registry.ErrAmbiguous) {
		t.Errorf("the label alone: %v", err)
	}
	// The same file of two owners is no forgery.
	both := s.file(scene(3), c2patest.Claim{Label: "urn:c2pa:three"})
	r.work("anna", registry.Public, both)
	r.work("bert", registry.Public, both)
	if found := r.recover("carl", stripped(3)); len(found) != 1 || found[0].Manifest != "urn:c2pa:three" {
		t.Errorf("%+v", found)
	}
	r.clean()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestManifestReceiptHidesWhatIsTheOwners(t *testing.T) {
	r, s := newRig(t), newSigning(t)
	w := r.work("anna", registry.Public, s.file(scene(1), c2patest.Claim{Label: "urn:c2pa:one"}))
	got, err := r.ManifestReceipt(t.Context(), "bert", "urn:c2pa:one")
	if err != nil || got.Work != w.ID || got.NotAfter == nil || len(got.Token) == 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if bytes.Contains(got.Proof, []byte("extra ")) {
		t.Errorf("the proof carries the salt:\n%s", got.Proof)
	}
	if !bytes.HasPrefix(got.Proof, []byte("c2sp.org/tlog-proof@v1\nindex 0\n")) || len(got.Commitment) != 64 {
		t.Errorf("%+v", got)
	}
}

func TestCodesThatAreNone(t *testing.T) {
	r := newRig(t)
	for _, code := range [][]byte{nil, make([]byte, 31), make([]byte, 33)} {
		var bad *registry.InvalidError
		if _, err := r.ManifestsByCode(t.Context(), "anna", code, 10); !errors.As(err, &bad) {
			t.Errorf("%d bytes: %v", len(code), err)
		}
	}
}
