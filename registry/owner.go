package registry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"selvage/store"
)

// ownerRecord is the row of a tenant.
type ownerRecord struct {
	ID      OwnerID     `json:"id"`
	Number  ownerNumber `json:"number"`
	Created time.Time   `json:"created"`
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

// ownerName is the inverse of numberOf.
func ownerName(tx store.Txn, n ownerNumber) (OwnerID, error) {
	b, err := tx.Get(ownerNumberKey(n))
	return OwnerID(b), err
}
