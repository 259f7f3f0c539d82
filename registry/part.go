package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"selvage/fingerprint"
	"selvage/store"
)

// Parts are the pictures inside an asset that is no picture itself: key frames, pages,
// embedded pictures; and the lines, drawn anew, of a page or of a photo that is a drawing. Each has a row of its own like an asset, with a number of its own behind
// the asset's, so that the indexes of photos hold and find it like a photo:
//
//	asset number s, its parts s+1 … s+n
//
// A file may have more parts than one transaction takes. They are written before the commit
// point, under an intent row that the commit deletes: what a crash leaves is removed at the
// next start.

// partRecord says of which asset a row is a part.
type partRecord struct {
	fingerprint.Part
	Of uint64 `json:"of"` // number of the asset
	N  int    `json:"n"`  // its place in Result.Parts
	// Alone: the asset is this one page and nothing else, like a sketch.
	Alone bool `json:"alone,omitempty"`
}

// partRef names a part of an asset.
func (a assetRef) part(n int) assetRef { return assetRef{a.owner, a.seq + 1 + uint64(n)} }

// spanKey is the row b/: how many numbers behind an asset's own are its parts' (be64) and, where
// some are lines drawn anew, a byte for each: 1 of these, 0 of the others. Rows of before lines
// were told apart end behind the number.
func spanKey(a assetRef) []byte {
	return assetRef{a.owner, ^a.seq}.append([]byte("b/"))
}

// intent is the row j/ of numbers whose rows are being written.
type intent struct {
	Owner ownerNumber `json:"owner"`
	From  uint64      `json:"from"`
	To    uint64      `json:"to"`
}

func intentKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte("j/"), seq) }

// portion is how much of rows one transaction writes, in bytes.
const portion = 1 << 20

// keepParts writes the rows of all parts before the commit, and the intent that a commit
// deletes. It does nothing where there are none.
func (s *Service) keepParts(ctx context.Context, w *Work, results []*fingerprint.Result, end uint64) error {
	parts := 0
	for _, r := range results {
		parts += len(r.Parts)
	}
	if parts == 0 {
		return nil
	}
	first := w.Assets[0].Seq
	var n ownerNumber
	err := s.KV.Update(ctx, func(tx store.Txn) (err error) {
		if n, err = s.ensureOwner(tx, w.Owner); err != nil {
			return err
		}
		return save(tx, intentKey(first), intent{n, first, end})
	})
	if err != nil {
		return fmt.Errorf("keep parts: %w", err)
	}
	type row struct{ key, value []byte }
	var rows []row
	size := 0
	write := func() error {
		if len(rows) == 0 {
			return nil
		}
		err := s.KV.Update(ctx, func(tx store.Txn) error {
			for _, r := range rows {
				if err := tx.Set(r.key, r.value); err != nil {
					return err
				}
			}
			return nil
		})
		rows, size = nil, 0
		if err != nil {
			return fmt.Errorf("keep parts: %w", err)
		}
		return nil
	}
	for i, r := range results {
		a := w.Assets[i]
		ref := assetRef{n, a.Seq}
		for j, p := range r.Parts {
			rec := assetRecord{Owner: w.Owner, Work: w.ID, Digest: a.Digest, Result: p.Result, Part: &partRecord{p, a.Seq, j, alone(r)}}
			b, err := encodePrinted[assetRecord](rec)
			if err != nil {
				return fmt.Errorf("keep parts: %w", err)
			}
			rows = append(rows, row{assetKey(ref.part(j)), b})
			if size += len(b); size >= portion {
				if err := write(); err != nil {
					return err
				}
			}
		}
	}
	return write()
}

// dropParts removes the rows of an intent whose commit did not happen, and the intent.
func (s *Service) dropParts(ctx context.Context, first uint64) error {
	var in *intent
	err := s.KV.View(ctx, func(tx store.Txn) (err error) {
		in, err = load[intent](tx, intentKey(first))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // committed, or there were none
	}
	if err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	for from := in.From; from < in.To; {
		to := min(in.To, from+1000)
		err := s.KV.Update(ctx, func(tx store.Txn) error {
			for seq := from; seq < to; seq++ {
				if err := tx.Delete(assetKey(assetRef{in.Owner, seq})); err != nil {
					return err
				}
			}
			if to == in.To {
				return tx.Delete(intentKey(first))
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("parts: %w", err)
		}
		from = to
	}
	return nil
}

// dropLeftParts removes what registrations that never committed have left.
func (s *Service) dropLeftParts(ctx context.Context) error {
	var left []uint64
	err := s.KV.View(ctx, func(tx store.Txn) error {
		return tx.Scan([]byte("j/"), nil, func(k, _ []byte) bool {
			if len(k) == 10 {
				left = append(left, binary.BigEndian.Uint64(k[2:]))
			}
			return true
		})
	})
	if err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	for _, first := range left {
		if err := s.dropParts(ctx, first); err != nil {
			return err
		}
	}
	return nil
}

// alone reports whether a file is one page and nothing else.
func alone(r *fingerprint.Result) bool {
	return len(r.Parts) == 1 && r.Parts[0].Kind == fingerprint.PagePart
}

// saveSpan writes the row that leads from the numbers of parts to their asset.
func saveSpan(tx store.Txn, ref assetRef, r *fingerprint.Result) error {
	n := len(r.Parts)
	if n == 0 {
		return nil
	}
	row := binary.BigEndian.AppendUint64(nil, uint64(n))
	if slices.ContainsFunc(r.Parts, func(p fingerprint.Part) bool { return p.Kind.Drawn() }) {
		for _, p := range r.Parts {
			if p.Kind.Drawn() {
				row = append(row, 1)
			} else {
				row = append(row, 0)
			}
		}
	}
	return tx.Set(spanKey(ref), row)
}

// spans finds the assets that parts belong to, and remembers the runs of numbers that it met.
type spans struct {
	tx    store.Txn
	known []run
}

type run struct {
	assetRef
	n     uint64
	drawn []byte // by part, as in the row; empty: not known
}

// part is the place of a number in the run; -1 is the asset.
func (r *run) part(seq uint64) int { return int(seq-r.seq) - 1 }

// other reports whether a part is known to be lines drawn anew where those are not wanted, or
// none where they are. An asset itself is none.
func (r *run) other(part int, drawn bool) bool {
	if part < 0 {
		return drawn
	}
	return part < len(r.drawn) && (r.drawn[part] == 1) != drawn
}

// of is the run of numbers that a reference belongs to: that of an asset and its parts.
func (s *spans) of(ref assetRef) (run, error) {
	for _, r := range s.known {
		if r.owner == ref.owner && ref.seq >= r.seq && ref.seq <= r.seq+r.n {
			return r, nil
		}
	}
	prefix := binary.BigEndian.AppendUint32([]byte("b/"), uint32(ref.owner))
	found := run{assetRef: ref}
	var bad error
	err := s.tx.Scan(prefix, spanKey(ref), func(k, v []byte) bool {
		var n uint64
		if len(v) >= 8 {
			n = binary.BigEndian.Uint64(v)
		}
		if len(k) != 14 || len(v) != 8 && uint64(len(v)) != 8+n {
			bad = fmt.Errorf("row %q: %w", k, store.ErrCorrupt)
			return false
		}
		if seq := ^binary.BigEndian.Uint64(k[6:]); ref.seq <= seq+n {
			found = run{assetRef{ref.owner, seq}, n, slices.Clone(v[8:])}
		}
		return false
	})
	if err := errors.Join(err, bad); err != nil {
		return found, err
	}
	if found.n > 0 {
		s.known = append(s.known, found)
	}
	return found, nil
}

// partsPerAsset is how many parts of one asset are compared with one picture: a video of one
// still scene must leave room for other works.
const partsPerAsset = 4

// thin leaves the first few parts of every asset, where there are more candidates than the
// limit, and of those only what is drawn anew, or not.
func (s *spans) thin(list []candidate, limit int, drawn bool) ([]candidate, error) {
	if len(list) <= limit {
		return list, nil
	}
	byOwner := map[ownerNumber]int{}
	for _, c := range list {
		byOwner[c.owner]++
	}
	met := map[assetRef]int{}
	kept := list[:0]
	for _, c := range list {
		if !drawn && byOwner[c.owner] <= partsPerAsset { // nothing of theirs can be too much
			kept = append(kept, c)
			continue
		}
		r, err := s.of(c.assetRef)
		if err != nil {
			return nil, err
		}
		part := r.part(c.seq)
		if r.other(part, drawn) {
			continue
		}
		if part >= 0 {
			if met[r.assetRef]++; met[r.assetRef] > partsPerAsset {
				continue
			}
		}
		kept = append(kept, c)
	}
	return kept, nil
}

// loadParts reads the rows of all parts of an asset.
func loadParts(tx store.Txn, ref assetRef, a Asset) ([]*assetRecord, error) {
	var out []*assetRecord
	for i := range a.Parts {
		rec, err := loadPrinted[assetRecord](tx, assetKey(ref.part(i)))
		if err == nil && (rec.Part == nil || rec.Part.Of != ref.seq || rec.Part.N != i) {
			err = fmt.Errorf("row %q is not part %d of asset %d: %w", assetKey(ref.part(i)), i, ref.seq, store.ErrCorrupt)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, rec)
	}
	return out, nil
}
