package photo

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"image"
	"math"
	"math/bits"
	"os"
	"testing"

	"github.com/corona10/goimagehash"

	"selvage/fingerprint"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew; only when a new version of a kind is made")

func formsOf(m *image.NRGBA) [8][]byte {
	forms, _ := PDQ(m)
	return forms
}

func TestFormsAreHashesOfTurnedPictures(t *testing.T) {
	for _, size := range [][2]int{{400, 400}, {300, 411}, {511, 97}, {90, 64}, {1400, 900}} {
		for seed := range uint64(3) {
			m := scene(seed, size[0], size[1])
			forms := formsOf(m)
			for f := range forms {
				got := formsOf(applied(m, fingerprint.Dihedral(f)))[0]
				// The reference samples pixel centres with a filter that leans to one side, so
				// turning the picture is not exactly turning the hash.
				const limit = 28
				if d := distance(t, forms[f], got); d > limit {
					t.Errorf("%v seed %d %v: %d bits from the hash of the turned picture", size, seed, fingerprint.Dihedral(f), d)
				}
				for g := range forms {
					if d := distance(t, forms[g], got); g != f && d < 80 {
						t.Errorf("%v seed %d: %v is only %d bits from %v", size, seed, fingerprint.Dihedral(g), d, fingerprint.Dihedral(f))
					}
				}
			}
		}
	}
}

// The probes are the hashes of the picture turned back, not the turned hash: in a fine
// pattern the two differ by up to 50 bits.
func TestProbesSayWhatWasDone(t *testing.T) {
	for _, size := range [][2]int{{360, 300}, {512, 410}, {200, 250}, {480, 500}} {
		testProbes(t, noisy(scene(1, size[0], size[1]), 60))
	}
}

func testProbes(t *testing.T, m *image.NRGBA) {
	t.Helper()
	ref := hashed(t, m)
	want, _ := ref.Print(fingerprint.PDQ256, fingerprint.Full)
	for f := range fingerprint.Dihedral(8) {
		q := hashed(t, applied(m, f))
		best, at := 257, fingerprint.Dihedral(0)
		for _, p := range q.Probes {
			if p.View != fingerprint.Full {
				continue
			}
			if d := distance(t, p.Payload, want.Payload); d < best {
				best, at = d, p.Form
			}
		}
		if at != f || best > 6 {
			t.Errorf("%v under %v: nearest probe is %v at %d bits", m.Rect.Max, f, at, best)
		}
	}
}

// TestTransformIsTheCosineTransform checks the integer pipeline against the definition in floating point.
func TestTransformIsTheCosineTransform(t *testing.T) {
	l := newBlur(newPlane(scene(9, 200, 230))).sample(false, false)
	c := transform(l)
	for _, at := range [][2]int{{0, 0}, {0, 15}, {7, 3}, {15, 15}} {
		want := 0.0
		for y := range side {
			for x := range side {
				want += float64(l[y][x]) / one * math.Cos(math.Pi*float64((at[0]+1)*(2*y+1))/128) * math.Cos(math.Pi*float64((at[1]+1)*(2*x+1))/128) / 32
			}
		}
		if got := float64(c[at[0]][at[1]]) / one; math.Abs(got-want) > .05 {
			t.Errorf("coefficient %v is %.3f, want %.3f", at, got, want)
		}
	}
}

func TestPlaneAveragesBlocks(t *testing.T) {
	m := noisy(scene(2, 1543, 1030), 40)
	p := newPlane(m)
	if p.kx != 4 || p.ky != 3 || p.w != 386 || p.h != 344 {
		t.Fatalf("plane is %d × %d of blocks %d × %d", p.w, p.h, p.kx, p.ky)
	}
	for _, at := range [][2]int{{0, 0}, {385, 343}, {385, 10}, {100, 343}, {200, 200}} {
		sum, n := 0, 0
		for y := at[1] * 3; y < min(at[1]*3+3, 1030); y++ {
			for x := at[0] * 4; x < min(at[0]*4+4, 1543); x++ {
				c := m.NRGBAAt(x, y)
				sum += 19595*int(c.R) + 38470*int(c.G) + 7471*int(c.B)
				n++
			}
		}
		if got, want := int(p.pix[at[1]*p.w+at[0]]), (sum+n/2)/n; got != want {
			t.Errorf("block %v is %d, want %d", at, got, want)
		}
	}
}

// A row long enough to overflow the lanes of package blocks if they were not emptied.
func TestPlaneOfVeryLongRow(t *testing.T) {
	p := newPlane(canvas(600_000, 1, gray(255)))
	for i, v := range p.pix {
		if v != 255*one {
			t.Fatalf("block %d of a white row is %d", i, v)
		}
	}
}

func TestPHashIsThatOfTheLibrary(t *testing.T) {
	for seed := range uint64(6) {
		m := scene(seed, 420, 310)
		want, err := goimagehash.PerceptionHash(m)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := hashed(t, m).Print(fingerprint.PHash64, fingerprint.Full)
		if !ok {
			t.Fatal("no phash")
		}
		if d := bits.OnesCount64(binary.BigEndian.Uint64(got.Payload) ^ want.GetHash()); d > 2 {
			t.Errorf("seed %d: %d bits from goimagehash of the coloured picture", seed, d)
		}
	}
}

type vector struct {
	Seed    uint64    `json:"seed"`
	W       int       `json:"w"`
	H       int       `json:"h"`
	Border  int       `json:"border"`
	Box     string    `json:"box"`
	Forms   [8]string `json:"forms"`
	Quality int       `json:"quality"`
	Chroma  string    `json:"chroma"` // first bytes of the SHA-256 of the chroma.v1 payload
}

// TestVectors freezes pdq256.v1 and the content box: pictures drawn with
// whole numbers must give these very bits on every machine and in every later version.
func TestVectors(t *testing.T) {
	const file = "testdata/vectors.json"
	var have []vector
	for i, size := range [][2]int{{400, 300}, {64, 64}, {512, 512}, {1201, 803}, {90, 700}, {37, 41}} {
		v := vector{Seed: uint64(i), W: size[0], H: size[1], Border: i % 2 * 30}
		m := framed(scene(v.Seed, v.W, v.H), gray(uint8(40*i)), v.Border, v.Border, v.Border, v.Border)
		r := hashed(t, m)
		b, err := json.Marshal(r.Box)
		if err != nil {
			t.Fatal(err)
		}
		v.Box = string(b)
		p := newPlane(m)
		l := newBlur(p).sample(false, false)
		for f, h := range transform(l).pdq() {
			v.Forms[f] = hex.EncodeToString(h)
		}
		v.Quality = l.quality()
		sum := sha256.Sum256(encodeChroma(m, refChroma))
		v.Chroma = hex.EncodeToString(sum[:8])
		have = append(have, v)
	}
	if *update {
		b, err := json.MarshalIndent(have, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []vector
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(have) {
		t.Fatalf("%d vectors, want %d", len(have), len(want))
	}
	for i := range want {
		if have[i] != want[i] {
			t.Errorf("vector %d: have %+v\nwant %+v", i, have[i], want[i])
		}
	}
}
