// Package page brings pictures of pages and drawings into a form in which copies look alike.
//
// Use [Drawings] for the drawings of a page and [Upright] for a page of text that is to be read.
//
// # Life of one drawing
//
//  1. The picture is averaged down to at most 768 pixels. The edge strength of each pixel is that of
//     the strongest of red, green and blue after a slight blur: colours, tints and inversion
//     do not matter.
//  2. Edges that are strong for this picture, and weaker ones connected to them, are kept (Canny,
//     "A Computational Approach to Edge Detection", 1986: hysteresis). Their box is the content.
//  3. The content is brought to one size and its edges are found again. The two edges of a stroke
//     are joined into one and thinned to its middle: strokes of up to about a hundredth of the
//     drawing become lines of one width, however thick they were.
//  4. The lines are drawn black on white. Package photo fingerprints that picture: local features and
//     the laying over of pictures then work for line art as they do for photos.
//  5. What stands apart on the sheet (islands) is drawn once more by itself, in its own size: a sketch
//     that was pasted beside another, or that lost its title.
package page
