package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"golang.org/x/sync/semaphore"
)

// instancePages is the memory of one PDFium instance in WebAssembly pages of 64 KiB: 384 MiB,
// which a 300 dpi colour scan needs a tenth of.
const instancePages = 6144

// engineModule is the WebAssembly module that go-pdfium brings along and does not export.
//
//go:linkname engineModule github.com/klippa-app/go-pdfium/webassembly.pdfiumWasm
var engineModule []byte

// engine is PDFium, compiled once in a process at its first use (about 3 s of CPU, 0.1 s where
// UseCache was called and somebody did it before).
var engine struct {
	once  sync.Once
	pool  pdfium.Pool
	err   error
	cache string
}

// running bounds how many instances work at once.
var running = semaphore.NewWeighted(int64(max(2, runtime.GOMAXPROCS(0))))

// UseCache keeps the compiled PDF engine in a directory, for later processes. Whoever can
// write there can run code in this process: it must be as private as the program itself.
// It has no effect after the first PDF.
func UseCache(dir string) { engine.cache = dir }

func startEngine() {
	module, err := metered(engineModule)
	if err != nil {
		engine.err = fmt.Errorf("the PDF engine: %w", err)
		return
	}
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(instancePages)
	if engine.cache != "" {
		cache, err := wazero.NewCompilationCacheWithDir(engine.cache)
		if err != nil {
			engine.err = fmt.Errorf("cache of the PDF engine: %w", err)
			return
		}
		config = config.WithCompilationCache(cache)
	}
	engine.pool, engine.err = webassembly.Init(webassembly.Config{
		WASM:          module,
		MaxTotal:      -1,                   // running is the bound
		FSConfig:      wazero.NewFSConfig(), // the default would be the whole disk
		RuntimeConfig: config,
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
}

// instance is one PDFium of its own, with functions called by their names in PDFium's C
// headers. The Go interface of go-pdfium knows neither contexts nor a way to stop a call, and
// takes several calls and a map entry for each character of a page, so that only its module
// is used. An instance is not safe for concurrent use.
type instance struct {
	owner pdfium.Pdfium
	mod   api.Module
	stop  api.MutableGlobal // see metered
	funcs map[string]api.Function
	stack [12]uint64
	// err is why the instance is dead: a trap, or that its time was over. Every later call
	// does nothing and returns 0.
	err error
}

// ready compiles the engine if nobody has. That is on no page's clock.
func ready() error {
	engine.once.Do(startEngine)
	return engine.err
}

func newInstance() (*instance, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	owner, err := engine.pool.GetInstance(30 * time.Second)
	if err != nil {
		return nil, err
	}
	mod, ok := moduleOf(owner)
	if !ok {
		owner.Close() //nolint:errcheck // it is thrown away
		return nil, errors.New("this version of go-pdfium does not show its module")
	}
	stop, ok := mod.ExportedGlobal(meterStop).(api.MutableGlobal)
	if !ok {
		owner.Close() //nolint:errcheck // it is thrown away
		return nil, errors.New("the PDF engine cannot be stopped")
	}
	return &instance{owner: owner, mod: mod, stop: stop, funcs: map[string]api.Function{}}, nil
}

// moduleOf takes the exported field Module of go-pdfium's implementation, whose type is not
// exported.
func moduleOf(p pdfium.Pdfium) (api.Module, bool) {
	v := reflect.Indirect(reflect.ValueOf(p.GetImplementation()))
	if v.Kind() != reflect.Struct {
		return nil, false
	}
	f := v.FieldByName("Module")
	if !f.IsValid() || !f.CanInterface() {
		return nil, false
	}
	mod, ok := f.Interface().(api.Module)
	return mod, ok
}

// close frees the instance; one that died says so here once more.
func (in *instance) close() { in.owner.Close() } //nolint:errcheck // see above

// during runs f with the instance to be stopped when ctx ends.
func (in *instance) during(ctx context.Context, f func()) {
	done := context.AfterFunc(ctx, func() { in.stop.Set(1) })
	defer done()
	f()
	if in.err == nil && ctx.Err() != nil {
		in.err = ctx.Err()
	}
}

// call calls a function of PDFium. No context is passed on: during does what it is for.
func (in *instance) call(name string, args ...uint64) uint64 {
	if in.err != nil {
		return 0
	}
	f := in.funcs[name]
	if f == nil {
		if f = in.mod.ExportedFunction(name); f == nil {
			in.err = fmt.Errorf("PDFium has no %s", name)
			return 0
		}
		in.funcs[name] = f
	}
	copy(in.stack[:], args)
	if in.err = f.CallWithStack(context.Background(), in.stack[:max(1, len(args))]); in.err != nil {
		in.err = fmt.Errorf("%s: %w", name, in.err)
		return 0
	}
	return in.stack[0]
}

// alloc gives n bytes in the instance's memory, 0 where there are none left.
func (in *instance) alloc(n int) uint64 {
	p := in.call("malloc", uint64(n)) & 0xffffffff
	if p == 0 && in.err == nil {
		in.err = errors.New("the PDF engine is out of memory")
	}
	return p
}

func (in *instance) free(p uint64) { in.call("free", p) }

// bytes are n bytes of the instance's memory, valid until the next call; nil where they are
// not all inside it.
func (in *instance) bytes(p uint64, n int) []byte {
	if in.err != nil || n < 0 {
		return nil
	}
	b, _ := in.mod.Memory().Read(uint32(p), uint32(n))
	return b
}

func (in *instance) float32(p uint64) float64 {
	v, _ := in.mod.Memory().ReadFloat32Le(uint32(p))
	return float64(v)
}

func (in *instance) uint32(p uint64) uint32 {
	v, _ := in.mod.Memory().ReadUint32Le(uint32(p))
	return v
}
