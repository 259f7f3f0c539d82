package s3objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"selvage/store"
)

// mapError gives an error of the client the meaning it has in package store.
func mapError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cerr := ctx.Err(); cerr != nil {
		return cerr
	}
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) || answer.StatusCode == 0 && answer.Code == "" {
		return fmt.Errorf("%w: no answer from the S3 server: %w", store.ErrUnavailable, err)
	}
	switch answer.Code {
	case "NoSuchBucket":
		return fmt.Errorf("%w: %w", ErrNoBucket, err)
	case "NoSuchKey", "NoSuchVersion", "NoSuchUpload":
		return store.ErrNotFound
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AllAccessDisabled", "AccountProblem",
		"XAdminUserNotFound": // versitygw, with status 404
		return fmt.Errorf("%w: %s: %s", ErrDenied, answer.Code, answer.Message)
	case "RequestTimeTooSkewed":
		return fmt.Errorf("%w: this machine's clock is wrong: %s", ErrDenied, answer.Message)
	case "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch":
		return fmt.Errorf("%w: bytes were changed on the way to the S3 server: %w", store.ErrUnavailable, err)
	case "ExistingObjectIsDirectory", "ObjectParentIsFile", "XMinioObjectExistsAsDirectory", "XMinioParentIsObject":
		return fmt.Errorf("%w: another key is its folder, or lies below it: %w", store.ErrBadKey, err)
	case "QuotaExceeded", "XMinioStorageFull", "SlowDown", "RequestTimeout", "IncompleteBody":
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	switch s := answer.StatusCode; {
	case s == http.StatusNotFound:
		return store.ErrNotFound
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		return fmt.Errorf("%w: %s: %s", ErrDenied, answer.Code, answer.Message)
	case s >= 500, s == http.StatusTooManyRequests, s == http.StatusRequestTimeout:
		return fmt.Errorf("%w: the S3 server answers %d: %w", store.ErrUnavailable, s, err)
	}
	return err
}
