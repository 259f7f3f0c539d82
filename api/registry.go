package api

import (
	"context"
	"io"

	"selvage/fingerprint"
	"selvage/registry"
)

// Registry is what the API needs of registry.Service. Errors are those of package
// registry, package decode and package store; see faultOf.
type Registry interface {
	Register(ctx context.Context, r registry.RegisterRequest) (*registry.Registration, error)
	Work(ctx context.Context, asker registry.OwnerID, id registry.WorkID) (*registry.Work, error)
	// OwnerOf says whose a work is, for keys that may act in any owner's place.
	OwnerOf(ctx context.Context, id registry.WorkID) (registry.OwnerID, error)
	Works(ctx context.Context, owner registry.OwnerID, cursor string, limit int) (registry.Page[registry.Work], error)
	Withdraw(ctx context.Context, owner registry.OwnerID, id registry.WorkID) error
	SetVisibility(ctx context.Context, owner registry.OwnerID, id registry.WorkID, v registry.Visibility) error
	Receipt(ctx context.Context, asker registry.OwnerID, id registry.WorkID) ([]byte, error)
	Evidence(ctx context.Context, r registry.EvidenceRequest, w io.Writer) error
	Match(ctx context.Context, r registry.MatchRequest) (*registry.MatchReport, error)
	MatchByID(ctx context.Context, asker registry.OwnerID, id registry.MatchID) (*registry.MatchReport, error)
	Compare(ctx context.Context, owner registry.OwnerID, work registry.WorkID, f registry.File) (*registry.MatchReport, error)
	Fingerprints(ctx context.Context, kind fingerprint.WorkKind, data []byte) (*fingerprint.Result, error)
	Events(ctx context.Context, owner registry.OwnerID, cursor string, limit int) (registry.Page[registry.Event], error)
	Ready(ctx context.Context) error
	LogFile(ctx context.Context, path string) ([]byte, error)
}
