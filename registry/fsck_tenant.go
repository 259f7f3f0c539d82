package registry

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"strings"

	"selvage/fingerprint"
	"selvage/store"
)

// judgements checks the feedback and the rows that lead to it, both ways.
func (c *checker) judgements(ctx context.Context) error {
	return c.s.KV.View(ctx, func(tx store.Txn) error {
		err := tx.Scan([]byte("f/"), nil, func(k, v []byte) bool {
			var f Feedback
			if err := decodeRow(tx, k, v, &f); err != nil {
				c.problem("%v", err)
				return true
			}
			c.rep.Feedback++
			if !bytes.Equal(k, feedbackKey(f.Owner, f.ID)) {
				c.problem("feedback %s of %s is stored under %q", f.ID, f.Owner, k)
			}
			row, err := load[pairRecord](tx, []byte(pairPrefix(f.Owner, f.Query)+string(f.Work)))
			if err != nil {
				c.problem("feedback %s: the row that leads from query and work to it: %v", f.ID, err)
			} else if row.Feedback == f.ID && row.Rejected != f.silences() {
				c.problem("feedback %s: the row that leads to it says rejected = %t, which is not so", f.ID, row.Rejected)
			}
			return true
		})
		if err != nil {
			return err
		}
		return tx.Scan([]byte("g/"), nil, func(k, v []byte) bool {
			var row pairRecord
			err := decodeRow(tx, k, v, &row)
			parts := strings.Split(string(k), "/") // g, owner, digest, work
			if err == nil && len(parts) == 4 {
				var f *Feedback
				if f, err = load[Feedback](tx, feedbackKey(OwnerID(parts[1]), row.Feedback)); err == nil && (string(f.Work) != parts[3] || row.Rejected != f.silences()) {
					c.problem("row %q leads to feedback %s, which says something else", k, f.ID)
				}
			}
			if err != nil || len(parts) != 4 {
				c.problem("row %q: %v", k, err)
			}
			return true
		})
	})
}

// banks checks the ignore banks, and the previews of queries.
func (c *checker) banks(ctx context.Context) error {
	return c.s.KV.View(ctx, func(tx store.Txn) error {
		err := tx.Scan([]byte("i/"), nil, func(k, v []byte) bool {
			rec, err := parsePrinted[ignoredRecord](k, v)
			if err != nil {
				c.problem("%v", err)
				return true
			}
			c.rep.Ignored++
			if len(rec.Result.Prints) == 0 {
				c.problem("entry %s of an ignore bank has no fingerprints", rec.ID)
			}
			if !bytes.HasSuffix(k, []byte("/"+descending(rec.ID))) {
				c.problem("entry %s of an ignore bank is stored under %q", rec.ID, k)
			}
			return true
		})
		if err != nil {
			return err
		}
		pictures := func(prefix string, side, more int) error { // more: bytes behind the report's name
			return tx.Scan([]byte(prefix), nil, func(k, v []byte) bool {
				if cfg, err := jpeg.DecodeConfig(bytes.NewReader(v)); err != nil || max(cfg.Width, cfg.Height) > side {
					c.problem("preview %q is damaged (%v)", k, err)
				} else if _, err := tx.Get(append([]byte("m/"), k[2:max(2, len(k)-more)]...)); err != nil {
					c.problem("preview %q has no report: %v", k, err)
				}
				return true
			})
		}
		return errors.Join(pictures("v/", fingerprint.PreviewSide, 0), pictures("F/", fingerprint.FrameSide, 5))
	})
}
