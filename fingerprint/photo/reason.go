package photo

import (
	"fmt"
	"strings"

	"selvage/fingerprint"
	"selvage/fingerprint/geometry"
)

// partOf is the share of an area below which a picture is only a part of the other.
const partOf = .7

// Part reports whether the first place is a part of one picture inside the other, and not
// the whole of one as the other. A plain border or a blank ground around the query does not
// make it a part.
func (c *Comparison) Part() bool {
	if c.SamePixels || len(c.Places) == 0 {
		return false
	}
	p := &c.Places[0]
	return p.OfRef < partOf || p.OfContent < partOf
}

// Form is the turn and mirroring nearest to what was done to the registered picture.
func (p *Place) Form() fingerprint.Dihedral {
	xx, xy, yx, yy := p.Map[0], p.Map[1], p.Map[3], p.Map[4]
	straight := xx*xx+yy*yy >= xy*xy+yx*yx
	switch {
	case straight && xx >= 0 && yy >= 0:
		return fingerprint.Identity
	case straight && xx < 0 && yy < 0:
		return fingerprint.Rotate180
	case straight && xx < 0:
		return fingerprint.FlipY
	case straight:
		return fingerprint.FlipX
	case xy >= 0 && yx < 0:
		return fingerprint.Rotate90
	case xy < 0 && yx >= 0:
		return fingerprint.Rotate270
	case xy >= 0:
		return fingerprint.FlipPlus1
	}
	return fingerprint.FlipMinus1
}

// Words say plainly what was done to the registered picture, of the given size in pixels,
// to get the query.
func (p *Place) Words(width, height int) string {
	words := "neither turned nor scaled"
	if parts, ok := geometry.Decompose(p.Map, float64(width), float64(height)); ok {
		words = parts.Words()
	}
	if p.bend != nil {
		words += ", bent"
	}
	if p.Negative {
		words += ", tones inverted"
	}
	if p.recoloured >= otherColours {
		words += ", in other colours"
	}
	return words
}

// Reason says in one plain sentence what the comparison found, without a full stop. Proved
// says whether it is enough to act upon.
func (c *Comparison) Reason(proved bool) string {
	if c.SamePixels {
		return "identical: the decoded pictures are equal to the last pixel"
	}
	if len(c.Places) == 0 {
		return "nothing that both pictures show was found"
	}
	p := &c.Places[0]
	var b strings.Builder
	switch {
	case !proved:
		b.WriteString("alike, not proved to be a copy: ")
	case c.Part() && p.OfRef < partOf:
		fmt.Fprintf(&b, "shows %.0f %% of the registered picture: ", 100*p.OfRef)
	case c.Part():
		fmt.Fprintf(&b, "the registered picture stands in %.0f %% of the query: ", 100*p.OfQuery)
	default:
		b.WriteString("copy: ")
	}
	b.WriteString(p.Words(c.ref.Width, c.ref.Height))
	fmt.Fprintf(&b, "; %d local features and %.0f %% of the texture of the overlap agree", p.Inliers, 100*p.Agree)
	if !proved && p.recolouredFigure() {
		b.WriteString(", but so simple a figure in other colours may be drawn by anybody")
	}
	if !proved && p.held.lost.odds > otherWorkLost {
		fmt.Fprintf(&b, ", but of the %d features in %.0f %% of the registered picture %d are found: another work may have been set into the same surroundings",
			p.held.lost.seen, 100*p.held.lost.area, p.held.lost.held)
	}
	if c.Shared > 0 {
		fmt.Fprintf(&b, ", not counting the %.0f %% that is common content", 100*c.Shared)
	}
	return b.String()
}
