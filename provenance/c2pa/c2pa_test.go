package c2pa_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"selvage/provenance/c2pa"
	"selvage/provenance/c2pa/c2patest"
	"selvage/provenance/timestamp"
)

func signer(t testing.TB) *c2patest.Signer {
	t.Helper()
	s, err := c2patest.New("Anna Weaver")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t testing.TB, file []byte, c c2patest.Claim) []byte {
	t.Helper()
	b, err := signer(t).Sign(file, c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// plain are files without credentials, one a format. Of the WebP and MP4 only the frame is
// there: nobody decodes them here.
func plain(t testing.TB) map[string][]byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	for y := range 30 {
		for x := range 40 {
			m.Set(x, y, color.NRGBA{uint8(6 * x), uint8(8 * y), uint8(x * y), 255})
		}
	}
	var j, p bytes.Buffer
	if err := errors.Join(jpeg.Encode(&j, m, nil), png.Encode(&p, m)); err != nil {
		t.Fatal(err)
	}
	box := func(kind string, content ...byte) []byte {
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(content))), kind...), content...)
	}
	mp4 := append(box("ftyp", []byte("isom\x00\x00\x02\x00isommp41")...), box("moov", box("free", 1, 2, 3)...)...)
	mp4 = append(mp4, box("mdat", bytes.Repeat([]byte{1, 2, 3, 4}, 50)...)...)
	return map[string][]byte{
		"jpeg": j.Bytes(), "png": p.Bytes(), "mp4": mp4,
		"webp": []byte("RIFF\x12\x00\x00\x00WEBPVP8L\x05\x00\x00\x00\x2f\x00\x00\x00\x00\x00"),
	}
}

// each runs f over one signed file a format.
func each(t *testing.T, f func(t *testing.T, file, signed []byte)) {
	for name, file := range plain(t) {
		t.Run(name, func(t *testing.T) {
			f(t, file, sign(t, file, c2patest.Claim{Title: "Leaves", Label: "urn:c2pa:test", Ingredient: "sketch.jpg"}))
		})
	}
}

func TestReadSaysWhatIsClaimed(t *testing.T) {
	each(t, func(t *testing.T, file, signed []byte) {
		if _, err := c2pa.Read(file); !errors.Is(err, c2pa.ErrNone) {
			t.Fatalf("a file without credentials: %v", err)
		}
		got, err := c2pa.Read(signed)
		if err != nil {
			t.Fatal(err)
		}
		c := got.Claims
		if c.Signature.NotAfter == nil || time.Until(*c.Signature.NotAfter) > 25*time.Hour {
			t.Errorf("certificate ends %v", c.Signature.NotAfter)
		}
		c.Signature.NotAfter = nil
		binding := "c2pa.hash.data"
		if c.Binding.Assertion == "c2pa.hash.bmff.v2" {
			// The type box is never part of the hash.
			binding, c.Binding.Uncovered = c.Binding.Assertion, c.Binding.Uncovered-24
		}
		c.Instance = ""
		want := c2pa.Claims{
			Manifest: "urn:c2pa:test", Manifests: 1, Generator: "Selvage test signer 1", Title: "Leaves",
			Actions: []c2pa.Action{{
				Action: "c2pa.created", When: "2026-03-01T09:00:00Z", Agent: "Selvage test brush",
				Source: "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation",
			}},
			Ingredients: []c2pa.Ingredient{{Title: "sketch.jpg", Format: "image/jpeg", Relationship: "inputTo"}},
			Assertions:  []c2pa.Assertion{{"c2pa.actions.v2", c2pa.Match}, {binding, c2pa.Match}, {"c2pa.ingredient.v3", c2pa.Match}},
			Signature:   c2pa.Signature{Check: c2pa.Valid, Algorithm: "ES256", Issuer: "Selvage Tests", CommonName: "Anna Weaver"},
			Binding:     c2pa.Binding{Assertion: binding, Check: c2pa.Match},
			Trust:       c2pa.NotAssessed,
		}
		if a, b := asJSON(t, c), asJSON(t, want); a != b {
			t.Errorf("got\n%s\nwant\n%s", a, b)
		}
		alone, err := c2pa.ReadStore(got.Store)
		if err != nil || alone.Binding.Check != c2pa.NotChecked || alone.Signature.Check != c2pa.Valid {
			t.Errorf("the store alone: %+v, %v", alone, err)
		}
	})
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestEveryChangedByteIsSeen: whichever byte of the file is changed, binding or signature
// says so, or an assertion, or the store cannot be read any more.
func TestEveryChangedByteIsSeen(t *testing.T) {
	each(t, func(t *testing.T, file, signed []byte) {
		good := func(b []byte) bool {
			c, err := c2pa.Read(b)
			if err != nil || c.Claims.Signature.Check != c2pa.Valid || c.Claims.Binding.Check != c2pa.Match || c.Claims.Manifest != "urn:c2pa:test" {
				return false
			}
			for _, a := range c.Claims.Assertions {
				if a.Check != c2pa.Match {
					return false
				}
			}
			return true
		}
		if !good(signed) {
			t.Fatal("the file as signed is not accepted")
		}
		for i := range signed {
			changed := bytes.Clone(signed)
			changed[i] ^= 0x20
			if good(changed) && !meaningless(signed, i) {
				t.Errorf("byte %d of %d changed, %q, and nobody noticed", i, len(signed), signed[max(0, i-8):min(len(signed), i+8)])
			}
		}
	})
}

// meaningless reports whether a byte is part of what carries the store and says nothing: the
// unused bits of a JUMBF description's toggles, the number of a JPEG's box instance, the
// checksum of a PNG's chunk, and of an MP4 the type box, which is never hashed, and the
// version, flags and Merkle offset of the uuid box.
func meaningless(signed []byte, i int) bool {
	from := func(mark string, n int) bool {
		at := bytes.Index(signed, []byte(mark)) + len(mark)
		return at >= len(mark) && i >= at && i < at+n
	}
	switch string(signed[4:8]) {
	case "ftyp":
		if i < 24 || from("\x58\x28\x87\x7e\xc4\x81", 4) || from("manifest\x00", 8) {
			return true
		}
	case "\r\n\x1a\n":
		chunk := bytes.Index(signed, []byte("caBX"))
		if end := chunk + 4 + int(binary.BigEndian.Uint32(signed[chunk-4:])); i >= end && i < end+4 {
			return true
		}
	}
	return from("\xff\xd8\xff\xeb"+string(signed[4:6])+"JP", 2) || bytes.HasSuffix(signed[:i], []byte("\x00\xaa\x00\x38\x9b\x71"))
}

// TestPictureBytesAreBound: a changed picture is a mismatch of the binding, with the
// signature still valid.
func TestPictureBytesAreBound(t *testing.T) {
	each(t, func(t *testing.T, file, signed []byte) {
		at := len(signed) - 1
		if string(file[4:8]) == "ftyp" {
			at = len(file) - 1
		}
		if string(file[:4]) == "RIFF" {
			at = len(file) - 3
		}
		signed[at] ^= 1
		c, err := c2pa.Read(signed)
		if err != nil || c.Claims.Binding.Check != c2pa.Mismatch || c.Claims.Signature.Check != c2pa.Valid {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestLargeStoreOverManySegments(t *testing.T) {
	file := plain(t)["jpeg"]
	signed := sign(t, file, c2patest.Claim{Padding: 300 << 10})
	c, err := c2pa.Read(signed)
	if err != nil || c.Claims.Binding.Check != c2pa.Match || c.Claims.Signature.Check != c2pa.Valid || len(c.Store) < 300<<10 {
		t.Fatalf("%v", err)
	}
	// One piece lost: the third segment begins 128 KiB behind the first.
	at := 2
	for range 2 {
		at += 2 + int(binary.BigEndian.Uint16(signed[at+2:]))
	}
	next := at + 2 + int(binary.BigEndian.Uint16(signed[at+2:]))
	cut := append(bytes.Clone(signed[:at]), signed[next:]...)
	if _, err := c2pa.Read(cut); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a lost segment: %v", err)
	}
}

func TestActiveManifestAlone(t *testing.T) {
	s := signer(t)
	binding := map[string]any{"alg": "sha256", "hash": make([]byte, 32)}
	one, err := s.Store(c2patest.Claim{Label: "urn:c2pa:one"}, "c2pa.hash.data", binding)
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.Store(c2patest.Claim{Label: "urn:c2pa:two"}, "c2pa.hash.data", binding)
	if err != nil {
		t.Fatal(err)
	}
	// Both manifests in one store: header, description, and what follows it in each.
	head := 8 + int(binary.BigEndian.Uint32(one[8:]))
	both := append(append(bytes.Clone(one), two[head:]...), nil...)
	binary.BigEndian.PutUint32(both, uint32(len(both)))
	c, err := c2pa.ReadStore(both)
	if err != nil || c.Manifest != "urn:c2pa:two" || c.Manifests != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	active, err := c2pa.ActiveManifest(both)
	if err != nil || !bytes.Equal(active, two) {
		t.Errorf("the active manifest alone is %d bytes, want %d; %v", len(active), len(two), err)
	}
}

func TestTimeOfTheToken(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	authority, err := timestamp.OpenLocal(t.TempDir(), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	token, err := authority.Stamp(t.Context(), []byte("anything"))
	if err != nil {
		t.Fatal(err)
	}
	stamps := map[string]any{"tstTokens": []any{map[string]any{"val": token}}}
	for _, name := range []string{"sigTst", "sigTst2"} {
		signed := sign(t, plain(t)["png"], c2patest.Claim{Unprotected: map[string]any{name: stamps}})
		c, err := c2pa.Read(signed)
		if err != nil || c.Claims.Signature.Time == nil || !c.Claims.Signature.Time.Equal(at) {
			t.Errorf("%s: %+v, %v", name, c.Claims.Signature, err)
		}
	}
}

func TestDamagedStoresAreErrors(t *testing.T) {
	file := plain(t)["png"]
	store := func(change func(b []byte) []byte) []byte {
		c, err := c2pa.Read(sign(t, file, c2patest.Claim{Label: "urn:c2pa:test"}))
		if err != nil {
			t.Fatal(err)
		}
		return change(bytes.Clone(c.Store))
	}
	replace := func(from, to string) func([]byte) []byte {
		return func(b []byte) []byte {
			if !bytes.Contains(b, []byte(from)) {
				t.Fatalf("no %q in the store", from)
			}
			return bytes.ReplaceAll(b, []byte(from), []byte(to))
		}
	}
	for name, change := range map[string]func([]byte) []byte{
		"empty":                 func([]byte) []byte { return nil },
		"cut short":             func(b []byte) []byte { return b[:len(b)-10] },
		"something follows":     func(b []byte) []byte { return append(b, 0) },
		"no C2PA":               replace("c2pa\x00\x11", "c2px\x00\x11"),
		"no manifest":           replace("c2ma\x00\x11", "c2mx\x00\x11"),
		"a compressed manifest": replace("c2ma\x00\x11", "c2cm\x00\x11"),
		"no claim":              replace("c2cl\x00\x11", "c2cx\x00\x11"),
		"no assertion store":    replace("c2pa.assertions\x00", "c2pa.assertionz\x00"),
		"a label with a slash":  replace("urn:c2pa:test\x00", "urn/c2pa/test\x00"),
		"a label with a space":  replace("urn:c2pa:test\x00", "urn c2pa test\x00"),
		"a length of nothing":   func(b []byte) []byte { b[11] = 0; return b },
	} {
		if c, err := c2pa.ReadStore(store(change)); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		} else if !utf8.ValidString(err.Error()) {
			t.Errorf("%s: the error is no text: %q", name, err)
		}
	}
	deep := []byte("x")
	for range 40 {
		deep = nested(deep)
	}
	if _, err := c2pa.ReadStore(deep); err == nil {
		t.Error("boxes 40 deep are read")
	}
}

// nested puts content into one more superbox of a store.
func nested(content []byte) []byte {
	d := []byte("c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71\x03c2pa\x00")
	b := append(binary.BigEndian.AppendUint32(nil, uint32(8+8+len(d)+len(content))), "jumb"...)
	b = append(append(binary.BigEndian.AppendUint32(b, uint32(8+len(d))), "jumd"...), d...)
	return append(b, content...)
}

// TestBindingsThatAskTooMuch: what would cost more to check than it is worth, or excludes the
// same bytes twice, is not checked, and bytes left out beside the store are counted.
func TestBindingsThatAskTooMuch(t *testing.T) {
	file := plain(t)["jpeg"]
	run := func(n int, length int) (list []any) {
		for i := range n {
			list = append(list, map[string]any{"start": i, "length": length})
		}
		return list
	}
	for name, c := range map[string]struct {
		exclusions []any
		want       c2pa.Check
		note       string
	}{
		"very many":          {run(101, 1), c2pa.NotChecked, "more than is looked at"},
		"the same twice":     {run(2, 2), c2pa.NotChecked, "same bytes twice"},
		"behind the end":     {[]any{map[string]any{"start": uint64(1) << 63, "length": uint64(1) << 63}}, c2pa.Mismatch, ""},
		"more than is there": {[]any{map[string]any{"start": 5, "length": ^uint64(0)}}, c2pa.Mismatch, ""},
		"of the wrong type":  {[]any{"all"}, c2pa.NotChecked, "cannot be read"},
	} {
		store, err := signer(t).Store(c2patest.Claim{Label: "urn:c2pa:test"}, "c2pa.hash.data", map[string]any{"exclusions": c.exclusions, "alg": "sha256", "hash": make([]byte, 32)})
		if err != nil {
			t.Fatal(err)
		}
		b, err := c2patest.Embed(file, store)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c2pa.Read(b)
		if err != nil || got.Claims.Binding.Check != c.want || !strings.Contains(got.Claims.Binding.Note, c.note) || got.Claims.Signature.Check != c2pa.Valid {
			t.Errorf("%s: %+v, %v", name, got.Claims.Binding, err)
		}
	}

	// All of the picture left out: the hash is right, and the claims say how little it means.
	empty := sha256.Sum256(nil)
	one, length := signer(t), 0
	for range 4 {
		store, err := one.Store(c2patest.Claim{Label: "urn:c2pa:test"}, "c2pa.hash.data", map[string]any{
			"exclusions": []any{map[string]any{"start": 0, "length": length}}, "alg": "sha256", "hash": empty[:],
		})
		if err != nil {
			t.Fatal(err)
		}
		b, err := c2patest.Embed(file, store)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) != length {
			length = len(b)
			continue
		}
		got, err := c2pa.Read(b)
		if err != nil || got.Claims.Binding.Check != c2pa.Match || got.Claims.Binding.Uncovered != int64(len(file)) {
			t.Errorf("%+v, %v", got.Claims.Binding, err)
		}
		return
	}
	t.Error("the length of the file does not settle")
}

func TestTextsAreFitToBeShown(t *testing.T) {
	title := "a\u202eb\x00c\n" + strings.Repeat("ü", 1000)
	c, err := c2pa.Read(sign(t, plain(t)["jpeg"], c2patest.Claim{Title: title}))
	if err != nil || !strings.HasPrefix(c.Claims.Title, "ab c ü") || utf8.RuneCountInString(c.Claims.Title) != 301 {
		t.Errorf("%q, %v", c.Claims.Title, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, file := range plain(f) {
		f.Add(sign(f, file, c2patest.Claim{Title: "Leaves", Ingredient: "sketch.jpg"}))
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := c2pa.Read(file)
		if c == nil {
			if err == nil {
				t.Fatal("neither credentials nor an error")
			}
			return
		}
		if len(c.Store) > c2pa.MaxStore {
			t.Fatalf("a store of %d bytes", len(c.Store))
		}
		if err != nil {
			if !utf8.ValidString(err.Error()) {
				t.Fatalf("the error is no text: %q", err)
			}
			return
		}
		if c.Claims.Trust != c2pa.NotAssessed || c.Claims.Manifest == "" {
			t.Fatalf("%+v", c.Claims)
		}
		b, err := json.Marshal(c.Claims)
		if err != nil || !utf8.Valid(b) || len(b) > 1<<20 {
			t.Fatalf("claims of %d bytes: %v", len(b), err)
		}
		if _, err := c2pa.ActiveManifest(c.Store); err != nil {
			t.Fatalf("read, but its active manifest cannot be taken out: %v", err)
		}
	})
}
