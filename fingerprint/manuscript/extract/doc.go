// Package extract turns the bytes of a design manuscript into text and pictures.
//
// Start with [Extract]: bytes in, a [Document] out, with the text of each page in runs, the
// pictures embedded in it, and, where the format has pages, a way to draw them. [Sniff] tells
// a format by its first bytes, never by a name. [OCR] reads the text of a picture.
//
// What is promised:
//
//   - PDF, DOCX, PPTX, ODF (text, slides, drawings), HTML, plain text with Markdown, SVG,
//     PSD with its layers, TIFF with its pages, zips of pictures, and single pictures are
//     read. A format without pages gives one [Page] with Number 0 and no raster.
//   - Text keeps every character of the file, those that cannot be seen too: zero-width
//     characters are evidence, and undoing tricks is the caller's work.
//   - Text that a reader of the document would not see has its run marked with why: see
//     [Hidden].
//   - Every embedded picture becomes pixels through package decode, or in the sandbox of the
//     PDF engine with the same caps.
//   - Bytes, pages, text, pixels, inflated bytes, depth and time are bounded by [Limits].
//     What is cut off at a cap is said in Document.Notes; what cannot be read at all is a
//     *decode.Error whose Kind says why. No external reference of a file is ever followed.
//   - PDF is read by PDFium compiled to WebAssembly: a file that breaks it breaks an instance
//     of its own, with bounded memory, which is thrown away; a file that makes it loop is
//     stopped when its time is over. Nothing is left running.
//   - Programs of the machine are optional: rsvg-convert draws SVG, tesseract reads pictures.
//     Each runs in a process group of its own with caps on time, memory and output. Without
//     them everything else works, and the error of kind [NoProgram] names what to install.
//
// Not read: the text of PDF annotations and form fields, of pictures in EMF and WMF, what
// style sheets do to HTML, and old binary office files. White text is not judged on slides and in
// drawings, whose ground is not known. Hidden layers and clips of a PDF are told only on pages
// that have other text in doubt, and there only where that text is light or covered too.
//
// The package is safe for concurrent use, a [Document] too.
package extract
