package extract

import (
	"bytes"
	"encoding/binary"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"selvage/fingerprint/decode"
)

// Format is a family of files that are read in the same way.
type Format string

// The formats. Sniff says Zip where the first bytes do not tell what the archive holds;
// Extract then knows better.
const (
	PDF      Format = "pdf"
	DOCX     Format = "docx"
	PPTX     Format = "pptx"
	ODF      Format = "odf"
	Zip      Format = "zip"
	Pictures Format = "pictures" // a zip of pictures: CBZ and its like
	HTML     Format = "html"
	Text     Format = "text" // plain text, Markdown too
	SVG      Format = "svg"
	PSD      Format = "psd"
	TIFF     Format = "tiff"
	Single   Format = "picture" // any other format of package decode
)

// IsPicture reports whether files of the format are single pictures to most programs, which
// are manuscripts only if somebody says so.
func (f Format) IsPicture() bool { return f == PSD || f == TIFF || f == Single }

// Sniff tells the format of a file by its first bytes; it looks at no more than
// fingerprint.SniffLen of them. Text of no format, in UTF-8, UTF-16 or GB18030, is Text.
func Sniff(head []byte) (f Format, ok bool) {
	switch {
	case len(head) == 0:
		return "", false
	case bytes.Contains(head[:min(len(head), 1024)], []byte("%PDF-")) && !bytes.HasPrefix(head, []byte("PK")):
		return PDF, true
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return sniffZip(head), true
	}
	switch f, ok := decode.Sniff(head); {
	case ok && f == "psd":
		return PSD, true
	case ok && f == "tiff":
		return TIFF, true
	case ok:
		return Single, true
	}
	s, _, ok := toUTF8(head, true)
	if !ok {
		return "", false
	}
	return sniffMarkup(s), true
}

// sniffZip reads the names of the entries that begin within head.
func sniffZip(head []byte) Format {
	for b := head; len(b) >= 30 && string(b[:4]) == "PK\x03\x04"; {
		name := int(binary.LittleEndian.Uint16(b[26:]))
		body := 30 + name + int(binary.LittleEndian.Uint16(b[28:]))
		if body > len(b) {
			break
		}
		n := string(b[30 : 30+name])
		size := int64(binary.LittleEndian.Uint32(b[18:]))
		switch {
		case strings.HasPrefix(n, "word/"):
			return DOCX
		case strings.HasPrefix(n, "ppt/"):
			return PPTX
		case n == "mimetype":
			if bytes.HasPrefix(b[body:], []byte("application/vnd.oasis.opendocument.")) {
				return ODF
			}
			return Zip
		case isPictureName(n):
			return Pictures
		}
		if binary.LittleEndian.Uint16(b[6:])&8 != 0 || size > int64(len(b)-body) {
			break // the length follows the data, or the data leaves the head
		}
		b = b[body+int(size):]
	}
	return Zip
}

// isPictureName goes by the name only because the entry's bytes are not at hand; they are
// sniffed before they are decoded.
func isPictureName(name string) bool {
	if strings.HasPrefix(path.Base(name), ".") || strings.HasPrefix(name, "__MACOSX/") {
		return false
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jxl", ".psd":
		return true
	}
	return false
}

// sniffMarkup tells markup from plain text.
func sniffMarkup(s string) Format {
	low := strings.ToLower(strings.TrimLeft(s, "\ufeff \t\r\n"))
	for strings.HasPrefix(low, "<?") || strings.HasPrefix(low, "<!--") {
		end := ">"
		if low[1] == '!' {
			end = "-->"
		}
		_, rest, found := strings.Cut(low, end)
		if !found {
			break
		}
		low = strings.TrimLeft(rest, " \t\r\n")
	}
	switch {
	case strings.HasPrefix(low, "<svg"), strings.HasPrefix(low, "<!doctype svg"), strings.HasPrefix(low, "<svg:svg"):
		return SVG
	case strings.HasPrefix(low, "<!doctype html"), strings.HasPrefix(low, "<html"), strings.HasPrefix(low, "<head"), strings.HasPrefix(low, "<body"):
		return HTML
	}
	return Text
}

// toUTF8 decodes text of an unknown encoding: what its byte order mark says, else UTF-8, else
// UTF-16 by its zero bytes, else GB18030. cut allows for a character that is cut at the end.
// ok is false for what is no text.
func toUTF8(b []byte, cut bool) (s, encoding string, ok bool) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		b = b[3:]
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return utf16Text(b[2:], binary.LittleEndian, "utf-16le")
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return utf16Text(b[2:], binary.BigEndian, "utf-16be")
	}
	u := b
	if cut {
		u = trimRune(u)
	}
	if utf8.Valid(u) && isText(string(u)) {
		return string(u), "utf-8", true
	}
	even, odd := 0, 0
	for i, c := range b {
		if c == 0 {
			if i%2 == 0 {
				even++
			} else {
				odd++
			}
		}
	}
	switch {
	case odd > len(b)/8 && even == 0:
		return utf16Text(b, binary.LittleEndian, "utf-16le")
	case even > len(b)/8 && odd == 0:
		return utf16Text(b, binary.BigEndian, "utf-16be")
	}
	return gbText(b, cut)
}

// trimRune cuts an unfinished rune off the end.
func trimRune(b []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-n:]) {
				return b[:len(b)-n]
			}
			break
		}
	}
	return b
}

func utf16Text(b []byte, order binary.ByteOrder, name string) (string, string, bool) {
	var out strings.Builder
	out.Grow(len(b))
	for i := 0; i+1 < len(b); i += 2 {
		r := rune(order.Uint16(b[i:]))
		if r >= 0xd800 && r < 0xdc00 && i+3 < len(b) {
			if low := rune(order.Uint16(b[i+2:])); low >= 0xdc00 && low < 0xe000 {
				r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
				i += 2
			}
		}
		out.WriteRune(r)
	}
	s := out.String()
	return s, name, isText(s)
}

// gbText takes bytes for GB18030 if they are valid, and mostly Chinese where not ASCII: other
// eight-bit encodings are valid too often.
func gbText(b []byte, cut bool) (string, string, bool) {
	for drop := 0; drop < 4 && drop < len(b); drop++ {
		out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b[:len(b)-drop])
		if err == nil && !bytes.ContainsRune(out, utf8.RuneError) {
			s := string(out)
			return s, "gb18030", isText(s) && mostlyHan(s)
		}
		if !cut {
			break
		}
	}
	return "", "", false
}

func mostlyHan(s string) bool {
	han, other := 0, 0
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
		case unicode.Is(unicode.Han, r), r >= 0x3000 && r < 0x3100, r >= 0xff00 && r < 0xfff0:
			han++
		default:
			other++
		}
	}
	return han > 3*other
}

// isText reports whether s is not blank and has next to no control characters but those that lay
// out lines: text that was copied out of a PDF has a few, where a font said nothing.
func isText(s string) bool {
	blank, controls := true, 0
	for _, r := range s {
		switch {
		case r == 0, r == utf8.RuneError:
			return false
		case r < ' ' && !strings.ContainsRune("\t\r\n\f\v", r), r == 0x7f:
			controls++
		default:
			blank = blank && unicode.IsSpace(r)
		}
	}
	return !blank && controls*100 <= len(s)
}
