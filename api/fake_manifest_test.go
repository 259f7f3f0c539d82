package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"selvage/registry"
)

// The fake's manifests: every work brought one, whose label ends with the work's identifier.

const fakeLabel = "urn:c2pa:fake:"

func (r *fakeRegistry) Manifests(_ context.Context, _ registry.OwnerID, rep *registry.MatchReport, limit int) ([]registry.ManifestMatch, error) {
	out := []registry.ManifestMatch{}
	for _, m := range rep.Matches[:min(limit, len(rep.Matches))] {
		out = append(out, registry.ManifestMatch{Manifest: registry.ManifestID(fakeLabel + string(m.Work)), Work: m.Work, Score: 100})
	}
	return out, nil
}

func (r *fakeRegistry) ManifestsByCode(_ context.Context, asker registry.OwnerID, _ []byte, limit int) ([]registry.ManifestMatch, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []registry.ManifestMatch{}
	for _, w := range r.works {
		if len(out) < limit && w.Withdrawn == nil && (w.Owner == asker || w.Visibility == registry.Public) {
			out = append(out, registry.ManifestMatch{Manifest: registry.ManifestID(fakeLabel + string(w.ID)), Work: w.ID, Score: 96})
		}
	}
	return out, nil
}

func (r *fakeRegistry) labelled(asker registry.OwnerID, id registry.ManifestID) (*registry.Work, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	work, ok := strings.CutPrefix(string(id), fakeLabel)
	if !ok {
		return nil, fmt.Errorf("manifest: %w", registry.ErrNotFound)
	}
	if work == "two" {
		return nil, registry.ErrAmbiguous
	}
	return r.find(asker, registry.WorkID(work))
}

func (r *fakeRegistry) Manifest(_ context.Context, asker registry.OwnerID, id registry.ManifestID, active bool) ([]byte, error) {
	w, err := r.labelled(asker, id)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "store of %s, active=%t", w.ID, active), nil
}

func (r *fakeRegistry) ManifestReceipt(_ context.Context, asker registry.OwnerID, id registry.ManifestID) (*registry.ManifestReceipt, error) {
	w, err := r.labelled(asker, id)
	if err != nil {
		return nil, err
	}
	if r.pending {
		return nil, registry.ErrPending
	}
	now := r.clock()
	return &registry.ManifestReceipt{
		Manifest: id, Work: w.ID, Commitment: hex.EncodeToString(make([]byte, 32)), Proof: []byte("c2sp.org/tlog-proof@v1\nindex 0\n\nx\n"),
		LogKey: "log+00000000+AA==", Token: []byte{1}, NotAfter: &now,
	}, nil
}

func (r *fakeRegistry) CheckManifestReceipt(ctx context.Context, asker registry.OwnerID, id registry.ManifestID, commitment string, _ []byte) (string, error) {
	got, err := r.ManifestReceipt(ctx, asker, id)
	if err != nil || got.Commitment == commitment {
		return "", err
	}
	return "the commitment is another", nil
}
