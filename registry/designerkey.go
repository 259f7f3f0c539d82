package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"selvage/provenance"
	"selvage/store"
)

// maxDesignerKeys is how many keys an owner may have registered.
const maxDesignerKeys = 100

// DesignerKey is a key of an owner's own, with which they sign what they claim of their
// works. The service has its public half only.
type DesignerKey struct {
	ID  string `json:"id"`  // provenance.KeyID
	Key string `json:"key"` // public, PEM
	// Registered is the service's clock; Proven the time of the token over the log that
	// holds the key's statement.
	Registered time.Time  `json:"registered"`
	Proven     *time.Time `json:"proven,omitempty"`
	// Revoked is from when on the key's claims are refused. Works registered before keep
	// their proofs.
	Revoked *time.Time `json:"revoked,omitempty"`
}

// designerKeyRecord is the row y/<owner>/<key>.
type designerKeyRecord struct {
	DesignerKey
	Proof proofRecord `json:"proof"`
}

// RegisterKey brings an owner's key into the log: from then on registrations may carry
// claims that it signed. The envelope is a provenance.KeyStatement signed by the key
// itself. Registering a key again returns it as it is. The answer comes when the log has
// the entry.
func (s *Service) RegisterKey(ctx context.Context, o OwnerID, envelope []byte) (*DesignerKey, error) {
	if s.shut.Load() {
		return nil, ErrClosed
	}
	if _, err := ParseOwner(string(o)); err != nil {
		return nil, err
	}
	st, err := provenance.OpenKey(envelope)
	if err != nil {
		return nil, &InvalidError{"key", err.Error()}
	}
	pub, err := st.PublicKey()
	if err != nil {
		return nil, &InvalidError{"key", err.Error()}
	}
	now := s.Clock().UTC().Truncate(time.Millisecond)
	switch {
	case st.Owner != string(o):
		return nil, &InvalidError{"key", fmt.Sprintf("the statement is of owner %q, but you are %q; make it anew", st.Owner, o)}
	case st.Service != s.Name:
		return nil, &InvalidError{"key", fmt.Sprintf("the statement is for the service %q, but this is %q; make it anew", st.Service, s.Name)}
	}
	if err := notAhead("key", st.Made, now); err != nil {
		return nil, err
	}
	id := provenance.KeyID(pub)
	rec, err := s.designerKey(ctx, o, id)
	if errors.Is(err, store.ErrNotFound) {
		from := s.Notary.Log.Size()
		sealed, err := s.Notary.SealKey(envelope)
		if err != nil {
			return nil, &InvalidError{"key", err.Error()}
		}
		rec = &designerKeyRecord{
			DesignerKey: DesignerKey{ID: id, Key: st.Key, Registered: now},
			Proof:       proofRecord{Envelope: sealed.Envelope, Salt: sealed.Salt[:], From: from},
		}
		// Durable before the log hears of it.
		if rec, err = s.keepKey(ctx, o, rec, func(*designerKeyRecord) bool { return true }); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	if rec.Proof.Receipt == nil {
		if err := s.prove(ctx, &rec.Proof, true); err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		rec.Proven = rec.Proof.Proven
		if rec, err = s.keepKey(ctx, o, rec, func(old *designerKeyRecord) bool { return old.Proof.Receipt != nil }); err != nil {
			return nil, err
		}
	}
	return &rec.DesignerKey, nil
}

// keepKey stores a key, unless one is there already that is good: of two concurrent
// registrations the first wins.
func (s *Service) keepKey(ctx context.Context, o OwnerID, rec *designerKeyRecord, good func(*designerKeyRecord) bool) (kept *designerKeyRecord, err error) {
	key := designerKeyKey(o, rec.ID)
	err = s.KV.Update(ctx, func(tx store.Txn) error {
		old, err := load[designerKeyRecord](tx, key)
		switch {
		case err == nil && good(old):
			kept = old
			return nil
		case err == nil:
			rec.Revoked = old.Revoked
		case !errors.Is(err, store.ErrNotFound):
			return err
		default:
			n := 0
			prefix := designerKeys(o)
			if err := tx.Scan(prefix, prefix, func(_, _ []byte) bool { n++; return n <= maxDesignerKeys }); err != nil {
				return err
			}
			if n >= maxDesignerKeys {
				return &InvalidError{"key", fmt.Sprintf("there are %d keys already, which is the limit", n)}
			}
		}
		kept = rec
		return save(tx, key, rec)
	})
	return kept, err
}

func (s *Service) designerKey(ctx context.Context, o OwnerID, id string) (rec *designerKeyRecord, err error) {
	err = s.KV.View(ctx, func(tx store.Txn) (err error) {
		rec, err = load[designerKeyRecord](tx, designerKeyKey(o, id))
		return err
	})
	return rec, err
}

// ServiceName is how the service calls itself in statements.
func (s *Service) ServiceName() string { return s.Name }

// DesignerKeys lists an owner's keys.
func (s *Service) DesignerKeys(ctx context.Context, o OwnerID) ([]DesignerKey, error) {
	out := []DesignerKey{}
	err := s.KV.View(ctx, func(tx store.Txn) error {
		var bad error
		prefix := designerKeys(o)
		err := tx.Scan(prefix, prefix, func(k, v []byte) bool {
			var rec designerKeyRecord
			if bad = decodeRow(tx, k, v, &rec); bad == nil {
				out = append(out, rec.DesignerKey)
			}
			return bad == nil
		})
		return errors.Join(err, bad)
	})
	return out, err
}

// RevokeKey refuses claims of a key from now on. It is this registry's own decision and
// changes no proof. Revoking twice is no error; ErrNotFound for a key the owner does not
// have.
func (s *Service) RevokeKey(ctx context.Context, o OwnerID, id string) error {
	now := s.Clock().UTC().Truncate(time.Millisecond)
	err := s.KV.Update(ctx, func(tx store.Txn) error {
		rec, err := load[designerKeyRecord](tx, designerKeyKey(o, id))
		if err != nil || rec.Revoked != nil {
			return err
		}
		rec.Revoked = &now
		return save(tx, designerKeyKey(o, id), rec)
	})
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// claimAhead is how far a designer's clock may be ahead of the service's.
const claimAhead = 24 * time.Hour

func notAhead(field, made string, now time.Time) error {
	at, err := provenance.ParseTime(made)
	if err != nil {
		return &InvalidError{field, err.Error()}
	}
	if at.After(now.Add(claimAhead)) {
		return &InvalidError{field, fmt.Sprintf("it was made at %s, which is to come; set the clock of the computer that signs", made)}
	}
	return nil
}

// openClaim reads the designer's own claim of a request and puts what it says into the
// request, which must not say otherwise.
func (s *Service) openClaim(ctx context.Context, q *RegisterRequest, assets []Asset) error {
	bad := func(format string, args ...any) error {
		return &InvalidError{"claim", fmt.Sprintf(format, args...)}
	}
	e, err := provenance.ParseEnvelope(q.Claim)
	if err != nil {
		return bad("%v", err)
	}
	rec, err := s.designerKey(ctx, q.Owner, e.Signatures[0].KeyID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return bad("it is signed with the key %s, which you have not registered; register the key first", e.Signatures[0].KeyID)
	case err != nil:
		return err
	case rec.Revoked != nil:
		return bad("its key %s was revoked on %s; sign with another one", rec.ID, rec.Revoked.Format(time.DateOnly))
	case rec.Proof.Receipt == nil:
		return bad("its key %s is not in the log yet; register the key again, then the work", rec.ID)
	}
	key, err := provenance.ParseReceipt(rec.Proof.Receipt)
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	st, err := provenance.OpenKey(rec.Proof.Envelope)
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	pub, err := st.PublicKey()
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	c, err := provenance.OpenClaim(q.Claim, pub)
	if err != nil {
		return bad("%v", err)
	}
	switch {
	case c.Owner != string(q.Owner):
		return bad("it is of owner %q, but you are %q", c.Owner, q.Owner)
	case len(c.Files) != len(assets):
		return bad("it names %d files, the request has %d", len(c.Files), len(assets))
	case c.Title == "":
		return bad("it has no title")
	}
	for i, f := range c.Files {
		if f.Digest != assets[i].Digest.String() || f.Size != assets[i].Size {
			return bad("its file %d is not the one in the request (sha256 %s); name the files in the order in which they are sent", i+1, assets[i].Digest)
		}
	}
	if err := notAhead("claim", c.Made, s.Clock()); err != nil {
		return err
	}
	if q.Title != "" && q.Title != c.Title || q.Fixed != nil || q.FirstDisclosed != nil || q.Authors != nil || q.Rights != nil {
		return bad("title, dates, authors and rights are those of the claim; leave them out of the request")
	}
	q.Title, q.Authors, q.Rights = c.Title, c.Authors, c.Rights
	if c.Fixed != nil {
		t, err := claimedTime(c.Fixed.Date)
		if err != nil {
			return bad("%v", err)
		}
		q.Fixed = &t
	}
	if d := c.FirstDisclosed; d != nil {
		t, err := claimedTime(d.Date)
		if err != nil {
			return bad("%v", err)
		}
		q.FirstDisclosed = &Disclosure{Date: t, Place: d.Place, Channel: d.Channel, Reach: d.Reach}
	}
	sealed, err := rec.Proof.sealed()
	if err != nil {
		return err
	}
	commitment := sealed.Commitment()
	q.signed = &signedClaim{
		claim: c, envelope: q.Claim, key: key,
		ref: provenance.ClaimRef{Digest: provenance.DigestOf(q.Claim), Key: rec.ID, Registration: hex.EncodeToString(commitment[:])},
	}
	return nil
}

// signedClaim is a designer's claim that was checked.
type signedClaim struct {
	claim    *provenance.ClaimStatement
	envelope []byte
	key      *provenance.Receipt
	ref      provenance.ClaimRef
}

// claimedTime is the beginning of a claimed date.
func claimedTime(s string) (time.Time, error) {
	for _, layout := range []string{"2006", "2006-01", time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("date %q: write YYYY, YYYY-MM, YYYY-MM-DD or RFC 3339", s)
}

// designerKeyKey is the row of a key; its identifier may hold a slash.
func designerKeyKey(o OwnerID, id string) []byte {
	h := sha256.Sum256([]byte(id))
	return append(designerKeys(o), hex.EncodeToString(h[:16])...)
}

func designerKeys(o OwnerID) []byte { return []byte("y/" + string(o) + "/") }
