package registry_test

import (
	"bytes"
	"context"
	"crypto"
	"strings"
	"testing"
	"time"

	"selvage/provenance"
	"selvage/registry"
)

// What ends soon is renewed with one token, once, and the bundle carries it.
func TestRenew(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	var works []registry.WorkID
	for i := range 3 {
		reg, err := r.Register(ctx, registry.RegisterRequest{Owner: "ada", Files: []registry.File{{Name: "a.png", Data: asPNG(picture(uint64(i)))}}})
		if err != nil {
			t.Fatal(err)
		}
		works = append(works, reg.Work.ID)
	}
	bundle := func() ([]byte, provenance.Report) {
		t.Helper()
		var b bytes.Buffer
		if err := r.Evidence(ctx, registry.EvidenceRequest{Owner: "ada", Work: works[0]}, &b); err != nil {
			t.Fatal(err)
		}
		rep := provenance.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), provenance.VerifyOptions{})
		if rep.Outcome != provenance.Proved {
			t.Fatal(rep)
		}
		return b.Bytes(), rep
	}
	before, _ := bundle() // and with it the case, which has a token too

	rep, err := r.Renew(ctx, registry.RenewRequest{Ahead: time.Hour})
	if err != nil || rep.Checked < 2 || rep.Due != 0 {
		t.Fatalf("nothing ends within the hour: %+v, %v", rep, err)
	}
	if again, _ := bundle(); !bytes.Equal(before, again) {
		t.Error("looking changed the bundle")
	}
	const ages = 200 * 365 * 24 * time.Hour
	// A further token by the same authority ends when the first does: it is not kept.
	rep, err = r.Renew(ctx, registry.RenewRequest{Ahead: ages})
	if err != nil || rep.Due != rep.Checked || rep.Renewed != 0 || len(rep.Lost) > 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if again, _ := bundle(); !bytes.Equal(before, again) {
		t.Error("a renewal that helps nobody was kept")
	}
	// SHA-256 is to fall: a new tree under a stronger function.
	soon := provenance.Sunsets{"SHA-256": time.Now().Add(24 * time.Hour)}
	rep, err = r.Renew(ctx, registry.RenewRequest{Ahead: 48 * time.Hour, Hash: crypto.SHA512, Sunsets: soon})
	if err != nil || rep.Renewed != rep.Checked || len(rep.Lost) > 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	after, said := bundle()
	if bytes.Equal(before, after) || !strings.Contains(said.String(), "work: time, renewed") || !strings.Contains(said.String(), "case: time, renewed") || !strings.Contains(said.String(), "renewed 1 time(s)") {
		t.Error(said)
	}
	if again, _ := bundle(); !bytes.Equal(after, again) {
		t.Error("the same case, asked for again, gives other bytes")
	}
	// The authority itself signs with SHA-256, so that more of its tokens would not help; a
	// shorter function is not gone back to.
	rep, err = r.Renew(ctx, registry.RenewRequest{Ahead: 48 * time.Hour, Sunsets: soon})
	if err != nil || rep.Renewed != 0 || len(rep.Lost) > 0 {
		t.Errorf("%+v, %v", rep, err)
	}
	// What fell before it was renewed is lost, and said to be.
	r2, err := r.Renew(ctx, registry.RenewRequest{Ahead: time.Hour, Hash: crypto.SHA512, Sunsets: provenance.Sunsets{"SHA-256": time.Now().Add(-24 * time.Hour)}})
	if err != nil || len(r2.Lost) != r2.Checked {
		t.Errorf("%+v, %v", r2, err)
	}
	r.clean()
}
