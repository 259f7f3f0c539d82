package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"selvage/fingerprint"
	"selvage/store"
)

// RunBlobs tests store.Blobs over an Objects that open opens, empty, in dir.
func RunBlobs(t *testing.T, open func(dir string) (store.Objects, error)) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *store.Blobs, store.Objects)
	}{
		{"PutRead", blobPutRead},
		{"WrongDigest", blobWrongDigest},
		{"Spaces", blobSpaces},
		{"Damaged", blobDamaged},
		{"BadNames", blobBadNames},
		{"Again", blobAgain},
		{"Mend", blobMend},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := startObjects(t, t.TempDir(), open)
			c.run(t, store.NewBlobs(o), o)
		})
	}
}

func blobPutRead(t *testing.T, b *store.Blobs, o store.Objects) {
	for _, size := range []int{0, 1, 100_000, 17 << 20} {
		data := randomBytes(size)
		d := fingerprint.DigestOf(data)
		must(t, b.Put(t.Context(), "owner", d, onlyReader{bytes.NewReader(data)}, int64(size)))
		got, err := b.Read(t.Context(), "owner", d, int64(size))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("size %d: read %d bytes, %v", size, len(got), err)
		}
		ref, err := b.Stat(t.Context(), "owner", d)
		if want := (store.BlobRef{Space: "owner", Digest: d, Size: int64(size)}); err != nil || ref != want {
			t.Errorf("stat %+v, %v; want %+v", ref, err, want)
		}
		hex := d.String()
		if got := read(t, o, "blobs/owner/"+hex[:2]+"/"+hex); got != string(data) {
			t.Error("the blob does not lie under its documented key")
		}
		if size > 0 {
			_, err = b.Read(t.Context(), "owner", d, int64(size)-1)
			wantErr(t, err, store.ErrTooBig)
		}
		must(t, b.Delete(t.Context(), "owner", d))
		_, err = b.Read(t.Context(), "owner", d, int64(size))
		wantErr(t, err, store.ErrNotFound)
		_, err = b.Stat(t.Context(), "owner", d)
		wantErr(t, err, store.ErrNotFound)
		must(t, b.Delete(t.Context(), "owner", d))
	}
}

func blobWrongDigest(t *testing.T, b *store.Blobs, o store.Objects) {
	for _, size := range []int{0, 1, 1000, 17 << 20} {
		data := randomBytes(size)
		d := fingerprint.DigestOf(append(data, 'x'))
		wantErr(t, b.Put(t.Context(), "owner", d, bytes.NewReader(data), int64(size)), store.ErrCorrupt)
		_, err := b.Stat(t.Context(), "owner", d)
		wantErr(t, err, store.ErrNotFound)
	}
	data := []byte("right")
	d := fingerprint.DigestOf(data)
	for size := range int64(8) {
		if size != int64(len(data)) {
			if b.Put(t.Context(), "owner", d, bytes.NewReader(data), size) == nil {
				t.Errorf("%d bytes were stored as %d", len(data), size)
			}
		}
	}
	if got := keys(t, o, ""); len(got) != 0 {
		t.Errorf("refused blobs left %q", got)
	}
}

func blobSpaces(t *testing.T, b *store.Blobs, _ store.Objects) {
	data := []byte("the same file")
	d := fingerprint.DigestOf(data)
	other := fingerprint.DigestOf([]byte("other"))
	must(t, b.Put(t.Context(), "one", d, bytes.NewReader(data), int64(len(data))))
	_, err := b.Stat(t.Context(), "two", d)
	wantErr(t, err, store.ErrNotFound)
	must(t, b.Put(t.Context(), "two", d, bytes.NewReader(data), int64(len(data))))
	must(t, b.Put(t.Context(), "two", other, strings.NewReader("other"), 5))

	list := func(space string) (out string) {
		seq := b.List(t.Context())
		if space != "" {
			seq = b.ListSpace(t.Context(), space)
		}
		for ref, err := range seq {
			must(t, err)
			out += fmt.Sprintf("%s/%.4s/%d ", ref.Space, ref.Digest, ref.Size)
		}
		return out
	}
	two := fmt.Sprintf("two/%.4s/13 two/%.4s/5 ", d, other)
	if d.String() > other.String() {
		two = fmt.Sprintf("two/%.4s/5 two/%.4s/13 ", other, d)
	}
	if got, want := list(""), fmt.Sprintf("one/%.4s/13 ", d)+two; got != want {
		t.Errorf("listed %q, want %q", got, want)
	}
	if got := list("two"); got != two {
		t.Errorf("listed %q, want %q", got, two)
	}
	must(t, b.Delete(t.Context(), "one", d))
	if got := list(""); got != two {
		t.Errorf("after erasing one: %q, want %q", got, two)
	}
	if _, err := b.Read(t.Context(), "two", d, 100); err != nil {
		t.Errorf("the other owner's copy went with it: %v", err)
	}
}

func blobDamaged(t *testing.T, b *store.Blobs, o store.Objects) {
	data := randomBytes(50_000)
	d := fingerprint.DigestOf(data)
	key := "blobs/owner/" + d.String()[:2] + "/" + d.String()
	flipped := bytes.Clone(data)
	flipped[len(flipped)-1] ^= 1
	for name, bad := range map[string][]byte{"flipped": flipped, "cut": data[:49_999], "longer": append(bytes.Clone(data), 0), "emptied": {}} {
		put(t, o, key, string(bad))
		if _, err := b.Read(t.Context(), "owner", d, 1<<20); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: Read gives %v, want ErrCorrupt", name, err)
		}
		r, size, err := b.Open(t.Context(), "owner", d)
		must(t, err)
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: Open's reader ends with %v, want ErrCorrupt", name, err)
		}
		if size != int64(len(bad)) {
			t.Errorf("%s: Open says %d bytes", name, size)
		}
		must(t, r.Close())
	}
	put(t, o, "blobs/stray", "x")
	var good, bad int
	for _, err := range b.List(t.Context()) {
		if err == nil {
			good++
		} else {
			wantErr(t, err, store.ErrCorrupt)
			bad++
		}
	}
	if good != 1 || bad != 1 {
		t.Errorf("List yields %d blobs and %d errors, want 1 and 1", good, bad)
	}
}

func blobBadNames(t *testing.T, b *store.Blobs, _ store.Objects) {
	d := fingerprint.DigestOf([]byte("x"))
	for _, space := range []string{"", ".", "..", "a/b", "A", "a b", strings.Repeat("a", 129)} {
		wantErr(t, b.Put(t.Context(), space, d, strings.NewReader("x"), 1), store.ErrBadKey)
		wantErr(t, b.Delete(t.Context(), space, d), store.ErrBadKey)
		for _, err := range b.ListSpace(t.Context(), space) {
			wantErr(t, err, store.ErrBadKey)
		}
	}
	wantErr(t, b.Put(t.Context(), "owner", fingerprint.Digest{}, strings.NewReader("x"), 1), store.ErrBadKey)
}

// blobAgain: a blob that is there is not read again, and many may put it at once.
func blobAgain(t *testing.T, b *store.Blobs, _ store.Objects) {
	data := randomBytes(10_000)
	d := fingerprint.DigestOf(data)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := b.Put(context.Background(), "owner", d, bytes.NewReader(data), int64(len(data))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r := bytes.NewReader(data)
	must(t, b.Put(t.Context(), "owner", d, r, int64(len(data))))
	if r.Len() != len(data) {
		t.Errorf("%d bytes were read again", len(data)-r.Len())
	}
}

// blobMend: a blob whose bytes are wrong is written again by the next Put.
func blobMend(t *testing.T, b *store.Blobs, o store.Objects) {
	data := randomBytes(50_000)
	d := fingerprint.DigestOf(data)
	key := "blobs/owner/" + d.String()[:2] + "/" + d.String()
	flipped := bytes.Clone(data)
	flipped[25_000] ^= 1
	for name, bad := range map[string][]byte{"flipped": flipped, "cut": data[:49_999], "emptied": {}} {
		put(t, o, key, string(bad))
		must(t, b.Put(t.Context(), "owner", d, bytes.NewReader(data), int64(len(data))))
		if got, err := b.Read(t.Context(), "owner", d, int64(len(data))); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: after putting it again: %d bytes, %v", name, len(got), err)
		}
	}
}
