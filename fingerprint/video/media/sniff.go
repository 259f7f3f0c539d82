package media

import (
	"bytes"
	"encoding/binary"

	"selvage/fingerprint/decode"
)

// The formats that Sniff knows.
const (
	MP4  = "mp4"  // ISO base media, QuickTime too
	MKV  = "mkv"  // Matroska
	WebM = "webm" // its subset
	AVI  = "avi"
	GIF  = "gif"  // of more than one frame
	WebP = "webp" // animated
)

// demuxers are what ffmpeg calls the formats.
var demuxers = map[string]string{MP4: "mov", MKV: "matroska", WebM: "matroska", AVI: "avi", GIF: "gif"}

// Sniff tells the container of a video by its bytes. data may be the whole file or its
// beginning: 4096 bytes are enough for all but GIF, where a beginning that shows neither
// a second frame nor the end counts as moving if it asks to be repeated. Pictures that
// package decode reads (still GIF and WebP, HEIC, AVIF) are not ok.
func Sniff(data []byte) (format string, ok bool) {
	has := func(at int, magic string) bool {
		return len(data) >= at+len(magic) && string(data[at:at+len(magic)]) == magic
	}
	switch {
	case has(0, "\x1a\x45\xdf\xa3"):
		return sniffEBML(data)
	case has(0, "RIFF") && has(8, "AVI "):
		return AVI, true
	case has(0, "RIFF") && has(8, "WEBP"):
		return WebP, has(12, "VP8X") && len(data) > 20 && data[20]&2 != 0 && moving(webpFrames(data))
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return GIF, moving(gifFrames(data))
	case has(4, "ftyp"):
		if _, still := decode.Sniff(data); still || has(8, "crx ") || has(8, "jp") || has(8, "mif1") {
			return "", false
		}
		return MP4, true
	case has(4, "moov"), has(4, "mdat"), has(4, "wide"), has(4, "pnot"):
		return MP4, true // QuickTime from before there were brands
	}
	return "", false
}

// sniffEBML looks for the document type in an EBML header (RFC 8794).
func sniffEBML(data []byte) (string, bool) {
	head := data[:min(len(data), 64)]
	i := bytes.Index(head, []byte{0x42, 0x82}) // DocType
	if i < 0 || i+3 > len(head) {
		return "", false
	}
	name := head[i+3:]
	if bytes.HasPrefix(name, []byte("webm")) {
		return WebM, true
	}
	return MKV, bytes.HasPrefix(name, []byte("matroska"))
}

// count is how many frames a file shows, up to two, and whether it loops; whole says that
// its end was seen.
type count struct {
	frames       int
	loops, whole bool
}

func moving(c count) bool { return c.frames > 1 || !c.whole && c.loops }

// gifFrames walks the blocks of a GIF (GIF89a, sections 18 to 27).
func gifFrames(data []byte) (c count) {
	if len(data) < 13 {
		return c
	}
	table := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	pos := 13 + table(data[10])
	for c.frames < 2 && pos < len(data) {
		switch data[pos] {
		case 0x21:
			if bytes.HasPrefix(data[pos:], []byte("\x21\xff\x0bNETSCAPE2.0")) {
				c.loops = true
			}
			pos += 2
		case 0x2c:
			if c.frames++; pos+10 > len(data)-1 {
				return c
			}
			pos += 11 + table(data[pos+9])
		default: // the trailer, or damage
			c.whole = true
			return c
		}
		for pos < len(data) && data[pos] != 0 {
			pos += 1 + int(data[pos])
		}
		pos++
	}
	return c
}

// webpFrames counts the ANMF chunks of a WebP (RFC 9649, section 2.7). All animations
// count as looping: their frames are large.
func webpFrames(data []byte) count {
	c := count{loops: true}
	pos := uint64(12)
	for c.frames < 2 && pos+8 <= uint64(len(data)) {
		if string(data[pos:pos+4]) == "ANMF" {
			c.frames++
		}
		n := uint64(binary.LittleEndian.Uint32(data[pos+4:]))
		pos += 8 + n + n&1
	}
	c.whole = pos == uint64(len(data)) || pos == uint64(len(data))+1
	return c
}

// cut reports whether the file is shorter than its container says.
func cut(format string, data []byte) bool {
	size := uint64(len(data))
	switch format {
	case MP4:
		for pos := uint64(0); pos < size; {
			if size-pos < 8 {
				return true
			}
			n := uint64(binary.BigEndian.Uint32(data[pos:]))
			switch {
			case n == 0:
				return false // to the end of the file
			case n == 1 && size-pos < 16:
				return true
			case n == 1:
				n = binary.BigEndian.Uint64(data[pos+8:])
			}
			if n < 8 {
				return false // damage, not a cut
			}
			if n > size-pos {
				return true
			}
			pos += n
		}
	case MKV, WebM:
		_, n, rest, ok := element(data) // the EBML header
		if !ok || n > uint64(len(rest)) {
			return true
		}
		_, n, rest, ok = element(rest[n:]) // the segment
		return !ok || n != unknownSize && n > uint64(len(rest))
	case AVI, WebP:
		return size < 12 || uint64(binary.LittleEndian.Uint32(data[4:]))+8 > size
	case GIF:
		return size == 0 || data[size-1] != 0x3b
	}
	return false
}
