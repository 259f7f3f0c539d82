package provenance_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selvage/provenance"
)

// caseBundles are the three cuts of one case, and what it was made of.
func caseBundles(t testing.TB) (map[provenance.Cut][]byte, provenance.Bundle) {
	t.Helper()
	s, c := getScene(t), getClaimed(t)
	b := provenance.Bundle{
		Work: c.work, Originals: map[string]provenance.File{digest(s.original): file(s.original)},
		Report: []byte("%PDF-1.7 ..."), Custody: []byte(`{"what":"registered"}` + "\n"), Tools: map[string][]byte{"verify.sh": []byte("#!/bin/sh\n")},
	}
	match := matchStatement(t, c.work, "m-case", s.original, s.accused, s.record)
	match.Work = "w-claimed"
	sealed, err := s.notary.Seal(match)
	must(t, err)
	receipt, err := s.notary.Issue(ctx, sealed)
	must(t, err)
	accused := file(s.accused)
	b.Match = &provenance.MatchEvidence{Receipt: receipt, Record: s.record, Accused: &accused}
	secret := [32]byte{1, 2, 3}
	st, err := provenance.CaseOf(b, "selvage.example", provenance.FormatTime(time.Now()), secret)
	must(t, err)
	sealed, err = s.notary.Seal(st)
	must(t, err)
	receipt, err = s.notary.Issue(ctx, sealed)
	must(t, err)
	out := map[provenance.Cut][]byte{}
	for _, cut := range provenance.Cuts {
		b.Case = &provenance.CaseEvidence{Receipt: receipt, Secret: secret, Cut: cut}
		out[cut] = packed(t, b)
		if !bytes.Equal(out[cut], packed(t, b)) {
			t.Errorf("%s: the same case gives other bytes", cut)
		}
	}
	return out, b
}

func TestCuts(t *testing.T) {
	s := getScene(t)
	bundles, _ := caseBundles(t)
	files := map[provenance.Cut]map[string][]byte{}
	for cut, b := range bundles {
		rep := verify(b, provenance.VerifyOptions{Policy: func() *provenance.Policy {
			p := s.notary.Policy()
			p.Authorities = append(p.Authorities, getClaimed(t).work.Tokens[1].Authority)
			return p
		}()})
		if rep.Outcome != provenance.Proved {
			t.Fatalf("%s: %s", cut, rep)
		}
		_, err := provenance.Repack(b, func(f map[string][]byte) { files[cut] = f })
		must(t, err)
	}
	for name, want := range map[string]map[provenance.Cut]bool{
		"data/custody.jsonl":     {provenance.CourtCut: true, provenance.DigestsCut: true},
		"report.pdf":             {provenance.CourtCut: true, provenance.OfficerCut: true, provenance.DigestsCut: true},
		"data/work/original.png": {provenance.CourtCut: true, provenance.OfficerCut: true},
		"data/match/match.json":  {provenance.CourtCut: true, provenance.OfficerCut: true, provenance.PartyCut: true, provenance.DigestsCut: true},
	} {
		for _, cut := range provenance.Cuts {
			if (files[cut][name] != nil) != want[cut] {
				t.Errorf("%s in the cut for the %s: %v", name, cut, files[cut][name] != nil)
			}
		}
	}
	// Each cut holds the very statement of the case that the others hold.
	for _, cut := range provenance.Cuts {
		if !bytes.Equal(files[cut]["data/case/statement.dsse"], files[provenance.CourtCut]["data/case/statement.dsse"]) {
			t.Errorf("%s: another case", cut)
		}
		// What is withheld cannot be found by trying: its salt is not given.
		if cut == provenance.PartyCut && bytes.Contains(files[cut]["data/case/salts.txt"], []byte("original")) {
			t.Error("the salt of a withheld file is given away")
		}
	}
}

// Whoever repacks a cut, with manifests to match, is found out.
func TestCaseSwaps(t *testing.T) {
	bundles, _ := caseBundles(t)
	court := map[string][]byte{}
	_, err := provenance.Repack(bundles[provenance.CourtCut], func(f map[string][]byte) {
		for n, b := range f {
			court[n] = bytes.Clone(b)
		}
	})
	must(t, err)
	for name, edit := range map[string]func(f map[string][]byte){
		"another report":     func(f map[string][]byte) { f["report.pdf"] = []byte("%PDF-1.7 guilty") },
		"no report":          func(f map[string][]byte) { delete(f, "report.pdf") },
		"another tool":       func(f map[string][]byte) { f["tools/verify.sh"] = []byte("#!/bin/sh\necho proved\n") },
		"one more tool":      func(f map[string][]byte) { f["tools/more.sh"] = []byte("x") },
		"another custody":    func(f map[string][]byte) { f["data/custody.jsonl"] = []byte("{}\n") },
		"another README":     func(f map[string][]byte) { f["README.txt"] = append(f["README.txt"], "He did it.\n"...) },
		"called another cut": func(f map[string][]byte) { f["data/case/cut.txt"] = []byte("party\n") },
		"no cut":             func(f map[string][]byte) { delete(f, "data/case/cut.txt") },
		"salts in another order": func(f map[string][]byte) {
			l := strings.SplitAfter(string(f["data/case/salts.txt"]), "\n")
			f["data/case/salts.txt"] = []byte(l[1] + l[0] + strings.Join(l[2:], ""))
		},
		"a salt changed": func(f map[string][]byte) {
			f["data/case/salts.txt"] = bytes.Replace(f["data/case/salts.txt"], []byte("a"), []byte("b"), 1)
		},
		"no case": func(f map[string][]byte) {
			for n := range f {
				if strings.HasPrefix(n, "data/case/") {
					delete(f, n)
				}
			}
		},
		"no match": func(f map[string][]byte) {
			for n := range f {
				if strings.HasPrefix(n, "data/match/") || strings.HasPrefix(n, "data/accused/") {
					delete(f, n)
				}
			}
		},
		"another accused file": func(f map[string][]byte) { f["data/accused/file.png"] = []byte("x") },
	} {
		changed := false
		zip, err := provenance.Repack(bundles[provenance.CourtCut], func(f map[string][]byte) {
			edit(f)
			for n, b := range f {
				changed = changed || !bytes.Equal(court[n], b)
			}
			changed = changed || len(f) != len(court)
		})
		must(t, err)
		if !changed {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if rep := verify(zip, provenance.VerifyOptions{}); rep.Outcome != provenance.Contradicted {
			t.Errorf("%s: %s", name, rep)
		}
	}
	// A withheld file that is put back is of the case, but then it is no cut for the party.
	zip, err := provenance.Repack(bundles[provenance.PartyCut], func(f map[string][]byte) { f["report.pdf"] = court["report.pdf"] })
	must(t, err)
	if rep := verify(zip, provenance.VerifyOptions{}); rep.Outcome != provenance.Contradicted {
		t.Error("put back:", rep)
	}
}

func TestCaseReadme(t *testing.T) {
	needOpenSSL(t)
	bundles, _ := caseBundles(t)
	for _, cut := range []provenance.Cut{provenance.CourtCut, provenance.PartyCut} { // the most and the least
		dir := t.TempDir()
		zr, err := zip.NewReader(bytes.NewReader(bundles[cut]), int64(len(bundles[cut])))
		must(t, err)
		must(t, os.CopyFS(dir, zr))
		dir = filepath.Join(dir, "bundle")
		if n := runReadme(t, dir); n < 30 {
			t.Errorf("%s: %d commands", cut, n)
		}
		must(t, os.WriteFile(filepath.Join(dir, "data/match/match.json"), []byte("{}"), 0o644))
		text, err := os.ReadFile(filepath.Join(dir, "README.txt"))
		must(t, err)
		for _, l := range strings.Split(string(text), "\n") {
			if command, ok := strings.CutPrefix(l, "    $ while read salt"); ok {
				if out, _ := run(t, dir, "while read salt"+command); !strings.Contains(out, "not of the case: data/match/match.json") {
					t.Errorf("%s: a changed file is not found: %s", cut, out)
				}
			}
		}
	}
}
