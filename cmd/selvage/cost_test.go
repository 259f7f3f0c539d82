package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"io/fs"
	"testing"
	"time"

	"github.com/gen2brain/jpegn"

	"selvage/fingerprint/decode"
	"selvage/fixtures"
)

// BenchmarkPhone12MP measures, by turns and in CPU time of the process, what a phone's JPEG
// costs: the decoder of others alone, our decoding (checked, opaque, upright), and all
// from bytes to fingerprints. Run it with -cpu 1.
func BenchmarkPhone12MP(b *testing.B) {
	smooth, err := fs.ReadFile(fixtures.Samples(), "phone.jpg")
	if err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{"smooth": smooth, "detailed": detailed(b)} {
		b.Run(name, func(b *testing.B) {
			var alone, ours, all time.Duration
			timed := func(sum *time.Duration, f func() error) {
				start := cpuTime()
				if err := f(); err != nil {
					b.Fatal(err)
				}
				*sum += cpuTime() - start
			}
			dir := b.TempDir()
			for b.Loop() {
				timed(&alone, func() error {
					_, err := jpegn.Decode(bytes.NewReader(data))
					return err
				})
				timed(&ours, func() error {
					_, err := decode.Decode(b.Context(), data, decode.Limits{})
					return err
				})
				timed(&all, func() error {
					_, err := hashers(dir).Hash(b.Context(), "", data)
					return err
				})
			}
			ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(b.N) }
			b.ReportMetric(ms(alone), "jpegn-ms")
			b.ReportMetric(ms(ours), "decode-ms")
			b.ReportMetric(ms(all), "prints-ms")
			b.ReportMetric(float64(all)/float64(ours), "prints/decode")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// detailed is a 12 MP JPEG as large as a telephone writes: edges and noise everywhere.
func detailed(b *testing.B) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 4032, 3024))
	seed := uint32(1)
	for i := 0; i < len(m.Pix); i += 4 {
		x, y := i/4%4032, i/4/4032
		seed = seed*1664525 + 1013904223
		n := uint8(seed >> 28)
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = uint8(x>>4)+n, uint8(y>>4)+n, uint8((x^y)>>5)+n, 255
		if (x/90+y/70)%5 == 0 {
			m.Pix[i] += 60
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: 85}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}
