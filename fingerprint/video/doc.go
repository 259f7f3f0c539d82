// Package video fingerprints videos and proves that one runs inside another, picture by
// picture and in time.
//
// Start with [New]: its Hash turns the bytes of a file into a fingerprint.Result, whose parts
// are key frames that are fingerprinted like photos. Ask an index of frames (package
// index/timeline takes [Samples] and is asked [Moments]) and the indexes of photos for
// candidates, give each to [Query.Compare], and all comparisons together to [Query.Discount].
// [Comparison.Probability] decides, against [ActThreshold], [Comparison.Segments] say when and
// how, [Comparison.Reason] says why, and [Comparison.Sound] what is heard.
//
// # Life of one video
//
//  1. Package media gives the frame that is shown at every half second, upright.
//  2. Each is hashed by PDQ as a whole and inside its content box, and it is measured how much
//     of it is busy: black and flat frames have no code, title cards weigh next to nothing.
//  3. About once a second (once in a second and a half where the video is asked about), and
//     only where something moved, a frame is fingerprinted like a photo.
//  4. Of a query, small grey pictures of all samples are kept for the time of the search.
//  5. Package audio listens.
//
// # Life of one comparison
//
//  1. All frames are compared with all by their codes, in eight forms.
//  2. Pairs of key frames that local features propose are compared by package photo. Where one
//     is found, its place in the picture (a crop, a picture in picture) is a lens: all frames
//     are compared again through it.
//  3. Package align finds the lines that near frames lie on; along each, the stretches where
//     frames agree are the segments.
//  4. A few pairs of key frames along each segment are compared closely: they prove the copy,
//     and tell what was done to the picture.
//  5. A model trained out of fold turns the measures ([Features]) into a probability.
//  6. What several registered works show that are otherwise different is common content: each
//     is judged again without it.
//
// Sound never decides: see [Sound].
//
// # Kinds
//
// vframe.v1: see [Track.Encode]; 33 bytes a sampled frame, 65 where it has a content box, one
// where nothing moved: 4 KiB a minute of moving pictures. The codes are PDQ hashes as in
// pdq256.v1, of frames of 512 pixels at most.
//
// audio.v1: see package audio.
//
// All that is stored is computed with integers from the frames, so where the frames are the
// same, the bits are.
package video
