package verifiers_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/provenance"
)

// files are a bundle's files by name below bundle/.
type files map[string][]byte

func (f files) clone() files {
	c := files{}
	for name, data := range f {
		c[name] = bytes.Clone(data)
	}
	return c
}

// pack packs files the way somebody without our keys would: with fresh manifests and
// Payload-Oxum, in the canonical zip, so that only the inner checks can catch a change.
func (f files) pack() []byte {
	f.seal()
	var out, directory bytes.Buffer
	names := slices.Sorted(maps.Keys(f))
	for _, short := range names {
		data, name := f[short], "bundle/"+short
		h := []byte{10, 0, 0, 0, 0, 0, 0, 0, 33, 0}
		h = binary.LittleEndian.AppendUint32(h, crc32.ChecksumIEEE(data))
		h = binary.LittleEndian.AppendUint32(h, uint32(len(data)))
		h = binary.LittleEndian.AppendUint32(h, uint32(len(data)))
		h = binary.LittleEndian.AppendUint32(h, uint32(len(name)))
		directory.WriteString("PK\x01\x02\n\x00" + string(h) + strings.Repeat("\x00", 10))
		_ = binary.Write(&directory, binary.LittleEndian, uint32(out.Len()))
		directory.WriteString(name)
		out.WriteString("PK\x03\x04" + string(h) + name)
		out.Write(data)
	}
	end := binary.LittleEndian.AppendUint16([]byte("PK\x05\x06\x00\x00\x00\x00"), uint16(len(names)))
	end = binary.LittleEndian.AppendUint16(end, uint16(len(names)))
	end = binary.LittleEndian.AppendUint32(end, uint32(directory.Len()))
	end = binary.LittleEndian.AppendUint32(end, uint32(out.Len()))
	out.Write(directory.Bytes())
	out.Write(append(end, 0, 0))
	return out.Bytes()
}

// seal makes Payload-Oxum and the four manifests anew.
func (f files) seal() {
	octets, streams := 0, 0
	for name, data := range f {
		if strings.HasPrefix(name, "data/") {
			octets, streams = octets+len(data), streams+1
		}
		if strings.Contains(name, "manifest-") {
			delete(f, name)
		}
	}
	if head, _, ok := strings.Cut(string(f["bag-info.txt"]), "Payload-Oxum: "); ok {
		f["bag-info.txt"] = fmt.Appendf(nil, "%sPayload-Oxum: %d.%d\n", head, octets, streams)
	}
	list := func(name string, payload bool) {
		for _, algorithm := range []string{"sha256", "sha512"} {
			var b bytes.Buffer
			for _, n := range slices.Sorted(maps.Keys(f)) {
				if strings.HasPrefix(n, "data/") != payload || strings.HasPrefix(n, "tagmanifest-") {
					continue
				}
				if algorithm == "sha256" {
					fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(f[n]), n)
				} else {
					fmt.Fprintf(&b, "%x  %s\n", sha512.Sum512(f[n]), n)
				}
			}
			f[fmt.Sprintf("%smanifest-%s.txt", name, algorithm)] = b.Bytes()
		}
	}
	list("", true)
	list("tag", false)
}

// write puts the files into a new folder and returns its path.
func (f files) write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range f {
		path := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, data, 0o644))
	}
	return dir
}

// trustIn replaces the keys that the files carry.
func (f files) trustIn(t testing.TB, change func(p *provenance.Policy)) {
	t.Helper()
	p, err := provenance.ParsePolicy(f["trust/policy.json"])
	must(t, err)
	change(p)
	text, err := p.Marshal()
	must(t, err)
	f["trust/policy.json"] = text
	f["trust/log.vkey"] = []byte(strings.Join(p.Logs, "\n") + "\n")
	f["trust/service-key.pem"] = []byte(strings.Join(p.Services, ""))
	if delete(f, "trust/witnesses.vkey"); len(p.Witnesses) > 0 {
		f["trust/witnesses.vkey"] = []byte(strings.Join(p.Witnesses, "\n") + "\n")
	}
	f["trust/tsa-ca.pem"] = nil
	for _, a := range p.Authorities {
		f["trust/tsa-ca.pem"] = append(f["trust/tsa-ca.pem"], a.Roots...)
	}
}

// swap is a bundle that was put together from true parts of different things, or from
// parts an attacker can make, and must be refused.
type swap struct {
	name string
	f    files
}

// swaps puts parts of donor into f in every way that keeps each part well formed. Both
// are of the same service, of different works and checkpoints; the stranger is another
// service, whose keys can be put into trust/.
func swaps(t testing.TB, f, donor files, stranger *provenance.Policy) []swap {
	t.Helper()
	var all []swap
	edit := func(name string, change func(f files)) {
		c := f.clone()
		change(c)
		same := maps.EqualFunc(c, f, bytes.Equal)
		if same {
			t.Fatalf("swap %q changes nothing", name)
		}
		all = append(all, swap{name, c})
	}
	// The second token has swaps of its own.
	dossier := func(dir, name string) []string {
		return []string{dir + "statement.jcs", dir + "statement.dsse", dir + "opening.txt", dir + name + ".tlog-proof", dir + "checkpoint", dir + "checkpoint.tsr"}
	}
	// Every selection of the six parts of a registration from another one, but none and
	// all; all six come with the other's digests and original, under the match or name.
	graft := func(what string, into, from []string, every bool) {
		for mask := 1; mask < 1<<len(into)-1; mask++ {
			if n := bits.OnesCount(uint(mask)); !every && n > 1 && n < len(into)-1 {
				continue // of other registrations than the work, one part, or all but one
			}
			edit(fmt.Sprintf("%s, parts %06b", what, mask), func(f files) {
				for i := range into {
					if mask>>i&1 == 1 {
						f[into[i]] = donor[from[i]]
					}
				}
			})
		}
	}
	w := dossier("data/work/", "work")
	graft("another work", w, w, true)
	if m := dossier("data/match/", "match"); f[m[0]] != nil {
		if donor[m[0]] != nil {
			graft("another match", m, m, false)
			edit("the whole of another match", func(f files) {
				for _, n := range m {
					f[n] = donor[n]
				}
			})
			edit("another match's record", func(f files) { f["data/match/match.json"] = donor["data/match/match.json"] })
			edit("the whole of another match with its record", func(f files) {
				for _, n := range append(m, "data/match/match.json", "data/accused/digest.txt") {
					f[n] = donor[n]
				}
			})
		}
		edit("the work's registration as the match", func(f files) {
			for i := range m {
				f[m[i]] = f[w[i]]
			}
		})
		edit("the match as the work's registration", func(f files) {
			for i := range m {
				f[w[i]] = f[m[i]]
			}
		})
		edit("record gone", func(f files) { delete(f, "data/match/match.json") })
		edit("accused file's name gone", func(f files) { delete(f, "data/accused/digest.txt") })
		edit("no match", func(f files) { f.drop("data/match/", "data/accused/") })
		edit("match without its registration", func(f files) {
			for _, n := range m {
				delete(f, n)
			}
		})
		edit("original as the accused file", func(f files) {
			for n := range f {
				if strings.HasPrefix(n, "data/work/original") {
					f["data/accused/file.jpg"] = f[n]
				}
			}
			f["data/accused/file.png"] = []byte("x")
		})
	}
	for _, n := range w {
		edit(n+" gone", func(f files) { delete(f, n) })
		edit(n+" empty", func(f files) { f[n] = nil })
		edit(n+" twice as long", func(f files) { f[n] = append(f[n], f[n]...) })
		edit(n+" with a line more", func(f files) { f[n] = append(f[n], '\n') })
	}
	for _, n := range []string{"README.txt", "bagit.txt", "bag-info.txt", "trust/policy.json", "trust/log.vkey", "trust/service-key.pem", "trust/tsa-ca.pem", "data/work/digests.txt"} {
		edit(n+" gone", func(f files) { delete(f, n) })
	}
	for _, n := range []string{"extra.txt", "data/extra.txt", "data/work/extra.txt", "data/work/original.xyz", "trust/more.pem", "data/accused/x", "tools/verify.sh"} {
		edit(n+" added", func(f files) { f[n] = []byte("x") })
	}
	edit("BagIt 0.97", func(f files) {
		f["bagit.txt"] = []byte("BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n")
	})
	for _, v := range []string{"v1", "v9"} {
		edit("format "+v, func(f files) {
			f["bag-info.txt"] = bytes.Replace(f["bag-info.txt"], []byte("bundle.v2"), []byte("bundle."+v), 1)
		})
	}
	edit("digests of another work", func(f files) { f["data/work/digests.txt"] = donor["data/work/digests.txt"] })
	edit("original replaced", func(f files) {
		replaced := false
		for n := range f {
			if strings.HasPrefix(n, "data/work/original") {
				f[n], replaced = append([]byte("x"), f[n]...), true
			}
		}
		if !replaced {
			f["data/work/original.png"] = []byte("x")
		}
	})
	edit("a stranger's log key", func(f files) { f.trustIn(t, func(p *provenance.Policy) { p.Logs = stranger.Logs }) })
	edit("a stranger's service key", func(f files) { f.trustIn(t, func(p *provenance.Policy) { p.Services = stranger.Services }) })
	edit("a stranger's time authority", func(f files) {
		f.trustIn(t, func(p *provenance.Policy) { p.Authorities = stranger.Authorities })
	})
	edit("a stranger's log key beside the own", func(f files) {
		f.trustIn(t, func(p *provenance.Policy) { p.Logs = append(p.Logs, stranger.Logs...) })
	})
	edit("a stranger's service key beside the own", func(f files) {
		f.trustIn(t, func(p *provenance.Policy) { p.Services = append(p.Services, stranger.Services...) })
	})
	edit("a stranger's time authority beside the own", func(f files) {
		f.trustIn(t, func(p *provenance.Policy) { p.Authorities = append(p.Authorities, stranger.Authorities...) })
	})
	edit("a stranger's key in one form only", func(f files) { f["trust/log.vkey"] = []byte(stranger.Logs[0] + "\n") })
	edit("a key without its last byte", func(f files) {
		f["trust/service-key.pem"] = bytes.TrimSuffix(f["trust/service-key.pem"], []byte("\n"))
	})
	for _, d := range []string{"data/work/", "data/key/", "data/match/", "data/case/"} {
		if second := d + "checkpoint-2.tsr"; f[second] != nil {
			edit(second+": on another checkpoint", func(f files) { f[second] = donor[second] })
			edit(second+": gone, and a third there", func(f files) { f[d+"checkpoint-3.tsr"] = f[second]; delete(f, second) })
			edit(second+": empty", func(f files) { f[second] = nil })
			edit(second+": a third on another checkpoint", func(f files) { f[d+"checkpoint-3.tsr"] = donor[second] })
		}
	}
	if outside := "data/work/not-before.txt"; f[outside] != nil {
		edit("no value of outside", func(f files) { delete(f, outside) })
		edit("another value of outside", func(f files) { f[outside] = append(f[outside], '\n') })
		if strings.Contains(string(f[outside]), "outside.example") {
			edit("value of outside cosigned later", func(f files) {
				c, _ := outsideCheckpoint(time.Now())
				f[outside] = c
			})
		}
	}
	edit("values of outside vouched for by the bundle", func(f files) {
		f.trustIn(t, func(p *provenance.Policy) {
			p.Beacons = []provenance.Beacon{{Source: "x", Digest: digest(f["data/work/not-before.txt"]), Time: "2026-11-01T00:00:00.000Z"}}
		})
	})
	if k := dossier("data/key/", "key"); f[k[0]] != nil {
		graft("another key", k, k, false)
		claimSwaps(edit, donor)
	}
	if c := dossier("data/case/", "case"); f[c[0]] != nil {
		graft("another case", c, c, false)
		caseSwaps(edit, donor)
	}
	proofSwaps(edit, donor)
	envelopeSwaps(t, edit)
	return all
}

// drop takes out all files whose names begin so.
func (f files) drop(prefixes ...string) {
	maps.DeleteFunc(f, func(n string, _ []byte) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(n, p) })
	})
}

// take takes over all files of the donor whose names begin so.
func (f files) take(donor files, prefixes ...string) {
	f.drop(prefixes...)
	for n, data := range donor {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(n, p) }) {
			f[n] = data
		}
	}
}

// claimSwaps exchange the designer's claim and key. The donor's key came into the log
// after the work.
func claimSwaps(edit func(string, func(files)), donor files) {
	edit("another work's claim", func(f files) { f.take(donor, "data/work/claim.") })
	edit("another work's claim, statement only", func(f files) { f.take(donor, "data/work/claim.jcs") })
	edit("another work's claim, envelope only", func(f files) { f.take(donor, "data/work/claim.dsse") })
	edit("another key, registered later", func(f files) { f.take(donor, "data/key/") })
	edit("another key and claim", func(f files) { f.take(donor, "data/key/", "data/work/claim.") })
	edit("another key.pem", func(f files) { f.take(donor, "data/key/key.pem") })
	edit("no claim", func(f files) { f.drop("data/work/claim.") })
	edit("no claim envelope", func(f files) { f.drop("data/work/claim.dsse") })
	edit("no key", func(f files) { f.drop("data/key/") })
	edit("neither claim nor key", func(f files) { f.drop("data/key/", "data/work/claim.") })
	edit("the work as the key", func(f files) {
		for _, n := range []string{"statement.jcs", "statement.dsse", "opening.txt", "checkpoint", "checkpoint.tsr", "checkpoint-2.tsr"} {
			f["data/key/"+n] = f["data/work/"+n]
		}
		f["data/key/key.tlog-proof"] = f["data/work/work.tlog-proof"]
	})
	edit("the service's key as the designer's", func(f files) { f["data/key/key.pem"] = f["trust/service-key.pem"] })
	edit("the claim as the statement", func(f files) {
		f["data/work/statement.dsse"], f["data/work/statement.jcs"] = f["data/work/claim.dsse"], f["data/work/claim.jcs"]
	})
}

// caseSwaps exchange what a case names.
func caseSwaps(edit func(string, func(files)), donor files) {
	for _, n := range []string{"report.pdf", "data/custody.jsonl", "tools/verify.sh", "data/case/salts.txt", "data/case/cut.txt", "data/work/original.png"} {
		edit("case: another "+n, func(f files) {
			if f[n] = donor[n]; donor[n] == nil || n == "tools/verify.sh" || n == "data/case/cut.txt" {
				f[n] = []byte("x\n")
			}
		})
		edit("case: another "+n+" more or less", func(f files) {
			if f[n] == nil {
				f[n] = []byte("x")
			} else {
				delete(f, n)
			}
		})
	}
	for _, cut := range []string{"court", "officer", "party", "digests"} {
		edit("cut renamed to "+cut, func(f files) {
			if text := cut + "\n"; string(f["data/case/cut.txt"]) == text {
				f["data/case/cut.txt"] = []byte(cut) // without the end of the line
			} else {
				f["data/case/cut.txt"] = []byte(text)
			}
		})
	}
	edit("another whole case", func(f files) { f.take(donor, "data/case/") })
	edit("another whole case with its report and record", func(f files) {
		f.take(donor, "data/case/", "report.pdf", "data/custody.jsonl", "tools/")
	})
	edit("no case", func(f files) { f.drop("data/case/") })
	edit("neither case nor what it explains", func(f files) {
		f.drop("data/case/statement")
	})
	salts := func(what string, change func(l []string) []string) {
		edit("salts: "+what, func(f files) {
			f["data/case/salts.txt"] = []byte(strings.Join(change(strings.SplitAfter(string(f["data/case/salts.txt"]), "\n")), ""))
		})
	}
	salts("in another order", func(l []string) []string { l[0], l[1] = l[1], l[0]; return l })
	salts("one less", func(l []string) []string { return l[1:] })
	salts("one twice", func(l []string) []string { return append([]string{l[0]}, l...) })
	salts("one of no file", func(l []string) []string { return append(l, strings.Repeat("0", 64)+" x\n") })
	salts("two exchanged", func(l []string) []string {
		a, b := l[0][:64], l[1][:64]
		l[0], l[1] = b+l[0][64:], a+l[1][64:]
		return l
	})
	salts("a line unended", func(l []string) []string { return append(l, "x") })
}

// witnessSwaps are about the cosignatures of the one bundle that carries a quorum.
func witnessSwaps(t testing.TB, f files) (all []swap) {
	t.Helper()
	for _, dir := range []string{"data/work/work", "data/case/case"} {
		name := dir + ".tlog-proof"
		try := func(what string, change func(lines []string) []string) {
			c := f.clone()
			head, signed, _ := strings.Cut(string(c[name]), "\n\n")
			c[name] = []byte(head + "\n\n" + strings.Join(change(strings.SplitAfter(signed, "\n")), ""))
			if bytes.Equal(c[name], f[name]) {
				t.Fatalf("%s: changes nothing", what)
			}
			all = append(all, swap{name + ": " + what, c})
		}
		other := "data/case/case.tlog-proof"
		if other == name {
			other = "data/work/work.tlog-proof"
		}
		_, foreign, _ := strings.Cut(string(f[other]), "\n\n")
		lines := strings.SplitAfter(foreign, "\n")
		try("no cosignatures", func(l []string) []string { return l[:5] })
		try("one cosignature", func(l []string) []string { return l[:6] })
		try("one cosignature twice", func(l []string) []string { return append(l[:6], l[5]) })
		try("a cosignature of another checkpoint", func(l []string) []string { l[5] = lines[5]; return l })
		try("cosignatures of another checkpoint", func(l []string) []string { l[5], l[6] = lines[5], lines[6]; return l })
		try("a cosignature under another name", func(l []string) []string { l[6] = strings.Replace(l[6], "w3", "w2", 1); return l })
		try("a cosignature by nobody", func(l []string) []string { l[6] = strings.Replace(l[6], "w3", "w9", 1); return l })
		try("a cosignature of no base64", func(l []string) []string { l[6] = strings.Replace(l[6], "=\n", "\n", 1) + "\n"; return l })
	}
	trust := func(what string, change func(p *provenance.Policy)) {
		c := f.clone()
		c.trustIn(t, change)
		all = append(all, swap{"witnesses: " + what, c})
	}
	trust("another key for one", func(p *provenance.Policy) { p.Witnesses[2] = vkey("w3.example", keyOf(104)) })
	trust("one of those who signed is gone", func(p *provenance.Policy) { p.Witnesses = p.Witnesses[1:] })
	c := f.clone()
	c["trust/witnesses.vkey"] = bytes.Replace(c["trust/witnesses.vkey"], []byte("w2"), []byte("w4"), 1)
	all = append(all, swap{"witnesses: a name in one form only", c})
	c = f.clone()
	delete(c, "trust/witnesses.vkey")
	return append(all, swap{"witnesses: no keys", c})
}

// strangersPolicy trusts none of the keys of the first service.
func strangersPolicy(t testing.TB, bundles []bundle) *provenance.Policy {
	t.Helper()
	for _, x := range bundles {
		if x.name == "authority p384" {
			return x.policy
		}
	}
	t.Fatal("no bundle of another service")
	return nil
}

// allSwaps are those of the first two works of each kind, and the witnesses'.
func allSwaps(t testing.TB, bundles []bundle) (all []swap) {
	t.Helper()
	stranger := strangersPolicy(t, bundles)
	for i, x := range bundles {
		if x.name == "witnessed" {
			all = append(all, witnessSwaps(t, unpack(t, x.zip))...)
		}
		if i+len(kinds) < len(bundles) && i < len(kinds) && bundles[i+len(kinds)].name == x.name {
			for _, s := range swaps(t, unpack(t, x.zip), unpack(t, bundles[i+len(kinds)].zip), stranger) {
				all = append(all, swap{x.name + ": " + s.name, s.f})
			}
		}
	}
	return all
}

// proofSwaps change the log proof's lines.
func proofSwaps(edit func(string, func(files)), donor files) {
	const name = "data/work/work.tlog-proof"
	lines := func(what string, change func(head []string, note string) ([]string, string)) {
		edit("log proof: "+what, func(f files) {
			head, note, _ := strings.Cut(string(f[name]), "\n\n")
			h, n := change(strings.Split(head, "\n"), note)
			f[name] = []byte(strings.Join(h, "\n") + "\n\n" + n)
		})
	}
	_, donorNote, _ := strings.Cut(string(donor[name]), "\n\n")
	lines("another checkpoint", func(h []string, _ string) ([]string, string) { return h, donorNote })
	lines("another checkpoint beside the own", func(h []string, n string) ([]string, string) { return h, n + donorNote })
	lines("another header", func(h []string, n string) ([]string, string) {
		return append([]string{"c2sp.org/tlog-proof@v2"}, h[1:]...), n
	})
	lines("no salt", func(h []string, n string) ([]string, string) { return slices.Delete(h, 1, 2), n })
	lines("index + 1", func(h []string, n string) ([]string, string) { h[2] += "0"; return h, n })
	lines("index with a zero before it", func(h []string, n string) ([]string, string) {
		h[2] = strings.Replace(h[2], " ", " 0", 1)
		return h, n
	})
	lines("a path line more", func(h []string, n string) ([]string, string) {
		return append(h, strings.Repeat("A", 43)+"="), n
	})
	lines("a path of 64 lines", func(h []string, n string) ([]string, string) {
		for range 64 {
			h = append(h, strings.Repeat("A", 43)+"=")
		}
		return h, n
	})
	note := func(what string, change func(lines []string) []string) {
		lines(what, func(h []string, n string) ([]string, string) {
			return h, strings.Join(change(strings.Split(n, "\n")), "\n")
		})
	}
	donorLines := strings.Split(donorNote, "\n")
	note("another checkpoint's signature", func(l []string) []string { l[4] = donorLines[4]; return l })
	note("another checkpoint's size", func(l []string) []string { l[1] = donorLines[1]; return l })
	note("another checkpoint's root", func(l []string) []string { l[2] = donorLines[2]; return l })
	note("another origin", func(l []string) []string { l[0] += "x"; return l })
	note("signature twice", func(l []string) []string { return slices.Insert(l, 5, l[4]) })
	note("signature of a stranger alone", func(l []string) []string { l[4] = strings.Replace(l[4], "— ", "— x", 1); return l })
	note("no signature", func(l []string) []string { return slices.Delete(l, 4, 5) })
	note("an extension line", func(l []string) []string { return slices.Insert(l, 3, "x") })
}

// envelopeSwaps write the same envelope in other ways, with and without a fitting opening.
func envelopeSwaps(t testing.TB, edit func(string, func(files))) {
	const name = "data/work/statement.dsse"
	rewrite := func(what string, change func(e map[string]any)) {
		edit("envelope: "+what, func(f files) {
			var e map[string]any
			must(t, json.Unmarshal(f[name], &e))
			change(e)
			text, err := json.Marshal(e)
			must(t, err)
			f[name], err = provenance.Canonical(text, 1<<20)
			must(t, err)
			// The attacker may open any commitment to it; the log has another.
			salt := strings.TrimPrefix(strings.Split(string(f["data/work/opening.txt"]), "\n")[1], "salt ")
			raw, err := hex.DecodeString(salt)
			must(t, err)
			f["data/work/opening.txt"] = fmt.Appendf(nil, "selvage.opening.v1\nsalt %s\ncommitment %x\n", salt, provenance.Commit([32]byte(raw), f[name]))
		})
	}
	rewrite("another payload type", func(e map[string]any) { e["payloadType"] = "application/x" })
	rewrite("no signature", func(e map[string]any) { e["signatures"] = []any{} })
	rewrite("signature twice", func(e map[string]any) { s := e["signatures"].([]any); e["signatures"] = append(s, s[0]) })
	rewrite("a field more", func(e map[string]any) { e["x"] = 1 })
	rewrite("a stranger's signature more", func(e map[string]any) {
		e["signatures"] = append(e["signatures"].([]any), map[string]any{"keyid": "x", "sig": "AAAA"})
	})
	edit("envelope: a blank", func(f files) { f[name] = bytes.Replace(f[name], []byte(","), []byte(", "), 1) })
	edit("statement: a blank", func(f files) {
		f["data/work/statement.jcs"] = bytes.Replace(f["data/work/statement.jcs"], []byte(","), []byte(", "), 1)
	})
}
