// Command gen writes the pictures from which make.sh makes the test files of package
// decode: scene.png, alpha.png, deep.png (16 bits a channel) and stored1.png to
// stored8.png, the scene as a camera in each EXIF orientation would store it; exif6.png
// is stored6.png with an EXIF block that says so.
//
//	go run ./fingerprint/decode/testdata/gen DIR
package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"os"
	"path/filepath"

	"selvage/fingerprint/decode/internal/scene"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gen DIR")
	}
	save("scene.png", scene.RGB())
	save("alpha.png", scene.Alpha())
	deep := image.NewNRGBA64(image.Rect(0, 0, scene.Width, scene.Height))
	src := scene.RGB()
	for y := range scene.Height {
		for x := range scene.Width {
			c := src.NRGBAAt(x, y)
			deep.SetNRGBA64(x, y, color.NRGBA64{R: uint16(c.R) * 257, G: uint16(c.G) * 257, B: uint16(c.B) * 257, A: 0xffff})
		}
	}
	save("deep.png", deep)
	for o := 1; o <= 8; o++ {
		save(fmt.Sprintf("stored%d.png", o), scene.Stored(src, o))
	}
	b, err := os.ReadFile(filepath.Join(os.Args[1], "stored6.png"))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(os.Args[1], "exif6.png"), scene.WithEXIF(b, 6), 0o600); err != nil {
		log.Fatal(err)
	}
}

func save(name string, m image.Image) {
	f, err := os.Create(filepath.Join(os.Args[1], name))
	if err != nil {
		log.Fatal(err)
	}
	if err := png.Encode(f, m); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}
