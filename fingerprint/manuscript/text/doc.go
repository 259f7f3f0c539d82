// Package text normalises the text of a manuscript, fingerprints it by winnowing, and finds
// the passages that two texts share: kind text.v1.
//
// Use [Normalise] on the pages of a document, [Text.Hashes] for what an index keeps and is
// asked, [NewQuery] and [Query.Align] for the passages, [Text.Encode] and [Decode] for the
// payload of the fingerprint.
//
// # Normalised characters
//
// Of a text only letters, digits and the signs that belong to letters are kept, each in its
// simplest form: compatibility forms are undone (NFKD), accents and case are dropped, and
// letters of other scripts that look like Latin ones become those, as do the digits 0 and 1.
// Blanks, line ends, punctuation, hyphens, and whatever cannot be seen (zero-width, direction
// and tag characters, variation selectors, soft hyphens) are left out. So a text that was
// typed anew, broken into other lines, or sown with letters that only look right is the same
// as before. Each normalised character remembers where it came from.
//
// # Units and grams
//
// A character of a script that is written without blanks (Han, Kana, Hangul, Thai and the
// like) says about as much as three letters: it counts 3 units, any other 1. The gram at a
// place is what begins there and is just long enough to have 24 units: 24 letters or 8
// Chinese characters.
//
// # Winnowing
//
// Of the grams that begin within 27 units the one with the least hash is kept, the last of
// equal ones (Schleimer, Wilkerson and Aiken, "Winnowing: Local Algorithms for Document
// Fingerprinting", SIGMOD 2003). What two texts share for 50 normalised characters without a
// break has such a window and all its grams inside it in both, so that they keep a hash in
// common: 27 + 24 - 1. Of Chinese characters 16 are enough. About one gram in 14 is kept, one in
// 5 of Chinese.
package text
