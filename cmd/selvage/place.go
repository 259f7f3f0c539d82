package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"selvage/registry"
)

// place says where a command finds its registry: a data directory opened in this
// process, or a server.
type place struct {
	Data   string `placeholder:"DIR" help:"Directory of the registry, opened by this process, so no server may be running on it; default $SELVAGE_DATA or ~/.local/share/selvage."`
	Server string `placeholder:"URL" help:"Ask this server instead; its API key is read from SELVAGE_KEY."`
	Owner  string `placeholder:"NAME" help:"Whose works they are; default \"local\", or the key's own owner with --server."`
	JSON   bool   `name:"json" help:"Print one JSON line a file."`
}

// backend is what the commands need of a registry, near or far.
type backend interface {
	register(req registerArgs, file input) (registered, error)
	match(file input, alike bool) (answer, error)
	compare(work string, file input) (answer, error)
	evidence(work, match string, accused *input, cut string) ([]byte, error)
	certificate(work string) (pdf []byte, err error)
	overlay(match, work string) (png []byte, err error)
	judge(match, work string, v registry.Judgement, note string) (registry.Feedback, error)
	unjudge(match, work string) error
	feedback(cursor string) (items []registry.Feedback, next string, err error)
	feedbackReport(all bool) (*registry.FeedbackReport, error)
	exportFeedback(w io.Writer) error
	ignore(label string, file input) (registry.Ignored, error)
	ignored() ([]registry.Ignored, error)
	unignore(id string) error
	designerKeys() (designerKeyList, error)
	addDesignerKey(envelope []byte) (registry.DesignerKey, error)
	revokeDesignerKey(id string) error
	close() error
}

// reach opens the registry. Where create is false, a data directory without a registry
// is an error.
func (p place) reach(e *env, create bool) (backend, error) {
	if p.Server != "" {
		if p.Data != "" {
			return nil, &exit{2, "--data and --server exclude each other"}
		}
		return newRemote(e, p)
	}
	s, err := loadSettings(e.config)
	if err != nil {
		return nil, err
	}
	if p.Data != "" {
		s.Data = p.Data
	}
	return newNear(e, s, p.Owner, create)
}

// input is a file given on the command line.
type input struct {
	path string
	data []byte
}

// maxInput is the largest file that the commands read.
const maxInput = 256 << 20

// readInput reads a file. Its errors leave the path out: whoever reports them names it.
func readInput(path string) (input, error) {
	st, err := os.Stat(path)
	if err != nil {
		return input{}, cause(err)
	}
	if st.IsDir() {
		return input{}, fmt.Errorf("this is a directory: name files, for example %s", filepath.Join(path, "*.jpg"))
	}
	if st.Size() > maxInput {
		return input{}, fmt.Errorf("the file has %d MiB, the limit is %d", st.Size()>>20, maxInput>>20)
	}
	b, err := os.ReadFile(path)
	return input{path, b}, cause(err)
}

// cause is an error of the file system without the path and the call.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (in input) name() string { return filepath.Base(in.path) }

// title is the file's name without its ending.
func (in input) title() string { return strings.TrimSuffix(in.name(), filepath.Ext(in.path)) }
