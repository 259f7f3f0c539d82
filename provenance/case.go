package provenance

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// CaseStatement says which files make up a case: those of the registration, of the match,
// and what was written about them. It names each by an HMAC-SHA-256 under a salt of its
// own, so that a file that is withheld from somebody stays unknown to them, while what they
// are given is provably part of the one case.
type CaseStatement struct {
	Type    string `json:"type"` // CaseType
	Service string `json:"service"`
	// Time is when the case was put together, by the service's clock.
	Time string `json:"time"`
	// WorkCommitment and MatchCommitment (hex) name the registration and the match.
	WorkCommitment  string     `json:"workCommitment"`
	MatchCommitment string     `json:"matchCommitment,omitempty"`
	Files           []CaseFile `json:"files"` // by rising name
}

// CaseFile is one file of a case.
type CaseFile struct {
	Name       string `json:"name"` // in the bundle
	Commitment string `json:"commitment"`
}

// Check implements [Statement].
func (s *CaseStatement) Check() error {
	switch {
	case s.Type != CaseType:
		return fmt.Errorf("type %q: want %q", clip(s.Type), CaseType)
	case s.Service == "":
		return errors.New("service must not be empty")
	case !isDigest(s.WorkCommitment) || s.MatchCommitment != "" && !isDigest(s.MatchCommitment):
		return errors.New("workCommitment and matchCommitment: want 64 hex digits")
	case len(s.Files) == 0 || len(s.Files) > maxZipEntries:
		return fmt.Errorf("%d files: want 1 to %d", len(s.Files), maxZipEntries)
	}
	if _, err := ParseTime(s.Time); err != nil {
		return err
	}
	for i, f := range s.Files {
		if f.Name == "" || !isDigest(f.Commitment) || i > 0 && s.Files[i-1].Name >= f.Name {
			return fmt.Errorf("file %d: want a name, in rising order, and a commitment of 64 hex digits", i)
		}
	}
	return shortTexts(s.Service)
}

func (s *CaseStatement) statementType() string { return CaseType }

// Cut is a part of a case for one kind of reader. The cut of a bundle without a case is
// empty.
type Cut string

// The cuts.
const (
	// CourtCut holds the whole case.
	CourtCut Cut = "court"
	// OfficerCut leaves out who handled the case, by name.
	OfficerCut Cut = "officer"
	// PartyCut is for the other side: it leaves out the original files too, and the report
	// that shows them.
	PartyCut Cut = "party"
	// DigestsCut is the whole case but for the original files, which are named by digest.
	DigestsCut Cut = "digests"
)

// Cuts are all of them.
var Cuts = []Cut{CourtCut, OfficerCut, PartyCut, DigestsCut}

// shows reports whether a file of the case is in the cut.
func (c Cut) shows(name string) bool {
	switch c {
	case OfficerCut:
		return name != custodyName && name != graphName
	case DigestsCut:
		return !strings.HasPrefix(name, "data/work/original")
	case PartyCut:
		return name != custodyName && name != graphName && name != reportName && !strings.HasPrefix(name, "data/work/original")
	}
	return true
}

const (
	caseDir     = "data/case/"
	saltsName   = caseDir + "salts.txt"
	custodyName = "data/custody.jsonl"
	graphName   = "data/custody.jsonld"
	reportName  = "report.pdf"
	toolsDir    = "tools/"
)

// ofCase reports whether a case names the file: all but what is about the bag itself,
// about the case, and the keys, which follow from the statements.
func ofCase(name string) bool {
	return strings.HasPrefix(name, "data/") && !strings.HasPrefix(name, caseDir) || strings.HasPrefix(name, toolsDir) || name == reportName
}

// caseSalt is the salt of a file, in hex.
func caseSalt(secret [32]byte, name string) string {
	m := hmac.New(sha256.New, secret[:])
	m.Write([]byte(name))
	return hex.EncodeToString(m.Sum(nil))
}

// commit is the commitment to a file under a salt.
func (f *bagFile) commit(salt string) (string, error) {
	key, err := hex.DecodeString(salt)
	if err != nil {
		return "", err
	}
	m := hmac.New(sha256.New, key)
	if _, err := f.copy(m); err != nil {
		return "", fmt.Errorf("%s: %w", f.name, err)
	}
	return hex.EncodeToString(m.Sum(nil)), nil
}

// CaseOf is the statement of the case that a bundle is of: every file that its court cut
// would hold, under salts that follow from the secret.
func CaseOf(b Bundle, service, time string, secret [32]byte) (*CaseStatement, error) {
	files, err := b.files()
	if err != nil {
		return nil, err
	}
	c := b.Work.commitment()
	s := &CaseStatement{Type: CaseType, Service: service, Time: time, WorkCommitment: hex.EncodeToString(c[:])}
	if b.Match != nil {
		c := b.Match.Receipt.commitment()
		s.MatchCommitment = hex.EncodeToString(c[:])
	}
	for _, f := range files.sorted() {
		if !ofCase(f.name) {
			continue
		}
		commitment, err := f.commit(caseSalt(secret, f.name))
		if err != nil {
			return nil, err
		}
		s.Files = append(s.Files, CaseFile{f.name, commitment})
	}
	return s, nil
}

// addCase adds the case's own statement and takes out what the cut does not show.
func (b bag) addCase(c *CaseEvidence) error {
	if !slices.Contains(Cuts, c.Cut) {
		return fmt.Errorf("cut %q: want one of %v", c.Cut, Cuts)
	}
	st, err := verifiedStatement[*CaseStatement](c.Receipt)
	if err != nil {
		return err
	}
	var salts bytes.Buffer
	for _, f := range st.Files {
		if !c.Cut.shows(f.Name) {
			delete(b, f.Name)
			continue
		}
		fmt.Fprintf(&salts, "%s %s\n", caseSalt(c.Secret, f.Name), f.Name)
	}
	b.add(saltsName, salts.Bytes())
	b.add(caseDir+"cut.txt", []byte(c.Cut+"\n"))
	return b.addReceipt(caseDir, "case", c.Receipt)
}

// theCase proves that the files of the bundle are those of the case.
func (v *verifier) theCase(t *trust) {
	v.rep.prefix = "case: "
	f := v.prove(v.dossier(caseDir, "case"), caseDir, t)
	if f == nil {
		return
	}
	st, ok := f.statement.(*CaseStatement)
	if !ok {
		v.rep.add(Contradicted, "statement", "it is not of a case")
		return
	}
	v.kase = f
	c := v.work.commitment
	fits := st.WorkCommitment == hex.EncodeToString(c[:])
	if v.match != nil {
		c := v.match.commitment
		fits = fits && st.MatchCommitment == hex.EncodeToString(c[:])
	} else {
		fits = fits && st.MatchCommitment == ""
	}
	var err error
	if !fits {
		err = errors.New("the case is of another registration or match")
	}
	v.rep.check("work", err, "it is of this registration")
	err = v.caseFiles(st)
	v.rep.check("files", err, "%d files are those of the case, %d are withheld in the cut %q", len(st.Files)-v.withheld, v.withheld, v.cut)
	if v.bag[custodyName] != nil {
		n, err := v.custody()
		v.rep.check("custody", err, "%d line(s), each naming the digest of the one before", n)
	}
	if v.withheld > 0 {
		v.rep.note("%d file(s) of the case are not in this cut; who has them can be held to the same statement", v.withheld)
	}
}

// custody checks that each line of the custody record names the SHA-256 of the one before.
func (v *verifier) custody() (n int, err error) {
	text, err := v.read(custodyName)
	if err != nil {
		return 0, err
	}
	previous := ""
	for line := range bytes.Lines(text) {
		line, ended := bytes.CutSuffix(line, []byte("\n"))
		var e struct {
			Previous string `json:"previous"`
		}
		if err := json.Unmarshal(line, &e); err != nil || !ended {
			return n, fmt.Errorf("custody.jsonl: line %d is not a JSON object with an end of line", n+1)
		}
		if e.Previous != previous {
			return n, fmt.Errorf("custody.jsonl: line %d does not follow the one before", n+1)
		}
		previous = DigestOf(line)
		n++
	}
	if n == 0 {
		return 0, errors.New("custody.jsonl is empty")
	}
	return n, nil
}

func (v *verifier) caseFiles(st *CaseStatement) error {
	cut, err := v.read(caseDir + "cut.txt")
	if err != nil {
		return err
	}
	v.cut = strings.TrimSuffix(string(cut), "\n")
	if v.cut+"\n" != string(cut) || !slices.Contains(Cuts, Cut(v.cut)) {
		return errors.New("cut.txt names no cut")
	}
	text, err := v.read(saltsName)
	if err != nil {
		return err
	}
	salts := map[string]string{}
	for in := bufio.NewScanner(bytes.NewReader(text)); in.Scan(); {
		salt, name, ok := strings.Cut(in.Text(), " ")
		if !ok || !isDigest(salt) || salts[name] != "" {
			return errors.New("salts.txt: want lines of a salt of 64 hex digits and a name, each once")
		}
		salts[name] = salt
	}
	var again bytes.Buffer
	for _, f := range st.Files {
		if salts[f.Name] != "" {
			fmt.Fprintf(&again, "%s %s\n", salts[f.Name], f.Name)
		}
	}
	if !bytes.Equal(again.Bytes(), text) {
		return errors.New("salts.txt does not list files of the case, in its order")
	}
	named := map[string]bool{}
	for _, f := range st.Files {
		named[f.Name] = true
		have, shown := v.bag[f.Name], Cut(v.cut).shows(f.Name)
		switch {
		case shown != (have != nil) || shown != (salts[f.Name] != ""):
			return fmt.Errorf("%s: it is not in the bundle as the cut %q says", f.Name, v.cut)
		case !shown:
			v.withheld++
			continue
		}
		commitment, err := have.commit(salts[f.Name])
		if err != nil {
			return err
		}
		if commitment != f.Commitment {
			return fmt.Errorf("%s is not the file of the case", f.Name)
		}
	}
	for name := range v.bag {
		if ofCase(name) && !named[name] {
			return fmt.Errorf("%s is not of the case", name)
		}
	}
	return nil
}
