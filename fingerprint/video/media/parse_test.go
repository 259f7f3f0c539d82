package media

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"selvage/fingerprint/decode"
)

// stream is what ffmpeg would write for one frame of 2 x 1 pixels and three samples.
func matroskaStream() []byte {
	size := func(n int) byte { return 0x80 | byte(n) }
	el := func(id string, body ...byte) []byte { return append(append([]byte(id), size(len(body))), body...) }
	video := append(append(el("\xd7", 1), el("\x83", videoTrack)...), el("\xe0", append(el("\xb0", 2), el("\xba", 1)...)...)...)
	sound := append(el("\xd7", 2), el("\x83", audioTrack)...)
	out := el("\x1a\x45\xdf\xa3", el("\x42\x82", []byte("matroska")...)...)
	out = append(out, "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"...)
	out = append(out, el("\x16\x54\xae\x6b", append(el("\xae", video...), el("\xae", sound...)...)...)...)
	out = append(out, "\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff"...)
	out = append(out, el("\xe7", 0x03, 0xe8)...) // 1000 ms
	out = append(out, el("\xa3", 0x81, 0xff, 0xf6, 0x80, 1, 2, 3, 4, 5, 6, 7, 8)...)
	return append(out, el("\xa0", el("\xa1", 0x82, 0, 20, 0, 1, 0, 2, 0, 3, 0)...)...)
}

func TestReader(t *testing.T) {
	in := newReader(bytes.NewReader(matroskaStream()), 1<<10)
	p, err := in.next()
	if err != nil || p.kind != videoTrack || p.w != 2 || p.h != 1 || p.time != 0.99 || len(p.data) != 8 {
		t.Errorf("%+v %v", p, err)
	}
	p, err = in.next()
	if err != nil || p.kind != audioTrack || p.time != 1.02 || len(p.data) != 6 {
		t.Errorf("%+v %v", p, err)
	}
	if _, err = in.next(); err != io.EOF {
		t.Error(err)
	}
	whole := matroskaStream()
	cut := newReader(bytes.NewReader(whole[:len(whole)-1]), 1<<10)
	for range 2 {
		_, err = cut.next()
	}
	if err != io.ErrUnexpectedEOF {
		t.Errorf("cut: %v", err)
	}
	small := newReader(bytes.NewReader(whole), 8)
	if _, err := small.next(); err == nil {
		t.Error("an element over the limit was read")
	}
}

func FuzzReader(f *testing.F) {
	f.Add(matroskaStream())
	f.Fuzz(func(t *testing.T, b []byte) {
		in := newReader(bytes.NewReader(b), 1<<10)
		for n := 0; ; n++ {
			p, err := in.next()
			if err != nil {
				return
			}
			if n > len(b) || len(p.data) > 1<<10 || p.track == nil {
				t.Fatalf("packet %d: %+v", n, p)
			}
		}
	})
}

const said = `[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/dev/fd/3':
[info]   Metadata:
[info]     title           : Stream #0:0: Video: fake, 1x1
[info]   Duration: 01:02:03.50, start: 0.000000, bitrate: 37 kb/s
[info]   Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, mono, fltp, 69 kb/s (default)
[info]   Stream #0:1[0x2](und): Video: hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, bt2020nc/bt2020/arib-std-b67), 1920x1080 [SAR 4:3 DAR 64:27], 32 kb/s, 29.97 fps, 30 tbr, 600 tbn (default)
[info]     Side data:
[info]       displaymatrix: rotation of -90.00 degrees
[info]   Stream #0:2: Video: mjpeg (Baseline), yuvj420p(pc), 300x300, 90k tbr, 90k tbn (attached pic)
[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55d0] [error] stream 1, offset 0x30: partial file
[info] Output #0, matroska, to 'pipe:1':
[info]   Stream #0:0: Video: rawvideo (RGBA / 0x41424752), rgba, 256x256, 1k tbn
[error] the end
`

func TestDump(t *testing.T) {
	calls := 0
	d := readDump(strings.NewReader(said), func(d dump) {
		if calls++; len(d.complaints) != 1 || d.video.w != 1920 {
			t.Errorf("when opened: %+v", d)
		}
	})
	v := d.video
	if calls != 1 || d.duration != 3723.5 || v.codec != "hevc" || v.w != 1920 || v.h != 1080 || v.sar != 4.0/3 || v.fps != 29.97 || !v.hdr || v.many != 1 || !d.rotated ||
		d.audio.codec != "aac" || d.audio.many != 1 || len(d.complaints) != 2 || !says(d, "partial file") {
		t.Errorf("%d calls: %+v", calls, d)
	}
}

func FuzzDump(f *testing.F) {
	f.Add(said)
	f.Fuzz(func(t *testing.T, s string) {
		calls := 0
		if d := readDump(strings.NewReader(s), func(dump) { calls++ }); calls != 1 || len(d.complaints) > maxComplaints || d.duration < 0 {
			t.Fatalf("%d calls: %+v", calls, d)
		}
	})
}

// gif is one of n frames of a pixel each.
func gif(n int, loops bool) []byte {
	b := []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff")
	if loops {
		b = append(b, "\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"...)
	}
	for range n {
		b = append(b, "\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"...)
	}
	return append(b, 0x3b)
}

func webp(flags byte, frames int) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00")
	b = append(b, flags, 0, 0, 0, 9, 0, 0, 9, 0, 0)
	for range frames {
		b = append(b, "ANMF\x10\x00\x00\x00aaaabbbbccccdddd"...)
	}
	b[4] = byte(len(b) - 8)
	return b
}

func TestSniff(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"mp4":               {[]byte("\x00\x00\x00\x14ftypisom\x00\x00\x02\x00mp41"), MP4},
		"mov":               {[]byte("\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  "), MP4},
		"old mov":           {[]byte("\x00\x00\x10\x00moov\x00\x00\x00\x6cmvhd"), MP4},
		"heic":              {[]byte("\x00\x00\x00\x14ftypheic\x00\x00\x00\x00mif1"), ""},
		"avif sequence":     {[]byte("\x00\x00\x00\x14ftypavis\x00\x00\x00\x00msf1"), ""},
		"camera raw":        {[]byte("\x00\x00\x00\x14ftypcrx \x00\x00\x00\x01crx "), ""},
		"webm":              {[]byte("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"), WebM},
		"mkv":               {[]byte("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska"), MKV},
		"other ebml":        {[]byte("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84blah"), ""},
		"avi":               {[]byte("RIFF\x00\x00\x00\x00AVI LIST"), AVI},
		"wave":              {[]byte("RIFF\x00\x00\x00\x00WAVEfmt "), ""},
		"still gif":         {gif(1, false), ""},
		"still gif, loops":  {gif(1, true), ""},
		"two frames":        {gif(2, false), GIF},
		"head of gif":       {gif(1, true)[:40], GIF},
		"head of still gif": {gif(1, false)[:24], ""},
		"still webp":        {webp(0, 0), ""},
		"one frame webp":    {webp(2, 1), ""},
		"animated webp":     {webp(2, 2), WebP},
		"head of webp":      {webp(2, 2)[:40], WebP},
		"hls":               {[]byte("#EXTM3U\n"), ""},
		"nothing":           {nil, ""},
	} {
		got, ok := Sniff(c.data)
		if ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: %q %v, want %q", name, got, ok, c.want)
		}
		// Nothing is both a picture and a video but GIF and WebP.
		if _, still := decode.Sniff(c.data); ok && still && got != GIF && got != WebP {
			t.Errorf("%s is a picture too", name)
		}
	}
}

func FuzzSniff(f *testing.F) {
	for _, b := range [][]byte{gif(2, true), webp(2, 2), matroskaStream(), []byte("\x00\x00\x00\x14ftypisom\x00\x00\x02\x00mp41")} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, format := range []string{MP4, MKV, AVI, GIF, WebP} {
			cut(format, b)
		}
		if format, ok := Sniff(b); ok && format == "" {
			t.Fatal("a video of no format")
		}
	})
}
