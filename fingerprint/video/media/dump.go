package media

import (
	"bufio"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// dump is what ffmpeg says of a file on its standard error, with -loglevel level+info.
type dump struct {
	duration float64 // seconds; 0 where the container does not say
	video    stream
	audio    stream
	rotated  bool // by a quarter turn
	// complaints are the lines of level error and above, the first few of them.
	complaints []string
}

// stream is one line "Stream #0:0: …" of the dump.
type stream struct {
	there bool
	codec string
	w, h  int
	sar   float64 // width of a pixel over its height
	fps   float64 // nominal, on average
	hdr   bool
	// many is the number of streams of the kind.
	many int
}

const maxComplaints = 16

var (
	levelLine    = regexp.MustCompile(`^(?:\[[^\]]* @ [^\]]*\] )?\[(\w+)\] (.*)$`)
	durationLine = regexp.MustCompile(`^  Duration: (\d+):(\d\d):(\d\d\.\d+)`)
	streamLine   = regexp.MustCompile(`^  Stream #0:\d+.*?: (Video|Audio): (\w+)(.*)$`)
	sizeField    = regexp.MustCompile(`, (\d+)x(\d+)`)
	sarField     = regexp.MustCompile(`SAR (\d+):(\d+)`)
	fpsField     = regexp.MustCompile(`, ([\d.]+)(k?) fps`)
	rotationLine = regexp.MustCompile(`^ +displaymatrix: rotation of (-?[\d.]+) degrees`)
)

// readDump reads ffmpeg's standard error to its end. It calls opened once, when all is
// known of the input and before a frame is written, or at the end where that never comes.
func readDump(r io.Reader, opened func(dump)) dump {
	var d dump
	told := false
	tell := func() {
		if !told {
			told = true
			opened(d)
		}
	}
	in := bufio.NewReaderSize(r, 1<<14)
	last := (*stream)(nil)
	for {
		raw, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			tell()
			return d
		}
		line := strings.TrimRight(string(raw), "\r\n")
		m := levelLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		switch level, text := m[1], m[2]; {
		case level == "error" || level == "fatal" || level == "panic":
			if len(d.complaints) < maxComplaints {
				d.complaints = append(d.complaints, text[:min(len(text), 200)])
			}
		case told || level != "info":
		case strings.HasPrefix(text, "Output #0"):
			tell()
		default:
			last = d.line(text, last)
		}
	}
}

// line reads one line about the input. last is the stream that it may belong to.
func (d *dump) line(text string, last *stream) *stream {
	if m := durationLine.FindStringSubmatch(text); m != nil {
		h, _ := strconv.ParseFloat(m[1], 64)
		min, _ := strconv.ParseFloat(m[2], 64)
		s, _ := strconv.ParseFloat(m[3], 64)
		d.duration = h*3600 + min*60 + s
		return last
	}
	if m := rotationLine.FindStringSubmatch(text); m != nil && last == &d.video {
		deg, _ := strconv.ParseFloat(m[1], 64)
		d.rotated = math.Abs(math.Abs(deg)-90) < 1
		return last
	}
	m := streamLine.FindStringSubmatch(text)
	if m == nil {
		return last
	}
	s := &d.audio
	if m[1] == "Video" {
		if s = &d.video; strings.Contains(m[3], "(attached pic)") {
			return nil // the cover of a song
		}
	}
	if s.many++; s.there {
		return nil // only the first is read
	}
	s.there, s.codec, s.sar = true, m[2], 1
	s.hdr = strings.Contains(m[3], "smpte2084") || strings.Contains(m[3], "arib-std-b67")
	if f := sizeField.FindStringSubmatch(m[3]); f != nil {
		s.w, _ = strconv.Atoi(f[1])
		s.h, _ = strconv.Atoi(f[2])
	}
	if f := sarField.FindStringSubmatch(m[3]); f != nil {
		n, _ := strconv.ParseFloat(f[1], 64)
		if k, _ := strconv.ParseFloat(f[2], 64); k > 0 && n > 0 {
			s.sar = n / k
		}
	}
	if f := fpsField.FindStringSubmatch(m[3]); f != nil {
		s.fps, _ = strconv.ParseFloat(f[1], 64)
		if f[2] == "k" {
			s.fps *= 1000
		}
	}
	return s
}
