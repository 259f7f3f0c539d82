package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"selvage/store"
)

// RunObjects tests an Objects. open opens the store in dir, where it may have been
// before; durable says that what was written is then still there.
func RunObjects(t *testing.T, durable bool, open func(dir string) (store.Objects, error)) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, store.Objects)
	}{
		{"PutOpen", objPutOpen},
		{"Replace", objReplace},
		{"Missing", objMissing},
		{"WrongSize", objWrongSize},
		{"Keys", objKeys},
		{"List", objList},
		{"ListStops", objListStops},
		{"Cancelled", objCancelled},
		{"Concurrent", objConcurrent},
		{"Big", objBig},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, startObjects(t, t.TempDir(), open)) })
	}
	if durable {
		t.Run("Reopen", func(t *testing.T) {
			dir := t.TempDir()
			put(t, startObjects(t, dir, open), "a/b", "here")
			if got := read(t, startObjects(t, dir, open), "a/b"); got != "here" {
				t.Errorf("after reopening: %q", got)
			}
		})
	}
}

func startObjects(t *testing.T, dir string, open func(string) (store.Objects, error)) store.Objects {
	t.Helper()
	o, err := open(dir)
	must(t, err)
	if c, ok := o.(io.Closer); ok {
		t.Cleanup(func() { _ = c.Close() })
	}
	return o
}

func objPutOpen(t *testing.T, o store.Objects) {
	for _, size := range []int{0, 1, 1000, 70_000} {
		key, data := fmt.Sprintf("dir/size-%d", size), randomBytes(size)
		// One byte at a time, and the end together with the last bytes: readers may.
		must(t, o.Put(t.Context(), key, iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(data))), int64(size)))
		if got := read(t, o, key); got != string(data) {
			t.Errorf("size %d: read %d other bytes", size, len(got))
		}
		s, err := o.Stat(t.Context(), key)
		if err != nil || s.Key != key || s.Size != int64(size) || s.Modified.IsZero() {
			t.Errorf("size %d: stat %+v, %v", size, s, err)
		}
	}
}

func objReplace(t *testing.T, o store.Objects) {
	put(t, o, "k", "old")
	r, err := o.Open(t.Context(), "k")
	must(t, err)
	must(t, r.Close())
	put(t, o, "k", "newer")
	if got := read(t, o, "k"); got != "newer" {
		t.Errorf("have %q", got)
	}
	if got := keys(t, o, ""); !slices.Equal(got, []string{"k"}) {
		t.Errorf("listed %q", got)
	}
}

func objMissing(t *testing.T, o store.Objects) {
	put(t, o, "dir/there", "x")
	for _, key := range []string{"none", "dir", "dir/none", "dir/there/below", "no/folder/at/all"} {
		_, err := o.Open(t.Context(), key)
		wantErr(t, err, store.ErrNotFound)
		_, err = o.Stat(t.Context(), key)
		wantErr(t, err, store.ErrNotFound)
		if err := o.Delete(t.Context(), key); err != nil {
			t.Errorf("delete of missing %s: %v", key, err)
		}
	}
	must(t, o.Delete(t.Context(), "dir/there"))
	_, err := o.Stat(t.Context(), "dir/there")
	wantErr(t, err, store.ErrNotFound)
	if got := keys(t, o, ""); len(got) != 0 {
		t.Errorf("listed %q", got)
	}
}

func objWrongSize(t *testing.T, o store.Objects) {
	put(t, o, "kept", "kept")
	mine := errors.New("mine")
	for _, c := range []struct {
		name string
		r    func() io.Reader
		size int64
		want error
	}{
		{"short", func() io.Reader { return strings.NewReader("abc") }, 4, io.ErrUnexpectedEOF},
		{"long", func() io.Reader { return strings.NewReader("abcde") }, 4, nil},
		{"longer than none", func() io.Reader { return strings.NewReader("a") }, 0, nil},
		{"fails", func() io.Reader { return io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(mine)) }, 4, mine},
		{"fails at the end", func() io.Reader { return io.MultiReader(strings.NewReader("abcd"), iotest.ErrReader(mine)) }, 4, mine},
		{"negative", func() io.Reader { return strings.NewReader("") }, -1, nil},
	} {
		for _, key := range []string{"kept", "new"} {
			err := o.Put(t.Context(), key, c.r(), c.size)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: have error %v, want %v", c.name, err, c.want)
			}
			if errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: the caller's reader is not the store's fault: %v", c.name, err)
			}
		}
		if got := read(t, o, "kept"); got != "kept" {
			t.Errorf("%s: a failed Put left %q", c.name, got)
		}
		if got := keys(t, o, ""); !slices.Equal(got, []string{"kept"}) {
			t.Errorf("%s: a failed Put left %q", c.name, got)
		}
	}
}

func objKeys(t *testing.T, o store.Objects) {
	long := strings.Repeat(strings.Repeat("k", 63)+"/", 8)[:511]
	for _, key := range []string{"a", "a.b", "-", "_", "...", ".hidden", "0/1/2/3/4/5", long} {
		put(t, o, key, key)
		if got := read(t, o, key); got != key {
			t.Errorf("key %q: read %q", key, got)
		}
	}
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a/..", "A", "a b", "a\\b",
		"a\x00b", "a\nb", "ä", "a+b", "+tmp/x", "c:/a", "a?b", "%2e%2e/a", strings.Repeat("k", 513),
	} {
		wantErr(t, o.Put(t.Context(), key, strings.NewReader(""), 0), store.ErrBadKey)
		wantErr(t, o.Delete(t.Context(), key), store.ErrBadKey)
		_, err := o.Open(t.Context(), key)
		wantErr(t, err, store.ErrBadKey)
		_, err = o.Stat(t.Context(), key)
		wantErr(t, err, store.ErrBadKey)
	}
}

func objList(t *testing.T, o store.Objects) {
	all := []string{"a-b", "a.b", "a/b", "a/b-c", "a/c/d", "a0", "b/a", "b/b", "ba", "c"}
	for _, k := range slices.Backward(all) {
		put(t, o, k, k)
	}
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b-", "a/c", "a/c/", "a/c/d", "a/c/d/", "b", "b/", "d", "d/", "../", "A/", "/"} {
		var want []string
		for _, k := range all {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k)
			}
		}
		if got := keys(t, o, prefix); !slices.Equal(got, want) {
			t.Errorf("list %q: have %q, want %q", prefix, got, want)
		}
	}
	for v, err := range o.List(t.Context(), "a/c") {
		if err != nil || v.Size != int64(len(v.Key)) || v.Modified.IsZero() {
			t.Errorf("listed %+v, %v", v, err)
		}
	}
}

func objListStops(t *testing.T, o store.Objects) {
	for i := range 20 {
		put(t, o, fmt.Sprintf("d%d/k%02d", i%3, i), "x")
	}
	n := 0
	for _, err := range o.List(t.Context(), "") {
		must(t, err)
		if n++; n == 7 {
			break
		}
	}
	if n != 7 {
		t.Errorf("%d objects before the break", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n = 0
	for _, err := range o.List(ctx, "") {
		n++
		wantErr(t, err, context.Canceled)
	}
	if n != 1 {
		t.Errorf("a cancelled List yields %d times, want its error only", n)
	}
}

func objCancelled(t *testing.T, o store.Objects) {
	ctx, cancel := context.WithCancel(t.Context())
	half := &hookReader{r: strings.NewReader(strings.Repeat("x", 1000)), hook: cancel}
	wantErr(t, o.Put(ctx, "k", iotest.OneByteReader(half), 1000), context.Canceled)
	_, err := o.Open(ctx, "k")
	wantErr(t, err, context.Canceled)
	_, err = o.Stat(ctx, "k")
	wantErr(t, err, context.Canceled)
	wantErr(t, o.Delete(ctx, "k"), context.Canceled)
	_, err = o.Stat(t.Context(), "k")
	wantErr(t, err, store.ErrNotFound)
}

// hookReader calls hook once, at its first Read.
type hookReader struct {
	r    io.Reader
	hook func()
}

func (h *hookReader) Read(p []byte) (int, error) {
	if h.hook != nil {
		h.hook()
		h.hook = nil
	}
	return h.r.Read(p)
}

// objConcurrent: of many writers of one key one wins, whole.
func objConcurrent(t *testing.T, o store.Objects) {
	const writers, size = 8, 100_000
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			data := bytes.Repeat([]byte{byte('a' + i)}, size)
			if err := o.Put(context.Background(), "new/folder/key", bytes.NewReader(data), size); err != nil {
				t.Error(err)
			}
			if err := o.Put(context.Background(), fmt.Sprintf("new/folder/own%d", i), bytes.NewReader(data), size); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := read(t, o, "new/folder/key")
	if len(got) != size || strings.Count(got, got[:1]) != size {
		t.Errorf("a mixture of %d bytes was stored", len(got))
	}
	if n := len(keys(t, o, "new/folder/own")); n != writers {
		t.Errorf("%d of %d objects are listed", n, writers)
	}
}

// objBig: more than one part of a multi-part upload, with an odd end, and one that
// fails in its second part.
func objBig(t *testing.T, o store.Objects) {
	data := randomBytes(20<<20 + 17)
	must(t, o.Put(t.Context(), "big", onlyReader{bytes.NewReader(data)}, int64(len(data))))
	if got := read(t, o, "big"); got != string(data) {
		t.Errorf("read %d other bytes", len(got))
	}
	mine := errors.New("mine")
	failing := io.MultiReader(bytes.NewReader(data[:18<<20]), iotest.ErrReader(mine))
	wantErr(t, o.Put(t.Context(), "half", failing, int64(len(data))), mine)
	if got := keys(t, o, ""); !slices.Equal(got, []string{"big"}) {
		t.Errorf("listed %q after a failed upload", got)
	}
}

// onlyReader hides what else a reader can do.
type onlyReader struct{ io.Reader }

func randomBytes(n int) []byte {
	r := rand.NewChaCha8([32]byte{byte(n)})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

func put(t testing.TB, o store.Objects, key, value string) {
	t.Helper()
	must(t, o.Put(t.Context(), key, strings.NewReader(value), int64(len(value))))
}

func read(t testing.TB, o store.Objects, key string) string {
	t.Helper()
	r, err := o.Open(t.Context(), key)
	must(t, err)
	b, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	return string(b)
}

func keys(t testing.TB, o store.Objects, prefix string) (all []string) {
	t.Helper()
	for v, err := range o.List(t.Context(), prefix) {
		must(t, err)
		all = append(all, v.Key)
	}
	return all
}
