package main

import (
	"encoding/json"
	"strings"
	"testing"

	"selvage/fingerprint/photo"
	"selvage/registry"
)

func TestRowsOf(t *testing.T) {
	x := make([]float64, len(photo.Features))
	line := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + "\n"
	}
	in := line(evalLine{Query: "/a/q/1.jpg", Matches: []evalMatch{
		{Ref: "/b/r/1.jpg", Measures: x}, {Ref: "/b/r/2.jpg", Measures: x, Undiscounted: x},
	}}) + line(evalLine{Query: "/a/q/2.jpg", Matches: []evalMatch{{Ref: "/b/r/1.jpg", Measures: x}}}) +
		line(evalLine{Query: "/a/q/3.jpg", Matches: []evalMatch{{Ref: "/b/r/1.jpg", Measures: x}}}) +
		line(registry.FeedbackRow{Source: "feedback", Work: "w_1", Judgement: registry.Rejected, Measures: x}) +
		line(registry.FeedbackRow{Source: "feedback", Work: "w_1", Judgement: registry.Confirmed, Measures: x}) +
		line(registry.FeedbackRow{Source: "feedback", Work: "w_1", Judgement: registry.Confirmed, Measures: x[:3]}) +
		line(map[string]any{"stats": map[string]int{}})
	truth := truths{"q/1.jpg": {Class: "copy", Ref: "r/1.jpg", Edit: "crop", Src: "1.jpg"}, "q/2.jpg": {Class: "neg_plain", Src: "9.jpg"}}
	s, err := rowsOf(strings.NewReader(in), truth)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range s.Rows {
		mark := " "
		if r.Copy {
			mark = " copy "
		}
		got = append(got, r.Class+mark+r.Work)
	}
	want := "copy copy r/1.jpg|copy r/2.jpg|copy r/2.jpg|plain r/1.jpg|generated r/1.jpg|feedback w_1|feedback copy w_1"
	if strings.Join(got, "|") != want {
		t.Errorf("rows %v", got)
	}
	if r := s.Rows[0]; r.Edit != "crop" || r.QueryGroup != r.WorkGroup {
		t.Errorf("the copy: edit %q, groups %q and %q", r.Edit, r.QueryGroup, r.WorkGroup)
	}
	if _, err := rowsOf(strings.NewReader(line(evalLine{Query: "q", Matches: []evalMatch{{Ref: "r", Measures: x[:2]}}})), truth); err == nil {
		t.Error("measures of another program are let in")
	}
}
