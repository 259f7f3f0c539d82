package main

import (
	"bytes"
	"time"

	"selvage/fingerprint"
	"selvage/registry"
)

// near is a registry opened in this process.
type near struct {
	e     *env
	y     *system
	owner registry.OwnerID
	// any: no owner was named, so the person at the keyboard, who can read the directory
	// anyhow, acts for whoever owns the work.
	any bool
}

func newNear(e *env, s Settings, owner string, create bool) (*near, error) {
	anyOwner := owner == ""
	if anyOwner {
		owner = "local"
	}
	o, err := ownerNamed("--owner", owner)
	if err != nil {
		return nil, err
	}
	open := e.openExisting
	if create {
		open = func(s Settings) (*system, error) { return e.open(s, nil) }
	}
	y, err := open(s)
	if err != nil {
		return nil, err
	}
	return &near{e, y, o, anyOwner}, nil
}

func (n *near) close() error { return n.y.close(n.e.ctx) }

func (n *near) register(a registerArgs, in input) (registered, error) {
	if a.visibility == "" {
		a.visibility = string(registry.Matchable)
	}
	r, err := n.y.registry.Register(n.e.ctx, registry.RegisterRequest{
		Owner: n.owner, Title: a.title, Kind: fingerprint.WorkKind(a.kind), Visibility: registry.Visibility(a.visibility),
		Fixed: a.fixed, Files: []registry.File{{Name: in.name(), Data: in.data}},
	})
	if err != nil {
		return registered{}, err
	}
	// The work read back, so that the proven time is the stored one.
	w, err := n.y.registry.Work(n.e.ctx, n.owner, r.Work.ID)
	if err != nil {
		return registered{}, err
	}
	return describeWork(w, r.Duplicate, r.Related), nil
}

func describeWork(w *registry.Work, duplicate bool, related []registry.Match) registered {
	out := registered{
		Work: string(w.ID), Title: w.Title, Digest: w.Assets[0].Digest.String(), Duplicate: duplicate, Proven: w.Proven, Related: related,
	}
	if r := w.Assets[0].Result; r != nil {
		out.Insufficient = r.Insufficient
	}
	return out
}

func (n *near) match(in input, alike bool) (answer, error) {
	rep, err := n.y.registry.Match(n.e.ctx, registry.MatchRequest{Asker: n.owner, File: registry.File{Name: in.name(), Data: in.data}, Alike: alike})
	if err != nil {
		return answer{}, err
	}
	return *rep, nil
}

func (n *near) compare(work string, in input) (answer, error) {
	owner, err := n.ownerOf(work)
	if err != nil {
		return answer{}, err
	}
	rep, err := n.y.registry.Compare(n.e.ctx, owner, registry.WorkID(work), registry.File{Name: in.name(), Data: in.data})
	if err != nil {
		return answer{}, err
	}
	return *rep, nil
}

func (n *near) evidence(work, match string, accused *input, digestsOnly bool) ([]byte, error) {
	owner, err := n.ownerOf(work)
	if err != nil {
		return nil, err
	}
	q := registry.EvidenceRequest{Owner: owner, Work: registry.WorkID(work), Match: registry.MatchID(match), DigestsOnly: digestsOnly}
	if accused != nil {
		q.Accused = &registry.File{Name: accused.name(), Data: accused.data}
	}
	var b bytes.Buffer
	if err := retryPending(n.e, func() error { b.Reset(); return n.y.registry.Evidence(n.e.ctx, q, &b) }); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (n *near) ownerOf(work string) (registry.OwnerID, error) {
	if !n.any {
		return n.owner, nil
	}
	return n.y.registry.OwnerOf(n.e.ctx, registry.WorkID(work))
}

// retryPending waits a few seconds for an entry that the log has not taken yet.
func retryPending(e *env, f func() error) error {
	for deadline := time.Now().Add(15 * time.Second); ; {
		err := f()
		if !isPending(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-e.ctx.Done():
			return e.ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
