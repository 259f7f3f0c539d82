#!/bin/sh
# setup.sh [--must] COMMAND... installs the commands that are missing, with the system's
# own package manager, and says so. Commands that are there already cost nothing.
#
# A command that cannot be installed is a warning, because most of Selvage works without
# it; with --must it is an error (exit status 1).
set -u

must=0
if [ "${1:-}" = "--must" ]; then
	must=1
	shift
fi

say() { printf 'setup: %s\n' "$*" >&2; }
# Bouncy Castle is no command: Java and two jars, from Debian.
have() {
	case "$1" in
	bouncycastle) [ -e /usr/share/java/bcpkix.jar ] && command -v java >/dev/null 2>&1 ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

# package MANAGER COMMAND prints the package(s) that hold the command.
package() {
	case "$1:$2" in
	apt-get:gcc) echo gcc libc6-dev ;;
	apt-get:rsvg-convert) echo librsvg2-bin ;;
	apt-get:zbarimg) echo zbar-tools ;;
	apt-get:tesseract) echo tesseract-ocr tesseract-ocr-eng tesseract-ocr-chi-sim ;;
	apt-get:bouncycastle) echo default-jre-headless libbcpkix-java libbcprov-java ;;
	apt-get:node | apk:node | dnf:node) echo nodejs ;;
	apk:gcc) echo gcc musl-dev ;;
	apk:rsvg-convert) echo rsvg-convert ;;
	apk:tesseract) echo tesseract-ocr tesseract-ocr-data-eng tesseract-ocr-data-chi_sim ;;
	dnf:gcc) echo gcc glibc-devel ;;
	dnf:ffmpeg) echo ffmpeg-free ;;
	dnf:rsvg-convert) echo librsvg2-tools ;;
	dnf:tesseract) echo tesseract tesseract-langpack-eng tesseract-langpack-chi_sim ;;
	brew:rsvg-convert) echo librsvg ;;
	brew:tesseract) echo tesseract tesseract-lang ;;
	brew:pdftotext) echo poppler ;;
	*:pdftotext) echo poppler-utils ;;
	*:zbarimg) echo zbar ;;
	*) echo "$2" ;;
	esac
}

missing=
for command in "$@"; do
	have "$command" || missing="$missing $command"
done
[ -n "$missing" ] || exit 0

manager=
for m in apt-get dnf apk brew; do
	if have "$m"; then
		manager=$m
		break
	fi
done

[ -n "$manager" ] || say "missing:$missing; no package manager that is known here (apt-get, dnf, apk, brew)"

root=
if [ -n "$manager" ] && [ "$(id -u)" -ne 0 ] && [ "$manager" != brew ]; then
	if ! have sudo; then
		manager=
		say "neither root nor sudo: cannot install packages"
	elif [ -t 0 ]; then
		root=sudo
	else
		root="sudo -n" # nobody is there to type a password
	fi
fi

if [ -n "$manager" ]; then
	packages=
	for command in $missing; do
		packages="$packages $(package "$manager" "$command")"
	done
	say "missing:$missing; installing with $manager:$packages"
	# $root and $packages are lists of plain words: splitting them is meant.
	# shellcheck disable=SC2086
	case "$manager" in
	apt-get)
		quiet="-qq -o Dpkg::Use-Pty=0"
		# The package lists of a fresh machine are empty or old.
		{ $root apt-get $quiet update &&
			$root env DEBIAN_FRONTEND=noninteractive apt-get $quiet install -y --no-install-recommends $packages; } >/dev/null
		;;
	dnf) $root dnf install -y -q $packages >&2 ;;
	apk) $root apk add --no-cache $packages >&2 ;;
	brew) brew install -q $packages >&2 ;;
	esac || say "$manager failed (see above)"
fi

still=
for command in $missing; do
	have "$command" || still="$still $command"
done
if [ -n "$still" ]; then
	say "WARNING: still missing:$still. Install them by hand; what needs them will say so."
	[ "$must" -eq 0 ] || exit 1
fi
