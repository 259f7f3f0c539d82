// Package paper makes the two documents of Selvage that people read on paper: the
// [Certificate] of one registration, and the [Report] of an evidence bundle. Both are PDF,
// A4, black on white.
//
// Start with [RegistrationOf], which reads a verified receipt; add pictures and the address
// where a stranger can check it; then call Certificate. A Report is a Registration with, in
// a dispute, a [Match]. Whoever fills these types decides what may be seen: the package
// knows no owners and no storage.
//
// What is promised:
//
//   - The same input gives the same bytes: no clock, no random number, no order of a map goes
//     in. Places are in floating point to a hundredth of a point; a picture of at most 1,000
//     pixels a side goes in as it is, a larger one is made smaller in floating point, which
//     another kind of CPU may round otherwise.
//   - A document says what it was given and no more. What was claimed and what was proved
//     stand apart; a bound that is not known is called unknown.
//   - Every character of outside text appears. Latin, Greek, Cyrillic, Chinese, Japanese,
//     Korean and Hebrew are set as they are written; Arabic is set letter by letter, which a
//     note says; what no font has, and what is invisible or acts on text, is shown by its
//     number, [U+202E]. Text is in the normal form NFC. No text can leave its column.
//   - Digests are set in groups of eight; searching and copying find them in one piece.
//   - The fonts come with the program (fonts/README.md), and a document carries the letters
//     it needs, so that it prints the same everywhere.
//
// The functions are safe for concurrent use.
package paper

import (
	"image"
	"time"
)

// Registration is one registered work as a receipt proves it.
type Registration struct {
	Service string // name of the registering service
	Work    string // the work's ID
	Version int    // from 1
	Title   string // empty: untitled
	Kind    string // photo, video or manuscript
	Owner   Party

	// Fixed is when the work was made, Disclosed when it was first shown to the public: both
	// claimed, nil where nothing was claimed. Registered is what the log and the time token
	// prove. The three are never mixed.
	Fixed, Disclosed *Date
	Registered       Date
	// Authors ("Ada Weaver, designer") and Rights are claims of the owner.
	Authors, Rights []string
	// ClaimKey names the key of the owner's own that signed all that is claimed; empty: none.
	ClaimKey string
	// Received is the service's own clock when the files arrived. It proves nothing.
	Received time.Time

	Files []File
	// Pictures show the work, in any number; the first eight are printed.
	Pictures []Picture

	Record Record
	// Link is the address of a page where a stranger can check a record, with its scheme. It
	// goes into the QR code, followed by "#work=ID&record=DIGEST". Empty: the code says
	// "selvage:work=ID&record=DIGEST".
	Link string
}

// Party is a person or organisation as it calls itself.
type Party struct {
	ID, Name string // Name may be empty
}

// Date is a time as an interval, always: From and To are its bounds in UTC, nil where they
// are not known.
type Date struct {
	// Claimed: somebody says so. Else it is proved, by what By names.
	Claimed  bool
	From, To *time.Time
	// Text is the date as the claimant wrote it ("2024-03"), for claimed dates.
	Text string
	// By is who proves it ("the time authority …") or who claims it ("the owner").
	By string
	// Place, Channel and Reach say where a disclosure was made, through what, and whom it
	// could reach, in the claimant's words; empty where nothing was said.
	Place, Channel, Reach string
}

// File is one file by its digest.
type File struct {
	Name      string // as its holder called it; may be empty
	SHA256    string // 64 hex digits
	Size      int64  // bytes
	MediaType string
}

// Picture is a picture with the size of the original it was made from, in pixels after
// orientation: regions are given in these. Where Image is nil, Why says why.
type Picture struct {
	Image         image.Image
	Width, Height int
	Caption       string
	Why           string
}

// Record says where a statement is recorded, and under which keys.
type Record struct {
	// Digest is the SHA-256 of the signed statement, the file statement.dsse (hex).
	Digest string
	// Commitment is the entry in the log (hex): HMAC-SHA-256 of statement.dsse.
	Commitment string
	Log        string // name of the log
	Index      uint64 // of the entry, from 0
	TreeSize   uint64 // entries in the log when it was stamped
	Authority  string // who stamped it
	ServiceKey string // key ID of the service that signed
}

// Match is one finding: that a file copies the registered work, and how.
type Match struct {
	ID string
	// Made is when the comparison was made: From nil and To what the time token over its own
	// record proves, or a claim of the service where it is not recorded.
	Made        Date
	Verdict     string  // identical, copy, part, alike
	Probability float64 // calibrated, 0 to 1
	Sentence    string  // the finding in plain words
	Transform   string  // what was done to the registered picture, in words; empty: not told
	Signals     []Signal
	Policy      string // version of thresholds and calibration

	// Query is the file that was compared, Asset the registered one.
	Query, Asset               File
	QueryPicture, AssetPicture Picture

	Regions  []Region
	Segments []Segment
	Passages []Passage
	// Frames are frames of two videos that show the same; nil where one of the files is none.
	Frames []Frames

	// Innocent is the strongest innocent explanation; nil: not assessed, and the report
	// says so.
	Innocent *Explanation
	// Record is where the match's own statement is recorded; nil where it is not.
	Record *Record
}

// Signal is one measurement that speaks for a match.
type Signal struct {
	Name string // "pdq256.v1"
	Text string // "8 of 256 bits differ"
}

// Region is one region as polygons in both pictures, in pixels of the originals after
// orientation; corner i of one is corner i of the other.
type Region struct{ Query, Work [][2]float64 }

// Segment is one pair of [start, end] in seconds; [0, 0] of a file that is no video.
type Segment struct{ Query, Work [2]float64 }

// Frames are pairs of frames from one stretch of two videos. Text says what the stretch is, the
// captions of the pictures when each frame is shown, and Region, nil where it is not known,
// what of the frames both show.
type Frames struct {
	Text   string
	Pairs  []FramePair
	Region *Region
}

// FramePair is a frame of the compared file and the frame of the work that it shows.
type FramePair struct{ Query, Work Picture }

// Passage is one pair of [start, end) in characters.
type Passage struct{ Query, Work [2]int64 }

// Explanation is a way in which a match could have come about without copying.
type Explanation struct {
	Text string
	// Probability is how likely it is, 0 to 1; nil: that was not assessed.
	Probability *float64
	// Basis says what the probability rests on; may be empty.
	Basis string
}

// Custody is one thing that was done with the files.
type Custody struct {
	Time time.Time
	Who  string // a role or a name
	What string
	With string // the tool; may be empty
}

// Check is one way to check a bundle, with what it prints if all is well.
type Check struct {
	Title string
	Text  string
	Steps []Step
}

// Step is a command and what it prints; Prints may be empty.
type Step struct{ Command, Prints string }
