package registry

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"selvage/fingerprint"
	"selvage/index"
	"selvage/provenance"
	"selvage/provenance/sequencer"
	"selvage/store"
)

// FsckOptions chooses what Fsck does beside looking.
type FsckOptions struct {
	// Originals reads every original and compares its digest; without it only presence
	// and size are checked.
	Originals bool
	// Progress is called with a sentence now and then; may be nil.
	Progress func(string)
}

// FsckReport is what Fsck found.
type FsckReport struct {
	Works       int      `json:"works"`
	Withdrawn   int      `json:"withdrawn"`
	Assets      int      `json:"assets"`
	Proved      int      `json:"proved"`      // works whose receipt verifies
	Pending     int      `json:"pending"`     // works in the log outbox
	Matches     int      `json:"matches"`     // match statements whose receipt verifies
	Credentials int      `json:"credentials"` // assets with a manifest store that is kept whole
	Feedback    int      `json:"feedback"`    // judged pairs of query and work
	Ignored     int      `json:"ignored"`     // pictures in ignore banks
	Untold      int      `json:"untold"`      // queries and registrations that owners have yet to be told of
	LogSize     uint64   `json:"log_size"`    // entries
	Orphans     int      `json:"orphans"`     // originals without a work: left by a crash before the commit point; harmless
	Problems    []string `json:"problems"`    // never null; empty means clean
}

// Fsck re-checks everything: every row against the rows it refers to, every original,
// every receipt, every code in the indexes, and the whole log. It changes nothing.
// Run it on a quiet service: works registered meanwhile may show as problems.
func (s *Service) Fsck(ctx context.Context, o FsckOptions) (FsckReport, error) {
	c := &checker{s: s, o: o, rep: FsckReport{Problems: []string{}}, blobs: map[store.BlobRef]bool{}}
	if c.o.Progress == nil {
		c.o.Progress = func(string) {}
	}
	c.o.Progress("works, receipts and index entries")
	works, err := c.works(ctx)
	if err != nil {
		return c.rep, err
	}
	for i, w := range works {
		if err := c.work(ctx, w); err != nil {
			return c.rep, err
		}
		if i%1000 == 999 {
			c.o.Progress(fmt.Sprintf("%d of %d works", i+1, len(works)))
		}
	}
	if err := errors.Join(c.outboxes(ctx), c.judgements(ctx), c.banks(ctx), c.labels(ctx)); err != nil {
		return c.rep, err
	}
	c.o.Progress("index sizes, originals, log")
	if have := s.open.codes.Len() + s.closed.codes.Len(); have != c.codes {
		c.problem("the indexes hold %d codes, the store asks for %d: run selvage reindex", have, c.codes)
	}
	if have := s.open.frames.Len() + s.closed.frames.Len(); have != c.frames {
		c.problem("the indexes hold codes of %d frames, the store asks for %d: run selvage reindex", have, c.frames)
	}
	if have := s.open.texts.Len() + s.closed.texts.Len(); have != c.texts {
		c.problem("the indexes hold %d texts, the store asks for %d: run selvage reindex", have, c.texts)
	}
	if have := s.open.local.Len() + s.closed.local.Len(); have != c.pictures {
		c.problem("the indexes hold local features of %d pictures, the store asks for %d: run selvage reindex", have, c.pictures)
	}
	for b, err := range s.Blobs.List(ctx) {
		if err != nil {
			return c.rep, fmt.Errorf("originals: %w", err)
		}
		if !c.blobs[store.BlobRef{Space: b.Space, Digest: b.Digest}] {
			c.rep.Orphans++
		}
	}
	log, err := sequencer.Fsck(ctx, filepath.Dir(s.Notary.Log.Dir()), s.Notary.LogKey(), s.Notary.FormerLogKeys()...)
	if err != nil {
		c.problem("log: %v", err)
	}
	c.rep.LogSize = log.Size
	return c.rep, nil
}

type checker struct {
	s               *Service
	o               FsckOptions
	rep             FsckReport
	blobs           map[store.BlobRef]bool // space and digest only
	codes, pictures int                    // what the indexes should hold: codes, and pictures with local features
	frames, texts   int                    // and codes of frames, and texts
}

func (c *checker) problem(format string, args ...any) {
	c.rep.Problems = append(c.rep.Problems, fmt.Sprintf(format, args...))
}

func (c *checker) works(ctx context.Context) (works []*Work, err error) {
	err = c.s.KV.View(ctx, func(tx store.Txn) error {
		return tx.Scan([]byte("w/"), nil, func(k, v []byte) bool {
			w := new(Work)
			if err := decodeRow(tx, k, v, w); err != nil {
				c.problem("%v", err)
				return true
			}
			works = append(works, w)
			return true
		})
	})
	return works, err
}

func (c *checker) work(ctx context.Context, w *Work) error {
	c.rep.Works++
	if w.Withdrawn != nil {
		c.rep.Withdrawn++
	}
	type asset struct {
		ref assetRef
		rec *assetRecord
	}
	var assets, inside []asset
	err := c.s.KV.View(ctx, func(tx store.Txn) error {
		n, err := c.s.numberOf(tx, w.Owner)
		if err != nil {
			return err
		}
		if back, err := ownerName(tx, n); err != nil || back != w.Owner {
			c.problem("work %s: owner %q has number %d, which leads to %q", w.ID, w.Owner, n, back)
		}
		if o, err := tx.Get(workOwnerKey(w.ID)); err != nil || OwnerID(o) != w.Owner {
			c.problem("work %s: the row that leads from the work to its owner is missing or wrong", w.ID)
		}
		if id, err := tx.Get(sameFilesKey(w.Owner, sameFiles(w.Assets))); w.Withdrawn == nil && (err != nil || WorkID(id) != w.ID) {
			c.problem("work %s: the row that leads from its files to the work is missing or wrong", w.ID)
		}
		for _, a := range w.Assets {
			ref := assetRef{n, a.Seq}
			rec, err := loadPrinted[assetRecord](tx, assetKey(ref))
			if err != nil {
				c.problem("work %s: fingerprints of %s: %v", w.ID, a.Digest, err)
				continue
			}
			if rec.Work != w.ID || rec.Owner != w.Owner || rec.Digest != a.Digest {
				c.problem("work %s: the fingerprints of %s belong to work %s", w.ID, a.Digest, rec.Work)
			}
			for _, k := range exactKeys(ref, a.Digest, rec.Result) {
				if _, err := tx.Get(k); (err == nil) != (w.Withdrawn == nil) {
					c.problem("work %s: exact row of %s is out of step with the work", w.ID, a.Digest)
				}
			}
			assets = append(assets, asset{ref, rec})
			parts, err := loadParts(tx, ref, a)
			if err != nil {
				c.problem("work %s: parts of %s: %v", w.ID, a.Digest, err)
			}
			for i, p := range parts {
				if p.Work != w.ID || p.Owner != w.Owner || p.Digest != a.Digest {
					c.problem("work %s: part %d of %s belongs to work %s", w.ID, i, a.Digest, p.Work)
				}
				inside = append(inside, asset{ref.part(i), p})
			}
		}
		c.receipt(tx, w)
		if _, _, err := readCustody(tx, w.Owner, w.ID); err != nil {
			c.problem("work %s: %v", w.ID, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, a := range w.Assets {
		if err := errors.Join(c.original(ctx, w, a), c.credentials(ctx, w, a)); err != nil {
			return err
		}
		if i < len(assets) {
			c.indexed(w, assets[i].ref, assets[i].rec)
		}
	}
	for _, p := range inside {
		c.indexed(w, p.ref, p.rec)
	}
	return nil
}

// outboxes checks the proofs of matches and counts what waits.
func (c *checker) outboxes(ctx context.Context) error {
	return c.s.KV.View(ctx, func(tx store.Txn) error {
		err := tx.Scan([]byte("R/"), nil, func(k, v []byte) bool {
			var rec proofRecord
			err := decodeRow(tx, k, v, &rec)
			if err == nil && rec.Receipt == nil {
				return true // sealed, and logged when its evidence is asked for again
			}
			var r *provenance.Receipt
			if err == nil {
				r, err = provenance.ParseReceipt(rec.Receipt)
			}
			if err == nil {
				err = r.Verify(nil).Err()
			}
			if err != nil {
				c.problem("match statement %q: %v", k, err)
				return true
			}
			c.rep.Matches++
			return true
		})
		if err != nil {
			return err
		}
		err = tx.Scan([]byte("y/"), nil, func(k, v []byte) bool {
			var rec designerKeyRecord
			err := decodeRow(tx, k, v, &rec)
			if err == nil {
				_, err = provenance.OpenKey(rec.Proof.Envelope)
			}
			if err == nil && rec.Proof.Receipt != nil {
				var r *provenance.Receipt
				if r, err = provenance.ParseReceipt(rec.Proof.Receipt); err == nil {
					err = r.Verify(nil).Err()
				}
			}
			if err != nil {
				c.problem("designer's key %q: %v", k, err)
			}
			return true
		})
		if err != nil {
			return err
		}
		err = tx.Scan([]byte("K/"), nil, func(k, v []byte) bool {
			var rec caseRecord
			err := decodeRow(tx, k, v, &rec)
			owner, _, _ := strings.Cut(strings.TrimPrefix(string(k), "K/"), "/")
			for name, blob := range rec.Blobs {
				ref := store.BlobRef{Space: owner, Digest: blob.Digest}
				c.blobs[ref] = true
				if b, e := c.s.Blobs.Stat(ctx, owner, blob.Digest); e != nil || b.Size != blob.Size {
					err = errors.Join(err, fmt.Errorf("%s is missing or of another size", name), e)
				}
			}
			if err == nil && rec.Proof.Receipt != nil {
				var r *provenance.Receipt
				if r, err = provenance.ParseReceipt(rec.Proof.Receipt); err == nil {
					err = r.Verify(nil).Err()
				}
			}
			if err != nil {
				c.problem("case %q: %v", k, err)
			}
			return true
		})
		if err != nil {
			return err
		}
		return tx.Scan([]byte("q/"), nil, func(k, v []byte) bool {
			if err := decodeRow(tx, k, v, new(watchRow)); err != nil {
				c.problem("%v", err)
			}
			c.rep.Untold++
			return true
		})
	})
}

func (c *checker) receipt(tx store.Txn, w *Work) {
	rec, err := load[proofRecord](tx, proofKey(w.Owner, w.ID))
	if err != nil {
		c.problem("work %s: statement: %v", w.ID, err)
		return
	}
	if rec.Receipt == nil {
		if _, err := tx.Get(pendingKey(w.Owner, w.ID)); err != nil {
			c.problem("work %s: no receipt, and not in the outbox either", w.ID)
		}
		c.rep.Pending++
		return
	}
	r, err := provenance.ParseReceipt(rec.Receipt)
	if err == nil {
		err = r.Verify(nil).Err()
	}
	if err == nil {
		var st provenance.Statement
		if st, err = r.Statement(); err == nil {
			if ws, ok := st.(*provenance.WorkStatement); !ok || ws.Work != string(w.ID) || len(ws.Assets) != len(w.Assets) || ws.Assets[0].Digest != w.Assets[0].Digest.String() {
				err = errors.New("it is the receipt of something else")
			}
		}
	}
	if err != nil {
		c.problem("work %s: receipt: %v", w.ID, err)
		return
	}
	c.rep.Proved++
}

func (c *checker) original(ctx context.Context, w *Work, a Asset) error {
	c.rep.Assets++
	c.blobs[store.BlobRef{Space: string(w.Owner), Digest: a.Digest}] = true
	var err error
	if c.o.Originals {
		_, err = c.s.Blobs.Read(ctx, string(w.Owner), a.Digest, a.Size)
	} else {
		var b store.BlobRef
		if b, err = c.s.Blobs.Stat(ctx, string(w.Owner), a.Digest); err == nil && b.Size != a.Size {
			err = fmt.Errorf("%d bytes, want %d: %w", b.Size, a.Size, store.ErrCorrupt)
		}
	}
	if errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		c.problem("work %s: original %s: %v", w.ID, a.Digest, err)
	}
	return nil
}

// indexed checks that each code of the asset is found where the work's state wants it.
func (c *checker) indexed(w *Work, ref assetRef, rec *assetRecord) {
	r := rec.Result
	if w.Withdrawn != nil {
		return
	}
	x := c.s.open
	if w.Visibility == Private {
		x = c.s.closed
	}
	if e, err := newEntries(ref, rec); err != nil {
		c.problem("work %s: %v", w.ID, err)
	} else if len(e.terms) > 0 {
		c.pictures++
	} else if len(e.frames) > 0 {
		c.frames += len(e.frames)
	} else if len(e.text) > 0 {
		c.texts++
	}
	for _, v := range []fingerprint.View{fingerprint.Full, fingerprint.Box} {
		p, ok := r.Print(fingerprint.PDQ256, v)
		if !ok {
			continue
		}
		c.codes++
		code, err := index.CodeOf(p.Payload)
		if err != nil {
			c.problem("work %s: %v", w.ID, err)
			continue
		}
		hits, err := x.codes.Range([]index.Code{code}, 0)
		if err != nil {
			c.problem("work %s: index: %v", w.ID, err)
			continue
		}
		found := false
		for _, h := range hits {
			found = found || h.ID == ref.codeID(v)
		}
		if !found {
			c.problem("work %s: the index does not find its %s code: run selvage reindex", w.ID, v)
		}
	}
}

// Reindex brings every work into the indexes again, from the store. Use it after the
// index directory was lost or reported corrupt; the service must have been opened with
// an empty one.
func (s *Service) Reindex(ctx context.Context) (works int, err error) {
	var all []change
	err = s.KV.View(ctx, func(tx store.Txn) error {
		var bad error
		err := tx.Scan([]byte("w/"), nil, func(k, v []byte) bool {
			var w Work
			if bad = decodeRow(tx, k, v, &w); bad != nil {
				return false
			}
			all = append(all, change{Owner: w.Owner, Work: w.ID})
			return true
		})
		return errors.Join(err, bad)
	})
	if err != nil {
		return 0, fmt.Errorf("reindex: %w", err)
	}
	start := time.Now()
	for i, c := range all {
		if err := s.apply(ctx, c); err != nil {
			return i, fmt.Errorf("reindex: %w", err)
		}
	}
	s.Log.Info("reindexed", "works", len(all), "took", time.Since(start))
	return len(all), s.flush(ctx)
}
