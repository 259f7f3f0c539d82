package witness

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"selvage/provenance"
)

const (
	maxPolicy = 1 << 20
	// maxNames is the most logs, witnesses and groups of a policy, each.
	maxNames = 64
)

// Log is a log that a policy names.
type Log struct {
	note.Verifier
	Key string // its verifier key
	URL string // where its tiles are; may be empty
}

// Witness is a witness that a policy names.
type Witness struct {
	Label string // the name inside the policy
	Key   *provenance.WitnessKey
	URL   string // its submission prefix; may be empty
}

// Policy says which witnesses must have cosigned a checkpoint. As a file it is a C2SP
// tlog-policy:
//
//	log example.org/selvage+1a2b3c4d+AbC... https://selvage.example.org/log
//	witness w1 witness.example/w1+5e6f7a8b+BAb... https://witness.example/w1
//	witness w2 witness.example.net+...            https://witness.example.net
//	group ours 1 w1 w2
//	quorum ours
//
// The quorum is a witness, one group of witnesses (all, any or a number of them), or none.
// A group of groups is refused: the offline verifier's policy has one group as well.
type Policy struct {
	Logs []Log
	// Witnesses are those whose cosignatures count; others in the file do not.
	Witnesses []Witness
	// Need is how many of them must have cosigned.
	Need int
}

// LoadPolicy reads a policy file.
func LoadPolicy(path string) (*Policy, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("witness policy: %w", err)
	}
	p, err := ParsePolicy(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// ParsePolicy reads the text of a policy.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("witness policy of %d bytes: the limit is %d", len(text), maxPolicy)
	}
	if i := bytes.IndexFunc(text, func(r rune) bool { return r < 0x20 && r != '\t' && r != '\n' || r == 0x7f }); i >= 0 {
		return nil, fmt.Errorf("witness policy: control character at byte %d", i)
	}
	p := policyParser{witnesses: map[string]Witness{}, groups: map[string]group{}, grouped: map[string]bool{}}
	for i, line := range strings.Split(string(text), "\n") {
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := p.line(words); err != nil {
			return nil, fmt.Errorf("witness policy, line %d: %w", i+1, err)
		}
	}
	if !p.quorum {
		return nil, errors.New("witness policy: no quorum line; \"quorum none\" asks for no cosignature")
	}
	return &p.policy, nil
}

type group struct {
	need    int
	members []string
}

type policyParser struct {
	policy    Policy
	witnesses map[string]Witness
	groups    map[string]group
	grouped   map[string]bool // names that are a member somewhere
	quorum    bool
}

func (p *policyParser) line(words []string) error {
	switch {
	case words[0] == "log" && (len(words) == 2 || len(words) == 3):
		return p.addLog(words[1:])
	case words[0] == "witness" && (len(words) == 3 || len(words) == 4):
		return p.addWitness(words[1:])
	case words[0] == "group" && len(words) >= 4:
		return p.addGroup(words[1], words[2], words[3:])
	case words[0] == "quorum" && len(words) == 2:
		return p.setQuorum(words[1])
	}
	return fmt.Errorf("%q: want log VKEY [URL], witness NAME VKEY [URL], group NAME all|any|K NAME..., or quorum NAME", clip(strings.Join(words, " ")))
}

func (p *policyParser) addLog(words []string) error {
	v, err := note.NewVerifier(words[0])
	if err != nil {
		return fmt.Errorf("log key %q: %w", clip(words[0]), err)
	}
	l := Log{Verifier: v, Key: words[0]}
	if len(words) == 2 {
		if l.URL, err = httpURL(words[1]); err != nil {
			return err
		}
	}
	for _, other := range p.policy.Logs {
		if keyPart(other.Key) == keyPart(l.Key) {
			return fmt.Errorf("log key %q: the same key is named twice", clip(l.Key))
		}
	}
	if len(p.policy.Logs) == maxNames {
		return fmt.Errorf("more than %d logs", maxNames)
	}
	p.policy.Logs = append(p.policy.Logs, l)
	return nil
}

// keyPart is a verifier key without name and hash.
func keyPart(vkey string) string {
	parts := strings.SplitN(vkey, "+", 3)               // base64 may hold a '+' of its own
	raw, _ := base64.StdEncoding.DecodeString(parts[2]) // note.NewVerifier has decoded it
	return string(raw)
}

func (p *policyParser) addWitness(words []string) error {
	if err := p.free(words[0]); err != nil {
		return err
	}
	key, err := provenance.ParseWitnessKey(words[1])
	if err != nil {
		return err
	}
	w := Witness{Label: words[0], Key: key}
	if len(words) == 3 {
		if w.URL, err = httpURL(words[2]); err != nil {
			return err
		}
	}
	for _, other := range p.witnesses {
		// One key under two names would count twice towards the quorum.
		if other.Key.Equal(key) {
			return fmt.Errorf("witness %q: %q has the same key", clip(w.Label), clip(other.Label))
		}
	}
	if len(p.witnesses) == maxNames {
		return fmt.Errorf("more than %d witnesses", maxNames)
	}
	p.witnesses[w.Label] = w
	return nil
}

func (p *policyParser) addGroup(name, need string, members []string) error {
	if err := p.free(name); err != nil {
		return err
	}
	g := group{members: members}
	switch need {
	case "all":
		g.need = len(members)
	case "any":
		g.need = 1
	default:
		n, err := strconv.ParseUint(need, 10, 16)
		if err != nil || strconv.FormatUint(n, 10) != need || n < 1 || n > uint64(len(members)) {
			return fmt.Errorf("group %q needs %q of %d members: use all, any or a number from 1 to %d", clip(name), clip(need), len(members), len(members))
		}
		g.need = int(n)
	}
	for _, m := range members {
		if _, ok := p.groups[m]; ok {
			return fmt.Errorf("group %q has the group %q as a member: name witnesses only, one group is enough", clip(name), clip(m))
		}
		if _, ok := p.witnesses[m]; !ok {
			return fmt.Errorf("group %q: no witness %q is defined above", clip(name), clip(m))
		}
		if p.grouped[m] {
			return fmt.Errorf("group %q: %q is a member of a group already", clip(name), clip(m))
		}
		p.grouped[m] = true
	}
	if len(p.groups) == maxNames {
		return fmt.Errorf("more than %d groups", maxNames)
	}
	p.groups[name] = g
	return nil
}

func (p *policyParser) setQuorum(name string) error {
	if p.quorum {
		return errors.New("a second quorum line")
	}
	p.quorum = true
	if name == "none" {
		return nil
	}
	g, ok := p.groups[name]
	if _, single := p.witnesses[name]; single {
		g, ok = group{1, []string{name}}, true
	}
	if !ok {
		return fmt.Errorf("quorum %q: no witness or group of that name is defined above", clip(name))
	}
	p.policy.Need = g.need
	for _, m := range g.members {
		p.policy.Witnesses = append(p.policy.Witnesses, p.witnesses[m])
	}
	return nil
}

func (p *policyParser) free(name string) error {
	_, witness := p.witnesses[name]
	_, group := p.groups[name]
	if witness || group || name == "none" {
		return fmt.Errorf("the name %q is taken", clip(name))
	}
	return nil
}

func httpURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not a URL: use https://HOST/PATH", clip(s))
	}
	return strings.TrimSuffix(s, "/"), nil
}

// Cosigned returns the witnesses that count and have cosigned a checkpoint, and an error
// that names those missing if they are fewer than needed. It does not look at the log's
// signature.
func (p *Policy) Cosigned(checkpoint []byte) ([]Witness, error) {
	var have []Witness
	var missing []string
	for _, w := range p.Witnesses {
		if _, err := note.Open(checkpoint, note.VerifierList(w.Key)); err == nil {
			have = append(have, w)
		} else {
			missing = append(missing, w.Label)
		}
	}
	if len(have) < p.Need {
		return have, fmt.Errorf("%d of %d witnesses have cosigned, %d are needed; missing: %s", len(have), len(p.Witnesses), p.Need, strings.Join(missing, ", "))
	}
	return have, nil
}

// Keys returns the verifier keys of the witnesses, for a [provenance.Policy].
func (p *Policy) Keys() []string {
	var keys []string
	for _, w := range p.Witnesses {
		keys = append(keys, w.Key.String())
	}
	return keys
}
