// Package badgerkv is the embedded store.KV of Selvage: one directory, one process, no
// server. Use [Open].
//
// Every Update that returned is on the disk (fsync). Updates that come at the same time
// share one flush: Badger itself flushes for each transaction, so the transactions are
// gathered before they reach it (package occ), and throughput grows with the number of
// callers.
//
// # Files and formats
//
// The directory is Badger's alone (version 4 format, versions managed by the caller).
// Keys and values are stored as they are given; keys that begin with "!badger!" are
// Badger's own and refused. All values stay in the LSM tree (they are at most 512 KiB):
// the value log stays empty, because Badger reports a failed flush of the log only to
// its logger, and an answered Update must not rest on that. So there is no value log to
// collect; deleted and replaced values go when their tables are compacted.
//
// Each commit of the directory has one version number, one more than the one before;
// the highest is found again at Open.
//
// [KV.Backup] writes the portable stream of [store.Backup], not Badger's own format.
//
// # Full disks
//
// Badger writes through memory maps, and a write to a map that the file system has no
// room for kills the process. So commits are refused with store.ErrUnavailable while
// the file system has less than Options.MinFree left, well before that; they work again
// when there is room.
package badgerkv
