package provenance_test

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selvage/provenance"
)

var (
	ctx    = context.Background()
	every  = flag.Int("every", 16, "change each so-manieth byte of what is to be changed; 1 is all, as in \"make mutate\"")
	update = flag.Bool("update", false, "write a new golden bundle if there is none")
)

func TestBundleIsProved(t *testing.T) {
	s := getScene(t)
	for name, b := range map[string][]byte{"work": s.bundle, "match": s.matched} {
		r := verify(b, provenance.VerifyOptions{Original: bytes.NewReader(s.original)})
		if r.Outcome != provenance.Proved {
			t.Fatalf("%s: %s", name, r)
		}
		want := "proved under the keys in this bundle; time authority: Selvage local time authority (not independent) (local)"
		if r.Headline != want {
			t.Errorf("%s: headline %q, want %q", name, r.Headline, want)
		}
		if r.NotAfter == nil || r.Work != "w-1" {
			t.Errorf("%s: no time bound or wrong work: %+v", name, r)
		}
		if !strings.Contains(r.String(), "not a proof of authorship") {
			t.Errorf("%s: report does not say what it is not", name)
		}
	}
}

func TestSameCaseSameBytes(t *testing.T) {
	s := getScene(t)
	if !bytes.Equal(packed(t, s.bundleOf(true)), s.matched) {
		t.Fatal("two bundles of one case differ")
	}
}

func TestStandardZipReadersAgree(t *testing.T) {
	s := getScene(t)
	zr, err := zip.NewReader(bytes.NewReader(s.matched), int64(len(s.matched)))
	must(t, err)
	for _, f := range zr.File {
		r, err := f.Open()
		must(t, err)
		data, err := io.ReadAll(r) // checks the CRC
		must(t, err)
		if f.Name == "bundle/data/work/original.png" && !bytes.Equal(data, s.original) {
			t.Error("original differs")
		}
	}
	if len(zr.File) < 25 {
		t.Errorf("only %d files", len(zr.File))
	}
}

func TestOriginalMayStayWithTheDesigner(t *testing.T) {
	s := getScene(t)
	b := packed(t, provenance.Bundle{Work: s.work})
	if r := verify(b, provenance.VerifyOptions{}); r.Outcome != provenance.Proved || !strings.Contains(r.String(), "by digest only") {
		t.Fatal(r)
	}
	if r := verify(b, provenance.VerifyOptions{Original: bytes.NewReader(s.original)}); r.Outcome != provenance.Proved {
		t.Fatal(r)
	}
	if r := verify(b, provenance.VerifyOptions{Original: strings.NewReader("other")}); r.Outcome != provenance.Contradicted {
		t.Fatal(r)
	}
}

// A work of several files, of which one stays with the designer.
func TestSeveralAssets(t *testing.T) {
	s := getScene(t)
	files := [][]byte{[]byte("front"), []byte("back"), []byte("label")}
	st := workStatement("w-set", files[0])
	for _, f := range files[1:] {
		st.Assets = append(st.Assets, provenance.Asset{Digest: digest(f), Size: int64(len(f)), MediaType: "application/x-unknown"})
	}
	sealed, err := s.notary.Seal(st)
	must(t, err)
	r, err := s.notary.Issue(ctx, sealed)
	must(t, err)
	b := packed(t, provenance.Bundle{Work: r, Originals: map[string]provenance.File{
		digest(files[0]): file(files[0]), digest(files[2]): file(files[2]),
	}})
	for _, f := range files {
		if rep := verify(b, provenance.VerifyOptions{Original: bytes.NewReader(f)}); rep.Outcome != provenance.Proved {
			t.Error(rep)
		}
	}
	_, err = provenance.Repack(b, func(f map[string][]byte) {
		if f["data/work/original-0001.png"] == nil || f["data/work/original-0002.bin"] != nil || f["data/work/original-0003.bin"] == nil {
			t.Error("originals are not where they belong")
		}
	})
	must(t, err)
	swapped, err := provenance.Repack(b, func(f map[string][]byte) { f["data/work/original-0003.bin"] = files[1] })
	must(t, err)
	if rep := verify(swapped, provenance.VerifyOptions{}); rep.Outcome != provenance.Contradicted {
		t.Error(rep)
	}
}

func TestWriteBundleRefusesWhatDoesNotFit(t *testing.T) {
	s := getScene(t)
	cases := map[string]func(*provenance.Bundle){
		"wrong original": func(b *provenance.Bundle) {
			b.Originals = map[string]provenance.File{digest(s.original): file(s.accused)}
		},
		"match of another work":   func(b *provenance.Bundle) { b.Match.Receipt = s.otherMatch },
		"record of another match": func(b *provenance.Bundle) { b.Match.Record = []byte(`{"match":"m-9"}`) },
		"work for a match":        func(b *provenance.Bundle) { b.Match.Receipt = s.work },
		"match for a work":        func(b *provenance.Bundle) { b.Work = s.match },
		"wrong accused file": func(b *provenance.Bundle) {
			f := file(s.original)
			b.Match.Accused = &f
		},
		"receipt changed": func(b *provenance.Bundle) {
			r := *s.work
			r.Salt = strings.Repeat("0", 64)
			b.Work = &r
		},
		"no receipt": func(b *provenance.Bundle) { b.Work = nil },
	}
	for name, change := range cases {
		b := s.bundleOf(true)
		change(&b)
		var buf bytes.Buffer
		if err := provenance.WriteBundle(&buf, b); err == nil || buf.Len() > 0 {
			t.Errorf("%s: err %v, %d bytes written", name, err, buf.Len())
		}
	}
}

// Every byte of the zip matters.
func TestBytesChanged(t *testing.T) {
	s := getScene(t)
	b := bytes.Clone(s.matched)
	for i := 0; i < len(b); i += *every {
		x := byte(1) << (i % 8)
		b[i] ^= x
		if r := verify(b, provenance.VerifyOptions{}); r.Outcome == provenance.Proved {
			t.Fatalf("byte %d of %d changed by %#x: proved", i, len(b), x)
		}
		b[i] ^= x
	}
	for _, n := range []int{0, 1, 4, 29, 30, len(b) / 2, len(b) - 22, len(b) - 1} {
		if r := verify(b[:n], provenance.VerifyOptions{}); r.Outcome == provenance.Proved {
			t.Fatalf("cut to %d bytes: proved", n)
		}
	}
	if r := verify(append(b, 0), provenance.VerifyOptions{}); r.Outcome == provenance.Proved {
		t.Fatal("a byte more: proved")
	}
}

// Each byte of each file that carries proof matters even to an attacker who packs the
// bundle anew with fitting manifests.
func TestBytesChangedAndRepacked(t *testing.T) {
	s := getScene(t)
	for _, name := range []string{
		"data/work/statement.jcs", "data/work/opening.txt", "data/work/work.tlog-proof", "data/work/checkpoint",
		"data/work/statement.dsse", "data/work/digests.txt", "data/work/original.png", "data/match/match.json",
		"data/match/statement.jcs", "data/accused/digest.txt", "trust/log.vkey", "trust/service-key.pem", "trust/policy.json",
	} {
		var size int
		_, err := provenance.Repack(s.matched, func(f map[string][]byte) { size = len(f[name]) })
		must(t, err)
		if size == 0 {
			t.Fatalf("%s is not in the bundle", name)
		}
		step := *every
		if step > 1 {
			step = max(1, size/10)
		}
		for i := 0; i < size; i += step {
			b, err := provenance.Repack(s.matched, func(f map[string][]byte) { f[name][i] ^= 1 })
			must(t, err)
			r := verify(b, provenance.VerifyOptions{})
			// The name in policy.json is a label that proves nothing and is never shown.
			if r.Outcome == provenance.Proved && !labelByte(t, s.matched, name, i) {
				t.Fatalf("%s: byte %d changed and repacked: proved", name, i)
			}
		}
	}
}

func labelByte(t *testing.T, bundle []byte, name string, i int) (label bool) {
	_, err := provenance.Repack(bundle, func(f map[string][]byte) {
		at := bytes.Index(f[name], []byte(`"name":"`))
		label = name == "trust/policy.json" && i >= at && i < at+len(`"name":"Selvage local time authority (not independent)"`)
	})
	must(t, err)
	return label
}

// A token's DER has bytes outside its signature; changing one must never change what the
// token proves.
func TestTokenBytesChangedAndRepacked(t *testing.T) {
	s := getScene(t)
	good := verify(s.bundle, provenance.VerifyOptions{})
	for i := 0; i < len(s.work.Token); i += *every {
		b, err := provenance.Repack(s.bundle, func(f map[string][]byte) { f["data/work/checkpoint.tsr"][i] ^= 4 })
		must(t, err)
		r := verify(b, provenance.VerifyOptions{})
		if r.Outcome == provenance.Proved && !r.NotAfter.Equal(*good.NotAfter) {
			t.Fatalf("byte %d of the token changed: proved with another time", i)
		}
	}
}

func TestSwappedFields(t *testing.T) {
	s := getScene(t)
	otherBundle := packed(t, provenance.Bundle{Work: s.other})
	other := map[string][]byte{}
	_, err := provenance.Repack(otherBundle, func(f map[string][]byte) {
		for n, d := range f {
			other[n] = bytes.Clone(d)
		}
	})
	must(t, err)
	swap := func(names ...string) func(map[string][]byte) {
		return func(f map[string][]byte) {
			for _, n := range names {
				f[n] = other[n]
			}
		}
	}
	w := "data/work/"
	cases := map[string]func(map[string][]byte){
		"another work's proof":              swap(w + "work.tlog-proof"),
		"another work's salt":               swap(w + "opening.txt"),
		"another work's proof and salt":     swap(w+"work.tlog-proof", w+"opening.txt"),
		"another work's statement":          swap(w+"statement.jcs", w+"statement.dsse"),
		"token of another checkpoint":       swap(w + "checkpoint.tsr"),
		"another checkpoint":                swap(w + "checkpoint"),
		"another checkpoint with its token": swap(w+"checkpoint", w+"checkpoint.tsr"),
		"match's files for the work's": func(f map[string][]byte) {
			for _, n := range []string{"statement.jcs", "statement.dsse", "opening.txt", "checkpoint", "checkpoint.tsr"} {
				f[w+n] = f["data/match/"+n]
			}
			f[w+"work.tlog-proof"] = f["data/match/match.tlog-proof"]
		},
		"whole work replaced under a match": swap(w+"statement.jcs", w+"statement.dsse", w+"opening.txt",
			w+"work.tlog-proof", w+"checkpoint", w+"checkpoint.tsr", w+"digests.txt"),
		"original replaced": func(f map[string][]byte) { f[w+"original.png"] = []byte("x") },
		"accused replaced":  func(f map[string][]byte) { f["data/accused/file.jpg"] = []byte("x") },
		"match record gone": func(f map[string][]byte) { delete(f, "data/match/match.json") },
		"match token gone":  func(f map[string][]byte) { delete(f, "data/match/checkpoint.tsr") },
		"proof gone":        func(f map[string][]byte) { delete(f, w+"work.tlog-proof") },
		"readme gone":       func(f map[string][]byte) { delete(f, "README.txt") },
		"a file more":       func(f map[string][]byte) { f["data/work/extra.txt"] = []byte("x") },
		"a second original": func(f map[string][]byte) { f[w+"original.jpg"] = s.original },
		"unsigned envelope": func(f map[string][]byte) {
			f[w+"statement.dsse"] = []byte(`{"payload":"","payloadType":"x","signatures":[]}`)
		},
		"not before BagIt 1":  func(f map[string][]byte) { f["bagit.txt"] = []byte("BagIt-Version: 0.97\n") },
		"newer bundle format": func(f map[string][]byte) { f["bag-info.txt"] = []byte("Bundle-Format: selvage.bundle.v9\n") },
	}
	for name, edit := range cases {
		b, err := provenance.Repack(s.matched, edit)
		must(t, err)
		r := verify(b, provenance.VerifyOptions{})
		if r.Outcome == provenance.Proved || r.NotAfter != nil {
			t.Errorf("%s: %s", name, r)
		}
		if want := name == "newer bundle format"; (r.Outcome == provenance.CannotTell) != want {
			t.Errorf("%s: outcome %q", name, r.Outcome)
		}
	}
}

func TestPolicy(t *testing.T) {
	s := getScene(t)
	stranger := newScene(t, t.TempDir())
	defer func() { must(t, stranger.notary.Close(ctx)) }()
	outcome := func(change func(p, other *provenance.Policy)) provenance.Report {
		p, o := s.notary.Policy(), stranger.notary.Policy()
		change(p, o)
		text, err := p.Marshal()
		must(t, err)
		parsed, err := provenance.ParsePolicy(text)
		must(t, err)
		return verify(s.matched, provenance.VerifyOptions{Policy: parsed})
	}
	if r := outcome(func(p, o *provenance.Policy) {}); r.Outcome != provenance.Proved ||
		r.Headline != "proved under the given policy; time authority: Selvage local time authority (not independent) (local)" {
		t.Error(r)
	}
	if r := outcome(func(p, o *provenance.Policy) {
		p.Logs, p.Services = append(p.Logs, o.Logs...), append(o.Services, p.Services...)
		p.Authorities = append(o.Authorities, p.Authorities...)
	}); r.Outcome != provenance.Proved {
		t.Error(r)
	}
	for name, change := range map[string]func(p, o *provenance.Policy){
		"other log":       func(p, o *provenance.Policy) { p.Logs = o.Logs },
		"other service":   func(p, o *provenance.Policy) { p.Services = o.Services },
		"other authority": func(p, o *provenance.Policy) { p.Authorities = o.Authorities },
		"quorum": func(p, o *provenance.Policy) {
			p.Witnesses, p.Quorum = []string{witnessKey("w.example", bytes.Repeat([]byte{7}, 32))}, 1
		},
	} {
		if r := outcome(change); r.Outcome != provenance.CannotTell || r.NotAfter != nil {
			t.Errorf("%s: %s", name, r)
		}
	}
	// Another service's bundle does not get better by a policy that trusts ours.
	b, err := provenance.Repack(s.bundle, func(f map[string][]byte) { f["data/work/work.tlog-proof"][60] ^= 1 })
	must(t, err)
	if r := verify(b, provenance.VerifyOptions{Policy: s.notary.Policy()}); r.Outcome != provenance.Contradicted {
		t.Error(r)
	}
}

func TestHostileZips(t *testing.T) {
	zipOf := func(names ...string) []byte {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		for _, n := range names {
			f, err := w.CreateHeader(&zip.FileHeader{Name: n, Method: zip.Store})
			must(t, err)
			_, err = f.Write([]byte("x"))
			must(t, err)
		}
		must(t, w.Close())
		return buf.Bytes()
	}
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprintf("bundle/%05d", i))
	}
	for name, b := range map[string][]byte{
		"empty":     nil,
		"text":      []byte("not a zip"),
		"empty zip": zipOf(),
		"other zip": zipOf("a.txt"),
		"traversal": zipOf("bundle/../../etc/passwd"),
		"many":      zipOf(many...),
	} {
		if r := verify(b, provenance.VerifyOptions{}); r.Outcome == provenance.Proved {
			t.Errorf("%s: proved", name)
		}
	}
}

// The golden bundle was written by an earlier version and must verify for ever.
func TestGoldenBundles(t *testing.T) {
	path := filepath.Join("testdata", "bundle-v1.zip")
	if _, err := os.Stat(path); os.IsNotExist(err) && *update {
		must(t, os.WriteFile(path, getScene(t).matched, 0o644))
		for name, r := range map[string]*provenance.Receipt{"receipt-v1.json": getScene(t).work, "match-receipt-v1.json": getScene(t).match} {
			text, err := r.Marshal()
			must(t, err)
			must(t, os.WriteFile(filepath.Join("testdata", name), text, 0o644))
		}
	}
	b, err := os.ReadFile(path)
	must(t, err)
	r := verify(b, provenance.VerifyOptions{Original: bytes.NewReader(bytes.Repeat([]byte("warp and weft "), 10))})
	if r.Outcome != provenance.Proved || r.Work != "w-1" {
		t.Fatal(r)
	}
	for _, name := range []string{"receipt-v1.json", "match-receipt-v1.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		must(t, err)
		if r := provenance.VerifyReceipt(text, provenance.VerifyOptions{}); r.Outcome != provenance.Proved {
			t.Fatal(r)
		}
	}
}

// The commands in README.txt are run as they stand, and their output compared.
func TestReadmeCommands(t *testing.T) {
	needOpenSSL(t)
	s := getScene(t)
	dir := t.TempDir()
	zr, err := zip.NewReader(bytes.NewReader(s.matched), int64(len(s.matched)))
	must(t, err)
	must(t, os.CopyFS(dir, zr))
	dir = filepath.Join(dir, "bundle")
	if n := runReadme(t, dir); n != 16 {
		t.Errorf("%d commands run, want 16", n)
	}
	// And they fail on changed data.
	must(t, os.WriteFile(filepath.Join(dir, "data/work/checkpoint"), []byte("other"), 0o644))
	out, ok := run(t, dir, "openssl ts -verify -in data/work/checkpoint.tsr -data data/work/checkpoint -CAfile trust/tsa-ca.pem")
	if ok || strings.Contains(out, "Verification: OK") {
		t.Errorf("openssl accepts another checkpoint: %s", out)
	}
}

// runReadme runs each command of README.txt in the bag dir, compares what it prints, and
// returns how many there are.
func runReadme(t *testing.T, dir string) (ran int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "README.txt"))
	must(t, err)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		command, ok := strings.CutPrefix(line, "    $ ")
		if !ok {
			continue
		}
		want := ""
		for _, l := range lines[i+1:] {
			out, ok := strings.CutPrefix(l, "    ")
			if !ok || strings.HasPrefix(out, "$ ") || strings.HasPrefix(out, " ") {
				break
			}
			want += out + "\n"
		}
		got, ok := run(t, dir, command)
		if !ok || got != want || want == "" {
			t.Errorf("%s\nprinted %q, README says %q", command, got, want)
		}
		ran++
	}
	for _, line := range lines {
		if len(line) > 78 && !strings.HasPrefix(line, "    ") {
			t.Errorf("README line is too wide: %q", line)
		}
	}
	return ran
}
