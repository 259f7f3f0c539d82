#!/bin/sh
# verify.sh: checks an unpacked Selvage evidence bundle. It shares no code with the
# service or with selvage-verify and needs a POSIX shell, openssl 3, coreutils, cmp,
# sed, awk and grep. It opens no connection and writes only to a temporary folder.
#
# usage: verify.sh [--policy-dir DIR] [--file ORIGINAL] [BAG]
#   BAG               the folder that holds bagit.txt; default: the present folder, or
#                     the one above this script if it lies in a bundle's tools/
#   --policy-dir DIR  log.vkey, service-key.pem and tsa-ca.pem that you trust, got
#                     elsewhere; without it the keys in the bundle are taken at their word
#   --file ORIGINAL   the bundle must be about this very file
# Each line answers proved, contradicted or cannot tell. The first contradiction ends the
# run. Exit status: 0 proved, 1 contradicted, 2 usage, 3 cannot tell.
#
# The method, over and over: what has only one correct form is made again from its
# parts and compared byte for byte. So no byte is left unread.
# A verifier that lies in the bundle was packed by whoever packed the bundle: prefer
# your own copy of this file.

set -u
LC_ALL=C TZ=UTC0
export LC_ALL TZ
exec 3>&1
nl='
'
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
# Texts from the bundle are printed as plain ASCII, or they could repaint the terminal.
say() {
	case $1 in *[!\ -~]*) printf '%s\n' "$1" | tr -c ' -~\n' '?' >&3 ;; *) printf '%s\n' "$1" >&3 ;; esac
}
line() { printf '  %-12s ' "$1" >&3; say "$prefix$2: $3"; }
proved() { line proved "$1" "$2"; }
contradicted() { line contradicted "$1" "$2"; say "contradicted: $prefix$1: $2"; exit 1; }
cannot_tell() { line 'cannot tell' "$1" "$2"; [ "$unsure" ] || unsure="$prefix$1: $2"; }
give_up() { cannot_tell "$1" "$2"; say "cannot tell: $unsure"; exit 3; }

bag= policy= original= prefix= unsure=
while [ $# -gt 0 ]; do
	case $1 in
	--policy-dir) [ $# -ge 2 ] && [ -d "$2" ] || usage; policy=$(cd "$2" && pwd); shift 2 ;;
	--file) [ $# -ge 2 ] && [ -f "$2" ] || usage; original=$(cd "$(dirname "$2")" && pwd)/${2##*/}; shift 2 ;;
	-*) usage ;;
	*) [ -z "$bag" ] && [ -d "$1" ] || usage; bag=$1; shift ;;
	esac
done
if [ -z "$bag" ]; then
	bag=.
	[ -f bagit.txt ] || [ ! -f "$(dirname "$0")/../bagit.txt" ] || bag=$(dirname "$0")/..
fi
tmp=$(mktemp -d) || give_up temporary 'no temporary folder'
trap 'rm -rf "$tmp"' EXIT
trap 'exit 3' HUP INT TERM
cd -- "$bag" || usage

# ---- small helpers

hex() { od -An -v -tx1 | tr -d ' \n'; }
same() { cmp -s - "$1"; } # standard input is exactly this file
size() { wc -c <"$1"; }
is_number() { case $1 in '' | 0?* | *[!0-9]* | ???????????????????*) return 1 ;; esac; }
# is64 TEXT BYTES: TEXT is the one base64 form of that many bytes, the unused bits of its
# last digit zero; the bytes go to $tmp/bin.
is64() {
	case $1 in *==) pad=2 unused='AQgw' ;; *=) pad=1 unused='AEIMQUYcgkosw048' ;; *) pad=0 unused='A-Za-z0-9+/' ;; esac
	set -- "$1" "$2" "${1%=}"
	case ${3%=} in *[!A-Za-z0-9+/]* | *[!$unused]) return 1 ;; esac
	[ $((${#1} % 4)) -eq 0 ] && [ $((${#1} / 4 * 3 - pad)) -eq "$2" ] && printf %s "$1" | base64 -d >"$tmp/bin" 2>/dev/null
}
# Files that a check below explains; whatever else there is does not belong.
expect() {
	[ -f "$1" ] || contradicted files "$1 is missing"
	printf '%s\n' "$1" >>"$tmp/expected"
}

# flatten FILE: canonical JSON as lines "path value", e.g. assets.0.size 140. Strings
# keep their quotes and escapes. It refuses white space between tokens, control
# characters, and keys that are unsorted or twice (RFC 8785).
flatten() {
	awk '
	function fail() { bad = 1; exit 1 }
	function string(  j, c) { # moves i over a string and returns it with its quotes
		if (substr(t, i, 1) != "\"") fail()
		for (j = i + 1; (c = substr(t, j, 1)) != "\""; j++) {
			if (c == "" || c < " ") fail()
			if (c == "\\") j++
		}
		c = substr(t, i, j - i + 1); i = j + 1
		return c
	}
	function value(path,  c, d, k, n, last) {
		c = substr(t, i, 1)
		if (c == "\"") { print path " " string(); return }
		if (c != "{" && c != "[") {
			if (!match(substr(t, i, 40), /^(-?[0-9][-+.0-9e]*|true|false|null)/)) fail()
			print path " " substr(t, i, RLENGTH); i += RLENGTH
			return
		}
		i++
		if (substr(t, i, 1) == (c == "{" ? "}" : "]")) { i++; print path " " c; return }
		for (n = 0; ; n++) {
			k = n
			if (c == "{") {
				k = string()
				if (n && k <= last || substr(t, i++, 1) != ":") fail()
				last = k
				gsub(/^"|"$/, "", k); gsub(/[^A-Za-z0-9]/, "_", k)
			}
			value((path == "" ? "" : path ".") k)
			d = substr(t, i++, 1)
			if (d == (c == "{" ? "}" : "]")) return
			if (d != ",") fail()
		}
	}
	{ t = $0; if (NR > 1) fail() }
	END { if (!bad && NR == 1) { i = 1; value(""); if (i <= length(t)) bad = 1 } exit bad || NR != 1 }
	' "$1"
}
# text and number read the flattened statement; the path is a regular expression.
text() { sed -n "s/^$1 \"\\(.*\\)\"\$/\\1/p" "$tmp/statement"; }
number() { sed -n "s/^$1 \\([0-9][0-9]*\\)\$/\\1/p" "$tmp/statement"; }

# ---- the bag: BagIt 1.0 (RFC 8493)

FORMAT='selvage.bundle.v1'
[ -f bag-info.txt ] || give_up bundle 'not an evidence bundle: bag-info.txt is missing'
IFS= read -r l <bag-info.txt && [ "$l" = "Bundle-Format: $FORMAT" ] || give_up bundle "not a format this verifier knows ($FORMAT)"

# Plain names and plain files only; a link could show one file here and another there.
walk() {
	for f in "$1"* "$1".*; do
		[ -e "$f" ] || [ -L "$f" ] || continue
		case ${f##*/} in . | ..) continue ;; esac
		case ${f#"$1"} in .* | *[!A-Za-z0-9.-]*) contradicted files "$f is not a plain name" ;; esac
		[ ! -L "$f" ] || contradicted files "$f is a link"
		if [ -d "$f" ]; then walk "$f/"; elif [ -f "$f" ]; then printf '%s\n' "$f"; else contradicted files "$f is not a plain file"; fi
	done
}
walk '' >"$tmp/unsorted"
sort "$tmp/unsorted" >"$tmp/files"
# Names are plain words by now, so the shell may split these lists.
payload=$(grep '^data/' "$tmp/files")
tags=$(grep -v -e '^data/' -e '^tagmanifest-' "$tmp/files")
for h in sha256 sha512; do
	${h}sum $payload </dev/null 2>&1 | same manifest-$h.txt 2>&1 || contradicted manifests "manifest-$h.txt does not list exactly the files in data/ with their digests"
	${h}sum $tags </dev/null 2>&1 | same tagmanifest-$h.txt 2>&1 || contradicted manifests "tagmanifest-$h.txt does not list exactly the other files with their digests"
	expect manifest-$h.txt
	expect tagmanifest-$h.txt
done
proved manifests "sha256 and sha512 of all $(($(wc -l <"$tmp/files"))) files fit"
for f in bagit.txt bag-info.txt README.txt trust/policy.json trust/log.vkey trust/service-key.pem trust/tsa-ca.pem; do expect $f; done
printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' | same bagit.txt || contradicted bag 'bagit.txt is not that of BagIt 1.0'

# ---- the keys the bundle carries

case $(openssl version 2>&1) in 'OpenSSL '[3-9].*) ;; *) give_up openssl 'OpenSSL 3 or later is needed' ;; esac
flatten trust/policy.json >"$tmp/policy" || contradicted keys 'trust/policy.json is not canonical JSON'
[ -z "$(grep -v -e '^format "selvage.policy.v1"$' -e '^logs\.[0-9]* "' -e '^services\.[0-9]* "' -e '^authorities\.[0-9]*\.name "' \
	-e '^authorities\.[0-9]*\.roots "' "$tmp/policy")" ] || contradicted keys 'trust/policy.json is of an unknown format or holds an unknown field'
listed() { sed -n "/^$1 /{ s///; s/^\"//; s/\"\$//; s/\\\\n\$//; s/\\\\n/\\$nl/g; p; }" "$tmp/policy"; }
listed 'logs\.[0-9]*' | same trust/log.vkey || contradicted keys 'trust/log.vkey does not hold the keys of trust/policy.json'
listed 'services\.[0-9]*' | same trust/service-key.pem || contradicted keys 'trust/service-key.pem does not hold the keys of trust/policy.json'
listed 'authorities\.[0-9]*\.roots' | same trust/tsa-ca.pem || contradicted keys 'trust/tsa-ca.pem does not hold the keys of trust/policy.json'
proved keys 'policy.json, log.vkey, service-key.pem and tsa-ca.pem hold the same keys'

# ed25519 KEY.der TEXT SIGNATURE
ed25519() { openssl pkeyutl -verify -pubin -keyform DER -inkey "$1" -rawin -in "$2" -sigfile "$3" >/dev/null 2>&1; }

# signed_by KEYS.pem: one of these Ed25519 keys made one of $signatures over $tmp/pae.
# A key's name is the SHA-256 of its 32 bytes; its DER (RFC 8410) has 12 bytes before them.
signed_by() {
	while IFS= read -r begin && IFS= read -r k && IFS= read -r end; do
		[ "$begin $end" = '-----BEGIN PUBLIC KEY----- -----END PUBLIC KEY-----' ] && is64 "$k" 44 || return 1
		mv "$tmp/bin" "$tmp/der"
		case $(hex <"$tmp/der") in 302a300506032b6570032100*) ;; *) return 1 ;; esac
		signer=$(tail -c 32 "$tmp/der" | openssl dgst -sha256 -binary | base64)
		signer=SHA256:${signer%=}
		case $signatures in *"$nl$signer "*) ;; *) continue ;; esac
		k=${signatures#*"$nl$signer "}
		is64 "${k%%"$nl"*}" 64 && ed25519 "$tmp/der" "$tmp/pae" "$tmp/bin" && return 0
	done <"$1"
	return 1
}

# logged_by VKEYS: exactly one of the signature $lines over the note $tmp/text is by one
# of these keys, which is named like the origin (C2SP signed-note). Sets log_line.
logged_by() {
	log_line=
	while IFS= read -r vkey; do
		name=${vkey%%+*} rest=${vkey#*+}
		is64 "${rest#*+}" 33 || return 1
		[ "$({ printf '%s\n' "$name"; cat "$tmp/bin"; } | sha256sum | cut -c1-8)" = "${rest%%+*}" ] || return 1
		case $(hex <"$tmp/bin") in 01*) ;; *) return 1 ;; esac # type 1: Ed25519
		[ "$name" = "$origin" ] || continue
		{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; tail -c 32 "$tmp/bin"; } >"$tmp/der"
		while IFS= read -r l; do
			[ "${l% *}" = "— $name" ] || continue
			is64 "${l##* }" 68 || return 1
			case $(hex <"$tmp/bin") in "${rest%%+*}"*) ;; *) continue ;; esac
			tail -c 64 "$tmp/bin" >"$tmp/sig"
			[ -z "$log_line" ] && ed25519 "$tmp/der" "$tmp/text" "$tmp/sig" || return 1
			log_line=$l
		done <<-END
			$lines
		END
	done <"$1"
	[ "$log_line" ]
}

# stamped_by ROOTS.pem: RFC 3161 token over the file checkpoint; signature, chain, key
# usage and signing certificate are judged by openssl at the token's own time.
stamped_by() {
	case $(openssl ts -verify -attime "$at" -in "$d/checkpoint.tsr" -data "$d/checkpoint" -CAfile "$1" 2>&1) in
	*'Verification: OK'*) ;; *) return 1 ;;
	esac
}

# ---- one registration: dossier FOLDER NAME TYPE TIMEFIELD

dossier() {
	d=$1 proof=$1/$2.tlog-proof
	for f in statement.jcs statement.dsse opening.txt "$2.tlog-proof" checkpoint checkpoint.tsr; do expect "$d/$f"; done

	# opening.txt: commitment = HMAC-SHA-256(salt, envelope)
	{ IFS= read -r l; IFS= read -r salt; } <"$d/opening.txt"
	salt=${salt#salt }
	case $salt in *[!0-9a-f]*) salt= ;; esac
	[ ${#salt} -eq 64 ] && openssl dgst -sha256 -mac HMAC -macopt "hexkey:$salt" -binary "$d/statement.dsse" >"$tmp/entry" 2>/dev/null ||
		contradicted opening 'opening.txt has no salt'
	commitment=$(hex <"$tmp/entry")
	printf 'selvage.opening.v1\nsalt %s\ncommitment %s\n' "$salt" "$commitment" | same "$d/opening.txt" ||
		contradicted opening 'opening.txt does not open a commitment to the envelope'
	proved opening "HMAC-SHA-256 of the envelope under the salt is $commitment"

	# statement.dsse: the envelope (DSSE v1) in canonical JSON, made again from
	# statement.jcs and the signatures, each a line "name base64" in $signatures
	mime='application/vnd.selvage.statement+json'
	signatures=$nl again=
	sed "s/^.*,\"signatures\":\\[//; s/\\]}\$//; s/},{/}\\$nl{/g" "$d/statement.dsse" >"$tmp/list"
	while IFS= read -r l || [ "$l" ]; do
		id=${l#'{"keyid":"'} sig=${l#*'","sig":"'}
		id=${id%%'"'*} sig=${sig%'"}'}
		case $id in *[!A-Za-z0-9:+/=._-]*) contradicted envelope 'a key name that is none' ;; esac
		case $signatures in *"$nl$id "*) contradicted envelope 'two signatures by one key' ;; esac
		signatures="$signatures$id $sig$nl"
		again="$again,{\"keyid\":\"$id\",\"sig\":\"$(printf %s "$sig" | base64 -d 2>/dev/null | base64 -w 0)\"}"
	done <"$tmp/list"
	printf '{"payload":"%s","payloadType":"%s","signatures":[%s]}' "$(base64 -w 0 "$d/statement.jcs")" "$mime" "${again#,}" | same "$d/statement.dsse" ||
		contradicted envelope 'statement.dsse is not the canonical envelope of statement.jcs'
	{ printf 'DSSEv1 %d %s %d ' ${#mime} "$mime" "$(size "$d/statement.jcs")"; cat "$d/statement.jcs"; } >"$tmp/pae"
	signed_by trust/service-key.pem || contradicted signature 'no service key in trust/ signed the statement'
	proved signature "statement.jcs is what the envelope carries, signed by the service, key $signer"
	flatten "$d/statement.jcs" >"$tmp/statement" && [ "$(text type)" = "$3" ] || contradicted statement "it is not a canonical $3"

	# NAME.tlog-proof (C2SP tlog-proof): head, path, empty line, signed checkpoint (C2SP
	# tlog-checkpoint): origin, size, root hash, empty line, signatures
	path= lines=
	{
		IFS= read -r l; IFS= read -r extra; IFS= read -r index
		while IFS= read -r l && [ "$l" ]; do path=$path$l$nl; done
		IFS= read -r origin; IFS= read -r tree; IFS= read -r root; IFS= read -r l
		while IFS= read -r l; do lines=$lines$l$nl; done
	} <"$proof"
	extra=${extra#extra } index=${index#index }
	printf '%s\n%s\n%s\n' "$origin" "$tree" "$root" >"$tmp/text"
	printf 'c2sp.org/tlog-proof@v1\nextra %s\nindex %s\n%s\n%s\n%s\n%s\n\n%s' "$extra" "$index" "$path" "$origin" "$tree" "$root" "$lines" | same "$proof" &&
		is_number "$index" && is_number "$tree" || contradicted 'log proof' 'it does not read as tlog-proof@v1'
	is64 "$extra" 32 && [ "$(hex <"$tmp/bin")" = "$salt" ] || contradicted commitment 'the salt in the log proof is not the salt of the opening'
	logged_by trust/log.vkey || contradicted checkpoint 'it is not signed, just once, by a log key in trust/'
	printf '%s\n%s\n%s\n\n%s\n' "$origin" "$tree" "$root" "$log_line" | same "$d/checkpoint" || contradicted checkpoint "the file checkpoint is not the log proof's"
	proved checkpoint "tree of $tree entries signed by log $origin"

	# Inclusion (RFC 6962, 2.1; the walk is that of RFC 9162, 2.1.3.2): n is the node's
	# index on its level, m that of the last node.
	case $path in *[!A-Za-z0-9+/="$nl"]*) contradicted inclusion 'a path line is not base64' ;; esac
	[ "$index" -lt "$tree" ] || contradicted inclusion "index $index is outside the tree of $tree entries"
	{ printf '\000'; cat "$tmp/entry"; } | openssl dgst -sha256 -binary >"$tmp/node"
	n=$index m=$((tree - 1))
	for l in $path; do
		is64 "$l" 32 && [ $m -gt 0 ] || contradicted inclusion 'the path has a line too many or one that is no hash'
		if [ $((n % 2)) -eq 1 ] || [ $n -eq $m ]; then
			left=$tmp/bin right=$tmp/node
			while [ $((n % 2)) -eq 0 ] && [ $n -ne 0 ]; do n=$((n / 2)) m=$((m / 2)); done
		else
			left=$tmp/node right=$tmp/bin
		fi
		{ printf '\001'; cat "$left" "$right"; } | openssl dgst -sha256 -binary >"$tmp/parent"
		mv "$tmp/parent" "$tmp/node"
		n=$((n / 2)) m=$((m / 2))
	done
	is64 "$root" 32 && [ $m -eq 0 ] && cmp -s "$tmp/node" "$tmp/bin" || contradicted inclusion "the path does not lead from the entry to the checkpoint's root"
	proved inclusion "the commitment is entry $index of that tree"

	# checkpoint.tsr. The status text before the token is not signed and could imitate
	# these three lines, so no second set of them may follow.
	said=$(openssl ts -reply -in "$d/checkpoint.tsr" -text 2>/dev/null | grep -e '^Hash Algorithm: ' -e '^Time stamp: ' -e '^Accuracy: ')
	stamp=${said#"Hash Algorithm: sha256${nl}Time stamp: "} accuracy=${said#*"${nl}Accuracy: "}
	case $said$nl$accuracy in
	"Hash Algorithm: sha256${nl}Time stamp: $stamp$nl$accuracy") ;;
	*) contradicted 'time token' 'it does not read as one RFC 3161 token over a SHA-256' ;;
	esac
	stamp=${stamp%%"$nl"*}
	case $accuracy in *"$nl"*) contradicted 'time token' 'it does not read as one RFC 3161 token' ;; esac
	now=$(date -d "$stamp" '+%s %Y-%m-%dT%H:%M:%SZ' 2>/dev/null) || contradicted 'time token' 'its time cannot be read'
	at=${now% *} now=${now#* }
	# "0x01 seconds, unspecified millis, unspecified micros" or "unspecified"; rounded up
	case $accuracy in *' unspecified millis, unspecified micros' | unspecified) late=0 ;; *) late=1 ;; esac
	l=${accuracy%%' seconds,'*}
	case $l in
	unspecified) ;;
	0x*[!0-9A-F]* | 0x | 0x??????*) contradicted 'time token' 'its accuracy cannot be meant' ;; # and no shell may evaluate it
	0x*) late=$((late + l)) ;;
	*) contradicted 'time token' 'its accuracy cannot be read' ;;
	esac
	stamped_by trust/tsa-ca.pem || contradicted 'time token' 'openssl ts -verify refuses it'
	proved 'time token' "RFC 3161 token over the checkpoint: $now, accuracy $late s"
	expr "${now%T*}" \> "$latest_day" >/dev/null && latest_day=${now%T*}

	# The service's clock may run ahead of the authority's by five minutes.
	said=$(text "$4")
	case $said in [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9]Z) ;; *) said=none ;; esac
	s=$(date -d "$said" +%s 2>/dev/null) && [ "$s" -le $((at + late + 300)) ] || contradicted 'time order' "the statement's own time is after the token, or unreadable"
	proved 'time order' "the service's clock ($said) is not after the token"
}

# asked: whether the policy trusts what was just proved.
asked() {
	[ "$policy" ] || return 0
	signed_by "$policy/service-key.pem" && proved 'policy: service' 'the given service key signed' || cannot_tell 'policy: service' 'not signed by the given service key'
	logged_by "$policy/log.vkey" && proved 'policy: log' 'the given log key signed' || cannot_tell 'policy: log' 'not signed by the given log key'
	stamped_by "$policy/tsa-ca.pem" && proved 'policy: authority' 'stamped under the given certificate' || cannot_tell 'policy: authority' 'not stamped under the given certificate'
}

# The ending of a file's name follows from its media type; both tables are format.
ending() {
	case $1 in
	image/jpeg) echo jpg ;; image/png | image/gif | image/webp | image/bmp | image/avif | image/heic | image/jxl) echo "${1#*/}" ;;
	image/tiff) echo tif ;; image/vnd.adobe.photoshop) echo psd ;; image/svg+xml) echo svg ;;
	video/mp4 | video/webm) echo "${1#*/}" ;; video/quicktime) echo mov ;; video/x-matroska) echo mkv ;;
	application/pdf) echo pdf ;; text/plain) echo txt ;; text/markdown) echo md ;;
	application/vnd.openxmlformats-officedocument.wordprocessingml.document) echo docx ;;
	*) echo bin ;;
	esac
}
# listed_as DIGEST NAME: the manifest, which fits the files, gives NAME that digest.
listed_as() { grep -q -x -F "$1  $2" manifest-sha256.txt; }
# is_file NAME DIGEST SIZE: if the bundle holds NAME, it must be that file.
is_file() {
	[ -f "$1" ] || return 1
	expect "$1"
	listed_as "$2" "$1" && [ "$(size "$1")" = "$3" ] || contradicted originals "$1 is not the file of the statement"
}

# ---- the work

latest_day=
prefix='work: '
dossier data/work work selvage.work.v1 'dates\.received'
registered="registered: not later than $(date -d "@$((at + late))" +%Y-%m-%dT%H:%M:%SZ) (token); lower bound unknown"
work=$(text work) work_commitment=$commitment work_digests=$(text 'assets\.[0-9]*\.digest')
count=$(grep -c '^assets\.[0-9]*\.digest ' "$tmp/statement")
expect data/work/digests.txt
i=0 held=0
while [ $i -lt $count ]; do
	digest=$(text "assets\\.$i\\.digest")
	file=original.$(ending "$(text "assets\\.$i\\.mediaType")")
	i=$((i + 1))
	[ $count -eq 1 ] || file=$(printf 'original-%04d.%s' $i "${file##*.}")
	printf '%s  %s\n' "$digest" "$file" >>"$tmp/digests"
	is_file "data/work/$file" "$digest" "$(number "assets\\.$((i - 1))\\.size")" && held=$((held + 1))
done
cmp -s "$tmp/digests" data/work/digests.txt || contradicted digests 'digests.txt does not list the digests of the statement'
proved originals "digests.txt lists the $((count)) registered file(s); the $held in the bundle are those"
asked
if [ "$original" ]; then
	prefix= given=$(sha256sum <"$original")
	given=${given%% *}
	case $nl$work_digests$nl in
	*"$nl$given$nl"*) proved file "the given file (sha256 $given) is a registered one" ;;
	*) contradicted file "the given file (sha256 $given) is not a registered one" ;;
	esac
fi

# ---- the match, if the bundle is about one

if grep -q -e '^data/match/' -e '^data/accused/' "$tmp/files"; then
	prefix='match: '
	dossier data/match match selvage.match.v1 time
	case $nl$work_digests$nl in *"$nl$(text asset)$nl"*) ;; *) contradicted work 'the match names a file that is not of the work' ;; esac
	[ "$(text work)" = "$work" ] && [ "$(text workCommitment)" = "$work_commitment" ] || contradicted work 'the match names another registration'
	proved work 'it names this registration and one of its files'
	expect data/match/match.json
	listed_as "$(text record)" data/match/match.json || contradicted record 'match.json is not the record that was signed'
	proved record 'match.json is the record that was signed'
	expect data/accused/digest.txt
	file=file.$(ending "$(text 'query\.mediaType')") digest=$(text 'query\.digest')
	printf '%s  %s\n' "$digest" "$file" | same data/accused/digest.txt || contradicted accused 'digest.txt does not name the compared file'
	is_file "data/accused/$file" "$digest" "$(number 'query\.size')" && proved 'accused file' 'the file in the bundle is the compared one'
	proved accused "sha256 $digest"
	asked
fi

# ---- nothing else

prefix=
oxum=$(wc -c $payload | awk 'END { printf "%.0f.%d", $1, (NR > 1 ? NR - 1 : 1) }')
printf 'Bundle-Format: %s\nBag-Software-Agent: Selvage\nBagging-Date: %s\nPayload-Oxum: %s\n' "$FORMAT" "$latest_day" "$oxum" | same bag-info.txt || contradicted bag 'bag-info.txt counts other files or names another day'
sort "$tmp/expected" | cmp -s - "$tmp/files" ||
	contradicted contents "$(sort "$tmp/expected" | comm -13 - "$tmp/files" | sed -n 1p) does not belong in a bundle"
proved contents 'every file is accounted for'

say 'note: a proof of time is not a proof of authorship: the statement existed by then; what it claims may still be wrong'
say 'note: README.txt and the names of authorities are not signed by anybody; read them as the words of whoever packed the bundle'
if [ "$unsure" ]; then
	say "cannot tell: $unsure"
	exit 3
fi
say "$registered"
[ "$policy" ] && say 'proved under the given keys' || say 'proved under the keys in this bundle'
exit 0
