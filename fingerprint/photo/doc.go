// Package photo fingerprints still pictures and proves that one is a copy of another.
//
// Start with [New]: its Hash turns the bytes of a file into a fingerprint.Result. Ask the
// indexes for what is near the probes of a query within [CandidateRadius] and for what shares
// its local features ([LocalQuery]); give each registered photo that answers to
// [Query.Compare], and all comparisons together to [Query.Discount].
// [Comparison.Probability] decides, against [ActThreshold], and [Comparison.Reason] says why.
//
// # Life of one photo
//
//  1. Package decode gives opaque pixels with the orientation undone.
//  2. The picture turns grey (BT.601 weights) and is averaged in whole blocks down to at
//     most 512 × 512.
//  3. The content box is found: borders, frames and bars are cut.
//  4. The whole picture, and the box where it differs, are each hashed, unless they hold
//     too little to be told from others. For queries, so is what the outermost border
//     surrounds, where the box goes further, and what straight edges surround inside the
//     picture: a small drawing pasted into a photo has too few features to be found by.
//  5. Local features are found in the whole picture, up to 288 where it is registered and
//     500 where it is asked about, and the proof picture and the colour grid are made.
//
// # Life of one comparison
//
//  1. Guesses where the registered picture lies in the query come from the nearest hashes
//     of the whole pictures and from fits of local features (package geometry).
//  2. The query is laid over the half of the proof picture as guessed and moved to where the
//     two agree best; what agrees nowhere is dropped.
//  3. The same over the whole proof picture; then local correlation is measured place by
//     place, weighted by texture, and the local features that lie where the place says are
//     counted, whatever the guess came from.
//  4. Where the two disagree is looked at too: an overlay leaves islands that agree, another
//     picture on the same page is one large hole. So are the colours where they agree in tone.
//  5. A model trained out of fold turns the measures ([Features]) into a probability. A simple
//     figure in other colours never gets as far as [ActThreshold]; a whole picture that hash
//     and features agree on, each by itself, always does.
//  6. What several otherwise different works show in the same place of the query is common
//     content: it is masked, and each work judged again by what is left.
//
// # Kinds
//
// pdq256.v1: the PDQ hash (Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ
// Image-Hashing Algorithm", 2019), 32 bytes whose hexadecimal digits are the hash as
// the reference prints it. Quality is the reference's. A picture with no side over 512
// pixels has the reference's hash within a few bits. A longer side is averaged down first.
//
// phash64.v1: goimagehash.PerceptionHash of the grey plane, 8 bytes big-endian. Its
// arithmetic is floating point of that library, so a bit may differ between processor
// families; it is for exchange and never decides.
//
// local.v1: see package local.
//
// proof128.v1: a grey picture of the whole, its longer side at most 128 pixels, 64 levels,
// packed without loss; see encodeProof.
//
// chroma.v1: which colours stand where, on a grid of 16 cells along the longer side; see
// encodeChroma. What was registered before it existed is compared without colours.
//
// pixels256.v2: see decode.Picture.PixelDigest; once, for the whole picture.
//
// All but phash64.v1 is computed with integers in a fixed order: the bits are the same on
// every machine. A kind's bits never change; vectors in testdata hold them.
package photo
