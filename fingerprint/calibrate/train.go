package calibrate

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Options say how to train; the zero value of each field stands for its default.
type Options struct {
	Version   string   // name of the model; default "calibrate.v1"
	Folds     int      // default 5
	Family    string   // additive, mixed or trees; default: the best out of fold
	Knots     int      // of each term of the additive part: 2, a straight line, to 7; default 7
	Ridge     float64  // weight of the squared rises of the additive part; default 3
	Depth     int      // of trees; default 3
	Rate      float64  // share of each tree that is kept; default 0.1
	Rounds    int      // most trees; default 400
	LeastLeaf float64  // least weight of the rows in a leaf; default 20
	LeastGain float64  // least gain of a split, in nats; default 0.1
	Shrink    float64  // weight of the squared leaves; default 5
	Aside     []string // classes of wrong candidates that do not set thresholds; default template
	Risk      float64  // false alarms accepted at Act among as many queries; default 0.05
	Cost      float64  // share of the copies that this may cost at most; default 0.02
	Act       float64  // probability to act from; 0: by Risk and Cost
}

func (o Options) filled() (*Options, error) {
	set := func(x *float64, v float64) {
		if *x == 0 {
			*x = v
		}
	}
	count := func(x *int, v int) {
		if *x == 0 {
			*x = v
		}
	}
	if o.Version == "" {
		o.Version = "calibrate.v1"
	}
	if o.Aside == nil {
		o.Aside = []string{"template"}
	}
	count(&o.Folds, 5)
	count(&o.Knots, len(knotShares))
	count(&o.Depth, 3)
	count(&o.Rounds, 400)
	set(&o.Ridge, 3)
	set(&o.Rate, 0.1)
	set(&o.LeastLeaf, 20)
	set(&o.LeastGain, 0.1)
	set(&o.Shrink, 5)
	set(&o.Risk, 0.05)
	set(&o.Cost, 0.02)
	switch {
	case o.Folds < 3 || o.Folds > 20:
		return nil, fmt.Errorf("calibrate: %d folds: want 3 to 20", o.Folds)
	case o.Knots < 2 || o.Knots > len(knotShares):
		return nil, fmt.Errorf("calibrate: %d knots: want 2 to %d", o.Knots, len(knotShares))
	case o.Depth < 1 || o.Depth > maxDepth:
		return nil, fmt.Errorf("calibrate: depth %d: want 1 to %d", o.Depth, maxDepth)
	case o.Rounds < 1 || o.Rounds > maxTrees:
		return nil, fmt.Errorf("calibrate: %d rounds: want 1 to %d", o.Rounds, maxTrees)
	}
	if o.Act < 0 || o.Act >= 1 {
		return nil, fmt.Errorf("calibrate: act %v: want a probability", o.Act)
	}
	for _, x := range []float64{o.Ridge, o.Rate, o.LeastLeaf, o.LeastGain, o.Shrink, o.Risk, o.Cost} {
		if !(x > 0 && x < 1e9) {
			return nil, fmt.Errorf("calibrate: option %v: want a number above 0", x)
		}
	}
	return &o, nil
}

// families are the forms that compete, the simplest first. All have an additive part, if
// only for its smoothness, which keeps scores apart that trees would tie.
var families = []struct {
	name  string
	share float64
	trees bool
}{
	{"additive", 1, false},
	{"mixed", 1, true},
	{"trees", 0.1, true},
}

// patience is after how many trees without gain no more are grown.
const patience = 25

// trial is a family judged out of fold.
type trial struct {
	FamilyResult
	share  float64
	margin []float64 // by row, out of fold
}

// Train fits the families to the rows, judges them out of fold, and returns the model of
// the better one, trained on all rows, calibrated on its out-of-fold scores. Better is the
// higher recall at zero false alarms among those within 5 % of the least log loss.
//
// It uses all processors, about 14 seconds of one for 20,000 rows of 25 features, and ends
// early, with the error of ctx, when ctx ends.
func Train(ctx context.Context, s Set, o Options) (*Model, *Report, error) {
	opt, err := o.filled()
	if err != nil {
		return nil, nil, err
	}
	if err := checkFeatures(s.Features); err != nil {
		return nil, nil, fmt.Errorf("calibrate: %w", err)
	}
	for i := range s.Rows {
		if err := s.Rows[i].check(len(s.Features)); err != nil {
			return nil, nil, fmt.Errorf("calibrate: row %d: %w", i, err)
		}
	}
	t := newTable(s)
	ls, err := learners(t, opt)
	if err != nil {
		return nil, nil, err
	}
	if len(ls) == 0 {
		return nil, nil, errors.New("calibrate: no rows")
	}
	if !t.varies() {
		return nil, nil, errors.New("calibrate: no feature differs between any two rows")
	}
	trials, err := compete(ctx, t, ls, opt)
	if err != nil {
		return nil, nil, err
	}
	best := choose(trials)
	v := judge(t.rows, best.margin, opt.Aside)
	copies := 0
	for _, q := range v.queries {
		if q.copy {
			copies++
		}
	}
	// Each row is calibrated by a curve that was not fitted to it, like its margin.
	p := make([]float64, len(t.rows))
	for _, l := range ls {
		c, err := fitCurve(l.t, l.train, best.margin, len(v.wrong), copies)
		if err != nil {
			return nil, nil, err
		}
		for _, i := range l.hold {
			p[i] = sigmoid(c.at(best.margin[i]))
		}
	}

	all := whole(t, opt)
	curve, err := fitCurve(t, all.train, best.margin, len(v.wrong), copies)
	if err != nil {
		return nil, nil, err
	}
	high, err := newTail(v)
	if err != nil {
		return nil, nil, err
	}
	from, reason := act(v, high, opt.Risk, opt.Cost)
	if err := each(ctx, []*learner{all}, func(l *learner) { l.prepare(best.Rounds > 0) }); err != nil {
		return nil, nil, err
	}
	all.start(best.share)
	for n := range best.Rounds {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		all.round(n)
	}
	m := &Model{Format: format, Version: opt.Version, Features: s.Features, Share: best.share, Additive: all.additive,
		Trees: all.trees, Calibration: curve, Act: sigmoid(curve.at(from)), ActReason: reason}
	if opt.Act > 0 {
		m.Act, m.ActReason = opt.Act, fmt.Sprintf("set to %v by hand, in view of the table of choices; by risk and cost it would have been %.6f", opt.Act, m.Act)
		from = curve.before(logit(opt.Act))
	}
	r := report(t, m, best, trials, v, p, from, opt)
	r.Choices = choices(v, high, &curve)
	r.Facts.Groups, r.Facts.CopyQueries = len(folds(t.rows, opt.Folds)), copies
	m.Training = r.Facts
	return m, r, nil
}

// shares are the places of the knots: the outer ones, and others evenly between.
func (o *Options) shares() []float64 {
	out := make([]float64, o.Knots)
	for i := range out {
		out[i] = knotShares[i*(len(knotShares)-1)/(o.Knots-1)]
	}
	return out
}

// prepare fits what the families share.
func (l *learner) prepare(trees bool) {
	l.additive = fitAdditive(l.t, l.train, l.opt.shares(), l.opt.Ridge)
	if trees {
		l.bins = newBins(l.t, l.train)
	}
}

// compete trains the families on the folds.
func compete(ctx context.Context, t *table, ls []*learner, opt *Options) ([]trial, error) {
	if err := each(ctx, ls, func(l *learner) { l.prepare(opt.Family != "additive") }); err != nil {
		return nil, err
	}
	var out []trial
	for _, f := range families {
		if opt.Family != "" && opt.Family != f.name {
			continue
		}
		if err := each(ctx, ls, func(l *learner) { l.start(f.share) }); err != nil {
			return nil, err
		}
		best := 0
		if f.trees {
			var err error
			if best, err = boost(ctx, ls, opt.Rounds); err != nil {
				return nil, err
			}
		}
		z := make([]float64, len(t.rows))
		for _, l := range ls {
			l.held(best, z)
		}
		v := judge(t.rows, z, opt.Aside)
		out = append(out, trial{share: f.share, margin: z, FamilyResult: FamilyResult{
			Name: f.name, Rounds: best, LogLoss: logLoss(t, z), RecallZero: v.recall(v.at(0)), RecallMille: v.recall(v.at(0.001)),
		}})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("calibrate: family %q: want additive, mixed or trees", opt.Family)
	}
	return out, nil
}

// boost adds trees to all learners in step until the rows held out gain no more, and
// returns the number of trees that was best for them.
func boost(ctx context.Context, ls []*learner, rounds int) (best int, err error) {
	held := func() (sum float64) {
		for _, l := range ls {
			sum += l.heldLoss()
		}
		return sum
	}
	least := held()
	for n := range rounds {
		if err := each(ctx, ls, func(l *learner) { l.round(n) }); err != nil {
			return 0, err
		}
		if now := held(); now < least {
			least, best = now, n+1
		} else if n+1 >= best+patience {
			break
		}
	}
	return best, nil
}

func choose(trials []trial) *trial {
	least := math.Inf(1)
	for i := range trials {
		least = min(least, trials[i].LogLoss)
	}
	var best *trial
	for i := range trials {
		if r := &trials[i]; r.LogLoss <= 1.05*least && (best == nil || r.RecallZero > best.RecallZero) {
			best = r
		}
	}
	return best
}
