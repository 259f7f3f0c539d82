package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"selvage/fingerprint/decode"
)

// archive is a zip whose entries share one budget of unpacked bytes.
type archive struct {
	format Format
	files  []*zip.File

	mu      sync.Mutex
	left    int64              // bytes that may still be unpacked
	counted map[*zip.File]bool // entries whose bytes are off left already
}

// maxXML is the length of one unpacked XML entry.
const maxXML = 128 << 20

func openArchive(data []byte, lim Limits) (*archive, error) {
	// The directory's own count may lie, and the reader allocates for each record.
	if n := bytes.Count(data, []byte("PK\x01\x02")); n > lim.MaxEntries {
		return nil, bad(Zip, TooLarge, "the archive has %d entries, %d are allowed", n, lim.MaxEntries)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		e := bad(Zip, decode.Corrupt, "the archive is damaged or was cut: upload it again")
		e.Err = err
		return nil, e
	}
	return &archive{format: Zip, files: z.File, left: lim.MaxInflated, counted: map[*zip.File]bool{}}, nil
}

func (a *archive) find(name string) *zip.File {
	for _, f := range a.files {
		if strings.TrimPrefix(f.Name, "/") == name {
			return f
		}
	}
	return nil
}

// read unpacks an entry of at most limit bytes.
func (a *archive) read(f *zip.File, limit int64) ([]byte, error) {
	if f.Flags&1 != 0 {
		return nil, bad(a.format, Encrypted, "an entry of the archive opens only with a password")
	}
	a.mu.Lock()
	counted := a.counted[f]
	if !counted {
		limit = min(limit, a.left)
	}
	a.mu.Unlock()
	r, err := f.Open()
	if err != nil {
		if errors.Is(err, zip.ErrAlgorithm) {
			return nil, bad(a.format, decode.UnsupportedVariant, "an entry is packed in a way that is not read")
		}
		return nil, corrupt(a.format, err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	a.mu.Lock()
	if !a.counted[f] {
		a.counted[f] = true
		a.left = max(0, a.left-int64(len(b)))
	}
	a.mu.Unlock()
	switch {
	case int64(len(b)) > limit:
		return nil, bad(a.format, TooLarge, "the archive unpacks to more bytes than are allowed")
	case err != nil:
		e := bad(a.format, decode.Corrupt, "an entry of the archive is damaged")
		e.Err = err
		return nil, e
	}
	return b, nil
}

// xml unpacks an entry by its name; nil where there is none.
func (a *archive) xml(name string) ([]byte, error) {
	f := a.find(name)
	if f == nil {
		return nil, nil
	}
	return a.read(f, maxXML)
}

// picture is an entry as a picture.
func (d *Document) entry(a *archive, f *zip.File) Picture {
	limit := d.lim.Pictures.MaxBytes
	if limit <= 0 {
		limit = decode.DefaultLimits.MaxBytes
	}
	return d.encoded(f.Name, func() ([]byte, error) { return a.read(f, limit) })
}

// readZip reads what a zip turns out to be.
func (d *Document) readZip(ctx context.Context, data []byte) error {
	a, err := openArchive(data, d.lim)
	if err != nil {
		return err
	}
	switch {
	case a.find("word/document.xml") != nil:
		d.Format = DOCX
	case a.find("ppt/presentation.xml") != nil:
		d.Format = PPTX
	case a.find("content.xml") != nil && a.find("mimetype") != nil:
		d.Format = ODF
	case slices.ContainsFunc(a.files, func(f *zip.File) bool { return isPictureName(f.Name) }):
		d.Format = Pictures
	default:
		return bad(Zip, decode.Unknown, "the file is a zip archive that holds neither a document nor pictures")
	}
	a.format = d.Format
	switch d.Format {
	case DOCX:
		return d.readDOCX(ctx, a)
	case PPTX:
		return d.readPPTX(ctx, a)
	case ODF:
		return d.readODF(ctx, a)
	}
	return d.readPictures(a)
}

// readPictures takes each picture of a zip for a page, in the order of their names, numbers by
// value.
func (d *Document) readPictures(a *archive) error {
	var files []*zip.File
	for _, f := range a.files {
		if isPictureName(f.Name) {
			files = append(files, f)
		}
	}
	slices.SortStableFunc(files, func(x, y *zip.File) int { return natural(x.Name, y.Name) })
	if left := len(a.files) - len(files); left > 0 {
		d.note("%d entries of the archive are no pictures", left)
	}
	d.PageCount = len(files)
	for i, f := range files {
		if i == d.lim.MaxPages {
			d.note("only the first %d of %d pages were read", i, len(files))
			break
		}
		d.pictured(i+1, d.entry(a, f))
	}
	return nil
}

// natural compares names with runs of digits by their value.
func natural(x, y string) int {
	for x != "" && y != "" {
		dx, dy := digits(x), digits(y)
		if dx > 0 && dy > 0 {
			nx, ny := strings.TrimLeft(x[:dx], "0"), strings.TrimLeft(y[:dy], "0")
			if len(nx) != len(ny) {
				return len(nx) - len(ny)
			}
			if c := strings.Compare(nx, ny); c != 0 {
				return c
			}
			x, y = x[dx:], y[dy:]
			continue
		}
		if x[0] != y[0] {
			return int(x[0]) - int(y[0])
		}
		x, y = x[1:], y[1:]
	}
	return len(x) - len(y)
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// media adds the pictures under a folder of the archive to a page.
func (d *Document) media(a *archive, p *Page, folder string) {
	for _, f := range a.files {
		if !strings.HasPrefix(f.Name, folder) {
			continue
		}
		if isPictureName(f.Name) {
			d.addPicture(p, d.entry(a, f))
		} else if path.Ext(f.Name) != "" && !strings.HasSuffix(f.Name, "/") {
			d.note("%s is in no picture format that is read", path.Base(f.Name))
		}
	}
}
