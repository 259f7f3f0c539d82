package manuscript

import (
	"context"
	"errors"
	"image"
	"strings"
	"time"

	"selvage/fingerprint/decode"
	"selvage/fingerprint/manuscript/extract"
	"selvage/fingerprint/manuscript/page"
)

// reader reads the text of pictures of pages, as many as it may.
type reader struct {
	off   bool
	pages int
	until time.Time
}

// read is the text of a picture; empty where there is none, or nothing to read it with. An
// error is a note for the user: the picture is compared as a picture all the same.
func (r *reader) read(ctx context.Context, m *image.NRGBA) (string, error) {
	if r.off {
		return "", nil
	}
	ways := page.Upright(m)
	if len(ways) == 0 {
		return "", nil // no lines of text
	}
	if r.pages <= 0 || time.Now().After(r.until) {
		return "", errors.New("not all pages that are pictures were read: there are too many")
	}
	r.pages--
	best, text := 0.0, ""
	for _, way := range ways {
		runs, sure, err := extract.OCR(ctx, way)
		if err != nil {
			var e *decode.Error
			if errors.As(err, &e) && e.Kind == extract.NoProgram {
				r.off = true
			}
			return "", err
		}
		if sure > best {
			var b strings.Builder
			for _, run := range runs {
				b.WriteString(run.Text)
			}
			best, text = sure, b.String()
		}
		if sure >= readable {
			break // letters that stand on their heads are read with little confidence
		}
	}
	return text, nil
}

// readable is the confidence of tesseract from which on a page is thought to be the right way up.
const readable = .7
