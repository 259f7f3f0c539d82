package api

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"selvage/registry"
)

const (
	filePart     = "file"
	maxField     = 16 << 10 // bytes of one form field
	maxNameBytes = 255
)

// upload is a form that was read whole.
type upload struct {
	fields map[string]string
	files  []registry.File
}

// digest names the content of the form: equal digests are equal requests.
func (u *upload) digest() [sha256.Size]byte {
	h := sha256.New()
	names := make([]string, 0, len(u.fields))
	for n := range u.fields {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		fmt.Fprintf(h, "field %d %s %d %s\n", len(n), n, len(u.fields[n]), u.fields[n])
	}
	for _, f := range u.files {
		d := sha256.Sum256(f.Data)
		fmt.Fprintf(h, "file %d %s %x\n", len(f.Name), f.Name, d)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// form is a multipart body being read part by part.
type form struct {
	r       *multipart.Reader
	allowed []string // fields that may occur, once each
	seen    map[string]string
	files   int
	max     int // files
	// maxBytes is the largest file, 0 for no limit but that of the body.
	maxBytes int64
}

// fileTooLarge is returned by next for one file that is too large; the form can be read on.
type fileTooLarge struct {
	name  string
	limit int64
}

func (e *fileTooLarge) Error() string { return fmt.Sprintf("a file has more than %d bytes", e.limit) }

// openForm begins to read a multipart/form-data body.
func openForm(r *http.Request, maxFiles int, allowed ...string) (*form, error) {
	mt, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mt != "multipart/form-data" {
		return nil, &fault{slug: slugMediaType, detail: "send multipart/form-data with one or more parts named file (curl -F file=@photo.jpg)", err: err}
	}
	if b := params["boundary"]; b == "" || len(b) > 70 {
		return nil, badForm(errors.New("no usable boundary"))
	}
	return &form{r: multipart.NewReader(r.Body, params["boundary"]), allowed: allowed, seen: map[string]string{}, max: maxFiles}, nil
}

// next returns the next file and whether there was one; fields on the way to it are put
// into seen.
func (f *form) next() (file registry.File, more bool, err error) {
	for {
		p, err := f.r.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a wrapped EOF means that the body was cut short
			return registry.File{}, false, nil
		}
		if err != nil {
			return registry.File{}, false, badForm(err)
		}
		name := p.FormName()
		switch strings.ToLower(p.Header.Get("Content-Transfer-Encoding")) {
		case "", "binary", "8bit", "7bit":
		default:
			return registry.File{}, false, &fault{slug: slugMediaType, field: known(name, f.allowed), detail: "a part has a Content-Transfer-Encoding; send its bytes as they are"}
		}
		if name != filePart {
			if err := f.field(name, p); err != nil {
				return registry.File{}, false, err
			}
			continue
		}
		if f.files++; f.files > f.max {
			return registry.File{}, false, &registry.InvalidError{Field: filePart, Fix: fmt.Sprintf("send at most %d in one request", f.max)}
		}
		file, err := f.file(p)
		return file, true, err
	}
}

func (f *form) file(p *multipart.Part) (registry.File, error) {
	var r io.Reader = p
	if f.maxBytes > 0 {
		r = io.LimitReader(p, f.maxBytes+1)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return registry.File{}, badForm(err)
	}
	name := cleanName(p)
	if f.maxBytes > 0 && int64(len(data)) > f.maxBytes {
		return registry.File{}, &fileTooLarge{name: name, limit: f.maxBytes}
	}
	return registry.File{Name: name, Data: data}, nil
}

func (f *form) field(name string, p *multipart.Part) error {
	if !slices.Contains(f.allowed, name) {
		fix := "the fields read here are " + strings.Join(append([]string{filePart}, f.allowed...), ", ")
		return &fault{slug: slugInvalidField, field: shorten(name), detail: "there is no such field; " + fix}
	}
	if _, twice := f.seen[name]; twice {
		return &registry.InvalidError{Field: name, Fix: "the field occurs more than once; send it once"}
	}
	b, err := io.ReadAll(io.LimitReader(p, maxField+1))
	if err != nil {
		return badForm(err)
	}
	if len(b) > maxField {
		return &registry.InvalidError{Field: name, Fix: fmt.Sprintf("use at most %d bytes", maxField)}
	}
	if !utf8.Valid(b) {
		return &registry.InvalidError{Field: name, Fix: "send it as UTF-8 text"}
	}
	f.seen[name] = string(b)
	return nil
}

// readForm reads a whole form with 1 to maxFiles files.
func readForm(r *http.Request, maxFiles int, allowed ...string) (*upload, error) {
	f, err := openForm(r, maxFiles, allowed...)
	if err != nil {
		return nil, err
	}
	u := &upload{fields: f.seen}
	for {
		file, more, err := f.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		u.files = append(u.files, file)
	}
	if len(u.files) == 0 {
		return nil, errNoFile
	}
	return u, nil
}

// readFile reads one file: of a form, or the body itself under any other media type.
func readFile(r *http.Request) (*upload, error) {
	ct := r.Header.Get("Content-Type")
	if mt, _, _ := mime.ParseMediaType(ct); strings.HasPrefix(mt, "multipart/") || strings.HasPrefix(strings.ToLower(ct), "multipart/") {
		return readForm(r, 1)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, badForm(err)
	}
	return &upload{files: []registry.File{{Data: data}}}, nil
}

var errNoFile = &registry.InvalidError{Field: filePart, Fix: "send at least one part named file (curl -F file=@photo.jpg)"}

// badForm says why a body could not be read.
func badForm(err error) error {
	if _, ok := errors.AsType[*fault](err); ok {
		return err // no memory for the rest of the body
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return &fault{slug: slugInvalidRequest, detail: "the body cannot be read: it is cut short or no well-formed multipart/form-data; send it again", err: err}
}

// cleanName is the file's name as it will be shown: the last segment of what was sent,
// without control characters, at most 255 bytes.
func cleanName(p *multipart.Part) string {
	name := p.FileName()
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		// Format characters (Cf) would let a name read backwards or hide its end.
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)
	for len(name) > maxNameBytes {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	if name == "." || name == ".." {
		return ""
	}
	return name
}

func known(name string, allowed []string) string {
	if name == filePart || slices.Contains(allowed, name) {
		return name
	}
	return ""
}

// shorten keeps what a stranger wrote short in an answer.
func shorten(s string) string {
	s = strings.ToValidUTF8(s, "")
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
