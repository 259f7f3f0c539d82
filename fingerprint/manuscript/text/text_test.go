package text

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// words draws a random text of one script.
func words(t *rapid.T, label string, chinese bool) string {
	if chinese {
		r := rapid.SliceOfN(rapid.RuneFrom(nil, han), 0, 400).Draw(t, label)
		return string(r)
	}
	return strings.Join(rapid.SliceOfN(rapid.StringMatching(`[A-Za-z]{1,12}[,.]?`), 0, 120).Draw(t, label), " ")
}

// TestGuarantee: texts that share a run of Guarantee normalised characters share a hash,
// whatever stands around it.
func TestGuarantee(t *testing.T) {
	for _, chinese := range []bool{false, true} {
		rapid.Check(t, func(t *rapid.T) {
			run := words(t, "run", chinese)
			for n, _ := Normalise([]string{run}); len(n.Chars) < Guarantee; n, _ = Normalise([]string{run}) {
				run += words(t, "more", chinese) + string(rapid.RuneFrom([]rune("abc工程")).Draw(t, "one"))
			}
			a, _ := Normalise([]string{words(t, "a", chinese) + run + words(t, "b", chinese)})
			b, _ := Normalise([]string{words(t, "c", chinese), run + words(t, "d", chinese)})
			if !share(a.Hashes(), b.Hashes()) {
				t.Fatalf("no hash in common for the run %q", run)
			}
			if p := NewQuery(a).Align(b); len(p) == 0 {
				t.Fatalf("no passage found for the run %q", run)
			}
		})
	}
}

// TestGuaranteeChinese: of Chinese characters a third as many do.
func TestGuaranteeChinese(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string, least, most int) string {
			return string(rapid.SliceOfN(rapid.RuneFrom(nil, han), least, most).Draw(t, label))
		}
		run := draw("run", 16, 16)
		a, _ := Normalise([]string{draw("a", 0, 60) + run + draw("b", 0, 60)})
		b, _ := Normalise([]string{draw("c", 0, 60) + run + draw("d", 0, 60)})
		if !share(a.Hashes(), b.Hashes()) {
			t.Fatalf("no hash in common for the run %q", run)
		}
	})
}

func share(a, b []uint64) bool {
	return slices.ContainsFunc(a, func(h uint64) bool { return slices.Contains(b, h) })
}

// TestTricks: what a reader does not see or tell apart changes nothing, and where
// somebody did it on purpose, that is said.
func TestTricks(t *testing.T) {
	const plain = "The quick brown fox, a proper office file on hyphenation. Zoë sold 10 jackets."
	for _, c := range []struct {
		name, text            string
		invisible, lookAlikes int
	}{
		{"plain", plain, 0, 0},
		{"case", strings.ToUpper(plain), 0, 0},
		{"zero width space", strings.ReplaceAll(plain, "o", "o\u200b"), 8, 0},
		{"word joiner", strings.ReplaceAll(plain, "ick", "i\u2060ck"), 1, 0},
		{"direction marks", strings.ReplaceAll(plain, "brown", "br\u202eow\u202cn"), 2, 0},
		{"isolates", strings.ReplaceAll(plain, "quick", "qu\u2067i\u2069ck"), 2, 0},
		{"tags", strings.ReplaceAll(plain, "fox", "f\U000e0066ox"), 1, 0},
		{"variation selectors", strings.ReplaceAll(plain, "fox", "f\ufe0fox"), 0, 0},
		{"soft hyphens", strings.ReplaceAll(plain, "hyphenation", "hy\u00adphen\u00adation"), 0, 0},
		{"hyphens at line ends", strings.ReplaceAll(plain, "hyphenation", "hyphen-\nation"), 0, 0},
		{"other blanks", strings.ReplaceAll(plain, " ", "\u00a0\u3000\u2003"), 0, 0},
		{"no blanks", strings.ReplaceAll(plain, " ", ""), 0, 0},
		{"Cyrillic", strings.NewReplacer("o", "о", "e", "е", "a", "а", "p", "р", "c", "с", "x", "х").Replace(plain), 0, 16},
		{"Greek", strings.NewReplacer("o", "ο", "v", "ν").Replace(plain), 0, 7},
		{"full width", wide(plain), 0, 0},
		{"mathematical", mathematical(plain), 0, 0},
		{"ligatures", strings.NewReplacer("ffi", "ﬃ", "fi", "ﬁ").Replace(plain), 0, 0},
		{"combining marks", strings.NewReplacer("ë", "e\u0308", "a", "a\u0301").Replace(plain), 0, 0},
		{"circled", strings.NewReplacer("fox", "ⓕⓞⓧ").Replace(plain), 0, 0},
		{"digits as letters", strings.ReplaceAll(plain, "10", "lO"), 0, 0},
		{"punctuation", strings.NewReplacer(",", " —", ".", "。").Replace(plain), 0, 0},
	} {
		want, _ := Normalise([]string{plain})
		got, tricks := Normalise([]string{c.text})
		if string(got.Chars) != string(want.Chars) {
			t.Errorf("%s: %q\nis %q, want %q", c.name, c.text, string(got.Chars), string(want.Chars))
		}
		if tricks.Invisible != c.invisible || (tricks.LookAlikes > 0) != (c.lookAlikes > 0) {
			t.Errorf("%s: %+v, want %d invisible characters and %d letters that look alike", c.name, tricks, c.invisible, c.lookAlikes)
		}
		runes := []rune(c.text)
		for i, from := range got.From {
			if int(from) >= len(runes) || i > 0 && from < got.From[i-1] || !slices.Contains(appendFolded(nil, runes[from]), got.Chars[i]) {
				t.Fatalf("%s: character %d does not come from place %d", c.name, i, from)
			}
		}
	}
}

func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r + 0xfee0
		}
		return r
	}, s)
}

func mathematical(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 0x1d41a // bold
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 0x1d400
		}
		return r
	}, s)
}

// TestHonest: texts that are really in another alphabet, or need joiners, are not accused of
// tricks.
func TestHonest(t *testing.T) {
	for _, s := range []string{
		"Привет, как дела? Сегодня хорошая погода.", "Καλημέρα κόσμε", "می\u200cخواهم", "क्\u200dष", "設計図の裁断線", "naïve café Ærø Straße",
		"\ufeffA file that begins with a mark", "co\u00adoper\u00adate", "Москва-city mixes", "👩\u200d👩\u200d👧 family",
	} {
		if _, tricks := Normalise([]string{s}); tricks != (Tricks{}) {
			t.Errorf("%q: %+v", s, tricks)
		}
	}
}

func TestAlign(t *testing.T) {
	const host = "A completely different story about rivers and the people who live beside them, told slowly. "
	const lifted = "Cut the sleeve on the bias, then ease the fullness into the armhole between the two notches before basting it by hand. "
	const other = "The weather report for tomorrow promises rain in the north and strong winds along the coast until late evening. "
	q, _ := Normalise([]string{host + lifted, other})
	r, _ := Normalise([]string{"Introduction to tailoring for beginners. ", strings.ToUpper(lifted) + "Press the seam open."})
	found := NewQuery(q).Align(r)
	if len(found) != 1 {
		t.Fatalf("%d passages, want 1: %+v", len(found), found)
	}
	p := found[0]
	if p.QueryPage != 1 || p.RefPage != 2 {
		t.Errorf("pages %d and %d, want 1 and 2", p.QueryPage, p.RefPage)
	}
	if on := NewQuery(q).Pages(found, r); len(on) != 1 || on[[2]int{1, 2}] != p.Units {
		t.Errorf("units by pages %v, want %d of 1 and 2", on, p.Units)
	}
	all := []rune(host + lifted + other)
	if got := string(all[p.Query.From:p.Query.To]); !strings.HasPrefix(got, "Cut the sleeve") || !strings.HasSuffix(got, "by hand") {
		t.Errorf("the passage is %q", got)
	}
	if n, _ := Normalise([]string{lifted}); p.Units != Units(n.Chars) {
		t.Errorf("%d units, want %d", p.Units, Units(n.Chars))
	}
}

// TestRepeated: a sentence that a text repeats is not counted for each time the other has it.
func TestRepeated(t *testing.T) {
	const s = "All measurements are in centimetres and exclude the seam allowance unless noted. "
	q, _ := Normalise([]string{s})
	r, _ := Normalise([]string{strings.Repeat(s, 20)})
	total := 0
	for _, p := range NewQuery(q).Align(r) {
		total += p.Units
	}
	if most := Units(q.Chars); total > most {
		t.Errorf("%d units of %d are shared", total, most)
	}
}

func TestPage(t *testing.T) {
	n, _ := Normalise([]string{"one", "", "three", "four"})
	for char, want := range map[uint32]int{0: 1, 2: 1, 3: 3, 7: 3, 8: 4, 100: 4} {
		if got := n.Page(char); got != want {
			t.Errorf("character %d is on page %d, want %d", char, got, want)
		}
	}
	if got := (&Text{}).Page(0); got != 0 {
		t.Errorf("page %d of a text that has none", got)
	}
}

func TestReferences(t *testing.T) {
	const list = "[1] A. Author and B. Other. On the cutting of cloth. Journal of Tailoring 23(4), 562-578, 1974. [2] C. Third. Sleeves, vol. 7, 1986, pp. 33-48. "
	body := strings.Repeat("Some text of the article that says something about cloth. ", 20)
	q, _ := Normalise([]string{body, "References\n" + strings.Repeat(list, 3)})
	if q.Listed == len(q.Chars) || !strings.HasPrefix(string(q.Chars[q.Listed:]), "references") {
		t.Fatalf("the list of references begins at %d of %d", q.Listed, len(q.Chars))
	}
	r, _ := Normalise([]string{"Another article altogether, which cites the same works but has no words in common.\n", "References\n" + list})
	for _, p := range NewQuery(q).Align(r) {
		if n := NewQuery(q).Weigh(&p, r, nil); n > 0 {
			t.Errorf("%d units of a list of references count", n)
		}
	}
	if n, _ := Normalise([]string{"See the references to " + body}); n.Listed != len(n.Chars) {
		t.Error("a word in a sentence is taken for a heading")
	}
}

func TestPayload(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pages := rapid.SliceOfN(rapid.StringN(0, 200, -1), 0, 5).Draw(t, "pages")
		want, _ := Normalise(pages)
		got, err := Decode(want.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Chars, want.Chars) || !slices.Equal(got.From, want.From) || !slices.Equal(got.Pages, want.Pages) || got.Listed != want.Listed {
			t.Fatalf("%+v, want %+v", got, want)
		}
	})
}

// TestGolden: the kind's bits never change.
func TestGolden(t *testing.T) {
	n, _ := Normalise([]string{"Cut the sleeve on the bias, then ease the fullness into the armhole.", "裁剪袖子时应当沿着斜纹方向，然后把多余的布料均匀地缩进袖窿里面。"})
	if got := n.Hashes(); !slices.Equal(got, goldenHashes) {
		t.Errorf("hashes %#x, want %#x", got, goldenHashes)
	}
	back, err := Decode(goldenPayload)
	if err != nil {
		t.Fatal(err)
	}
	if string(back.Chars) != "cutthesieeve裁剪" || !slices.Equal(back.From, []uint32{0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 16, 17}) {
		t.Errorf("the golden payload is %q from %v", string(back.Chars), back.From)
	}
}

func FuzzDecode(f *testing.F) {
	n, _ := Normalise([]string{"Cut the sleeve", "裁剪"})
	f.Add(n.Encode())
	f.Add([]byte{})
	f.Add([]byte{3, 0})
	long, _ := Normalise([]string{"页 one"})
	f.Add(long.Encode()[:8])
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := Decode(b)
		if err != nil {
			return
		}
		if len(x.Chars) != len(x.From) || x.Listed > len(x.Chars) {
			t.Fatalf("%d characters from %d places, list at %d", len(x.Chars), len(x.From), x.Listed)
		}
		x.Hashes()
		for _, p := range NewQuery(x).Align(x) {
			if p.Query.To <= p.Query.From {
				t.Fatalf("passage %+v", p)
			}
		}
	})
}
