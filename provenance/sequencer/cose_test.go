package sequencer_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/veraison/go-cose"

	"selvage/provenance"
	"selvage/provenance/sequencer"
)

// A COSE receipt is checked with nothing of ours: the signature by go-cose, the path by
// transparency-dev/merkle.
func TestCOSEReceipt(t *testing.T) {
	n, err := sequencer.OpenNotary(t.Context(), sequencer.NotaryConfig{Dir: t.TempDir(), Origin: "test.selvage/log", BatchAge: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	var last []byte
	for i := range 5 {
		sealed, err := n.Seal(&provenance.WorkStatement{
			Type: provenance.WorkType, Service: "selvage.example", Work: "w_1", Version: 1, Kind: "photo", Owner: provenance.Owner{ID: "ada"},
			Dates:  provenance.Dates{Received: provenance.FormatTime(time.Now())},
			Assets: []provenance.Asset{{Digest: strings.Repeat("0", 64), Size: 1, MediaType: "image/png"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := n.Issue(t.Context(), sealed)
		if err != nil {
			t.Fatal(err)
		}
		text, err := n.COSEReceipt(r)
		if err != nil {
			t.Fatal(err)
		}
		entry := sealed.Commitment()
		size, why := outsider(text, entry[:], n.LogKey())
		if why != "" || size <= int64(i) {
			t.Fatalf("entry %d: a tree of %d: %s", i, size, why)
		}
		for at := range text {
			changed := bytes.Clone(text)
			changed[at] ^= 1
			if _, why := outsider(changed, entry[:], n.LogKey()); why == "" {
				t.Errorf("byte %d changed: still accepted", at)
			}
		}
		entry[0] ^= 1
		if _, why := outsider(text, entry[:], n.LogKey()); why == "" {
			t.Error("accepted for another entry")
		}
		if again, err := n.COSEReceipt(r); err != nil || !bytes.Equal(again, text) || bytes.Equal(again, last) {
			t.Errorf("asked again: %v, other bytes, or those of another entry", err)
		}
		last = text
		// The key signs no root that it has not signed before.
		head, _, _ := strings.Cut(r.Proof, "\n\n")
		r.Proof = head + "\n\n" + "test.selvage/log\n9\n" + strings.Repeat("A", 43) + "=\n\n— test.selvage/log AAAAAAAA\n"
		if _, err := n.COSEReceipt(r); err == nil {
			t.Error("a receipt for a checkpoint that the log never signed")
		}
	}
}

// outsider returns the size of the tree that the receipt shows the entry to be in, or why it
// does not.
func outsider(receipt, entry []byte, logKey string) (size int64, why string) {
	var m cose.Sign1Message
	if err := m.UnmarshalCBOR(receipt); err != nil {
		return 0, err.Error()
	}
	if vds := m.Headers.Protected[int64(395)]; vds != int64(1) {
		return 0, "not of RFC9162_SHA256"
	}
	proofs, _ := m.Headers.Unprotected[int64(396)].(map[any]any)
	inclusion, _ := proofs[int64(-1)].([]any)
	if len(inclusion) != 1 {
		return 0, "not one proof of inclusion"
	}
	raw, _ := inclusion[0].([]byte)
	var p struct {
		_     struct{} `cbor:",toarray"`
		Size  uint64
		Index uint64
		Path  [][]byte
	}
	if err := cbor.Unmarshal(raw, &p); err != nil || p.Index >= p.Size || p.Size > 1<<40 {
		return 0, "the proof cannot be read"
	}
	name, rest, _ := strings.Cut(logKey, "+")
	hash, key64, _ := strings.Cut(rest, "+")
	if kid, _ := m.Headers.Protected[int64(4)].([]byte); string(kid) != name+"+"+hash {
		return 0, "of another key"
	}
	key, err := base64.StdEncoding.DecodeString(key64)
	if err != nil {
		return 0, err.Error()
	}
	verifier, err := cose.NewVerifier(cose.AlgorithmEdDSA, ed25519.PublicKey(key[1:]))
	if err != nil {
		return 0, err.Error()
	}
	// The payload is left out: it is the root that the path gives.
	root, err := proof.RootFromInclusionProof(rfc6962.DefaultHasher, p.Index, p.Size, rfc6962.DefaultHasher.HashLeaf(entry), p.Path)
	if err != nil {
		return 0, err.Error()
	}
	m.Payload = root
	if err := m.Verify(nil, verifier); err != nil {
		return 0, err.Error()
	}
	return int64(p.Size), ""
}
