package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"time"

	"selvage/fingerprint/decode"
)

// ffmpeg is the program that reads videos. It is looked for on the PATH at every call, so
// that installing it needs no restart.
const ffmpeg = "ffmpeg"

const howToInstall = "install it (Debian and Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg)"

// Available returns nil, or an error of kind decode.MissingProgram where ffmpeg is not
// installed.
func Available() error {
	if _, err := exec.LookPath(ffmpeg); err != nil {
		return missing(err)
	}
	return nil
}

func missing(err error) *decode.Error {
	return &decode.Error{Kind: decode.MissingProgram, Detail: "reading videos needs the program ffmpeg, which is not installed here: " + howToInstall, Err: err}
}

// tone says what is done about high dynamic range.
type tone int

const (
	toneAsk   tone = iota // nothing, and give up when the video has it
	toneMap               // map it
	tonePlain             // nothing
)

// errHDR ends a run that has to be repeated with tone mapping.
var errHDR = errors.New("high dynamic range")

// runFFmpeg decodes the file. A video of high dynamic range is found out before its first
// frame, and begun again.
func (j *job) runFFmpeg(ctx context.Context) (dump, error) {
	path, err := exec.LookPath(ffmpeg)
	if err != nil {
		return dump{}, missing(err)
	}
	file, err := unnamed(j.data)
	if err != nil {
		return dump{}, fmt.Errorf("a file for ffmpeg to read: %w", err)
	}
	defer file.Close()
	d, err := j.run(ctx, path, file, toneAsk)
	if !errors.Is(err, errHDR) {
		return d, err
	}
	j.info.note(noteHDR)
	d, err = j.run(ctx, path, file, toneMap)
	if err == nil && j.info.Frames == 0 && says(d, "No such filter") {
		j.info = Info{Format: j.format}
		j.info.note(noteHDRPlain)
		d, err = j.run(ctx, path, file, tonePlain)
	}
	return d, err
}

// unnamed puts data into a file that only its descriptor leads to, and that goes when that
// is closed, even by a crash.
func unnamed(data []byte) (*os.File, error) {
	f, err := os.CreateTemp("", "selvage-video-*") // mode 0600
	if err != nil {
		return nil, err
	}
	if err = os.Remove(f.Name()); err == nil {
		if _, err = f.Write(data); err == nil {
			return f, nil
		}
	}
	f.Close()
	return nil, err
}

// stop is how long ffmpeg may take to die once it is killed, before its pipes are closed.
const stop = 3 * time.Second

// run starts ffmpeg on the file, hands what it writes to the sink and waits for its end.
// The error is nil where ffmpeg ended by itself, whatever it made of the file.
func (j *job) run(ctx context.Context, path string, file *os.File, t tone) (dump, error) {
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	if _, err := file.Seek(0, io.SeekStart); err != nil { // where /dev/fd shares the offset
		return dump{}, err
	}
	cmd := exec.CommandContext(ctx, path, j.args(t)...)
	cmd.Dir = os.TempDir()
	cmd.Env = []string{"LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1", "PATH=" + os.Getenv("PATH"), "LD_LIBRARY_PATH=" + os.Getenv("LD_LIBRARY_PATH")}
	cmd.ExtraFiles = []*os.File{file} // descriptor 3
	cmd.WaitDelay = stop
	ownGroup(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return dump{}, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return dump{}, err
	}
	if err := cmd.Start(); err != nil {
		return dump{}, missing(err)
	}
	limit(cmd.Process.Pid, j.opts)

	// What ffmpeg says of the input is judged before anything is made of its frames.
	var judged error
	opened, said := make(chan struct{}), make(chan dump, 1)
	go func() {
		said <- readDump(stderr, func(d dump) {
			if judged = j.judge(d, t); judged != nil {
				kill()
			}
			close(opened)
		})
	}()
	<-opened
	err = judged
	if err == nil {
		err = j.consume(stdout)
	}
	if err != nil {
		kill()
	}
	d := <-said
	_ = cmd.Wait() // its exit status says less than what came
	if errors.Is(err, io.ErrUnexpectedEOF) && ctx.Err() == nil {
		err = nil // ffmpeg died; what came is used
	}
	return d, err
}

// judge looks at what is known of the file before its frames are made.
func (j *job) judge(d dump, t tone) error {
	v := d.video
	j.duration = d.duration
	if int64(v.w)*int64(v.h) > j.opts.MaxPixels {
		return bad(decode.TooManyPixels, "the frames have %d x %d pixels, %d are allowed: scale the video down", v.w, v.h, j.opts.MaxPixels)
	}
	if d.duration > j.opts.MaxDuration.Seconds() {
		return bad(decode.TooLong, "the video lasts %v, %v are allowed: cut it into parts",
			time.Duration(math.Min(d.duration, 1e9)*float64(time.Second)).Round(time.Second), j.opts.MaxDuration)
	}
	if v.hdr && t == toneAsk && j.sink.Frame != nil {
		return errHDR
	}
	return nil
}

// args is the command line.
func (j *job) args(t tone) []string {
	o := j.opts
	args := []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info",
		"-max_alloc", "1073741824", "-filter_threads", "1",
		// The input: one container, one open file.
		"-protocol_whitelist", "file,pipe", "-f", demuxers[j.format],
		"-threads", fmt.Sprint(o.Threads), "-max_pixels", fmt.Sprint(o.MaxPixels), "-flags", "+bitexact",
	}
	if o.KeyFrames {
		args = append(args, "-skip_frame:v", "nokey")
	}
	args = append(args, "-i", "file:/dev/fd/3", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1")
	if j.sink.Frame != nil {
		args = append(args, "-map", "0:V:0?", "-vf", filters(o, t),
			"-fps_mode", "passthrough", "-enc_time_base:v", "1/1000", "-c:v", "rawvideo", "-pix_fmt", "rgba")
	}
	if j.sink.Sound != nil {
		args = append(args, "-map", "0:a:0?", "-af", "aresample=async=1:first_pts=0",
			"-ac", "1", "-ar", fmt.Sprint(SampleRate), "-c:a", "pcm_s16le")
	}
	return append(args, "-max_muxing_queue_size", "1024",
		"-flags", "+bitexact", "-fflags", "+bitexact", "-avoid_negative_ts", "disabled", "-f", "matroska", "pipe:1")
}

// filters picks the first frame of each interval and makes it small. ffmpeg puts the
// turn that the container asks for before them.
func filters(o Options, t tone) string {
	// Half a millisecond forgives time bases that cannot say when an interval begins.
	interval := func(t string) string { return fmt.Sprintf("floor((%s+0.0005)*%g)", t, o.Rate) }
	side := func(v string) string {
		return fmt.Sprintf("max(1,round(%s*min(1,%d/max(iw*sar,ih))))", v, o.Side)
	}
	f := fmt.Sprintf("select='isnan(prev_selected_t)+gt(%s,%s)',scale=w='%s':h='%s':flags=area+accurate_rnd+full_chroma_int+bitexact,setsar=1",
		interval("t"), interval("prev_selected_t"), side("iw*sar"), side("ih"))
	if t == toneMap {
		f += ",format=yuv444p10le,zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=mobius:param=0.6:peak=5:desat=0,zscale=t=bt709:m=bt709:r=pc"
	}
	return f + ",format=rgba"
}

// unreadable is the error for a file that gave nothing.
func (j *job) unreadable(d dump) error {
	e := bad(decode.Corrupt, "the file is damaged")
	switch {
	case says(d, "Unrecognized option", "Option not found"):
		return bad(decode.MissingProgram, "the ffmpeg here is too old: 5.1 or later is needed")
	case says(d, "max pixel count", "image parameters invalid"):
		e = bad(decode.TooManyPixels, "the frames have more than the %d pixels that are allowed: scale the video down", j.opts.MaxPixels)
	case cut(j.format, j.data):
		e = bad(decode.Truncated, "the file ends too early: it was cut, upload it again")
	case says(d, "Decoder (codec", "Unknown decoder", "no decoder found", "not currently supported", "unknown codec"):
		e = bad(decode.UnsupportedVariant, "the codec of the video is not read: save it again as MP4 (H.264)")
	case !d.video.there && !d.audio.there && d.duration == 0 && len(d.complaints) == 0,
		says(d, "does not contain any stream"):
		e = bad(decode.UnsupportedVariant, "the file holds neither pictures nor sound that can be read")
	}
	if len(d.complaints) > 0 {
		e.Err = errors.New(strings.Join(d.complaints, "; "))
	}
	return e
}

// says reports whether ffmpeg complained in one of the given words.
func says(d dump, words ...string) bool {
	for _, c := range d.complaints {
		for _, w := range words {
			if strings.Contains(c, w) {
				return true
			}
		}
	}
	return false
}
