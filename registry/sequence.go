package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"selvage/store"
)

// sequence hands out rising numbers that are never used twice, over restarts and
// crashes too: it reserves a block at a time in the store, and a restart begins behind
// the last block.
//
// It also keeps track of the numbers whose transaction has not ended yet, so that
// settled can say up to where the change feed is complete.
type sequence struct {
	kv store.KV

	mu       sync.Mutex
	next     uint64
	reserved uint64 // exclusive
	open     map[uint64]struct{}
}

var sequenceKey = []byte("s/next")

const sequenceBlock = 4096

func openSequence(ctx context.Context, kv store.KV) (*sequence, error) {
	s := &sequence{kv: kv, open: map[uint64]struct{}{}}
	err := kv.View(ctx, func(tx store.Txn) error {
		b, err := tx.Get(sequenceKey)
		if errors.Is(err, store.ErrNotFound) {
			s.next = 1
			return nil
		}
		if err != nil {
			return err
		}
		if len(b) != 8 {
			return fmt.Errorf("row %q: %w", sequenceKey, store.ErrCorrupt)
		}
		s.next = binary.BigEndian.Uint64(b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("sequence: %w", err)
	}
	s.reserved = s.next
	return s, nil
}

// take returns n consecutive numbers, the first of which is returned. They count as
// open until done is called with the first.
func (s *sequence) take(ctx context.Context, n int) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next+uint64(n) > s.reserved {
		upto := s.next + uint64(n) + sequenceBlock
		err := s.kv.Update(ctx, func(tx store.Txn) error {
			return tx.Set(sequenceKey, binary.BigEndian.AppendUint64(nil, upto))
		})
		if err != nil {
			return 0, fmt.Errorf("sequence: %w", err)
		}
		s.reserved = upto
	}
	first := s.next
	s.next += uint64(n)
	s.open[first] = struct{}{}
	return first, nil
}

// done says that the transaction which used the numbers from first has ended and that
// its change, if it committed, is in the indexes.
func (s *sequence) done(first uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, first)
}

// settled returns a number below which every change that committed is in the indexes.
func (s *sequence) settled() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	low := s.next
	for first := range s.open {
		low = min(low, first)
	}
	return low
}
