package sequencer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"selvage/provenance"
	"selvage/provenance/timestamp"
	"selvage/provenance/witness"
)

// Stamper is one or more time authorities, like [timestamp.Several].
type Stamper interface {
	// Stamp returns verified RFC 3161 tokens over the SHA-256 of data, at least one, each of
	// another authority, the preferred one first.
	Stamp(ctx context.Context, data []byte) ([]provenance.TimeToken, error)
	// StampDigest is Stamp over a digest made with h.
	StampDigest(ctx context.Context, h crypto.Hash, digest []byte) ([]provenance.TimeToken, error)
	// Authorities are all that a token may be of.
	Authorities() []provenance.Authority
}

// NotaryConfig says where a notary keeps its things.
type NotaryConfig struct {
	// Dir holds everything; see the package comment for the files.
	Dir string
	// Origin names the log, like "example.org/selvage"; it can never change.
	Origin string
	// Time is the time authorities; nil means a local one kept in Dir/tsa.
	Time Stamper
	// Now is the local time authority's clock; nil means time.Now.
	Now func() time.Time
	// Witnesses, BatchAge and CheckpointInterval are as in [Config].
	Witnesses                    *witness.Client
	BatchAge, CheckpointInterval time.Duration
	Logger                       *slog.Logger
}

// Notary turns statements into receipts. Its methods are safe for concurrent use.
type Notary struct {
	Log       *Log
	keys      *Keys
	time      Stamper
	witnesses *witness.Client
	// serviceKey is the public key in PEM.
	serviceKey string
	verifier   note.Verifier

	mu      sync.Mutex // guards the tokens of the last stamped checkpoint; held while stamping
	stamped []byte
	tokens  []provenance.TimeToken
}

// OpenNotary opens keys, log and time authority in cfg.Dir, making what is missing.
func OpenNotary(ctx context.Context, cfg NotaryConfig) (*Notary, error) {
	n := &Notary{time: cfg.Time, witnesses: cfg.Witnesses}
	var err error
	if n.keys, err = OpenKeys(filepath.Join(cfg.Dir, "keys"), cfg.Origin); err != nil {
		return nil, err
	}
	if n.serviceKey, err = provenance.EncodePublicKey(n.ServiceKey()); err != nil {
		return nil, err
	}
	if n.verifier, err = note.NewVerifier(n.keys.LogKey); err != nil {
		return nil, err
	}
	if n.time == nil {
		local, err := timestamp.OpenLocal(filepath.Join(cfg.Dir, "tsa"), cfg.Now)
		if err != nil {
			return nil, err
		}
		if n.time, err = timestamp.NewSeveral(1, local); err != nil {
			return nil, err
		}
	}
	n.Log, err = Open(ctx, Config{
		Dir: cfg.Dir, Signer: n.keys.Log, Key: n.keys.LogKey, Former: n.keys.Former, Witnesses: cfg.Witnesses,
		BatchAge: cfg.BatchAge, CheckpointInterval: cfg.CheckpointInterval, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Close closes the log gracefully.
func (n *Notary) Close(ctx context.Context) error { return n.Log.Close(ctx) }

// LogKey is the log's verifier key.
func (n *Notary) LogKey() string { return n.keys.LogKey }

// FormerLogKeys are the verifier keys that LogKey replaced.
func (n *Notary) FormerLogKeys() []string { return n.keys.Former }

// ServiceKey is the key statements are signed with.
func (n *Notary) ServiceKey() ed25519.PublicKey { return n.keys.Service.Public().(ed25519.PublicKey) }

// StampDigest asks the notary's time authorities for tokens over a digest, such as that of
// a provenance.Batch which renews evidence records.
func (n *Notary) StampDigest(ctx context.Context, h crypto.Hash, digest []byte) ([]provenance.TimeToken, error) {
	return n.time.StampDigest(ctx, h, digest)
}

// Policy is the policy that trusts exactly this notary, its former log keys and its quorum
// of witnesses, to be published beside the log.
func (n *Notary) Policy() *provenance.Policy {
	p := &provenance.Policy{
		Format: provenance.PolicyFormat, Logs: append([]string{n.keys.LogKey}, n.keys.Former...), Services: []string{n.serviceKey},
		Authorities: n.time.Authorities(),
	}
	if n.witnesses != nil {
		p.Witnesses, p.Quorum = n.witnesses.Policy().Keys(), n.witnesses.Policy().Need
	}
	return p
}

// Seal signs a statement with the service's key and draws its salt. Keep the result
// durably before Issue: a commitment whose salt is lost proves nothing.
func (n *Notary) Seal(st provenance.Statement) (provenance.Sealed, error) {
	return provenance.Seal(st, n.keys.Service)
}

// SealKey countersigns a designer's key statement, which the key itself has signed, and
// draws its salt.
func (n *Notary) SealKey(envelope []byte) (provenance.Sealed, error) {
	if _, err := provenance.OpenKey(envelope); err != nil {
		return provenance.Sealed{}, err
	}
	return provenance.SealEnvelope(envelope, n.keys.Service)
}

// Issue logs a sealed statement and returns its receipt, verified as a stranger would. It
// blocks until a checkpoint covers the entry, with its quorum of witnesses if there are any,
// and has the errors of [Log.Append]. After an error or a crash it may be called again for
// the same statement; see IssueFrom to avoid a second entry.
func (n *Notary) Issue(ctx context.Context, s provenance.Sealed) (*provenance.Receipt, error) {
	index, err := n.Log.Append(ctx, s.Commitment())
	if err != nil {
		return nil, err
	}
	return n.receipt(ctx, s, index)
}

// IssueFrom is Issue that first looks for the commitment among the entries from index
// from on: a replay that has noted Log.Size before its first try adds no second entry.
func (n *Notary) IssueFrom(ctx context.Context, s provenance.Sealed, from uint64) (*provenance.Receipt, error) {
	index, found, err := n.Log.Find(ctx, from, s.Commitment())
	if err != nil {
		return nil, err
	}
	if !found {
		return n.Issue(ctx, s)
	}
	if err := n.Log.Await(ctx, index); err != nil {
		return nil, err
	}
	return n.receipt(ctx, s, index)
}

func (n *Notary) receipt(ctx context.Context, s provenance.Sealed, index uint64) (*provenance.Receipt, error) {
	proof, err := n.Log.Prove(ctx, index, s.Commitment())
	if err != nil {
		return nil, err
	}
	tokens, err := n.stamp(ctx, proof.Checkpoint)
	if err != nil {
		return nil, err
	}
	by := provenance.Notarisation{Proof: proof, LogKey: n.keys.LogKey, ServiceKey: n.serviceKey, Tokens: tokens}
	if n.witnesses != nil {
		by.Witnesses, by.Quorum = n.witnesses.Policy().Keys(), n.witnesses.Policy().Need
	}
	r := provenance.NewReceipt(s, by)
	// The keys it carries are this notary's own, so they need no policy.
	if err := r.Verify(nil).Err(); err != nil {
		return nil, fmt.Errorf("own receipt does not verify: %w", err)
	}
	return r, nil
}

// COSEReceipt is the log proof of a receipt of this notary in another form, see
// [provenance.LogProof.COSEReceipt].
func (n *Notary) COSEReceipt(r *provenance.Receipt) ([]byte, error) {
	sealed, err := r.Sealed()
	if err != nil {
		return nil, err
	}
	proof, err := provenance.ParseLogProof([]byte(r.Proof))
	if err != nil {
		return nil, err
	}
	logs := []note.Verifier{n.verifier}
	for _, k := range n.keys.Former {
		v, err := note.NewVerifier(k)
		if err != nil {
			return nil, err
		}
		logs = append(logs, v)
	}
	entry := sealed.Commitment()
	return proof.COSEReceipt(entry[:], n.keys.Log, logs...)
}

// stamp returns the tokens over a checkpoint; all entries of one checkpoint share them.
func (n *Notary) stamp(ctx context.Context, checkpoint []byte) ([]provenance.TimeToken, error) {
	_, logSigned, err := provenance.OpenCheckpoint(checkpoint, n.verifier)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stamped != nil && bytes.Equal(n.stamped, logSigned) {
		return n.tokens, nil
	}
	tokens, err := n.time.Stamp(ctx, logSigned)
	if err != nil {
		return nil, fmt.Errorf("time token: %w", err)
	}
	if len(tokens) == 0 || len(tokens[0].Token) == 0 {
		return nil, errors.New("time token: the authority answered nothing")
	}
	n.stamped, n.tokens = logSigned, tokens
	return tokens, nil
}
