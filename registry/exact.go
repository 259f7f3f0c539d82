package registry

import (
	"errors"

	"selvage/fingerprint"
	"selvage/store"
)

// The exact rows x/ (bytes) and p/ (pixels) lead from a digest to the assets that have
// it. Their value says who may see the work, so that a stranger's query skips a private
// work without reading anything of it.

const (
	rowOpen   = 'o'
	rowClosed = 'c'
)

// exactKeys are the exact rows of an asset.
func exactKeys(ref assetRef, d fingerprint.Digest, r *fingerprint.Result) [][]byte {
	keys := [][]byte{bytesKey(d, ref)}
	if p, ok := r.Print(fingerprint.Pixels256, fingerprint.Full); ok && len(p.Payload) == len(d) {
		keys = append(keys, pixelsKey(fingerprint.Digest(p.Payload), ref))
	}
	return keys
}

// saveExact writes the exact rows of an asset as the work's state wants them.
func (s *Service) saveExact(tx store.Txn, w *Work, ref assetRef, d fingerprint.Digest, r *fingerprint.Result) error {
	v := []byte{rowOpen}
	if w.Visibility == Private {
		v[0] = rowClosed
	}
	for _, k := range exactKeys(ref, d, r) {
		var err error
		if w.Withdrawn != nil {
			err = tx.Delete(k)
		} else {
			err = tx.Set(k, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// exact returns the assets with the same bytes or the same pixels that the scope sees.
func exact(tx store.Txn, d fingerprint.Digest, r *fingerprint.Result, sc scope) ([]assetRef, error) {
	var found []assetRef
	for _, k := range exactKeys(assetRef{}, d, r) {
		prefix := k[:len(k)-12]
		var bad error
		err := tx.Scan(prefix, nil, func(k, v []byte) bool {
			ref, err := parseAssetRef(k[len(prefix):])
			if err != nil {
				bad = err
				return false
			}
			if sc.sees(ref.owner, len(v) == 1 && v[0] == rowClosed) {
				found = append(found, ref)
			}
			return true
		})
		if err := errors.Join(err, bad); err != nil {
			return nil, err
		}
	}
	return found, nil
}
