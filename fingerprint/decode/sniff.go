package decode

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// Sniff tells the picture format of a file by its first bytes; 64 are enough for every
// format. ok is false for anything that Decode does not read.
func Sniff(head []byte) (format string, ok bool) {
	has := func(at int, magic string) bool {
		return len(head) >= at+len(magic) && string(head[at:at+len(magic)]) == magic
	}
	switch {
	case has(0, "\xff\xd8\xff"):
		return "jpeg", true
	case has(0, "\x89PNG\r\n\x1a\n"):
		return "png", true
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return "gif", true
	case has(0, "RIFF") && has(8, "WEBP"):
		return "webp", true
	case has(0, "II*\x00"), has(0, "MM\x00*"), has(0, "II+\x00"), has(0, "MM\x00+"):
		return "tiff", true
	case has(0, "8BPS\x00\x01"), has(0, "8BPS\x00\x02"):
		return "psd", true
	case has(0, "\xff\x0a"), has(0, "\x00\x00\x00\x0cJXL \r\n\x87\n"):
		return "jpegxl", true
	case has(0, "BM") && len(head) >= 18 && isDIBHeader(binary.LittleEndian.Uint32(head[14:])):
		return "bmp", true
	case has(4, "ftyp"):
		return sniffBrands(head)
	}
	return "", false
}

// isDIBHeader reports whether n is a length that a BMP information header has had.
// "BM" alone is the start of too many texts.
func isDIBHeader(n uint32) bool {
	switch n {
	case 12, 16, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}

// brands maps the brands of ISO/IEC 23008-12 and of the AVIF specification to formats.
var brands = map[string]string{
	"avif": "avif", "avis": "avif",
	"heic": "heic", "heix": "heic", "heim": "heic", "heis": "heic", "hevc": "heic", "hevx": "heic",
}

// sniffBrands reads a file type box. The structural brands mif1 and msf1 say only that
// it is a picture; the compatible brands then say of which coding.
func sniffBrands(head []byte) (string, bool) {
	if len(head) < 12 {
		return "", false
	}
	if f, ok := brands[string(head[8:12])]; ok {
		return f, true
	}
	end := min(uint64(binary.BigEndian.Uint32(head)), uint64(len(head)))
	for i := uint64(16); i+4 <= end; i += 4 {
		if f, ok := brands[string(head[i:i+4])]; ok {
			return f, true
		}
	}
	return "", false
}

// signatures name what people upload by mistake, to follow "the file is". Order matters: the first match wins.
var signatures = []struct {
	at    int
	magic string
	name  string
}{
	{0, "%PDF-", "a PDF document"},
	{0, "PK\x03\x04", "a zip archive"},
	{0, "PK\x05\x06", "a zip archive"},
	{0, "\x1f\x8b", "a gzip archive"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{0, "Rar!\x1a\x07", "a RAR archive"},
	{0, "\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"},
	{0, "OggS", "sound or video (Ogg)"},
	{0, "ID3", "sound (MP3)"},
	{0, "fLaC", "sound (FLAC)"},
	{8, "AVI LIST", "a video (AVI)"},
	{8, "WAVE", "sound (WAV)"},
	{0, "FLV\x01", "a video (FLV)"},
	{0, "\x00\x00\x01\xba", "a video (MPEG)"},
	{0, "\x00\x00\x01\xb3", "a video (MPEG)"},
	{4, "ftypqt  ", "a video (QuickTime)"},
	{4, "ftypcrx ", "a camera raw file (CR3)"},
	{4, "ftypmif1", "a HEIF file of an unknown coding"},
	{4, "ftyp", "a video (MP4)"},
	{0, "\x00\x00\x01\x00", "an icon (ICO)"},
	{0, "%!PS", "a PostScript document"},
	{0, "{\\rtf", "an RTF document"},
	{0, "FUJIFILMCCD-RAW", "a camera raw file (RAF)"},
	{0, "\x00\x00\x00\x0cjP  ", "JPEG 2000"},
	{0, "\x76\x2f\x31\x01", "OpenEXR"},
	{0, "MZ", "a program"},
	{0, "\x7fELF", "a program"},
	{0, "\xd0\xcf\x11\xe0", "an office document"},
}

// looksLike names the kind of file that data seems to be, with its article, or returns "".
func looksLike(data []byte) string {
	head := data[:min(len(data), 1024)]
	for _, s := range signatures {
		if len(head) >= s.at+len(s.magic) && string(head[s.at:s.at+len(s.magic)]) == s.magic {
			return s.name
		}
	}
	if !isText(head) {
		return ""
	}
	low := strings.ToLower(string(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n")))
	switch {
	case strings.HasPrefix(low, "<!doctype html"), strings.HasPrefix(low, "<html"):
		return "an HTML page"
	case strings.HasPrefix(low, "<svg"), strings.HasPrefix(low, "<?xml") && strings.Contains(low, "<svg"):
		return "an SVG drawing"
	case strings.HasPrefix(low, "<?xml"):
		return "an XML document"
	}
	return "text"
}

// isText reports whether head is UTF-8 without control characters, allowing for a rune
// cut at its end.
func isText(head []byte) bool {
	for i := 0; i < len(head); {
		r, n := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && n == 1 {
			return i > 0 && len(head)-i < utf8.UTFMax && !utf8.FullRune(head[i:])
		}
		if r < ' ' && !strings.ContainsRune("\t\r\n\f", r) || r == 0x7f {
			return false
		}
		i += n
	}
	return true
}
