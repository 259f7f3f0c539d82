package calibrate

import (
	"bytes"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestDumpRoundTrip(t *testing.T) {
	s, _ := logistic(21, 200, 20, 5)
	s.Rows[0].Query, s.Rows[0].Edit, s.Rows[0].Source = "a, \"b\"\nc", "crop|50", "feedback"
	s.Rows[1].X[0], s.Rows[1].Weight = -1e-17, 0.125
	var b bytes.Buffer
	w, err := NewWriter(&b, s.Features)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Rows {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	back, err := ReadAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, back) {
		t.Error("the rows read back differ")
	}
}

func TestWriterRefuses(t *testing.T) {
	w, err := NewWriter(io.Discard, []Feature{{Name: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	good := Row{Query: "q", Work: "w", QueryGroup: "g", WorkGroup: "h", X: []float64{1}}
	if err := w.Write(good); err != nil {
		t.Errorf("a good row without a weight: %v", err)
	}
	for name, change := range map[string]func(*Row){
		"no query": func(r *Row) { r.Query = "" }, "no group": func(r *Row) { r.QueryGroup = "" },
		"nan": func(r *Row) { r.X = []float64{math.NaN()} }, "two": func(r *Row) { r.X = []float64{1, 2} },
		"weight": func(r *Row) { r.Weight = -1 },
	} {
		bad := good
		change(&bad)
		if w.Write(bad) == nil {
			t.Errorf("%s: was written", name)
		}
	}
	if _, err := NewWriter(io.Discard, []Feature{{Name: "A"}}); err == nil {
		t.Error("a name with a capital was taken")
	}
}

const head = "query,work,copy,query_group,work_group,edit,class,source,weight,+a,-b,=c\n"

func TestReader(t *testing.T) {
	s, err := ReadAll(strings.NewReader(head + "q,w,1,g,g,crop,copy,dev,1,1,2,-3e-2\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Set{Features: []Feature{{"a", Rising}, {"b", Falling}, {"c", Free}}, Rows: []Row{{Query: "q", Work: "w", Copy: true, QueryGroup: "g",
		WorkGroup: "g", Edit: "crop", Class: "copy", Source: "dev", Weight: 1, X: []float64{1, 2, -0.03}}}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("read %+v", s)
	}
	for _, bad := range []string{
		"", "query\n", strings.Replace(head, "+a", "a", 1), strings.Replace(head, "-b", "-a", 1),
		"query,work,copy,query_group,work_group,edit,class,source,weight\n",
		head + "q,w,1,g,g,,,,1,1,2\n", head + "q,w,2,g,g,,,,1,1,2,3\n", head + "q,w,1,g,,,,,1,1,2,3\n",
		head + "q,w,1,g,g,,,,0,1,2,3\n", head + "q,w,1,g,g,,,,1,1,x,3\n", head + "q,w,1,g,g,,,,1,1,NaN,3\n", head + "q,w,1,g,g,,,,1,1,Inf,3\n",
	} {
		if _, err := ReadAll(strings.NewReader(bad)); err == nil {
			t.Errorf("was taken: %q", bad)
		}
	}
}

func TestAddWantsTheSameFeatures(t *testing.T) {
	a := Set{}
	if err := a.Add(Set{Features: []Feature{{"a", Rising}}, Rows: make([]Row, 2)}); err != nil || len(a.Rows) != 2 {
		t.Errorf("%d rows, error %v", len(a.Rows), err)
	}
	if err := a.Add(Set{Features: []Feature{{"a", Falling}}}); err == nil {
		t.Error("another sense was taken")
	}
}

func FuzzReadAll(f *testing.F) {
	f.Add([]byte(head + "q,w,1,g,g,crop,copy,dev,1,1,2,-3e-2\n\"q\"\"\n2\",w,0,g,h,,,,.5,1,2,3\n"))
	f.Add([]byte(head))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadAll(bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		w, err := NewWriter(&out, s.Features)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range s.Rows {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		back, err := ReadAll(&out)
		if err != nil || len(back.Rows) != len(s.Rows) {
			t.Fatalf("%d rows became %d, error %v", len(s.Rows), len(back.Rows), err)
		}
	})
}
