package registry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"selvage/index"
	"selvage/index/timeline"
	"selvage/store"
)

// ownerRecord is the row of a tenant.
type ownerRecord struct {
	ID      OwnerID     `json:"id"`
	Number  ownerNumber `json:"number"`
	Created time.Time   `json:"created"`
	// Videos is how many the owner has registered: the number of the last one's track.
	Videos uint64 `json:"videos,omitempty"`
	// Manuscripts: the owner has registered one.
	Manuscripts bool `json:"manuscripts,omitempty"`
}

var ownerCountKey = []byte("s/owners")

// ownerCache remembers numbers, which never change once given.
type ownerCache struct{ byName sync.Map }

// numberOf returns the owner's number; 0 for an owner who has never registered anything.
func (s *Service) numberOf(tx store.Txn, o OwnerID) (ownerNumber, error) {
	if n, ok := s.owners.byName.Load(o); ok {
		return n.(ownerNumber), nil
	}
	r, err := load[ownerRecord](tx, ownerKey(o))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	s.owners.byName.Store(o, r.Number)
	return r.Number, nil
}

// ensureOwner returns the owner's number, giving one if there is none. The number
// becomes valid with the transaction, so it is not cached here.
func (s *Service) ensureOwner(tx store.Txn, o OwnerID) (ownerNumber, error) {
	if n, err := s.numberOf(tx, o); n != 0 || err != nil {
		return n, err
	}
	var count uint32
	b, err := tx.Get(ownerCountKey)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return 0, err
	case len(b) != 4:
		return 0, fmt.Errorf("row %q: %w", ownerCountKey, store.ErrCorrupt)
	default:
		count = binary.BigEndian.Uint32(b)
	}
	if count++; count > maxOwners {
		return 0, fmt.Errorf("no more than %d owners fit one service", maxOwners)
	}
	n := ownerNumber(count)
	if err := tx.Set(ownerCountKey, binary.BigEndian.AppendUint32(nil, count)); err != nil {
		return 0, err
	}
	if err := save(tx, ownerKey(o), ownerRecord{ID: o, Number: n, Created: s.Clock().UTC()}); err != nil {
		return 0, err
	}
	return n, tx.Set(ownerNumberKey(n), []byte(o))
}

// trackBits is how many bits of an index identifier number the videos of one owner.
const trackBits = seqBits + 1 - timeline.SlotBits

// newTrack numbers a video of an owner and writes the row that leads back to it.
func newTrack(tx store.Txn, o OwnerID, ref assetRef) (uint64, error) {
	r, err := load[ownerRecord](tx, ownerKey(o))
	if err != nil {
		return 0, err
	}
	if r.Videos++; r.Videos >= 1<<trackBits {
		return 0, fmt.Errorf("no more than %d videos of one owner fit one service", 1<<trackBits-1)
	}
	return r.Videos, errors.Join(
		save(tx, ownerKey(o), r),
		tx.Set(trackKey(ref.trackID(r.Videos)), binary.BigEndian.AppendUint64(nil, ref.seq)),
	)
}

// trackOwner is the asset of a track.
func trackOwner(tx store.Txn, track index.ID) (assetRef, error) {
	b, err := tx.Get(trackKey(track))
	if err == nil && len(b) != 8 {
		err = fmt.Errorf("row %q: %w", trackKey(track), store.ErrCorrupt)
	}
	if err != nil {
		return assetRef{}, err
	}
	return assetRef{assetOf(track).owner, binary.BigEndian.Uint64(b)}, nil
}

// ownerName is the inverse of numberOf.
func ownerName(tx store.Txn, n ownerNumber) (OwnerID, error) {
	b, err := tx.Get(ownerNumberKey(n))
	return OwnerID(b), err
}
