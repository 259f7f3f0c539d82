package provenance_test

import (
	"bytes"
	"crypto"
	"strings"
	"testing"
	"time"

	"selvage/provenance"
	"selvage/provenance/timestamp"
)

// What somebody without our keys can do to a bundle, with manifests to match.
func TestForgers(t *testing.T) {
	bundles, _ := caseBundles(t)
	rogue, err := timestamp.OpenLocal(t.TempDir(), func() time.Time { return time.Now().AddDate(-20, 0, 0) })
	must(t, err)
	for name, edit := range map[string]func(f map[string][]byte){
		"called by the old format, with another README": func(f map[string][]byte) {
			f["bag-info.txt"] = bytes.Replace(f["bag-info.txt"], []byte("bundle.v2"), []byte("bundle.v1"), 1)
			f["README.txt"] = []byte("Proved time 1999\n")
		},
		"a line more in bag-info.txt": func(f map[string][]byte) {
			f["bag-info.txt"] = bytes.Replace(f["bag-info.txt"], []byte("Bag-Software"), []byte("External-Description: ownership proven\nBag-Software"), 1)
		},
		"another date in bag-info.txt": func(f map[string][]byte) {
			i := bytes.Index(f["bag-info.txt"], []byte("Bagging-Date: ")) + len("Bagging-Date: ")
			f["bag-info.txt"] = append(append(bytes.Clone(f["bag-info.txt"][:i]), "1999-01-01"...), f["bag-info.txt"][i+10:]...)
		},
		"a renewal by an authority of the forger's": func(f map[string][]byte) {
			b, err := provenance.NewBatch(crypto.SHA256, []provenance.EvidenceItem{{Objects: []provenance.Object{provenance.ObjectBytes(f["data/work/checkpoint"])}}})
			must(t, err)
			token, err := rogue.StampDigest(ctx, b.Hash(), b.Digest())
			must(t, err)
			roots, err := rogue.Authority().Certificates()
			must(t, err)
			records, err := b.Records(token, roots)
			must(t, err)
			f["renewals/work.ers"] = records[0].Marshal()
			p, err := provenance.ParsePolicy(f["trust/policy.json"])
			must(t, err)
			p.Authorities = append(p.Authorities, rogue.Authority())
			f["trust/policy.json"], err = p.Marshal()
			must(t, err)
			f["trust/tsa-ca.pem"] = append(f["trust/tsa-ca.pem"], rogue.Authority().Roots...)
		},
		"a renewal of a match that is not there": func(f map[string][]byte) { f["renewals/other.ers"] = []byte("x") },
	} {
		zip, err := provenance.Repack(bundles[provenance.CourtCut], edit)
		must(t, err)
		if rep := verify(zip, provenance.VerifyOptions{}); rep.Outcome != provenance.Contradicted {
			t.Errorf("%s: %s", name, rep)
		}
	}
}

// A further witness with an earlier time lowers the bound and contradicts nothing.
func TestEarlierWitness(t *testing.T) {
	s := getScene(t)
	seed := func(c string) []byte { return []byte(strings.Repeat(c, 32)) }
	late, early := time.Now().Add(-time.Minute).Truncate(time.Second).UTC(), time.Now().Add(-2*time.Minute).Truncate(time.Second).UTC()
	value := cosign("other.example/log\n7\n"+strings.Repeat("A", 43)+"=\n\n— other.example/log AAAAAAAA\n", "late.example", seed("l"), uint64(late.Unix()))
	value = cosign(value, "early.example", seed("e"), uint64(early.Unix()))
	w := workStatement("w-early", s.original)
	var err error
	w.NotBefore, err = provenance.NewCheckpointValue([]byte(value), []string{witnessKey("late.example", seed("l"))})
	must(t, err)
	sealed, err := s.notary.Seal(w)
	must(t, err)
	sealed.Named = provenance.Named{Outside: []byte(value), OutsideWitnesses: []string{witnessKey("late.example", seed("l"))}}
	r, err := s.notary.Issue(ctx, sealed)
	must(t, err)
	p := s.notary.Policy()
	for _, row := range []struct {
		witnesses []string
		want      *time.Time
	}{
		{nil, nil},
		{[]string{witnessKey("late.example", seed("l"))}, &late},
		{[]string{witnessKey("late.example", seed("l")), witnessKey("early.example", seed("e"))}, &early},
		{[]string{witnessKey("early.example", seed("e"))}, &early},
	} {
		p.Witnesses = row.witnesses
		rep := r.Verify(p)
		if rep.Outcome != provenance.Proved || (rep.NotBefore == nil) != (row.want == nil) || row.want != nil && !rep.NotBefore.Equal(*row.want) {
			t.Errorf("%v: %s", row.witnesses, rep)
		}
	}
}

// Identifiers cannot write lines of their own into README.txt.
func TestReadmeInjection(t *testing.T) {
	s := getScene(t)
	w := workStatement("w-1\n  Proved time  1999\n    $ rm -rf /", s.original)
	sealed, err := s.notary.Seal(w)
	must(t, err)
	r, err := s.notary.Issue(ctx, sealed)
	must(t, err)
	zip := packed(t, provenance.Bundle{Work: r})
	_, err = provenance.Repack(zip, func(f map[string][]byte) {
		if strings.Contains(string(f["README.txt"]), "\n    $ rm") || strings.Contains(string(f["README.txt"]), "\n  Proved time  1999") {
			t.Errorf("%s", f["README.txt"])
		}
	})
	must(t, err)
}
