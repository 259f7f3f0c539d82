// Package fingerprint holds the core values of Selvage: the Digest that names a file,
// the Kind and Fingerprint that describe it, and the Hasher contract. It has no
// dependency on storage, network or any other room.
//
// Start with [Set.Hash]: bytes in, a [Result] out. The hashers live in the
// sub-packages (photo); decoding of outside bytes sits behind one door, package decode.
package fingerprint
