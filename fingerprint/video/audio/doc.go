// Package audio fingerprints what is heard in a video: audio.v1.
//
// Start with [NewMaker]: samples in, a [Print] out. [Compare] says where, and how surely, two
// prints are of one recording.
//
// The codes follow Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR
// 2002): the spectrum between 300 and 2000 Hz is cut into 33 bands, each about a semitone wide,
// and a bit of a code says whether the difference between two neighbouring bands grew. Unlike
// there, energies are logarithms, a band is averaged over three frames, growth is over a quarter
// of a second, and there are eight codes a second instead of 86, which keeps a minute below 2 KiB.
//
// Loudness and slow filters do not change the codes, and what compression does to them is small.
// A changed pitch moves the bits along by one for each semitone, and a changed speed stretches
// the sequence: Compare tries both.
//
// All arithmetic is on integers: the same samples give the same codes on every machine.
package audio
