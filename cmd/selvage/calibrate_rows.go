package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"selvage/fingerprint/calibrate"
	"selvage/fingerprint/photo"
	"selvage/registry"
)

// truths says what is true of the queries of a benchmark, by the last two parts of their
// paths.
type truths map[string]struct {
	Class string `json:"class"` // copy, or what kind of stranger
	Ref   string `json:"ref"`   // the work it was made from, empty for a stranger
	Edit  string `json:"t"`
	Src   string `json:"src"` // the picture it was made from
}

func readTruth(files []string) (truths, error) {
	if len(files) == 0 {
		return nil, nil
	}
	all := truths{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		var t struct {
			Queries truths `json:"queries"`
		}
		if err := json.Unmarshal(b, &t); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		for k, v := range t.Queries {
			all[k] = v
		}
	}
	return all, nil
}

// How much a row counts. Wrong candidates of strangers are what a false accusation is made
// of; those of copies come by the dozen a query; generated pictures are many and easy.
const (
	strangerWeight  = 2
	wrongWeight     = .3
	generatedWeight = .2
)

// rowsOf turns the answers of eval --measures into rows. A candidate that was judged without
// common content gives two: as it was judged, and as it would be where no other work shows
// that content.
func rowsOf(r io.Reader, truth truths) (calibrate.Set, error) {
	s := calibrate.Set{Features: photo.Features}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		var fb registry.FeedbackRow
		if err := json.Unmarshal(lines.Bytes(), &fb); err == nil && fb.Source == "feedback" {
			if row, ok := rowOfFeedback(fb); ok {
				s.Rows = append(s.Rows, row)
			}
			continue
		}
		var l evalLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return s, fmt.Errorf("line %d: %w", n, err)
		}
		key := lastTwo(l.Query)
		q, known := truth[key]
		if !known {
			q.Class, q.Src = "generated", key
		}
		for _, m := range l.Matches {
			ref := lastTwo(m.Ref)
			row := calibrate.Row{
				Query: key, Work: ref, Copy: known && q.Ref == ref, QueryGroup: path.Base(q.Src), WorkGroup: path.Base(ref),
				Class: strings.TrimSuffix(strings.TrimPrefix(q.Class, "neg_"), "_x"), Source: "eval", Weight: 1,
			}
			switch {
			case row.Copy:
				row.Edit = q.Edit
			case !known:
				row.Weight = generatedWeight
			case q.Ref == "":
				row.Weight = strangerWeight
			default:
				row.Weight = wrongWeight
			}
			for _, x := range [][]float64{m.Measures, m.Undiscounted} {
				if len(x) == 0 {
					continue
				}
				if len(x) != len(photo.Features) {
					return s, fmt.Errorf("line %d: %d measures, this program takes %d: run eval --measures again", n, len(x), len(photo.Features))
				}
				row.X = x
				s.Rows = append(s.Rows, row)
			}
		}
	}
	return s, lines.Err()
}

// rowOfFeedback turns one judgement into a row: what was confirmed is a copy, what was
// rejected is none. One that was judged on other measures than are taken now says nothing.
func rowOfFeedback(f registry.FeedbackRow) (calibrate.Row, bool) {
	row := calibrate.Row{
		Query: f.Query.String(), Work: string(f.Work), Copy: f.Judgement == registry.Confirmed,
		QueryGroup: f.Query.String(), WorkGroup: string(f.Work), Class: "feedback", Source: f.Source, Weight: 1, X: f.Measures,
	}
	if row.Copy {
		row.QueryGroup = row.WorkGroup
	}
	return row, len(f.Measures) == len(photo.Features) && (row.Copy || f.Judgement == registry.Rejected)
}

func lastTwo(p string) string {
	p = strings.ReplaceAll(p, "\\", "/")
	return path.Join(path.Base(path.Dir(p)), path.Base(p))
}
