package provenance_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"selvage/provenance"
	"selvage/provenance/timestamp"
)

// claimed is a registration with everything a statement can have: the designer's own
// claim and key, two time authorities, a value of outside.
type claimed struct {
	key     *provenance.Receipt
	work    *provenance.Receipt
	second  *provenance.Receipt // another work of the same designer
	outside []byte
	witness string
	bundle  []byte
}

var theClaimed = sync.OnceValues(func() (*claimed, error) {
	s := theScene
	c := &claimed{witness: witnessKey("w.example", bytes.Repeat([]byte("w"), 32))}
	text, err := provenance.EncodePublicKey(outsider{testKey(5)}.pub())
	if err != nil {
		return nil, err
	}
	now := provenance.FormatTime(time.Now())
	k, err := provenance.SignKey(&provenance.KeyStatement{
		Type: provenance.KeyType, Service: "selvage.example", Owner: "o-1", Key: text, Made: now,
	}, testKey(5))
	if err != nil {
		return nil, err
	}
	sealed, err := s.notary.SealKey(k)
	if err != nil {
		return nil, err
	}
	if c.key, err = s.notary.Issue(ctx, sealed); err != nil {
		return nil, err
	}
	other := "other.example/log\n7\n" + strings.Repeat("A", 43) + "=\n\n— other.example/log AAAAAAAA\n"
	early := uint64(time.Now().Add(-time.Minute).Unix())
	c.outside = []byte(cosign(other, "w.example", bytes.Repeat([]byte("w"), 32), early))
	register := func(id string, original []byte) (*provenance.Receipt, error) {
		w := workStatement(id, original)
		w.Authors = []provenance.Author{{Name: "Ada Weaver", Role: "designer"}, {Name: "织女"}}
		w.Rights = []string{"copyright", "unregistered-design"}
		w.Dates.FirstDisclosed.Reach = "trade press"
		env, err := provenance.SignClaim(&provenance.ClaimStatement{
			Type: provenance.ClaimType, Made: now, Owner: "o-1", Title: w.Title, Fixed: w.Dates.Fixed, FirstDisclosed: w.Dates.FirstDisclosed,
			Authors: w.Authors, Rights: w.Rights, Files: []provenance.ClaimedFile{{Digest: w.Assets[0].Digest, Size: w.Assets[0].Size}},
		}, testKey(5))
		if err != nil {
			return nil, err
		}
		sealedKey, err := c.key.Sealed()
		if err != nil {
			return nil, err
		}
		commitment := sealedKey.Commitment()
		w.Claim = &provenance.ClaimRef{
			Digest: provenance.DigestOf(env), Key: provenance.KeyID(outsider{testKey(5)}.pub()), Registration: hexOf(commitment[:]),
		}
		if w.NotBefore, err = provenance.NewCheckpointValue(c.outside, []string{c.witness}); err != nil {
			return nil, err
		}
		sealed, err := s.notary.Seal(w)
		if err != nil {
			return nil, err
		}
		sealed.Named = provenance.Named{Claim: env, Key: c.key, Outside: c.outside, OutsideWitnesses: []string{c.witness}}
		return s.notary.Issue(ctx, sealed)
	}
	if c.second, err = register("w-second", []byte("another work of hers")); err != nil {
		return nil, err
	}
	if c.work, err = register("w-claimed", s.original); err != nil {
		return nil, err
	}
	// A second authority stamps the same checkpoint.
	proof, err := provenance.ParseLogProof([]byte(c.work.Proof))
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(sceneDir, "tsa")
	if err != nil {
		return nil, err
	}
	tsa, err := timestamp.OpenLocal(dir, nil)
	if err != nil {
		return nil, err
	}
	token, err := tsa.Stamp(ctx, proof.Checkpoint)
	if err != nil {
		return nil, err
	}
	c.work.Tokens = append(c.work.Tokens, provenance.TimeToken{Token: token, Authority: tsa.Authority()})
	var buf bytes.Buffer
	err = provenance.WriteBundle(&buf, provenance.Bundle{Work: c.work, Originals: map[string]provenance.File{digest(s.original): file(s.original)}})
	c.bundle = buf.Bytes()
	return c, err
})

func getClaimed(t testing.TB) *claimed {
	t.Helper()
	getScene(t)
	c, err := theClaimed()
	must(t, err)
	return c
}

func TestClaimedRegistration(t *testing.T) {
	c := getClaimed(t)
	text, err := c.work.Marshal()
	must(t, err)
	rep := provenance.VerifyReceipt(text, provenance.VerifyOptions{})
	if rep.Outcome != provenance.Proved || rep.NotBefore == nil || rep.NotAfter == nil || !rep.NotBefore.Before(*rep.NotAfter) {
		t.Fatal(rep)
	}
	rep = verify(c.bundle, provenance.VerifyOptions{})
	if rep.Outcome != provenance.Proved || rep.NotBefore == nil {
		t.Fatal(rep)
	}
	for _, want := range []string{"designer's own key", "not earlier than", "has signed its own registration"} {
		if !strings.Contains(rep.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, rep)
		}
	}
	// A policy that knows the log, but not the witness of the other one, proves no lower bound.
	p := getScene(t).notary.Policy()
	rep = verify(c.bundle, provenance.VerifyOptions{Policy: p})
	if rep.Outcome != provenance.Proved || rep.NotBefore != nil {
		t.Error(rep)
	}
	p.Witnesses = []string{c.witness}
	if rep = verify(c.bundle, provenance.VerifyOptions{Policy: p}); rep.Outcome != provenance.Proved || rep.NotBefore == nil {
		t.Error(rep)
	}
	// One that trusts the second authority only is content with its token.
	p.Authorities = []provenance.Authority{c.work.Tokens[1].Authority}
	if rep = verify(c.bundle, provenance.VerifyOptions{Policy: p}); rep.Outcome != provenance.CannotTell {
		t.Errorf("the key's registration has no token of that authority: %s", rep)
	}
}

// Each part of a claimed registration is replaced by what a forger could have.
func TestClaimSwaps(t *testing.T) {
	c := getClaimed(t)
	stranger := testKey(6)
	forged := func(change func(*provenance.ClaimStatement), by byte) []byte {
		env, err := provenance.ParseEnvelope(c.work.Claim)
		must(t, err)
		st, err := provenance.ParseStatement(env.Payload)
		must(t, err)
		claim := st.(*provenance.ClaimStatement)
		change(claim)
		b, err := provenance.SignClaim(claim, testKey(by))
		must(t, err)
		return b
	}
	strangersText, err := provenance.EncodePublicKey(outsider{stranger}.pub())
	must(t, err)
	strangers, err := provenance.SignKey(&provenance.KeyStatement{
		Type: provenance.KeyType, Service: "selvage.example", Owner: "o-1", Key: strangersText, Made: provenance.FormatTime(time.Now()),
	}, stranger)
	must(t, err)
	sealed, err := getScene(t).notary.SealKey(strangers)
	must(t, err)
	late, err := getScene(t).notary.Issue(ctx, sealed)
	must(t, err)
	for name, swap := range map[string]func(r *provenance.Receipt){
		"no claim":            func(r *provenance.Receipt) { r.Claim = nil },
		"no key":              func(r *provenance.Receipt) { r.Key = nil },
		"neither":             func(r *provenance.Receipt) { r.Claim, r.Key = nil, nil },
		"another's claim":     func(r *provenance.Receipt) { r.Claim = c.second.Claim },
		"changed claim":       func(r *provenance.Receipt) { r.Claim = forged(func(s *provenance.ClaimStatement) { s.Title = "x" }, 5) },
		"stranger's claim":    func(r *provenance.Receipt) { r.Claim = forged(func(s *provenance.ClaimStatement) {}, 6) },
		"later key":           func(r *provenance.Receipt) { r.Key = late },
		"key is a work":       func(r *provenance.Receipt) { r.Key = getScene(t).work },
		"no value of outside": func(r *provenance.Receipt) { r.Outside = nil },
		"other value":         func(r *provenance.Receipt) { r.Outside = append(bytes.Clone(r.Outside), '\n') },
		"other's token": func(r *provenance.Receipt) {
			r.Tokens = []provenance.TimeToken{r.Tokens[0], getScene(t).work.Tokens[0]}
		},
		"claim where none is": func(r *provenance.Receipt) {
			*r = *getScene(t).work
			r.Claim, r.Key = c.work.Claim, c.work.Key
		},
	} {
		bad := *c.work
		swap(&bad)
		if rep := bad.Verify(nil); rep.Outcome != provenance.Contradicted {
			t.Errorf("%s: %s", name, rep)
		}
	}
}

// A service that registers something else than the designer claimed is caught.
func TestClaimMustAgree(t *testing.T) {
	c, s := getClaimed(t), getScene(t)
	for name, change := range map[string]func(w *provenance.WorkStatement){
		"title":   func(w *provenance.WorkStatement) { w.Title = "mine" },
		"owner":   func(w *provenance.WorkStatement) { w.Owner.ID = "o-2" },
		"fixed":   func(w *provenance.WorkStatement) { w.Dates.Fixed = nil },
		"reach":   func(w *provenance.WorkStatement) { w.Dates.FirstDisclosed.Reach = "" },
		"authors": func(w *provenance.WorkStatement) { w.Authors = w.Authors[:1] },
		"rights":  func(w *provenance.WorkStatement) { w.Rights = nil },
		"files":   func(w *provenance.WorkStatement) { w.Assets[0].Digest = digest([]byte("x")) },
	} {
		st, err := c.work.Statement()
		must(t, err)
		w := st.(*provenance.WorkStatement)
		change(w)
		sealed, err := s.notary.Seal(w)
		must(t, err)
		sealed.Named = provenance.Named{Claim: c.work.Claim, Key: c.key, Outside: c.outside, OutsideWitnesses: []string{c.witness}}
		if _, err := s.notary.Issue(ctx, sealed); err == nil || !strings.Contains(err.Error(), "another") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStatementV1HasNoV2Fields(t *testing.T) {
	w := workStatement("w", []byte("o"))
	w.Type = provenance.WorkTypeV1
	if _, err := provenance.EncodeStatement(w); err != nil {
		t.Error(err)
	}
	w.Rights = []string{"copyright"}
	if _, err := provenance.EncodeStatement(w); err == nil {
		t.Error("v1 with rights is accepted")
	}
	w.Type = provenance.WorkType
	w.Rights = []string{"copyright", "copyright"}
	if _, err := provenance.EncodeStatement(w); err == nil {
		t.Error("a right twice is accepted")
	}
}

func TestBeacon(t *testing.T) {
	s := getScene(t)
	value := []byte("pulse 42")
	w := workStatement("w-beacon", s.original)
	at := provenance.FormatTime(time.Now().Add(-time.Hour))
	w.NotBefore = &provenance.NotBefore{Kind: provenance.BeaconValue, Source: "https://beacon.example", Digest: provenance.DigestOf(value), Time: at}
	sealed, err := s.notary.Seal(w)
	must(t, err)
	sealed.Outside = value
	r, err := s.notary.Issue(ctx, sealed)
	must(t, err)
	if rep := r.Verify(nil); rep.Outcome != provenance.Proved || rep.NotBefore != nil || !strings.Contains(rep.String(), "beacon.example") {
		t.Error("without a policy:", rep)
	}
	p := s.notary.Policy()
	p.Beacons = []provenance.Beacon{{Source: "a newspaper", Digest: provenance.DigestOf(value), Time: at}}
	if rep := r.Verify(p); rep.Outcome != provenance.Proved || rep.NotBefore == nil || provenance.FormatTime(*rep.NotBefore) != at {
		t.Error("with a policy:", rep)
	}
	p.Beacons[0].Time = provenance.FormatTime(time.Now().Add(time.Hour))
	if rep := r.Verify(p); rep.NotBefore != nil {
		t.Error("a beacon of after the token gives a lower bound:", rep)
	}
}

// The commands in the README of a claimed registration do what it says.
func TestClaimedReadme(t *testing.T) {
	needOpenSSL(t)
	c := getClaimed(t)
	dir := t.TempDir()
	zr, err := zip.NewReader(bytes.NewReader(c.bundle), int64(len(c.bundle)))
	must(t, err)
	must(t, os.CopyFS(dir, zr))
	if n := runReadme(t, filepath.Join(dir, "bundle")); n != 22 {
		t.Errorf("%d commands run, want 22", n)
	}
}
