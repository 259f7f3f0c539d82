package audio

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"selvage/fixtures"
)

func printOf(pcm []int16) Print {
	m := NewMaker()
	m.Write(pcm)
	return m.Print()
}

func tune(seed uint64, seconds float64) []int16 { return fixtures.Tune(seed, seconds, SampleRate) }

// TestFrozen holds audio.v1 to what it was: a change here needs a new kind.
func TestFrozen(t *testing.T) {
	p := printOf(tune(11, 6))
	h := fnv.New64a()
	h.Write(p.Encode())
	want := []uint32{0x264f2829, 0x62ce2e9d, 0x62ba6657, 0xe4ba42c7}
	if got := p.Codes[:min(4, len(p.Codes))]; !slices.Equal(got, want) || h.Sum64() != 0x93d91c474a1e823b {
		t.Errorf("the codes are %#08x…, hash %#x of %d codes", got, h.Sum64(), len(p.Codes))
	}
}

// TestSpectrum compares with the definition of the discrete Fourier transform.
func TestSpectrum(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 2))
	pcm := make([]int16, frameLen)
	for i := range pcm {
		pcm[i] = int16(9000*math.Sin(2*math.Pi*float64(i)*300/frameLen)) + int16(g.IntN(2001)-1000)
	}
	var work [frameLen]complexInt
	var power [frameLen / 2]uint64
	spectrum(pcm, &work, &power)
	for _, k := range []int{0, 1, 17, 250, 299, 300, 301, 777, 2047} {
		var re, im float64
		for i, v := range pcm {
			w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/frameLen)
			re += float64(v) * w * math.Cos(2*math.Pi*float64(k*i%frameLen)/frameLen)
			im -= float64(v) * w * math.Sin(2*math.Pi*float64(k*i%frameLen)/frameLen)
		}
		want := math.Hypot(re, im)
		if got := math.Sqrt(float64(power[k])); math.Abs(got-want) > 12+want/1e4 {
			t.Errorf("at %d: %.1f, want %.1f", k, got, want)
		}
	}
}

// TestLoudest: full scale does not overflow.
func TestLoudest(t *testing.T) {
	pcm := make([]int16, frameLen)
	for i := range pcm {
		pcm[i] = int16(32767 - 65535*(i/16%2))
	}
	var work [frameLen]complexInt
	var power [frameLen / 2]uint64
	spectrum(pcm, &work, &power)
	// A square wave has 4/π of its height in its first harmonic; the window halves it.
	want := 32767 * 4 / math.Pi * frameLen / 4
	if got := math.Sqrt(float64(power[frameLen/32])); math.Abs(got-want) > want/100 {
		t.Errorf("%.0f, want %.0f", got, want)
	}
}

func TestOctaves(t *testing.T) {
	for v, want := range map[uint64]int64{0: 0, 1: 256, 3: 512, 5: 2*256 + 128, math.MaxUint64: 63 * 256} {
		if got := octaves(v); got != want {
			t.Errorf("octaves(%d) = %d, want %d", v, got, want)
		}
	}
}

// TestPieces: how the samples are cut does not matter.
func TestPieces(t *testing.T) {
	pcm := tune(4, 4)
	m := NewMaker()
	g := rand.New(rand.NewPCG(1, 2))
	for rest := pcm; len(rest) > 0; {
		n := min(1+g.IntN(3000), len(rest))
		m.Write(rest[:n])
		rest = rest[n:]
	}
	if !reflect.DeepEqual(m.Print(), printOf(pcm)) {
		t.Error("the print depends on how the samples came")
	}
}

func noisy(pcm []int16, decibels float64) []int16 {
	var power float64
	for _, v := range pcm {
		power += float64(v) * float64(v)
	}
	sd := math.Sqrt(power / float64(len(pcm)) / math.Pow(10, decibels/10))
	g := rand.New(rand.NewPCG(3, 4))
	out := make([]int16, len(pcm))
	for i, v := range pcm {
		out[i] = int16(max(-32768, min(32767, float64(v)+sd*g.NormFloat64())))
	}
	return out
}

// played is the sound at another speed, its pitch with it.
func played(pcm []int16, speed float64) []int16 {
	out := make([]int16, int(float64(len(pcm)-1)/speed))
	for i := range out {
		x := float64(i) * speed
		j := int(x)
		f := x - float64(j)
		out[i] = int16(float64(pcm[j])*(1-f) + float64(pcm[j+1])*f)
	}
	return out
}

func TestCompare(t *testing.T) {
	whole := tune(5, 20)
	ref := printOf(whole)
	cut := func(from, to float64) []int16 { return whole[int(from*SampleRate):int(to*SampleRate)] }
	other := tune(6, 6)
	for name, c := range map[string]struct {
		pcm        []int16
		query, ref [2]float64
		speed      float64
	}{
		"same":          {whole, [2]float64{0, 20}, [2]float64{0, 20}, 1},
		"two seconds":   {cut(7.03, 9.1), [2]float64{0, 2.07}, [2]float64{7.03, 9.1}, 1},
		"five of it":    {cut(3.31, 8.31), [2]float64{0, 5}, [2]float64{3.31, 8.31}, 1},
		"inserted":      {slices.Concat(other, cut(10, 16), other), [2]float64{6, 12}, [2]float64{10, 16}, 1},
		"noise":         {noisy(cut(2, 10), 10), [2]float64{0, 8}, [2]float64{2, 10}, 1},
		"3 % faster":    {played(whole, 1.03), [2]float64{0, 19.4}, [2]float64{0, 20}, 1.03},
		"one semitone":  {played(whole, 1.0595), [2]float64{0, 18.9}, [2]float64{0, 20}, 1.0595},
		"5 % slower":    {played(whole, 0.95), [2]float64{0, 21}, [2]float64{0, 20}, 0.95},
		"half as loud":  {scaled(cut(4, 12), 0.5), [2]float64{0, 8}, [2]float64{4, 12}, 1},
		"behind quiet":  {slices.Concat(make([]int16, 5*SampleRate), cut(4, 12)), [2]float64{5, 13}, [2]float64{4, 12}, 1},
		"pause between": {slices.Concat(cut(0, 4), make([]int16, 2*SampleRate), cut(6, 10)), [2]float64{0, 10}, [2]float64{0, 10}, 1},
	} {
		m := Compare(printOf(c.pcm), ref)
		off := max(math.Abs(m.Query[0]-c.query[0]), math.Abs(m.Query[1]-c.query[1]), math.Abs(m.Ref[0]-c.ref[0]), math.Abs(m.Ref[1]-c.ref[1]))
		edge := 0.6
		if c.speed != 1 {
			edge = 2
		}
		if m.Score < Telling || off > edge || math.Abs(m.Speed-c.speed) > 0.012 || m.Wrong > 0.35 {
			t.Errorf("%s: %+v, want %v and %v", name, m, c.query, c.ref)
		}
	}
}

func scaled(pcm []int16, k float64) []int16 {
	out := make([]int16, len(pcm))
	for i, v := range pcm {
		out[i] = int16(float64(v) * k)
	}
	return out
}

func TestStrangers(t *testing.T) {
	var prints []Print
	for seed := range uint64(16) {
		prints = append(prints, printOf(tune(100+seed, 12)))
	}
	worst := 0
	for i, a := range prints {
		for _, b := range prints[:i] {
			worst = max(worst, Compare(a, b).Score)
		}
	}
	if worst >= Telling {
		t.Errorf("two strangers score %d", worst)
	}
	t.Logf("the highest score of 120 pairs of strangers is %d", worst)
}

// TestNothingHeard: silence, hum and clicks too short for a code are no prints, and two
// different ones do not match.
func TestNothingHeard(t *testing.T) {
	tone := func(hertz float64) []int16 {
		pcm := make([]int16, 10*SampleRate)
		for i := range pcm {
			pcm[i] = int16(12000 * math.Sin(2*math.Pi*hertz*float64(i)/SampleRate))
		}
		return pcm
	}
	dither := make([]int16, 10*SampleRate)
	g := rand.New(rand.NewPCG(3, 4))
	for i := range dither {
		dither[i] = int16(g.IntN(3) - 1)
	}
	for name, pcm := range map[string][]int16{
		"nothing": nil, "short": tune(1, 1), "silence": make([]int16, 10*SampleRate),
		"dither": dither, "tone": tone(440), "another tone": tone(1003.7),
	} {
		p := printOf(pcm)
		if f, ok := p.Fingerprint(); ok || p.Insufficient() == "" {
			t.Errorf("%s: %d of %d codes are heard, quality %d", name, p.heard(), len(p.Codes), f.Quality)
		}
		if m := Compare(p, printOf(tone(523))); m.Score >= Telling {
			t.Errorf("%s matches a tone: %+v", name, m)
		}
	}
	if f, ok := printOf(tune(1, 3)).Fingerprint(); !ok || f.Quality < 90 {
		t.Errorf("three seconds of music: %v, quality %d", ok, f.Quality)
	}
}

func TestPayload(t *testing.T) {
	p := printOf(slices.Concat(tune(1, 30), make([]int16, 3*SampleRate), tune(2, 27)))
	b := p.Encode()
	q, err := Decode(b)
	if err != nil || !reflect.DeepEqual(p, q) {
		t.Errorf("%v", err)
	}
	if len(b) > 2048 {
		t.Errorf("a minute takes %d bytes", len(b))
	}
	for n := range len(b) {
		if _, err := Decode(b[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are a payload", n, len(b))
		}
	}
	if _, err := Decode(append(b, 0)); err == nil {
		t.Error("a byte too many")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(printOf(tune(1, 3)).Encode())
	f.Add(Print{}.Encode())
	f.Add([]byte{9, 0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8})
	ref := printOf(tune(1, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(b)
		if err != nil {
			return
		}
		if string(p.Encode()) != string(b) {
			t.Fatal("a payload that Encode does not make")
		}
		m := Compare(p, ref)
		if m.Score < 0 || m.Score > agree*len(p.Codes) || m.Query[0] > m.Query[1] || m.Ref[0] > m.Ref[1] {
			t.Fatalf("%+v", m)
		}
	})
}

// TestAgainstChromaprint: what ffmpeg's chromaprint takes for one recording is one here, and
// what it does not is none.
func TestAgainstChromaprint(t *testing.T) {
	muxers, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-muxers").Output()
	if err != nil || !strings.Contains(string(muxers), "chromaprint") {
		if os.Getenv("CI") != "" {
			t.Fatalf("an ffmpeg with chromaprint is missing: see tools/setup.sh (%v)", err)
		}
		t.Skip("no ffmpeg with chromaprint")
	}
	dir := t.TempDir()
	names := []string{}
	add := func(name string, pcm []int16, mp3 bool) {
		raw := filepath.Join(dir, name)
		b, _ := binary.Append(nil, binary.LittleEndian, pcm)
		if err := os.WriteFile(raw, b, 0o600); err != nil {
			t.Fatal(err)
		}
		in := []string{"-f", "s16le", "-ar", fmt.Sprint(SampleRate), "-ac", "1", "-i", raw}
		if mp3 { // through a lossy codec
			ffmpeg(t, append(in, "-c:a", "libmp3lame", "-b:a", "24k", raw+".mp3")...)
			in = []string{"-i", raw + ".mp3"}
		}
		ffmpeg(t, append(in, "-f", "chromaprint", "-fp_format", "raw", raw+".chroma", "-f", "s16le", "-ar", fmt.Sprint(SampleRate), "-ac", "1", raw+".pcm")...)
		names = append(names, name)
	}
	for seed := range uint64(3) {
		pcm := tune(20+seed, 10)
		add(fmt.Sprintf("%d whole", seed), pcm, false)
		add(fmt.Sprintf("%d mp3", seed), pcm, true)
		add(fmt.Sprintf("%d noise", seed), noisy(pcm, 15), false)
	}
	for i, a := range names {
		for _, b := range names[:i] {
			outside := agreeing(words(t, filepath.Join(dir, a+".chroma")), words(t, filepath.Join(dir, b+".chroma")))
			score := Compare(printOf(samples(t, filepath.Join(dir, a+".pcm"))), printOf(samples(t, filepath.Join(dir, b+".pcm")))).Score
			same := a[0] == b[0]
			if same != (outside < 0.3) {
				t.Errorf("chromaprint takes %q and %q for %.2f wrong", a, b, outside)
			}
			if same != (score >= Telling) {
				t.Errorf("%q and %q score %d, chromaprint has %.2f wrong", a, b, score, outside)
			}
		}
	}
}

func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	if b, err := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-nostdin", "-y"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, b)
	}
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func samples(t *testing.T, path string) []int16 {
	b := contents(t, path)
	out := make([]int16, len(b)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return out
}

func words(t *testing.T, path string) []uint32 {
	b := contents(t, path)
	out := make([]uint32, len(b)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return out
}

// agreeing is the smallest share of wrong bits of two sequences of chromaprint, over shifts
// of up to a second.
func agreeing(a, b []uint32) float64 {
	best := 1.0
	for shift := -8; shift <= 8; shift++ {
		wrong, n := 0, 0
		for i := range a {
			if j := i - shift; j >= 0 && j < len(b) {
				n++
				for x := a[i] ^ b[j]; x != 0; x &= x - 1 {
					wrong++
				}
			}
		}
		if n > 20 {
			best = min(best, float64(wrong)/float64(32*n))
		}
	}
	return best
}

func BenchmarkMaker(b *testing.B) {
	pcm := tune(1, 10)
	for b.Loop() {
		printOf(pcm)
	}
}

func BenchmarkCompare(b *testing.B) {
	p, q := printOf(tune(1, 12)), printOf(tune(2, 12))
	for b.Loop() {
		Compare(p, q)
	}
}
