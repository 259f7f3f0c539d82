package provenance

import (
	"fmt"
	"math"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/mod/sumdb/note"
)

// Numbers of COSE (RFC 9052, 9053) and of COSE receipts (RFC 9942).
const (
	coseSign1     = 18 // CBOR tag
	coseAlgorithm = 1
	coseKeyID     = 4
	coseEdDSA     = -8
	coseStructure = 395 // verifiable data structure
	coseProofs    = 396
	coseRFC9162   = 1  // RFC9162_SHA256: the Merkle tree of RFC 6962
	coseInclusion = -1 // proof of inclusion
)

// COSEReceipt is the proof that entry is in the log as a COSE receipt of inclusion (RFC
// 9942): a COSE_Sign1 by the log's Ed25519 key whose payload, the root hash, is left out, as
// it follows from the entry and the path. The key's name is that of its verifier key,
// NAME+HASH. The proof is opened under logs first, so that the key signs no root but that of
// a checkpoint of the log's own; signer is the log's present key. The same proof and key
// give the same bytes.
func (p LogProof) COSEReceipt(entry []byte, signer note.Signer, logs ...note.Verifier) ([]byte, error) {
	c, _, err := p.Open(entry, logs...)
	if err != nil {
		return nil, err
	}
	if c.Size > math.MaxInt64 || c.Origin != signer.Name() {
		return nil, fmt.Errorf("COSE receipt: the checkpoint is of %q, not of %q", clip(c.Origin), signer.Name())
	}
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	path := make([][]byte, len(p.Path))
	for i, h := range p.Path {
		path[i] = h[:]
	}
	inclusion, err := enc.Marshal([]any{c.Size, p.Index, path})
	if err != nil {
		return nil, err
	}
	protected, err := enc.Marshal(map[int64]any{
		coseAlgorithm: coseEdDSA, coseStructure: coseRFC9162,
		coseKeyID: fmt.Appendf(nil, "%s+%08x", signer.Name(), signer.KeyHash()),
	})
	if err != nil {
		return nil, err
	}
	message, err := enc.Marshal([]any{"Signature1", protected, []byte{}, c.Root[:]})
	if err != nil {
		return nil, err
	}
	signature, err := signer.Sign(message)
	if err != nil {
		return nil, fmt.Errorf("COSE receipt: %w", err)
	}
	return enc.Marshal(cbor.Tag{Number: coseSign1, Content: []any{
		protected, map[int64]any{coseProofs: map[int64]any{coseInclusion: [][]byte{inclusion}}}, nil, signature,
	}})
}
