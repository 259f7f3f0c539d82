package s3objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"selvage/store"
)

// Config says where the bucket is. Bucket is required; Endpoint too.
type Config struct {
	Endpoint string // host or host:port, without a scheme
	Region   string // "" is us-east-1
	Bucket   string
	Prefix   string // begins every key; "" or folders that end in a slash
	Insecure bool   // HTTP in place of HTTPS
	// PathStyle puts the bucket into the path of the address and not into the host
	// name. Servers other than Amazon's mostly need it.
	PathStyle bool

	// The keys. Without AccessKey they are taken from AWS_ACCESS_KEY_ID and its
	// companions in the environment, else from CredentialsFile.
	AccessKey, SecretKey, SessionToken string
	// CredentialsFile is a file in the form of ~/.aws/credentials, which "" means.
	CredentialsFile string
	Profile         string // section of the file; "" is default

	CreateBucket bool // make the bucket if it is missing
	// ObjectLock makes a new bucket with object lock, and refuses one without.
	ObjectLock bool

	Tries    int           // attempts at a request; 0 is 3
	Idle     time.Duration // how long a connection may stand still; 0 is 20 s
	PartSize int64         // bytes of a part; 0 is 8 MiB, at least 5 MiB
}

var (
	// ErrDenied means that the server does not know the keys, or that they may not do this.
	ErrDenied = errors.New("S3 refuses the credentials")
	// ErrNoBucket means that the bucket does not exist.
	ErrNoBucket = errors.New("no such bucket")
)

// minPart is the least part size that S3 takes.
const minPart = 5 << 20

// Objects is a store.Objects and store.Locker in a bucket. It is safe for concurrent use.
type Objects struct {
	client    minio.Core
	bucket    string
	prefix    string
	partSize  int64
	lock      bool // the bucket has object lock
	versioned bool // the bucket keeps versions
}

var (
	_ store.Objects = (*Objects)(nil)
	_ store.Locker  = (*Objects)(nil)
)

// Open connects, and checks that the bucket is there and the credentials are good.
func Open(ctx context.Context, c Config) (*Objects, error) {
	fail := func(err error) (*Objects, error) {
		return nil, fmt.Errorf("open S3 bucket %q at %q: %w", c.Bucket, c.Endpoint, err)
	}
	if c.Endpoint == "" || c.Bucket == "" {
		return fail(errors.New("endpoint and bucket must both be given"))
	}
	if c.Prefix != "" {
		if c.Prefix[len(c.Prefix)-1] != '/' {
			return fail(fmt.Errorf("prefix %q must end in a slash", c.Prefix))
		}
		if err := store.CheckObjectKey(c.Prefix[:len(c.Prefix)-1]); err != nil {
			return fail(err)
		}
	}
	c.Region = cmp.Or(c.Region, "us-east-1")
	keys, err := c.credentials()
	if err != nil {
		return fail(err)
	}
	lookup := minio.BucketLookupAuto
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(c.Endpoint, &minio.Options{
		Creds:        keys,
		Secure:       !c.Insecure,
		Transport:    transport(cmp.Or(c.Idle, 20*time.Second)),
		Region:       c.Region,
		BucketLookup: lookup,
		MaxRetries:   cmp.Or(c.Tries, 3),
	})
	if err != nil {
		return fail(err)
	}
	o := &Objects{
		client:   minio.Core{Client: client},
		bucket:   c.Bucket,
		prefix:   c.Prefix,
		partSize: max(cmp.Or(c.PartSize, 8<<20), minPart),
	}
	if err := o.openBucket(ctx, c); err != nil {
		return fail(err)
	}
	return o, nil
}

func (c Config) credentials() (*credentials.Credentials, error) {
	if c.AccessKey != "" {
		return credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken), nil
	}
	keys := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{Filename: c.CredentialsFile, Profile: c.Profile},
	})
	v, err := keys.GetWithContext(&credentials.CredContext{Client: http.DefaultClient})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDenied, err)
	}
	if v.AccessKeyID == "" {
		return nil, fmt.Errorf("%w: there are none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a credentials file", ErrDenied)
	}
	return keys, nil
}

// openBucket finds or makes the bucket and learns what it can do.
func (o *Objects) openBucket(ctx context.Context, c Config) error {
	there, err := o.client.BucketExists(ctx, o.bucket)
	if err != nil {
		return mapError(ctx, err)
	}
	if !there {
		if !c.CreateBucket {
			// The answer to HEAD has no body, so bad keys can look like no bucket.
			if _, err := o.client.GetBucketVersioning(ctx, o.bucket); errors.Is(mapError(ctx, err), ErrDenied) {
				return mapError(ctx, err)
			}
			return fmt.Errorf("%w: make it, or set the option to create it", ErrNoBucket)
		}
		err := o.client.MakeBucket(ctx, o.bucket, minio.MakeBucketOptions{Region: c.Region, ObjectLocking: c.ObjectLock})
		if code := minio.ToErrorResponse(err).Code; err != nil && code != "BucketAlreadyOwnedByYou" {
			return mapError(ctx, err)
		}
	}
	mode, _, _, _, err := o.client.GetObjectLockConfig(ctx, o.bucket)
	switch {
	case err == nil:
		o.lock = mode == "Enabled"
	case !isAbsent(err):
		return fmt.Errorf("object lock: %w", mapError(ctx, err))
	}
	if c.ObjectLock && !o.lock {
		return fmt.Errorf("%w in this bucket: it can only be made with it", store.ErrNoLock)
	}
	v, err := o.client.GetBucketVersioning(ctx, o.bucket)
	switch {
	case err == nil:
		o.versioned = v.Status != ""
	case !isAbsent(err):
		return fmt.Errorf("versions: %w", mapError(ctx, err))
	}
	return nil
}

// isAbsent reports that a server lacks a feature, or a bucket its configuration.
func isAbsent(err error) bool {
	switch minio.ToErrorResponse(err).Code {
	case "ObjectLockConfigurationNotFoundError", "NotImplemented", "VersioningNotConfigured", "MethodNotAllowed":
		return true
	}
	return false
}
