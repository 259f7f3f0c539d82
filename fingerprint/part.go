package fingerprint

// PartKind says what a part of a file is.
type PartKind string

// The kinds of parts.
const (
	FramePart   PartKind = "frame"   // a frame of a video
	PagePart    PartKind = "page"    // a page of a manuscript as a picture
	PicturePart PartKind = "picture" // a picture that is embedded in a manuscript
	LinesPart   PartKind = "lines"   // the lines of a page or picture, drawn anew; compared with its like only
	IslandPart  PartKind = "island"  // a part of such a drawing that stands alone
)

// Drawn reports whether a part is lines drawn anew, which nobody has seen as a picture.
func (k PartKind) Drawn() bool { return k == LinesPart || k == IslandPart }

// Part is a picture inside a file that is no picture itself: a key frame of a video, a page
// of a manuscript, a picture embedded in one. It is fingerprinted, stored, indexed and compared
// like a photo, and so it is found by photos and finds them. Lines drawn anew, of pages and of
// photos that are drawings, are compared with lines only.
type Part struct {
	Kind PartKind `json:"kind"`
	// Start and End are the seconds of the video that a frame stands for: its own time, and
	// the time of the next part. For frames only.
	Start float64 `json:"start,omitempty"`
	End   float64 `json:"end,omitempty"`
	// Page is the page, from 1; for pages and pictures of documents that have pages.
	Page int `json:"page,omitempty"`
	// Box is where on the page a picture stands, in pixels of the page as it was drawn; zero
	// where that is not known.
	Box Rect `json:"box,omitzero"`
	// Result is what the photo hasher says of the part. Its Work is Photo.
	Result *Result `json:"-"`
}

// PartPair names a part of the query and a part of the registered file that may show the
// same, by their places in Result.Parts; -1 is the file itself, where that is a picture.
type PartPair struct{ Query, Ref int }
