// Command selvage registers original designs, finds their copies, and hands out
// evidence that anybody can check: server and command line in one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker; a plain build says "devel".
var version = "devel"

// cli is the command line: a fixed contract (docs/cli.md).
type cli struct {
	Serve       serveCmd       `cmd:"" help:"Run the HTTP service. Needs no flag and no other server."`
	Demo        demoCmd        `cmd:"" help:"Run the main job on generated designs and leave nothing running."`
	Register    registerCmd    `cmd:"" help:"Register files, one work a file, and print their works."`
	Match       matchCmd       `cmd:"" help:"Say which registered works files copy, and why."`
	Compare     compareCmd     `cmd:"" help:"Say why, or why not, a file is a copy of an own work."`
	Overlay     overlayCmd     `cmd:"" help:"Draw a match: both pictures with the regions that correspond."`
	Feedback    feedbackCmd    `cmd:"" help:"Confirm or reject matches; list, count and export what was said."`
	Ignore      ignoreCmd      `cmd:"" help:"Keep the ignore bank: what is no evidence of copying."`
	Certificate certificateCmd `cmd:"" help:"Write the certificate of an own work, a PDF for print."`
	Evidence    evidenceCmd    `cmd:"" help:"Write the evidence bundle of a work, or of a match with it."`
	Verify      verifyCmd      `cmd:"" help:"Check an evidence bundle offline: exit 0 proved, 1 contradicted, 2 usage, 3 cannot tell."`
	Eval        evalCmd        `cmd:"" help:"Measure accuracy: register REFS, query QUERIES, print one JSON line a query."`
	Calibrate   calibrateCmd   `cmd:"" help:"Train the model behind the probability on answers of eval --measures."`
	Train       trainCmd       `cmd:"" hidden:"" help:"Learn the tables that kinds of fingerprints are built on."`
	Bench       benchCmd       `cmd:"" help:"Measure speed."`
	Fixtures    fixturesCmd    `cmd:"" help:"Write generated originals, edited copies and strangers with a manifest."`
	Fsck        fsckCmd        `cmd:"" help:"Re-check everything that is kept; exit 1 if anything is wrong."`
	Renew       renewCmd       `cmd:"" help:"Renew the time tokens of proofs before their certificates or algorithms end."`
	Reindex     reindexCmd     `cmd:"" help:"Rebuild the index files from the store."`
	Backup      backupCmd      `cmd:"" help:"Copy a registry into a new directory."`
	Restore     restoreCmd     `cmd:"" help:"Make a registry from a backup."`
	DesignerKey designerKeyCmd `cmd:"" help:"Keep keys of your own to sign what you register with."`
	Keys        keysCmd        `cmd:"" help:"Make, list and revoke API keys; show and rotate the log's key."`
	Witness     witnessCmd     `cmd:"" help:"Be a witness: cosign the checkpoints of logs, as C2SP tlog-witness says."`
	Monitor     monitorCmd     `cmd:"" help:"Follow a log and its witnesses; raise an alarm if it shows two histories."`
	Healthcheck healthcheckCmd `cmd:"" hidden:"" help:"Ask a running service whether it is well (for containers)."`

	Config  string           `placeholder:"FILE" env:"SELVAGE_CONFIG" help:"Configuration file (TOML)."`
	Verbose bool             `short:"v" help:"Log what happens inside to stderr."`
	Version kong.VersionFlag `help:"Print the version."`
}

// env is what commands share: streams, log and the context that an interrupt ends.
type env struct {
	ctx            context.Context
	stdout, stderr io.Writer
	log            *slog.Logger
	config         string
}

// exit is an error that sets the exit status; an empty text prints nothing.
type exit struct {
	code int
	text string
}

func (e *exit) Error() string { return e.text }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	help := stdout
	switch {
	case len(args) == 0:
		// A forgotten command gets the help, and a script that forgot it no success.
		args, help = []string{"--help"}, stderr
		defer func() { code = 2 }()
	case args[0] == "help":
		args = append(args[1:len(args):len(args)], "--help")
	}
	// verify has a contract of its own for flags and exit codes, shared with
	// selvage-verify, so it does not meet the parser below.
	if args[0] == "verify" {
		return verifyMain(args[1:], stdout, stderr)
	}
	var c cli
	stopped := -1
	parser, err := kong.New(&c,
		kong.Name("selvage"),
		kong.Description("Original-design provenance and similarity: register designs, find their copies, prove it.\n\nNew here? Run: selvage demo"),
		kong.Vars{"version": buildVersion()},
		kong.Writers(help, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(n int) { stopped = n; panic(kongExit{}) }),
	)
	if err != nil {
		fmt.Fprintln(stderr, "selvage:", err)
		return 2
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(kongExit); !ok {
				panic(r)
			}
			code = stopped // --help, --version
		}
	}()
	k, err := parser.Parse(args)
	if err != nil {
		path := "selvage"
		var p *kong.ParseError
		if errors.As(err, &p) && p.Context != nil && p.Context.Selected() != nil {
			path = p.Context.Selected().FullPath()
		}
		fmt.Fprintf(stderr, "selvage: %v\nRun %s --help.\n", err, path)
		return 2
	}
	level := slog.LevelError
	if c.Verbose {
		level = slog.LevelDebug
	}
	e := &env{ctx: ctx, stdout: stdout, stderr: stderr, config: c.Config,
		log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))}
	err = k.Run(e)
	var x *exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &x):
		if x.text != "" {
			fmt.Fprintln(stderr, "selvage:", x.text)
		}
		return x.code
	}
	fmt.Fprintln(stderr, "selvage:", explain(err))
	return 1
}

// kongExit unwinds the parser when it wants to leave the program.
type kongExit struct{}

func buildVersion() string {
	if version != "devel" {
		return version
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "devel-" + s.Value[:12]
			}
		}
	}
	return version
}
