package manuscript

import (
	"fmt"
	"strings"

	"selvage/fingerprint"
)

// Reason says in one plain sentence what the comparison found, without a full stop. Proved says
// whether it is enough to act upon.
func (c *Comparison) Reason(proved bool) string {
	if c.probability == 0 {
		return "no text, page or picture of the registered manuscript was found"
	}
	var said []string
	if c.byText > 0 && c.byText >= c.probability/2 {
		said = append(said, c.textReason())
	}
	if n := c.proved(); n > 0 {
		p := &c.Pairs[0]
		what := map[fingerprint.PartKind]string{
			fingerprint.PagePart: "page", fingerprint.PicturePart: "picture", fingerprint.LinesPart: "drawing", fingerprint.IslandPart: "drawing",
		}[p.Kind]
		s := fmt.Sprintf("%d %s", n, what)
		if n > 1 {
			s += "s"
		}
		s += " shown in both"
		if p.RefPage > 0 {
			s += fmt.Sprintf(", the surest on page %d of the registered work", p.RefPage)
		}
		if p.Kind.Drawn() {
			at := &p.Photo.Places[0]
			s += fmt.Sprintf(", by its lines alone: %d local features of them and %.0f %% of their course agree", at.Inliers, 100*at.Agree)
		}
		said = append(said, s)
	} else if len(said) == 0 && len(c.Pairs) > 0 && c.Pairs[0].Kind.Drawn() {
		said = append(said, "lines of a drawing look alike")
	} else if len(said) == 0 {
		said = append(said, "a page or picture looks alike")
	}
	if c.Reordered {
		said = append(said, "in another order")
	}
	if c.Shared > 0 && c.Units > 0 {
		said = append(said, fmt.Sprintf("not counting %d characters that other works have too or that cite", c.Shared))
	}
	s := strings.Join(said, "; ")
	if !proved {
		return "alike, not proved to be a copy: " + s
	}
	return s
}

func (c *Comparison) textReason() string {
	n := 0
	for _, p := range c.Passages {
		if p.Units >= longPassage {
			n++
		}
	}
	switch c.Relation {
	case Revision:
		return fmt.Sprintf("a revision: %.0f %% of the query's text and %.0f %% of the registered one's are the same", 100*c.OfQuery, 100*c.OfRef)
	case Extract:
		return fmt.Sprintf("an extract: %.0f %% of the query's text stands in the registered work", 100*c.OfQuery)
	}
	return fmt.Sprintf("%d passages, the longest of %d characters' weight, cover %.0f %% of the query's text", max(n, 1), c.Longest, 100*c.OfQuery)
}

// proved is how many different parts of the registered work are certainly shown by the query.
func (c *Comparison) proved() int {
	seen := map[int]bool{}
	for _, p := range c.Pairs {
		if p.Probability >= ActThreshold {
			seen[p.Ref] = true
		}
	}
	return len(seen)
}
