package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"selvage/provenance"
	"selvage/registry"
)

type registerCmd struct {
	place
	Title      string   `placeholder:"TEXT" help:"Title of the work; default: the file's name. With several files it goes before each name."`
	Kind       string   `placeholder:"KIND" help:"photo, video or manuscript; default: told from the bytes."`
	Visibility string   `placeholder:"WORD" help:"Who may learn of the work: private (nobody), matchable (found by everybody's queries), public (title too); default: matchable in a data directory, private on a server."`
	Fixed      string   `placeholder:"DATE" help:"When the work was made, as you claim it: 2026-11-22; signed, also 2026-11 or 2026."`
	Disclosed  string   `placeholder:"DATE" help:"When it was first shown to the public, as you claim it."`
	Place      string   `placeholder:"TEXT" help:"Where it was first shown."`
	Channel    string   `placeholder:"TEXT" help:"By which channel, like web shop or trade fair."`
	Reach      string   `placeholder:"TEXT" help:"Who could know of it, like buyers of the trade."`
	Author     []string `sep:"none" placeholder:"NAME[: ROLE]" help:"Who made the work; may be repeated."`
	Right      []string `placeholder:"KIND,..." help:"What is claimed in it: copyright, unregistered-design, registered-design, trade-mark, patent, geographical-indication."`
	VersionOf  string   `placeholder:"WORK" help:"The own work that this file is the next version of."`
	Sign       string   `placeholder:"FILE" help:"Sign all this with your own key; see selvage designer-key."`
	Files      []string `arg:"" name:"file" help:"Files to register, one work each."`
}

// registerArgs is what one registration says beside the file.
type registerArgs struct {
	title, kind, visibility string
	fixed, disclosed        *provenance.ClaimedDate
	authors                 []provenance.Author
	rights                  []string
	versionOf               string
	key                     ed25519.PrivateKey // nil: nothing is signed
}

// registered is the outcome of one registration, near or far.
type registered struct {
	Work      string `json:"work"`
	File      string `json:"file"`
	Title     string `json:"title"`
	Digest    string `json:"digest"`
	Duplicate bool   `json:"duplicate"`
	// Proven is the token's time; null while the receipt is pending.
	Proven       *time.Time       `json:"proven"`
	Insufficient string           `json:"insufficient,omitempty"`
	Related      []registry.Match `json:"related,omitempty"`
}

func (c *registerCmd) Run(e *env) error {
	if err := oneOf("--kind", c.Kind, "photo", "video", "manuscript"); err != nil {
		return err
	}
	if err := oneOf("--visibility", c.Visibility, "private", "matchable", "public"); err != nil {
		return err
	}
	args, err := c.args()
	if err != nil {
		return err
	}
	b, err := c.reach(e, true)
	if err != nil {
		return err
	}
	return e.eachFile("register", c.Files, c.JSON, b, func(in input) error {
		args.title = c.Title
		if c.Title != "" && len(c.Files) > 1 {
			args.title = c.Title + ": " + in.title()
		}
		r, err := b.register(args, in)
		if err == nil {
			e.clearProgress()
			c.print(e, in.path, r)
		}
		return err
	})
}

// args reads what the flags say of the work.
func (c *registerCmd) args() (registerArgs, error) {
	args := registerArgs{kind: c.Kind, visibility: c.Visibility, rights: c.Right, versionOf: c.VersionOf}
	var err error
	if args.fixed, err = claimedDate("--fixed", c.Fixed, c.Sign != ""); err != nil {
		return args, err
	}
	if args.disclosed, err = claimedDate("--disclosed", c.Disclosed, c.Sign != ""); err != nil {
		return args, err
	}
	if d := args.disclosed; d != nil {
		d.Place, d.Channel, d.Reach = c.Place, c.Channel, c.Reach
	} else if c.Place+c.Channel+c.Reach != "" {
		return args, &exit{2, "--place, --channel and --reach are of the first disclosure: give --disclosed too"}
	}
	for _, a := range c.Author {
		name, role, _ := strings.Cut(a, ":")
		args.authors = append(args.authors, provenance.Author{Name: strings.TrimSpace(name), Role: strings.TrimSpace(role)})
	}
	for _, r := range c.Right {
		if err := oneOf("--right", r, provenance.Rights...); err != nil {
			return args, err
		}
	}
	if c.VersionOf != "" && len(c.Files) > 1 {
		return args, &exit{2, "--version-of: give one file, since a work has one next version"}
	}
	if c.Sign != "" {
		args.key, err = readDesignerKey(c.Sign)
	}
	return args, err
}

// claimedDate reads a date as the owner claims it. Only a signed claim can be coarse.
func claimedDate(flag, s string, coarse bool) (*provenance.ClaimedDate, error) {
	if s == "" {
		return nil, nil
	}
	layouts := []string{time.DateOnly}
	if coarse {
		layouts = append(layouts, "2006-01", "2006")
	}
	for _, l := range layouts {
		if _, err := time.Parse(l, s); err == nil {
			return &provenance.ClaimedDate{Date: s}, nil
		}
	}
	return nil, &exit{2, fmt.Sprintf("%s %q: write the date as 2026-11-22", flag, s)}
}

// claim makes the designer's own claim of one file and signs it. Previous is the
// commitment of the version before, if there is one.
func (a registerArgs) claim(owner, previous string, in input) ([]byte, error) {
	title := a.title
	if title == "" {
		title = in.title()
	}
	return provenance.SignClaim(&provenance.ClaimStatement{
		Type: provenance.ClaimType, Made: provenance.FormatTime(time.Now()), Owner: owner, Title: title, Previous: previous,
		Fixed: a.fixed, FirstDisclosed: a.disclosed, Authors: a.authors, Rights: a.rights,
		Files: []provenance.ClaimedFile{{Digest: provenance.DigestOf(in.data), Size: int64(len(in.data))}},
	}, a.key)
}

// commitmentOf is the commitment of the statement in a receipt, in hex.
func commitmentOf(receipt []byte) (string, error) {
	r, err := provenance.ParseReceipt(receipt)
	if err != nil {
		return "", err
	}
	s, err := r.Sealed()
	c := s.Commitment()
	return hex.EncodeToString(c[:]), err
}

func (c *registerCmd) print(e *env, path string, r registered) {
	r.File = path
	if c.JSON {
		line, _ := json.Marshal(r) // plain data, cannot fail
		fmt.Fprintf(e.stdout, "%s\n", line)
		return
	}
	state := "registered"
	if r.Duplicate {
		state = "already registered"
	}
	proof := "proof pending"
	if r.Proven != nil {
		proof = "proved not later than " + r.Proven.Local().Format("2006-01-02 15:04:05 MST")
	}
	fmt.Fprintf(e.stdout, "%s  %s\n    %s, %s\n", r.Work, path, state, proof)
	if r.Insufficient != "" {
		fmt.Fprintf(e.stdout, "    only exact copies will be found: %s\n", r.Insufficient)
	}
	for _, m := range r.Related {
		fmt.Fprintf(e.stdout, "    resembles the earlier work %s of %s\n        registered %s, probability %s: %s\n",
			m.Work, m.Owner, m.Received.Local().Format(time.DateOnly), sure(m.Probability), m.Reason)
	}
}
