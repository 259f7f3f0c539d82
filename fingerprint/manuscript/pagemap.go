package manuscript

import (
	"cmp"
	"slices"
)

// PageMatch says that a page of the query and one of the registered manuscript have something in
// common.
type PageMatch struct {
	// Query and Ref are the pages, from 1; a text is one page, and 0 stands for a plain picture.
	Query, Ref int
	// Units is how much text they share; Probability is that of the surest pair of pictures.
	Units       int
	Probability float64
}

// leastPageUnits is how much text two pages share that are named for it.
const leastPageUnits = 60

// Map tells which pages of the query have which of the registered manuscript, by the query's pages:
// those that share enough text, and those with a picture that was proved.
func (c *Comparison) Map() []PageMatch {
	byPages := make(map[[2]int]PageMatch)
	for at, units := range c.pages {
		if units >= leastPageUnits {
			byPages[at] = PageMatch{Query: at[0], Ref: at[1], Units: units}
		}
	}
	for _, p := range c.Pairs {
		if p.Probability < ActThreshold {
			continue
		}
		at := [2]int{p.QueryPage, p.RefPage}
		m := byPages[at]
		m.Query, m.Ref, m.Probability = p.QueryPage, p.RefPage, max(m.Probability, p.Probability)
		byPages[at] = m
	}
	out := make([]PageMatch, 0, len(byPages))
	for _, m := range byPages {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b PageMatch) int { return cmp.Or(cmp.Compare(a.Query, b.Query), cmp.Compare(a.Ref, b.Ref)) })
	return out
}
