// Package mih is exact and fast similarity search: multi-index hashing of 256-bit codes.
//
// Use [Open] for an index in a directory and [New] for one in memory. Both find exactly
// what package flat finds, for every radius. What was added is found at once, what was
// removed is not; [Index.Flush] makes it last. Searches never wait for writers, merges or
// the disk.
//
// # How a search works
//
// A code is cut into chunks, an odd number of them from 11 to 31 by the number of codes,
// and for each chunk there is a list of the codes with each value (Norouzi, Punjani and
// Fleet, "Fast Exact Search in Hamming Space with Multi-Index Hashing", 2014). Two codes
// within 31 bits of each other must be very near in some chunk: with 11 chunks within 2
// bits in one of ten, or within 1 bit in the last. So it is enough to read the few lists
// around each chunk of a probe and to compare what stands there. A chunk takes its bits
// from all over the code, as neighbouring bits of a perceptual hash tend to agree.
//
// Where the lists would be many (a large radius), or turn out long (many codes alike), the
// segment is scanned instead, all probes against a block of codes at a time. With AVX-512
// that is done on one bit of 512 codes at once. SELVAGE_SIMD=off in the environment turns
// this off, and changes no answer; nor does the choice between lists and scan, which is by
// estimated cost.
//
// # How it grows
//
// New codes come into a live part, which is scanned. When it is full it becomes an
// immutable segment; four segments of about the same size are merged into one, up to 16
// Mi codes. A removed or replaced code is marked dead until its segment is merged.
// Memory for 10 M codes in one segment: 88 bytes a code, of which 32 are the code, 8 the
// ID, 44 the postings and 4 the directory of buckets.
//
// # Files
//
// Package internal/segments tells how a directory is kept, and the format of its MANIFEST,
// which begins with "SHMANI01".
//
// A segment is made of words of 64 bits in the byte order of the machine that wrote it;
// the magic word tells the order. Each part is filled up with zeros to 8 words.
//
//	8 words  magic 0x32304d4745534853, number of codes n, number of chunks m,
//	         number of words in the file, four zeros
//	4n words codes, by rising ID
//	n words  IDs, strictly rising; the place of an ID is the position of its code
//	for each of the m chunks (chunk i takes the bits i, i+m, i+2m, … where bit j is bit
//	j%64 of word j/64 of the code, from the lowest on, and gives them to its value from
//	the lowest on; w is the width):
//	    u32 × 2^w/32  samples: bit in the next part at which each group of 32 buckets begins
//	    bits          (n + 2^w) bits, lowest first, and two words more: for each value of
//	                  the chunk as many ones as there are codes with it, and a zero
//	    u32 × n       positions of the codes, by value of the chunk and then position
//	8 words  CRC-32C of all bytes before, seven zeros
//
// A segment of up to 8192 codes has no chunks (m = 0) and is always scanned.
package mih
