// Package text finds registered texts that share winnowed hashes with a query: an inverted file.
//
// Use [Open] for an index in a directory and [New] for one in memory, [Index.Add] with the hashes
// of a text, and [Index.Search] with those of a query. What comes back are candidates: what they
// really share must be seen by aligning the texts. What was added is found at once, what was
// removed is not; [Index.Flush] makes it last. Searches never wait for writers, merges or the disk.
//
// # Score
//
// Of a hash the upper 32 bits are kept. A text has the score
//
//	sum over the query's hashes that it has, each once, of idf(hash)²
//
// where idf is log2(1 + texts/texts with the hash), in 256ths and between powers of two by a
// straight line: integers, so that answers are the same on every processor. What many texts
// have (a legal notice, a template) says little. Removed and replaced texts count in both
// numbers until they are dropped, at once from the live part and else when their segment is merged.
// Among 100,000 pages a hash that is not there is taken for another one's once in 200 times;
// such votes fall on texts at random.
//
// # What a search costs
//
// Each hash reads its list, found by bisection in every segment. If the lists are more than 4 Mi
// postings together (see [Options]), those of the most frequent hashes are left out.
// [Index.SearchWithin] finds the run of an owner's texts in each list by bisection too, and scores
// as if there were no others.
//
// # How it grows
//
// New texts come into a live part, which is scanned. When it has 256 it becomes an immutable
// segment; four segments of about the same size are merged into one, up to 1 Mi texts; package
// internal/segments tells more, and the rest of the file format. A hash takes 8 bytes and a text 12
// more. A page of 3,000 letters has about 215 hashes and so takes 1.7 kB. Merging needs memory
// for the segment that comes of it.
//
// # Segments
//
// Each part is filled up with zeros to 8 words of 64 bits.
//
//	8 words   magic 0x31304758544c4c53, number of texts n, number of postings p, number of words
//	          in the file, four zeros
//	n words   IDs, strictly rising
//	u32 × n   hashes of each text
//	u64 × p   postings, strictly rising: hash × 2^32 + position of the text
//	8 words   CRC-32C of all bytes before, seven zeros
//
// The manifest begins with "SLMANT01".
package text
