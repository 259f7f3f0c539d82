package calibrate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	format   = 1
	maxTrees = 5000
	maxDepth = 6
)

// Encode returns the model as one line of JSON. The same model gives the same bytes.
func (m *Model) Encode() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return append(b, '\n'), nil
}

// Parse reads a model. It refuses unknown fields, numbers that no training gives, and
// parts that break a feature's sense.
func Parse(b []byte) (*Model, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	m := new(Model)
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("model: more than one value in the file")
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return m, nil
}

func (m *Model) check() error {
	if m.Format != format {
		return fmt.Errorf("format %d: this program reads format %d", m.Format, format)
	}
	if m.Version == "" || len(m.Version) > 64 {
		return errors.New("version: want 1 to 64 bytes")
	}
	if err := checkFeatures(m.Features); err != nil {
		return err
	}
	if !(m.Share > 0 && m.Share <= 1) || !small(m.Additive.Bias) {
		return errors.New("share or bias out of range")
	}
	if len(m.Additive.Terms) != len(m.Features) {
		return fmt.Errorf("%d terms for %d features", len(m.Additive.Terms), len(m.Features))
	}
	for i, t := range m.Additive.Terms {
		if err := t.check(m.Features[i].Sense); err != nil {
			return fmt.Errorf("term of %s: %w", m.Features[i].Name, err)
		}
	}
	if len(m.Trees) > maxTrees {
		return fmt.Errorf("%d trees: at most %d", len(m.Trees), maxTrees)
	}
	for i := range m.Trees {
		if err := m.Trees[i].check(m.Features); err != nil {
			return fmt.Errorf("tree %d: %w", i, err)
		}
	}
	c := &m.Calibration
	if !small(c.Bias) || !(c.Floor < 0 && c.Floor >= -30) || !(c.Ceiling > 0 && c.Ceiling <= 30) {
		return errors.New("calibration: bias, floor or ceiling out of range")
	}
	if len(c.Line.Rises) == 0 {
		return errors.New("calibration: no knots")
	}
	if err := c.Line.check(Rising); err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	if !(m.Act > 0 && m.Act < 1) {
		return fmt.Errorf("act %v: want a probability between 0 and 1", m.Act)
	}
	return nil
}

// small refuses NaN and what no log-odds are.
func small(x float64) bool { return math.Abs(x) <= 1e4 }

func (t Term) check(s Sense) error {
	if len(t.Knots) == 0 && len(t.Rises) == 0 {
		return nil
	}
	if len(t.Knots) != len(t.Rises)+1 || len(t.Rises) == 0 || len(t.Rises) > 64 {
		return fmt.Errorf("%d knots and %d rises: want one knot more than rises", len(t.Knots), len(t.Rises))
	}
	for i, k := range t.Knots {
		if !(math.Abs(float64(k)) <= 1e13) || i > 0 && !(k > t.Knots[i-1]) {
			return errors.New("knots must rise")
		}
	}
	for _, r := range t.Rises {
		if !small(r) || s != Free && !(r*float64(s) > 0) {
			return fmt.Errorf("rise %v breaks the sense %+d", r, s)
		}
	}
	return nil
}

func (t *Tree) check(fs []Feature) error {
	n := len(t.Feature)
	if n == 0 || n > 1<<maxDepth-1 || n&(n+1) != 0 || len(t.Above) != n || len(t.Leaf) != n+1 {
		return fmt.Errorf("%d nodes, %d thresholds, %d leaves: no full tree of depth 1 to %d", n, len(t.Above), len(t.Leaf), maxDepth)
	}
	for i, f := range t.Feature {
		if f < -1 || int(f) >= len(fs) || !(math.Abs(float64(t.Above[i])) <= 1e13) {
			return errors.New("feature or threshold out of range")
		}
	}
	for _, v := range t.Leaf {
		if !small(v) {
			return errors.New("leaf out of range")
		}
	}
	_, _, ok := t.span(0, fs)
	if !ok {
		return errors.New("a split breaks the sense of its feature")
	}
	return nil
}

// span returns the least and the greatest leaf below node i, and whether every split
// there keeps its feature's sense: all leaves of one side on the right side of the other's.
func (t *Tree) span(i int, fs []Feature) (lo, hi float64, ok bool) {
	if i >= len(t.Feature) {
		v := t.Leaf[i-len(t.Feature)]
		return v, v, true
	}
	noLo, noHi, noOK := t.span(2*i+1, fs)
	yesLo, yesHi, yesOK := t.span(2*i+2, fs)
	ok = noOK && yesOK
	if f := t.Feature[i]; f >= 0 {
		switch fs[f].Sense {
		case Rising:
			ok = ok && noHi <= yesLo
		case Falling:
			ok = ok && noLo >= yesHi
		}
	}
	return min(noLo, yesLo), max(noHi, yesHi), ok
}
