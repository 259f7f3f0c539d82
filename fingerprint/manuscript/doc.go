// Package manuscript fingerprints design manuscripts (sketch books, tech packs, scans,
// descriptions) and proves that a file has text, pages or pictures of one.
//
// Start with [New]: its Hash turns the bytes of a document into a fingerprint.Result. Its text is
// one print (text.v1, package text); its pages as drawn, the pictures embedded in it, and their
// lines drawn anew (package page) are its Parts, each fingerprinted as a photo. Ask the index of
// texts for the hashes of [TextOf], the indexes of photos for each part; give each registered
// manuscript that answers to [Query.Compare], and all comparisons together to [Query.Discount].
// [Comparison.Probability] decides, against [ActThreshold], and [Comparison.Reason] says why.
//
// A plain picture that is asked about is hashed as a photo; [AddToQuery] adds what finds
// manuscripts.
package manuscript
