package registry

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"selvage/provenance"
	"selvage/store"
)

// renewalRecord is the row z/<SHA-256 of a checkpoint, hex>: the evidence record (RFC 4998)
// that carries the time token over the checkpoint on, once it was renewed.
type renewalRecord struct {
	Record []byte `json:"record"` // DER
	// Authorities are those whose tokens are in it, beside the receipt's own.
	Authorities []provenance.Authority `json:"authorities"`
}

func renewalKey(checkpoint []byte) []byte {
	return []byte("z/" + provenance.DigestOf(checkpoint))
}

// RenewRequest says which time tokens to renew.
type RenewRequest struct {
	// Ahead is how long before their end tokens are renewed. Zero means 180 days.
	Ahead time.Duration
	// Hash is the function of new hash trees; zero means SHA-256. What is due for a stronger
	// one gets a new tree.
	Hash crypto.Hash
	// Sunsets says what is no longer sound since when.
	Sunsets provenance.Sunsets
}

// RenewReport is what Renew did.
type RenewReport struct {
	Checked int `json:"checked"` // time tokens of receipts, each checkpoint once
	Due     int `json:"due"`
	Renewed int `json:"renewed"`
	// Lost are tokens that cannot be renewed any more, with the reason.
	Lost []string `json:"lost"`
}

// renewable is one checkpoint and what proves its time.
type renewable struct {
	name       string // of a receipt that needs it
	checkpoint []byte
	record     *provenance.EvidenceRecord
	kept       renewalRecord
	trusted    []provenance.Authority
	// until and treeUntil are when what there is stops holding.
	until, treeUntil time.Time
}

// renewBatch is how many tokens one further token renews.
const renewBatch = 10_000

// Renew gives every time token of a receipt whose certificate or algorithms end soon a
// further one, so that the proof outlives them (RFC 4998). It may be broken off and run
// again at any time: what was renewed stays, what was not is still due.
func (s *Service) Renew(ctx context.Context, q RenewRequest) (RenewReport, error) {
	rep := RenewReport{Lost: []string{}}
	if q.Ahead == 0 {
		q.Ahead = 180 * 24 * time.Hour
	}
	if q.Hash == 0 {
		q.Hash = crypto.SHA256
	}
	if err := q.Sunsets.Check(); err != nil {
		return rep, &InvalidError{"sunsets", err.Error()}
	}
	until := s.Clock().Add(q.Ahead)
	due := map[crypto.Hash][]renewable{} // by the function of the further token
	flush := func(h crypto.Hash) error {
		n, err := s.renew(ctx, h, due[h], q.Sunsets)
		rep.Renewed += n
		due[h] = nil
		return err
	}
	lost := func(name string, why any) { rep.Lost = append(rep.Lost, fmt.Sprintf("%s: %v", name, why)) }
	seen := map[[32]byte]bool{}
	err := s.eachReceipt(ctx, lost, func(name string, r *provenance.Receipt) error {
		x, err := s.renewable(ctx, name, r)
		if err != nil {
			lost(name, err)
			return nil
		}
		if key := sha256.Sum256(x.checkpoint); seen[key] {
			return nil
		} else {
			seen[key] = true
		}
		rep.Checked++
		e, err := x.verify(q.Sunsets, s.Clock())
		switch {
		case err != nil:
			lost(name, err)
			return nil
		case e.Outcome != provenance.Proved:
			lost(name, e)
			return nil
		case e.Need(until) == provenance.NeedNothing:
			return nil
		}
		rep.Due++
		x.until, x.treeUntil = e.Stamps[len(e.Stamps)-1].Until, e.Stamps[len(e.Stamps)-1].TreeUntil
		h := q.Hash
		if x.record.Hash().Size() > h.Size() {
			h = x.record.Hash() // never back to a shorter one
		}
		due[h] = append(due[h], x)
		if len(due[h]) == renewBatch {
			return flush(h)
		}
		return nil
	})
	if err != nil {
		return rep, fmt.Errorf("renew: %w", err)
	}
	for h := range due {
		if len(due[h]) > 0 {
			if err := flush(h); err != nil {
				return rep, fmt.Errorf("renew: %w", err)
			}
		}
	}
	return rep, nil
}

// verify judges what there is now.
func (x *renewable) verify(sunsets provenance.Sunsets, at time.Time) (provenance.Evidence, error) {
	roots, err := rootsOf(x.trusted)
	if err != nil {
		return provenance.Evidence{}, err
	}
	return x.record.Verify([]provenance.Object{provenance.ObjectBytes(x.checkpoint)}, provenance.EvidenceOptions{Roots: roots, Sunsets: sunsets, At: at}), nil
}

// renew gives a batch one further token and stores the new records, as far as they hold
// longer than the old ones: an authority whose own certificate ends soon helps nobody. It
// returns how many it stored.
func (s *Service) renew(ctx context.Context, h crypto.Hash, batch []renewable, sunsets provenance.Sunsets) (stored int, err error) {
	items := make([]provenance.EvidenceItem, len(batch))
	for i, x := range batch {
		items[i] = provenance.EvidenceItem{Record: x.record, Objects: []provenance.Object{provenance.ObjectBytes(x.checkpoint)}}
	}
	tree, err := provenance.NewBatch(h, items)
	if err != nil {
		return 0, err
	}
	tokens, err := s.Notary.StampDigest(ctx, tree.Hash(), tree.Digest())
	if err != nil {
		return 0, err
	}
	roots, err := tokens[0].Authority.Certificates()
	if err != nil {
		return 0, err
	}
	records, err := tree.Records(tokens[0].Token, roots)
	if err != nil {
		return 0, err
	}
	later := func(now, before time.Time) bool { return !before.IsZero() && (now.IsZero() || now.After(before)) }
	for len(batch) > 0 {
		n := min(len(batch), 500)
		err := s.KV.Update(ctx, func(tx store.Txn) error {
			for i, x := range batch[:n] {
				kept := renewalRecord{Record: records[i].Marshal(), Authorities: slices.Clone(x.kept.Authorities)}
				if !slices.Contains(kept.Authorities, tokens[0].Authority) {
					kept.Authorities = append(kept.Authorities, tokens[0].Authority)
				}
				x.record, x.trusted = records[i], append(slices.Clone(x.trusted), tokens[0].Authority)
				e, err := x.verify(sunsets, time.Time{})
				if err != nil {
					return err
				}
				if e.Outcome != provenance.Proved {
					return fmt.Errorf("%s: the renewed record does not verify: %s", x.name, e)
				}
				if last := e.Stamps[len(e.Stamps)-1]; !later(last.Until, x.until) && !later(last.TreeUntil, x.treeUntil) {
					continue
				}
				if err := save(tx, renewalKey(x.checkpoint), kept); err != nil {
					return err
				}
				stored++
			}
			return nil
		})
		if err != nil {
			return stored, err
		}
		batch, records = batch[n:], records[n:]
	}
	return stored, nil
}

// renewable reads what proves the time of a receipt's checkpoint.
func (s *Service) renewable(ctx context.Context, name string, r *provenance.Receipt) (renewable, error) {
	x := renewable{name: name}
	var token provenance.TimeToken
	var err error
	if x.checkpoint, token, err = r.Stamped(); err != nil {
		return x, fmt.Errorf("%s: %w", name, err)
	}
	x.trusted = []provenance.Authority{token.Authority}
	err = s.KV.View(ctx, func(tx store.Txn) error {
		kept, err := load[renewalRecord](tx, renewalKey(x.checkpoint))
		if err == nil {
			x.kept = *kept
		}
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		x.record, err = provenance.EvidenceFromToken(token.Token)
	case err == nil:
		x.trusted = append(x.trusted, x.kept.Authorities...)
		x.record, err = provenance.ParseEvidenceRecord(x.kept.Record)
	}
	if err != nil {
		return x, fmt.Errorf("%s: %w", name, err)
	}
	return x, nil
}

// eachReceipt calls f for every receipt that is kept: of works, matches, keys and cases.
// What cannot be read is told to bad and left out.
func (s *Service) eachReceipt(ctx context.Context, bad func(name string, why any), f func(name string, r *provenance.Receipt) error) error {
	for _, prefix := range []string{"r/", "R/", "y/", "K/"} {
		from := []byte(prefix)
		for from != nil {
			type row struct {
				name    string
				receipt []byte
			}
			var rows []row
			next := from
			from = nil
			err := s.KV.View(ctx, func(tx store.Txn) error {
				return tx.Scan([]byte(prefix), next, func(k, v []byte) bool {
					if len(rows) == 500 {
						from = append([]byte(nil), k...)
						return false
					}
					var rec struct {
						Receipt []byte      `json:"receipt"`
						Proof   proofRecord `json:"proof"`
					}
					if err := decodeRow(tx, k, v, &rec); err != nil {
						bad(string(k), err)
						return true
					}
					if rec.Receipt == nil {
						rec.Receipt = rec.Proof.Receipt
					}
					if rec.Receipt != nil {
						rows = append(rows, row{strings.ToValidUTF8(string(k), "?"), rec.Receipt})
					}
					return true
				})
			})
			if err != nil {
				return err
			}
			for _, x := range rows {
				r, err := provenance.ParseReceipt(x.receipt)
				if err != nil {
					bad(x.name, err)
					continue
				}
				if err := f(x.name, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func rootsOf(all []provenance.Authority) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for _, a := range all {
		c, err := a.Certificates()
		if err != nil {
			return nil, err
		}
		out = append(out, c...)
	}
	return out, nil
}

// renewals are the evidence records that belong to a bundle, where there are any.
func (s *Service) renewals(ctx context.Context, b *provenance.Bundle) error {
	b.Renewals = map[string][]byte{}
	type part struct {
		name    string
		receipt *provenance.Receipt
	}
	parts := []part{{"work", b.Work}, {"key", b.Work.Key}}
	if b.Match != nil {
		parts = append(parts, part{"match", b.Match.Receipt})
	}
	if b.Case != nil {
		parts = append(parts, part{"case", b.Case.Receipt})
	}
	for _, p := range parts {
		if p.receipt == nil {
			continue
		}
		x, err := s.renewable(ctx, p.name, p.receipt)
		if err != nil {
			return err
		}
		if x.kept.Record != nil {
			b.Renewals[p.name] = x.kept.Record
			b.Renewers = append(b.Renewers, x.kept.Authorities...)
		}
	}
	return nil
}
