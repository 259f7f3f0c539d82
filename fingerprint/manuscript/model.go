package manuscript

import (
	"math"

	"selvage/fingerprint"
	"selvage/fingerprint/photo"
)

// ActThreshold is the probability from which a manuscript is called a copy; AlikeFloor that
// below which a candidate is not worth showing.
const (
	ActThreshold = .9
	AlikeFloor   = .002
)

// ModelVersion names the thresholds and slopes below. Before v2 the lines of two drawings had to run
// less alike, and before v3 it did not count where they do not.
const ModelVersion = "manuscript-copy.v3"

const longPassage = 120 // units of a passage that tells by itself

// textProbability is the probability that texts which share so much were copied.
func textProbability(c *Comparison) float64 {
	if c.Units == 0 {
		return 0
	}
	// A passage has to be long; several add up slowly. What is all of one of the texts says up to twice
	// as much as what stands in two long ones.
	e := float64(c.Longest) + float64(restWeight*float64(c.Units-c.Longest))
	e *= 1 + float64(c.Units)/float64(max(1, min(c.queryUnits, c.refUnits), c.Units))
	return logistic((e - textEven) / textSlope)
}

// The probability that two texts share more than chance and custom is a half at textEven units. Of
// the development set the longest passages that strangers have in common, a newsletter's
// standing notes and publishers' copyright notices, have 276 units, and the shortest paragraph
// that was lifted 430.
const (
	restWeight = .25
	textEven   = 340
	textSlope  = 22
)

// logistic turns log-odds into a probability. Above sureLogit they grow ever more slowly: nothing but
// equal bytes is certain.
func logistic(z float64) float64 {
	if z > sureLogit {
		z = sureLogit + math.Log1p(z-sureLogit)
	}
	return 1 / (1 + math.Exp(-z))
}

const sureLogit = 6

// pairProbability is that of one page or picture.
func pairProbability(p *PagePair) float64 {
	v := p.Photo.Probability()
	if !p.Kind.Drawn() {
		// The bound of photos becomes that of manuscripts, the rest is stretched.
		if v >= photo.ActThreshold {
			return ActThreshold + float64((v-photo.ActThreshold)/(1-photo.ActThreshold)*(1-ActThreshold))
		}
		return v / photo.ActThreshold * ActThreshold
	}
	if len(p.Photo.Places) == 0 {
		return 0
	}
	// Lines that run alike where features agree that the drawing has once: what photos are judged
	// by, colours and tones, was taken away.
	at := &p.Photo.Places[0]
	held := float64(p.Photo.Distinct()) * eighth(at.Agree)
	// What stands alone in one has to be all of the other: else it is a word or a sign that both
	// have.
	cover := 1.0
	if p.QueryKind == fingerprint.IslandPart {
		cover = at.OfRef
	} else if p.Kind == fingerprint.IslandPart {
		cover = at.OfQuery
	}
	if cover < wholeCover {
		held *= float64(cover/wholeCover) * float64(cover/wholeCover)
	}
	if held <= 0 {
		return 0
	}
	hole, foreign := at.Unlike()
	return logistic(linesSlope*math.Log(held/linesEven)) * min(1, v/linesLikely) * max(fading(at.Lost(), lostFrom, lostTo), rising(at.Agree, linesAlike, linesSame)) * fading(hole, holeFrom, holeTo) * fading(foreign, foreignFrom, foreignTo)
}

// rising is 0 up to from, 1 at to and beyond, and a straight line in between.
func rising(x, from, to float64) float64 { return min(1, max(0, (x-from)/(to-from))) }

// fading is 1 up to from, 0 at to and beyond, and a straight line in between.
func fading(x, from, to float64) float64 { return min(1, max(0, (to-x)/(to-from))) }

// The probability that two drawings are one is a half where linesEven features that the registered
// one has once agree, all lines besides. Agreement counts so much because members of a series,
// which share a template, agree in up to .69 of their lines, and copies in .71 or more (.9 mostly).
// Of 84 edits of sketches that were compared, redrawn and recoloured ones and such with strokes left
// out among them, 81 have 5.2 or more, and of generated logos, scarves of one lay-out and technical
// drawings none has 2.1. Two pages of one template can have 40: frame, head and words are the same
// strokes. What differs is another work, in one large hole: no less than .16 of the area of 25 such
// pairs, and .06 to .15 of the texture is another one there, where the edits that lines find have .052
// and .053 at most. Its features are lost, too: of 10 such pairs that were called copies the odds of one block
// are 13 to 58 while .94 of the lines agree at most; of 17 edits of sketches found by lines alone 14, but for one
// of which a third was erased and .96 of the rest agree. Nor do lines count where the model of photos, asked about them as about any picture, does not say
// that they are the same: it gives those pairs .85 at most, and 15 of these edits .90 or more.
const (
	linesEven   = 2.5
	wholeCover  = .7 // of the area
	linesSlope  = 4.67
	linesLikely = .85 // probability by the model of photos from which on it takes nothing away
	// Odds from which on a block without its features takes something, and all, away; see photo.Place.Lost.
	lostFrom, lostTo = 13, 24
	// Shares of the lines that agree, from which on that counts less, and not at all.
	linesAlike, linesSame = .93, .96
	// Shares from which on the unlike takes something, and all, away; see photo.Place.Unlike.
	holeFrom, holeTo       = .08, .14
	foreignFrom, foreignTo = .06, .12
)

func eighth(x float64) float64 {
	x *= x
	x *= x
	return x * x
}

// When pages that look alike are said to have different text, and what is left of the probability then.
const (
	otherTextUnits = 200
	otherTextShare = .05
	otherTextDoubt = .3
)
