package registry

import (
	"context"
	"errors"
	"slices"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
	"selvage/store"
)

// What a tenant rejects (feedback.go) and what it puts into its ignore bank (ignore.go)
// speaks for that tenant's own eyes and for nobody else's: it changes the answers to the
// tenant, the earlier works named to it at a registration, and the events sent to it. It
// never keeps anything from another tenant. Otherwise a copier would only have to reject
// the match, or ignore the picture, to keep its owner from hearing of it. So works left out
// of an answer are stored with the report all the same, their owners are told, and each
// owner's events are sifted by that owner's feedback and bank.

// storedReport is the row m/: the answer, and what was not said in it.
type storedReport struct {
	MatchReport
	Unsaid unsaid `json:"unsaid,omitzero"`
}

// unsaid is what a report holds beside the answer to its asker.
type unsaid struct {
	// Hidden are matches to act upon that the asker is not shown; their owners are.
	Hidden []Match `json:"hidden,omitempty"`
	// Pixels is the digest of the decoded query, zero in reports of before it was kept.
	Pixels fingerprint.Digest `json:"pixels,omitzero"`
}

// queryDigests name a query for feedback: by its bytes and by its decoded pixels.
func queryDigests(bytes, pixels fingerprint.Digest) []fingerprint.Digest {
	if pixels.IsZero() || pixels == bytes {
		return []fingerprint.Digest{bytes}
	}
	return []fingerprint.Digest{bytes, pixels}
}

// pixelsOf is the digest of the decoded picture, zero where there is none.
func pixelsOf(r *fingerprint.Result) (d fingerprint.Digest) {
	if p, ok := r.Print(fingerprint.Pixels256, fingerprint.Full); ok && len(p.Payload) == len(d) {
		d = fingerprint.Digest(p.Payload)
	}
	return d
}

// sifted is a query's findings, divided by what one tenant wants to see.
type sifted struct {
	kept, rejected, ignored []found
}

// sift divides what was found for a query by the feedback and the ignore bank of one
// tenant. What was rejected counts as rejected, even if it is ignored too.
func (s *Service) sift(ctx context.Context, o OwnerID, d fingerprint.Digest, r *fingerprint.Result, hits []found) (sifted, error) {
	var out sifted
	if len(hits) == 0 {
		return out, nil
	}
	var rejected map[WorkID]bool
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		rejected, err = rejections(tx, o, queryDigests(d, pixelsOf(r)))
		return err
	})
	if err != nil {
		return out, err
	}
	bank, err := s.explained(ctx, o, d, r)
	if err != nil {
		return out, err
	}
	for _, f := range hits {
		left := bank.without(f)
		switch {
		case rejected[f.work.ID]:
			out.rejected = append(out.rejected, f)
		case bank.whole || s.policy.acts(f) && !s.policy.acts(left):
			out.ignored = append(out.ignored, f)
		default:
			out.kept = append(out.kept, left)
		}
	}
	slices.SortStableFunc(out.kept, bySureness)
	return out, nil
}

// fill puts the findings into the report: what the asker is shown, how much was left out,
// and what only the owners of the works left out will see.
func (s *Service) fill(rep *MatchReport, all sifted, r *fingerprint.Result, want extent) {
	rep.Matches, rep.More = s.shown(all.kept, r, rep.Asker, want)
	leaveOut := func(hits []found) int {
		out, more := s.shown(hits, r, rep.Asker, want)
		for _, m := range out {
			if m.Verdict.Accuses() {
				rep.unsaid.Hidden = append(rep.unsaid.Hidden, m)
			}
		}
		return len(out) + more
	}
	rep.Rejected, rep.Ignored = leaveOut(all.rejected), leaveOut(all.ignored)
}

// unwanted reports whether an owner does not want to hear that a query resembles a work of
// theirs: they rejected just that, or their ignore bank explains the query.
func (s *Service) unwanted(ctx context.Context, o OwnerID, q *watchQuery, w WorkID) (bool, error) {
	r, err := q.result()
	if err != nil {
		return false, err
	}
	one, err := s.sift(ctx, o, q.Digest, r, []found{{work: &Work{ID: w}, cmp: &photo.Comparison{}}})
	return len(one.kept) == 0, err
}

// reportFor loads a report for its asker (asked) or for the owner of a matched work.
// ErrNotFound for everybody else.
func (s *Service) reportFor(tx store.Txn, who OwnerID, id MatchID) (rep *storedReport, asked bool, err error) {
	if !validID("m_", string(id)) {
		return nil, false, ErrNotFound
	}
	rep, err = load[storedReport](tx, matchKey(who, id))
	if !errors.Is(err, store.ErrNotFound) {
		return rep, true, err
	}
	by, err := tx.Get(matchOwnerKey(who, id))
	if err == nil {
		rep, err = load[storedReport](tx, matchKey(OwnerID(by), id))
	}
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNotFound
	}
	return rep, false, err
}

func previewKey(o OwnerID, id MatchID) []byte {
	return []byte("v/" + string(o) + "/" + descending(string(id)))
}
