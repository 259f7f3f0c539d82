package provenance

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// EvidenceItem is one record to be made or renewed.
type EvidenceItem struct {
	// Record is to be renewed; nil makes a new one.
	Record *EvidenceRecord
	// Objects is the group of data objects the record is over. Time-stamp renewal, which
	// keeps the hash function, needs none.
	Objects []Object
}

// Batch is a hash tree over any number of records, so that one token renews all of them
// (RFC 4998, 4.2 and 5.2). It changes nothing: whoever keeps the records asks an authority
// for a token over Digest and stores what Records returns. If that breaks off, the old
// records are still there and still good, and the same items give the same tree again.
type Batch struct {
	hash  crypto.Hash
	items []EvidenceItem
	lists [][][]byte // per item its first list, ascending
	tree  *hashTree
}

// NewBatch builds the tree with hash function h. For each item:
//
//	no record                    its first time-stamp, over the objects
//	record whose chain uses h    time-stamp renewal: over the tokens of that chain
//	record with another function hash-tree renewal: over the objects and all chains
//
// RFC 4998 renews over the last token; the group of all tokens of the chain holds that one
// and is what Bouncy Castle asks for. A function with a shorter digest than the one in
// use is refused. The items' trees are checked, their signatures are not: verify a record
// before renewing it.
func NewBatch(h crypto.Hash, items []EvidenceItem) (*Batch, error) {
	if _, ok := HashOID(h); !ok {
		return nil, fmt.Errorf("evidence: hash function %v: use SHA-256, SHA-384, SHA-512 or SHA3 of those sizes", h)
	}
	if len(items) == 0 {
		return nil, errors.New("evidence: nothing to stamp")
	}
	b := &Batch{hash: h, items: slices.Clone(items)}
	leaves := make([][]byte, len(items))
	for i, it := range items {
		list, err := it.list(h)
		if err != nil {
			return nil, fmt.Errorf("evidence: item %d: %w", i, err)
		}
		slices.SortFunc(list, bytes.Compare)
		list = slices.CompactFunc(list, bytes.Equal)
		if len(list) > maxHashes {
			return nil, fmt.Errorf("evidence: item %d: a group of %d objects: the limit is %d", i, len(list), maxHashes)
		}
		b.lists = append(b.lists, list)
		leaves[i] = nodeHash(h, list)
	}
	b.tree = newHashTree(h, leaves)
	return b, nil
}

// renews reports whether the item's last chain goes on under h.
func (it EvidenceItem) renews(h crypto.Hash) bool {
	return it.Record != nil && it.Record.Hash() == h
}

// list is what the item's next time-stamp is over.
func (it EvidenceItem) list(h crypto.Hash) ([][]byte, error) {
	r := it.Record
	if r != nil {
		if h.Size() < r.Hash().Size() {
			return nil, fmt.Errorf("renewing %v with %v, which is shorter", r.Hash(), h)
		}
		if err := r.checkTrees(it.Objects); err != nil {
			return nil, err
		}
	}
	if it.renews(h) {
		c := r.chains[len(r.chains)-1]
		if len(c.stamps) == maxStamps {
			return nil, fmt.Errorf("its chain has %d time-stamps already: begin a new hash tree with another hash function", maxStamps)
		}
		var list [][]byte
		for _, s := range c.stamps {
			list = append(list, sum(h, s.token))
		}
		return list, nil
	}
	if len(it.Objects) == 0 {
		return nil, errors.New("a first time-stamp and a new hash tree need the data objects")
	}
	if r == nil {
		return digests(h, it.Objects)
	}
	if len(r.chains) == maxChains {
		return nil, fmt.Errorf("it has %d chains already", maxChains)
	}
	return r.first(len(r.chains), h, it.Objects)
}

// checkTrees checks that the time-stamps are over what they should be over; of the objects
// only if some are given.
func (r *EvidenceRecord) checkTrees(objects []Object) error {
	for k, c := range r.chains {
		for j := range c.stamps {
			list := [][]byte{}
			var err error
			if j > 0 {
				list = append(list, sum(c.hash, c.stamps[j-1].token))
			} else {
				list, err = r.first(k, c.hash, objects)
			}
			if err == nil && !c.stamps[j].covers(list) {
				err = errors.New("it is over something else")
			}
			if err != nil {
				return fmt.Errorf("time-stamp %d of chain %d: %w", j+1, k+1, err)
			}
		}
	}
	return nil
}

// Hash is the hash function of the tree.
func (b *Batch) Hash() crypto.Hash { return b.hash }

// Digest is the root of the tree: what the authority is to stamp.
func (b *Batch) Digest() []byte { return bytes.Clone(b.tree.root()) }

// Records returns the records with their new time-stamp, in the order of the items.
// response is an RFC 3161 response (DER) over Digest and is verified under roots.
func (b *Batch) Records(response []byte, roots []*x509.Certificate) ([]*EvidenceRecord, error) {
	if _, err := VerifyTokenDigest(response, b.hash, b.tree.root(), roots); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	raw, err := openResponse(response)
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	st, err := parseStamp(raw)
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	out := make([]*EvidenceRecord, len(b.items))
	for i, it := range b.items {
		var algorithm []byte
		if it.renews(b.hash) {
			algorithm = it.Record.chains[len(it.Record.chains)-1].stamps[0].algorithmField()
		}
		lists := [][][]byte{b.lists[i]}
		lists = append(lists, b.tree.path(nodeHash(b.hash, b.lists[i]))...)
		if len(lists) == 1 && len(lists[0]) == 1 {
			lists = nil // the token is over the one hash itself
		}
		out[i] = it.Record.withStamp(newArchiveStamp(st, algorithm, lists), !it.renews(b.hash))
	}
	return out, nil
}

// Renew makes or renews records with one token. stamp asks a time authority, whose roots
// are roots, for an RFC 3161 response over a digest. The items are left as they are: store
// the result, each record in the place of the old one. Renewing again what is already
// renewed does no harm but length; [Evidence.Need] says what is due.
func Renew(ctx context.Context, h crypto.Hash, items []EvidenceItem, roots []*x509.Certificate,
	stamp func(ctx context.Context, h crypto.Hash, digest []byte) ([]byte, error)) ([]*EvidenceRecord, error) {
	b, err := NewBatch(h, items)
	if err != nil {
		return nil, err
	}
	response, err := stamp(ctx, h, b.Digest())
	if err != nil {
		return nil, fmt.Errorf("evidence: time-stamp over %d record(s): %w", len(items), err)
	}
	return b.Records(response, roots)
}
