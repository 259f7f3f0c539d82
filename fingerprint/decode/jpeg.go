package decode

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/jpeg"

	"github.com/gen2brain/jpegn"
)

// A scan costs time for every block of its components, however few bytes it has: 20,000
// scans of no bits keep a decoder busy for minutes. Encoders write up to about 20.
const (
	maxScans = 100
	// maxVisits bounds the blocks that all scans visit together: 20 scans of all colours
	// of the largest picture that DefaultLimits allow.
	maxVisits = 1 << 27
)

// inspectJPEG walks the marker segments (ITU-T T.81, annex B) from SOI to EOI. The
// decoders stop quietly where the data stops, so the end marker is checked here. Bytes
// after EOI are allowed: phones append further pictures and videos there.
func inspectJPEG(data []byte) (h header, err error) {
	h.perPixel = 12
	pos, ended, scans, visits := 2, false, 0, 0
	for !ended {
		at := bytes.IndexByte(data[pos:], 0xff)
		if at < 0 || pos+at+1 >= len(data) {
			return h, truncated(nil)
		}
		// Decoders skip stray bytes between segments and fill bytes before a marker.
		pos += at + 1
		marker := data[pos]
		if marker == 0xff {
			continue
		}
		pos++
		switch {
		case marker == 0xd9:
			ended = true
			continue
		case marker == 0, marker == 0x01, marker >= 0xd0 && marker <= 0xd8:
			continue
		}
		if pos+2 > len(data) {
			return h, truncated(nil)
		}
		n := int(binary.BigEndian.Uint16(data[pos:]))
		if n < 2 {
			return h, bad(Corrupt, "a segment claims a length of %d bytes", n)
		}
		if pos+n > len(data) {
			return h, truncated(nil)
		}
		if err := h.jpegSegment(marker, data[pos+2:pos+n]); err != nil {
			return h, err
		}
		pos += n
		if marker == 0xda {
			scans++
			visits += h.jpegVisits(data[pos-n+2 : pos])
			if scans > maxScans || visits > maxVisits {
				return h, bad(UnsupportedVariant, "the picture is drawn in more passes (scans) than are read: save it again as plain JPEG")
			}
			pos = endOfScan(data, pos)
		}
	}
	if h.width == 0 || scans == 0 {
		return h, bad(Corrupt, "the file has a start and an end, but no picture between them")
	}
	return h, nil
}

// jpegSegment notes what one segment says.
func (h *header) jpegSegment(marker byte, body []byte) error {
	switch {
	case marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) && h.orientation == 0:
		h.orientation = exifOrientation(body)
	case marker == 0xe2 && bytes.HasPrefix(body, []byte("ICC_PROFILE\x00")):
		h.note(noteProfile)
	case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
		return h.jpegFrame(marker, body)
	}
	return nil
}

// jpegFrame reads a start-of-frame segment.
func (h *header) jpegFrame(marker byte, body []byte) error {
	if len(body) < 6 {
		return bad(Corrupt, "the frame header has %d bytes, at least 6 are needed", len(body))
	}
	if h.width != 0 {
		return bad(UnsupportedVariant, "the file holds more than one frame (hierarchical JPEG): save it again as plain JPEG")
	}
	h.height = int(binary.BigEndian.Uint16(body[1:]))
	h.width = int(binary.BigEndian.Uint16(body[3:]))
	if h.width == 0 {
		return bad(Corrupt, "the frame header claims a width of 0")
	}
	switch {
	case marker > 0xc2:
		return bad(UnsupportedVariant, "lossless, hierarchical and arithmetic JPEG (SOF%d) is not read: save it again as plain JPEG", marker-0xc0)
	case body[0] != 8:
		return bad(UnsupportedVariant, "JPEG with %d bits a channel is not read: save it again with 8", body[0])
	case h.height == 0:
		return bad(UnsupportedVariant, "the height stands after the picture (DNL marker): save it again as plain JPEG")
	}
	if marker == 0xc2 {
		// A progressive file keeps every coefficient until its last scan.
		h.perPixel += 4 * int64(body[5])
	}
	if body[5] == 4 {
		h.note(noteCMYK)
	}
	return nil
}

// jpegVisits is how many blocks of 8 x 8 samples the scan with this header visits, if no
// component is reduced.
func (h *header) jpegVisits(scan []byte) int {
	components := 1
	if len(scan) > 0 {
		components = min(int(scan[0]), 4)
	}
	return components * ((h.width + 7) / 8) * ((h.height + 7) / 8)
}

// endOfScan returns the position of the marker that ends the entropy-coded data at pos.
func endOfScan(data []byte, pos int) int {
	for {
		at := bytes.IndexByte(data[pos:], 0xff)
		if at < 0 || pos+at+1 >= len(data) {
			return len(data)
		}
		pos += at
		if m := data[pos+1]; m == 0 || m >= 0xd0 && m <= 0xd7 {
			pos += 2
		} else if m == 0xff {
			pos++
		} else {
			return pos
		}
	}
}

// openJPEG uses the fast decoder and, where that fails, the standard library's.
func openJPEG(ctx context.Context, data []byte, h *header) (image.Image, error) {
	img, err := guard(func() (image.Image, error) { return jpegn.Decode(bytes.NewReader(data)) })
	if err == nil {
		return img, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	img, err = jpeg.Decode(stoppable(ctx, data))
	if err != nil {
		return nil, err
	}
	h.note("decoded by the second JPEG decoder")
	return img, nil
}
