// Package calibrate turns what was measured about a query and a registered work into
// the probability that the query is a copy of it.
//
// Who asks: [Parse] a model once, check its [Model.Features] against the features that you
// measure, and call [Model.Probability] for every candidate.
//
// Who trains: write one [Row] a candidate with a [Writer], read them back with [ReadAll],
// and call [Train]. It returns the model and a [Report] whose figures are out of fold: each
// row was scored by a model that saw neither the work the query was made from nor the
// work it was compared with.
//
// Promised: the same features give the same bits on every processor (additions in a fixed
// order, no fused products, no functions of the processor); the probability lies strictly
// between 0 and 1; and where a feature is said to be rising or falling, the probability
// strictly rises or falls with it, as far as a float64 can tell, so that ties are rare. The
// same rows and options train the same model, byte for byte.
package calibrate
