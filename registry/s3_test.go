package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"selvage/registry"
	"selvage/store"
	"selvage/store/s3objects"
	"selvage/store/storetest"
)

// TestObjectStoreOutage stops a real S3 server as the original is on its way: the
// registration must fail as unavailable and leave nothing, and go through once the
// server is back, with no restart of ours.
func TestObjectStoreOutage(t *testing.T) {
	server, ok := storetest.S3Server(t)
	if !ok {
		return
	}
	ctx := context.Background()
	objects, err := s3objects.Open(ctx, s3objects.Config{
		Endpoint: server.Endpoint, Region: server.Region, Bucket: "originals", AccessKey: server.AccessKey, SecretKey: server.SecretKey,
		Insecure: true, CreateBucket: true, Tries: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	r.stop()
	faulty := storetest.NewFaulty()
	r.objects = faulty.Objects(objects)
	r.start()
	r.register("ann", registry.Matchable, asPNG(picture(1)))

	faulty.OnOp(func(op string) error {
		if strings.HasPrefix(op, "objects.Put") {
			server.Stop()
		}
		return nil
	})
	data := asPNG(picture(2))
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err = r.Register(limit, registry.RegisterRequest{Owner: "ann", Visibility: registry.Matchable, Files: []registry.File{{Name: "b.png", Data: data}}})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("the object store is gone: %v, want ErrUnavailable", err)
	}
	if rep := r.match("shop", data); len(rep.Matches) != 0 {
		t.Errorf("a refused work matches: %+v", rep)
	}
	if p, err := r.Works(ctx, "ann", "", 10); err != nil || len(p.Items) != 1 {
		t.Errorf("works after the refusal: %+v, %v", p, err)
	}
	// What needs no original goes on.
	if rep := r.match("shop", asJPEG(picture(1), 80)); len(rep.Matches) != 1 {
		t.Errorf("matching needs the object store: %+v", rep)
	}
	faulty.OnOp(nil)
	server.Start()
	if reg := r.register("ann", registry.Matchable, data); reg.Receipt == nil || reg.Duplicate {
		t.Errorf("after the outage: %+v", reg)
	}
	if got := r.clean(); got.Works != 2 || got.Orphans != 0 {
		t.Errorf("fsck: %+v", got)
	}
}
