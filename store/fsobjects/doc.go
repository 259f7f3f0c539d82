// Package fsobjects is the store.Objects of one machine: a directory. Use [Open].
//
// The object "a/b/c" is the file a/b/c below the directory. A Put writes a new file
// under +tmp, flushes it, renames it into place and flushes the folder, and every folder
// it made, before it returns; so a file under its final name is always whole, and an
// acknowledged one survives a power cut. Keys cannot hold "+" or capitals, so no object
// can reach +tmp, and no key can leave the directory.
//
// Each process has a folder of its own below +tmp, which it holds locked; folders that
// nobody holds were left by a process that died, and Open removes them. Several
// processes may have the same directory open.
package fsobjects
