// Package decode is the one door through which outside bytes become pixels.
//
// Start with [Decode]: bytes in, a [Picture] out, opaque, upright, 8 bits a channel.
// [Rows] is for who reads every pixel of large pictures and wants to do it sooner.
// Nothing outside this package should call a picture decoder on bytes that came from
// elsewhere. [Sniff] tells a format by its magic bytes, never by a name.
//
// What is promised:
//
//   - The format is known from the bytes. JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF, HEIC,
//     JPEG XL and PSD (merged picture) are read; of an animation the first frame.
//   - Sides and pixels are checked in the header before a decoder allocates for them.
//   - A file that ends early is an [Error] of kind [Truncated], never half a picture.
//     Damage inside the compressed data of a JPEG cannot always be seen: JPEG has no
//     checksum.
//   - A panic in a decoder becomes an [Error] of kind [Panicked].
//   - Decode returns soon after its context or its time limit ends. The decoder may run
//     on in the background; how many can is bounded, and so is the memory planned for
//     all of them together. When every slot is taken by decoders that never end, later
//     calls end with [Busy]: only a worker process that can be killed cures that.
//   - The same bytes give the same pixels on every machine, if the program is built with
//     -tags nodynamic. Without that tag a shared library of the machine may decode AVIF
//     and JPEG XL; a note in the Picture then says so.
//
// Colour profiles are ignored, and a note says so. Transparent pixels are laid on white.
//
// The package is safe for concurrent use.
package decode
