package provenance_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"selvage/provenance"
)

// The fuzz targets start from the golden files, not from a live log: its goroutines
// would make the fuzzer's coverage change by chance.

func goldenBundle(f *testing.F) []byte {
	b, err := os.ReadFile("testdata/bundle-v1.zip")
	must(f, err)
	return b
}

func goldenReceipts(f *testing.F) (receipts []*provenance.Receipt) {
	for _, name := range []string{"testdata/receipt-v1.json", "testdata/match-receipt-v1.json"} {
		text, err := os.ReadFile(name)
		must(f, err)
		r, err := provenance.ParseReceipt(text)
		must(f, err)
		receipts = append(receipts, r)
	}
	return receipts
}

func FuzzVerify(f *testing.F) {
	golden := goldenBundle(f)
	f.Add(golden)
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := verify(b, provenance.VerifyOptions{})
		if r.Outcome == provenance.Proved && !bytes.Equal(b, golden) {
			t.Fatalf("proved: %q", b)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	for _, r := range goldenReceipts(f) {
		f.Add([]byte(r.Proof))
	}
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := provenance.ParseLogProof(b)
		if err != nil {
			return
		}
		if again := p.Marshal(); !bytes.Equal(again, b) {
			t.Fatalf("%q was read as %q", b, again)
		}
	})
}

func FuzzParseStatement(f *testing.F) {
	for _, r := range goldenReceipts(f) {
		env, err := provenance.ParseEnvelope(r.Envelope)
		must(f, err)
		f.Add(env.Payload)
	}
	f.Add([]byte(`{"type":"selvage.match.v1","signals":{"a":1e999}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := provenance.ParseStatement(b)
		if err != nil {
			return
		}
		if again, err := provenance.EncodeStatement(st); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q was read as %q (%v)", b, again, err)
		}
	})
}

func FuzzReceipt(f *testing.F) {
	receipts := goldenReceipts(f)
	for _, r := range receipts {
		text, err := r.Marshal()
		must(f, err)
		f.Add(text)
	}
	policy := &provenance.Policy{
		Format: provenance.PolicyFormat, Logs: []string{receipts[0].LogKey}, Services: []string{receipts[0].ServiceKey},
		Authorities: []provenance.Authority{{Name: "golden", Roots: receipts[0].Authority}},
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		report := provenance.VerifyReceipt(b, provenance.VerifyOptions{Policy: policy})
		if report.Outcome != provenance.Proved {
			return
		}
		r, err := provenance.ParseReceipt(b)
		must(t, err)
		// Under the golden keys nothing but the golden statements can be proved.
		for _, g := range receipts {
			if bytes.Equal(r.Envelope, g.Envelope) {
				return
			}
		}
		t.Fatalf("proved: %s", report)
	})
}

// FuzzToken feeds the one parser here that is not ours.
func FuzzToken(f *testing.F) {
	r := goldenReceipts(f)[0]
	proof, err := provenance.ParseLogProof([]byte(r.Proof))
	must(f, err)
	roots := certificates(f, r.Authority)
	good, err := provenance.VerifyToken(r.Token, proof.Checkpoint, roots)
	must(f, err)
	f.Add(r.Token)
	f.Fuzz(func(t *testing.T, b []byte) {
		tok, err := provenance.VerifyToken(b, proof.Checkpoint, roots)
		if err == nil && !tok.NotAfter().Equal(good.NotAfter()) {
			t.Fatalf("another time proved: %v", tok.Time)
		}
	})
}

// FuzzPolicy: whatever is accepted is accepted again when written.
func FuzzPolicy(f *testing.F) {
	r := goldenReceipts(f)[0]
	p := &provenance.Policy{
		Format: provenance.PolicyFormat, Logs: []string{r.LogKey}, Services: []string{r.ServiceKey},
		Authorities: []provenance.Authority{{Name: "golden", Roots: r.Authority}},
		Witnesses:   []string{witnessKey("w.example", bytes.Repeat([]byte{7}, 32))}, Quorum: 1,
	}
	text, err := p.Marshal()
	must(f, err)
	f.Add(text)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := provenance.ParsePolicy(b)
		if err != nil {
			return
		}
		again, err := p.Marshal()
		must(t, err)
		if _, err := provenance.ParsePolicy(again); err != nil {
			t.Fatalf("%q was written as %q: %v", b, again, err)
		}
	})
}

// goldenEvidence is a record over "the checkpoint" with three chains, and its roots.
func goldenEvidence(f testing.TB) ([]byte, provenance.EvidenceOptions) {
	der, err := os.ReadFile("testdata/evidence.ers")
	must(f, err)
	text, err := os.ReadFile("testdata/evidence.pem")
	must(f, err)
	return der, provenance.EvidenceOptions{Roots: certificates(f, string(text))}
}

// FuzzEvidenceRecord: what can be read is written and read again the same, and no record
// proves another time for the golden object than the golden one.
func FuzzEvidenceRecord(f *testing.F) {
	der, opts := goldenEvidence(f)
	f.Add(der)
	object := objects([]byte("the checkpoint"))
	good := provenance.VerifyEvidenceRecord(der, object, opts)
	must(f, good.Err())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := provenance.ParseEvidenceRecord(b)
		if err != nil {
			return
		}
		again := r.Marshal()
		r2, err := provenance.ParseEvidenceRecord(again)
		must(t, err)
		if !bytes.Equal(r2.Marshal(), again) {
			t.Fatalf("%x was written as %x", b, again)
		}
		if e := r.Verify(object, opts); e.Outcome == provenance.Proved && !e.NotAfter.Equal(good.NotAfter) {
			t.Fatalf("another time proved: %v", e)
		}
		// Renewing must not fail on what was read, but for what the tree says.
		_, _ = provenance.NewBatch(r.Hash(), []provenance.EvidenceItem{{Record: r}})
	})
}
