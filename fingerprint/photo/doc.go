// Package photo fingerprints still pictures and proves that one is a copy of another.
//
// Start with [New]: its Hash turns the bytes of a file into a fingerprint.Result. Ask an
// index for the probes of a query within [CandidateRadius], then give each registered
// photo that answers to [Compare]; its [Comparison.Probability] decides, against
// [ActThreshold], and [Comparison.Reason] says why.
//
// # Life of one photo
//
//  1. Package decode gives opaque pixels with the orientation undone.
//  2. The picture turns grey (BT.601 weights) and is averaged in whole blocks down to at
//     most 512 × 512.
//  3. The content box is found: borders, frames and bars are cut.
//  4. The whole picture, and the box where it differs, are each hashed, unless they hold
//     too little to be told from others. For queries, so is what the outermost border
//     surrounds, where the box goes further.
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
// thumb64.v1: 48 × 48 grey levels, row by row, one byte each; every one is the mean of
// the area behind it when the view is stretched to a square.
//
// pixels256.v2: see decode.Picture.PixelDigest; once, for the whole picture.
//
// All but phash64.v1 is computed with integers in a fixed order: the bits are the same on
// every machine. A kind's bits never change; vectors in testdata hold them.
package photo
