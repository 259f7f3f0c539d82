#!/bin/sh
# verify.sh: checks an unpacked Selvage evidence bundle (selvage.bundle.v1 and v2). It
# shares no code with the service or with selvage-verify and needs a POSIX shell, openssl 3,
# coreutils, cmp, sed, awk and grep. It opens no connection and writes only to a
# temporary folder.
#
# usage: verify.sh [--policy-dir DIR] [--file ORIGINAL] [BAG]
#   BAG               the folder that holds bagit.txt; default: the present folder, or
#                     the one above this script if it lies in a bundle's tools/
#   --policy-dir DIR  log.vkey, service-key.pem and tsa-ca.pem that you trust, got
#                     elsewhere; where you have them witnesses.vkey, quorum (how many of
#                     the witnesses must have signed) and beacons (lines SHA256 TIME of
#                     values of outside that you found published yourself). Without it
#                     the keys in the bundle are taken at their word
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
is_number() { case $1 in '' | 0?* | *[!0-9]* | ???????????????????*) return 1 ;; esac; }
is_digest() { case $1 in *[!0-9a-f]*) return 1 ;; esac; [ ${#1} -eq 64 ]; }
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
	for f; do
		[ -f "$f" ] || contradicted files "$f is missing"
		printf '%s\n' "$f" >>"$tmp/expected"
	done
}
# seconds TIME: a statement's time, 2006-01-02T15:04:05.000Z, as $at, cut to a second.
seconds() {
	case $1 in [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9]Z) ;; *) return 1 ;; esac
	at=$(date -d "$1" +%s 2>/dev/null)
}
clock() { date -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }

# flatten FILE [FIELD...]: canonical JSON as lines "path value" in $tmp/flat, e.g.
# assets.0.size 140; strings keep their quotes and escapes. It refuses white space between
# tokens, control characters, and keys that are unsorted or twice (RFC 8785). The texts
# of the fields, in which _ stands for a dot, go to $s_FIELD; empty where there is none.
flatten() {
	file=$1
	shift
	awk -v flat="$tmp/flat" -v fields="$*" '
	function fail() { bad = 1; exit 1 }
	function put(path, v) { print path " " v >flat; got[path] = v }
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
		if (c == "\"") { put(path, string()); return }
		if (c != "{" && c != "[") {
			if (!match(substr(t, i, 40), /^(-?[0-9][-+.0-9e]*|true|false|null)/)) fail()
			put(path, substr(t, i, RLENGTH)); i += RLENGTH
			return
		}
		i++
		if (substr(t, i, 1) == (c == "{" ? "}" : "]")) { i++; put(path, c); return }
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
	END {
		if (bad || NR != 1) exit 1
		i = 1; value("")
		if (bad || i <= length(t)) exit 1
		n = split(fields, want, " ")
		for (i = 1; i <= n; i++) {
			gsub(/_/, ".", want[i]); t = got[want[i]]
			print (t ~ /^"/ ? substr(t, 2, length(t) - 2) : "")
		}
	}' "$file" >"$tmp/values" || return 1
	for field; do IFS= read -r "s_$field"; done <"$tmp/values"
}

# ---- the bag: BagIt 1.0 (RFC 8493)

[ -f bag-info.txt ] || give_up bundle 'not an evidence bundle: bag-info.txt is missing'
IFS= read -r format <bag-info.txt
format=${format#Bundle-Format: }
case $format in selvage.bundle.v1 | selvage.bundle.v2) ;; *) give_up bundle 'not a format this verifier knows (selvage.bundle.v1, selvage.bundle.v2)' ;; esac

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
payload= tags= count=0
while read -r f; do
	case $f in data/*) payload="$payload $f" ;; tagmanifest-*) ;; *) tags="$tags $f" ;; esac
	count=$((count + 1))
done <"$tmp/files"
for h in sha256 sha512; do
	${h}sum $payload </dev/null 2>&1 | same manifest-$h.txt 2>&1 || contradicted manifests "manifest-$h.txt does not list exactly the files in data/ with their digests"
	${h}sum $tags </dev/null 2>&1 | same tagmanifest-$h.txt 2>&1 || contradicted manifests "tagmanifest-$h.txt does not list exactly the other files with their digests"
	expect manifest-$h.txt tagmanifest-$h.txt
done
proved manifests "sha256 and sha512 of all $count files fit"
expect bagit.txt bag-info.txt README.txt trust/policy.json trust/log.vkey trust/service-key.pem trust/tsa-ca.pem
printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' | same bagit.txt || contradicted bag 'bagit.txt is not that of BagIt 1.0'
digests=$nl$(cat manifest-sha256.txt)$nl # lines "DIGEST  NAME"
sizes=$(wc -c $payload | awk '$2 != "total" { n += $1; print $1 "  " $2 } END { printf "%.0f.%d\n", n, NR - (NR > 1) }')
oxum=${sizes##*"$nl"} sizes=$nl$sizes$nl
has() { case $digests in *"  $1"*) ;; *) return 1 ;; esac; } # a payload file that begins so
# digest_of NAME: sets $is, by the manifest, which fits the files.
digest_of() { is=${digests%%"  $1$nl"*}; is=${is##*"$nl"}; }

# ---- keys

case $(openssl version 2>&1) in 'OpenSSL '[3-9].*) ;; *) give_up openssl 'OpenSSL 3 or later is needed' ;; esac

# Keys are read once, into tables in $tmp: lines of name, hash where there is one, and
# the file with the key as DER (RFC 8410: 12 bytes, MCowBQYDK2VwAyEA, and the key's 32).

# services FILE TABLE: Ed25519 keys in PEM. A key's name is the SHA-256 of its 32 bytes.
services() {
	: >"$tmp/$2"
	n=0
	while IFS= read -r begin && IFS= read -r k && IFS= read -r end; do
		[ "$begin $end" = '-----BEGIN PUBLIC KEY----- -----END PUBLIC KEY-----' ] && is64 "$k" 44 || return 1
		case $k in MCowBQYDK2VwAyEA*) ;; *) return 1 ;; esac
		n=$((n + 1))
		mv "$tmp/bin" "$tmp/$2.$n"
		id=$(tail -c 32 "$tmp/$2.$n" | openssl dgst -sha256 -binary | base64)
		printf 'SHA256:%s %s\n' "${id%=}" "$2.$n" >>"$tmp/$2"
	done <"$1"
	[ $n -gt 0 ]
}
# notes FILE TABLE TYPE: lines NAME+HASH+KEY (C2SP signed-note), the key's 33 bytes
# beginning with the type: 1 is a log's Ed25519, 4 a witness's cosignature key.
notes() {
	: >"$tmp/$2"
	n=0
	while IFS= read -r vkey; do
		name=${vkey%%+*} k=${vkey#*+}
		hash=${k%%+*} k=${k#*+}
		case $3$k in 1A[Q-Za-f]* | 4B[A-P]*) ;; *) return 1 ;; esac
		case $name in '' | *[[:space:]]*) return 1 ;; esac
		is64 "$k" 33 || return 1
		[ "$({ printf '%s\n' "$name"; cat "$tmp/bin"; } | sha256sum | cut -c1-8)" = "$hash" ] || return 1
		! grep -q -e " $hash " "$tmp/$2" || return 1
		n=$((n + 1))
		{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; tail -c 32 "$tmp/bin"; } >"$tmp/$2.$n"
		printf '%s %s %s\n' "$name" "$hash" "$2.$n" >>"$tmp/$2"
	done <"$1"
	[ $n -gt 0 ]
}

flatten trust/policy.json || contradicted keys 'trust/policy.json is not canonical JSON'
mv "$tmp/flat" "$tmp/policy"
[ -z "$(grep -v -e '^format "selvage.policy.v1"$' -e '^logs\.[0-9]* "' -e '^services\.[0-9]* "' -e '^authorities\.[0-9]*\.name "' \
	-e '^authorities\.[0-9]*\.roots "' -e '^witnesses\.[0-9]* "' -e '^quorum [1-9]' "$tmp/policy")" ] || contradicted keys 'trust/policy.json is of an unknown format or holds an unknown field'
listed() { sed -n "/^$1 /{ s///; s/^\"//; s/\"\$//; s/\\\\n\$//; s/\\\\n/\\$nl/g; p; }" "$tmp/policy"; }
listed 'logs\.[0-9]*' | same trust/log.vkey && notes trust/log.vkey logs 1 || contradicted keys 'trust/log.vkey does not hold the keys of trust/policy.json'
listed 'services\.[0-9]*' | same trust/service-key.pem && services trust/service-key.pem services || contradicted keys 'trust/service-key.pem does not hold the keys of trust/policy.json'
listed 'authorities\.[0-9]*\.roots' | same trust/tsa-ca.pem || contradicted keys 'trust/tsa-ca.pem does not hold the keys of trust/policy.json'
: >"$tmp/witnesses"
quorum=$(sed -n 's/^quorum //p' "$tmp/policy")
quorum=${quorum:-0} n=0
if grep -q '^witnesses\.' "$tmp/policy"; then
	expect trust/witnesses.vkey
	listed 'witnesses\.[0-9]*' | same trust/witnesses.vkey && notes trust/witnesses.vkey witnesses 4 || contradicted keys 'trust/witnesses.vkey does not hold the keys of trust/policy.json'
fi
# One key under two names would count twice towards the quorum.
is_number "$quorum" && [ "$quorum" -le $n ] && [ -z "$(sed 's/.*+//' trust/witnesses.vkey 2>/dev/null | sort | uniq -d)" ] || contradicted keys 'trust/policy.json wants more witnesses than it names, or names one twice'
[ "$format" = selvage.bundle.v2 ] || [ $n -eq 0 ] || contradicted keys 'a bundle of v1 has no witnesses'
proved keys 'policy.json and the other files in trust/ hold the same keys'
if [ "$policy" ]; then
	: >"$tmp/policy-witnesses"
	policy_quorum=0
	services "$policy/service-key.pem" policy-services && notes "$policy/log.vkey" policy-logs 1 &&
		{ [ ! -f "$policy/witnesses.vkey" ] || notes "$policy/witnesses.vkey" policy-witnesses 4; } &&
		{ [ ! -f "$policy/quorum" ] || { read -r policy_quorum <"$policy/quorum" && is_number "$policy_quorum"; }; } || give_up policy 'the given keys cannot be read'
fi

# ---- signatures, checkpoints, tokens

# ed25519 KEY TEXT SIGNATURE
ed25519() { openssl pkeyutl -verify -pubin -keyform DER -inkey "$tmp/$1" -rawin -in "$2" -sigfile "$3" >/dev/null 2>&1; }

# envelope NAME: NAME.dsse is the envelope (DSSE v1) of NAME.jcs in canonical JSON, made
# again from it and the signatures, each a line "name base64" in $signatures. What was
# signed goes to $tmp/pae.
envelope() {
	mime='application/vnd.selvage.statement+json'
	signatures=$nl again=
	sed "s/^.*,\"signatures\":\\[//; s/\\]}\$//; s/},{/}\\$nl{/g" "$1.dsse" >"$tmp/list"
	while IFS= read -r l || [ "$l" ]; do
		id=${l#'{"keyid":"'} sig=${l#*'","sig":"'}
		id=${id%%'"'*} sig=${sig%'"}'}
		case $id in *[!A-Za-z0-9:+/=._-]*) contradicted envelope 'a key name that is none' ;; esac
		case $signatures in *"$nl$id "*) contradicted envelope 'two signatures by one key' ;; esac
		signatures="$signatures$id $sig$nl"
		again="$again,{\"keyid\":\"$id\",\"sig\":\"$(printf %s "$sig" | base64 -d 2>/dev/null | base64 -w 0)\"}"
	done <"$tmp/list"
	printf '{"payload":"%s","payloadType":"%s","signatures":[%s]}' "$(base64 -w 0 "$1.jcs")" "$mime" "${again#,}" | same "$1.dsse" ||
		contradicted envelope "$1.dsse is not the canonical envelope of $1.jcs"
	{ printf 'DSSEv1 %d %s %d ' ${#mime} "$mime" "$(wc -c <"$1.jcs")"; cat "$1.jcs"; } >"$tmp/pae"
}

# signed_by TABLE: one of these keys made one of $signatures over $tmp/pae.
signed_by() {
	while read -r signer key; do
		case $signatures in *"$nl$signer "*) ;; *) continue ;; esac
		k=${signatures#*"$nl$signer "}
		is64 "${k%%"$nl"*}" 64 && ed25519 "$key" "$tmp/pae" "$tmp/bin" && return 0
	done <"$tmp/$1"
	return 1
}

# logged_by TABLE: exactly one of the signature $lines over the note $tmp/text is by one
# of these keys, which is named like the origin (C2SP signed-note). Sets log_line, log_key.
logged_by() {
	log_line=
	while read -r name hash key; do
		while IFS= read -r l; do
			[ "${l% *}" = "— $name" ] || continue
			is64 "${l##* }" 68 || continue
			[ "$(head -c 4 "$tmp/bin" | hex)" = "$hash" ] || continue
			tail -c 64 "$tmp/bin" >"$tmp/sig"
			[ -z "$log_line" ] && [ "$name" = "$origin" ] && ed25519 "$key" "$tmp/text" "$tmp/sig" || return 1
			log_line=$l log_key="$name $hash"
		done <<-END
			$lines
		END
	done <"$tmp/$1"
	[ "$log_line" ]
}

# cosigned TABLE: how many of these witnesses have cosigned the note $tmp/text in one of
# $lines (C2SP tlog-cosignature, cosignature/v1), as $cosigned, and the $earliest time.
cosigned() {
	cosigned=0 earliest=
	while read -r name hash key; do
		while IFS= read -r l; do
			[ "${l% *}" = "— $name" ] && is64 "${l##* }" 76 || continue
			h=$(head -c 12 "$tmp/bin" | hex)
			case $h in "$hash"[0-7]*) ;; *) continue ;; esac
			at=$((0x${h#????????}))
			tail -c 64 "$tmp/bin" >"$tmp/sig"
			{ printf 'cosignature/v1\ntime %s\n' "$at"; cat "$tmp/text"; } >"$tmp/cosigned"
			ed25519 "$key" "$tmp/cosigned" "$tmp/sig" || continue
			cosigned=$((cosigned + 1))
			[ "$earliest" ] && [ "$earliest" -le "$at" ] || earliest=$at
			break
		done <<-END
			$lines
		END
	done <"$tmp/$1"
}

# stamped_by ROOTS.pem TOKEN SECONDS: RFC 3161 token over the file checkpoint; signature,
# chain, key usage and signing certificate are judged by openssl at the token's own time.
stamped_by() {
	case $(openssl ts -verify -attime "$3" -in "$2" -data "$d/checkpoint" -CAfile "$1" 2>&1) in *'Verification: OK'*) ;; *) return 1 ;; esac
}

# a_number TEXT: one part of an accuracy, as $is. No shell may evaluate what is not meant.
a_number() {
	case $1 in unspecified) is=0 ;; 0x*[!0-9A-F]* | 0x | 0x??????*) return 1 ;; 0x*) is=$(($1)) ;; *) return 1 ;; esac
}

# token FILE: proves it and adds it to $tokens, lines "FILE SECONDS LATEST", the latest in
# microseconds. The status text before the token is not signed and could imitate these
# three lines, so no second set of them may follow.
token() {
	said=$(openssl ts -reply -in "$1" -text 2>/dev/null | grep -e '^Hash Algorithm: ' -e '^Time stamp: ' -e '^Accuracy: ')
	stamp=${said#"Hash Algorithm: sha256${nl}Time stamp: "} accuracy=${said#*"${nl}Accuracy: "}
	case $said$nl$accuracy in
	"Hash Algorithm: sha256${nl}Time stamp: $stamp$nl$accuracy") ;;
	*) contradicted 'time token' "$1 does not read as one RFC 3161 token over a SHA-256" ;;
	esac
	stamp=${stamp%%"$nl"*}
	case $accuracy in *"$nl"*) contradicted 'time token' "$1 does not read as one RFC 3161 token" ;; esac
	now=$(date -d "$stamp" '+%s %6N %Y-%m-%dT%H:%M:%SZ' 2>/dev/null) || contradicted 'time token' "the time of $1 cannot be read"
	at=${now%% *} now=${now#* }
	late=${now% *} now=${now#* }
	late=$((at * 1000000 + 1$late - 1000000))
	# "0x01 seconds, 0x01F4 millis, unspecified micros" or "unspecified"
	case $accuracy in unspecified) accuracy='unspecified seconds, unspecified millis, unspecified micros' ;; *' seconds, '*' millis, '*' micros') ;; *) accuracy='x seconds, x millis, x micros' ;; esac
	a_number "${accuracy%% seconds*}" && late=$((late + is * 1000000)) && l=${accuracy#*seconds, } &&
		a_number "${l%% millis*}" && late=$((late + is * 1000)) && l=${l#*millis, } &&
		a_number "${l%% micros}" && late=$((late + is)) || contradicted 'time token' "the accuracy of $1 cannot be meant"
	stamped_by trust/tsa-ca.pem "$1" "$at" || contradicted 'time token' "openssl ts -verify refuses $1"
	proved 'time token' "RFC 3161 token over the checkpoint: $now, at the latest $(clock $(((late + 999999) / 1000000)))"
	tokens="$tokens$1 $at $late$nl"
	[ $late -le $latest ] || latest=$late
	# A bag is dated by the latest token: v1 by its time, v2 by the end of its accuracy.
	[ "$format" = selvage.bundle.v2 ] && day=$((late / 86400000000)) || day=$((at / 86400))
	[ $day -le $latest_day ] || latest_day=$day
}

# ---- one registration: dossier FOLDER NAME QUORUM TYPE...

fields='type service work asset owner owner_id title time made dates_received workCommitment matchCommitment query_digest query_mediaType record key
	claim_digest claim_key claim_registration notBefore_kind notBefore_source notBefore_digest notBefore_time'

dossier() {
	d=$1 proof=$1/$2.tlog-proof need=$3
	expect "$d/statement.jcs" "$d/statement.dsse" "$d/opening.txt" "$proof" "$d/checkpoint" "$d/checkpoint.tsr"
	shift 3

	# opening.txt: commitment = HMAC-SHA-256(salt, envelope)
	{ IFS= read -r l; IFS= read -r salt; } <"$d/opening.txt"
	salt=${salt#salt }
	is_digest "$salt" && openssl dgst -sha256 -mac HMAC -macopt "hexkey:$salt" -binary "$d/statement.dsse" >"$tmp/entry" 2>/dev/null ||
		contradicted opening 'opening.txt has no salt'
	commitment=$(hex <"$tmp/entry")
	printf 'selvage.opening.v1\nsalt %s\ncommitment %s\n' "$salt" "$commitment" | same "$d/opening.txt" ||
		contradicted opening 'opening.txt does not open a commitment to the envelope'
	proved opening "HMAC-SHA-256 of the envelope under the salt is $commitment"

	envelope "$d/statement"
	signed_by services || contradicted signature 'no service key in trust/ signed the statement'
	proved signature "statement.jcs is what the envelope carries, signed by the service, key $signer"
	flatten "$d/statement.jcs" $fields || contradicted statement 'it is not canonical JSON'
	case " $* " in *" $s_type "*) ;; *) contradicted statement "it is not a $*" ;; esac

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
	logged_by logs || contradicted checkpoint 'it is not signed, just once, by a log key in trust/'
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

	if [ "$need" -gt 0 ]; then
		cosigned witnesses
		[ $cosigned -ge "$need" ] || contradicted witnesses "$cosigned of the witnesses have cosigned the checkpoint, $need needed"
		proved witnesses "$cosigned witnesses have cosigned the checkpoint, $need needed"
	fi

	tokens= latest=0 n=2
	token "$d/checkpoint.tsr"
	while [ "$format" = selvage.bundle.v2 ] && [ -f "$d/checkpoint-$n.tsr" ]; do
		expect "$d/checkpoint-$n.tsr"
		token "$d/checkpoint-$n.tsr"
		n=$((n + 1))
	done

	# The service's clock may run ahead of the authority's by five minutes.
	case $s_type in *.work.*) said=$s_dates_received ;; *.key.*) said=$s_made ;; *) said=$s_time ;; esac
	seconds "$said" && [ "$at" -le $((latest / 1000000 + 300)) ] || contradicted 'time order' "the statement's own time is after the token, or unreadable"
	proved 'time order' "the service's clock ($said) is not after the token"
}

# asked: whether the policy trusts what was just proved. One trusted authority is enough;
# the others' tokens then count for nothing.
asked() {
	[ "$policy" ] || return 0
	signed_by policy-services && proved 'policy: service' 'the given service key signed' || cannot_tell 'policy: service' 'not signed by the given service key'
	logged_by policy-logs && proved 'policy: log' 'the given log key signed' || cannot_tell 'policy: log' 'not signed by the given log key'
	trusted=0
	while read -r f at late; do
		[ "$f" ] && stamped_by "$policy/tsa-ca.pem" "$f" "$at" && [ "$late" -gt $trusted ] && trusted=$late
	done <<-END
		$tokens
	END
	if [ $trusted -gt 0 ]; then
		latest=$trusted
		proved 'policy: authority' 'stamped under the given certificate'
	else
		cannot_tell 'policy: authority' 'not stamped under the given certificate'
	fi
	[ "$policy_quorum" -gt 0 ] || return 0
	cosigned policy-witnesses
	[ $cosigned -ge "$policy_quorum" ] && proved 'policy: witnesses' "$cosigned trusted witnesses cosigned" || cannot_tell 'policy: witnesses' "$cosigned trusted witnesses cosigned, $policy_quorum needed"
}

# lower_bound WITNESSES [BEACONS]: sets $bound if the value of outside, data/work/not-before.txt,
# proves one. Of a checkpoint it is the earliest time at which one of the witnesses cosigned
# it, so that it holds if one of them tells the truth.
lower_bound() {
	bound=
	seconds "$s_notBefore_time" || contradicted 'not before' 'the statement names no time for the value of outside'
	said_at=$at said=$s_notBefore_time
	case $s_notBefore_kind in
	beacon)
		[ "${2-}" ] && [ -f "$2" ] && said=$(sed -n "s/^$s_notBefore_digest \\([0-9TZ:.-]*\\)\$/\\1/p" "$2") && [ "$said" ] && seconds "$said" && said_at=$at || {
			say "note: the statement contains a value that $s_notBefore_source is said to have published at $s_notBefore_time (sha256 $s_notBefore_digest): whoever finds it there has a lower bound"
			return
		} ;;
	checkpoint)
		lines=
		{
			IFS= read -r origin; IFS= read -r tree; IFS= read -r root; IFS= read -r l
			while IFS= read -r h; do lines=$lines$h$nl; done
		} <data/work/not-before.txt
		[ "$origin" = "$s_notBefore_source" ] && [ -z "$l" ] && is_number "$tree" && is64 "$root" 32 || contradicted 'not before' "the value of outside is not a checkpoint of $s_notBefore_source"
		printf '%s\n%s\n%s\n' "$origin" "$tree" "$root" >"$tmp/text"
		cosigned "$1"
		[ $cosigned -gt 0 ] || { say "note: the statement contains a checkpoint of $origin, said to be of $said; none of its witnesses is trusted here"; return; }
		case $said in *.000Z) ;; *) said_at=$((said_at + 1)) ;; esac
		# Others may be trusted here than those the service knew: the earlier time holds for both.
		[ "$earliest" -ge "$said_at" ] || { said_at=$earliest; said=$(clock "$earliest"); } ;;
	*) contradicted 'not before' 'the value of outside is of an unknown kind' ;;
	esac
	[ "$said_at" -le $((latest / 1000000 + 300)) ] || contradicted 'not before' 'the value of outside is of after the time token'
	bound=$said
	proved 'not before' "the statement contains what $s_notBefore_source made known at $said"
}

# The ending of a file's name follows from its media type; both tables are format.
ending() {
	case $1 in
	image/jpeg) end=jpg ;; image/png | image/gif | image/webp | image/bmp | image/avif | image/heic | image/jxl) end=${1#*/} ;;
	image/tiff) end=tif ;; image/vnd.adobe.photoshop) end=psd ;; image/svg+xml) end=svg ;;
	video/mp4 | video/webm) end=${1#*/} ;; video/quicktime) end=mov ;; video/x-matroska) end=mkv ;;
	application/pdf) end=pdf ;; text/plain) end=txt ;; text/markdown) end=md ;;
	application/vnd.openxmlformats-officedocument.wordprocessingml.document) end=docx ;;
	*) end=bin ;;
	esac
}
# is_file NAME DIGEST SIZE: if the bundle holds NAME, it must be that file.
is_file() {
	[ -f "$1" ] || return 1
	expect "$1"
	digest_of "$1"
	[ "$is" = "$2" ] || contradicted originals "$1 is not the file of the statement"
	case $sizes in *"$nl$3  $1$nl"*) ;; *) contradicted originals "$1 is not of the size of the statement" ;; esac
}

# ---- the work

latest_day=0 prefix='work: ' types=selvage.work.v1
[ "$format" = selvage.bundle.v1 ] || types='selvage.work.v1 selvage.work.v2'
dossier data/work work "$quorum" $types
mv "$tmp/flat" "$tmp/work"
! [ "$s_type" = selvage.work.v1 ] || ! grep -q -e '^authors' -e '^rights' -e '^claim' -e '^notBefore' -e '^dates\.[A-Za-z]*\.reach ' "$tmp/work" ||
	contradicted statement 'a statement of v1 has a field of v2'
asked
work_last=$latest work=$s_work work_service=$s_service work_owner=$s_owner_id work_commitment=$commitment work_log=$log_key work_index=$index
expect data/work/digests.txt
grep -e '^assets\.[0-9]*\.digest "' -e '^assets\.[0-9]*\.mediaType "' -e '^assets\.[0-9]*\.size [0-9]*$' "$tmp/work" >"$tmp/assets"
count=$(grep -c digest "$tmp/assets") i=0 held=0 work_digests=$nl
while read -r path l; do
	l=${l#'"'} l=${l%'"'}
	case $path in
	assets.$i.digest) digest=$l ;;
	assets.$i.mediaType) ending "$l" ;;
	assets.$i.size)
		file=original.$end i=$((i + 1))
		[ "$count" -eq 1 ] || file=$(printf 'original-%04d.%s' $i "$end")
		printf '%s  %s\n' "$digest" "$file" >>"$tmp/digests"
		work_digests=$work_digests$digest$nl
		is_file "data/work/$file" "$digest" "$l" && held=$((held + 1)) ;;
	*) contradicted statement 'a file without digest, media type or size' ;;
	esac
done <"$tmp/assets"
[ $i -gt 0 ] && [ $i -eq "$count" ] && cmp -s "$tmp/digests" data/work/digests.txt || contradicted digests 'digests.txt does not list the digests of the statement'
proved originals "digests.txt lists the $count registered file(s); the $held in the bundle are those"
if [ "$original" ]; then
	prefix= given=$(sha256sum <"$original")
	given=${given%% *}
	case $work_digests in
	*"$nl$given$nl"*) proved file "the given file (sha256 $given) is a registered one" ;;
	*) contradicted file "the given file (sha256 $given) is not a registered one" ;;
	esac
	prefix='work: '
fi

bound=
if [ "$s_notBefore_kind$s_notBefore_digest" ]; then
	expect data/work/not-before.txt
	digest_of data/work/not-before.txt
	[ "$is" = "$s_notBefore_digest" ] || contradicted 'not before' 'the value of outside is not the one that the statement names'
	lower_bound witnesses
	[ -z "$policy" ] || lower_bound policy-witnesses "$policy/beacons"
fi

# The designer's own claim: its key is in the log before the work, has signed its own
# registration and alone the claim, and the work's statement repeats what the claim says.
if [ "$s_claim_digest$s_claim_key" ]; then
	expect data/work/claim.dsse data/work/claim.jcs data/key/key.pem
	claim_digest=$s_claim_digest claim_key=$s_claim_key claim_registration=$s_claim_registration prefix="work: designer's key: "
	# The quorum is for the work's checkpoint; on the day of the key less may have been demanded.
	dossier data/key key 0 selvage.key.v1
	printf '%s\n' "$s_key" | sed "s/\\\\n\$//; s/\\\\n/\\$nl/g" | same data/key/key.pem && services data/key/key.pem designer || contradicted key 'key.pem is not the key of the statement'
	signed_by designer || contradicted possession "the designer's key has not signed its own registration"
	proved possession "the designer's key has signed its own registration"
	asked
	prefix='work: '
	[ "$commitment" = "$claim_registration" ] && [ "$signer" = "$claim_key" ] || { read -r signer l <"$tmp/designer"; [ "$commitment" = "$claim_registration" ] && [ "$signer" = "$claim_key" ]; } ||
		contradicted claim "the statement names another key of the designer, or another registration of it"
	[ "$s_owner $s_service" = "$work_owner $work_service" ] || contradicted claim "the designer's key is another owner's"
	[ "${log_key%%+*}" = "${work_log%%+*}" ] && [ "$index" -lt "$work_index" ] || contradicted claim "the designer's key came into the log after the work"
	digest_of data/work/claim.dsse
	[ "$is" = "$claim_digest" ] || contradicted claim 'the statement names another claim of the designer'
	envelope data/work/claim
	signed_by designer && [ "$signatures" = "$nl$claim_key ${signatures#"$nl$claim_key "}" ] && case ${signatures#?} in *"$nl"?*) false ;; esac ||
		contradicted claim "it is not signed by the designer's key alone"
	flatten data/work/claim.jcs type made && [ "$s_type" = selvage.claim.v1 ] && seconds "$s_made" || contradicted claim 'it is not a canonical selvage.claim.v1'
	sed -n -e 's/^owner\.id /owner /p' -e 's/^dates\.\(f[A-Za-z.]* \)/\1/p' -e 's/^assets\(\.[0-9]*\.digest "\)/files\1/p' \
		-e 's/^assets\(\.[0-9]*\.size \)/files\1/p' -e '/^title /p' -e '/^previous /p' -e '/^authors/p' -e '/^rights/p' "$tmp/work" | sort >"$tmp/repeated"
	sed -e '/^type /d' -e '/^made /d' "$tmp/flat" | sort | same "$tmp/repeated" || contradicted claim "the registration says something else than the designer's claim"
	proved claim "signed by the designer's own key $claim_key, which is in the log before the work, and repeated by the registration"
fi

# ---- the match, if the bundle is about one

match_commitment=
if has data/match/ || has data/accused/; then
	prefix='match: '
	dossier data/match match "$quorum" selvage.match.v1
	match_commitment=$commitment
	case $work_digests in *"$nl$s_asset$nl"*) ;; *) contradicted work 'the match names a file that is not of the work' ;; esac
	[ "$s_work" = "$work" ] && [ "$s_workCommitment" = "$work_commitment" ] || contradicted work 'the match names another registration'
	proved work 'it names this registration and one of its files'
	expect data/match/match.json data/accused/digest.txt
	digest_of data/match/match.json
	[ "$is" = "$s_record" ] || contradicted record 'match.json is not the record that was signed'
	proved record 'match.json is the record that was signed'
	ending "$s_query_mediaType"
	printf '%s  file.%s\n' "$s_query_digest" "$end" | same data/accused/digest.txt || contradicted accused 'digest.txt does not name the compared file'
	is_file "data/accused/file.$end" "$s_query_digest" "$(sed -n 's/^query\.size //p' "$tmp/flat")" && proved 'accused file' 'the file in the bundle is the compared one'
	proved accused "sha256 $s_query_digest"
	asked
fi

# ---- the case, if the bundle is a cut of one

if [ "$format" = selvage.bundle.v2 ] && has data/case/; then
	prefix='case: '
	dossier data/case case "$quorum" selvage.case.v1
	asked
	[ "$s_workCommitment $s_matchCommitment" = "$work_commitment $match_commitment" ] || contradicted work 'the case is of another registration or match'
	expect data/case/cut.txt data/case/salts.txt
	IFS= read -r cut <data/case/cut.txt
	printf '%s\n' "$cut" | same data/case/cut.txt && case $cut in court | officer | party | digests) ;; *) false ;; esac || contradicted cut 'cut.txt names no cut'
	grep -e '^files\.[0-9]*\.commitment "' -e '^files\.[0-9]*\.name "' "$tmp/flat" >"$tmp/list"
	withheld=0 again=
	: >"$tmp/shown"
	while read -r path l; do
		l=${l#'"'} l=${l%'"'}
		case $path in *.commitment) commitment=$l; continue ;; esac
		printf '%s\n' "$l" >>"$tmp/named"
		case $cut:$l in officer:data/custody.jsonl* | party:data/custody.jsonl* | party:report.pdf | party:data/work/original* | digests:data/work/original*)
			[ ! -e "$l" ] || contradicted files "$l is in the bundle, but not in the cut $cut"
			withheld=$((withheld + 1))
			continue ;;
		esac
		[ -f "$l" ] && read -r salt file <&4 && [ "$file" = "$l" ] && is_digest "$salt" || contradicted files "$l or its salt is missing in the cut $cut"
		is=$(openssl dgst -sha256 -mac HMAC -macopt "hexkey:$salt" -r "$l" 2>/dev/null)
		[ "${is%% *}" = "$commitment" ] || contradicted files "$l is not the file of the case"
		again="$again$salt $l$nl"
		printf '%s\n' "$l" >>"$tmp/shown"
	done <"$tmp/list" 4<data/case/salts.txt
	printf %s "$again" | same data/case/salts.txt && sort -c -u "$tmp/named" 2>/dev/null || contradicted files 'salts.txt does not list the files of the case that the cut shows'
	grep -e '^data/' -e '^tools/' -e '^report\.pdf$' "$tmp/files" | grep -v '^data/case/' | cmp -s - "$tmp/shown" || contradicted files 'a file in the bundle is not of the case'
	proved files "$(wc -l <"$tmp/shown") files are those of the case, $withheld are withheld in the cut $cut"
	# The case explains these; its other files are explained by what they are.
	grep -e '^report\.pdf$' -e '^data/custody\.jsonld\{0,1\}$' -e '^tools/' "$tmp/files" >>"$tmp/expected"
	if [ -f data/custody.jsonl ]; then # each line names the SHA-256 of the one before
		is=
		while IFS= read -r l || { [ "$l" ] && contradicted custody 'the last line is cut off'; }; do
			case $is$l in
			*',"previous":"'"$is"'"}') [ "$is" ] ;;
			'{'*',"previous":'*) false ;;
			'{'*'}') [ -z "$is" ] ;;
			*) false ;;
			esac || contradicted custody 'a line does not follow the one before'
			is=$(printf %s "$l" | sha256sum)
			is=${is%% *}
		done <data/custody.jsonl
		proved custody 'each line names the digest of the one before'
	fi
fi

# ---- renewals

for of in work key match case; do
	[ -f "renewals/$of.ers" ] || continue
	expect "renewals/$of.ers"
	say "note: renewals/$of.ers (RFC 4998) carries the first time token of $of on; this script does not check it, selvage-verify and Bouncy Castle do"
done

# ---- nothing else

prefix=
printf 'Bundle-Format: %s\nBag-Software-Agent: Selvage\nBagging-Date: %s\nPayload-Oxum: %s\n' "$format" "$(date -d "@$((latest_day * 86400))" +%Y-%m-%d)" "$oxum" | same bag-info.txt || contradicted bag 'bag-info.txt counts other files or names another day'
sort "$tmp/expected" | cmp -s - "$tmp/files" ||
	contradicted contents "$(sort "$tmp/expected" | comm -13 - "$tmp/files" | sed -n 1p) does not belong in a bundle"
proved contents 'every file is accounted for'

say 'note: a proof of time is not a proof of authorship: the statement existed by then; what it claims may still be wrong'
say 'note: README.txt and the names of authorities are not compared by this script (selvage-verify writes README.txt again); read them as the words of whoever packed the bundle'
if [ "$unsure" ]; then
	say "cannot tell: $unsure"
	exit 3
fi
say "registered: not earlier than ${bound:-unknown (no trusted value of outside)}, not later than $(clock $(((work_last + 999999) / 1000000))) (time tokens)"
[ "$policy" ] && say 'proved under the given keys' || say 'proved under the keys in this bundle'
exit 0
