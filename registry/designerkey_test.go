package registry_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"selvage/provenance"
	"selvage/registry"
	"selvage/store"
)

// signer is a designer's key.
func signer(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
}

func keyStatement(t *testing.T, owner string, key ed25519.PrivateKey) []byte {
	t.Helper()
	text, err := provenance.EncodePublicKey(key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	env, err := provenance.SignKey(&provenance.KeyStatement{
		Type: provenance.KeyType, Service: "selvage", Owner: owner, Key: text, Made: provenance.FormatTime(time.Now()),
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func claimOf(t *testing.T, owner string, data []byte, key ed25519.PrivateKey, change func(*provenance.ClaimStatement)) []byte {
	t.Helper()
	c := &provenance.ClaimStatement{
		Type: provenance.ClaimType, Made: provenance.FormatTime(time.Now()), Owner: owner, Title: "Jacquard",
		Fixed:          &provenance.ClaimedDate{Date: "2026-03"},
		FirstDisclosed: &provenance.ClaimedDate{Date: "2026-05-02", Place: "Como", Channel: "trade fair", Reach: "buyers"},
		Authors:        []provenance.Author{{Name: "Ada", Role: "designer"}}, Rights: []string{"copyright"},
		Files: []provenance.ClaimedFile{{Digest: provenance.DigestOf(data), Size: int64(len(data))}},
	}
	if change != nil {
		change(c)
	}
	env, err := provenance.SignClaim(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestRegisterWithOwnKey(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	data := asPNG(picture(1))
	request := func(change func(*provenance.ClaimStatement)) registry.RegisterRequest {
		return registry.RegisterRequest{Owner: "ada", Files: []registry.File{{Name: "a.png", Data: data}}, Claim: claimOf(t, "ada", data, signer(1), change)}
	}
	refused := func(what string, q registry.RegisterRequest, want string) {
		t.Helper()
		_, err := r.Register(ctx, q)
		var bad *registry.InvalidError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("unknown key", request(nil), "have not registered")

	key, err := r.RegisterKey(ctx, "ada", keyStatement(t, "ada", signer(1)))
	if err != nil {
		t.Fatal(err)
	}
	if key.Proven == nil {
		t.Error("the key is not proven")
	}
	again, err := r.RegisterKey(ctx, "ada", keyStatement(t, "ada", signer(1)))
	if err != nil || again.ID != key.ID || !again.Registered.Equal(key.Registered) {
		t.Errorf("registered again: %v, %v", again, err)
	}
	for what, env := range map[string][]byte{
		"another owner's": keyStatement(t, "bob", signer(2)),
		"no statement":    []byte("{}"),
		"a claim":         claimOf(t, "ada", data, signer(1), nil),
	} {
		if _, err := r.RegisterKey(ctx, "ada", env); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}

	refused("another file", request(func(c *provenance.ClaimStatement) { c.Files[0].Size++ }), "not the one in the request")
	refused("another owner", request(func(c *provenance.ClaimStatement) { c.Owner = "bob" }), `of owner "bob"`)
	refused("no title", request(func(c *provenance.ClaimStatement) { c.Title = "" }), "no title")
	refused("to come", request(func(c *provenance.ClaimStatement) { c.Made = provenance.FormatTime(time.Now().Add(48 * time.Hour)) }), "to come")
	refused("another version", request(func(c *provenance.ClaimStatement) { c.Previous = strings.Repeat("0", 64) }), "another version")
	q := request(nil)
	q.Title = "Something else"
	refused("another title", q, "leave them out")
	q = request(nil)
	q.Owner = "bob"
	refused("another's key", q, "have not registered")
	q = request(nil)
	q.Claim[len(q.Claim)/2] ^= 1
	refused("damaged", q, "")

	reg, err := r.Register(ctx, request(nil))
	if err != nil {
		t.Fatal(err)
	}
	if reg.Work.Title != "Jacquard" || reg.Work.ClaimKey != key.ID || len(reg.Work.Authors) != 1 || reg.Work.Dates.FirstDisclosed.Reach != "buyers" {
		t.Errorf("%+v", reg.Work)
	}
	rep := provenance.VerifyReceipt(reg.Receipt, provenance.VerifyOptions{Policy: r.notary.Policy(), Original: bytes.NewReader(data)})
	if rep.Outcome != provenance.Proved || !strings.Contains(rep.String(), "designer's own key") {
		t.Fatal(rep)
	}
	var bundle bytes.Buffer
	if err := r.Evidence(ctx, registry.EvidenceRequest{Owner: "ada", Work: reg.Work.ID}, &bundle); err != nil {
		t.Fatal(err)
	}
	rep = provenance.Verify(bytes.NewReader(bundle.Bytes()), int64(bundle.Len()), provenance.VerifyOptions{})
	if rep.Outcome != provenance.Proved || !strings.Contains(rep.String(), "designer's own key") {
		t.Fatal(rep)
	}

	// The next version names the commitment of this one, and the designer signs that.
	receipt, err := provenance.ParseReceipt(reg.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := receipt.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	c := sealed.Commitment()
	previous := hex.EncodeToString(c[:])
	data = asPNG(picture(2))
	q = request(func(c *provenance.ClaimStatement) { c.Previous = previous })
	q.VersionOf = reg.Work.ID
	second, err := r.Register(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	st := workStatementOf(t, second.Receipt)
	if second.Work.Version != 2 || second.Work.Replaces != reg.Work.ID || st.Version != 2 || st.Previous != previous || st.Dates.Fixed.Date != "2026-03" {
		t.Errorf("%+v, statement %+v", second.Work, st)
	}

	if err := r.RevokeKey(ctx, "ada", key.ID); err != nil {
		t.Fatal(err)
	}
	data = asPNG(picture(3))
	refused("revoked", request(nil), "revoked")
	if err := r.RevokeKey(ctx, "bob", key.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("another owner revokes: %v", err)
	}
	keys, err := r.DesignerKeys(ctx, "ada")
	if err != nil || len(keys) != 1 || keys[0].Revoked == nil {
		t.Errorf("%+v, %v", keys, err)
	}
	r.clean()
	// A key whose row was tampered with is found.
	must(t, r.kv.Update(ctx, func(tx store.Txn) error {
		var key, row []byte
		if err := tx.Scan([]byte("y/"), nil, func(k, v []byte) bool { key, row = bytes.Clone(k), bytes.Clone(v); return false }); err != nil {
			return err
		}
		return tx.Set(key, bytes.Replace(row, []byte(`"envelope":"ey`), []byte(`"envelope":"eZ`), 1))
	}))
	if rep, err := r.Fsck(ctx, registry.FsckOptions{}); err != nil || len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0], "designer's key") {
		t.Errorf("%v, %v", rep.Problems, err)
	}
}

func workStatementOf(t *testing.T, receipt []byte) *provenance.WorkStatement {
	t.Helper()
	r, err := provenance.ParseReceipt(receipt)
	if err != nil {
		t.Fatal(err)
	}
	st, err := r.Statement()
	if err != nil {
		t.Fatal(err)
	}
	return st.(*provenance.WorkStatement)
}

// A registration contains the value of outside, and goes without one that does not come.
func TestRegisterNotBefore(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	value := []byte("pulse 7")
	at := provenance.FormatTime(time.Now().Add(-time.Minute))
	var fail error
	r.Outside = func(context.Context) (registry.OutsideValue, error) {
		return registry.OutsideValue{
			NotBefore: &provenance.NotBefore{Kind: provenance.BeaconValue, Source: "https://beacon.example", Digest: provenance.DigestOf(value), Time: at},
			Value:     value,
		}, fail
	}
	policy := r.notary.Policy()
	policy.Beacons = []provenance.Beacon{{Source: "the beacon's archive", Digest: provenance.DigestOf(value), Time: at}}
	for i, want := range []bool{true, false} {
		reg, err := r.Register(ctx, registry.RegisterRequest{Owner: "ada", Files: []registry.File{{Name: "a.png", Data: asPNG(picture(uint64(i)))}}})
		if err != nil {
			t.Fatal(err)
		}
		rep := provenance.VerifyReceipt(reg.Receipt, provenance.VerifyOptions{Policy: policy})
		if rep.Outcome != provenance.Proved || (rep.NotBefore != nil) != want {
			t.Error(rep)
		}
		fail = errors.New("the beacon does not answer")
	}
}
