package badgerkv

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"selvage/store"
	"selvage/store/storetest"
)

func TestKV(t *testing.T) {
	storetest.RunKV(t, true, func(dir string) (store.KV, error) { return Open(dir, Options{MinFree: 1 << 20}) })
}

// TestMain lets the test binary be the process that TestKilled kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SELVAGE_TEST_WRITER"); dir != "" {
		write(dir)
	}
	os.Exit(m.Run())
}

// write commits records without end and prints the key of each that was acknowledged.
func write(dir string) {
	kv, err := Open(dir, Options{})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	var out sync.Mutex
	for caller := range 4 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d/%06d", caller, i)
				err := kv.Update(context.Background(), func(x store.Txn) error {
					return errors.Join(x.Set([]byte("a/"+key), []byte(key)), x.Set([]byte("b/"+key), bytes.Repeat([]byte("v"), 5000)))
				})
				out.Lock()
				if err != nil {
					key = "error: " + err.Error()
				}
				fmt.Println(key)
				out.Unlock()
			}
		}()
	}
	select {}
}

// TestKilled: what a killed process had acknowledged is there, and no half of anything.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	acked := make(map[string]bool)
	for round := range 3 {
		clear(acked)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SELVAGE_TEST_WRITER="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "error:") {
				t.Error(lines.Text())
				break
			}
			if acked[lines.Text()] = true; len(acked) == 40+60*round {
				if _, err := Open(dir, Options{}); !errors.Is(err, store.ErrInUse) {
					t.Errorf("second process: have %v, want ErrInUse", err)
				}
				if err := cmd.Process.Kill(); err != nil {
					t.Error(err)
				}
			}
		}
		_ = cmd.Wait() // killed
		check(t, dir, acked)
	}
}

func check(t *testing.T, dir string, acked map[string]bool) {
	t.Helper()
	kv, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kv.Close()
	err = kv.View(t.Context(), func(x store.Txn) error {
		for key := range acked {
			for _, part := range []string{"a/", "b/"} {
				if _, err := x.Get([]byte(part + key)); err != nil {
					t.Errorf("acknowledged: %v", err)
				}
			}
		}
		halves := make(map[string]int)
		err := x.Scan(nil, nil, func(k, _ []byte) bool { halves[string(k[2:])]++; return true })
		for key, n := range halves {
			if n != 2 {
				t.Errorf("%s is half there", key)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDiskFull(t *testing.T) {
	free := uint64(1 << 40)
	o := Options{free: func(string) (uint64, error) { return free, nil }}
	dir := t.TempDir()
	kv, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	set := func(key string) error {
		return kv.Update(t.Context(), func(x store.Txn) error { return x.Set([]byte(key), nil) })
	}
	if err := set("a"); err != nil {
		t.Fatal(err)
	}
	free = 1 << 20
	if err := set("b"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("full disk: have %v, want ErrUnavailable", err)
	}
	err = kv.View(t.Context(), func(x store.Txn) error {
		if _, err := x.Get([]byte("b")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("refused write: have %v, want ErrNotFound", err)
		}
		_, err := x.Get([]byte("a"))
		return err
	})
	if err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	free = 1 << 40
	if err := set("b"); err != nil {
		t.Errorf("after there is room again: %v", err)
	}
	if err := kv.Close(); err != nil {
		t.Fatal(err)
	}
	free = 0
	if _, err := Open(dir, o); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("open on a full disk: have %v, want ErrUnavailable", err)
	}
}

func TestOwnPrefix(t *testing.T) {
	kv, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kv.Close()
	err = kv.Update(t.Context(), func(x store.Txn) error { return x.Set([]byte("!badger!x"), nil) })
	if !errors.Is(err, store.ErrBadKey) {
		t.Errorf("have %v, want ErrBadKey", err)
	}
}

// TestDamaged: a store whose files were damaged is refused by an error, not a panic.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	kv, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := kv.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/MANIFEST", []byte("not a manifest at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	if kv, err := Open(dir, Options{}); err == nil {
		kv.Close()
		t.Error("a damaged store was opened")
	}
}

// BenchmarkUpdate gives committed transactions per second for some numbers of callers.
func BenchmarkUpdate(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			kv, err := Open(b.TempDir(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer kv.Close()
			value := bytes.Repeat([]byte("v"), 1000)
			next := make(chan int)
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for i := range next {
						err := kv.Update(context.Background(), func(x store.Txn) error {
							return x.Set(fmt.Appendf(nil, "key%d", i), value)
						})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := 0; b.Loop(); i++ {
				next <- i
			}
			close(next)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "txns/s")
		})
	}
}
