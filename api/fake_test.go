package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
	"selvage/registry"
	"selvage/store"
)

// fakeRegistry is a registry in memory that matches equal bytes only. It obeys the rules
// of visibility, so that the scenarios mean the same here as with the real service.
type fakeRegistry struct {
	mu       sync.Mutex
	clock    func() time.Time
	n        int
	works    []*registry.Work
	matches  map[registry.MatchID]*registry.MatchReport
	events   map[registry.OwnerID][]registry.Event
	feedback []registry.Feedback
	banks    map[registry.OwnerID][]registry.Ignored

	designerKeys map[registry.OwnerID][]registry.DesignerKey
	pending      bool // receipts stay pending
	millis       map[string]float64
	calls        int // of Register, Match and Compare

	// before, if set, runs at the start of Register, Match and Evidence.
	before func(ctx context.Context) error
	ready  error
}

var _ Registry = (*fakeRegistry)(nil)

func (r *fakeRegistry) id(prefix string) string {
	r.n++
	return fmt.Sprintf("%s%026d", prefix, r.n)
}

func (r *fakeRegistry) enter(ctx context.Context) error {
	r.mu.Lock()
	r.calls++
	before := r.before
	r.mu.Unlock()
	if before != nil {
		return before(ctx)
	}
	return ctx.Err()
}

// hash accepts PNG files only.
func hash(data []byte) (*fingerprint.Result, error) {
	switch {
	case len(data) == 0:
		return nil, &decode.Error{Kind: decode.Empty, Detail: "the file is empty"}
	case !bytes.HasPrefix(data, []byte("\x89PNG")):
		return nil, &decode.Error{Kind: decode.Unknown, Detail: "no picture format that is read here"}
	case len(data) < 100:
		return nil, &decode.Error{Kind: decode.Truncated, Format: "png", Detail: "the file ends too early: it was cut, upload it again"}
	}
	return &fingerprint.Result{
		Work: fingerprint.Photo, Format: "png", Width: 64, Height: 64, Box: fingerprint.Rect{X1: 64, Y1: 64},
		Prints: []fingerprint.Fingerprint{{Kind: fingerprint.PDQ256, View: fingerprint.Full, Payload: bytes.Repeat([]byte{7}, 32), Quality: 90}},
	}, nil
}

func (r *fakeRegistry) Register(ctx context.Context, q registry.RegisterRequest) (*registry.Registration, error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := &registry.Work{
		Owner: q.Owner, Kind: fingerprint.Photo, Title: q.Title, Description: q.Description, Visibility: q.Visibility,
		Dates: registry.Dates{Fixed: q.Fixed, FirstDisclosed: q.FirstDisclosed, Received: r.clock()},
	}
	if w.Visibility == "" {
		w.Visibility = registry.Private
	}
	if w.Title == "" {
		w.Title = "untitled"
	}
	for _, f := range q.Files {
		res, err := hash(f.Data)
		if err != nil {
			return nil, err
		}
		w.Assets = append(w.Assets, registry.Asset{Digest: fingerprint.DigestOf(f.Data), Size: int64(len(f.Data)), Name: f.Name, Format: res.Format, Result: res, Seq: 77})
	}
	reg := &registry.Registration{Work: w}
	for _, old := range r.works {
		if old.Assets[0].Digest != w.Assets[0].Digest {
			continue
		}
		if old.Owner == w.Owner {
			return &registry.Registration{Work: old, Duplicate: true, Receipt: r.receipt(old)}, nil
		}
		if old.Visibility != registry.Private {
			reg.Related = append(reg.Related, match(old, q.Owner))
		}
	}
	w.ID = registry.WorkID(r.id("w_"))
	r.works = append(r.works, w)
	if !q.NoWait {
		reg.Receipt = r.receipt(w)
	}
	return reg, nil
}

func (r *fakeRegistry) receipt(w *registry.Work) []byte {
	if r.pending {
		return nil
	}
	return fmt.Appendf(nil, `{"work":%q,"salt":"c2FsdA=="}`, w.ID)
}

func match(w *registry.Work, asker registry.OwnerID) registry.Match {
	m := registry.Match{
		Work: w.ID, Owner: w.Owner, Asset: w.Assets[0].Digest, Verdict: registry.Identical, Probability: 1,
		Transform: registry.Transform{Form: "none", Words: "nothing"}, Reason: "the same bytes", Received: w.Dates.Received,
	}
	if w.Owner == asker || w.Visibility == registry.Public {
		m.Title = w.Title
	}
	return m
}

// find returns the work if the asker may know of it.
func (r *fakeRegistry) find(asker registry.OwnerID, id registry.WorkID) (*registry.Work, error) {
	for _, w := range r.works {
		if w.ID == id && (w.Owner == asker || w.Visibility == registry.Public) {
			return w, nil
		}
	}
	return nil, fmt.Errorf("work %s: %w", id, registry.ErrNotFound)
}

func (r *fakeRegistry) own(owner registry.OwnerID, id registry.WorkID) (*registry.Work, error) {
	w, err := r.find(owner, id)
	if err == nil && w.Owner != owner {
		return nil, fmt.Errorf("work %s: %w", id, registry.ErrNotFound)
	}
	return w, err
}

func (r *fakeRegistry) Work(_ context.Context, asker registry.OwnerID, id registry.WorkID) (*registry.Work, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.find(asker, id) // with fingerprints for strangers too: the API must drop them
}

func (r *fakeRegistry) OwnerOf(_ context.Context, id registry.WorkID) (registry.OwnerID, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.works {
		if w.ID == id {
			return w.Owner, nil
		}
	}
	return "", registry.ErrNotFound
}

func (r *fakeRegistry) Works(_ context.Context, owner registry.OwnerID, cursor string, limit int) (p registry.Page[registry.Work], _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.works) - 1; i >= 0; i-- {
		w := r.works[i]
		if w.Owner != owner || cursor != "" && string(w.ID) >= cursor {
			continue
		}
		if len(p.Items) == limit {
			p.Next = string(p.Items[limit-1].ID)
			break
		}
		p.Items = append(p.Items, *w)
	}
	return p, nil
}

func (r *fakeRegistry) Withdraw(_ context.Context, owner registry.OwnerID, id registry.WorkID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, err := r.own(owner, id)
	if err == nil && w.Withdrawn == nil {
		now := r.clock()
		w.Withdrawn = &now
	}
	return err
}

func (r *fakeRegistry) SetVisibility(_ context.Context, owner registry.OwnerID, id registry.WorkID, v registry.Visibility) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, err := r.own(owner, id)
	if err == nil {
		w.Visibility = v
	}
	return err
}

func (r *fakeRegistry) Receipt(_ context.Context, asker registry.OwnerID, id registry.WorkID) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, err := r.own(asker, id)
	if err != nil {
		return nil, err
	}
	if r.pending {
		return nil, registry.ErrPending
	}
	return r.receipt(w), nil
}

func (r *fakeRegistry) COSEReceipt(ctx context.Context, asker registry.OwnerID, id registry.WorkID) ([]byte, error) {
	if _, err := r.Receipt(ctx, asker, id); err != nil {
		return nil, err
	}
	return []byte{0xd2, 0x84}, nil
}

func (r *fakeRegistry) Certificate(ctx context.Context, owner registry.OwnerID, id registry.WorkID) ([]byte, error) {
	if _, err := r.Receipt(ctx, owner, id); err != nil {
		return nil, err
	}
	return []byte("%PDF-1.3\n"), nil
}

func (r *fakeRegistry) Evidence(ctx context.Context, q registry.EvidenceRequest, w io.Writer) error {
	if err := r.enter(ctx); err != nil {
		return err
	}
	if _, err := r.Receipt(ctx, q.Owner, q.Work); err != nil {
		return err
	}
	if q.Match != "" {
		if _, err := r.MatchByID(ctx, q.Owner, q.Match); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "PK\x03\x04 work=%s match=%s digests_only=%t accused=%t", q.Work, q.Match, q.DigestsOnly, q.Accused != nil)
	return err
}

func (r *fakeRegistry) Match(ctx context.Context, q registry.MatchRequest) (*registry.MatchReport, error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	return r.ask(q.Asker, q.File, nil)
}

func (r *fakeRegistry) ask(asker registry.OwnerID, f registry.File, only *registry.Work) (*registry.MatchReport, error) {
	res, err := hash(f.Data)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := &registry.MatchReport{
		Asker: asker, Time: r.clock(), Verdict: registry.None, Reason: "nothing found", Policy: "p1", Millis: r.millis,
		Query: registry.Query{
			Name: f.Name, Digest: fingerprint.DigestOf(f.Data), Size: int64(len(f.Data)), Kind: res.Work,
			Format: res.Format, Width: res.Width, Height: res.Height, Box: res.Box,
		},
	}
	for _, w := range r.works {
		if w.Withdrawn != nil || only != nil && w != only || w.Assets[0].Digest != m.Query.Digest {
			continue
		}
		if w.Owner == asker || w.Visibility != registry.Private {
			m.Matches = append(m.Matches, match(w, asker))
			m.Verdict, m.Reason = registry.Identical, "the same bytes"
		}
		if w.Owner != asker {
			r.events[w.Owner] = append(r.events[w.Owner], registry.Event{
				ID: r.id("e_"), Kind: registry.EventMatched, Time: r.clock(), Work: w.ID, Verdict: registry.Identical, Probability: 1, Reason: "seen",
			})
		}
	}
	m.ID = registry.MatchID(r.id("m_"))
	r.matches[m.ID] = m
	return m, nil
}

func (r *fakeRegistry) MatchByID(_ context.Context, asker registry.OwnerID, id registry.MatchID) (*registry.MatchReport, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.matches[id]; m != nil && m.Asker == asker {
		return m, nil
	}
	return nil, fmt.Errorf("match %s: %w", id, registry.ErrNotFound)
}

func (r *fakeRegistry) Compare(ctx context.Context, owner registry.OwnerID, id registry.WorkID, f registry.File) (*registry.MatchReport, error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	w, err := r.own(owner, id)
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return r.ask(owner, f, w)
}

func (r *fakeRegistry) Fingerprints(_ context.Context, _ fingerprint.WorkKind, data []byte) (*fingerprint.Result, error) {
	return hash(data)
}

func (r *fakeRegistry) Events(_ context.Context, owner registry.OwnerID, _ string, limit int) (registry.Page[registry.Event], error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	es := r.events[owner]
	return registry.Page[registry.Event]{Items: es[:min(limit, len(es))]}, nil
}

func (r *fakeRegistry) Ready(context.Context) error { return r.ready }

func (r *fakeRegistry) LogFile(_ context.Context, path string) ([]byte, error) {
	switch path {
	case "checkpoint":
		return []byte("selvage.example/log\n1\nAAAA\n\n— x\n"), nil
	case "tile/0/000.p/1":
		return bytes.Repeat([]byte{1}, 32), nil
	}
	return nil, fmt.Errorf("log file %s: %w", path, store.ErrNotFound)
}

// Jobs are tested over the real registry: see jobs_test.go.

func (r *fakeRegistry) Heavy(fingerprint.WorkKind, []registry.File) bool { return false }

func (r *fakeRegistry) SubmitRegister(context.Context, registry.RegisterRequest) (*registry.Job, error) {
	return nil, registry.ErrNotFound
}

func (r *fakeRegistry) SubmitMatch(context.Context, registry.MatchRequest) (*registry.Job, error) {
	return nil, registry.ErrNotFound
}

func (r *fakeRegistry) Job(context.Context, registry.OwnerID, registry.JobID) (*registry.Job, error) {
	return nil, registry.ErrNotFound
}

func (r *fakeRegistry) Jobs(context.Context, registry.OwnerID, string, int) (registry.Page[registry.Job], error) {
	return registry.Page[registry.Job]{Items: []registry.Job{}}, nil
}

func (r *fakeRegistry) AwaitJob(context.Context, registry.OwnerID, registry.JobID) (j *registry.Job, failed, err error) {
	return nil, nil, registry.ErrNotFound
}

func (r *fakeRegistry) CancelJob(context.Context, registry.OwnerID, registry.JobID) (*registry.Job, error) {
	return nil, registry.ErrNotFound
}
