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
	var b strings.Builder
	for _, w := range ways {
		// The wrong way up gives letters that stand in no other text.
		runs, err := extract.OCR(ctx, w)
		if err != nil {
			var e *decode.Error
			if errors.As(err, &e) && e.Kind == extract.NoProgram {
				r.off = true
			}
			return "", err
		}
		for _, run := range runs {
			b.WriteString(run.Text)
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}
