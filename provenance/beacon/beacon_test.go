package beacon_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"selvage/provenance"
	"selvage/provenance/beacon"
)

func TestFileAndURL(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "pulse")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.WriteFile(path, []byte("pulse 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	now := at.Add(time.Hour)
	cfg := beacon.Config{Kind: provenance.BeaconValue, From: path, Now: func() time.Time { return now }}
	s, err := beacon.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Value()
	if err != nil || string(v.Bytes) != "pulse 1" || v.NotBefore.Time != provenance.FormatTime(at) || v.NotBefore.Digest != provenance.DigestOf(v.Bytes) {
		t.Errorf("%+v, %v", v.NotBefore, err)
	}
	now = at.Add(25 * time.Hour)
	if _, err := s.Value(); err == nil || !strings.Contains(err.Error(), "old") {
		t.Errorf("a day later: %v", err)
	}
	s.Close()

	now = at.Add(time.Minute)
	var answer atomic.Value
	answer.Store("pulse 2")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch a := answer.Load().(string); a {
		case "down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "away":
			http.Redirect(w, &http.Request{}, "http://127.0.0.1:1/", http.StatusFound)
		default:
			w.Header().Set("Last-Modified", at.Format(http.TimeFormat))
			_, _ = w.Write([]byte(a))
		}
	}))
	defer srv.Close()
	for _, a := range []string{"pulse 2", "down", "away", strings.Repeat("x", 65<<10), ""} {
		answer.Store(a)
		cfg.From = srv.URL
		s, err := beacon.Open(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.Value()
		if ok := a == "pulse 2"; ok != (err == nil) || ok && v.NotBefore.Time != provenance.FormatTime(at) {
			t.Errorf("%.10q: %+v, %v", a, v.NotBefore, err)
		}
		s.Close()
	}
}

// What was fetched last serves while the source is away, and a fresh value replaces it.
func TestKeepsFetching(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pulse")
	write := func(text string) {
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	s, err := beacon.Open(context.Background(), beacon.Config{Kind: provenance.BeaconValue, From: path, Every: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Value(); err == nil {
		t.Fatal("a value of nothing")
	}
	for _, text := range []string{"one", "two"} {
		write(text)
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if v, err := s.Value(); err == nil && string(v.Bytes) == text {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%q does not come", text)
			}
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Millisecond)
	if v, err := s.Value(); err != nil || string(v.Bytes) != "two" {
		t.Errorf("%q, %v", v.Bytes, err)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []beacon.Config{
		{Kind: "newspaper", From: "x"},
		{Kind: provenance.BeaconValue},
		{Kind: provenance.CheckpointValue, From: "x"},
		{Kind: provenance.CheckpointValue, From: "x", Witnesses: []string{"w"}},
	} {
		if _, err := beacon.Open(context.Background(), c); err == nil {
			t.Errorf("%+v: accepted", c)
		}
	}
	// A file that is no checkpoint gives no value.
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.WriteFile(path, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	seed := ed25519.NewKeyFromSeed(bytes.Repeat([]byte("w"), 32))
	key, err := provenance.NewWitnessKey("w.example", seed.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	open := func() *beacon.Source {
		t.Helper()
		spelled := strings.Replace(key.String(), fmt.Sprintf("%08x", key.KeyHash()), fmt.Sprintf("%08X", key.KeyHash()), 1)
		s, err := beacon.Open(context.Background(), beacon.Config{Kind: provenance.CheckpointValue, From: path, Witnesses: []string{spelled}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	if _, err := open().Value(); err == nil {
		t.Error("a value of what is no checkpoint")
	}
	// One that the witness has cosigned gives its time, and the key in its one spelling.
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	text := "other.example/log\n7\n" + strings.Repeat("A", 43) + "=\n"
	sig := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, key.KeyHash()), uint64(at.Unix()))
	sig = append(sig, ed25519.Sign(seed, provenance.CosignedMessage(uint64(at.Unix()), text))...)
	if err := os.WriteFile(path, []byte(text+"\n— w.example "+base64.StdEncoding.EncodeToString(sig)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := open().Value()
	if err != nil || v.NotBefore.Time != provenance.FormatTime(at) || len(v.Witnesses) != 1 || v.Witnesses[0] != key.String() {
		t.Errorf("%+v, %v", v, err)
	}
}
