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
	COSEReceipt(ctx context.Context, asker registry.OwnerID, id registry.WorkID) ([]byte, error)
	Certificate(ctx context.Context, owner registry.OwnerID, id registry.WorkID) ([]byte, error)
	Evidence(ctx context.Context, r registry.EvidenceRequest, w io.Writer) error
	Match(ctx context.Context, r registry.MatchRequest) (*registry.MatchReport, error)
	// Heavy says which requests are given as jobs.
	Heavy(kind fingerprint.WorkKind, files []registry.File) bool
	SubmitRegister(ctx context.Context, r registry.RegisterRequest) (*registry.Job, error)
	SubmitMatch(ctx context.Context, r registry.MatchRequest) (*registry.Job, error)
	Job(ctx context.Context, owner registry.OwnerID, id registry.JobID) (*registry.Job, error)
	Jobs(ctx context.Context, owner registry.OwnerID, cursor string, limit int) (registry.Page[registry.Job], error)
	AwaitJob(ctx context.Context, owner registry.OwnerID, id registry.JobID) (j *registry.Job, failed, err error)
	CancelJob(ctx context.Context, owner registry.OwnerID, id registry.JobID) (*registry.Job, error)
	MatchByID(ctx context.Context, asker registry.OwnerID, id registry.MatchID) (*registry.MatchReport, error)
	Manifests(ctx context.Context, asker registry.OwnerID, r *registry.MatchReport, limit int) ([]registry.ManifestMatch, error)
	ManifestsByCode(ctx context.Context, asker registry.OwnerID, code []byte, limit int) ([]registry.ManifestMatch, error)
	Manifest(ctx context.Context, asker registry.OwnerID, id registry.ManifestID, active bool) ([]byte, error)
	ManifestReceipt(ctx context.Context, asker registry.OwnerID, id registry.ManifestID) (*registry.ManifestReceipt, error)
	CheckManifestReceipt(ctx context.Context, asker registry.OwnerID, id registry.ManifestID, commitment string, proof []byte) (why string, err error)
	Compare(ctx context.Context, owner registry.OwnerID, work registry.WorkID, f registry.File) (*registry.MatchReport, error)
	Fingerprints(ctx context.Context, kind fingerprint.WorkKind, data []byte) (*fingerprint.Result, error)
	Events(ctx context.Context, owner registry.OwnerID, cursor string, limit int) (registry.Page[registry.Event], error)
	Overlay(ctx context.Context, reader registry.OwnerID, match registry.MatchID, work registry.WorkID, out io.Writer) error
	Judge(ctx context.Context, q registry.JudgeRequest) (*registry.Feedback, error)
	WithdrawFeedback(ctx context.Context, owner registry.OwnerID, match registry.MatchID, work registry.WorkID) error
	MatchFeedback(ctx context.Context, owner registry.OwnerID, match registry.MatchID) ([]registry.Feedback, error)
	Feedback(ctx context.Context, owner registry.OwnerID, cursor string, limit int) (registry.Page[registry.Feedback], error)
	// FeedbackReport with an empty owner and ExportFeedback are over all owners.
	FeedbackReport(ctx context.Context, owner registry.OwnerID) (*registry.FeedbackReport, error)
	ExportFeedback(ctx context.Context, f func(registry.FeedbackRow) error) error
	Ignore(ctx context.Context, owner registry.OwnerID, label string, f registry.File) (entry *registry.Ignored, added bool, err error)
	IgnoredList(ctx context.Context, owner registry.OwnerID) ([]registry.Ignored, error)
	Unignore(ctx context.Context, owner registry.OwnerID, id string) error
	// ServiceName is how the service calls itself in statements.
	ServiceName() string
	DesignerKeys(ctx context.Context, owner registry.OwnerID) ([]registry.DesignerKey, error)
	RegisterKey(ctx context.Context, owner registry.OwnerID, envelope []byte) (*registry.DesignerKey, error)
	RevokeKey(ctx context.Context, owner registry.OwnerID, id string) error
	Ready(ctx context.Context) error
	LogFile(ctx context.Context, path string) ([]byte, error)
}
