// Package segments keeps an index of items by ID in immutable mapped segments, a small live
// part, and files that survive a crash. What an item is and how it is searched is up to
// the package that gives the [Format]; this one is shared by packages mih and local.
//
// Use [Open] for an index in a directory and [New] for one in memory. What was added is in
// every [State] that is taken after [Index.Add] returned, what was removed is dead in it;
// [Index.Flush] makes it last. Taking a state never waits for writers, merges or the disk.
//
// New items come into a live part. When it is full it becomes an immutable segment; four
// segments of about the same size are merged into one. A removed or replaced item is marked
// dead until its segment is merged.
//
// # Files
//
// A directory holds LOCK (empty; locked with flock(2) while the index is open), MANIFEST,
// and segments named by their number: 16 hexadecimal digits and ".seg". Files that end in
// ".tmp" and segments that the manifest does not name are left from a crash and removed
// by Open. Every file is written under a ".tmp" name, synced, renamed, and the directory
// synced; segments before the manifest that names them. They are derived data: when
// damaged, Open says [index.ErrCorrupt] and "selvage reindex" makes them again. They are
// mapped: nobody may shorten them while the index is open.
//
// MANIFEST, integers fixed in little-endian order (u32, u64) or as uvarint (encoding/binary):
//
//	8 bytes  the format's name
//	u64      cursor of the last flush
//	uvarint  number of the next segment file; numbers begin at 1
//	uvarint  number of segments; then for each
//	    uvarint  number of its file
//	    uvarint  number of items
//	    u32      its checksum, as in its trailer
//	    uvarint  number of dead items; then for each, in rising order of position,
//	        uvarint  position, less that of the one before, less 1 (the first: as it is)
//	u32      CRC-32C of all bytes before
//
// A segment is made of words of 64 bits in the byte order of the machine that wrote it. It
// begins with the format's magic word, which tells the order, and ends with 8 words: the
// CRC-32C of all bytes before, and seven zeros.
package segments
