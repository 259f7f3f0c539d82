package registry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"selvage/fingerprint"
	"selvage/store"
)

// How many works an answer shows at most: merely similar ones, ones to act upon, and of
// the latter ones of a single owner.
const (
	maxAlike    = 20
	maxActing   = 100
	maxPerOwner = 10
)

// Match answers which registered works a file copies, in this order:
//
//  1. the file is fingerprinted with the same code as a registration;
//  2. the indexes and exact rows give candidates, among works that the asker may know
//     of: everybody's matchable and public ones and the asker's own;
//  3. every candidate is compared picture to picture and gets a probability;
//     A picture that copies nothing so far is read as a page of a manuscript, if there are any;
//  4. what the asker rejected for this picture before, or put into the ignore bank, is
//     left out, and counted;
//  5. Policy turns probabilities into verdicts;
//  6. the report is stored, in one transaction with a preview of the query, if anything was
//     found, and the outbox row from which the owners of matched works are told;
//  7. the report is returned.
//
// Nothing in the answer, nor in the work done for it, depends on other owners' private
// works.
func (s *Service) Match(ctx context.Context, q MatchRequest) (*MatchReport, error) {
	if s.shut.Load() {
		return nil, ErrClosed
	}
	if _, err := ParseOwner(string(q.Asker)); err != nil {
		return nil, err
	}
	rep, r, err := s.newReport(ctx, q.Asker, q.File)
	if err != nil {
		return nil, err
	}
	asker, err := s.askerNumber(ctx, q.Asker)
	if err != nil {
		return nil, err
	}
	seen := s.seq.settled()
	hits, millis, err := s.search(ctx, rep.Query.Digest, r, answerScope(asker, q.extent()))
	if err != nil {
		return nil, err
	}
	for k, v := range millis {
		rep.Millis[k] = v
	}
	if hits, err = s.asPage(ctx, q, rep, r, hits, answerScope(asker, q.extent())); err != nil {
		return nil, err
	}
	all, err := s.sift(ctx, q.Asker, rep.Query.Digest, r, hits)
	if err != nil {
		return nil, err
	}
	s.fill(rep, all, r, q.extent())
	rep.conclude(r)
	if err := s.showBest(ctx, rep, r, q.File.Data); err != nil {
		return nil, err
	}
	if err := s.keepReport(ctx, rep, r, seen); err != nil {
		return nil, err
	}
	s.Matched(rep)
	return rep, nil
}

// showBest has the preview of a query show what the first match is about, the frame or page,
// and makes pictures of the frames that the matches name.
func (s *Service) showBest(ctx context.Context, rep *MatchReport, r *fingerprint.Result, data []byte) (err error) {
	if len(rep.Matches) > 0 && rep.Matches[0].QueryPart != nil {
		at := rep.Matches[0].QueryPart.part()
		r.Preview = func() ([]byte, error) { return s.Hashers.PreviewPart(ctx, r.Work, data, at) }
	}
	rep.frames, err = s.framesOf(ctx, rep, data)
	return err
}

// extent is how much an answer shows beside what is to act upon.
type extent int

const (
	onlyActing   extent = iota // nothing
	alsoAlike                  // what is merely similar
	alsoUnlikely               // what hardly is, too
)

func (q *MatchRequest) extent() extent {
	switch {
	case q.Alike && q.Unlikely:
		return alsoUnlikely
	case q.Alike:
		return alsoAlike
	}
	return onlyActing
}

// mayShow reports whether an answer may show a hit that is not to act upon.
func (s *Service) mayShow(f found, want extent) bool {
	return want == alsoUnlikely || want == alsoAlike && s.policy.shows(f)
}

// shown describes what an answer shows of the hits, and counts the acting ones it leaves out.
func (s *Service) shown(hits []found, r *fingerprint.Result, asker OwnerID, want extent) (out []Match, more int) {
	out = []Match{}
	similar, acts := 0, 0
	perOwner := map[OwnerID]int{}
	for _, f := range hits {
		switch {
		case s.policy.acts(f):
			if acts == maxActing || perOwner[f.work.Owner] == maxPerOwner {
				more++
				continue
			}
			acts++
			perOwner[f.work.Owner]++
		case !s.mayShow(f, want) || similar == maxAlike:
			continue
		default:
			similar++
		}
		out = append(out, s.describe(f, r, asker))
	}
	return out, more
}

// newReport fingerprints the file of a query and starts its report.
func (s *Service) newReport(ctx context.Context, asker OwnerID, f File) (*MatchReport, *fingerprint.Result, error) {
	stage := s.stage("hash")
	r, err := s.Hashers.HashQuery(ctx, f.Data)
	took := ms(stage())
	if err != nil {
		return nil, nil, err
	}
	now := s.Clock().UTC().Truncate(time.Millisecond)
	return &MatchReport{
		ID: MatchID(newID("m_", now)), Asker: asker, Time: now,
		Query: Query{
			Name: f.Name, Digest: fingerprint.DigestOf(f.Data), Size: int64(len(f.Data)), Kind: r.Work, Format: r.Format,
			Width: r.Width, Height: r.Height, Box: r.Box, Duration: r.Duration, Pages: r.Pages, Insufficient: r.Insufficient, Notes: r.Notes,
		},
		Matches: []Match{}, Policy: s.policy.Version, Millis: map[string]float64{"hash": took},
		unsaid: unsaid{Pixels: pixelsOf(r)},
	}, r, nil
}

// shortVideo is the length in seconds below which many copies are not found: see
// docs/accuracy.md.
const shortVideo = 2.5

// conclude sets the verdict and sentence of the whole report.
func (rep *MatchReport) conclude(r *fingerprint.Result) {
	acting := 0
	for _, m := range rep.Matches {
		if m.Verdict.Accuses() {
			acting++
		}
	}
	switch {
	case acting == 1:
		rep.Verdict, rep.Reason = rep.Matches[0].Verdict, rep.Matches[0].Reason
	case acting > 1:
		rep.Verdict = rep.Matches[0].Verdict
		rep.Reason = fmt.Sprintf("%d registered works; the surest: %s", acting+rep.More, rep.Matches[0].Reason)
	case r.Insufficient != "":
		rep.Verdict = Insufficient
		rep.Reason = "too little information to tell: " + r.Insufficient + "; only the same bytes or pixels would have been found, and were not"
	case rep.Query.Kind == fingerprint.Video && rep.Query.Duration < shortVideo && len(rep.Matches) == 0:
		rep.Verdict = Insufficient
		rep.Reason = fmt.Sprintf("nothing found, and %.1f seconds are too few to rule a copy out", rep.Query.Duration)
	case len(rep.Matches) > 0:
		rep.Verdict, rep.Reason = Alike, "merely similar to registered works, which is no reason to act"
	default:
		rep.Verdict, rep.Reason = None, "nothing found"
		switch {
		case rep.Rejected > 0:
			rep.Reason += " but what you rejected for this picture before"
		case rep.Ignored > 0:
			rep.Reason += " but what your ignore bank explains"
		}
	}
}

// keepReport stores a report with what follows from it. Seen is what settled said before the
// search: owners, those of private works too, are then told what resembles theirs. With 0
// nobody is told.
func (s *Service) keepReport(ctx context.Context, rep *MatchReport, r *fingerprint.Result, seen uint64) error {
	defer s.stage("record")()
	seq, err := s.seq.take(ctx, 1)
	if err != nil {
		return err
	}
	defer s.seq.done(seq)
	row := watchRow{Cause: EventMatched, Asker: rep.Asker, Time: rep.Time, Match: rep.ID, Seen: seen}
	if seen != 0 {
		row.Queries = []watchQuery{newWatchQuery(rep.Query.Digest, r)}
	}
	var preview []byte
	if r.Preview != nil && len(rep.Matches)+len(rep.unsaid.Hidden) > 0 {
		if preview, err = r.Preview(); err != nil {
			return err
		}
	}
	err = s.KV.Update(ctx, func(tx store.Txn) error {
		if err := save(tx, matchKey(rep.Asker, rep.ID), storedReport{*rep, rep.unsaid}); err != nil {
			return err
		}
		if len(preview) > 0 {
			if err := tx.Set(previewKey(rep.Asker, rep.ID), preview); err != nil {
				return err
			}
		}
		for _, f := range rep.frames {
			if err := tx.Set(frameKey(rep.Asker, rep.ID, f.time), f.jpeg); err != nil {
				return err
			}
		}
		row.Open = nil // the transaction may be run again
		for _, m := range slices.Concat(rep.Matches, rep.unsaid.Hidden) {
			if m.Owner == rep.Asker || !m.Verdict.Accuses() {
				continue
			}
			// The owner of a matched work may fetch the report as evidence.
			if err := tx.Set(matchOwnerKey(m.Owner, rep.ID), []byte(rep.Asker)); err != nil {
				return err
			}
			row.Open = append(row.Open, toldMatch{m.Owner, m.Work, m.Verdict, m.Probability, m.Reason})
		}
		if seen == 0 {
			return nil
		}
		return save(tx, watchKey(rep.Asker, seq), row)
	})
	if err != nil {
		return fmt.Errorf("keep match: %w", err)
	}
	rep.unsaid, rep.frames = unsaid{}, nil // stored now; the answer goes on without them
	s.watched.wake()
	return nil
}

// askerNumber is the asker's number, 0 for one who has registered nothing.
func (s *Service) askerNumber(ctx context.Context, o OwnerID) (n ownerNumber, err error) {
	err = s.KV.View(ctx, func(tx store.Txn) (err error) {
		n, err = s.numberOf(tx, o)
		return err
	})
	return n, err
}

// MatchByID returns a stored report: to its asker whole; to the owner of a matched work
// with the matches against that owner's works only, and without the query's file name.
func (s *Service) MatchByID(ctx context.Context, asker OwnerID, id MatchID) (*MatchReport, error) {
	var rep *MatchReport
	err := s.KV.View(ctx, func(tx store.Txn) error {
		stored, asked, err := s.reportFor(tx, asker, id)
		if err != nil {
			return err
		}
		if rep = &stored.MatchReport; !asked {
			rep.Matches = append(rep.Matches, stored.Unsaid.Hidden...)
			rep.onlyFor(asker)
		}
		return nil
	})
	return rep, err
}

// onlyFor leaves what the owner of a matched work may see of somebody else's query.
func (rep *MatchReport) onlyFor(o OwnerID) {
	rep.Asker, rep.Query.Name, rep.Query.Notes, rep.Millis, rep.More = "", "", nil, nil, 0
	rep.Rejected, rep.Ignored = 0, 0
	kept := []Match{}
	for _, m := range rep.Matches {
		if m.Owner == o {
			kept = append(kept, m)
		}
	}
	rep.Matches = kept
	if len(kept) > 0 {
		rep.Verdict, rep.Reason = kept[0].Verdict, kept[0].Reason
	}
}

// maxRelated is how many earlier works a registration names at most.
const maxRelated = 20

// related finds the earlier works of other owners that a new work copies, and what the
// watcher need not search for again: nil if that is not all there is.
func (s *Service) related(ctx context.Context, w *Work, results []*fingerprint.Result) ([]Match, *finding, error) {
	told := &finding{seen: s.seq.settled()}
	asker, err := s.askerNumber(ctx, w.Owner)
	if err != nil {
		return nil, nil, err
	}
	best := map[WorkID]found{}
	at := map[WorkID]*fingerprint.Result{}
	for i, r := range results {
		hits, _, err := s.search(ctx, w.Assets[i].Digest, r, scope{asker: asker, open: true, notOwn: true, before: w.Assets[0].Seq})
		if err != nil {
			return nil, nil, err
		}
		// Before it is sifted: what this owner does not want to see, others want to hear.
		told.open = append(told.open, s.toldOf(hits))
		all, err := s.sift(ctx, w.Owner, w.Assets[i].Digest, r, hits)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range all.kept {
			if b, ok := best[f.work.ID]; s.policy.acts(f) && (!ok || f.prob > b.prob) {
				best[f.work.ID], at[f.work.ID] = f, r
			}
		}
	}
	var out []Match
	perOwner := map[OwnerID]int{}
	for _, f := range slices.SortedFunc(maps.Values(best), bySureness) {
		if perOwner[f.work.Owner]++; perOwner[f.work.Owner] > maxPerOwner {
			continue
		}
		if m, _ := s.shown([]found{f}, at[f.work.ID], w.Owner, onlyActing); len(out) < maxRelated {
			out = append(out, m...)
		}
	}
	if told.seen < w.Assets[0].Seq {
		// An earlier registration was still on its way to the indexes when this one looked.
		told = nil
	}
	return out, told, nil
}
