package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"

	"selvage/fingerprint/calibrate"
)

type calibrateCmd struct {
	Output  string   `short:"o" placeholder:"FILE" help:"Write the model here; without it only the report is printed."`
	Version string   `name:"model-version" default:"photo-copy.v3" placeholder:"NAME" help:"Name of the model; answers carry it."`
	Folds   int      `default:"5" help:"Parts that the works are dealt into; no row is judged by a model that saw its works."`
	Family  string   `enum:",additive,mixed,trees" default:"" help:"additive, mixed or trees; default: the best on rows held out."`
	Only    []string `placeholder:"NAME" help:"Use these features only, with commas between; default: all."`
	Knots   int      `placeholder:"N" help:"Knots of each line of the additive part, 2 (straight) to 7 (7)."`
	Ridge   float64  `placeholder:"X" help:"Weight of the squared rises of the additive part (3)."`
	Depth   int      `placeholder:"N" help:"Depth of the trees (3)."`
	Rate    float64  `placeholder:"X" help:"Share of each tree that is kept (0.1)."`
	Rounds  int      `placeholder:"N" help:"Most trees (400)."`
	Leaf    float64  `placeholder:"X" help:"Least weight of the rows in a leaf (20)."`
	Shrink  float64  `placeholder:"X" help:"Weight of the squared leaves (5)."`
	Aside   []string `default:"template" placeholder:"CLASS" help:"Classes of wrong candidates that do not set the threshold, with commas between (template)."`
	Risk    float64  `default:"0.05" placeholder:"X" help:"False alarms accepted at the threshold among as many queries (0.05)."`
	Cost    float64  `default:"0.02" placeholder:"X" help:"Share of the copies that this may cost at most (0.02)."`
	Act     float64  `placeholder:"P" help:"Act from this probability instead of one by risk and cost."`
	Truth   []string `placeholder:"FILE" help:"For answers of eval --measures: is true of their queries (JSON: {\"queries\": {PATH: {\"class\", \"ref\", \"t\", \"src\"}}}). Queries it does not name are taken to copy nothing."`
	Scores  string   `placeholder:"FILE" help:"Write the out-of-fold probability of every row here (CSV)."`
	Dumps   []string `arg:"" name:"dump" help:"Answers of eval --measures, exports of feedback, or rows as CSV."`
}

// Run trains on the dumps and prints what the model does on rows that it has not seen.
func (c *calibrateCmd) Run(e *env) error {
	var set calibrate.Set
	truth, err := readTruth(c.Truth)
	if err != nil {
		return err
	}
	for _, path := range c.Dumps {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		var more calibrate.Set
		in := bufio.NewReader(f)
		if head, _ := in.Peek(1); len(head) == 1 && head[0] == '{' {
			more, err = rowsOf(in, truth)
		} else {
			more, err = calibrate.ReadAll(in)
		}
		f.Close()
		if err == nil {
			err = set.Add(more)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(c.Only) > 0 {
		only, err := set.Only(c.Only)
		if err != nil {
			return &exit{2, "--only: " + err.Error()}
		}
		set = only
	}
	m, r, err := calibrate.Train(e.ctx, set, calibrate.Options{Version: c.Version, Folds: c.Folds, Family: c.Family, Knots: c.Knots, Ridge: c.Ridge,
		Depth: c.Depth, Rate: c.Rate, Rounds: c.Rounds, LeastLeaf: c.Leaf, Shrink: c.Shrink, Aside: c.Aside, Risk: c.Risk, Cost: c.Cost, Act: c.Act})
	if err != nil {
		return err
	}
	if err := r.Markdown(e.stdout, set.Rows); err != nil {
		return err
	}
	if c.Scores != "" {
		f, err := os.Create(c.Scores)
		if err != nil {
			return err
		}
		if err := r.WriteScores(f, set.Rows); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if c.Output == "" {
		return nil
	}
	b, err := m.Encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Output, b, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "%s: %s, %d KiB\n", filepath.Base(c.Output), m.Version, (len(b)+1023)/1024)
	return nil
}
