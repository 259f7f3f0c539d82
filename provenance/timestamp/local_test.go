package timestamp_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"selvage/provenance"
	"selvage/provenance/timestamp"
)

func roots(t *testing.T, l *timestamp.Local) []*x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(l.Authority().Roots))
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return []*x509.Certificate{c}
}

func TestStamp(t *testing.T) {
	ctx, dir, data := context.Background(), t.TempDir(), []byte("checkpoint")
	now := time.Date(2026, 11, 29, 12, 0, 0, 500, time.UTC)
	clock := func() time.Time { return now }
	l, err := timestamp.OpenLocal(dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(filepath.Join(dir, "tsa.pem"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := l.Stamp(ctx, data)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := provenance.VerifyToken(token, data, roots(t, l))
	if err != nil {
		t.Fatal(err)
	}
	// The bound is never before the moment of stamping.
	if !tok.Time.Equal(now.Truncate(time.Second)) || tok.NotAfter().Before(now) || tok.Authority != timestamp.LocalName {
		t.Errorf("%+v", tok)
	}
	if _, err := provenance.VerifyToken(token, []byte("other"), roots(t, l)); err == nil {
		t.Error("token accepted for other data")
	}
	stranger, err := timestamp.OpenLocal(t.TempDir(), clock)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provenance.VerifyToken(token, data, roots(t, stranger)); err == nil {
		t.Error("token accepted under another authority of the same name")
	}

	// Fourteen and a half years on the signing certificate is renewed under the same root;
	// old and new tokens verify.
	now = now.AddDate(14, 6, 0)
	if l, err = timestamp.OpenLocal(dir, clock); err != nil {
		t.Fatal(err)
	}
	later, err := l.Stamp(ctx, data)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err := os.ReadFile(filepath.Join(dir, "tsa.pem")); err != nil || string(cert) == string(first) {
		t.Errorf("the certificate was not renewed: %v", err)
	}
	for _, tk := range [][]byte{token, later} {
		if _, err := provenance.VerifyToken(tk, data, roots(t, l)); err != nil {
			t.Error(err)
		}
	}
	// A clock outside every certificate is an error, not a worthless token.
	now = now.AddDate(40, 0, 0)
	if _, err := l.Stamp(ctx, data); err == nil {
		t.Error("stamped after the root's end")
	}
	now = now.AddDate(-100, 0, 0)
	if _, err := l.Stamp(ctx, data); err == nil {
		t.Error("stamped before the root's beginning")
	}
}

func TestLostKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if _, err := timestamp.OpenLocal(dir, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := timestamp.OpenLocal(dir, nil); err == nil {
		t.Error("a lost root key was passed over")
	}
}

// A certificate that is not for time stamping, or not critically so, proves nothing.
func TestGarbageIsNoToken(t *testing.T) {
	l, err := timestamp.OpenLocal(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := l.Stamp(context.Background(), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(token) {
		if _, err := provenance.VerifyToken(token[:n], []byte("x"), roots(t, l)); err == nil {
			t.Fatalf("the first %d bytes of a token verify", n)
		}
	}
}
