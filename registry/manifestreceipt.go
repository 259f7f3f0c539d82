package registry

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"selvage/provenance"
	"selvage/store"
)

// ManifestReceipt shows that the log has an entry for the work that brought a manifest.
type ManifestReceipt struct {
	Manifest ManifestID
	Work     WorkID
	// Commitment is the log's entry in hexadecimal digits. What it stands for is opened with
	// the work's receipt, which is its owner's alone: it holds fingerprints and file names.
	Commitment string
	// Proof is a C2SP tlog-proof without an extra line: that is where receipts keep the salt.
	Proof []byte
	// LogKey is the note verifier key of the log.
	LogKey string
	// Token is the RFC 3161 response over the log-signed checkpoint, and NotAfter its time.
	Token    []byte
	NotAfter *time.Time

	authority provenance.Authority
}

// ManifestReceipt returns the log proof for a manifest of an own or a public work, checked
// before it is given. ErrPending while the log has not taken the work; ErrNotFound and
// ErrAmbiguous as for Manifest: who may not have a manifest has no use for its receipt.
func (s *Service) ManifestReceipt(ctx context.Context, asker OwnerID, id ManifestID) (*ManifestReceipt, error) {
	var w *Work
	var p *proofRecord
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		if w, _, err = s.manifest(tx, asker, id); err != nil {
			return err
		}
		p, err = load[proofRecord](tx, proofKey(w.Owner, w.ID))
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.Receipt == nil {
		return nil, ErrPending
	}
	r, err := provenance.ParseReceipt(p.Receipt)
	if err != nil {
		return nil, err
	}
	sealed, err := r.Sealed()
	if err != nil {
		return nil, err
	}
	proof, err := provenance.ParseLogProof([]byte(r.Proof))
	if err != nil {
		return nil, err
	}
	proof.Extra = nil
	entry := sealed.Commitment()
	_, token, err := r.Stamped()
	if err != nil {
		return nil, err
	}
	out := &ManifestReceipt{
		Manifest: id, Work: w.ID, Commitment: hex.EncodeToString(entry[:]), Proof: proof.Marshal(),
		LogKey: r.LogKey, Token: token.Token, authority: token.Authority, NotAfter: p.Proven,
	}
	return out, out.check()
}

// CheckManifestReceipt says why a commitment and a log proof, as somebody holds them, are
// not those of a manifest, or "" if they are: the entry is that of the earliest work which
// brought it, and the proof leads from it to a checkpoint of this service's log. Errors are
// those of ManifestReceipt.
func (s *Service) CheckManifestReceipt(ctx context.Context, asker OwnerID, id ManifestID, commitment string, proof []byte) (why string, err error) {
	r, err := s.ManifestReceipt(ctx, asker, id)
	if err != nil {
		return "", err
	}
	if commitment != r.Commitment {
		return "the commitment is not that of the work which brought this manifest", nil
	}
	r.Proof = proof
	if err := r.check(); err != nil {
		return err.Error(), nil
	}
	return "", nil
}

// check proves the receipt under the log key that it carries.
func (r *ManifestReceipt) check() error {
	entry, err := hex.DecodeString(r.Commitment)
	if err != nil {
		return fmt.Errorf("commitment: %w", err)
	}
	key, err := note.NewVerifier(r.LogKey)
	if err != nil {
		return fmt.Errorf("log key: %w", err)
	}
	proof, err := provenance.ParseLogProof(r.Proof)
	if err != nil {
		return err
	}
	_, stamped, err := proof.Open(entry, key)
	if err != nil {
		return err
	}
	roots, err := r.authority.Certificates()
	if err != nil {
		return err
	}
	token, err := provenance.VerifyToken(r.Token, stamped, roots)
	if err != nil {
		return err
	}
	at := token.NotAfter()
	r.NotAfter = &at
	return nil
}
