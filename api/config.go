package api

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"selvage/store"
)

// Config is what a Server is made of. Registry, KV and Keys are required; the zero value
// of every other field means the default named beside it.
type Config struct {
	Registry Registry
	Keys     *Keyring
	KV       store.KV         // answers kept for Idempotency-Key
	Log      *slog.Logger     // default: discard
	Metrics  *Metrics         // default: figures of its own
	Clock    func() time.Time // default time.Now

	// MaxFile is the largest body of one file in bytes; default 64 MiB.
	MaxFile int64
	// MaxWork is the largest body of a registration in bytes; default 256 MiB.
	MaxWork int64
	// MaxBatch is the largest body of a batch in bytes; default 2 GiB. A batch is read
	// file by file, so it needs the memory of a few files only.
	MaxBatch int64
	// UploadMemory bounds the bytes of all bodies that are in memory at once; default
	// 1 GiB. It must be at least MaxWork and MaxFile. A body takes its part as it arrives.
	UploadMemory int64

	// Hashing is how many files are fingerprinted at once; default: the CPUs.
	Hashing int
	// Queue is how many requests may wait for that or for upload memory; default 64.
	// The next one is told to come again (503).
	Queue int
	// QueueWait is how long a request waits in the queue; default 10 s.
	QueueWait time.Duration

	// Rate is how many requests a second one key may send for long; default 50.
	Rate float64
	// Burst is how many it may send at once; default 200.
	Burst int

	// ReceiptWait is how long a registration waits for its receipt before it is answered
	// with 202; default 3 s.
	ReceiptWait time.Duration

	ReadHeaderTimeout time.Duration // default 10 s
	// ReadTimeout is for a whole request with its body; default 5 min. Besides, a body
	// must bring 16 KiB/s, averaged over 10 s of waiting for it.
	ReadTimeout  time.Duration
	WriteTimeout time.Duration // from the end of the headers to the end of the answer; default 15 min
	IdleTimeout  time.Duration // default 2 min
	// DrainTime is how long Serve waits for requests in flight when it is told to stop;
	// default 20 s.
	DrainTime time.Duration
}

const (
	mib     = 1 << 20
	maxJSON = 64 << 10 // bytes of a JSON body
)

func (c *Config) setDefaults() error {
	if c.Registry == nil || c.Keys == nil || c.KV == nil {
		return errors.New("api: Config needs Registry, Keys and KV")
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	c.MaxFile = cmp.Or(c.MaxFile, 64*mib)
	c.MaxWork = cmp.Or(c.MaxWork, 256*mib)
	c.MaxBatch = cmp.Or(c.MaxBatch, 2048*mib)
	c.UploadMemory = cmp.Or(c.UploadMemory, 1024*mib)
	c.Hashing = cmp.Or(c.Hashing, runtime.GOMAXPROCS(0))
	c.Queue = cmp.Or(c.Queue, 64)
	c.QueueWait = cmp.Or(c.QueueWait, 10*time.Second)
	c.Rate = cmp.Or(c.Rate, 50)
	c.Burst = cmp.Or(c.Burst, 200)
	c.ReceiptWait = cmp.Or(c.ReceiptWait, 3*time.Second)
	c.ReadHeaderTimeout = cmp.Or(c.ReadHeaderTimeout, 10*time.Second)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 5*time.Minute)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 15*time.Minute)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 2*time.Minute)
	c.DrainTime = cmp.Or(c.DrainTime, 20*time.Second)
	if min(c.MaxFile, c.MaxWork, c.MaxBatch, int64(c.Hashing), int64(c.Queue), int64(c.Burst)) < 0 || c.Rate < 0 {
		return errors.New("api: limits of Config must not be negative")
	}
	if need := max(c.MaxFile, c.MaxWork); c.UploadMemory < need {
		return fmt.Errorf("api: Config.UploadMemory is %d bytes; one request may need %d", c.UploadMemory, need)
	}
	return nil
}
