package provenance_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"selvage/provenance"
)

// witnessKey is a cosignature/v1 verifier key (C2SP tlog-cosignature).
func witnessKey(name string, seed []byte) string {
	key := append([]byte{4}, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)...)
	h := sha256.Sum256(append([]byte(name+"\n"), key...))
	return fmt.Sprintf("%s+%x+%s", name, h[:4], base64.StdEncoding.EncodeToString(key))
}

// cosign adds a witness's line to a signed checkpoint, as C2SP tlog-cosignature says.
func cosign(checkpoint, name string, seed []byte, at uint64) string {
	priv := ed25519.NewKeyFromSeed(seed)
	text := checkpoint[:strings.Index(checkpoint, "\n\n")+1]
	key := append([]byte{4}, priv.Public().(ed25519.PublicKey)...)
	h := sha256.Sum256(append([]byte(name+"\n"), key...))
	sig := binary.BigEndian.AppendUint64(h[:4], at)
	sig = append(sig, ed25519.Sign(priv, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))...)
	return checkpoint + "— " + name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}

func TestWitnessQuorum(t *testing.T) {
	s := getScene(t)
	seed := func(i byte) []byte { return []byte(strings.Repeat(string(rune('a'+i)), 32)) }
	p := s.notary.Policy()
	for i := range byte(3) {
		p.Witnesses = append(p.Witnesses, witnessKey(fmt.Sprintf("w%d.example", i), seed(i)))
	}
	p.Quorum = 2
	try := func(change func(proof *provenance.LogProof)) provenance.Report {
		r := *s.work
		proof, err := provenance.ParseLogProof([]byte(r.Proof))
		must(t, err)
		change(&proof)
		r.Proof = string(proof.Marshal())
		return r.Verify(p)
	}
	sign := func(proof *provenance.LogProof, i byte, with byte) {
		proof.Checkpoint = []byte(cosign(string(proof.Checkpoint), fmt.Sprintf("w%d.example", i), seed(with), 1679315147))
	}
	if r := try(func(p *provenance.LogProof) { sign(p, 0, 0); sign(p, 2, 2) }); r.Outcome != provenance.Proved {
		t.Error("two of three:", r)
	}
	for name, change := range map[string]func(p *provenance.LogProof){
		"none":             func(p *provenance.LogProof) {},
		"one":              func(p *provenance.LogProof) { sign(p, 1, 1) },
		"one twice":        func(p *provenance.LogProof) { sign(p, 1, 1); sign(p, 1, 1) },
		"one and a forger": func(p *provenance.LogProof) { sign(p, 1, 1); sign(p, 2, 9) },
		"unknown ones":     func(p *provenance.LogProof) { sign(p, 7, 7); sign(p, 8, 8) },
	} {
		if r := try(change); r.Outcome != provenance.CannotTell {
			t.Errorf("%s: %s", name, r)
		}
	}
	for name, bad := range map[string]*provenance.Policy{
		"quorum too large":  {Quorum: 4, Witnesses: p.Witnesses},
		"one witness twice": {Quorum: 2, Witnesses: []string{p.Witnesses[0], witnessKey("alias.example", seed(0))}},
		"log key":           {Quorum: 1, Witnesses: p.Logs},
	} {
		bad.Format, bad.Logs, bad.Services, bad.Authorities = p.Format, p.Logs, p.Services, p.Authorities
		text, err := bad.Marshal()
		must(t, err)
		if _, err := provenance.ParsePolicy(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
