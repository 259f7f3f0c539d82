package extract

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// spinning is a module with a memory, a global, and two functions: "spin" never ends, and "sum"
// adds up the numbers below its argument in a loop.
//
//	(global (mut i32) (i32.const 7))
//	(func (export "spin") (loop (br 0)))
//	(func (export "sum") (param i32) (result i32) (local i32)
//	  (loop (result i32)
//	    (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
//	    (local.set 1 (i32.add (local.get 1) (local.get 0)))
//	    (br_if 0 (local.get 0))
//	    (local.get 1)))
var spinning = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x09\x02\x60\x00\x00\x60\x01\x7f\x01\x7f" +
	"\x03\x03\x02\x00\x01" +
	"\x05\x03\x01\x00\x01" +
	"\x06\x06\x01\x7f\x01\x41\x07\x0b" +
	"\x07\x0e\x02\x04spin\x00\x00\x03sum\x00\x01" +
	"\x0a\x25\x02" +
	"\x07\x00\x03\x40\x0c\x00\x0b\x0b" +
	"\x1b\x01\x01\x7f\x03\x7f\x20\x00\x41\x01\x6b\x21\x00\x20\x01\x20\x00\x6a\x21\x01\x20\x00\x0d\x00\x20\x01\x0b\x0b")

func instantiate(t *testing.T, module []byte) api.Module {
	t.Helper()
	r := wazero.NewRuntime(t.Context())
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	m, err := r.Instantiate(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A loop without end is stopped, and holds the garbage collector for a moment only.
func TestMeteredStops(t *testing.T) {
	module, err := metered(spinning)
	if err != nil {
		t.Fatal(err)
	}
	m := instantiate(t, module)
	stop := m.ExportedGlobal(meterStop).(api.MutableGlobal)
	ended := make(chan error)
	go func() {
		_, err := m.ExportedFunction("spin").Call(context.Background())
		ended <- err
	}()
	for range 20 {
		runtime.GC()
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended by itself: %v", err)
	default:
	}
	stop.Set(1)
	select {
	case err := <-ended:
		if err == nil {
			t.Fatal("it was stopped without an error")
		}
	case <-time.After(time.Minute):
		t.Fatal("it was not stopped")
	}
}

// What loops find is the same, however often they tick.
func TestMeteredIsTheSame(t *testing.T) {
	module, err := metered(spinning)
	if err != nil {
		t.Fatal(err)
	}
	plain, counted := instantiate(t, spinning), instantiate(t, module)
	for _, n := range []uint64{1, 2, 1000, 3*meterTurns + 1} {
		want, err := plain.ExportedFunction("sum").Call(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := counted.ExportedFunction("sum").Call(t.Context(), n)
		if err != nil || got[0] != want[0] {
			t.Errorf("sum(%d) = %v, %v, want %v", n, got, err, want)
		}
	}
}

// A module that is not understood whole is an error, not code that cannot be stopped.
func TestMeteredRefuses(t *testing.T) {
	for i := range spinning {
		if _, err := metered(spinning[:i]); err == nil && i > len(spinning)-39 {
			t.Errorf("cut after %d bytes: no error", i)
		}
	}
	vector := append([]byte(nil), spinning...)
	vector[len(vector)-4] = 0xfd
	if _, err := metered(vector); err == nil {
		t.Error("an instruction that is not known: no error")
	}
	if _, err := metered([]byte("%PDF-1.7")); err == nil {
		t.Error("no module: no error")
	}
}
