package provenance

import (
	"crypto"
	"errors"
	"fmt"
	"io"
)

// Object is a data object of an evidence record: it answers with its digest under a hash
// function. Renewing a hash tree asks for a function that did not matter before, so
// whoever keeps records keeps the objects too, or can reach them.
type Object func(h crypto.Hash) ([]byte, error)

// errNoDigest: the object can answer, but not for this hash function.
var errNoDigest = errors.New("the digest under this hash function is not known")

// ObjectBytes is an object held in memory, such as a log-signed checkpoint.
func ObjectBytes(data []byte) Object {
	return func(h crypto.Hash) ([]byte, error) { return sum(h, data), nil }
}

// ObjectReader is an object that is read anew for each hash function.
func ObjectReader(open func() (io.ReadCloser, error)) Object {
	return func(h crypto.Hash) ([]byte, error) {
		r, err := open()
		if err != nil {
			return nil, err
		}
		w := h.New()
		_, err = io.Copy(w, r)
		return w.Sum(nil), errors.Join(err, r.Close())
	}
}

// ObjectDigests is an object of which only digests are at hand.
func ObjectDigests(digests map[crypto.Hash][]byte) Object {
	return func(h crypto.Hash) ([]byte, error) {
		d, ok := digests[h]
		if !ok {
			return nil, fmt.Errorf("%v: %w", h, errNoDigest)
		}
		return d, checkDigest(h, d)
	}
}

// digests asks all objects of a group.
func digests(h crypto.Hash, objects []Object) ([][]byte, error) {
	var all [][]byte
	for _, o := range objects {
		d, err := o(h)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// first returns what the first time-stamp of chain k must be over: the digests of the
// objects, and from the second chain on each of them joined with all chains before:
// H(H(d) || H(atsc)), RFC 4998, 5.2, step 4.
func (r *EvidenceRecord) first(k int, h crypto.Hash, objects []Object) ([][]byte, error) {
	list, err := digests(h, objects)
	if err != nil || k == 0 {
		return list, err
	}
	before := sum(h, sequence(r.chains[:k]))
	for i, d := range list {
		list[i] = sum(h, d, before)
	}
	return list, nil
}
