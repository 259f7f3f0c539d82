package api

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"selvage/fingerprint"
	"selvage/fingerprint/decode"
	"selvage/fingerprint/photo"
	"selvage/provenance/sequencer"
	"selvage/registry"
	"selvage/store"
	"selvage/store/mem"
)

// newRealEnv is a server over the real service, with records and originals in memory and
// the log and indexes in a directory of the test.
func newRealEnv(t *testing.T) *env {
	return newRealEnvWith(t, fingerprint.Set{photo.New(photo.Options{Limits: patient})})
}

func newRealEnvWith(t *testing.T, hashers fingerprint.Set) *env {
	t.Helper()
	dir, kv := t.TempDir(), mem.NewKV()
	notary, err := sequencer.OpenNotary(context.Background(), sequencer.NotaryConfig{Dir: filepath.Join(dir, "log"), Origin: "test.selvage"})
	if err != nil {
		t.Fatal(err)
	}
	metrics := NewMetrics(nil)
	s, err := registry.Open(context.Background(), registry.Config{
		KV: kv, Blobs: store.NewBlobs(mem.NewObjects()), Notary: notary, Hashers: hashers,
		DataDir: dir, Observe: metrics.Observe, Matched: metrics.Matched,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := notary.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return newEnvOver(t, s, kv, func(c *Config) { c.Metrics, c.ReceiptWait = metrics, time.Minute })
}

// TestScenariosOverService is the table of scenarios over the real service.
func TestScenariosOverService(t *testing.T) { runScenarios(t, newRealEnv(t).seed()) }

// TestPrivacyOverService: what holds for the fake holds for the real service.
func TestPrivacyOverService(t *testing.T) { testPrivacy(t, newRealEnv(t).seed()) }

// patient gives decoders the time they need under the race detector on a busy machine.
var patient = decode.Limits{Timeout: 3 * time.Minute}
