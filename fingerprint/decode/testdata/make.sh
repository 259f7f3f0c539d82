#!/bin/sh
# Makes the test files of package decode from pictures that gen draws. Run in the root of
# the module; see README.md for the tools and their versions.
set -eu
out=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go run ./fingerprint/decode/testdata/gen "$tmp"
cd "$tmp"
s=scene.png a=alpha.png d=deep.png

convert $s -strip -quality 92 -sampling-factor 4:2:0 "$out/plain.jpg"
convert $s -strip -quality 92 -sampling-factor 4:4:4 "$out/444.jpg"
convert $s -strip -quality 92 -sampling-factor 4:2:2 "$out/422.jpg"
convert $s -strip -quality 92 -sampling-factor 4:4:0 "$out/440.jpg"
convert $s -strip -quality 92 -sampling-factor 4:1:1 "$out/411.jpg"
convert $s -strip -quality 92 -interlace JPEG "$out/progressive.jpg"
convert $s -strip -quality 92 -colorspace Gray "$out/gray.jpg"
convert $s -strip -quality 95 -colorspace CMYK "$out/cmyk.jpg"

convert $s -strip -interlace PNG -define png:color-type=2 "$out/interlaced.png"
convert $d -strip -depth 16 -define png:bit-depth=16 -define png:color-type=2 "$out/deep.png"

cwebp -quiet -exact -lossless $s -o "$out/lossless.webp"
cwebp -quiet -exact -lossless $a -o "$out/lossless-alpha.webp"
cwebp -quiet -q 90 $s -o "$out/lossy.webp"
cwebp -quiet -q 90 -exact $a -o "$out/lossy-alpha.webp"
img2webp -lossless -d 100 $s stored4.png -o "$out/animated.webp" >/dev/null
convert -size 61x47 xc:none \( $s -crop 30x20+10+8 +repage -geometry +10+8 \) -composite part.png
img2webp -lossless -d 100 $s -lossless part.png -o "$out/animated2.webp" >/dev/null

convert $s -strip -compress None -define tiff:rows-per-strip=16 "$out/plain.tiff"
convert $s -strip -compress LZW -define tiff:predictor=2 "$out/lzw.tiff"
convert $s -strip -compress Zip "$out/deflate.tiff"
convert $d -strip -depth 16 -compress LZW "$out/deep.tiff"
convert $s -strip -compress Zip -define tiff:tile-geometry=16x16 "$out/tiles.tiff"
convert $s stored4.png -strip -compress LZW "$out/pages.tiff"
convert $s -strip -compress JPEG "$out/jpeg-inside.tiff"
convert $s -strip -colorspace CMYK -compress LZW "$out/cmyk.tiff"
convert $s -strip -compress LZW -interlace Plane "$out/planes.tiff"
convert $s -strip -colorspace Gray -threshold 50% -compress Group4 "$out/fax.tiff"

for o in 1 2 3 4 5 6 7 8; do
	# irot turns anticlockwise before imir mirrors: see fromTurnAndMirror.
	case $o in
	1) t="" ;; 2) t="--imir 1" ;; 3) t="--irot 2" ;; 4) t="--imir 0" ;;
	5) t="--irot 1 --imir 0" ;; 6) t="--irot 3" ;; 7) t="--irot 1 --imir 1" ;; 8) t="--irot 1" ;;
	esac
	avifenc $t -l -s 6 -- stored$o.png "$out/turned$o.avif" >/dev/null
done
avifenc -s 6 --min 0 --max 10 $s "$out/lossy.avif" >/dev/null
avifenc -s 6 --min 0 --max 10 -d 10 $d "$out/10bit.avif" >/dev/null
avifenc -s 6 --min 0 --max 5 $a "$out/alpha.avif" >/dev/null

# The HEIC decoder cannot read narrow pictures, so these are the scene in blocks of 3 x 3.
convert $s -strip -scale 300% wide.png
convert $a -strip -scale 300% widealpha.png
heif-enc -q 90 $s -o "$out/narrow.heic" >/dev/null
heif-enc -q 90 wide.png -o "$out/plain.heic" >/dev/null
convert wide.png -crop 160x128+0+0 +repage even.png
heif-enc -q 90 even.png -o "$out/even.heic" >/dev/null
heif-enc -q 90 widealpha.png -o "$out/alpha.heic" >/dev/null

cjxl --quiet -d 0 $s "$out/lossless.jxl" 2>/dev/null
cjxl --quiet -d 1 $s "$out/lossy.jxl" 2>/dev/null
cjxl --quiet -d 0 $a "$out/alpha.jxl" 2>/dev/null
cjxl --quiet -d 0 $d "$out/deep.jxl" 2>/dev/null
cjxl --quiet -d 0 --container=1 $s "$out/boxed.jxl" 2>/dev/null

cjxl --quiet -d 0 exif6.png "$out/turned6.jxl" 2>/dev/null

convert $s -strip -compress None "psd:$out/plain.psd"
convert $s -strip -compress RLE "psd:$out/rle.psd"
convert $d -strip -depth 16 -compress None "psd:$out/deep.psd"
convert $d -strip -depth 16 -compress RLE "psd:$out/deep-rle.psd"
convert $s -strip -colorspace CMYK "psd:$out/cmyk.psd"
convert $s -strip -colorspace Gray "psd:$out/gray.psd"
convert $a -strip "psd:$out/alpha.psd"
convert $s -strip -type Palette -colors 32 "psd:$out/palette.psd"
convert $s \( $a -resize 50% \) -strip "psd:$out/layers.psd"
convert $s -strip "psb:$out/large.psb"
