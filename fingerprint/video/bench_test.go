//go:build unix

package video

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// BenchmarkHash720p compares the CPU time from bytes to fingerprints, ffmpeg's included, with
// that of ffmpeg when it decodes all of the file and throws it away. The file is 30 s of
// 1280 x 720 with sound, in which everything moves.
func BenchmarkHash720p(b *testing.B) {
	const seconds = 30
	path := filepath.Join(b.TempDir(), "in.mp4")
	made := exec.CommandContext(b.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30:d=30",
		"-f", "lavfi", "-i", "anoisesrc=d=30:a=0.2", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", path)
	if err := made.Run(); err != nil {
		b.Fatalf("needs ffmpeg: %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	cpu := func(who int) float64 {
		var r syscall.Rusage
		if err := syscall.Getrusage(who, &r); err != nil {
			b.Fatal(err)
		}
		return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
	}
	all := func() float64 { return cpu(syscall.RUSAGE_CHILDREN) + cpu(syscall.RUSAGE_SELF) }
	var ours, null float64
	parts := 0
	for b.Loop() {
		before := all()
		if err := exec.CommandContext(b.Context(), "ffmpeg", "-nostdin", "-v", "error", "-threads", "2", "-i", path, "-f", "null", "-").Run(); err != nil {
			b.Fatal(err)
		}
		null += all() - before
		before = all()
		r, err := New(Options{}).Hash(b.Context(), data)
		if err != nil {
			b.Fatal(err)
		}
		parts = len(r.Parts)
		ours += all() - before
	}
	b.ReportMetric(ours/null, "x-null")
	b.ReportMetric(1000*ours/float64(b.N)/seconds, "cpu-ms/s")
	b.ReportMetric(float64(parts), "key-frames")
}
