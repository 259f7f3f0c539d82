package registry

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"reflect"
	"testing"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
	"selvage/fixtures"
	"selvage/store"
	"selvage/store/mem"
)

// sampleRecord is an assetRecord with something in every field that is stored.
func sampleRecord() assetRecord {
	return assetRecord{Owner: "ann", Work: "w_x", Digest: fingerprint.DigestOf([]byte("x")), Result: &fingerprint.Result{
		Work: fingerprint.Photo, Format: "png", Width: 30, Height: 20, Box: fingerprint.Rect{X0: 1, Y0: 2, X1: 3, Y1: 4}, Duration: 12.5, Pages: 3,
		Prints: []fingerprint.Fingerprint{
			{Kind: fingerprint.PDQ256, View: fingerprint.Full, Payload: bytes.Repeat([]byte{7}, 32), Quality: 99},
			{Kind: fingerprint.Local, View: fingerprint.Box, Payload: []byte{0}, Quality: 1},
		},
		Insufficient: "flat", Notes: []string{"a", "b"},
	}}
}

func seal(b []byte) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(b), crc32.Checksum(b, castagnoli))
}

func TestPrintedRow(t *testing.T) {
	rec := sampleRecord()
	// What Result stores is in the sample, so that a field to come is not forgotten here.
	for v, i := reflect.ValueOf(*rec.Result), 0; i < v.NumField(); i++ {
		if f := v.Type().Field(i); v.Field(i).IsZero() != (f.Tag.Get("json") == "-") {
			t.Errorf("the sample does not cover Result.%s", f.Name)
		}
	}
	b, err := encodePrinted(rec)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rec, sampleRecord()) {
		t.Error("writing a record has changed it")
	}
	got, err := decodePrinted[assetRecord](b)
	if err != nil || !reflect.DeepEqual(*got, rec) {
		t.Errorf("comes back as %+v, %v", got, err)
	}
	none, err := encodePrinted(ignoredRecord{Ignored: Ignored{Label: "x"}, Result: &fingerprint.Result{}})
	if err != nil {
		t.Fatal(err)
	}
	if rec, err := decodePrinted[ignoredRecord](none); err != nil || rec.Label != "x" || len(rec.Result.Prints) != 0 {
		t.Errorf("a record without prints: %+v, %v", rec, err)
	}
	if _, err := encodePrinted(assetRecord{}); err == nil {
		t.Error("a record without fingerprints was written")
	}
}

func TestPrintedRowDamaged(t *testing.T) {
	b, err := encodePrinted(sampleRecord())
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for _, bad := range [][]byte{b[:i], append(append(bytes.Clone(b[:i]), b[i]^0x10), b[i+1:]...)} {
			if _, err := decodePrinted[assetRecord](bad); err == nil {
				t.Fatalf("damage at byte %d goes unseen", i)
			}
		}
	}
	asJSON, err := json.Marshal(sampleRecord())
	if err != nil {
		t.Fatal(err)
	}
	head := func(s string) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) }
	print := `{"kind":"a","view":"full","payload":null,"quality":0}`
	for name, bad := range map[string][]byte{
		"nothing":          nil,
		"JSON":             asJSON,
		"no head":          {0, 0},
		"long head":        {255, 255, 255, 255, '{', '}'},
		"no JSON":          head("{"),
		"no result":        head(`{"owner":"ann"}`),
		"payload in head":  append(head(`{"result":{"prints":[{"payload":"AAAA"}]}}`), 0, 0, 0, 0),
		"missing payload":  head(`{"result":{"prints":[` + print + `]}}`),
		"short payload":    append(head(`{"result":{"prints":[`+print+`]}}`), 0, 0, 0, 2, 1),
		"too much":         append(head(`{"result":{"prints":[`+print+`]}}`), 0, 0, 0, 1, 1, 1),
		"payload too many": append(head(`{"result":{"prints":[]}}`), 0, 0, 0, 0),
	} {
		if rec, err := decodePrinted[assetRecord](seal(bad)); err == nil {
			t.Errorf("%s: read as %+v", name, rec)
		}
	}
	kv := mem.NewKV()
	key := assetKey(assetRef{1, 2})
	err = kv.Update(context.Background(), func(tx store.Txn) error { return tx.Set(key, b[:len(b)-1]) })
	if err != nil {
		t.Fatal(err)
	}
	err = kv.View(context.Background(), func(tx store.Txn) error {
		_, err := loadPrinted[assetRecord](tx, key)
		return err
	})
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a damaged row: %v, want ErrCorrupt", err)
	}
}

// FuzzPrintedRow reads rows whose checksum is right; what is accepted is the same
// when it is written, read and written again.
func FuzzPrintedRow(f *testing.F) {
	b, err := encodePrinted(sampleRecord())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:len(b)-4])
	f.Add([]byte{})
	f.Add([]byte("\x00\x00\x00\x0d{\"result\":{}}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := decodePrinted[assetRecord](seal(b))
		if err != nil {
			return
		}
		again, err := encodePrinted(*rec)
		if err != nil {
			t.Fatal(err)
		}
		same, err := decodePrinted[assetRecord](again)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := encodePrinted(*same); err != nil || !bytes.Equal(twice, again) {
			t.Fatalf("%q comes back as %q, %v", again, twice, err)
		}
	})
}

// BenchmarkReadRow reads the row of one candidate, and as JSON for comparison.
func BenchmarkReadRow(b *testing.B) {
	img := fixtures.Original(fixtures.Families()[0].Name, 1, 640, 480)
	rec := sampleRecord()
	rec.Result = hashPicture(b, img)
	asJSON, err := json.Marshal(rec)
	if err != nil {
		b.Fatal(err)
	}
	row, err := encodePrinted(rec)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("row", func(b *testing.B) {
		b.SetBytes(int64(len(row)))
		for b.Loop() {
			if _, err := decodePrinted[assetRecord](row); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.SetBytes(int64(len(asJSON)))
		for b.Loop() {
			if err := json.Unmarshal(asJSON, new(assetRecord)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func hashPicture(t testing.TB, img image.Image) *fingerprint.Result {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	r, err := photo.New(photo.Options{}).Hash(context.Background(), b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return r
}
