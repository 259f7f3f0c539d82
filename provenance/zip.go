package provenance

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// A bundle's zip has one form only, so that every byte of it is accounted for: entries
// in strictly increasing order of their names, stored (not deflated), dated 1980-01-01,
// no flags, no extra fields, no data descriptors, no comments, no zip64, nothing before,
// between or after. Reading demands exactly that (APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.16).
const (
	zipLocal   = 0x04034b50
	zipCentral = 0x02014b50
	zipEnd     = 0x06054b50
	zipVersion = 10
	zipDate    = 1<<5 | 1 // 1980-01-01

	maxZipEntries = 4096
	maxZipName    = 200
	maxZipSize    = 1<<32 - 1<<24
)

// zipEntry is one stored file.
type zipEntry struct {
	name   string
	size   int64
	crc    uint32
	offset int64 // of the content, set by readZip
}

func (e zipEntry) header(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, zipVersion)
	b = binary.LittleEndian.AppendUint16(b, 0) // flags
	b = binary.LittleEndian.AppendUint16(b, 0) // stored
	b = binary.LittleEndian.AppendUint16(b, 0) // time
	b = binary.LittleEndian.AppendUint16(b, zipDate)
	b = binary.LittleEndian.AppendUint32(b, e.crc)
	b = binary.LittleEndian.AppendUint32(b, uint32(e.size))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.size))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(e.name)))
	return binary.LittleEndian.AppendUint16(b, 0) // extra field
}

func (e zipEntry) local() []byte {
	b := binary.LittleEndian.AppendUint32(nil, zipLocal)
	return append(e.header(b), e.name...)
}

func (e zipEntry) central(b []byte, at int64) []byte {
	b = binary.LittleEndian.AppendUint32(b, zipCentral)
	b = binary.LittleEndian.AppendUint16(b, zipVersion) // made by
	b = e.header(b)
	b = binary.LittleEndian.AppendUint16(b, 0) // comment
	b = binary.LittleEndian.AppendUint16(b, 0) // disk
	b = binary.LittleEndian.AppendUint16(b, 0) // internal attributes
	b = binary.LittleEndian.AppendUint32(b, 0) // external attributes
	b = binary.LittleEndian.AppendUint32(b, uint32(at))
	return append(b, e.name...)
}

// zipTail is the central directory and end record for entries laid out from offset 0.
func zipTail(entries []zipEntry) []byte {
	var b []byte
	var at int64
	for _, e := range entries {
		b = e.central(b, at)
		at += int64(len(e.local())) + e.size
	}
	size := len(b)
	b = binary.LittleEndian.AppendUint32(b, zipEnd)
	b = binary.LittleEndian.AppendUint32(b, 0) // disks
	b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, uint32(at))
	return binary.LittleEndian.AppendUint16(b, 0) // comment
}

// writeZip writes entries, which are sorted; content copies the named entry's bytes.
func writeZip(w io.Writer, entries []zipEntry, content func(w io.Writer, name string) error) error {
	var total int64
	for i, e := range entries {
		if err := checkZipName(e.name); err != nil {
			return err
		}
		if i > 0 && entries[i-1].name >= e.name {
			return fmt.Errorf("zip: %q is out of order", e.name)
		}
		total += e.size
	}
	if len(entries) > maxZipEntries || total > maxZipSize {
		return fmt.Errorf("zip: %d files of %d bytes are too much; leave the originals out", len(entries), total)
	}
	buf := bufio.NewWriterSize(w, 1<<16)
	for _, e := range entries {
		buf.Write(e.local())
		sum := &crcWriter{w: buf}
		if err := content(sum, e.name); err != nil {
			return fmt.Errorf("zip: %s: %w", e.name, err)
		}
		if sum.n != e.size || sum.crc != e.crc {
			return fmt.Errorf("zip: %s changed while it was packed", e.name)
		}
	}
	buf.Write(zipTail(entries))
	return buf.Flush()
}

// readZip reads the layout of a zip in canonical form. The contents' checksums are the
// caller's to compare, in the pass in which it hashes them.
func readZip(r io.ReaderAt, size int64) ([]zipEntry, error) {
	if size > maxZipSize+1<<23 {
		return nil, fmt.Errorf("zip of %d bytes: the limit is %d", size, maxZipSize)
	}
	var entries []zipEntry
	var at int64
	head := make([]byte, 30)
	for {
		if at+4 > size {
			return nil, errors.New("zip: cut off")
		}
		if _, err := r.ReadAt(head[:4], at); err != nil {
			return nil, fmt.Errorf("zip: %w", err)
		}
		if binary.LittleEndian.Uint32(head) != zipLocal {
			break
		}
		if at+30 > size {
			return nil, errors.New("zip: cut off")
		}
		if _, err := r.ReadAt(head, at); err != nil {
			return nil, fmt.Errorf("zip: %w", err)
		}
		nameLen := int(binary.LittleEndian.Uint16(head[26:]))
		if nameLen > maxZipName || at+30+int64(nameLen) > size || len(entries) == maxZipEntries {
			return nil, errors.New("zip: too many entries or a name that is too long")
		}
		name := make([]byte, nameLen)
		if _, err := r.ReadAt(name, at+30); err != nil {
			return nil, fmt.Errorf("zip: %w", err)
		}
		e := zipEntry{
			name: string(name),
			crc:  binary.LittleEndian.Uint32(head[14:]),
			size: int64(binary.LittleEndian.Uint32(head[22:])),
		}
		e.offset = at + 30 + int64(nameLen)
		if err := checkZipName(e.name); err != nil {
			return nil, err
		}
		if !bytes.Equal(e.local(), append(bytes.Clone(head), name...)) {
			return nil, fmt.Errorf("zip: header of %s is not in canonical form", e.name)
		}
		if len(entries) > 0 && entries[len(entries)-1].name >= e.name {
			return nil, fmt.Errorf("zip: %s is out of order", e.name)
		}
		if at = e.offset + e.size; at > size {
			return nil, errors.New("zip: cut off")
		}
		entries = append(entries, e)
	}
	want := zipTail(entries)
	if int64(len(want)) != size-at {
		return nil, errors.New("zip: directory is not in canonical form")
	}
	have := make([]byte, len(want))
	if _, err := r.ReadAt(have, at); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("zip: %w", err)
	}
	if !bytes.Equal(have, want) {
		return nil, errors.New("zip: directory is not in canonical form")
	}
	return entries, nil
}

// checkZipName allows plain relative paths only, so that unpacking a bundle with any
// tool writes inside one folder.
func checkZipName(name string) error {
	if name == "" || len(name) > maxZipName || !strings.HasPrefix(name, baseDir) {
		return fmt.Errorf("zip: name %q: want a path under %s", clip(name), baseDir)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") {
			return fmt.Errorf("zip: name %q is not a plain path", clip(name))
		}
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '/':
		default:
			return fmt.Errorf("zip: name %q is not a plain path", clip(name))
		}
	}
	return nil
}

type crcWriter struct {
	w   io.Writer
	crc uint32
	n   int64
}

func (c *crcWriter) Write(p []byte) (int, error) {
	c.crc = crc32.Update(c.crc, crc32.IEEETable, p)
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
