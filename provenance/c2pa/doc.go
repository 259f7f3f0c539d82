// Package c2pa reads the Content Credentials that a file brings along: the manifest store of
// C2PA (specification 2.2, versions 1 and 2 of the claim). [Read] is the way in.
//
// What it finds is what somebody else claims. The package checks two things and says so in
// words: that the claim's signature is that of the certificate it carries
// ([Signature.Check]), and that the file's bytes are those that the claim is bound to
// ([Binding.Check]). It knows no trust list, so that it never says whether the signer is to
// be believed: [Claims.Trust] is always "not assessed".
//
// # What is read
//
//	JPEG          APP11 segments that hold JUMBF, joined (ISO/IEC 19566-5, annex D)
//	PNG           the chunk caBX
//	WebP          the RIFF chunk C2PA
//	MP4, MOV,     the uuid box of C2PA with the purpose "manifest"
//	HEIC, AVIF
//
// Of the store, the active manifest is read: the last one. Compressed manifests, stores
// outside of the file, and the hard bindings c2pa.hash.boxes and c2pa.hash.bmff with a
// Merkle tree are not; the claims say "not checked" where a check is missing.
//
// # Limits
//
// Everything here is a stranger's bytes: a store has at most [MaxStore] bytes, a list in the
// claims at most 100 entries and a text at most 300 characters. Texts are valid UTF-8
// without control characters. A file that is no such thing gives an error, never a panic.
package c2pa
