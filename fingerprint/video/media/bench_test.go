//go:build unix

package media

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// cpu is the processor time of this process or of its children that have ended, in seconds.
func cpu(b *testing.B, who int) float64 {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(who, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// BenchmarkDecode compares the CPU time of Decode, ffmpeg's included, with that of ffmpeg when
// it decodes all of the file and throws it away. The file is 30 s of 1280 x 720 with sound.
func BenchmarkDecode(b *testing.B) {
	const seconds = 30
	data := made(b, "mp4", nil, "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30:d=30", "-f", "lavfi", "-i", "anoisesrc=d=30:a=0.2",
		"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac")
	path := filepath.Join(b.TempDir(), "in.mp4")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	for name, o := range map[string]Options{"full": {}, "keyframes": {KeyFrames: true}} {
		b.Run(name, func(b *testing.B) {
			var ours, null float64
			for b.Loop() {
				before := cpu(b, syscall.RUSAGE_CHILDREN)
				if err := exec.CommandContext(b.Context(), ffmpeg, "-nostdin", "-v", "error", "-threads", "2", "-i", path, "-f", "null", "-").Run(); err != nil {
					b.Fatal(err)
				}
				null += cpu(b, syscall.RUSAGE_CHILDREN) - before
				before = cpu(b, syscall.RUSAGE_CHILDREN) + cpu(b, syscall.RUSAGE_SELF)
				i, err := Decode(b.Context(), data, o, Sink{Frame: func(Frame) error { return nil }, Sound: func([]int16) error { return nil }})
				if err != nil || i.Frames == 0 {
					b.Fatal(i, err)
				}
				ours += cpu(b, syscall.RUSAGE_CHILDREN) + cpu(b, syscall.RUSAGE_SELF) - before
			}
			b.ReportMetric(ours/null, "x-null")
			b.ReportMetric(1000*ours/float64(b.N)/seconds, "cpu-ms/s")
			b.ReportMetric(float64(b.N)*seconds/ours, "x-realtime")
		})
	}
}
