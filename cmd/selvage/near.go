package main

import (
	"bytes"
	"fmt"
	"time"

	"selvage/fingerprint"
	"selvage/provenance"
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
	q := registry.RegisterRequest{
		Owner: n.owner, Kind: fingerprint.WorkKind(a.kind), Visibility: registry.Visibility(a.visibility),
		VersionOf: registry.WorkID(a.versionOf), Files: []registry.File{{Name: in.name(), Data: in.data}},
	}
	if err := n.describe(&q, a, in); err != nil {
		return registered{}, err
	}
	r, err := n.y.registry.Register(n.e.ctx, q)
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

// describe puts what is said of the work into the request, signed if there is a key.
func (n *near) describe(q *registry.RegisterRequest, a registerArgs, in input) (err error) {
	if a.key == nil {
		q.Title, q.Authors, q.Rights = a.title, a.authors, a.rights
		if a.fixed != nil {
			t, err := time.Parse(time.DateOnly, a.fixed.Date)
			if err != nil {
				return err
			}
			q.Fixed = &t
		}
		if d := a.disclosed; d != nil {
			t, err := time.Parse(time.DateOnly, d.Date)
			if err != nil {
				return err
			}
			q.FirstDisclosed = &registry.Disclosure{Date: t, Place: d.Place, Channel: d.Channel, Reach: d.Reach}
		}
		return nil
	}
	previous := ""
	if a.versionOf != "" {
		var receipt []byte
		err := retryPending(n.e, func() (err error) {
			receipt, err = n.y.registry.Receipt(n.e.ctx, n.owner, registry.WorkID(a.versionOf))
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", a.versionOf, err)
		}
		if previous, err = commitmentOf(receipt); err != nil {
			return err
		}
	}
	q.Claim, err = a.claim(string(n.owner), previous, in)
	return err
}

func (n *near) designerKeys() (designerKeyList, error) {
	keys, err := n.y.registry.DesignerKeys(n.e.ctx, n.owner)
	return designerKeyList{Service: n.y.settings.Name, Owner: string(n.owner), Items: keys}, err
}

func (n *near) addDesignerKey(envelope []byte) (registry.DesignerKey, error) {
	k, err := n.y.registry.RegisterKey(n.e.ctx, n.owner, envelope)
	if err != nil {
		return registry.DesignerKey{}, err
	}
	return *k, nil
}

func (n *near) revokeDesignerKey(id string) error {
	return n.y.registry.RevokeKey(n.e.ctx, n.owner, id)
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

func (n *near) evidence(work, match string, accused *input, cut string) ([]byte, error) {
	owner, err := n.ownerOf(work)
	if err != nil {
		return nil, err
	}
	q := registry.EvidenceRequest{Owner: owner, Work: registry.WorkID(work), Match: registry.MatchID(match), Cut: provenance.Cut(cut)}
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
