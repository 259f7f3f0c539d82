// Package local finds registered pictures that share local features with a query: an inverted
// file with signatures and weak geometry.
//
// Use [Open] for an index in a directory and [New] for one in memory, [Index.Add] to register
// the features of a picture, and [Index.Search] with the features of a query, in as many
// variants (mirrored, inverted) as wanted. What comes back are candidates: whether a picture
// was really copied must be seen from where the features lie, which the index does not know.
// What was added is found at once, what was removed is not; [Index.Flush] makes it last.
// Searches never wait for writers, merges or the disk.
//
// Package flat is the oracle: it gives the same answers by comparing everything.
//
// # Score
//
// A probe matches a feature of a picture that stands under one of the probe's words and has a
// signature within 20 bits of the probe's (Jégou, Douze and Schmid, "Improving Bag-of-Features
// for Large Scale Image Search", 2010). Of several in one picture the nearest counts, so that a
// feature that a picture has many times is not counted many times; of equally near ones, that
// under the earlier word, and then that with the least size (in quarters of an octave) and angle.
//
// The match counts a vote of
//
//	idf(word)² × exp(-(distance/13.2)²) / √(probes of the set that look under the word)
//
// where idf is log2(1 + pictures/features): the number of pictures in the index, and that of
// features it has under the word. Removed and replaced pictures count in both until they
// are dropped, at once from the live part and else when their segment is merged.
//
// A picture's rank in a set is the sum of its votes, divided by the root of its number of
// features. The 512 pictures of the largest rank (or k, if that is more; see [Options]) are on
// the set's shortlist, ties by ID. For those, votes are sorted by how the probe is turned and
// scaled against the feature, into 16 bins of 1/16 turn and 8 of an octave; the score is the
// largest sum over a window of two neighbouring bins both ways, again divided by the root. A
// picture has the best score of all sets.
//
// All of this is done in integers (package internal/weigh), so that answers are the same on every
// processor, and with SELVAGE_SIMD=off in the environment, which turns vector code off.
//
// # What a search costs
//
// Each probe reads the lists of its words. If these are more than 8 Mi postings for all sets
// together (see [Options]), the words with the longest lists are left out, ties by the
// larger word. Those say least, but a collection that has little else becomes hard to
// search; no search takes longer for it. [Index.SearchWithin] finds the run of an owner's
// pictures in each list by bisection, and scores as if there were no others.
//
// # How it grows
//
// New pictures come into a live part, which is scanned. When it has 1024 it becomes an
// immutable segment; four segments of about the same size are merged into one, up to 256 Ki
// pictures; package internal/segments tells more, and the rest of the file format.
// A feature takes 12 bytes and a picture 10 more; the lengths of the lists take 2 or 3 bytes a
// word and segment. A picture of 288 features takes 3,487 bytes among 100,000 and less than
// 4,050 among a few hundred. Besides there is an array of 4 bytes a word for each segment on the
// heap. Merging needs memory for the segment that comes of it, 0.9 GB at most for such pictures.
//
// # Segments
//
// Each part is filled up with zeros to 8 words of 64 bits.
//
//	8 words   magic 0x31304745534c4c53, number of pictures n, number of postings p, number of
//	          words in the file, size of the vocabulary, bytes of the directory, two zeros
//	n words   IDs, strictly rising
//	u16 × n   features of each picture, at most 4096
//	bytes     directory: for each word of the vocabulary with a list, in rising order, two
//	          uvarints: how many words without a list come before it, and how many postings
//	          it has
//	u32 × p   postings, list after list: position of the picture × 2^14 + size/4 × 2^8 + angle,
//	          rising in each list
//	u64 × p   their signatures
//	8 words   CRC-32C of all bytes before, seven zeros
//
// The manifest begins with "SLMANI01".
package local
