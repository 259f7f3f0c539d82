package provenance

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
)

// A bundle is a bag (BagIt 1.0, RFC 8493) in a zip, with one base directory.
const (
	baseDir      = "bundle/"
	bagitText    = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
	bundleFormat = "selvage.bundle.v2"
	// bundles of before have one token, and neither claim nor value of outside
	bundleFormatV1 = "selvage.bundle.v1"

	// maxSmall limits each file that is read into memory: all but media.
	maxSmall = 4 << 20
)

// bagFile is one file of a bag. Either data or open holds its content.
type bagFile struct {
	name   string // below baseDir
	data   []byte
	open   func() (io.ReadCloser, error)
	size   int64
	crc    uint32
	sha256 [32]byte
	sha512 [64]byte
}

// hash reads the content once and fills in size and digests.
func (f *bagFile) hash() error {
	h256, h512, crc := sha256.New(), sha512.New(), crc32.NewIEEE()
	n, err := f.copy(io.MultiWriter(h256, h512, crc))
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	f.size, f.crc = n, crc.Sum32()
	f.sha256, f.sha512 = [32]byte(h256.Sum(nil)), [64]byte(h512.Sum(nil))
	return nil
}

func (f *bagFile) copy(w io.Writer) (int64, error) {
	if f.open == nil {
		n, err := w.Write(f.data)
		return int64(n), err
	}
	r, err := f.open()
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, r)
	return n, errors.Join(err, r.Close())
}

func isPayload(name string) bool { return strings.HasPrefix(name, "data/") }

func isTagManifest(name string) bool { return strings.HasPrefix(name, "tagmanifest-") }

// manifests are the four manifest files for the given ones, which are sorted by name.
// The payload manifests list data/, the tag manifests all the rest but themselves.
func manifests(files []*bagFile) ([]*bagFile, error) {
	list := func(name string, pick func(*bagFile) bool, sum func(*bagFile) []byte, more ...*bagFile) *bagFile {
		var b bytes.Buffer
		all := append(slices.Clone(files), more...)
		slices.SortFunc(all, func(a, b *bagFile) int { return strings.Compare(a.name, b.name) })
		for _, f := range all {
			if pick(f) {
				fmt.Fprintf(&b, "%x  %s\n", sum(f), f.name)
			}
		}
		return &bagFile{name: name, data: b.Bytes()}
	}
	payload := func(f *bagFile) bool { return isPayload(f.name) }
	tags := func(f *bagFile) bool { return !isPayload(f.name) }
	sum256 := func(f *bagFile) []byte { return f.sha256[:] }
	sum512 := func(f *bagFile) []byte { return f.sha512[:] }
	m256 := list("manifest-sha256.txt", payload, sum256)
	m512 := list("manifest-sha512.txt", payload, sum512)
	for _, m := range []*bagFile{m256, m512} {
		if err := m.hash(); err != nil {
			return nil, err
		}
	}
	t256 := list("tagmanifest-sha256.txt", tags, sum256, m256, m512)
	t512 := list("tagmanifest-sha512.txt", tags, sum512, m256, m512)
	for _, m := range []*bagFile{t256, t512} {
		if err := m.hash(); err != nil {
			return nil, err
		}
	}
	return []*bagFile{m256, m512, t256, t512}, nil
}

// bag is a bundle's files by name.
type bag map[string]*bagFile

func (b bag) sorted() []*bagFile {
	files := make([]*bagFile, 0, len(b))
	for _, f := range b {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b *bagFile) int { return strings.Compare(a.name, b.name) })
	return files
}

// bagInfo is bag-info.txt.
func bagInfo(date, oxum string) []byte {
	return fmt.Appendf(nil, "Bundle-Format: %s\nBag-Software-Agent: Selvage\nBagging-Date: %s\nPayload-Oxum: %s\n", bundleFormat, date, oxum)
}

func (b bag) add(name string, data []byte) { b[name] = &bagFile{name: name, data: data} }

// oxum is BagIt's octet and stream count of the payload.
func (b bag) oxum() string {
	var octets, streams int64
	for _, f := range b {
		if isPayload(f.name) {
			octets, streams = octets+f.size, streams+1
		}
	}
	return fmt.Sprintf("%d.%d", octets, streams)
}

// write adds the manifests and writes the zip. Every file must have been hashed.
func (b bag) write(w io.Writer) error {
	more, err := manifests(b.sorted())
	if err != nil {
		return err
	}
	for _, f := range more {
		b[f.name] = f
	}
	files := b.sorted()
	entries := make([]zipEntry, len(files))
	for i, f := range files {
		entries[i] = zipEntry{name: baseDir + f.name, size: f.size, crc: f.crc}
	}
	return writeZip(w, entries, func(w io.Writer, name string) error {
		_, err := b[strings.TrimPrefix(name, baseDir)].copy(w)
		return err
	})
}

// readBag reads a canonical zip and hashes all it holds. Files up to maxSmall that are
// not media come with their data.
func readBag(r io.ReaderAt, size int64) (bag, error) {
	entries, err := readZip(r, size)
	if err != nil {
		return nil, err
	}
	b := bag{}
	for _, e := range entries {
		f := &bagFile{name: strings.TrimPrefix(e.name, baseDir), open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(r, e.offset, e.size)), nil
		}}
		if err := f.hash(); err != nil {
			return nil, err
		}
		if f.size != e.size || f.crc != e.crc {
			return nil, fmt.Errorf("zip: checksum of %s does not fit its bytes", e.name)
		}
		b[f.name] = f
	}
	return b, nil
}

// small returns a file's bytes.
func (b bag) small(name string) ([]byte, error) {
	f := b[name]
	if f == nil {
		return nil, fmt.Errorf("%s is missing", name)
	}
	if f.size > maxSmall {
		return nil, fmt.Errorf("%s is %d bytes, the limit is %d", name, f.size, maxSmall)
	}
	var buf bytes.Buffer
	if _, err := f.copy(&buf); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// checkManifests demands the very manifests that the content gives.
func (b bag) checkManifests() error {
	var files []*bagFile
	for _, f := range b.sorted() {
		if !isTagManifest(f.name) && f.name != "manifest-sha256.txt" && f.name != "manifest-sha512.txt" {
			files = append(files, f)
		}
	}
	want, err := manifests(files)
	if err != nil {
		return err
	}
	for _, m := range want {
		have := b[m.name]
		if have == nil {
			return fmt.Errorf("%s is missing", m.name)
		}
		if have.sha256 != m.sha256 {
			return fmt.Errorf("%s does not fit the files", m.name)
		}
	}
	return nil
}
