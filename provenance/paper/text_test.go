package paper

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func shown(l line) string {
	var b strings.Builder
	for _, u := range l {
		b.WriteString(u.shown)
	}
	return b.String()
}

// TestVisual: words from right to left, numbers in them from left to right.
func TestVisual(t *testing.T) {
	for in, want := range map[string]string{
		"plain":              "plain",
		"אבג":                "גבא",
		"a אבג b":            "a גבא b",
		"אב 12 גד":           "דג 12 בא",
		"אב 1,250 גד":        "דג 1,250 בא",
		"א (ב) ג":            "ג (ב) א",
		"x, אב גד, y":        "x, דג בא, y",
		"[x] א":              "[x] א",
		"عالم 7":             "7 ملاع",
		"a\u202eb א":         "a[U+202E]b א",
		"אב":                 "בא",
		"ends with a number": "ends with a number",
	} {
		s := &sheet{}
		if got := shown(s.units(in, body).visual()); got != want {
			t.Errorf("%q is drawn %q, want %q", in, got, want)
		}
	}
}

// checkWrap: nothing is lost and no line is too long, whatever the text.
func checkWrap(text string, st style, width float64) error {
	s := &sheet{}
	all := s.units(text, st)
	rest := shown(all)
	for _, l := range s.wrap(text, st, width) {
		part := shown(l)
		if w := l.width(); w > width+1e-3 && len(l) > 1 {
			return fmt.Errorf("a line of %.2f mm in a column of %.2f: %q", w, width, part)
		}
		if !strings.HasPrefix(rest, part) {
			return fmt.Errorf("%q does not go on with %q", rest, part)
		}
		rest = strings.TrimLeft(strings.TrimPrefix(rest, part), " \u3000")
		if v := l.visual(); len(v) != len(l) {
			return fmt.Errorf("%q: %d units are drawn as %d", part, len(l), len(v))
		}
	}
	if rest != "" {
		return fmt.Errorf("%q is lost", rest)
	}
	// Each character is there, as itself or by its number.
	for _, c := range norm.NFC.String(strings.ToValidUTF8(text, "\uFFFD")) {
		want := string(c)
		if s.shapes.of(st.face, c).face == nil {
			want = fmt.Sprintf("[U+%04X]", c)
		}
		if !strings.Contains(shown(all), want) {
			return fmt.Errorf("%s is not shown in %q", want, shown(all))
		}
	}
	for _, l := range s.clip(text, st, width, 2) {
		if w := l.width(); w > width+1e-3 && len(l) > 1 {
			return fmt.Errorf("a cut line of %.2f mm in a column of %.2f: %q", w, width, shown(l))
		}
	}
	return s.shapes.err
}

func TestWrap(t *testing.T) {
	letters := rapid.OneOf(
		rapid.SampledFrom([]rune("ab -  ()12,./\u00a0\u3000，（）叶子はな한글אבעامל\u0301\u0000\n\u202e🍂")),
		rapid.Rune(),
	)
	rapid.Check(t, func(r *rapid.T) {
		text := string(rapid.SliceOfN(letters, 0, 200).Draw(r, "text"))
		st := style{rapid.SampledFrom([]*typeface{regular, bold, mono}).Draw(r, "face"), rapid.Float64Range(6, 22).Draw(r, "size"), 0}
		if err := checkWrap(text, st, rapid.Float64Range(5, 120).Draw(r, "width")); err != nil {
			r.Fatal(err)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("warp and weft", byte(40))
	f.Add("叶子，はな 한글 אב 12 (גד) عالم\u202e\x00🍂e\u0301", byte(9))
	f.Fuzz(func(t *testing.T, text string, width byte) {
		if err := checkWrap(text, body, 5+float64(width)); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFaces: which font sets what.
func TestFaces(t *testing.T) {
	var s shapes
	for text, name := range map[string]string{
		"AéẽßŁΩἀЖҐ€№–…": "NotoSans-Regular", "שָ": "NotoSansHebrew-Regular", "اپ": "NotoSansArabic-Regular",
		"叶一，あハ々": "DroidSansFallbackFull", "한꽃": "NanumSquareR", "\u0000\u00ad\u200d\u2028\ufffe\U0001f342\U00020000\ue000\ufe0f": "",
	} {
		for _, r := range text {
			got := ""
			if f := s.of(regular, r).face; f != nil {
				got = f.name
			}
			if got != name {
				t.Errorf("%q (%U) is set in %q, want %q", r, r, got, name)
			}
		}
	}
}

// TestAxis: a timeline of any length has a few marks inside it.
func TestAxis(t *testing.T) {
	from := time.Date(2024, 3, 5, 10, 30, 0, 0, time.UTC)
	for _, d := range []time.Duration{2 * time.Minute, 10 * time.Minute, 3 * time.Hour, 30 * time.Hour, 9 * 24 * time.Hour, 300 * 24 * time.Hour, 3000 * 24 * time.Hour, 100000 * 24 * time.Hour} {
		a := axis(from, from.Add(d))
		if len(a.times) < 1 || len(a.times) > 8 {
			t.Errorf("%s: %d marks", d, len(a.times))
		}
		for _, at := range a.times {
			if at.Before(from) || at.After(from.Add(d)) {
				t.Errorf("%s: a mark at %s", d, at)
			}
		}
	}
}

func TestOdds(t *testing.T) {
	for p, want := range map[float64]string{
		1: "", 0.99957: "Of 2,300 findings", 0.9987: "Of 770 findings", 0.99: "Of 100 findings with this probability, about one ",
		0.75: "about 25 are", 0: "about 100 are", 0.9999999: "Of a million",
	} {
		if got := odds(p); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("odds(%v) = %q, want %q", p, got, want)
		}
	}
	for p, want := range map[float64]string{1: "1.0000", 0.99999: "0.9999", 0.5: "0.5000", 1.5: "not stated"} {
		if got := decimals(p); got != want {
			t.Errorf("decimals(%v) = %q, want %q", p, got, want)
		}
	}
}
