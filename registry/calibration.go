package registry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"selvage/fingerprint"
	"selvage/store"
)

// FeedbackRow is one judged match as calibration and accuracy reports read it: what was
// measured, what was said of it at the time, and what a person made of it. It names no
// file, title or note.
type FeedbackRow struct {
	Source      string             `json:"source"` // always "feedback"
	Feedback    string             `json:"feedback"`
	Owner       OwnerID            `json:"owner"` // who judged
	As          string             `json:"as"`
	Work        WorkID             `json:"work"`  // cross-fitting is by work
	Query       fingerprint.Digest `json:"query"` // and by query
	Judgement   Judgement          `json:"judgement"`
	Verdict     Verdict            `json:"verdict"` // of the service, then
	Probability float64            `json:"probability"`
	Policy      string             `json:"policy"` // version of thresholds and calibration, then
	Form        string             `json:"form"`
	Signals     map[string]float64 `json:"signals"`            // by name
	Measures    []float64          `json:"measures,omitempty"` // what the model saw, by photo.Features
	Regions     int                `json:"regions"`
	Time        time.Time          `json:"time"`
}

func newFeedbackRow(f *Feedback) FeedbackRow {
	r := FeedbackRow{
		Source: "feedback", Feedback: f.ID, Owner: f.Owner, As: f.As, Work: f.Work, Query: f.Query, Judgement: f.Verdict,
		Verdict: f.Was.Verdict, Probability: f.Was.Probability, Policy: f.Policy, Form: f.Was.Transform.Form,
		Signals: map[string]float64{}, Measures: f.Was.Measures, Regions: len(f.Was.Regions), Time: f.Time,
	}
	for _, x := range f.Was.Signals {
		r.Signals[x.Name] = x.Value
	}
	return r
}

// ExportFeedback calls f with every judged match that was not withdrawn, of all owners, in
// the order of owners and newest first. It is for the operator; the caller must have
// checked that right. An error of f ends it.
func (s *Service) ExportFeedback(ctx context.Context, f func(FeedbackRow) error) error {
	return s.eachFeedback(ctx, "f/", func(fb *Feedback) error { return f(newFeedbackRow(fb)) })
}

// eachFeedback calls f with what counts of the feedback under prefix, a portion of rows a
// transaction, so that a long list does not hold one open.
func (s *Service) eachFeedback(ctx context.Context, prefix string, f func(*Feedback) error) error {
	const portion = 500
	for from := []byte(prefix); from != nil; {
		var rows []*Feedback
		next := []byte(nil)
		err := s.KV.View(ctx, func(tx store.Txn) error {
			var bad error
			err := tx.Scan([]byte(prefix), from, func(k, v []byte) bool {
				if len(rows) == portion {
					next = slices.Clone(k)
					return false
				}
				fb := new(Feedback)
				if bad = decodeRow(tx, k, v, fb); bad != nil {
					return false
				}
				rows = append(rows, fb)
				return true
			})
			return errors.Join(err, bad)
		})
		if err != nil {
			return err
		}
		for _, fb := range rows {
			if fb.Withdrawn != nil {
				continue
			}
			if err := f(fb); err != nil {
				return err
			}
		}
		from = next
	}
	return nil
}

// FeedbackReport counts judged matches by what the service had said of them. People judge
// what they are shown and care about, so it is no random sample: it tells where the service
// is wrong, not how often.
type FeedbackReport struct {
	Confirmed int             `json:"confirmed"`
	Rejected  int             `json:"rejected"`
	Bins      []FeedbackBin   `json:"bins"`     // by probability, rising; all of them
	Verdicts  []FeedbackGroup `json:"verdicts"` // by verdict, only those that occur
	Policies  []FeedbackGroup `json:"policies"` // by version of thresholds and calibration
}

// FeedbackBin is the matches with a probability from From up to, but not including, To;
// the last bin includes 1.
type FeedbackBin struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
	// Mean is the mean probability said: where it is far from the share confirmed, the
	// calibration is off.
	Mean      float64 `json:"mean"`
	Confirmed int     `json:"confirmed"`
	Rejected  int     `json:"rejected"`
}

// FeedbackGroup is the matches of one name.
type FeedbackGroup struct {
	Name      string `json:"name"`
	Confirmed int    `json:"confirmed"`
	Rejected  int    `json:"rejected"`
}

// feedbackEdges bound the bins; they are fine where verdicts turn.
var feedbackEdges = []float64{0, .5, .8, .9, .95, .99, .999, 1}

// FeedbackReport counts the feedback of one owner, or of everybody where owner is empty,
// which only operators may ask for.
func (s *Service) FeedbackReport(ctx context.Context, o OwnerID) (*FeedbackReport, error) {
	prefix := "f/"
	if o != "" {
		prefix += string(o) + "/"
	}
	rep := &FeedbackReport{Bins: make([]FeedbackBin, len(feedbackEdges)-1), Verdicts: []FeedbackGroup{}, Policies: []FeedbackGroup{}}
	for i := range rep.Bins {
		rep.Bins[i].From, rep.Bins[i].To = feedbackEdges[i], feedbackEdges[i+1]
	}
	err := s.eachFeedback(ctx, prefix, func(f *Feedback) error {
		rep.add(f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range rep.Bins {
		if n := rep.Bins[i].Confirmed + rep.Bins[i].Rejected; n > 0 {
			rep.Bins[i].Mean /= float64(n)
		}
	}
	for _, g := range [][]FeedbackGroup{rep.Verdicts, rep.Policies} {
		slices.SortFunc(g, func(a, b FeedbackGroup) int { return strings.Compare(a.Name, b.Name) })
	}
	return rep, nil
}

func (rep *FeedbackReport) add(f *Feedback) {
	i := 0
	for i < len(rep.Bins)-1 && f.Was.Probability >= rep.Bins[i].To {
		i++
	}
	b := &rep.Bins[i]
	b.Mean += f.Was.Probability
	v, p := group(&rep.Verdicts, string(f.Was.Verdict)), group(&rep.Policies, f.Policy)
	if f.Verdict == Confirmed {
		rep.Confirmed++
		b.Confirmed++
		rep.Verdicts[v].Confirmed++
		rep.Policies[p].Confirmed++
		return
	}
	rep.Rejected++
	b.Rejected++
	rep.Verdicts[v].Rejected++
	rep.Policies[p].Rejected++
}

// group returns the place of a group, adding it if it is new.
func group(all *[]FeedbackGroup, name string) int {
	i := slices.IndexFunc(*all, func(g FeedbackGroup) bool { return g.Name == name })
	if i < 0 {
		*all = append(*all, FeedbackGroup{Name: name})
		i = len(*all) - 1
	}
	return i
}
