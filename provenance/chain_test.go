package provenance_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"selvage/provenance"
)

// outsider lets go-securesystemslib sign and verify with one of our keys.
type outsider struct{ key ed25519.PrivateKey }

func (o outsider) pub() ed25519.PublicKey { return o.key.Public().(ed25519.PublicKey) }
func (o outsider) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(o.key, data), nil
}
func (o outsider) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(o.pub(), data, sig) {
		return fmt.Errorf("wrong signature")
	}
	return nil
}
func (o outsider) KeyID() (string, error)   { return provenance.KeyID(o.pub()), nil }
func (o outsider) Public() crypto.PublicKey { return o.pub() }

func testKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

// Envelopes of ours and of go-securesystemslib verify on the other side, with one key
// and with two.
func TestEnvelopeAgainstReference(t *testing.T) {
	payload := []byte(`{"a":1}`)
	designer, service := outsider{testKey(1)}, outsider{testKey(2)}
	ours, err := provenance.Sign(payload, designer.key, service.key)
	must(t, err)
	var env dsse.Envelope
	must(t, json.Unmarshal(ours, &env))
	ev, err := dsse.NewMultiEnvelopeVerifier(2, designer, service)
	must(t, err)
	if accepted, err := ev.Verify(ctx, &env); err != nil || len(accepted) != 2 {
		t.Fatalf("reference refuses our envelope: %v, %d keys", err, len(accepted))
	}
	signer, err := dsse.NewEnvelopeSigner(designer, service)
	must(t, err)
	theirs, err := signer.SignPayload(ctx, provenance.PayloadType, payload)
	must(t, err)
	text, err := json.Marshal(theirs)
	must(t, err)
	text, err = provenance.Canonical(text, 1<<20)
	must(t, err)
	parsed, err := provenance.ParseEnvelope(text)
	must(t, err)
	must(t, parsed.SignedBy(designer.pub()))
	must(t, parsed.SignedBy(service.pub()))
	if !bytes.Equal(text, ours) {
		t.Errorf("theirs %s\nours %s", text, ours)
	}
	if parsed.SignedBy(outsider{testKey(3)}.pub()) == nil {
		t.Error("a key that did not sign is accepted")
	}
	parsed.Payload = []byte(`{"a":2}`)
	if parsed.SignedBy(designer.pub()) == nil {
		t.Error("a changed payload is accepted")
	}
}

func TestReceiptWithDesignersSignature(t *testing.T) {
	s := getScene(t)
	// An envelope may carry more signatures than the service's.
	env, err := provenance.ParseEnvelope(s.work.Envelope)
	must(t, err)
	if len(env.Signatures) != 1 {
		t.Fatalf("%d signatures", len(env.Signatures))
	}
	two, err := provenance.Sign(env.Payload, testKey(1), testKey(2))
	must(t, err)
	r := *s.work
	r.Envelope = two
	if rep := r.Verify(nil); rep.Outcome != provenance.Contradicted {
		t.Errorf("an envelope that was not logged: %s", rep)
	}
}

func TestCommitmentWithOpenSSL(t *testing.T) {
	needOpenSSL(t)
	s := getScene(t)
	sealed, err := s.work.Sealed()
	must(t, err)
	path := filepath.Join(t.TempDir(), "statement.dsse")
	must(t, os.WriteFile(path, s.work.Envelope, 0o600))
	out, ok := run(t, ".", "openssl dgst -sha256 -mac HMAC -macopt hexkey:"+s.work.Salt+" -r "+path)
	c := sealed.Commitment()
	if !ok || !strings.HasPrefix(out, hex.EncodeToString(c[:])) {
		t.Fatalf("openssl says %s, we say %x", out, c)
	}
}

func TestTokenWithOpenSSL(t *testing.T) {
	needOpenSSL(t)
	s := getScene(t)
	dir := t.TempDir()
	proof, err := provenance.ParseLogProof([]byte(s.work.Proof))
	must(t, err)
	write := func(name string, b []byte) { must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600)) }
	write("checkpoint", proof.Checkpoint)
	write("changed", append(bytes.Clone(proof.Checkpoint), '\n'))
	write("token.tsr", s.work.Tokens[0].Token)
	write("ca.pem", []byte(s.work.Tokens[0].Authority.Roots))
	for command, want := range map[string]bool{
		"openssl ts -verify -data checkpoint -in token.tsr -CAfile ca.pem":                                                                    true,
		"openssl ts -query -data checkpoint -sha256 -no_nonce -out q.tsq && openssl ts -verify -queryfile q.tsq -in token.tsr -CAfile ca.pem": true,
		"openssl ts -verify -data changed -in token.tsr -CAfile ca.pem":                                                                       false,
		"openssl ts -query -data changed -sha256 -no_nonce -out r.tsq && openssl ts -verify -queryfile r.tsq -in token.tsr -CAfile ca.pem":    false,
	} {
		out, ok := run(t, dir, command)
		if ok != want || strings.Contains(out, "Verification: OK") != want {
			t.Errorf("%s: ok %v, want %v\n%s", command, ok, want, out)
		}
	}
}

// The proof is checked with x/mod's note and tlog alone, none of our code in between.
func TestProofWithModulesAlone(t *testing.T) {
	s := getScene(t)
	head, checkpoint, _ := strings.Cut(s.work.Proof, "\n\n")
	v, err := note.NewVerifier(s.work.LogKey)
	must(t, err)
	n, err := note.Open([]byte(checkpoint), note.VerifierList(v))
	must(t, err)
	var origin, root64 string
	var size, index int64
	_, err = fmt.Sscan(n.Text, &origin, &size, &root64)
	must(t, err)
	root, err := tlog.ParseHash(root64)
	must(t, err)
	lines := strings.Split(head, "\n")
	_, err = fmt.Sscanf(lines[2], "index %d", &index)
	must(t, err)
	var path tlog.RecordProof
	for _, l := range lines[3:] {
		h, err := tlog.ParseHash(l)
		must(t, err)
		path = append(path, h)
	}
	sealed, err := s.work.Sealed()
	must(t, err)
	entry := sealed.Commitment()
	must(t, tlog.CheckRecord(path, size, root, index, tlog.RecordHash(entry[:])))
}

func TestLogProofStrictness(t *testing.T) {
	s := getScene(t)
	good := s.match.Proof
	p, err := provenance.ParseLogProof([]byte(good))
	must(t, err)
	if string(p.Marshal()) != good || len(p.Path) == 0 {
		t.Fatalf("written again: %s", p.Marshal())
	}
	index := fmt.Sprintf("index %d\n", p.Index)
	for name, text := range map[string]string{
		"header":        strings.Replace(good, "@v1", "@v2", 1),
		"leading zero":  strings.Replace(good, "index ", "index 0", 1),
		"plus":          strings.Replace(good, "index ", "index +", 1),
		"no index":      strings.Replace(good, index, "", 1),
		"index twice":   strings.Replace(good, index, index+index, 1),
		"carriage":      strings.ReplaceAll(good, "\n", "\r\n"),
		"short hash":    strings.Replace(good, index, index+"AAAA\n", 1),
		"empty extra":   strings.Replace(good, "extra ", "extra \nextra ", 1),
		"no checkpoint": good[:strings.Index(good, "\n\n")+2],
		"no empty line": strings.Replace(good, "\n\n", "\n", 1),
		"high tree":     strings.Replace(good, index, index+strings.Repeat(strings.Repeat("A", 43)+"=\n", 64), 1),
	} {
		if text == good {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if _, err := provenance.ParseLogProof([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestReceiptRoundTripAndSwaps(t *testing.T) {
	s := getScene(t)
	text, err := s.work.Marshal()
	must(t, err)
	r, err := provenance.ParseReceipt(text)
	must(t, err)
	if rep := r.Verify(s.notary.Policy()); rep.Outcome != provenance.Proved {
		t.Fatal(rep)
	}
	if rep := provenance.VerifyReceipt(text, provenance.VerifyOptions{Original: bytes.NewReader(s.original)}); rep.Outcome != provenance.Proved {
		t.Fatal(rep)
	}
	if rep := provenance.VerifyReceipt(text, provenance.VerifyOptions{Original: strings.NewReader("x")}); rep.Outcome != provenance.Contradicted {
		t.Fatal(rep)
	}
	for name, swap := range map[string]func(*provenance.Receipt){
		"envelope": func(r *provenance.Receipt) { r.Envelope = s.other.Envelope },
		"salt":     func(r *provenance.Receipt) { r.Salt = s.other.Salt },
		"proof":    func(r *provenance.Receipt) { r.Proof = s.other.Proof },
		"token":    func(r *provenance.Receipt) { r.Tokens = s.other.Tokens },
		"no token": func(r *provenance.Receipt) { r.Tokens = nil },
		"v1 token": func(r *provenance.Receipt) { r.Token = s.work.Tokens[0].Token },
		"log key":  func(r *provenance.Receipt) { r.LogKey = "selvage.example/log+00000000+AAAA" },
		"no keys":  func(r *provenance.Receipt) { r.Tokens = []provenance.TimeToken{{Token: r.Tokens[0].Token}} },
		"index": func(r *provenance.Receipt) {
			r.Proof = strings.Replace(r.Proof, "\nindex 1\n", "\nindex 0\n", 1)
		},
	} {
		bad := *r
		swap(&bad)
		if rep := bad.Verify(nil); rep.Outcome == provenance.Proved {
			t.Errorf("%s: proved", name)
		}
	}
}

func BenchmarkVerifyReceipt(b *testing.B) {
	s := getScene(b)
	for b.Loop() {
		if r := s.work.Verify(nil); r.Outcome != provenance.Proved {
			b.Fatal(r)
		}
	}
}

func BenchmarkVerifyBundle(b *testing.B) {
	s := getScene(b)
	for b.Loop() {
		if r := verify(s.matched, provenance.VerifyOptions{}); r.Outcome != provenance.Proved {
			b.Fatal(r)
		}
	}
}
