package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"selvage/provenance/witness"
)

type monitorCmd struct {
	Data    string        `required:"" placeholder:"DIR" help:"Directory of the monitor: the tree of all entries seen, and evidence."`
	Policy  string        `required:"" placeholder:"FILE" help:"Witness policy (C2SP tlog-policy) with the log's keys and URL, and the witnesses."`
	Receipt []string      `placeholder:"FILE" help:"Receipts whose entries must stay in the log."`
	Every   time.Duration `default:"10s" help:"How often to look; default 10s."`
	MaxAge  time.Duration `default:"10m" help:"After how long a silent log is an alarm; default 10m."`
	Grace   time.Duration `default:"30s" help:"How long a witness may be ahead of what the log shows; default 30s."`
	Once    bool          `help:"Look once and exit: 0 nothing wrong, 1 an alarm, 4 the log could not be read."`
	Exec    string        `placeholder:"COMMAND" help:"Run by sh for each new alarm, with the alarm as a JSON line on its input."`
}

// exitUnreachable says that the network, not the log, is at fault.
const exitUnreachable = 4

func (c *monitorCmd) Run(e *env) error {
	if c.Every <= 0 {
		return &exit{2, "--every: use a duration above 0, for example 10s"}
	}
	policy, err := witness.LoadPolicy(c.Policy)
	if err != nil {
		return err
	}
	var receipts []witness.Receipt
	for _, path := range c.Receipt {
		in, err := readInput(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		r, err := witness.ReadReceipt(in.data)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		receipts = append(receipts, r)
	}
	log := slog.New(slog.NewTextHandler(e.stderr, nil))
	m, err := witness.OpenMonitor(witness.MonitorConfig{
		Dir: c.Data, Policy: policy, Bearer: os.Getenv("SELVAGE_KEY"), Receipts: receipts, MaxAge: c.MaxAge, Grace: c.Grace, Logger: log,
	})
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	raised, standing := false, map[string]bool{}
	for {
		alarms, err := m.Check(e.ctx)
		if e.ctx.Err() != nil {
			break
		}
		if err != nil {
			log.Warn("looking failed; it is tried again", "err", err)
		}
		now := map[string]bool{}
		for _, a := range alarms {
			raised = true
			now[a.Error()] = true
			if !standing[a.Error()] {
				c.raise(e, log, a)
			}
		}
		standing = now
		switch {
		case c.Once && len(alarms) > 0:
			return &exit{1, ""}
		case c.Once && err != nil:
			return &exit{exitUnreachable, err.Error()}
		case c.Once:
			fmt.Fprintf(e.stderr, "%d entries seen, nothing wrong\n", m.Size())
			return nil
		}
		select {
		case <-time.After(c.Every):
		case <-e.ctx.Done():
		}
	}
	if raised {
		return &exit{1, "alarms were raised; their evidence is in " + c.Data}
	}
	return nil
}

// raise prints an alarm as a JSON line and hands it to --exec.
func (c *monitorCmd) raise(e *env, log *slog.Logger, a *witness.Alarm) {
	line, err := json.Marshal(a)
	if err != nil {
		log.Error("alarm", "err", err)
		return
	}
	fmt.Fprintf(e.stdout, "%s\n", line)
	log.Error("alarm", "kind", a.Kind, "text", a.Text)
	if c.Exec == "" {
		return
	}
	cmd := exec.CommandContext(e.ctx, "sh", "-c", c.Exec)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(append(line, '\n')), e.stderr, e.stderr
	cmd.Env = append(os.Environ(), "SELVAGE_ALARM="+string(a.Kind))
	if err := cmd.Run(); err != nil {
		log.Error("the alarm's command failed", "err", err)
	}
}
