package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"selvage/api"
	"selvage/fingerprint"
	"selvage/fingerprint/manuscript"
	"selvage/fingerprint/manuscript/extract"
	"selvage/fingerprint/photo"
	"selvage/fingerprint/video"
	"selvage/provenance/beacon"
	"selvage/provenance/sequencer"
	"selvage/provenance/verifiers"
	"selvage/provenance/witness"
	"selvage/registry"
	"selvage/store"
	"selvage/store/badgerkv"
	"selvage/store/fsobjects"
	"selvage/store/s3objects"
)

// system is a registry with everything it stands on, in one process.
type system struct {
	settings Settings
	kv       *badgerkv.KV
	objects  store.Objects
	notary   *sequencer.Notary
	outside  *beacon.Source // nil: none
	registry *registry.Service
}

// open starts a system, and has it counted by metrics unless they are nil. Close it.
func (e *env) open(s Settings, metrics *api.Metrics) (*system, error) {
	return e.openWith(s, hashers(s.Data), metrics)
}

// openWith is open with other hashers than those of the service.
func (e *env) openWith(s Settings, set fingerprint.Set, metrics *api.Metrics) (*system, error) {
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	y := &system{settings: s}
	ok := false
	defer func() {
		if !ok {
			_ = y.close(e.ctx)
		}
	}()
	var err error
	if y.kv, err = openRecords(s, e.log); err != nil {
		return nil, err
	}
	if y.objects, err = openObjects(e.ctx, s, e.log); err != nil {
		return nil, err
	}
	witnesses, err := s.witnessClient()
	if err != nil {
		return nil, err
	}
	authorities, err := s.stamper()
	if err != nil {
		return nil, err
	}
	y.notary, err = sequencer.OpenNotary(e.ctx, sequencer.NotaryConfig{
		Dir: filepath.Join(s.Data, "log"), Origin: s.Name, Time: authorities, Witnesses: witnesses, Logger: e.log,
	})
	if err != nil {
		return nil, err
	}
	c := registry.Config{
		KV: y.kv, Blobs: store.NewBlobs(y.objects), Notary: y.notary, Hashers: set, DataDir: s.Data,
		Name: s.Name, Log: e.log, FlushEvery: s.FlushEvery, KeepJobs: s.KeepJobs.std(), VerifyURL: s.VerifyURL,
		Tools: verifiers.Files(),
	}
	if metrics != nil {
		c.Observe, c.Matched = metrics.Observe, metrics.Matched
	}
	if o := s.Outside; o.From != "" {
		if y.outside, err = beacon.Open(e.ctx, beacon.Config{Kind: o.Kind, From: o.From, Witnesses: o.Witnesses, Log: e.log}); err != nil {
			return nil, fmt.Errorf("outside: %w", err)
		}
		c.Outside = func(context.Context) (registry.OutsideValue, error) {
			v, err := y.outside.Value()
			return registry.OutsideValue{NotBefore: v.NotBefore, Value: v.Bytes, Witnesses: v.Witnesses}, err
		}
	}
	if y.registry, err = registry.Open(e.ctx, c); err != nil {
		return nil, err
	}
	ok = true
	return y, nil
}

// openExisting opens a registry that must be there already, so that a mistyped --data
// does not make an empty one.
func (e *env) openExisting(s Settings) (*system, error) {
	if !s.exists() {
		return nil, s.missing()
	}
	return e.open(s, nil)
}

// witnessClient asks the witnesses of the settings; nil where there are none.
func (s Settings) witnessClient() (*witness.Client, error) {
	if s.Witnesses == "" {
		return nil, nil
	}
	p, err := witness.LoadPolicy(s.Witnesses)
	if err != nil {
		return nil, fmt.Errorf("witnesses: %w", err)
	}
	return witness.NewClient(p, witness.ClientConfig{})
}

// hashers are those of the service; dir keeps what is compiled once.
func hashers(dir string) fingerprint.Set {
	extract.UseCache(filepath.Join(dir, "cache"))
	return fingerprint.Set{video.New(video.Options{}), manuscript.New(manuscript.Options{}), photo.New(photo.Options{Drawing: manuscript.Drawing})}
}

func openRecords(s Settings, log *slog.Logger) (*badgerkv.KV, error) {
	return badgerkv.Open(filepath.Join(s.Data, "records"), badgerkv.Options{Logger: log})
}

// staleUpload is older than any upload that may still be under way.
const staleUpload = 24 * time.Hour

func openObjects(ctx context.Context, s Settings, log *slog.Logger) (store.Objects, error) {
	if s.Objects == "s3" {
		o, err := s3objects.Open(ctx, s3objects.Config{
			Endpoint: s.S3.Endpoint, Region: s.S3.Region, Bucket: s.S3.Bucket, Prefix: s.S3.Prefix,
			AccessKey: s.S3.AccessKey, SecretKey: s.S3.SecretKey, Insecure: s.S3.Insecure, CreateBucket: true,
		})
		if err != nil {
			return nil, err
		}
		// What an outage in mid-upload left takes room in the bucket, and nothing else.
		if _, err := o.Sweep(ctx, staleUpload); err != nil {
			log.Warn("parts of unfinished uploads stay in the bucket", "err", err)
		}
		return o, nil
	}
	return fsobjects.Open(filepath.Join(s.Data, "objects"))
}

// close stops the system. What was acknowledged is already on disk.
func (y *system) close(ctx context.Context) error {
	// An interrupt has ended ctx; closing takes its own short time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	var errs []error
	if y.registry != nil {
		errs = append(errs, y.registry.Close(ctx))
	}
	if y.outside != nil {
		y.outside.Close()
	}
	if y.notary != nil {
		errs = append(errs, y.notary.Close(ctx))
	}
	if y.kv != nil {
		errs = append(errs, y.kv.Close())
	}
	return errors.Join(errs...)
}

// quit closes for commands that leave early: the error that made them is told already.
func (y *system) quit(ctx context.Context) { _ = y.close(ctx) }
