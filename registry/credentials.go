package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"selvage/fingerprint"
	"selvage/provenance/c2pa"
	"selvage/store"
)

// Credentials are the content credentials (C2PA) that a file of a work brought along: what
// others signed about it before it came here.
type Credentials struct {
	// Store names the manifest store, which is kept as a file of the owner's beside the
	// original: the original may be erased, what it was signed with need not be.
	Store fingerprint.Digest `json:"store"`
	Size  int64              `json:"size"` // of the store in bytes
	// Claims is what the active manifest says, as it was read at registration.
	Claims c2pa.Claims `json:"claims"`
}

// A manifest is found by its label through rows N/<scope>/<hash>/…: the scope "*" has the
// works that everybody may read, the scope of an owner has all of that owner's. So looking
// up a label touches nothing of what others keep private.
const everybody = "*"

func credentialsKey(o OwnerID, id WorkID, asset fingerprint.Digest) []byte {
	return []byte("n/" + string(o) + "/" + string(id) + "/" + asset.String())
}

// labelPrefix is what the rows of one label begin with. The label is somebody else's text
// of any length, and so is hashed.
func labelPrefix(scope, label string) string {
	h := sha256.Sum256([]byte(label))
	return "N/" + scope + "/" + hex.EncodeToString(h[:]) + "/"
}

func labelKey(scope, label string, o OwnerID, id WorkID, asset fingerprint.Digest) []byte {
	return []byte(labelPrefix(scope, label) + string(o) + "/" + string(id) + "/" + asset.String())
}

// foundManifest is what a row of a label leads to: an asset and the store it brought.
type foundManifest struct {
	owner OwnerID
	work  WorkID
	asset fingerprint.Digest
	store fingerprint.Digest
}

// parseLabelRow reads a row of labelKey, its key from behind labelPrefix.
func parseLabelRow(rest, value []byte) (f foundManifest, err error) {
	parts := strings.Split(string(rest), "/")
	if len(parts) != 3 || len(value) != len(f.store) || !validID("w_", parts[1]) {
		return f, fmt.Errorf("row of a manifest's label ends with %q: %w", rest, store.ErrCorrupt)
	}
	f.owner, f.work, f.store = OwnerID(parts[0]), WorkID(parts[1]), fingerprint.Digest(value)
	if f.asset, err = fingerprint.ParseDigest(parts[2]); err != nil {
		return f, fmt.Errorf("row of a manifest's label: %w: %w", store.ErrCorrupt, err)
	}
	return f, nil
}

// brought is what one file of a registration brought along.
type brought struct {
	store []byte
	rec   *Credentials
}

// credentials reads the content credentials of the files; results gain a note where they
// cannot be read, which is no reason to refuse a work. The slice has a nil for every file
// without.
func (s *Service) credentials(q RegisterRequest, results []*fingerprint.Result) []*brought {
	defer s.stage("credentials")()
	out := make([]*brought, len(q.Files))
	for i, f := range q.Files {
		c, err := c2pa.Read(f.Data)
		if errors.Is(err, c2pa.ErrNone) {
			continue
		}
		if err != nil {
			r := *results[i] // the hasher's own stays as it is
			r.Notes = append(slices.Clone(r.Notes), err.Error()+"; they stay in the original as they are")
			results[i] = &r
			continue
		}
		out[i] = &brought{c.Store, &Credentials{fingerprint.DigestOf(c.Store), int64(len(c.Store)), c.Claims}}
	}
	return out
}

// keepStores makes the manifest stores durable, as files of their owner.
func (s *Service) keepStores(ctx context.Context, o OwnerID, all []*brought) error {
	for _, b := range all {
		if b == nil {
			continue
		}
		if err := s.Blobs.Put(ctx, string(o), b.rec.Store, bytes.NewReader(b.store), b.rec.Size); err != nil {
			return fmt.Errorf("keep content credentials: %w", err)
		}
	}
	return nil
}

// saveCredentials writes the rows of what an asset brought along; nil for nothing.
func saveCredentials(tx store.Txn, w *Work, asset fingerprint.Digest, b *brought) error {
	if b == nil {
		return nil
	}
	return errors.Join(
		save(tx, credentialsKey(w.Owner, w.ID, asset), b.rec),
		tx.Set(labelKey(string(w.Owner), b.rec.Claims.Manifest, w.Owner, w.ID, asset), b.rec.Store[:]),
		showCredentials(tx, w, asset, b.rec),
	)
}

// showCredentials brings the row by which everybody finds a manifest in step with the work.
func showCredentials(tx store.Txn, w *Work, asset fingerprint.Digest, c *Credentials) error {
	key := labelKey(everybody, c.Claims.Manifest, w.Owner, w.ID, asset)
	if w.Visibility == Public && w.Withdrawn == nil {
		return tx.Set(key, c.Store[:])
	}
	return tx.Delete(key)
}

// loadCredentials returns what an asset brought along, nil for nothing.
func loadCredentials(tx store.Txn, o OwnerID, id WorkID, asset fingerprint.Digest) (*Credentials, error) {
	c, err := load[Credentials](tx, credentialsKey(o, id, asset))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

// credentials checks the rows and the store of what an asset brought along.
func (c *checker) credentials(ctx context.Context, w *Work, a Asset) error {
	var rec *Credentials
	err := c.s.KV.View(ctx, func(tx store.Txn) (err error) {
		if rec, err = loadCredentials(tx, w.Owner, w.ID, a.Digest); err != nil || rec == nil {
			return err
		}
		for scope, want := range map[string]bool{string(w.Owner): true, everybody: w.Visibility == Public && w.Withdrawn == nil} {
			v, err := tx.Get(labelKey(scope, rec.Claims.Manifest, w.Owner, w.ID, a.Digest))
			if (err == nil) != want || want && !bytes.Equal(v, rec.Store[:]) {
				c.problem("work %s: the row that leads from a manifest's label to %s is out of step with the work (scope %s)", w.ID, a.Digest, scope)
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrCorrupt) {
		c.problem("work %s: content credentials of %s: %v", w.ID, a.Digest, err)
		return nil
	}
	if err != nil || rec == nil {
		return err
	}
	c.rep.Credentials++
	c.blobs[store.BlobRef{Space: string(w.Owner), Digest: rec.Store}] = true
	data, err := c.s.Blobs.Read(ctx, string(w.Owner), rec.Store, rec.Size)
	if errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	if err == nil {
		var claims *c2pa.Claims
		if claims, err = c2pa.ReadStore(data); err == nil && claims.Manifest != rec.Claims.Manifest {
			err = fmt.Errorf("its active manifest is %q, the record says %q", claims.Manifest, rec.Claims.Manifest)
		}
	}
	if err != nil {
		c.problem("work %s: manifest store %s: %v", w.ID, rec.Store, err)
	}
	return nil
}

// labels checks that every row of a label leads to an asset that brought that store.
func (c *checker) labels(ctx context.Context) error {
	return c.s.KV.View(ctx, func(tx store.Txn) error {
		return tx.Scan([]byte("N/"), nil, func(k, v []byte) bool {
			parts := strings.SplitN(string(k), "/", 4) // N, scope, hash, the rest
			if len(parts) != 4 {
				c.problem("row %q is none of a manifest's label", k)
				return true
			}
			f, err := parseLabelRow([]byte(parts[3]), v)
			if err != nil {
				c.problem("%v", err)
				return true
			}
			rec, err := loadCredentials(tx, f.owner, f.work, f.asset)
			if err != nil || rec == nil || rec.Store != f.store || !bytes.Equal(k, labelKey(parts[1], rec.Claims.Manifest, f.owner, f.work, f.asset)) {
				c.problem("row %q leads to no manifest store of that label (%v)", k, err)
			}
			return true
		})
	})
}
