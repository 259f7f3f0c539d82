package api

import (
	"context"
	"fmt"
	"io"
	"slices"

	"selvage/provenance"
	"selvage/registry"
)

// The fake's feedback and ignore bank: stored and given back, without any effect on answers.

// shownTo returns the match with a work ("": the first) if the asker of the report reads.
func (r *fakeRegistry) shownTo(who registry.OwnerID, id registry.MatchID, work registry.WorkID) (*registry.MatchReport, registry.Match, error) {
	if rep := r.matches[id]; rep != nil && rep.Asker == who {
		for _, m := range rep.Matches {
			if work == "" || m.Work == work {
				return rep, m, nil
			}
		}
	}
	return nil, registry.Match{}, fmt.Errorf("match %s: %w", id, registry.ErrNotFound)
}

func (r *fakeRegistry) Overlay(_ context.Context, reader registry.OwnerID, id registry.MatchID, work registry.WorkID, out io.Writer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, _, err := r.shownTo(reader, id, work); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\x89PNG\r\n\x1a\n")
	return err
}

func (r *fakeRegistry) Judge(_ context.Context, q registry.JudgeRequest) (*registry.Feedback, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.Verdict != registry.Confirmed && q.Verdict != registry.Rejected {
		return nil, &registry.InvalidError{Field: "verdict", Fix: "use another"}
	}
	if len(q.Note) > 1000 {
		return nil, &registry.InvalidError{Field: "note", Fix: "shorter"}
	}
	rep, m, err := r.shownTo(q.Owner, q.Match, q.Work)
	if err != nil {
		return nil, err
	}
	f := registry.Feedback{
		ID: r.id("f_"), Owner: q.Owner, As: "asker", Work: q.Work, Query: rep.Query.Digest, Was: m, Policy: rep.Policy,
		Said: registry.Said{Verdict: q.Verdict, Note: q.Note, Match: q.Match, Time: r.clock(), By: q.By},
	}
	r.feedback = append(r.feedback, f)
	return &f, nil
}

func (r *fakeRegistry) WithdrawFeedback(_ context.Context, o registry.OwnerID, id registry.MatchID, w registry.WorkID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range r.feedback {
		if f.Owner == o && f.Match == id && f.Work == w {
			now := r.clock()
			r.feedback[i].Withdrawn = &now
			return nil
		}
	}
	return registry.ErrNotFound
}

func (r *fakeRegistry) MatchFeedback(_ context.Context, o registry.OwnerID, id registry.MatchID) (out []registry.Feedback, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rep := r.matches[id]; rep == nil || rep.Asker != o {
		return nil, registry.ErrNotFound
	}
	for _, f := range r.feedback {
		if f.Owner == o && f.Match == id {
			out = append(out, f)
		}
	}
	return out, nil
}

func (r *fakeRegistry) Feedback(_ context.Context, o registry.OwnerID, _ string, limit int) (p registry.Page[registry.Feedback], _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.feedback {
		if f.Owner == o && len(p.Items) < limit {
			p.Items = append(p.Items, f)
		}
	}
	return p, nil
}

func (r *fakeRegistry) FeedbackReport(_ context.Context, o registry.OwnerID) (*registry.FeedbackReport, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rep := &registry.FeedbackReport{Bins: []registry.FeedbackBin{{To: 1}}, Verdicts: []registry.FeedbackGroup{}, Policies: []registry.FeedbackGroup{}}
	for _, f := range r.feedback {
		if o == "" || f.Owner == o {
			rep.Confirmed++
		}
	}
	return rep, nil
}

func (r *fakeRegistry) ExportFeedback(_ context.Context, f func(registry.FeedbackRow) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.feedback {
		if err := f(registry.FeedbackRow{Source: "feedback", Feedback: x.ID, Owner: x.Owner}); err != nil {
			return err
		}
	}
	return nil
}

func (r *fakeRegistry) Ignore(_ context.Context, o registry.OwnerID, label string, f registry.File) (*registry.Ignored, bool, error) {
	if label == "" {
		return nil, false, &registry.InvalidError{Field: "label", Fix: "say what it is"}
	}
	res, err := hash(f.Data)
	if err != nil {
		return nil, false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := registry.Ignored{ID: r.id("i_"), Label: label, Size: int64(len(f.Data)), Format: res.Format, Width: res.Width, Height: res.Height, Time: r.clock()}
	for _, old := range r.banks[o] {
		if old.Size == e.Size {
			return &old, false, nil
		}
	}
	r.banks[o] = append(r.banks[o], e)
	return &e, true, nil
}

func (r *fakeRegistry) IgnoredList(_ context.Context, o registry.OwnerID) ([]registry.Ignored, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.banks[o]), nil
}

func (r *fakeRegistry) Unignore(_ context.Context, o registry.OwnerID, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.banks[o])
	r.banks[o] = slices.DeleteFunc(r.banks[o], func(e registry.Ignored) bool { return e.ID == id })
	if len(r.banks[o]) == n {
		return registry.ErrNotFound
	}
	return nil
}

func (r *fakeRegistry) ServiceName() string { return "selvage" }

func (r *fakeRegistry) DesignerKeys(_ context.Context, o registry.OwnerID) ([]registry.DesignerKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]registry.DesignerKey{}, r.designerKeys[o]...), nil
}

func (r *fakeRegistry) RegisterKey(_ context.Context, o registry.OwnerID, envelope []byte) (*registry.DesignerKey, error) {
	st, err := provenance.OpenKey(envelope)
	if err != nil {
		return nil, &registry.InvalidError{Field: "key", Fix: err.Error()}
	}
	pub, err := st.PublicKey()
	if err != nil {
		return nil, err
	}
	now := r.clock()
	k := registry.DesignerKey{ID: provenance.KeyID(pub), Key: st.Key, Registered: now, Proven: &now}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.designerKeys == nil {
		r.designerKeys = map[registry.OwnerID][]registry.DesignerKey{}
	}
	r.designerKeys[o] = append(r.designerKeys[o], k)
	return &k, nil
}

func (r *fakeRegistry) RevokeKey(_ context.Context, o registry.OwnerID, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.designerKeys[o] {
		if k := &r.designerKeys[o][i]; k.ID == id {
			now := r.clock()
			k.Revoked = &now
			return nil
		}
	}
	return registry.ErrNotFound
}
