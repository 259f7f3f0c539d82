// Package media is the door through which the bytes of a video become pictures with times,
// and sound. What package decode is for still pictures, this is for everything that moves.
//
// Start with [Decode]: it hands frames and samples to a [Sink] while they are read, and
// returns an [Info]. [Sniff] tells a container by its bytes.
//
// MP4, MOV, WebM, Matroska, AVI and GIF are read by ffmpeg (5.1 or later), a program of its
// own that may be missing: then Decode fails with an error of kind decode.MissingProgram, and
// nothing else does. Animated WebP, which ffmpeg does not read, is read here.
//
// What is promised:
//
//   - One pass: ffmpeg runs once per file, and gives frames and sound together.
//   - Times are the presentation times of the stream, in seconds after its start, to the
//     millisecond. No time is worked out from a count of frames or a nominal rate.
//   - Frames are upright, with square pixels, opaque (transparency is laid on white), and at most
//     Options.Side pixels on the longer side. High dynamic range is mapped to the standard one.
//   - A file whose end is missing or damaged is read as far as it goes; a note says how far.
//     Where nothing can be read, the error is a *decode.Error.
//   - ffmpeg is told the container by what Sniff saw, so that no playlist, script or file
//     name pattern is ever tried; it may open files and pipes only, gets one open file without a
//     name, and runs in a process group of its own, with limits on CPU time, memory, pixels and
//     length. When Decode returns, the group is dead.
//
// The same bytes give the same frames wherever one version of ffmpeg runs: its decoders of
// pictures and its scaler are told to be exact. Its decoders of sound work in floating point and
// may differ in the last bit between processors.
//
// The package is safe for concurrent use.
package media
