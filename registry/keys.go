package registry

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"selvage/fingerprint"
	"selvage/index"
	"selvage/index/timeline"
	"selvage/store"
)

// Row keys. The layout is written out in doc.go; every row that belongs to somebody
// carries the owner, by name or by number, so that a tenant can be listed or erased by
// prefix.

func workKey(o OwnerID, id WorkID) []byte {
	return []byte("w/" + string(o) + "/" + descending(string(id)))
}
func workOwnerKey(id WorkID) []byte { return []byte("W/" + string(id)) }
func ownerKey(o OwnerID) []byte     { return []byte("o/" + string(o)) }
func ownerNumberKey(n ownerNumber) []byte {
	return binary.BigEndian.AppendUint32([]byte("O/"), uint32(n))
}
func sameFilesKey(o OwnerID, d fingerprint.Digest) []byte {
	return []byte("d/" + string(o) + "/" + d.String())
}
func assetKey(a assetRef) []byte { return a.append([]byte("a/")) }
func bytesKey(d fingerprint.Digest, a assetRef) []byte {
	return a.append(append([]byte("x/"), d[:]...))
}
func pixelsKey(d fingerprint.Digest, a assetRef) []byte {
	return a.append(append([]byte("p/"), d[:]...))
}
func changeKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte("c/"), seq) }
func proofKey(o OwnerID, id WorkID) []byte {
	return []byte("r/" + string(o) + "/" + string(id))
}
func pendingKey(o OwnerID, id WorkID) []byte {
	return []byte("l/" + string(o) + "/" + string(id))
}
func watchKey(o OwnerID, seq uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte("q/"), seq), "/"+string(o)...)
}

// watchNumber is the number in a key of watchKey.
func watchNumber(key []byte) uint64 { return binary.BigEndian.Uint64(key[len("q/"):]) }

func successorKey(o OwnerID, w WorkID) []byte { return []byte("V/" + string(o) + "/" + string(w)) }

func matchKey(o OwnerID, id MatchID) []byte {
	return []byte("m/" + string(o) + "/" + descending(string(id)))
}
func matchOwnerKey(o OwnerID, id MatchID) []byte {
	return []byte("M/" + string(o) + "/" + string(id))
}
func matchProofKey(o OwnerID, m MatchID, w WorkID) []byte {
	return []byte("R/" + string(o) + "/" + string(m) + "/" + string(w))
}
func eventKey(o OwnerID, id string) []byte {
	return []byte("e/" + string(o) + "/" + descending(id))
}

// ownerNumber is the short name of an owner inside index identifiers: 1 to 2^24-1.
type ownerNumber uint32

const (
	ownerBits = 24
	seqBits   = 39               // assets, over all owners
	maxOwners = 1<<ownerBits - 2 // the number behind the last must fit too, see private
)

// ids is the run of index identifiers of an owner's assets: from <= id < to.
func (n ownerNumber) ids() (from, to index.ID) {
	return assetRef{owner: n}.codeID(fingerprint.Full), assetRef{owner: n + 1}.codeID(fingerprint.Full)
}

// assetRef names an asset in rows and indexes.
type assetRef struct {
	owner ownerNumber
	seq   uint64
}

func (a assetRef) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, uint32(a.owner)), a.seq)
}

func parseAssetRef(b []byte) (assetRef, error) {
	if len(b) != 12 {
		return assetRef{}, fmt.Errorf("asset reference of %d bytes, want 12", len(b))
	}
	return assetRef{ownerNumber(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint64(b[4:])}, nil
}

// codeID packs an asset and the view hashed into an index identifier: owner number,
// asset number, and the view in the lowest bit.
func (a assetRef) codeID(v fingerprint.View) index.ID {
	id := index.ID(a.owner)<<(seqBits+1) | index.ID(a.seq)<<1
	if v == fingerprint.Box {
		id |= 1
	}
	return id
}

// trackID is the identifier of the track of an owner's nth video in the index of frames.
func (a assetRef) trackID(n uint64) index.ID {
	return index.ID(a.owner)<<(seqBits+1) | index.ID(n)<<timeline.SlotBits
}

func trackKey(track index.ID) []byte {
	return binary.BigEndian.AppendUint64([]byte("T/"), uint64(track))
}

func assetOf(id index.ID) assetRef {
	return assetRef{ownerNumber(id >> (seqBits + 1)), uint64(id>>1) & (1<<seqBits - 1)}
}

// load reads a JSON row.
func load[T any](tx store.Txn, key []byte) (*T, error) {
	b, err := tx.Get(key)
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := decodeRow(tx, key, b, v); err != nil {
		return nil, err
	}
	return v, nil
}

// decodeRow reads the JSON row whose value under its key is at hand, as in a scan.
func decodeRow(tx store.Txn, key, value []byte, out any) error {
	b, err := wholeRow(tx, key, value)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("row %q: %w: %w", key, store.ErrCorrupt, err)
	}
	return nil
}

// save writes a JSON row.
func save(tx store.Txn, key []byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("row %q: %w", key, err)
	}
	return setRow(tx, key, b)
}
