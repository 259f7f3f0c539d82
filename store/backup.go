package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

// backupMagic begins a backup. What follows, up to the end:
//
//	record := uvarint(length of key, 1..MaxKey) key uvarint(length of value) value
//	end    := uvarint(0) SHA-256 of everything before these 32 bytes
//
// The records come in rising order of their keys.
const backupMagic = "selvage kv backup 1\n"

// ErrNotEmpty means that Restore was asked to write over records.
var ErrNotEmpty = errors.New("store is not empty")

// Backup writes every record of kv to w, as of one moment, while kv stays in use. The
// form is the same for every back-end, so it also moves records from one to another.
func Backup(ctx context.Context, kv KV, w io.Writer) error {
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	put := func(b []byte) {
		var length [binary.MaxVarintLen64]byte
		_, _ = out.Write(length[:binary.PutUvarint(length[:], uint64(len(b)))])
		_, _ = out.Write(b) // bufio keeps the first error for Flush
	}
	_, _ = out.WriteString(backupMagic)
	err := kv.View(ctx, func(t Txn) error {
		return t.Scan(nil, nil, func(k, v []byte) bool {
			put(k)
			put(v)
			_, err := out.Write(nil)
			return err == nil
		})
	})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	put(nil)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// Restore fills an empty kv from what Backup wrote, in several transactions. ErrNotEmpty
// when kv holds a record; ErrCorrupt when the backup is cut short or damaged. After an
// error the records that were already written are removed again; nothing else may use
// kv meanwhile.
func Restore(ctx context.Context, kv KV, r io.Reader) error {
	empty := true
	err := kv.View(ctx, func(t Txn) error {
		return t.Scan(nil, nil, func(_, _ []byte) bool {
			empty = false
			return false
		})
	})
	switch {
	case err != nil:
		return fmt.Errorf("restore: %w", err)
	case !empty:
		return fmt.Errorf("restore: %w: choose a new directory", ErrNotEmpty)
	}
	if err := restore(ctx, kv, r); err != nil {
		if undo := wipe(context.WithoutCancel(ctx), kv); undo != nil {
			return fmt.Errorf("restore: %w (and what was written could not be removed: %w)", err, undo)
		}
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// batch is how many bytes and records Restore writes at once.
const (
	batchBytes   = 1 << 20
	batchRecords = 4096
)

type record struct{ key, value []byte }

func restore(ctx context.Context, kv KV, r io.Reader) error {
	in := newBackupReader(r)
	for end := false; !end; {
		var batch []record
		for size := 0; size < batchBytes && len(batch) < batchRecords; {
			rec, err := in.next()
			if errors.Is(err, io.EOF) {
				end = true
				break
			}
			if err != nil {
				return err
			}
			batch = append(batch, rec)
			size += len(rec.key) + len(rec.value)
		}
		err := kv.Update(ctx, func(t Txn) error {
			for _, rec := range batch {
				if err := t.Set(rec.key, rec.value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// wipe removes every record.
func wipe(ctx context.Context, kv KV) error {
	for {
		var keys [][]byte
		err := kv.Update(ctx, func(t Txn) error {
			keys = keys[:0]
			err := t.Scan(nil, nil, func(k, _ []byte) bool {
				keys = append(keys, bytes.Clone(k))
				return len(keys) < 1024
			})
			for _, k := range keys {
				err = errors.Join(err, t.Delete(k))
			}
			return err
		})
		if err != nil || len(keys) == 0 {
			return err
		}
	}
}

// backupReader reads the records of a backup and checks its form and sum.
type backupReader struct {
	in    *bufio.Reader
	sum   hash.Hash
	begun bool
	last  []byte
	err   error // of the source, other than its end
}

func newBackupReader(r io.Reader) *backupReader {
	return &backupReader{in: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
}

// next returns the next record; io.EOF after the last, once the sum was found right.
func (b *backupReader) next() (record, error) {
	if !b.begun {
		magic, err := b.take(uint64(len(backupMagic)))
		if err != nil || string(magic) != backupMagic {
			return record{}, b.broken("it does not begin with %q", backupMagic)
		}
		b.begun = true
	}
	n, err := binary.ReadUvarint(b)
	if err != nil {
		return record{}, b.broken("a length is cut off")
	}
	if n == 0 {
		return record{}, b.end()
	}
	if n > MaxKey {
		return record{}, b.broken("a key has %d bytes", n)
	}
	key, err := b.take(n)
	if err != nil {
		return record{}, b.broken("a key is cut off")
	}
	if bytes.Compare(key, b.last) <= 0 {
		return record{}, b.broken("key %q is out of order", key)
	}
	b.last = key
	if n, err = binary.ReadUvarint(b); err != nil {
		return record{}, b.broken("a length is cut off")
	}
	if n > MaxValue {
		return record{}, b.broken("the value of %q has %d bytes", key, n)
	}
	value, err := b.take(n)
	if err != nil {
		return record{}, b.broken("the value of %q is cut off", key)
	}
	return record{key, value}, nil
}

// end checks the sum that follows the last record.
func (b *backupReader) end() error {
	want := b.sum.Sum(nil)
	have := make([]byte, len(want))
	if _, err := io.ReadFull(b.in, have); b.note(err) != nil {
		return b.broken("the check sum is cut off")
	}
	if !bytes.Equal(want, have) {
		return b.broken("the check sum is wrong")
	}
	if _, err := b.in.ReadByte(); !errors.Is(b.note(err), io.EOF) {
		return b.broken("bytes follow the check sum")
	}
	return io.EOF
}

// ReadByte implements io.ByteReader, through the sum.
func (b *backupReader) ReadByte() (byte, error) {
	c, err := b.in.ReadByte()
	if err == nil {
		b.sum.Write([]byte{c})
	}
	return c, b.note(err)
}

func (b *backupReader) note(err error) error {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		b.err = err
	}
	return err
}

func (b *backupReader) take(n uint64) ([]byte, error) {
	buf := make([]byte, n)
	if _, err := io.ReadFull(b.in, buf); err != nil {
		return nil, b.note(err)
	}
	b.sum.Write(buf)
	return buf, nil
}

// broken returns ErrCorrupt with what is wrong, or the error of the source itself.
func (b *backupReader) broken(format string, args ...any) error {
	if b.err != nil {
		return b.err
	}
	return fmt.Errorf("%w: backup: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}
