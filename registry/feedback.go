package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"selvage/fingerprint"
	"selvage/store"
)

// Judgement is what somebody says of a match.
type Judgement string

// The judgements.
const (
	Confirmed Judgement = "confirmed" // it is a copy, as the match says
	Rejected  Judgement = "rejected"  // it is not, or not one to be shown again
)

// Feedback is what one tenant says of one pair: a query, by its bytes or its pixels, and a
// work. There is one a pair; changing one's mind changes it, and History keeps what was
// said before.
type Feedback struct {
	ID    string  `json:"id"`    // "f_" and 26 characters that sort by time
	Owner OwnerID `json:"owner"` // who judged
	// As is "asker" if the judge had asked the question, "owner" if somebody else had, and
	// the work is the judge's.
	As    string             `json:"as"`
	Work  WorkID             `json:"work"`
	Query fingerprint.Digest `json:"query"` // bytes of the file that was asked about
	Said                     // now
	// Withdrawn is when the judge took it back; it then has no effect and counts nowhere.
	Withdrawn *time.Time `json:"withdrawn,omitempty"`
	// Was is the match as it was reported when the judge spoke, and Policy what judged then.
	Was     Match  `json:"was"`
	Policy  string `json:"policy"`
	History []Said `json:"history,omitempty"` // oldest first; the first and the latest, 50 at most
}

// Said is one utterance.
type Said struct {
	Verdict Judgement `json:"verdict"`
	Note    string    `json:"note,omitempty"`
	Match   MatchID   `json:"match"`        // the report that was before the judge
	Time    time.Time `json:"time"`         // of saying it
	By      string    `json:"by,omitempty"` // the key used, as the interface names it
}

// JudgeRequest confirms or rejects one match of a report.
type JudgeRequest struct {
	Owner   OwnerID // who judges: the asker, or the owner of the work
	Match   MatchID
	Work    WorkID
	Verdict Judgement
	Note    string // at most 1000 characters
	By      string // for the record: the key that is used
}

// pairRecord is the row g/<owner>/<digest>/<work>: where the feedback on a pair is.
type pairRecord struct {
	Feedback string `json:"feedback"`
	Rejected bool   `json:"rejected,omitempty"`
}

const (
	maxNote    = 1000
	maxHistory = 50
)

func feedbackKey(o OwnerID, id string) []byte {
	return []byte("f/" + string(o) + "/" + descending(id))
}
func pairPrefix(o OwnerID, d fingerprint.Digest) string {
	return "g/" + string(o) + "/" + d.String() + "/"
}

// Judge stores what the asker of a report, or the owner of a work in it, says of one match,
// in one transaction. Saying the same again changes nothing. From a rejection on, answers
// to this owner leave the work out for queries of the same bytes or the same pixels, and
// say so; and if the work is the owner's own, the owner is not told of such queries any
// more. Nobody else sees a difference. ErrNotFound if the report is not the judge's to
// see, or has no such match.
func (s *Service) Judge(ctx context.Context, q JudgeRequest) (*Feedback, error) {
	if s.shut.Load() {
		return nil, ErrClosed
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	now := s.Clock().UTC().Truncate(time.Millisecond)
	fresh := newID("f_", now)
	var out *Feedback
	err := s.KV.Update(ctx, func(tx store.Txn) error {
		rep, asked, err := s.reportFor(tx, q.Owner, q.Match)
		if err != nil {
			return err
		}
		was, ok := rep.matchWith(q.Owner, asked, q.Work)
		if !ok {
			return ErrNotFound
		}
		said := Said{Verdict: q.Verdict, Note: q.Note, Match: q.Match, Time: now, By: q.By}
		digests := queryDigests(rep.Query.Digest, rep.Unsaid.Pixels)
		known, err := judged(tx, q.Owner, digests, q.Work)
		if err != nil {
			return err
		}
		if len(known) == 0 {
			f := &Feedback{ID: fresh, Owner: q.Owner, As: "asker", Work: q.Work, Query: rep.Query.Digest, Said: said, Was: was, Policy: rep.Policy}
			if !asked {
				f.As = "owner"
			}
			known = append(known, f)
		}
		for _, f := range known {
			if f.ID != fresh && (f.Verdict != q.Verdict || f.Note != q.Note || f.Withdrawn != nil) {
				f.remember()
				f.Said, f.Withdrawn, f.Was, f.Policy = said, nil, was, rep.Policy
			}
			if err := f.save(tx, digests); err != nil {
				return err
			}
		}
		out = known[0]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (q *JudgeRequest) check() error {
	if _, err := ParseOwner(string(q.Owner)); err != nil {
		return err
	}
	if q.Verdict != Confirmed && q.Verdict != Rejected {
		return &InvalidError{"verdict", `use "confirmed" or "rejected"`}
	}
	if !validID("w_", string(q.Work)) {
		return ErrNotFound
	}
	return checkNote("note", q.Note, maxNote)
}

// checkNote checks a line in the user's own words.
func checkNote(field, text string, most int) error {
	switch {
	case !utf8.ValidString(text):
		return &InvalidError{field, "send it as UTF-8"}
	case strings.ContainsFunc(text, unprintable):
		return &InvalidError{field, "leave out control characters and marks that turn the direction of text"}
	case utf8.RuneCountInString(text) > most:
		return &InvalidError{field, fmt.Sprintf("use at most %d characters", most)}
	}
	return nil
}

// matchWith returns the match with a work, as far as the reader may know of it: the asker
// also of what was left out of the answer, an owner of own works only.
func (rep *storedReport) matchWith(who OwnerID, asked bool, w WorkID) (Match, bool) {
	for _, m := range slices.Concat(rep.Matches, rep.Unsaid.Hidden) {
		if m.Work == w && (asked || m.Owner == who) {
			return m, true
		}
	}
	return Match{}, false
}

// remember moves what is said now into the history.
func (f *Feedback) remember() {
	if len(f.History) == maxHistory {
		f.History = slices.Delete(f.History, 1, 2) // the first stays
	}
	f.History = append(f.History, f.Said)
}

// silences reports whether the pair is not to be shown to the judge again.
func (f *Feedback) silences() bool { return f.Verdict == Rejected && f.Withdrawn == nil }

// save writes the feedback and the rows that lead to it.
func (f *Feedback) save(tx store.Txn, digests []fingerprint.Digest) error {
	row := pairRecord{Feedback: f.ID, Rejected: f.silences()}
	for _, d := range digests {
		if err := save(tx, []byte(pairPrefix(f.Owner, d)+string(f.Work)), row); err != nil {
			return err
		}
	}
	return save(tx, feedbackKey(f.Owner, f.ID), f)
}

// judged returns what an owner said of a pair: the one feedback, or two where a query of
// an old report, of which only the bytes are known, turned out to show a picture known
// already.
func judged(tx store.Txn, o OwnerID, digests []fingerprint.Digest, w WorkID) (all []*Feedback, err error) {
	for _, d := range digests {
		row, err := load[pairRecord](tx, []byte(pairPrefix(o, d)+string(w)))
		if errors.Is(err, store.ErrNotFound) || err == nil && slices.ContainsFunc(all, func(f *Feedback) bool { return f.ID == row.Feedback }) {
			continue
		}
		if err != nil {
			return nil, err
		}
		f, err := load[Feedback](tx, feedbackKey(o, row.Feedback))
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// rejections returns the works that an owner rejected for any of the digests.
func rejections(tx store.Txn, o OwnerID, digests []fingerprint.Digest) (map[WorkID]bool, error) {
	out := map[WorkID]bool{}
	for _, d := range digests {
		var bad error
		prefix := []byte(pairPrefix(o, d))
		err := tx.Scan(prefix, nil, func(k, v []byte) bool {
			var row pairRecord
			if bad = decodeRow(tx, k, v, &row); bad == nil && row.Rejected {
				out[WorkID(bytes.TrimPrefix(k, prefix))] = true
			}
			return bad == nil
		})
		if err := errors.Join(err, bad); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// WithdrawFeedback takes back what the owner said of a match. The record of it stays,
// marked. Taking back twice is no error; ErrNotFound if nothing was ever said.
func (s *Service) WithdrawFeedback(ctx context.Context, o OwnerID, m MatchID, w WorkID) error {
	if s.shut.Load() {
		return ErrClosed
	}
	if !validID("w_", string(w)) {
		return ErrNotFound
	}
	now := s.Clock().UTC().Truncate(time.Millisecond)
	return s.KV.Update(ctx, func(tx store.Txn) error {
		rep, _, err := s.reportFor(tx, o, m)
		if err != nil {
			return err
		}
		digests := queryDigests(rep.Query.Digest, rep.Unsaid.Pixels)
		known, err := judged(tx, o, digests, w)
		if err != nil {
			return err
		}
		if len(known) == 0 {
			return ErrNotFound
		}
		for _, f := range known {
			if f.Withdrawn != nil {
				continue
			}
			f.Withdrawn = &now
			if err := f.save(tx, digests); err != nil {
				return err
			}
		}
		return nil
	})
}

// MatchFeedback returns what the owner said of the matches of one report.
func (s *Service) MatchFeedback(ctx context.Context, o OwnerID, m MatchID) ([]Feedback, error) {
	out := []Feedback{}
	err := s.KV.View(ctx, func(tx store.Txn) error {
		rep, asked, err := s.reportFor(tx, o, m)
		if err != nil {
			return err
		}
		digests := queryDigests(rep.Query.Digest, rep.Unsaid.Pixels)
		for _, x := range slices.Concat(rep.Matches, rep.Unsaid.Hidden) {
			if !asked && x.Owner != o {
				continue
			}
			known, err := judged(tx, o, digests, x.Work)
			if err != nil {
				return err
			}
			for _, f := range known[:min(len(known), 1)] {
				out = append(out, *f)
			}
		}
		return nil
	})
	return out, err
}

// Feedback lists what an owner said, newest pair first, what was withdrawn included.
// Cursor and limit are those of Works.
func (s *Service) Feedback(ctx context.Context, o OwnerID, cursor string, limit int) (Page[Feedback], error) {
	return list[Feedback](ctx, s.KV, "f/"+string(o)+"/", "f_", cursor, limit)
}
