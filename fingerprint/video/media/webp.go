package media

import (
	"context"

	"selvage/fingerprint/decode"
)

func (j *job) decodeWebP(context.Context) error {
	return bad(decode.UnsupportedVariant, "animated WebP is not read yet")
}
