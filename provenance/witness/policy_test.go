package witness_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"selvage/provenance"
	"selvage/provenance/witness"
)

// vkey is a witness key made from a seed of that byte.
func vkey(t testing.TB, name string, seed byte) string {
	t.Helper()
	pub := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), 32))).Public().(ed25519.PublicKey)
	k, err := provenance.NewWitnessKey(name, pub)
	must(t, err)
	return k.String()
}

func TestParsePolicy(t *testing.T) {
	log, again := newHistory(t, "log.example/a"), newHistory(t, "log.example/a")
	w := func(i int) string {
		return fmt.Sprintf("witness w%d %s https://w%d.example/\n", i, vkey(t, fmt.Sprintf("w%d.example", i), byte('a'+i)), i)
	}
	three := w(1) + w(2) + w(3)
	for _, row := range []struct {
		name, text string
		need, of   int
	}{
		{"none", "quorum none\n", 0, 0},
		{"none, witnesses all the same", three + "quorum none\n", 0, 0},
		{"a witness", three + "quorum w2\n", 1, 1},
		{"any", three + "group g any w1 w2\nquorum g\n", 1, 2},
		{"all", three + "group g all w1 w2 w3\nquorum g\n", 3, 3},
		{"two", three + "group g 2 w1 w2 w3\nquorum g\n", 2, 3},
		{"white space and comments", "\t# c\n\n  " + strings.ReplaceAll(three, " ", " \t ") + "group  g\t2 w1 w2 w3  \n#\nquorum g", 2, 3},
		{"logs, old and new key", "log " + log.vkey + "\nlog " + again.vkey + " https://log.example/log\nquorum none\n", 0, 0},
		{"octets that are not UTF-8", "# \xff\xfe\nquorum none\n", 0, 0},
		{"keywords as names", strings.Replace(w(1), " w1 ", " any ", 1) + "group log any any\nquorum log\n", 1, 1},
	} {
		p, err := witness.ParsePolicy([]byte(row.text))
		if err != nil || p.Need != row.need || len(p.Witnesses) != row.of {
			t.Errorf("%s: %+v, %v", row.name, p, err)
		}
	}
	for name, text := range map[string]string{
		"no quorum":                   three,
		"two quorums":                 three + "quorum w1\nquorum w2\n",
		"unknown quorum":              three + "quorum w4\n",
		"quorum before its name":      "quorum w1\n" + three,
		"unknown keyword":             "vkey x\nquorum none\n",
		"witness without key":         "witness w1\nquorum none\n",
		"log key as a witness":        "witness w1 " + log.vkey + "\nquorum none\n",
		"witness key as a log":        "log " + vkey(t, "w", 'a') + "\nquorum none\n",
		"key whose hash is wrong":     strings.Replace(w(1), "w1.example+", "w2.example+", 1) + "quorum w1\n",
		"no URL":                      strings.Replace(w(1), "https://", "", 1) + "quorum w1\n",
		"a file as a URL":             strings.Replace(w(1), "https://", "file://", 1) + "quorum w1\n",
		"name twice":                  w(1) + strings.Replace(w(2), "w2", "w1", 1) + "quorum w1\n",
		"key twice under two names":   w(1) + "witness alias " + vkey(t, "alias.example", 'b') + "\nquorum none\n",
		"log twice":                   "log " + log.vkey + "\nlog " + log.vkey + "\nquorum none\n",
		"none as a name":              strings.Replace(w(1), " w1 ", " none ", 1) + "quorum none\n",
		"none as a member":            three + "group g any none\nquorum g\n",
		"member twice":                three + "group g 2 w1 w1\nquorum g\n",
		"member of two groups":        three + "group g any w1\ngroup h any w1\nquorum g\n",
		"group of groups":             three + "group g any w1\ngroup h any g w2\nquorum h\n",
		"group of nobody":             three + "group g any\nquorum g\n",
		"zero needed":                 three + "group g 0 w1\nquorum g\n",
		"more needed than there are":  three + "group g 3 w1 w2\nquorum g\n",
		"loose number":                three + "group g 01 w1\nquorum g\n",
		"control character":           three + "quorum w1\r\n",
		"other white space in a line": three + "quorum\u00a0w1\n",
	} {
		if p, err := witness.ParsePolicy([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "witness policy") {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}
