package s3objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"selvage/store"
)

// maxParts is the most parts an upload is cut into; S3 takes 10,000.
const maxParts = 9000

// Put implements store.Objects.
func (o *Objects) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	return o.put(ctx, key, r, size, minio.PutObjectOptions{})
}

// PutLocked implements store.Locker.
func (o *Objects) PutLocked(ctx context.Context, key string, r io.Reader, size int64, until time.Time) error {
	if !o.lock {
		return fmt.Errorf("put %s: %w: bucket %s", key, store.ErrNoLock, o.bucket)
	}
	return o.put(ctx, key, r, size, minio.PutObjectOptions{Mode: minio.Compliance, RetainUntilDate: until.UTC()})
}

func (o *Objects) put(ctx context.Context, key string, r io.Reader, size int64, opts minio.PutObjectOptions) error {
	if err := store.CheckObjectKey(key); err != nil {
		return err
	}
	opts.SendContentMd5 = true
	opts.PartSize = uint64(max(o.partSize, size/maxParts+1))
	opts.NumThreads = 1
	opts.ContentType = "application/octet-stream"

	source := store.Exact(ctx, r, size)
	var body io.Reader = source
	if size <= o.partSize {
		whole := bytes.NewBuffer(make([]byte, 0, max(size, 0)+bytes.MinRead))
		if _, err := whole.ReadFrom(source); err != nil {
			return fmt.Errorf("put %s: %w", key, err)
		}
		body = bytes.NewReader(whole.Bytes()) // can be sent again
	}
	_, err := o.client.Client.PutObject(ctx, o.bucket, o.prefix+key, body, size, opts)
	if source.Err() != nil {
		err = source.Err() // the caller's own error, not the server's
	} else {
		err = mapError(ctx, err)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// Open implements store.Objects.
func (o *Objects) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := store.CheckObjectKey(key); err != nil {
		return nil, err
	}
	r, info, _, err := o.client.GetObject(ctx, o.bucket, o.prefix+key, minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, mapError(ctx, err))
	}
	return &body{ReadCloser: r, ctx: ctx, key: key, left: info.Size}, nil
}

// body is an object as it comes in. A connection that breaks off is not its end.
type body struct {
	io.ReadCloser
	ctx  context.Context
	key  string
	left int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	switch {
	case err == nil:
	case !errors.Is(err, io.EOF):
		err = fmt.Errorf("read %s: %w", b.key, mapError(b.ctx, err))
	case b.left > 0:
		err = fmt.Errorf("read %s: %w: %d bytes are missing", b.key, store.ErrUnavailable, b.left)
	}
	return n, err
}

// Stat implements store.Objects.
func (o *Objects) Stat(ctx context.Context, key string) (store.Object, error) {
	if err := store.CheckObjectKey(key); err != nil {
		return store.Object{}, err
	}
	info, err := o.client.StatObject(ctx, o.bucket, o.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return store.Object{}, fmt.Errorf("stat %s: %w", key, mapError(ctx, err))
	}
	return store.Object{Key: key, Size: info.Size, Modified: info.LastModified}, nil
}

// Delete implements store.Objects. See the package comment for versions.
func (o *Objects) Delete(ctx context.Context, key string) error {
	if err := store.CheckObjectKey(key); err != nil {
		return err
	}
	if !o.versioned {
		return o.remove(ctx, key, "")
	}
	var versions []string
	list := o.client.Client.ListObjectsIter(ctx, o.bucket, minio.ListObjectsOptions{
		Prefix: o.prefix + key, Recursive: true, WithVersions: true,
	})
	for v := range list {
		if v.Err != nil {
			return fmt.Errorf("delete %s: %w", key, mapError(ctx, v.Err))
		}
		if v.Key == o.prefix+key {
			versions = append(versions, v.VersionID)
		} else if v.Key > o.prefix+key {
			break
		}
	}
	for _, v := range versions {
		if err := o.remove(ctx, key, v); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// remove removes one version, or the object where there are none.
func (o *Objects) remove(ctx context.Context, key, version string) error {
	err := o.client.RemoveObject(ctx, o.bucket, o.prefix+key, minio.RemoveObjectOptions{VersionID: version})
	err = mapError(ctx, err)
	switch {
	case err == nil, errors.Is(err, store.ErrNotFound):
		return nil
	case o.lock && errors.Is(err, ErrDenied):
		// Asked of the object, since servers differ in how they answer GetObjectRetention.
		info, serr := o.client.StatObject(ctx, o.bucket, o.prefix+key, minio.StatObjectOptions{VersionID: version})
		until, terr := time.Parse(time.RFC3339, info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date"))
		if serr == nil && (terr == nil && until.After(time.Now()) || info.Metadata.Get("X-Amz-Object-Lock-Legal-Hold") == "ON") {
			return fmt.Errorf("delete %s: %w: %w", key, store.ErrLocked, err)
		}
	}
	return fmt.Errorf("delete %s: %w", key, err)
}

// List implements store.Objects.
func (o *Objects) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		fail := func(err error) { yield(store.Object{}, fmt.Errorf("list %q: %w", prefix, err)) }
		if err := ctx.Err(); err != nil {
			fail(err)
			return
		}
		if prefix != "" && store.CheckObjectKey(strings.TrimSuffix(prefix, "/")) != nil && !strings.HasSuffix(prefix, ".") {
			return // no key has that prefix
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop() // ends the listing's goroutine when the caller breaks off
		list := o.client.Client.ListObjectsIter(ctx, o.bucket, minio.ListObjectsOptions{
			Prefix: o.prefix + prefix, Recursive: true,
		})
		for v := range list {
			if v.Err != nil {
				fail(mapError(ctx, v.Err))
				return
			}
			key := strings.TrimPrefix(v.Key, o.prefix)
			if store.CheckObjectKey(key) != nil {
				continue // a folder mark, or an object of somebody else
			}
			if !yield(store.Object{Key: key, Size: v.Size, Modified: v.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			fail(err)
		}
	}
}

// Sweep removes the parts of uploads below the prefix that were begun longer ago than
// age and never completed, and returns how many uploads that were.
func (o *Objects) Sweep(ctx context.Context, age time.Duration) (int, error) {
	n := 0
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for u := range o.client.ListIncompleteUploads(ctx, o.bucket, o.prefix, true) {
		if u.Err != nil {
			return n, fmt.Errorf("sweep: %w", mapError(ctx, u.Err))
		}
		if time.Since(u.Initiated) < age {
			continue
		}
		if err := o.client.AbortMultipartUpload(ctx, o.bucket, u.Key, u.UploadID); err != nil {
			if err = mapError(ctx, err); !errors.Is(err, store.ErrNotFound) {
				return n, fmt.Errorf("sweep %s: %w", u.Key, err)
			}
		}
		n++
	}
	return n, ctx.Err()
}
