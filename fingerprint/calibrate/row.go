package calibrate

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// Row is one candidate: a query, a registered work, what was measured, and the truth.
type Row struct {
	Query string // names the query; the rows of a query are judged together
	Work  string // names the registered work
	Copy  bool   // the truth: the query was made from the work

	// QueryGroup is what the query was made from, be it registered or not, and WorkGroup
	// what the work belongs to (the work itself, or its series). A row is scored by a model
	// that saw neither; they are one namespace, and the same for a copy and its own work.
	QueryGroup, WorkGroup string

	Edit   string  // how a copy was made; may be empty
	Class  string  // what kind of pair this is (copy, stranger, template …); may be empty
	Source string  // where the row comes from (a benchmark, feedback …); may be empty
	Weight float64 // how much it counts, > 0; 0 is read as 1

	X []float64 // by feature, finite
}

func (r *Row) check(features int) error {
	switch {
	case r.Query == "" || r.Work == "":
		return errors.New("query and work must be named")
	case r.QueryGroup == "" || r.WorkGroup == "":
		return errors.New("query_group and work_group must be named: without them a model is judged on what it has seen")
	case !(r.Weight > 0) || r.Weight > 1e6:
		return fmt.Errorf("weight %v: want more than 0 and at most 1e6", r.Weight)
	case len(r.X) != features:
		return fmt.Errorf("%d features: want %d", len(r.X), features)
	}
	for i, x := range r.X {
		if math.IsNaN(x) || math.Abs(x) > 1e12 {
			return fmt.Errorf("feature %d is %v: want a number within ±1e12", i, x)
		}
	}
	return nil
}

// fixed are the columns before the features.
var fixed = []string{"query", "work", "copy", "query_group", "work_group", "edit", "class", "source", "weight"}

// Writer writes a dump: CSV as in RFC 4180, a heading and one line a row, with numbers
// that read back as they were. Not safe for concurrent use.
type Writer struct {
	csv      *csv.Writer
	features int
	line     []string
}

// NewWriter writes the heading.
func NewWriter(w io.Writer, features []Feature) (*Writer, error) {
	if err := checkFeatures(features); err != nil {
		return nil, fmt.Errorf("dump: %w", err)
	}
	line := slices.Clone(fixed)
	for _, f := range features {
		line = append(line, f.String())
	}
	d := &Writer{csv: csv.NewWriter(w), features: len(features), line: line}
	return d, d.csv.Write(line)
}

// Write adds a row; what it refuses, [Reader] would refuse.
func (d *Writer) Write(r Row) error {
	if r.Weight == 0 {
		r.Weight = 1
	}
	if err := r.check(d.features); err != nil {
		return fmt.Errorf("dump: query %q, work %q: %w", r.Query, r.Work, err)
	}
	label := "0"
	if r.Copy {
		label = "1"
	}
	d.line = append(d.line[:0], r.Query, r.Work, label, r.QueryGroup, r.WorkGroup, r.Edit, r.Class, r.Source, number(r.Weight))
	for _, x := range r.X {
		d.line = append(d.line, number(x))
	}
	return d.csv.Write(d.line)
}

// Flush writes what is held back and says whether anything failed.
func (d *Writer) Flush() error {
	d.csv.Flush()
	return d.csv.Error()
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// Reader reads a dump. Not safe for concurrent use.
type Reader struct {
	csv      *csv.Reader
	features []Feature
}

// NewReader reads the heading.
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{csv: csv.NewReader(r)}
	d.csv.ReuseRecord = true
	head, err := d.csv.Read()
	if err != nil {
		return nil, fmt.Errorf("dump: heading: %w", err)
	}
	if len(head) < len(fixed) || !slices.Equal(head[:len(fixed)], fixed) {
		return nil, fmt.Errorf("dump: heading: want the columns %v, then the features", fixed)
	}
	for _, s := range head[len(fixed):] {
		f, err := parseFeature(s)
		if err != nil {
			return nil, fmt.Errorf("dump: heading: %w", err)
		}
		d.features = append(d.features, f)
	}
	if err := checkFeatures(d.features); err != nil {
		return nil, fmt.Errorf("dump: heading: %w", err)
	}
	return d, nil
}

// Features are the features of the rows, in the order of Row.X.
func (d *Reader) Features() []Feature { return slices.Clone(d.features) }

// Read returns the next row, and io.EOF behind the last.
func (d *Reader) Read() (Row, error) {
	line, err := d.csv.Read()
	if errors.Is(err, io.EOF) {
		return Row{}, io.EOF
	}
	if err != nil {
		return Row{}, fmt.Errorf("dump: %w", err)
	}
	r := Row{Query: line[0], Work: line[1], Copy: line[2] == "1", QueryGroup: line[3], WorkGroup: line[4],
		Edit: line[5], Class: line[6], Source: line[7], X: make([]float64, len(d.features))}
	if line[2] != "0" && line[2] != "1" {
		err = fmt.Errorf("copy is %q: want 0 or 1", line[2])
	}
	if err == nil {
		r.Weight, err = strconv.ParseFloat(line[8], 64)
	}
	for i := range r.X {
		if err == nil {
			r.X[i], err = strconv.ParseFloat(line[len(fixed)+i], 64)
		}
	}
	if err == nil {
		err = r.check(len(d.features))
	}
	if err != nil {
		at, _ := d.csv.FieldPos(0)
		return Row{}, fmt.Errorf("dump: line %d: %w", at, err)
	}
	return r, nil
}

// Set is rows with the same features.
type Set struct {
	Features []Feature
	Rows     []Row
}

// ReadAll reads a whole dump.
func ReadAll(r io.Reader) (Set, error) {
	d, err := NewReader(r)
	if err != nil {
		return Set{}, err
	}
	s := Set{Features: d.Features()}
	for {
		row, err := d.Read()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return Set{}, err
		}
		s.Rows = append(s.Rows, row)
	}
}

// Add appends the rows of another set, which must have the same features in the same order.
func (s *Set) Add(more Set) error {
	if s.Features == nil {
		s.Features = more.Features
	}
	if !slices.Equal(s.Features, more.Features) {
		return errors.New("dump: its features are not those of the dumps before it")
	}
	s.Rows = append(s.Rows, more.Rows...)
	return nil
}

// Only returns the set with the named features alone, in the order named.
func (s Set) Only(names []string) (Set, error) {
	out := Set{Rows: slices.Clone(s.Rows)}
	var at []int
	for _, n := range names {
		i := slices.IndexFunc(s.Features, func(f Feature) bool { return f.Name == n })
		if i < 0 {
			return Set{}, fmt.Errorf("dump: no feature is called %q", n)
		}
		at = append(at, i)
		out.Features = append(out.Features, s.Features[i])
	}
	for k := range out.Rows {
		x := make([]float64, len(at))
		for j, i := range at {
			x[j] = s.Rows[k].X[i]
		}
		out.Rows[k].X = x
	}
	return out, checkFeatures(out.Features)
}
