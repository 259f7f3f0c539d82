package registry

import (
	"errors"
	"fmt"
	"time"

	"selvage/fingerprint"
	"selvage/provenance"
)

// OwnerID names a tenant: the designer, shop or organisation that works belong to.
// 1 to 64 of [a-z0-9._-], beginning with a letter or digit.
type OwnerID string

// WorkID names a work: "w_" and 26 characters that sort by time.
type WorkID string

// MatchID names one answered query: "m_" and 26 characters that sort by time.
type MatchID string

// Visibility says who may learn of a work.
type Visibility string

// The visibilities.
const (
	// Private works are matched for their owner only. To everybody else they do not
	// exist; the owner is told when a stranger's query resembles one.
	Private Visibility = "private"
	// Matchable works are found by everybody's queries: the answer names the work, its
	// owner and its registration date, but neither title nor picture.
	Matchable Visibility = "matchable"
	// Public works are matchable, and everybody may read title and description.
	Public Visibility = "public"
)

// Work is what a designer registers.
type Work struct {
	ID          WorkID               `json:"id"`
	Owner       OwnerID              `json:"owner"`
	Kind        fingerprint.WorkKind `json:"kind"`
	Title       string               `json:"title"`
	Description string               `json:"description,omitempty"`
	Visibility  Visibility           `json:"visibility"`
	Dates       Dates                `json:"dates"`
	// Authors and Rights are who made the work and what is claimed in it, in the owner's words.
	Authors []provenance.Author `json:"authors,omitempty"`
	Rights  []string            `json:"rights,omitempty"`
	// Version counts the versions of a work from 1 (0 in rows of before), Replaces is the
	// work that is the version before.
	Version  int    `json:"version,omitempty"`
	Replaces WorkID `json:"replaces,omitempty"`
	// ClaimKey names the key with which the owner signed a claim of their own; empty: none.
	ClaimKey string  `json:"claim_key,omitempty"`
	Assets   []Asset `json:"assets"`
	// Withdrawn is when the owner withdrew the work; it then matches nothing, while its
	// record and proof stay.
	Withdrawn *time.Time `json:"withdrawn,omitempty"`
	// Proven is the time of the token over the log that holds the work: the work was
	// registered not later than this. Nil while the receipt is pending.
	Proven *time.Time `json:"proven,omitempty"`
}

// Dates are the three dates of a work, kept apart. Fixed and FirstDisclosed are
// claims of the owner; Received is the service's clock when the files arrived.
type Dates struct {
	Fixed          *time.Time  `json:"fixed,omitempty"`
	FirstDisclosed *Disclosure `json:"first_disclosed,omitempty"`
	Received       time.Time   `json:"received"`
}

// Disclosure is when and where a work was first shown to the public.
type Disclosure struct {
	Date    time.Time `json:"date"`
	Place   string    `json:"place,omitempty"`   // address or event, in the owner's words
	Channel string    `json:"channel,omitempty"` // like "web shop" or "trade fair"
	Reach   string    `json:"reach,omitempty"`   // who could know of it
}

// Asset is one file of a work.
type Asset struct {
	Digest fingerprint.Digest `json:"digest"`
	Size   int64              `json:"size"`
	Name   string             `json:"name"`   // as the owner called it; shown, never trusted
	Format string             `json:"format"` // as sniffed: "jpeg", "heic", …
	// Result holds the fingerprints where they were asked for, else nil.
	Result *fingerprint.Result `json:"result,omitempty"`
	// Credentials are what the file brought along, where they were asked for, else nil.
	Credentials *Credentials `json:"credentials,omitempty"`
	Seq         uint64       `json:"seq"` // number of the asset in the indexes
	// Parts is how many pictures inside it are fingerprinted: key frames of a video, pages and
	// pictures of a manuscript. Their numbers follow Seq.
	Parts int `json:"parts,omitempty"`
}

// File is one uploaded file.
type File struct {
	Name string
	Data []byte
}

// RegisterRequest asks for one work to be registered.
type RegisterRequest struct {
	Owner          OwnerID
	Title          string // empty: the first file's name without its extension
	Description    string
	Kind           fingerprint.WorkKind // empty: told from the bytes
	Visibility     Visibility           // empty: Private
	Fixed          *time.Time
	FirstDisclosed *Disclosure
	Authors        []provenance.Author
	Rights         []string // of provenance.Rights
	Files          []File   // 1 to MaxAssets
	// VersionOf is the owner's work that this one is the next version of; empty: none.
	VersionOf WorkID
	// Claim is the envelope of a provenance.ClaimStatement that one of the owner's registered
	// keys signed. What it says is then said nowhere else in the request. Empty: none.
	Claim []byte
	// Bulk is for taking over a collection: the work is not compared with earlier ones, so
	// Related is nil and no owner of an earlier work is told.
	Bulk bool
	// NoWait returns as soon as the work is durable and matchable, without waiting for
	// the log: the Receipt is then nil unless the work was a duplicate.
	NoWait bool

	signed *signedClaim // Claim, once it is checked
}

// Registration is the outcome of Register.
type Registration struct {
	Work      *Work
	Duplicate bool // the owner had registered the same bytes before: this is that work
	// Receipt is the proof as JSON, nil while the log has not taken the entry yet.
	Receipt []byte
	// Related are earlier works that the asker may know of and that the new one copies,
	// with their proven dates: a registration is never refused because of them, and
	// never silently swallowed either.
	Related []Match
}

// Verdict is the vocabulary of the design, section 4.
type Verdict string

// The verdicts.
const (
	Identical    Verdict = "identical"    // same bytes, or the same pixels after decoding
	Copy         Verdict = "copy"         // the same picture, edited
	Part         Verdict = "part"         // a region of one stands inside the other
	Alike        Verdict = "alike"        // merely similar: never a reason to act
	None         Verdict = "none"         // nothing found
	Insufficient Verdict = "insufficient" // too little information to tell
)

// Accuses reports whether the verdict is one to act upon.
func (v Verdict) Accuses() bool { return v == Identical || v == Copy || v == Part }

// MatchRequest asks which registered works a file copies.
type MatchRequest struct {
	Asker OwnerID
	File  File
	// Alike asks for up to 20 merely similar works beside those to act upon.
	Alike bool
	// Unlikely, with Alike, counts among those the ones that hardly resemble the file too:
	// for fitting the model, which must see what it rejects.
	Unlikely bool
}

// MatchReport is the answer to one query; it is stored under its ID.
type MatchReport struct {
	ID      MatchID   `json:"id"`
	Asker   OwnerID   `json:"asker"`
	Time    time.Time `json:"time"`
	Query   Query     `json:"query"`
	Verdict Verdict   `json:"verdict"` // the strongest of the matches, or none, or insufficient
	Reason  string    `json:"reason"`  // one plain sentence
	Matches []Match   `json:"matches"` // by falling probability; never null
	// More is how many further works are to act upon and not shown: an answer has at most
	// 100, and at most 10 of one owner.
	More int `json:"more,omitempty"`
	// Rejected and Ignored are how many works the answer leaves out because the asker
	// rejected them for this very picture before, or because what they share with it is in
	// the asker's ignore bank.
	Rejected int    `json:"rejected,omitempty"`
	Ignored  int    `json:"ignored,omitempty"`
	Policy   string `json:"policy"` // version of thresholds and calibration
	// Millis is the time spent per stage in milliseconds: decode+hash, search, prove.
	Millis map[string]float64 `json:"millis,omitempty"`

	unsaid unsaid  // what is stored beside the answer; see storedReport
	frames []frame // small pictures of the query, stored likewise
}

// Query describes the file that was asked about. Its bytes are not kept, only a small
// preview where something was found.
type Query struct {
	Name         string               `json:"name,omitempty"`
	Digest       fingerprint.Digest   `json:"digest"`
	Size         int64                `json:"size"`
	Kind         fingerprint.WorkKind `json:"kind"`
	Format       string               `json:"format"`
	Width        int                  `json:"width"`
	Height       int                  `json:"height"`
	Box          fingerprint.Rect     `json:"box"`
	Duration     float64              `json:"duration,omitempty"` // seconds
	Pages        int                  `json:"pages,omitempty"`
	Insufficient string               `json:"insufficient,omitempty"`
	Notes        []string             `json:"notes,omitempty"`
}

// Match is one registered work found for a query.
type Match struct {
	Work        WorkID             `json:"work"`
	Owner       OwnerID            `json:"owner"`
	Title       string             `json:"title,omitempty"` // own and public works only
	Asset       fingerprint.Digest `json:"asset"`
	Verdict     Verdict            `json:"verdict"`
	Probability float64            `json:"probability"` // calibrated P(copy), 0 to 1
	Transform   Transform          `json:"transform"`
	Regions     []Region           `json:"regions"` // never null
	// Segments are the stretches of two videos that show the same, in seconds.
	Segments []Segment `json:"segments,omitempty"`
	// Passages are the runs of text that two manuscripts share, Pages the pages of them that
	// show the same, in the order of the query.
	Passages []Passage  `json:"passages,omitempty"`
	Pages    []PagePair `json:"pages,omitempty"`
	// QueryPart and RefPart are where the pictures that were compared stand in the two files;
	// nil where that is the file itself.
	QueryPart *Place   `json:"query_part,omitempty"`
	RefPart   *Place   `json:"ref_part,omitempty"`
	Signals   []Signal `json:"signals"` // what agreed, and how far
	Reason    string   `json:"reason"`  // one plain sentence
	// Measures are what the model saw, by photo.Features: kept for calibration.
	Measures []float64 `json:"measures,omitempty"`
	// Undiscounted are the same before common content was left out; nil where none was.
	Undiscounted []float64 `json:"undiscounted,omitempty"`
	// Received is the service's clock at registration; Proven the upper bound that the
	// time token proves, nil while pending.
	Received time.Time  `json:"received"`
	Proven   *time.Time `json:"proven,omitempty"`
}

// Transform says what was done to the registered picture to get the query.
type Transform struct {
	Form string `json:"form"` // one of fingerprint.DihedralNames
	// Words say it plainly: "mirrored left to right", "turned by 180 degrees", "border added".
	Words string `json:"words"`
	// Matrix maps a point of the registered picture to the query, pixels to pixels,
	// a homography, row by row: x' = (m[0]x + m[1]y + m[2]) / w, y' = (m[3]x + m[4]y + m[5]) / w
	// with w = m[6]x + m[7]y + m[8].
	Matrix [9]float64 `json:"matrix"`
}

// Region is one matched region as polygons in pixels of the oriented pictures; corner
// i of one corresponds to corner i of the other.
type Region struct {
	Query [][2]float64 `json:"query"`
	Ref   [][2]float64 `json:"ref"`
}

// Segment is a stretch of the query and the stretch of the registered video that it shows,
// from and to in seconds; nil where that file is no video.
type Segment struct {
	Query *[2]float64 `json:"query,omitempty"`
	Ref   *[2]float64 `json:"ref,omitempty"`
	// Speed is how many seconds of the registered video pass in one of the query, negative
	// where it runs backwards; 0 where it cannot be told, as of a still scene, and where one of
	// them is no video.
	Speed float64 `json:"speed,omitempty"`
	// Words say what was done to the picture there; empty where nothing was.
	Words string `json:"words,omitempty"`
	// Region is what both show there, in pixels of the two videos; nil where it is not known.
	Region *Region `json:"region,omitempty"`
	// Frames are frames of both that show the same, by rising query time: a few, for people to
	// compare.
	Frames []FramePair `json:"frames,omitempty"`
}

// FramePair is two frames that show the same, by their times in seconds.
type FramePair struct {
	Query float64 `json:"query"`
	Ref   float64 `json:"ref"`
	// Distance is how many of the 256 bits of their vframe.v1 codes differ.
	Distance int `json:"distance"`
}

// Passage is a run of text that stands in both manuscripts.
type Passage struct {
	Query TextRange `json:"query"`
	Ref   TextRange `json:"ref"`
	// Characters is how long it is after normalisation.
	Characters int `json:"characters"`
}

// TextRange is a run of characters of a text as it was extracted: From inclusive, To
// exclusive, counted in Unicode code points from the start of the text.
type TextRange struct {
	From int `json:"from"`
	To   int `json:"to"`
	Page int `json:"page,omitempty"` // where it begins, from 1; 0 where there are no pages
}

func (r TextRange) String() string {
	if r.Page == 0 {
		return fmt.Sprintf("%d–%d", r.From, r.To)
	}
	return fmt.Sprintf("%d–%d (page %d)", r.From, r.To, r.Page)
}

// PagePair is a page of the query and the page of the registered manuscript that it shows.
type PagePair struct {
	Query       int      `json:"query"` // from 1
	Ref         int      `json:"ref"`
	Probability float64  `json:"probability"`
	Words       string   `json:"words,omitempty"` // what was done to the registered page
	Regions     []Region `json:"regions,omitempty"`
}

// Place is where a picture stands in a file.
type Place struct {
	Kind fingerprint.PartKind `json:"kind"`
	// Start and End are the seconds of the video that a frame stands for.
	Start float64          `json:"start,omitempty"`
	End   float64          `json:"end,omitempty"`
	Page  int              `json:"page,omitempty"` // from 1; 0 where there are no pages
	Box   fingerprint.Rect `json:"box,omitzero"`   // on the page, in its pixels; zero: not known
	// Width and Height are the pixels of the picture that regions are given in; 0: those of
	// the file.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
}

// Signal is one measurement that speaks for a match.
type Signal struct {
	Name  string  `json:"name"`  // a fingerprint kind, or "bytes", "agreement", "overlap", "shared"
	Value float64 `json:"value"` // distance in bits, correlation, share
	Of    float64 `json:"of"`    // largest possible value
	Text  string  `json:"text"`  // "8 of 256 bits differ"
}

// EventKind says what an event tells its owner.
type EventKind string

// The kinds of events.
const (
	// EventMatched: somebody's query resembles a work of the owner.
	EventMatched EventKind = "work.matched"
	// EventRegistered: somebody registered a work that resembles an earlier one of the owner.
	EventRegistered EventKind = "work.registered_again"
)

// Event is something an owner should know. It names no stranger's private matter: only
// the owner's own work, the time, and how sure the resemblance is.
type Event struct {
	ID          string    `json:"id"`
	Kind        EventKind `json:"kind"`
	Time        time.Time `json:"time"`
	Work        WorkID    `json:"work"`
	Match       MatchID   `json:"match,omitempty"` // set where the owner may fetch it
	Verdict     Verdict   `json:"verdict"`
	Probability float64   `json:"probability"`
	Reason      string    `json:"reason"`
}

// Page is a slice of a longer list.
type Page[T any] struct {
	Items []T
	Next  string // cursor of the next page; empty at the end
}

// MaxAssets is how many files one work may have.
const MaxAssets = 32

// Sentinel errors of the registry.
var (
	// ErrNotFound: no such work, match or event for this asker. Whether it exists for
	// somebody else is not told.
	ErrNotFound = errors.New("not found")
	// ErrPending: the log has not taken the entry yet; ask again in a moment.
	ErrPending = errors.New("receipt is pending: the log has not taken the entry yet")
	// ErrClosed: the service is shutting down.
	ErrClosed = errors.New("service is closed")
)

// InvalidError says what is wrong with a request and how to put it right.
type InvalidError struct {
	Field string // request field, as in the API
	Fix   string // one sentence
}

func (e *InvalidError) Error() string { return fmt.Sprintf("%s: %s", e.Field, e.Fix) }
