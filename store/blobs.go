package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"strings"

	"selvage/fingerprint"
)

// blobRoot is the folder of all blobs.
const blobRoot = "blobs/"

// Blobs keeps files by the digest of their bytes, on top of any Objects. It is safe for
// concurrent use.
//
// Each space (an owner's id) has its own copy of a file: that another owner has the
// same bytes cannot be seen, and one owner's files can be erased without asking about
// others. The key of a blob is
//
//	blobs/<space>/<first two hexadecimal digits of the digest>/<digest>
//
// The digest is checked on the way in, before the last bytes are handed to the
// back-end, and on the way out.
type Blobs struct {
	objects Objects
}

// NewBlobs returns the blobs in o.
func NewBlobs(o Objects) *Blobs { return &Blobs{o} }

// BlobRef names one stored blob.
type BlobRef struct {
	Space  string
	Digest fingerprint.Digest
	Size   int64
}

// Put stores the size bytes of r under their digest d, durable on return. ErrCorrupt if
// they have another digest; then, and after any other error, nothing new is stored. A
// blob that is already there is read, checked and made durable, and r is not read; it is
// written again only if its bytes are wrong.
func (b *Blobs) Put(ctx context.Context, space string, d fingerprint.Digest, r io.Reader, size int64) error {
	key, err := blobKey(space, d)
	if err != nil {
		return err
	}
	if there, err := b.keep(ctx, space, d, size); there || err != nil {
		return err
	}
	// The back-end reads to size; a reader that says at the end that the digest is wrong
	// must say so before those last bytes are out. Exact holds them back for it.
	checked := &checkedReader{r: r, hash: sha256.New(), want: d, left: -1}
	return b.objects.Put(ctx, key, Exact(ctx, checked, size), size)
}

// keep reports whether the blob is there whole, and makes it durable: it may be what a
// killed process had renamed into place and not yet flushed.
func (b *Blobs) keep(ctx context.Context, space string, d fingerprint.Digest, size int64) (there bool, err error) {
	there, err = b.whole(ctx, space, d, size)
	if s, ok := b.objects.(Syncer); there && ok {
		key, kerr := blobKey(space, d)
		err = errors.Join(kerr, s.Sync(ctx, key))
	}
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
		return false, nil
	}
	return there && err == nil, err
}

// whole reads the blob. ErrNotFound and ErrCorrupt say that it must be written.
func (b *Blobs) whole(ctx context.Context, space string, d fingerprint.Digest, size int64) (ok bool, err error) {
	r, have, err := b.Open(ctx, space, d)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if have != size {
		return false, nil
	}
	_, err = io.Copy(io.Discard, r)
	return err == nil, err
}

// Open returns the blob's bytes and their number, or ErrNotFound. The reader ends with
// ErrCorrupt in place of io.EOF when they are not the bytes of d.
func (b *Blobs) Open(ctx context.Context, space string, d fingerprint.Digest) (io.ReadCloser, int64, error) {
	key, err := blobKey(space, d)
	if err != nil {
		return nil, 0, err
	}
	o, err := b.objects.Stat(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	r, err := b.objects.Open(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	return &checkedReader{r: r, close: r, hash: sha256.New(), want: d, left: o.Size}, o.Size, nil
}

// Read returns the whole blob, verified. ErrTooBig if it has more than limit bytes.
func (b *Blobs) Read(ctx context.Context, space string, d fingerprint.Digest, limit int64) (data []byte, err error) {
	r, size, err := b.Open(ctx, space, d)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if size > limit {
		return nil, fmt.Errorf("blob %s has %d bytes: %w: limit %d", d, size, ErrTooBig, limit)
	}
	buf := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := buf.ReadFrom(r); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Stat describes the blob, or ErrNotFound. It does not read the bytes.
func (b *Blobs) Stat(ctx context.Context, space string, d fingerprint.Digest) (BlobRef, error) {
	key, err := blobKey(space, d)
	if err != nil {
		return BlobRef{}, err
	}
	o, err := b.objects.Stat(ctx, key)
	if err != nil {
		return BlobRef{}, err
	}
	return BlobRef{space, d, o.Size}, nil
}

// Delete removes the blob. Deleting a missing one is no error.
func (b *Blobs) Delete(ctx context.Context, space string, d fingerprint.Digest) error {
	key, err := blobKey(space, d)
	if err != nil {
		return err
	}
	return b.objects.Delete(ctx, key)
}

// List yields all blobs of all spaces, by space and digest. An object under the blobs'
// folder that is none is yielded as ErrCorrupt, and the sequence goes on; any other
// error ends it.
func (b *Blobs) List(ctx context.Context) iter.Seq2[BlobRef, error] {
	return b.list(ctx, blobRoot)
}

// ListSpace is List for one space.
func (b *Blobs) ListSpace(ctx context.Context, space string) iter.Seq2[BlobRef, error] {
	if err := checkSpace(space); err != nil {
		return func(yield func(BlobRef, error) bool) { yield(BlobRef{}, err) }
	}
	return b.list(ctx, blobRoot+space+"/")
}

func (b *Blobs) list(ctx context.Context, prefix string) iter.Seq2[BlobRef, error] {
	return func(yield func(BlobRef, error) bool) {
		for o, err := range b.objects.List(ctx, prefix) {
			if err != nil {
				yield(BlobRef{}, err)
				return
			}
			ref, err := parseBlobKey(o.Key)
			ref.Size = o.Size
			if !yield(ref, err) {
				return
			}
		}
	}
}

func checkSpace(space string) error {
	if !isSegment(space) || len(space) > 128 {
		return fmt.Errorf("blob space %q: %w: want 1 to 128 of a-z 0-9 . _ -", space, ErrBadKey)
	}
	return nil
}

func blobKey(space string, d fingerprint.Digest) (string, error) {
	if err := checkSpace(space); err != nil {
		return "", err
	}
	if d.IsZero() {
		return "", fmt.Errorf("blob of the zero digest: %w", ErrBadKey)
	}
	hex := d.String()
	return blobRoot + space + "/" + hex[:2] + "/" + hex, nil
}

// parseBlobKey is the inverse of blobKey.
func parseBlobKey(key string) (BlobRef, error) {
	rest, _ := strings.CutPrefix(key, blobRoot)
	space, rest, _ := strings.Cut(rest, "/")
	_, hex, _ := strings.Cut(rest, "/")
	d, err := fingerprint.ParseDigest(hex)
	if err == nil {
		var again string
		if again, err = blobKey(space, d); err == nil && again == key {
			return BlobRef{Space: space, Digest: d}, nil
		}
	}
	return BlobRef{}, fmt.Errorf("object %s is not a blob: %w", key, ErrCorrupt)
}

// checkedReader ends with ErrCorrupt unless what it gave out has the wanted digest.
type checkedReader struct {
	r     io.Reader
	close io.Closer
	hash  hash.Hash
	want  fingerprint.Digest
	left  int64 // bytes to come; negative when not known
	err   error
}

func (c *checkedReader) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	if c.left >= 0 {
		if c.left -= int64(n); c.left < 0 {
			return 0, c.fail("is longer than it was")
		}
	}
	if err == io.EOF && c.want != fingerprint.Digest(c.hash.Sum(nil)) {
		return n, c.fail("has another digest")
	}
	c.err = err
	return n, err
}

func (c *checkedReader) fail(what string) error {
	c.err = fmt.Errorf("blob %s %s: %w", c.want, what, ErrCorrupt)
	return c.err
}

// Close implements io.Closer.
func (c *checkedReader) Close() error { return c.close.Close() }
