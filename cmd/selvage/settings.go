package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Settings is the configuration file (TOML). Every field has a default, so that no file
// is needed; SELVAGE_* environment variables override the file, and flags both.
type Settings struct {
	// Data is the directory of everything that is kept: records/ (Badger), objects/
	// (originals, where Objects is "dir"), log/ (transparency log), keys/, index/
	// (derived; may be deleted). Environment: SELVAGE_DATA.
	Data string `toml:"data"`
	// Listen is the address of the HTTP server. Environment: SELVAGE_LISTEN.
	Listen string `toml:"listen"`
	// Name is how the service calls itself in statements and as the origin of its log. It
	// cannot be changed once the log has begun. Environment: SELVAGE_NAME.
	Name string `toml:"name"`
	// VerifyURL is the address of a page where a stranger can check a record; certificates
	// carry it in their QR code. Empty: the code says work and record without an address.
	// Environment: SELVAGE_VERIFY_URL.
	VerifyURL string `toml:"verify_url"`
	// Objects says where originals are kept: "dir" or "s3". Environment: SELVAGE_OBJECTS.
	Objects string `toml:"objects"`
	// S3 is read where Objects is "s3".
	S3 S3Settings `toml:"s3"`
	// Outside is the value of outside that new statements contain, for a lower bound of their
	// time; without From there is none.
	Outside OutsideSettings `toml:"outside"`
	// MaxUpload is the largest request body in bytes. Environment: SELVAGE_MAX_UPLOAD.
	MaxUpload int64 `toml:"max_upload"`
	// RatePerSecond and Burst limit the requests of one API key.
	RatePerSecond float64 `toml:"rate_per_second"`
	Burst         int     `toml:"burst"`
	// Hashing is how many files are fingerprinted at once; 0 means one a processor.
	Hashing int `toml:"hashing"`
	// Witnesses is the path of a witness policy (C2SP tlog-policy, each witness with a URL).
	// The log then hands out and publishes only what a quorum has cosigned. Empty: no
	// witnesses. Environment: SELVAGE_WITNESSES.
	Witnesses string `toml:"witnesses"`
	// FlushEvery is how many changes the indexes take before they are written to files; 0
	// means 20,000. What a crash leaves unwritten is replayed from the records at the next
	// start, so a lower number makes that start faster and writes more.
	FlushEvery int `toml:"flush_every"`
	// KeepJobs is how long one can ask how a job ended, for example "168h", a week. At least
	// "24h": as long as the answer to a request with an Idempotency-Key is repeated.
	KeepJobs duration `toml:"keep_jobs"`
	// Drain is how long a shutdown waits for requests to end, for example "15s".
	Drain duration `toml:"drain"`
	// Authorities are the time authorities in order of preference. None means the built-in
	// local one, which proves order but not an independent time.
	Authorities []AuthoritySettings `toml:"authorities"`
	// AuthoritiesWanted is how many of them must stamp each checkpoint; the next ones of the
	// list stand in for those that do not answer. 0 means two, or one where there is one.
	AuthoritiesWanted int `toml:"authorities_wanted"`
}

// OutsideSettings says where a value comes from that nobody could know earlier.
type OutsideSettings struct {
	// Kind is "checkpoint", the last one of another log, or "beacon", a public file.
	Kind string `toml:"kind"`
	// From is a URL, or a file that something else keeps fresh.
	From string `toml:"from"`
	// Witnesses are the keys of those who cosign the other log's checkpoints.
	Witnesses []string `toml:"witnesses"`
}

// S3Settings names a bucket. The keys are better given by the environment than in the file.
type S3Settings struct {
	Endpoint  string `toml:"endpoint"`   // host:port; SELVAGE_S3_ENDPOINT
	Region    string `toml:"region"`     // SELVAGE_S3_REGION
	Bucket    string `toml:"bucket"`     // SELVAGE_S3_BUCKET; made if it is not there
	Prefix    string `toml:"prefix"`     // SELVAGE_S3_PREFIX
	AccessKey string `toml:"access_key"` // SELVAGE_S3_ACCESS_KEY
	SecretKey string `toml:"secret_key"` // SELVAGE_S3_SECRET_KEY
	Insecure  bool   `toml:"insecure"`   // plain HTTP; SELVAGE_S3_INSECURE
}

// duration is a time.Duration that TOML writes as text.
type duration time.Duration

func (d *duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = duration(v)
	return err
}

func (d duration) std() time.Duration { return time.Duration(d) }

func defaults() Settings {
	return Settings{
		Data: defaultData(), Listen: "127.0.0.1:8080", Name: "selvage.local", Objects: "dir",
		MaxUpload: 256 << 20, RatePerSecond: 200, Burst: 400, KeepJobs: duration(7 * 24 * time.Hour), Drain: duration(15 * time.Second),
	}
}

// defaultData is in the user's own data directory, so that commands without --data meet
// the same registry wherever they are run.
func defaultData() string {
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "selvage")
	}
	return "selvage-data"
}

// loadSettings reads the file, if one is named, and then the environment.
func loadSettings(path string) (Settings, error) {
	s := defaults()
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			return s, fmt.Errorf("configuration: %w", err)
		}
		defer f.Close()
		d := toml.NewDecoder(f)
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			var strict *toml.StrictMissingError
			if errors.As(err, &strict) {
				return s, fmt.Errorf("configuration %s has fields that do not exist:\n%s", path, strict.String())
			}
			var at *toml.DecodeError
			if errors.As(err, &at) {
				line, _ := at.Position()
				return s, fmt.Errorf("configuration %s, line %d: %s\n%s", path, line, strings.TrimPrefix(at.Error(), "toml: "), at.String())
			}
			return s, fmt.Errorf("configuration %s: %w", path, err)
		}
	}
	for name, field := range map[string]*string{
		"DATA": &s.Data, "LISTEN": &s.Listen, "NAME": &s.Name, "VERIFY_URL": &s.VerifyURL, "OBJECTS": &s.Objects, "WITNESSES": &s.Witnesses,
		"S3_ENDPOINT": &s.S3.Endpoint, "S3_REGION": &s.S3.Region, "S3_BUCKET": &s.S3.Bucket, "S3_PREFIX": &s.S3.Prefix,
		"S3_ACCESS_KEY": &s.S3.AccessKey, "S3_SECRET_KEY": &s.S3.SecretKey,
	} {
		if v := os.Getenv("SELVAGE_" + name); v != "" {
			*field = v
		}
	}
	if v := os.Getenv("SELVAGE_S3_INSECURE"); v != "" {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return s, fmt.Errorf("SELVAGE_S3_INSECURE=%q: use true or false", v)
		}
		s.S3.Insecure = b
	}
	if v := os.Getenv("SELVAGE_MAX_UPLOAD"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return s, fmt.Errorf("SELVAGE_MAX_UPLOAD=%q: use a number of bytes", v)
		}
		s.MaxUpload = n
	}
	return s, s.check()
}

func (s Settings) check() error {
	switch {
	case s.Objects != "dir" && s.Objects != "s3":
		return fmt.Errorf("objects = %q: use \"dir\" or \"s3\"", s.Objects)
	case s.Objects == "s3" && (s.S3.Endpoint == "" || s.S3.Bucket == ""):
		return errors.New("objects = \"s3\" needs s3.endpoint and s3.bucket (SELVAGE_S3_ENDPOINT, SELVAGE_S3_BUCKET)")
	case s.MaxUpload < 1<<10:
		return errors.New("max_upload: use at least 1024 bytes")
	case s.RatePerSecond <= 0 || s.Burst < 1:
		return errors.New("rate_per_second must be above 0 and burst at least 1")
	case s.Hashing < 0:
		return errors.New("hashing: use 0 (one a processor) or more")
	case s.FlushEvery < 0:
		return errors.New("flush_every: use 0 (20,000 changes) or more")
	case s.KeepJobs.std() < 24*time.Hour:
		return errors.New("keep_jobs: use at least \"24h\"")
	case s.Drain <= 0:
		return errors.New("drain: use a duration above 0, for example \"15s\"")
	case s.VerifyURL != "" && !verifyURL(s.VerifyURL):
		return fmt.Errorf("verify_url = %q: use an address like https://selvage.example/verify, without '#', of at most 200 bytes", s.VerifyURL)
	case s.Name == "" || strings.ContainsAny(s.Name, " \t\n+"):
		return fmt.Errorf("name = %q: use a name like a host name, without spaces and '+'", s.Name)
	}
	return s.checkAuthorities()
}

func verifyURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.Contains(text, "#") && len(text) <= 200
}

func (s Settings) missing() error {
	return fmt.Errorf("no registry in %s: name its directory with --data, or register something first", s.Data)
}

// exists reports whether a data directory holds a registry.
func (s Settings) exists() bool {
	_, err := os.Stat(filepath.Join(s.Data, "records"))
	return !errors.Is(err, fs.ErrNotExist)
}
