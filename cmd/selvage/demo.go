package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"selvage/fingerprint"
	"selvage/fixtures"
	"selvage/provenance"
	"selvage/registry"
)

type demoCmd struct{}

// Run does the main job on generated designs in a temporary directory: register, match
// copies and strangers, write evidence, verify it. Only the evidence is left behind.
func (*demoCmd) Run(e *env) error {
	dir, err := os.MkdirTemp("", "selvage-demo-")
	if err != nil {
		return err
	}
	s := defaults()
	s.Data = filepath.Join(dir, "data")
	defer func() {
		_ = os.RemoveAll(s.Data)
		_ = os.Remove(dir) // fails, as it should, where the evidence lies in it
	}()

	fmt.Fprintln(e.stdout, "Drawing designs …")
	set, err := fixtures.Demo()
	if err != nil {
		return err
	}
	y, err := e.open(s, nil)
	if err != nil {
		return err
	}
	defer y.quit(e.ctx)

	works, err := demoRegister(e, y, set.Originals)
	if err != nil {
		return err
	}
	best, err := demoMatch(e, y, works, set)
	if err != nil {
		return err
	}
	if best == nil {
		return errors.New("the demo found no copy at all, so there is nothing to prove")
	}
	if err := demoKinds(e, y); err != nil {
		return err
	}
	bundle := filepath.Join(dir, "evidence.zip")
	if err := demoEvidence(e, y, best, bundle); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, `
Try next:
  selvage verify %s
  unzip -p %s bundle/README.txt
                          how to check it without this program
  selvage register MY.jpg && selvage match SUSPECT.jpg
  selvage serve           the same over HTTP
`, bundle, bundle)
	return y.close(e.ctx)
}

// demoRegister registers the originals and returns their paths by work.
func demoRegister(e *env, y *system, items []fixtures.Item) (map[registry.WorkID]string, error) {
	works := map[registry.WorkID]string{}
	start := time.Now()
	for _, it := range items {
		r, err := y.registry.Register(e.ctx, registry.RegisterRequest{
			Owner: "ann-the-designer", Visibility: registry.Matchable, Files: []registry.File{{Name: filepath.Base(it.Path), Data: it.Data}},
		})
		if err != nil {
			return nil, err
		}
		if r.Receipt == nil {
			return nil, fmt.Errorf("the log did not take %s in time", it.Path)
		}
		works[r.Work.ID] = it.Path
	}
	fmt.Fprintf(e.stdout, "Registered %d designs, each with a receipt that verifies, in %d ms.\n\n", len(items), time.Since(start).Milliseconds())
	return works, nil
}

// demoFind is a copy that was found.
type demoFind struct {
	report *registry.MatchReport
	item   fixtures.Item
}

func demoMatch(e *env, y *system, works map[registry.WorkID]string, set fixtures.Set) (*demoFind, error) {
	var best *demoFind
	found, wrong := 0, 0
	table := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "FILE\tANSWER\tSURE\tMS\tWHY")
	begin := time.Now()
	items := append(append([]fixtures.Item{}, set.Edits...), set.Strangers...)
	for _, it := range items {
		asked := time.Now()
		rep, err := y.registry.Match(e.ctx, registry.MatchRequest{Asker: "marketplace", File: registry.File{Name: filepath.Base(it.Path), Data: it.Data}})
		if err != nil {
			return nil, err
		}
		ms := time.Since(asked).Milliseconds()
		p, why := "", demoWhy(rep)
		if len(rep.Matches) > 0 {
			m := rep.Matches[0]
			p = sure(m.Probability)
			switch {
			case it.Role == fixtures.RoleEdit && works[m.Work] == it.Of:
				found++
				if best == nil || it.Edit == "hflip" {
					best = &demoFind{rep, it}
				}
			default:
				wrong++
				why = "WRONG: " + why
			}
		} else if it.Role == fixtures.RoleEdit {
			why = "MISSED"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", demoName(it), rep.Verdict, p, ms, why)
	}
	if err := table.Flush(); err != nil {
		return nil, err
	}
	fmt.Fprintf(e.stdout, "\nFound %d of %d copies; accused %d of %d strangers wrongly; %d ms a file.\n",
		found, len(set.Edits), wrong, len(set.Strangers), time.Since(begin).Milliseconds()/int64(len(items)))
	if found < len(set.Edits) {
		fmt.Fprint(e.stdout, "MISSED: too little of the design was left to act upon.\n")
	}
	return best, nil
}

// demoWhy is the reason in few words, for a table of 80 columns: the first match's
// strongest signals.
func demoWhy(rep *registry.MatchReport) string {
	if rep.Query.Insufficient != "" {
		return rep.Query.Insufficient
	}
	if len(rep.Matches) == 0 {
		return rep.Reason
	}
	var words []string
	for _, s := range rep.Matches[0].Signals {
		switch s.Name {
		case "bytes":
			return "every byte the same"
		case string(fingerprint.Pixels256):
			return "every pixel the same"
		case string(fingerprint.Local):
			words = append(words, fmt.Sprintf("%.0f features", s.Value))
		case "agreement":
			words = append(words, fmt.Sprintf("%.0f %% agrees", 100*s.Value))
		}
	}
	return strings.Join(words, ", ")
}

// demoName says what an item is: the design, and what was done to it.
func demoName(it fixtures.Item) string {
	name := strings.TrimSuffix(filepath.Base(it.Path), filepath.Ext(it.Path))
	if it.Role == fixtures.RoleStranger {
		return name + " stranger"
	}
	return name + " " + it.Edit
}

func demoEvidence(e *env, y *system, f *demoFind, path string) error {
	var b bytes.Buffer
	err := y.registry.Evidence(e.ctx, registry.EvidenceRequest{
		Owner: "ann-the-designer", Work: f.report.Matches[0].Work, Match: f.report.ID,
		Accused: &registry.File{Name: filepath.Base(f.item.Path), Data: f.item.Data},
	}, &b)
	if err != nil {
		return err
	}
	if err := writeFile(path, b.Bytes()); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "\nEvidence about %s (%d KiB), the only thing left behind:\n  %s\nChecked offline:\n", demoName(f.item), b.Len()>>10, path)
	rep := provenance.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), provenance.VerifyOptions{})
	fmt.Fprintf(e.stdout, "  %s\n", strings.ReplaceAll(rep.Headline, "; ", ";\n    "))
	if err := rep.Err(); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "  all %d checks passed; registered not later than %s\n", len(rep.Lines), rep.NotAfter.Format(time.RFC3339))
	return nil
}
