package registry_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"selvage/registry"
)

func TestCertificate(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	reg, err := r.Register(ctx, registry.RegisterRequest{
		Owner: "ann", Title: "叶子", Visibility: registry.Public,
		Files: []registry.File{{Name: "one.png", Data: asPNG(picture(1))}, {Name: "two.jpg", Data: asJPEG(picture(2), 90)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := reg.Work.ID
	pdf, err := r.Certificate(ctx, "ann", id)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("not a PDF: %.20q", pdf)
	}
	if n := bytes.Count(pdf, []byte("/Subtype /Image")); n != 2 {
		t.Errorf("%d pictures, want one a file", n)
	}
	// What the owner does with the work changes nothing that was proved.
	if err := r.Withdraw(ctx, "ann", id); err != nil {
		t.Fatal(err)
	}
	again, err := r.Certificate(ctx, "ann", id)
	if err != nil || !bytes.Equal(again, pdf) {
		t.Errorf("another time another certificate: %v", err)
	}
}

// A certificate is its owner's, however visible the work is.
func TestCertificateOfAStranger(t *testing.T) {
	r := newRig(t)
	id := r.register("ann", registry.Public, asPNG(picture(1))).Work.ID
	for _, c := range []struct {
		owner registry.OwnerID
		id    registry.WorkID
	}{{"bob", id}, {"ann", "w_00000000000000000000000000"}, {"ann", "../" + id}} {
		if pdf, err := r.Certificate(context.Background(), c.owner, c.id); !errors.Is(err, registry.ErrNotFound) || pdf != nil {
			t.Errorf("%s asks for %s: %d bytes, %v", c.owner, c.id, len(pdf), err)
		}
	}
}
