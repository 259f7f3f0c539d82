package registry_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"selvage/fingerprint/decode"
	"selvage/registry"
	"selvage/store"
)

func (r *rig) judge(who registry.OwnerID, m registry.MatchID, w registry.WorkID, v registry.Judgement) *registry.Feedback {
	r.t.Helper()
	f, err := r.Judge(context.Background(), registry.JudgeRequest{Owner: who, Match: m, Work: w, Verdict: v, By: "k_1"})
	if err != nil {
		r.t.Fatal(err)
	}
	return f
}

// decoded is the picture that a file decodes to, as a PNG: other bytes, the same pixels.
func decoded(t *testing.T, data []byte) []byte {
	t.Helper()
	p, err := decode.Decode(t.Context(), data, decode.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return asPNG(p.RGB)
}

func works(rep *registry.MatchReport) (ids []registry.WorkID) {
	for _, m := range rep.Matches {
		ids = append(ids, m.Work)
	}
	return ids
}

// TestRejectedIsNotShownAgain: who rejects a match does not see it again for the same
// bytes or the same pixels, and nobody else notices: not the work's owner, not another asker.
func TestRejectedIsNotShownAgain(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	work := r.register("ann", registry.Matchable, asPNG(picture(1))).Work.ID
	query := asJPEG(picture(1), 70)
	first := r.match("shop", query)
	if len(first.Matches) != 1 || first.Rejected != 0 {
		t.Fatalf("before: %+v", first)
	}
	f := r.judge("shop", first.ID, work, registry.Rejected)
	if f.As != "asker" || f.Was.Probability != first.Matches[0].Probability || f.Policy != first.Policy || f.By != "k_1" || f.Query != first.Query.Digest {
		t.Errorf("feedback %+v", f)
	}
	r.events("ann", 1)

	same := map[string][]byte{"same bytes": query, "same pixels": decoded(t, query)}
	check := func(when string, hidden bool) {
		t.Helper()
		for name, data := range same {
			rep := r.match("shop", data)
			if hidden && (len(rep.Matches) != 0 || rep.Rejected != 1 || rep.Verdict != registry.None || !strings.Contains(rep.Reason, "rejected")) {
				t.Errorf("%s, %s: %s %q with %d matches, %d rejected", when, name, rep.Verdict, rep.Reason, len(rep.Matches), rep.Rejected)
			}
			if !hidden && (len(rep.Matches) != 1 || rep.Rejected != 0) {
				t.Errorf("%s, %s: %d matches, %d rejected", when, name, len(rep.Matches), rep.Rejected)
			}
			again, err := r.MatchByID(ctx, "shop", rep.ID)
			if err != nil || len(again.Matches) != len(rep.Matches) || again.Rejected != rep.Rejected {
				t.Errorf("%s, %s: read again: %+v, %v", when, name, again, err)
			}
			// The owner is told as ever, and may fetch the report.
			if own, err := r.MatchByID(ctx, "ann", rep.ID); err != nil || len(own.Matches) != 1 || own.Matches[0].Work != work || !own.Verdict.Accuses() || own.Rejected != 0 {
				t.Errorf("%s, %s: the owner reads %+v, %v", when, name, own, err)
			}
			if rep := r.match("bob", data); len(rep.Matches) != 1 || rep.Rejected != 0 {
				t.Errorf("%s, %s: another asker gets %d matches", when, name, len(rep.Matches))
			}
		}
		if rep := r.match("shop", asJPEG(mirrored(picture(1)), 70)); len(rep.Matches) != 1 {
			t.Errorf("%s: another picture of the same work has %d matches", when, len(rep.Matches))
		}
	}
	check("rejected", true)
	if n := len(r.events("ann", 6)); n != 6 {
		t.Errorf("the owner has %d events, want 6", n)
	}
	r.stop()
	r.start()
	check("after a restart", true)
	// A later report, which hides the match, serves to change one's mind.
	later := r.match("shop", query)
	if f2 := r.judge("shop", later.ID, work, registry.Confirmed); f2.ID != f.ID || len(f2.History) != 1 || f2.History[0].Verdict != registry.Rejected || f2.Match != later.ID {
		t.Errorf("changed: %+v", f2)
	}
	check("confirmed", false)
	r.judge("shop", first.ID, work, registry.Rejected)
	check("rejected again", true)
	for range 2 {
		if err := r.WithdrawFeedback(ctx, "shop", later.ID, work); err != nil {
			t.Fatal(err)
		}
	}
	check("withdrawn", false)
	page, err := r.Feedback(ctx, "shop", "", 10)
	if err != nil || len(page.Items) != 1 || page.Items[0].Withdrawn == nil || len(page.Items[0].History) != 2 {
		t.Errorf("list: %+v, %v", page, err)
	}
	if rep := r.clean(); rep.Feedback != 1 {
		t.Errorf("fsck counts %d judged pairs", rep.Feedback)
	}
}

// TestFeedbackIsIdempotent: the same again changes nothing, and the history is bounded.
func TestFeedbackIsIdempotent(t *testing.T) {
	r := newRig(t)
	work := r.register("ann", registry.Matchable, asPNG(picture(1))).Work.ID
	m := r.match("shop", asPNG(picture(1)))
	a, b := r.judge("shop", m.ID, work, registry.Confirmed), r.judge("shop", m.ID, work, registry.Confirmed)
	if a.ID != b.ID || !a.Time.Equal(b.Time) || len(b.History) != 0 {
		t.Errorf("%+v and then %+v", a, b)
	}
	for i := range 120 {
		v := registry.Rejected
		if i%2 == 1 {
			v = registry.Confirmed
		}
		b = r.judge("shop", m.ID, work, v)
	}
	if len(b.History) != 50 || b.History[0].Time != a.Time || b.Verdict != registry.Confirmed {
		t.Errorf("%d in the history, the first of %v, now %s", len(b.History), b.History[0].Time, b.Verdict)
	}
	got, err := r.MatchFeedback(context.Background(), "shop", m.ID)
	if err != nil || len(got) != 1 || got[0].ID != a.ID {
		t.Errorf("of the report: %+v, %v", got, err)
	}
	r.clean()
}

// TestFeedbackOfOthers: nobody judges, reads or takes back what is not theirs, and what is
// impossible is refused.
func TestFeedbackOfOthers(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	work := r.register("ann", registry.Matchable, asPNG(picture(1))).Work.ID
	other := r.register("bob", registry.Matchable, asPNG(picture(1))).Work.ID
	unmatched := r.register("ann", registry.Matchable, asPNG(picture(2))).Work.ID
	private := r.register("ann", registry.Private, asJPEG(picture(1), 90)).Work.ID
	m := r.match("shop", asPNG(picture(1)))
	none := registry.MatchID("m_" + strings.Repeat("9", 26))
	for name, c := range map[string]struct {
		q     registry.JudgeRequest
		field string // "": ErrNotFound
	}{
		"stranger's report":           {registry.JudgeRequest{Owner: "eve", Match: m.ID, Work: work, Verdict: registry.Rejected}, ""},
		"owner on another's work":     {registry.JudgeRequest{Owner: "ann", Match: m.ID, Work: other, Verdict: registry.Rejected}, ""},
		"work that was not found":     {registry.JudgeRequest{Owner: "shop", Match: m.ID, Work: unmatched, Verdict: registry.Rejected}, ""},
		"private work":                {registry.JudgeRequest{Owner: "shop", Match: m.ID, Work: private, Verdict: registry.Rejected}, ""},
		"no such report":              {registry.JudgeRequest{Owner: "shop", Match: none, Work: work, Verdict: registry.Rejected}, ""},
		"report of odd name":          {registry.JudgeRequest{Owner: "shop", Match: "../m", Work: work, Verdict: registry.Rejected}, ""},
		"work of odd name":            {registry.JudgeRequest{Owner: "shop", Match: m.ID, Work: "w_/../x", Verdict: registry.Rejected}, ""},
		"no verdict":                  {registry.JudgeRequest{Owner: "shop", Match: m.ID, Work: work}, "verdict"},
		"note too long":               {registry.JudgeRequest{Owner: "shop", Match: m.ID, Work: work, Verdict: registry.Rejected, Note: strings.Repeat("é", 1001)}, "note"},
		"note that turns direction":   {registry.JudgeRequest{Owner: "shop", Match: m.ID, Work: work, Verdict: registry.Rejected, Note: "a\u202eb"}, "note"},
		"note of broken text":         {registry.JudgeRequest{Owner: "shop", Match: m.ID, Work: work, Verdict: registry.Rejected, Note: "\xff"}, "note"},
		"owner whose name would scan": {registry.JudgeRequest{Owner: "shop/x", Match: m.ID, Work: work, Verdict: registry.Rejected}, "owner"},
	} {
		_, err := r.Judge(ctx, c.q)
		var bad *registry.InvalidError
		if c.field == "" && !errors.Is(err, registry.ErrNotFound) || c.field != "" && (!errors.As(err, &bad) || bad.Field != c.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, who := range []registry.OwnerID{"eve", "shop", "ann"} {
		if err := r.WithdrawFeedback(ctx, who, m.ID, work); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("%s takes back what was never said: %v", who, err)
		}
	}
	if _, err := r.MatchFeedback(ctx, "eve", m.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("a stranger reads the feedback of a report: %v", err)
	}
	r.judge("shop", m.ID, work, registry.Rejected)
	if err := r.WithdrawFeedback(ctx, "ann", m.ID, work); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("the work's owner takes back what the asker said: %v", err)
	}
	if got, err := r.MatchFeedback(ctx, "ann", m.ID); err != nil || len(got) != 0 {
		t.Errorf("the work's owner reads what the asker said: %+v, %v", got, err)
	}
	if rep := r.match("shop", asPNG(picture(1))); len(rep.Matches) != 1 || rep.Matches[0].Work != other || rep.Rejected != 1 {
		t.Errorf("one of two rejected: %v, %d rejected", works(rep), rep.Rejected)
	}
}

// TestOwnersRejection: an owner who rejects is not told of the same picture again, while
// the asker and everybody else see what they saw.
func TestOwnersRejection(t *testing.T) {
	r := newRig(t)
	work := r.register("ann", registry.Matchable, asPNG(picture(1))).Work.ID
	secret := r.register("ann", registry.Private, asPNG(picture(2))).Work.ID
	r.register("zoe", registry.Private, asPNG(picture(1))) // an event of hers says that all are told
	r.register("zoe", registry.Private, asPNG(picture(2)))
	open, closed := asJPEG(picture(1), 70), asJPEG(picture(2), 70)
	m := r.match("shop", open)
	r.events("ann", 1)
	r.events("zoe", 1)
	if f := r.judge("ann", m.ID, work, registry.Rejected); f.As != "owner" {
		t.Errorf("judged as %s", f.As)
	}
	// A private work has no report of strangers; comparing is how its owner speaks of it.
	cmp, err := r.Compare(context.Background(), "ann", secret, registry.File{Name: "x.jpg", Data: closed})
	if err != nil {
		t.Fatal(err)
	}
	r.judge("ann", cmp.ID, secret, registry.Rejected)
	if rep := r.match("shop", open); len(rep.Matches) != 1 || rep.Rejected != 0 {
		t.Errorf("the asker gets %d matches, %d rejected", len(rep.Matches), rep.Rejected)
	}
	r.match("shop", closed)
	r.events("zoe", 3)
	if all := r.events("ann", 1); len(all) != 1 {
		t.Errorf("the owner was told %d times, want once", len(all))
	}
	// Comparing is asked for by name, and so is always answered.
	again, err := r.Compare(context.Background(), "ann", secret, registry.File{Name: "x.jpg", Data: closed})
	if err != nil || again.Verdict != registry.Copy || len(again.Matches) != 1 {
		t.Errorf("compared again: %+v, %v", again, err)
	}
	r.match("shop", asJPEG(mirrored(picture(1)), 70))
	r.events("ann", 2) // another picture of the same work
	r.clean()
}

// TestRejectedIsNotRelated: registering the very picture does not name the work again, and
// its owner is told of the registration.
func TestRejectedIsNotRelated(t *testing.T) {
	r := newRig(t)
	work := r.register("ann", registry.Matchable, asPNG(picture(1))).Work.ID
	query := asJPEG(picture(1), 70)
	m := r.match("shop", query)
	r.judge("shop", m.ID, work, registry.Rejected)
	if reg := r.register("shop", registry.Matchable, query); len(reg.Related) != 0 {
		t.Errorf("%d related works", len(reg.Related))
	}
	kinds := map[registry.EventKind]int{}
	for _, e := range r.events("ann", 2) {
		kinds[e.Kind]++
	}
	if kinds[registry.EventMatched] != 1 || kinds[registry.EventRegistered] != 1 {
		t.Errorf("the owner has %v", kinds)
	}
}

func TestFeedbackExportAndReport(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	a := r.register("ann", registry.Matchable, asPNG(picture(1))).Work.ID
	b := r.register("ann", registry.Matchable, asPNG(picture(2))).Work.ID
	m1, m2, m3 := r.match("shop", asPNG(picture(1))), r.match("shop", asJPEG(mirrored(picture(2)), 60)), r.match("bob", asJPEG(picture(1), 60))
	r.judge("shop", m1.ID, a, registry.Confirmed)
	r.judge("shop", m2.ID, b, registry.Rejected)
	r.judge("ann", m3.ID, a, registry.Confirmed)
	r.judge("bob", m3.ID, a, registry.Rejected)
	if err := r.WithdrawFeedback(ctx, "bob", m3.ID, a); err != nil {
		t.Fatal(err)
	}
	var rows []registry.FeedbackRow
	if err := r.ExportFeedback(ctx, func(row registry.FeedbackRow) error { rows = append(rows, row); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	for _, row := range rows {
		if row.Source != "feedback" || row.Policy == "" || len(row.Signals) == 0 || row.Verdict == "" || row.Probability <= 0.5 {
			t.Errorf("row %+v", row)
		}
		if row.Work != b {
			continue
		}
		was := m2.Matches[0]
		if row.Judgement != registry.Rejected || row.Probability != was.Probability || row.Form != was.Transform.Form || row.Query != m2.Query.Digest || !slices.Equal(row.Measures, was.Measures) {
			t.Errorf("row of the mirrored copy: %+v", row)
		}
		for _, x := range was.Signals {
			if row.Signals[x.Name] != x.Value {
				t.Errorf("signal %s: %v, want %v", x.Name, row.Signals[x.Name], x.Value)
			}
		}
	}
	stop := errors.New("enough")
	if err := r.ExportFeedback(ctx, func(registry.FeedbackRow) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an export that is stopped: %v", err)
	}
	for who, want := range map[registry.OwnerID][2]int{"": {2, 1}, "shop": {1, 1}, "ann": {1, 0}, "bob": {0, 0}, "sho": {0, 0}} {
		rep, err := r.FeedbackReport(ctx, who)
		if err != nil {
			t.Fatal(err)
		}
		var bins, verdicts [2]int
		for _, x := range rep.Bins {
			bins[0], bins[1] = bins[0]+x.Confirmed, bins[1]+x.Rejected
			if n := x.Confirmed + x.Rejected; n > 0 && (x.Mean < x.From || x.Mean > x.To) {
				t.Errorf("%q: bin %+v", who, x)
			}
		}
		for _, x := range rep.Verdicts {
			verdicts[0], verdicts[1] = verdicts[0]+x.Confirmed, verdicts[1]+x.Rejected
		}
		if got := [2]int{rep.Confirmed, rep.Rejected}; got != want || bins != want || verdicts != want {
			t.Errorf("%q: %v, bins %v, verdicts %v, want %v", who, got, bins, verdicts, want)
		}
	}
}

// TestFsckSeesFeedback: rows that contradict each other are found.
func TestFsckSeesFeedback(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	work := r.register("ann", registry.Matchable, asPNG(picture(1))).Work.ID
	m := r.match("shop", asJPEG(picture(1), 70))
	r.judge("shop", m.ID, work, registry.Rejected)
	r.clean()
	rows := map[string][]byte{}
	err := r.kv.View(ctx, func(tx store.Txn) error {
		for _, p := range []string{"f/", "g/", "v/"} {
			if err := tx.Scan([]byte(p), nil, func(k, v []byte) bool { rows[string(k)] = bytes.Clone(v); return true }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(rows) != 4 { // feedback, bytes, pixels, preview
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for k, v := range rows {
		for name, bad := range map[string][]byte{"cut": v[:len(v)/2], "gone": nil, "turned": bytes.Replace(v, []byte("true"), []byte("false"), 1)} {
			if name == "gone" && !strings.HasPrefix(k, "f/") || name == "turned" && !strings.HasPrefix(k, "g/") {
				continue
			}
			set := func(v []byte) {
				if err := r.kv.Update(ctx, func(tx store.Txn) error {
					if v == nil {
						return tx.Delete([]byte(k))
					}
					return tx.Set([]byte(k), v)
				}); err != nil {
					t.Fatal(err)
				}
			}
			if strings.HasPrefix(k, "v/") {
				bad = []byte("no JPEG")
			}
			set(bad)
			rep, err := r.Fsck(ctx, registry.FsckOptions{})
			if err != nil || len(rep.Problems) == 0 {
				t.Errorf("%q %s: %v, %v", k, name, rep.Problems, err)
			}
			set(v)
		}
	}
	r.clean()
}
