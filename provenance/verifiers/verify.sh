#!/bin/sh
# verify.sh: checks an unpacked Selvage evidence bundle (selvage.bundle.v1 and v2). It
# shares no code with the service or with selvage-verify and needs a POSIX shell, openssl 3,
# coreutils, cmp and awk. It opens no connection and writes only to a temporary folder.
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
# run: what comes after it is not looked at. Exit status: 0 proved, 1 contradicted,
# 2 usage, 3 cannot tell.
#
# The method, over and over: what has only one correct form is made again from its
# parts and compared with the file. So no byte is left unread.
# A verifier that lies in the bundle was packed by whoever packed the bundle: prefer
# your own copy of this file.
#
# What costs time is starting programs, so the shell itself reads base64, hex and dates,
# and what a program can do for many files at once is put off until all are known: see
# "settling" below. Bytes in a variable are octal escapes, \000 to \377, as printf reads them.

set -u
LC_ALL=C
export LC_ALL
exec 3>&1
nl='
'
usage() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0" >&2; exit 2; }
# Texts from the bundle are printed as plain ASCII, or they could repaint the terminal.
say() {
	case $1 in *[!\ -~]*) printf '%s\n' "$1" | tr -c ' -~\n' '?' >&3 ;; *) printf '%s\n' "$1" >&3 ;; esac
}
line() { printf '  %-12s ' "$1" >&3; say "$prefix$2: $3"; }
proved() { line proved "$1" "$2"; }
contradicted() {
	line contradicted "$1" "$2"
	say 'note: the run ends here; whatever else the bundle says was not looked at'
	say "contradicted: $prefix$1: $2"
	exit 1
}
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
cd -- "$bag" || usage

# ---- the bag: BagIt 1.0 (RFC 8493)

[ -f bag-info.txt ] || give_up bundle 'not an evidence bundle: bag-info.txt is missing'
IFS= read -r format <bag-info.txt
format=${format#Bundle-Format: }
case $format in selvage.bundle.v1 | selvage.bundle.v2) ;; *) give_up bundle 'not a format this verifier knows (selvage.bundle.v1, selvage.bundle.v2)' ;; esac

# Plain names and plain files only; a link could show one file here and another there. A
# shell sorts what * finds, and no folder of a bundle has a neighbour whose name begins
# like its own, so that the files come in the order of the manifests.
walk() {
	for f in "$1"* "$1".*; do
		[ -e "$f" ] || [ -L "$f" ] || continue
		case ${f##*/} in . | ..) continue ;; esac
		case ${f#"$1"} in .* | *[!A-Za-z0-9.-]*) contradicted files "$f is not a plain name" ;; esac
		[ ! -L "$f" ] || contradicted files "$f is a link"
		if [ -d "$f" ]; then walk "$f/"; elif [ -f "$f" ]; then printf '%s\n' "$f"; else contradicted files "$f is not a plain file"; fi
	done
}
files=$(walk '') || exit 1
# Names are plain words by now, so the shell may split these lists.
payload= tags= count=0
for f in $files; do
	case $f in data/*) payload="$payload $f" ;; tagmanifest-*) ;; *) tags="$tags $f" ;; esac
	count=$((count + 1))
done
# manifest FILE HASH NAME...: FILE lists exactly these files; its lines come to $sums.
manifest() {
	list=$1 sum=${2}sum
	shift 2
	sums=$("$sum" "$@" </dev/null 2>&1)
	printf '%s\n' "$sums" | cmp -s - "$list" || contradicted manifests "$list does not list exactly the files that are there with their digests"
}
manifest manifest-sha256.txt sha256 $payload
digests=$nl$sums$nl # lines "DIGEST  NAME"
manifest tagmanifest-sha256.txt sha256 $tags
digests=$digests$sums$nl
manifest manifest-sha512.txt sha512 $payload
manifest tagmanifest-sha512.txt sha512 $tags
proved manifests "sha256 and sha512 of all $count files fit"

# ---- small helpers

tmp=$(mktemp -d) || give_up temporary 'no temporary folder'
trap 'rm -rf "$tmp"' EXIT
trap 'exit 3' HUP INT TERM

sizes=$nl octets=0 streams=0 # lines "SIZE  NAME"
wc -c $payload $tags >"$tmp/sizes"
while read -r size f; do
	case $f in total) continue ;; data/*) octets=$((octets + size)) streams=$((streams + 1)) ;; esac
	sizes="$sizes$size  $f$nl"
done <"$tmp/sizes"

has() { case $digests in *"  $1"*) ;; *) return 1 ;; esac; } # a file whose name begins so
# digest_of NAME and size_of NAME set $is; the digest by the manifest, which fits the files.
digest_of() { is=${digests%%"  $1$nl"*}; is=${is##*"$nl"}; }
size_of() { is=${sizes%%"  $1$nl"*}; is=${is##*"$nl"}; }
is_number() { case $1 in '' | 0?* | *[!0-9]* | ???????????????????*) return 1 ;; esac; }
is_digest() { case $1 in *[!0-9a-f]*) return 1 ;; esac; [ ${#1} -eq 64 ]; }

# octal HEX: sets $bytes.
octal() {
	bytes= rest=$1
	while [ "$rest" ]; do
		tail=${rest#??}
		byte=$((0x${rest%"$tail"}))
		bytes="$bytes\\$((byte / 64))$((byte / 8 % 8))$((byte % 8))"
		rest=$tail
	done
}
# big_endian BYTES: sets $is to the number they are.
big_endian() {
	is=0 rest=$1
	while [ "$rest" ]; do
		tail=${rest#????}
		byte=${rest%"$tail"}
		is=$((is * 256 + 0${byte#?}))
		rest=$tail
	done
}
# is64 TEXT: it is the one base64 form of some bytes, the unused bits of its last digit zero.
is64() {
	case $1 in *==) pad=2 unused='AQgw' ;; *=) pad=1 unused='AEIMQUYcgkosw048' ;; *) pad=0 unused='A-Za-z0-9+/' ;; esac
	rest=${1%=}
	rest=${rest%=}
	case $rest in *[!A-Za-z0-9+/]* | *[!$unused]) return 1 ;; esac
	[ $((${#1} % 4)) -eq 0 ]
}
alphabet=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/
# from64 TEXT SIZE: sets $bytes, if TEXT is the base64 of so many.
from64() {
	is64 "$1" && [ $((${#1} / 4 * 3 - pad)) -eq "$2" ] || return 1
	bytes=
	case $pad in 1) rest=${rest}A ;; 2) rest=${rest}AA ;; esac
	while [ "$rest" ]; do
		tail=${rest#????}
		quad=${rest%"$tail"}
		bits=0
		while [ "$quad" ]; do
			before=${alphabet%%"${quad%"${quad#?}"}"*}
			bits=$((bits * 64 + ${#before})) quad=${quad#?}
		done
		bytes="$bytes\\$((bits >> 22))$((bits >> 19 & 7))$((bits >> 16 & 7))\\$((bits >> 14 & 3))$((bits >> 11 & 7))$((bits >> 8 & 7))\\$((bits >> 6 & 3))$((bits >> 3 & 7))$((bits & 7))"
		rest=$tail
	done
	case $pad in 1) bytes=${bytes%????} ;; 2) bytes=${bytes%????????} ;; esac
}
# sha256 BYTES: sets $is, in hex.
sha256() {
	printf "$1" | sha256sum >"$tmp/sum"
	read -r is rest <"$tmp/sum"
}

# epoch YEAR MONTH DAY HOUR MINUTE SECOND: sets $at to the seconds since 1970; each is of
# two digits, the year of four. A day of the proleptic Gregorian calendar is counted from
# 1 March of the year 0, as years that begin in March have their leap day last.
epoch() {
	y=$1 mo=${2#0} da=${3#0} h=${4#0} mi=${5#0} s=${6#0}
	case $1 in 0*) return 1 ;; esac
	case $((y % 4 ? 0 : y % 100 ? 1 : y % 400 ? 0 : 1))$2 in 002) days=28 ;; 102) days=29 ;; ?04 | ?06 | ?09 | ?11) days=30 ;; *) days=31 ;; esac
	[ "$mo" -ge 1 ] && [ "$mo" -le 12 ] && [ "$da" -ge 1 ] && [ "$da" -le $days ] && [ "$h" -le 23 ] && [ "$mi" -le 59 ] && [ "$s" -le 59 ] || return 1
	[ "$mo" -gt 2 ] && mo=$((mo - 3)) || y=$((y - 1)) mo=$((mo + 9))
	days=$((365 * y + y / 4 - y / 100 + y / 400 + (153 * mo + 2) / 5 + da - 1 - 719468))
	at=$((days * 86400 + h * 3600 + mi * 60 + s))
}
# clock SECONDS: sets $clock to 2006-01-02T15:04:05Z, for times of after 1970.
clock() {
	s=$(($1 % 86400)) da=$(($1 / 86400 + 719468))
	era=$((da / 146097)) da=$((da % 146097))
	y=$(((da - da / 1460 + da / 36524 - da / 146096) / 365))
	da=$((da - (365 * y + y / 4 - y / 100))) y=$((y + era * 400))
	mo=$(((5 * da + 2) / 153))
	da=$((da - (153 * mo + 2) / 5 + 101))
	[ $mo -lt 10 ] && mo=$((mo + 103)) || mo=$((mo + 91)) y=$((y + 1))
	h=$((s / 3600 + 100)) mi=$((s / 60 % 60 + 100)) s=$((s % 60 + 100))
	clock=$y-${mo#1}-${da#1}T${h#1}:${mi#1}:${s#1}Z
}
# seconds TIME: a statement's time, 2006-01-02T15:04:05.000Z, as $at, cut to a second.
seconds() {
	case $1 in [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9]Z) ;; *) return 1 ;; esac
	rest=${1%.*}
	IFS=T:- read -r y mo da h mi s <<-END
		$rest
	END
	epoch "$y" "$mo" "$da" "$h" "$mi" "$s"
}

# Files that a check below explains; whatever else there is does not belong.
expected=$nl
expect() {
	for f; do
		[ -f "$f" ] || contradicted files "$f is missing"
		expected=$expected$f$nl
	done
}

# ---- settling: what is put off so that few programs are started

# again FILE CHECK REASON: FILE has one correct form, which the caller writes to $new.
again_list= again_count=0
: >"$tmp/again"
again() {
	new=$tmp/again.$((again_count += 1))
	again_list="$again_list $new"
	printf '%s|%s|%s|%s\n' "$1" "$prefix" "$2" "$3" >>"$tmp/again"
}
# settle_again: the files are what was made again, by their digests.
settle_again() {
	[ "$again_list" ] || return 0
	kept=$prefix
	sha256sum $again_list >"$tmp/sums"
	while IFS='|' read -r f prefix check reason && read -r sum l <&4; do
		digest_of "$f"
		[ "$is" = "$sum" ] || contradicted "$check" "$reason"
	done <"$tmp/again" 4<"$tmp/sums"
	prefix=$kept again_list=
	: >"$tmp/again"
}

# commits SALT FILE COMMITMENT CHECK REASON [PROVED]: COMMITMENT is HMAC-SHA-256 of FILE under
# the salt (RFC 2104): the digest of the salt xor 5c..., and the digest of the salt xor 36..., FILE.
commit_count=0
: >"$tmp/commits"
commits() {
	commit_count=$((commit_count + 1))
	inner= outer= rest=$1
	while [ "$rest" ]; do
		tail=${rest#??}
		byte=$((0x${rest%"$tail"}))
		a=$((byte ^ 0x36)) b=$((byte ^ 0x5c)) rest=$tail
		inner="$inner\\$((a / 64))$((a / 8 % 8))$((a % 8))" outer="$outer\\$((b / 64))$((b / 8 % 8))$((b % 8))"
	done
	{ printf "$inner$pad36"; cat "$2"; } >"$tmp/inner.$commit_count"
	printf '%s|%s|%s|%s|%s|%s\n' "$outer" "$3" "$prefix" "$4" "$5" "${6-}" >>"$tmp/commits"
}
pad36='\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066\066'
pad5c='\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134\134'
settle_commits() {
	kept=$prefix inners= outers= i=0
	while [ $i -lt $commit_count ]; do i=$((i + 1)) inners="$inners $tmp/inner.$i" outers="$outers $tmp/outer.$i"; done
	sha256sum $inners >"$tmp/sums"
	i=0
	while IFS='|' read -r outer l && read -r sum l <&4; do
		octal "$sum"
		printf "$outer$pad5c$bytes" >"$tmp/outer.$((i += 1))"
	done <"$tmp/commits" 4<"$tmp/sums"
	sha256sum $outers >"$tmp/sums"
	while IFS='|' read -r outer commitment prefix check reason good && read -r sum l <&4; do
		[ "$sum" = "$commitment" ] || contradicted "$check" "$reason"
		[ -z "$good" ] || proved "$check" "$good"
	done <"$tmp/commits" 4<"$tmp/sums"
	prefix=$kept
}

# included NAME COMMITMENT INDEX TREE ROOT PATH: the commitment of data/NAME is that entry of
# the tree. The leaf goes to $tmp/node.NAME (RFC 6962, 2.1), the state of the walk to a list.
level=0
: >"$tmp/walks.0"
: >"$tmp/included"
included() {
	octal "$2"
	printf "\\000$bytes" >"$tmp/node.$1"
	printf '%s %s %s %s %s\n' "$1" "$3" $(($4 - 1)) "$5" "$6" >>"$tmp/walks.0"
	printf '%s|%s\n' "$prefix" "the commitment is entry $3 of the tree of $4" >>"$tmp/included"
}
# settle_included walks all paths at once, level by level. The walk is that of RFC 9162,
# 2.1.3.2: n is the node's index on its level, m that of the last node.
settle_included() {
	kept=$prefix prefix=
	while [ -s "$tmp/walks.$level" ]; do
		nodes=
		while read -r i l; do nodes="$nodes $tmp/node.$i"; done <"$tmp/walks.$level"
		sha256sum $nodes >"$tmp/sums"
		: >"$tmp/walks.$((level + 1))"
		while read -r i n m root path && read -r sum l <&4; do
			octal "$sum"
			node=$bytes
			if [ -z "$path" ]; then
				[ "$m" -eq 0 ] && from64 "$root" 32 && [ "$bytes" = "$node" ] || contradicted inclusion "the path of data/$i does not lead from the entry to the checkpoint's root"
				continue
			fi
			from64 "${path%% *}" 32 && [ "$m" -gt 0 ] || contradicted inclusion "the path of data/$i has a line too many or one that is no hash"
			if [ $((n % 2)) -eq 1 ] || [ "$n" -eq "$m" ]; then
				printf "\\001$bytes$node" >"$tmp/node.$i"
				while [ $((n % 2)) -eq 0 ] && [ "$n" -ne 0 ]; do n=$((n / 2)) m=$((m / 2)); done
			else
				printf "\\001$node$bytes" >"$tmp/node.$i"
			fi
			case $path in *' '*) path=${path#* } ;; *) path= ;; esac
			printf '%s %s %s %s %s\n' "$i" $((n / 2)) $((m / 2)) "$root" "$path" >>"$tmp/walks.$((level + 1))"
		done <"$tmp/walks.$level" 4<"$tmp/sums"
		level=$((level + 1))
	done
	while IFS='|' read -r prefix l; do proved inclusion "$l"; done <"$tmp/included"
	prefix=$kept
}

# ---- JSON (RFC 8785)

fields='type service work asset owner owner_id title time made dates_received workCommitment matchCommitment query_digest query_mediaType query_size record key
	claim_digest claim_key claim_registration notBefore_kind notBefore_source notBefore_digest notBefore_time'
jsons=
for f in trust/policy.json data/work/claim.dsse data/work/claim.jcs data/work/statement.dsse data/work/statement.jcs data/key/statement.dsse data/key/statement.jcs \
	data/match/statement.dsse data/match/statement.jcs data/case/statement.dsse data/case/statement.jcs; do
	[ ! -f $f ] || jsons="$jsons $f"
done
# Each file, its name without the first folder and with dots for slashes, is written to
# $tmp as lines "path value", e.g. assets.0.size 140; strings keep their quotes and escapes.
# Its length and the texts of the fields, in which _ stands for a dot, go to NAME.values. Of
# a file with white space between tokens, control characters, or keys that are unsorted or
# twice, nothing is written.
[ -z "$jsons" ] || awk -v tmp="$tmp" -v fields="$fields" '
	function fail() { bad = 1; t = ""; return "" }
	function put(path, v) { got[path] = v; if (path != "payload") flat = flat path " " v "\n" }
	function string(  j, c) { # moves i over a string and returns it with its quotes
		if (substr(t, i, 1) != "\"") return fail()
		for (j = i + 1; (c = substr(t, j, 1)) != "\""; j++) {
			if (c == "" || c < " ") return fail()
			if (c == "\\") j++
		}
		c = substr(t, i, j - i + 1); i = j + 1
		return c
	}
	function value(path,  c, d, k, n, last) {
		c = substr(t, i, 1)
		if (c == "\"") { put(path, string()); return }
		if (c != "{" && c != "[") {
			if (!match(substr(t, i, 40), /^(-?[0-9][-+.0-9e]*|true|false|null)/)) { fail(); return }
			put(path, substr(t, i, RLENGTH)); i += RLENGTH
			return
		}
		i++
		if (substr(t, i, 1) == (c == "{" ? "}" : "]")) { i++; put(path, c); return }
		for (n = 0; !bad; n++) {
			k = n
			if (c == "{") {
				k = string()
				if (n && k <= last || substr(t, i++, 1) != ":") { fail(); return }
				last = k
				gsub(/^"|"$/, "", k); gsub(/[^A-Za-z0-9]/, "_", k)
			}
			value((path == "" ? "" : path ".") k)
			d = substr(t, i++, 1)
			if (d == (c == "{" ? "}" : "]")) return
			if (d != ",") fail()
		}
	}
	FNR == 1 {
		t = $0; n = length(t); bad = 0; flat = ""; i = 1
		split("", got)
		value("")
		if (bad || i <= n) next
		name = FILENAME; sub(/^[a-z]*\//, "", name); gsub(/\//, ".", name); name = tmp "/" name
		printf "%s", flat >name
		close(name)
		print n >(name ".values")
		n = split(fields, want, /[ \n\t]+/)
		for (i = 1; i <= n; i++) {
			gsub(/_/, ".", want[i]); t = got[want[i]]
			print (t ~ /^"/ ? substr(t, 2, length(t) - 2) : t ~ /^[0-9]/ ? t : "") >(name ".values")
		}
		close(name ".values")
	}' $jsons
# json FILE NAME: FILE is one such text and nothing more; its fields are $s_FIELD.
json() {
	[ -f "$tmp/$2.values" ] || return 1
	for field in length $fields; do IFS= read -r "s_$field"; done <"$tmp/$2.values"
	size_of "$1"
	[ "$s_length" = "$is" ]
}

# ---- keys

expect manifest-sha256.txt manifest-sha512.txt tagmanifest-sha256.txt tagmanifest-sha512.txt
expect bagit.txt bag-info.txt README.txt trust/policy.json trust/log.vkey trust/service-key.pem trust/tsa-ca.pem
again bagit.txt bag 'bagit.txt is not that of BagIt 1.0'
printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' >"$new"

# Keys are read once, into tables in $tmp: lines of name, hash where there is one, and
# the file with the key as DER (RFC 8410: 12 bytes, MCowBQYDK2VwAyEA, and the key's 32).

# services FILE TABLE: Ed25519 keys in PEM. A key's name is the SHA-256 of its 32 bytes.
services() {
	: >"$tmp/$2"
	n=0
	while IFS= read -r begin && IFS= read -r k && IFS= read -r end; do
		[ "$begin $end" = '-----BEGIN PUBLIC KEY----- -----END PUBLIC KEY-----' ] && from64 "$k" 44 || return 1
		case $k in MCowBQYDK2VwAyEA*) ;; *) return 1 ;; esac
		n=$((n + 1))
		printf "$bytes" >"$tmp/$2.$n"
		sha256 "${bytes#????????????????????????????????????????????????}"
		octal "$is"
		printf '%s %s\n' "$bytes" "$2.$n" >>"$tmp/$2"
	done <"$1"
	[ $n -gt 0 ]
}
# notes FILE TABLE TYPE: lines NAME+HASH+KEY (C2SP signed-note), the key's 33 bytes
# beginning with the type: 1 is a log's Ed25519, 4 a witness's cosignature key.
notes() {
	: >"$tmp/$2"
	n=0 seen=' '
	while IFS= read -r vkey; do
		name=${vkey%%+*} k=${vkey#*+}
		hash=${k%%+*} k=${k#*+}
		case $3$k in 1A[Q-Za-f]* | 4B[A-P]*) ;; *) return 1 ;; esac
		case $name in '' | *[[:space:]]*) return 1 ;; esac
		from64 "$k" 33 || return 1
		n=$((n + 1))
		printf "\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000${bytes#????}" >"$tmp/$2.$n"
		{ printf '%s\n' "$name"; printf "$bytes"; } | sha256sum >"$tmp/sum"
		read -r is rest <"$tmp/sum"
		[ "${is#"$hash"}" != "$is" ] && [ ${#hash} -eq 8 ] || return 1
		case $seen in *" $hash "*) return 1 ;; esac
		seen="$seen$hash "
		octal "$hash"
		printf '%s %s %s\n' "$name" "$bytes" "$2.$n" >>"$tmp/$2"
	done <"$1"
	[ $n -gt 0 ]
}
json trust/policy.json policy.json || contradicted keys 'trust/policy.json is not canonical JSON'
# unescape TEXT: sets $text, each \n of a JSON string a line's end; other escapes stay.
unescape() {
	text= rest=$1
	while :; do
		case $rest in *'\n'*) text=$text${rest%%'\n'*}$nl rest=${rest#*'\n'} ;; *) break ;; esac
	done
	text=$text$rest
}
quorum=0 authorities=0 log_keys= service_keys= roots= witness_keys=
while read -r path l; do
	l=${l#'"'} l=${l%'"'}
	case $path:$l in
	format:selvage.policy.v1 | authorities.*.name:*) ;;
	logs.*) log_keys=$log_keys$l$nl ;;
	services.*) unescape "$l"; service_keys=$service_keys$text ;;
	authorities.*.roots:*)
		unescape "$l"
		authorities=$((authorities + 1)) roots=$roots$text
		printf %s "$text" >"$tmp/authority.$authorities" ;;
	witnesses.*) witness_keys=$witness_keys$l$nl ;;
	quorum:[1-9]*) is_number "$l" && quorum=$l || contradicted keys 'the quorum in trust/policy.json is no number' ;;
	*) contradicted keys 'trust/policy.json is of an unknown format or holds an unknown field' ;;
	esac
done <"$tmp/policy.json"
again trust/log.vkey keys 'trust/log.vkey does not hold the keys of trust/policy.json'
printf %s "$log_keys" >"$new"
notes "$new" logs 1 || contradicted keys 'a log key in trust/policy.json cannot be read'
again trust/service-key.pem keys 'trust/service-key.pem does not hold the keys of trust/policy.json'
printf %s "$service_keys" >"$new"
services "$new" services || contradicted keys 'a service key in trust/policy.json cannot be read'
again trust/tsa-ca.pem keys 'trust/tsa-ca.pem does not hold the keys of trust/policy.json'
printf %s "$roots" >"$new"
: >"$tmp/witnesses"
n=0
if [ "$witness_keys" ]; then
	expect trust/witnesses.vkey
	again trust/witnesses.vkey keys 'trust/witnesses.vkey does not hold the keys of trust/policy.json'
	printf %s "$witness_keys" >"$new"
	notes "$new" witnesses 4 || contradicted keys 'a witness key in trust/policy.json cannot be read'
	# One key under two names would count twice towards the quorum.
	seen=' '
	for l in $witness_keys; do
		case $seen in *" ${l##*+} "*) contradicted keys 'trust/policy.json names a witness twice' ;; esac
		seen="$seen${l##*+} "
	done
fi
[ "$quorum" -le $n ] || contradicted keys 'trust/policy.json wants more witnesses than it names'
[ "$format" = selvage.bundle.v2 ] || [ $n -eq 0 ] || contradicted keys 'a bundle of v1 has no witnesses'
settle_again
proved keys 'policy.json and the other files in trust/ hold the same keys'
if [ "$policy" ]; then
	: >"$tmp/policy-witnesses"
	policy_quorum=0
	services "$policy/service-key.pem" policy-services && notes "$policy/log.vkey" policy-logs 1 &&
		{ [ ! -f "$policy/witnesses.vkey" ] || notes "$policy/witnesses.vkey" policy-witnesses 4; } &&
		{ [ ! -f "$policy/quorum" ] || { read -r policy_quorum <"$policy/quorum" && is_number "$policy_quorum"; }; } || give_up policy 'the given keys cannot be read'
fi
used=' ' # keys of trust/ that something in the bundle was made with: their files

# ---- signatures, checkpoints, tokens

# need_openssl is asked once something was refused, as that costs the good bundle nothing.
need_openssl() { case $(openssl version 2>&1) in 'OpenSSL '[3-9].*) ;; *) give_up openssl 'OpenSSL 3 or later is needed' ;; esac; }

# ed25519 KEY TEXT SIGNATURE: the signature's bytes are by the key in that file.
ed25519() {
	printf "$3" >"$tmp/sig"
	openssl pkeyutl -verify -pubin -keyform DER -inkey "$tmp/$1" -rawin -in "$2" -sigfile "$tmp/sig" >/dev/null 2>&1 && return 0
	need_openssl
	return 1
}

# envelope FILE NAME: FILE.dsse is the envelope (DSSE v1) of FILE.jcs in canonical JSON, made
# again from it and the signatures, each a line "keyid sig BYTES" in $signatures, BYTES being
# what the key's name stands for. What was signed goes to $tmp/pae.
mime='application/vnd.selvage.statement+json'
envelope() {
	signatures=$nl list= text=
	[ -f "$tmp/$2.dsse" ] || contradicted envelope "$1.dsse is not canonical JSON"
	IFS= read -r text <"$1.jcs"
	while read -r path l; do
		l=${l#'"'} l=${l%'"'}
		case $path in
		signatures.*.keyid)
			id=$l
			case $id in *[!A-Za-z0-9:+/=._-]*) contradicted envelope 'a key name that is none' ;; esac
			case $signatures in *"$nl$id "*) contradicted envelope 'two signatures by one key' ;; esac ;;
		signatures.*.sig)
			is64 "$l" || contradicted envelope 'a signature that is not base64'
			list="$list,{\"keyid\":\"$id\",\"sig\":\"$l\"}"
			case $id in SHA256:*) from64 "${id#SHA256:}=" 32 || bytes= ;; *) bytes= ;; esac
			signatures="$signatures$id $l $bytes$nl" ;;
		esac
	done <"$tmp/$2.dsse"
	again "$1.dsse" envelope "$1.dsse is not the canonical envelope of $1.jcs"
	printf '{"payload":"%s","payloadType":"%s","signatures":[%s]}' "$(base64 -w 0 "$1.jcs")" "$mime" "${list#,}" >"$new"
	printf 'DSSEv1 %d %s %d %s' ${#mime} "$mime" ${#text} "$text" >"$tmp/pae"
	size_of "$1.jcs"
	[ ${#text} -eq "$is" ] || contradicted envelope "$1.jcs is not one line of text"
}

# signed_by TABLE: one of these keys made one of $signatures over $tmp/pae. Sets $signer.
signed_by() {
	while read -r id key; do
		case $signatures in *" $id$nl"*) ;; *) continue ;; esac
		l=${signatures%%" $id$nl"*}
		l=${l##*"$nl"}
		signer=${l%% *}
		from64 "${l#* }" 64 && ed25519 "$key" "$tmp/pae" "$bytes" && used="$used$key " && return 0
	done <"$tmp/$1"
	return 1
}

# logged_by TABLE: exactly one of the signature $lines over the note $tmp/text is by one
# of these keys, which is named like the origin (C2SP signed-note). Sets log_line, log_key.
logged_by() {
	log_line=
	while read -r name hash key; do
		while IFS= read -r l; do
			[ "${l% *}" = "— $name" ] && from64 "${l##* }" 68 || continue
			sig=${bytes#"$hash"}
			[ "$sig" != "$bytes" ] || continue
			[ -z "$log_line" ] && [ "$name" = "$origin" ] && ed25519 "$key" "$tmp/text" "$sig" || return 1
			log_line=$l log_key="$name $hash" used="$used$key "
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
			[ "${l% *}" = "— $name" ] && from64 "${l##* }" 76 || continue
			case $bytes in "$hash"'\'[01]*) ;; *) continue ;; esac
			l=${bytes#"$hash"} # eight bytes of time, and the signature
			sig=${l#????????????????????????????????}
			big_endian "${l%"$sig"}"
			at=$is
			printf 'cosignature/v1\ntime %s\n%s\n%s\n%s\n' "$at" "$origin" "$tree" "$root" >"$tmp/cosigned"
			ed25519 "$key" "$tmp/cosigned" "$sig" || continue
			cosigned=$((cosigned + 1)) used="$used$key "
			[ "$earliest" ] && [ "$earliest" -le "$at" ] || earliest=$at
			break
		done <<-END
			$lines
		END
	done <"$tmp/$1"
}

# What the time tokens say: for each a line "FILE TIME MICROSECONDS ACCURACY" in $times, the
# accuracy in microseconds. It is read from where RFC 3161 has it in a TimeStampResp, by the
# one DER form of each length; that the rest is well formed, and signed, is for openssl.
tokens= n=
for f in data/work data/key data/match data/case; do
	[ ! -d $f ] || for l in $f/checkpoint.tsr $f/checkpoint-*.tsr; do
		[ ! -f "$l" ] || { tokens="$tokens $l"; size_of "$l"; n="$n $is"; }
	done
done
[ -z "$tokens" ] || od -An -v -tx1 $tokens | awk -v files="$tokens" -v sizes="$n" '
	# enter moves p over a header of this tag and returns the length of what follows.
	function enter(tag,  n, k) {
		if (b[p] != tag) { bad = 1; return 0 }
		n = num[b[p + 1]]; p += 2
		if (n >= 128) {
			if (n > 131) { bad = 1; return 0 }
			k = n - 128
			for (n = 0; k > 0; k--) n = n * 256 + num[b[p++]]
			if (n < 128) bad = 1
		}
		if (p + n > end) { bad = 1; return 0 }
		return n
	}
	function skip(tag,  n) { n = enter(tag); p += n }
	function oid(want,  n, k, is) {
		n = enter("06")
		for (k = 0; k < n; k++) is = is b[p + k]
		p += n
		if (is != want) bad = 1
	}
	function number(tag,  n, k, v) { # a part of the accuracy
		if (p >= after || b[p] != tag) return 0
		n = enter(tag)
		if (n < 1 || n > 3 || num[b[p]] > 127) bad = 1
		for (k = 0; k < n; k++) v = v * 256 + num[b[p + k]]
		p += n
		return v
	}
	BEGIN { for (k = 0; k < 256; k++) num[sprintf("%02x", k)] = k; count = split(files, file, " "); split(sizes, size, " ") }
	{ for (k = 1; k <= NF; k++) b[++got] = $k }
	END {
		at = 1
		for (f = 1; f <= count; f++) {
			bad = 0; p = at; at = end = at + size[f]
			enter("30"); skip("30")                                    # TimeStampResp: status
			enter("30"); oid("2a864886f70d010702"); enter("a0")        # ContentInfo: signed data
			enter("30"); skip("02"); skip("31")                        # SignedData: version, digests
			enter("30"); oid("2a864886f70d0109100104"); enter("a0"); enter("04") # content: TSTInfo
			n = enter("30"); last = p + n
			skip("02"); skip("06")                                     # version, policy
			n = enter("30"); next_one = p + n                          # imprint
			enter("30"); oid("608648016503040201"); p = next_one       # by SHA-256
			skip("02"); n = enter("18"); time = ""                     # serial number, time
			for (k = 0; k < n && k < 40; k++) time = time sprintf("%c", num[b[p + k]])
			p += n
			accuracy = 0
			if (p < last && b[p] == "30") {
				n = enter("30"); after = p + n
				accuracy = 1000000 * number("02")
				accuracy += 1000 * number("80"); accuracy += number("81")
				if (p != after) bad = 1
			}
			micros = "000000"
			if (time ~ /^[0-9]+\.[0-9]+Z$/) micros = substr(substr(time, 16, length(time) - 16) micros, 1, 6)
			else if (time !~ /^[0-9]+Z$/) bad = 1
			if (length(time) < 15 || substr(time, 15, 1) !~ /[.Z]/) bad = 1
			print file[f], (bad ? "bad" : substr(time, 1, 14)), micros, accuracy
		}
	}' >"$tmp/times"

# stamped_by ROOTS.pem TOKEN SECONDS: RFC 3161 token over the file checkpoint; signature,
# chain, key usage and signing certificate are judged by openssl at the token's own time.
stamped_by() {
	case $(openssl ts -verify -attime "$3" -in "$2" -data "${2%/*}/checkpoint" -CAfile "$1" 2>&1) in *'Verification: OK'*) return 0 ;; esac
	need_openssl
	return 1
}

# stamped TOKEN SECONDS FIRST: by an authority of trust/, which is first tried with the one of
# that number, as tokens and authorities mostly come in the same order.
stamped() {
	i=0
	while [ $i -lt $authorities ]; do
		l=$(((i + $3 - 1) % authorities + 1)) i=$((i + 1))
		stamped_by "$tmp/authority.$l" "$1" "$2" && used="${used}authority.$l " && return 0
	done
	return 1
}

# token FILE NUMBER: proves it and adds it to $tokens, lines "FILE SECONDS LATEST", the latest
# in microseconds.
token() {
	while read -r f stamp micros accuracy; do [ "$f" != "$1" ] || break; done <"$tmp/times"
	[ "$f" = "$1" ] && [ "$stamp" != bad ] || contradicted 'time token' "$1 does not read as one RFC 3161 token over a SHA-256"
	l=${stamp#????}
	y=${stamp%"$l"} da=${l#??}
	mo=${l%"$da"} h=${da#??}
	da=${da%"$h"} mi=${h#??}
	h=${h%"$mi"} s=${mi#??}
	epoch "$y" "$mo" "$da" "$h" "${mi%"$s"}" "$s" || contradicted 'time token' "the time of $1 cannot be meant"
	late=$((at * 1000000 + 1$micros - 1000000 + accuracy))
	stamped "$1" "$at" "$2" || contradicted 'time token' "openssl ts -verify refuses $1"
	clock "$at"
	now=$clock
	clock $(((late + 999999) / 1000000))
	proved 'time token' "RFC 3161 token over the checkpoint: $now, at the latest $clock"
	tokens="$tokens$1 $at $late$nl" all_tokens="$all_tokens$1 $at$nl"
	[ $late -le $latest ] || latest=$late
	# A bag is dated by the latest token: v1 by its time, v2 by the end of its accuracy.
	[ "$format" = selvage.bundle.v2 ] && day=$((late / 86400000000)) || day=$((at / 86400))
	[ $day -le $latest_day ] || latest_day=$day
}
all_tokens=

# ---- one registration: dossier FOLDER NAME QUORUM TYPE...

dossier() {
	d=$1 of=${1#data/} proof=$1/$2.tlog-proof need=$3
	expect "$d/statement.jcs" "$d/statement.dsse" "$d/opening.txt" "$proof" "$d/checkpoint" "$d/checkpoint.tsr"
	shift 3

	# opening.txt: commitment = HMAC-SHA-256(salt, envelope)
	{ IFS= read -r l; IFS= read -r salt; IFS= read -r commitment; } <"$d/opening.txt"
	salt=${salt#salt } commitment=${commitment#commitment }
	is_digest "$salt" && is_digest "$commitment" || contradicted opening 'opening.txt has no salt or no commitment'
	again "$d/opening.txt" opening 'opening.txt is not of its one form'
	printf 'selvage.opening.v1\nsalt %s\ncommitment %s\n' "$salt" "$commitment" >"$new"
	commits "$salt" "$d/statement.dsse" "$commitment" opening 'opening.txt does not open a commitment to the envelope' "HMAC-SHA-256 of the envelope under the salt is $commitment"

	envelope "$d/statement" "$of.statement"
	json "$d/statement.jcs" "$of.statement.jcs" || contradicted statement 'it is not canonical JSON'
	case " $* " in *" $s_type "*) ;; *) contradicted statement "it is not a $*" ;; esac
	signed_by services || contradicted signature 'no service key in trust/ signed the statement'

	# NAME.tlog-proof (C2SP tlog-proof): head, path, empty line, signed checkpoint (C2SP
	# tlog-checkpoint): origin, size, root hash, empty line, signatures
	path= lines=
	{
		IFS= read -r l; IFS= read -r extra; IFS= read -r index
		while IFS= read -r l && [ "$l" ]; do path="$path $l"; done
		IFS= read -r origin; IFS= read -r tree; IFS= read -r root; IFS= read -r l
		while IFS= read -r l; do lines=$lines$l$nl; done
	} <"$proof"
	extra=${extra#extra } index=${index#index }
	case $path in *[!A-Za-z0-9+/=\ ]*) contradicted inclusion 'a path line is not base64' ;; esac
	again "$proof" 'log proof' 'it does not read as tlog-proof@v1'
	{
		printf 'c2sp.org/tlog-proof@v1\nextra %s\nindex %s\n' "$extra" "$index"
		[ -z "$path" ] || printf '%s\n' $path
		printf '\n%s\n%s\n%s\n\n%s' "$origin" "$tree" "$root" "$lines"
	} >"$new"
	is_number "$index" && is_number "$tree" || contradicted 'log proof' 'it does not read as tlog-proof@v1'
	from64 "$extra" 32 && sum=$bytes && octal "$salt" && [ "$bytes" = "$sum" ] || contradicted commitment 'the salt in the log proof is not the salt of the opening'
	printf '%s\n%s\n%s\n' "$origin" "$tree" "$root" >"$tmp/text"
	logged_by logs || contradicted checkpoint 'it is not signed, just once, by a log key in trust/'
	again "$d/checkpoint" checkpoint "the file checkpoint is not the log proof's"
	printf '%s\n%s\n%s\n\n%s\n' "$origin" "$tree" "$root" "$log_line" >"$new"
	[ "$index" -lt "$tree" ] || contradicted inclusion "index $index is outside the tree of $tree entries"
	included "$of" "$commitment" "$index" "$tree" "$root" "${path# }"
	settle_again
	proved signature "statement.jcs is what the envelope carries, signed by the service, key $signer"
	proved checkpoint "tree of $tree entries signed by log $origin"

	if [ "$need" -gt 0 ]; then
		cosigned witnesses
		[ $cosigned -ge "$need" ] || contradicted witnesses "$cosigned of the witnesses have cosigned the checkpoint, $need needed"
		proved witnesses "$cosigned witnesses have cosigned the checkpoint, $need needed"
	fi

	tokens= latest=0
	token "$d/checkpoint.tsr" 1
	i_token=2
	while [ "$format" = selvage.bundle.v2 ] && [ -f "$d/checkpoint-$i_token.tsr" ]; do
		expect "$d/checkpoint-$i_token.tsr"
		token "$d/checkpoint-$i_token.tsr" $i_token
		i_token=$((i_token + 1))
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
		found=
		[ -z "${2-}" ] || [ ! -f "$2" ] || while read -r l at; do [ "$l" != "$s_notBefore_digest" ] || found=$at; done <"$2"
		[ "$found" ] && seconds "$found" && said_at=$at said=$found || {
			say "note: the statement contains a value that $s_notBefore_source is said to have published at $s_notBefore_time (sha256 $s_notBefore_digest): whoever finds it there has a lower bound"
			return
		} ;;
	checkpoint)
		lines=
		{
			IFS= read -r origin; IFS= read -r tree; IFS= read -r root; IFS= read -r l
			while IFS= read -r h; do lines=$lines$h$nl; done
		} <data/work/not-before.txt
		[ "$origin" = "$s_notBefore_source" ] && [ -z "$l" ] && is_number "$tree" && from64 "$root" 32 || contradicted 'not before' "the value of outside is not a checkpoint of $s_notBefore_source"
		cosigned "$1"
		[ $cosigned -gt 0 ] || { say "note: the statement contains a checkpoint of $origin, said to be of $said; none of its witnesses is trusted here"; return; }
		case $said in *.000Z) ;; *) said_at=$((said_at + 1)) ;; esac
		# Others may be trusted here than those the service knew: the earlier time holds for both.
		[ "$earliest" -ge "$said_at" ] || { said_at=$earliest; clock "$earliest"; said=$clock; } ;;
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
	size_of "$1"
	[ "$is" = "$3" ] || contradicted originals "$1 is not of the size of the statement"
}

# ---- the work

latest_day=0 prefix='work: ' types=selvage.work.v1
[ "$format" = selvage.bundle.v1 ] || types='selvage.work.v1 selvage.work.v2'
dossier data/work work "$quorum" $types
asked
work_last=$latest work=$s_work work_service=$s_service work_owner=$s_owner_id work_commitment=$commitment work_log=$log_key work_index=$index
expect data/work/digests.txt
count=0 held=0 work_digests=$nl list= assets= newer=
while read -r path l; do
	l=${l#'"'} l=${l%'"'}
	case $path in
	authors* | rights* | claim* | notBefore* | dates.*.reach) newer=$path ;;
	assets.$count.digest) digest=$l ;;
	assets.$count.mediaType) ending "$l" ;;
	assets.$count.size)
		count=$((count + 1))
		[ "${digest-}" ] && [ "${end-}" ] && is_number "$l" || contradicted statement 'a file without digest, media type or size'
		assets="$assets$digest $end $l$nl" work_digests=$work_digests$digest$nl digest= end= ;;
	assets.*.*.*) ;;
	assets.*.digest | assets.*.mediaType | assets.*.size) contradicted statement 'a file without digest, media type or size' ;;
	esac
done <"$tmp/work.statement.jcs"
[ $count -gt 0 ] && [ -z "${digest-}${end-}" ] || contradicted statement 'a file without digest, media type or size'
! [ "$s_type" = selvage.work.v1 ] || [ -z "$newer" ] || contradicted statement 'a statement of v1 has a field of v2'
i=0
while read -r digest end size; do
	[ "$digest" ] || continue
	file=original.$end i=$((i + 10001))
	[ $count -eq 1 ] || file=original-${i#1}.$end
	i=$((i - 10000)) list="$list$digest  $file$nl"
	is_file "data/work/$file" "$digest" "$size" && held=$((held + 1))
done <<-END
	$assets
END
again data/work/digests.txt digests 'digests.txt does not list the digests of the statement'
printf %s "$list" >"$new"
settle_again
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
	unescape "$s_key"
	again data/key/key.pem key 'key.pem is not the key of the statement'
	printf %s "$text" >"$new"
	services "$new" designer && settle_again || contradicted key 'key.pem is not the key of the statement'
	signed_by designer || contradicted possession "the designer's key has not signed its own registration"
	designer=$signer
	proved possession "the designer's key has signed its own registration"
	asked
	prefix='work: '
	[ "$commitment" = "$claim_registration" ] && [ "$designer" = "$claim_key" ] || contradicted claim "the statement names another key of the designer, or another registration of it"
	[ "$s_owner $s_service" = "$work_owner $work_service" ] || contradicted claim "the designer's key is another owner's"
	[ "${log_key%%+*}" = "${work_log%%+*}" ] && [ "$index" -lt "$work_index" ] || contradicted claim "the designer's key came into the log after the work"
	digest_of data/work/claim.dsse
	[ "$is" = "$claim_digest" ] || contradicted claim 'the statement names another claim of the designer'
	envelope data/work/claim work.claim
	settle_again
	signed_by designer && case $signatures in "$nl$claim_key "*"$nl"?*) false ;; "$nl$claim_key "*) ;; *) false ;; esac || contradicted claim "it is not signed by the designer's key alone"
	json data/work/claim.jcs work.claim.jcs && [ "$s_type" = selvage.claim.v1 ] && seconds "$s_made" || contradicted claim 'it is not a canonical selvage.claim.v1'
	# What the claim says, but for its own type and time, under the names it has there.
	awk '
		NR == FNR {
			if (sub(/^owner\.id /, "owner ") || sub(/^dates\.f/, "f") || /^(title|previous|authors|rights)/) said[$0]++
			else if (/^assets\.[0-9]*\.(digest|size) /) { sub(/^assets/, "files"); said[$0]++ }
			next
		}
		!/^(type|made) / { said[$0]-- }
		END { for (l in said) if (said[l]) exit 1 }' "$tmp/work.statement.jcs" "$tmp/work.claim.jcs" || contradicted claim "the registration says something else than the designer's claim"
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
	again data/accused/digest.txt accused 'digest.txt does not name the compared file'
	printf '%s  file.%s\n' "$s_query_digest" "$end" >"$new"
	settle_again
	is_file "data/accused/file.$end" "$s_query_digest" "$s_query_size" && proved 'accused file' 'the file in the bundle is the compared one'
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
	case $cut in court | officer | party | digests) ;; *) contradicted cut 'cut.txt names no cut' ;; esac
	again data/case/cut.txt cut 'cut.txt names no cut'
	printf '%s\n' "$cut" >"$new"
	withheld=0 shown=0 all=$nl text= last= ordered=true
	while read -r path l; do
		l=${l#'"'} l=${l%'"'}
		case $path in files.*.commitment) commitment=$l; continue ;; files.*.name) ;; *) continue ;; esac
		printf '%s\n' "$l" >>"$tmp/named"
		case $cut:$l in officer:data/custody.jsonl* | party:data/custody.jsonl* | party:report.pdf | party:data/work/original* | digests:data/work/original*)
			[ ! -e "$l" ] || contradicted files "$l is in the bundle, but not in the cut $cut"
			withheld=$((withheld + 1))
			continue ;;
		esac
		case $files$nl in "$l$nl"* | *"$nl$l$nl"*) ;; *) contradicted files "$l is missing in the cut $cut" ;; esac
		read -r salt file <&5 && [ "$file" = "$l" ] && is_digest "$salt" && is_digest "$commitment" || contradicted files "the salt of $l is missing in the cut $cut"
		commits "$salt" "$l" "$commitment" files "$l is not the file of the case"
		text="$text$salt $l$nl" all=$all$l$nl shown=$((shown + 1))
	done <"$tmp/case.statement.jcs" 5<data/case/salts.txt
	again data/case/salts.txt files 'salts.txt does not list the files of the case that the cut shows'
	printf %s "$text" >"$new"
	sort -c -u "$tmp/named" 2>/dev/null || contradicted files 'the case names a file twice, or out of order'
	for f in $files; do
		case $f in data/case/*) ;; data/* | tools/* | report.pdf)
			case $all in *"$nl$f$nl"*) ;; *) contradicted files "$f is in the bundle, but not of the case" ;; esac ;;
		esac
		# The case explains these; its other files are explained by what they are.
		case $f in report.pdf | data/custody.jsonl | data/custody.jsonld | tools/*) expect "$f" ;; esac
	done
	if [ -f data/custody.jsonl ]; then # each line names the SHA-256 of the one before
		n=0 list=
		while IFS= read -r l || { [ "$l" ] && contradicted custody 'the last line is cut off'; }; do
			n=$((n + 1)) list="$list $tmp/custody.$n"
			printf %s "$l" >"$tmp/custody.$n"
		done <data/custody.jsonl
		is=
		[ -z "$list" ] || sha256sum $list >"$tmp/sums"
		[ -z "$list" ] || while IFS= read -r l && read -r sum file <&4; do
			case $is$l in
			*',"previous":"'"$is"'"}') [ "$is" ] ;;
			'{'*',"previous":'*) false ;;
			'{'*'}') [ -z "$is" ] ;;
			*) false ;;
			esac || contradicted custody 'a line does not follow the one before'
			is=$sum
		done <data/custody.jsonl 4<"$tmp/sums"
	fi
	settle_again
	settle_commits
	proved files "$shown files are those of the case, $withheld are withheld in the cut $cut"
	[ ! -f data/custody.jsonl ] || proved custody 'each line names the digest of the one before'
else
	settle_commits
fi
settle_included

# ---- renewals, keys

prefix= renewed=
for of in work key match case; do
	[ -f "renewals/$of.ers" ] || continue
	expect "renewals/$of.ers"
	renewed=true
	say "note: renewals/$of.ers (RFC 4998) carries the first time token of $of on; this script does not check it, selvage-verify and Bouncy Castle do"
done
# A key that made nothing here was put there to be believed. Witnesses may have been asked
# in vain, and the authorities of renewals are not seen here.
while read -r id key; do
	case $used in *" $key "*) ;; *) contradicted keys 'trust/ holds a service key that signed nothing here' ;; esac
done <"$tmp/services"
while read -r name id key; do
	case $used in *" $key "*) ;; *) contradicted keys "trust/ holds a key of the log $name that signed nothing here" ;; esac
done <"$tmp/logs"
i_authority=0
while [ $i_authority -lt $authorities ] && [ -z "$renewed" ]; do
	i_authority=$((i_authority + 1))
	case $used in *" authority.$i_authority "*) continue ;; esac
	while read -r f at; do
		[ "$f" ] && stamped_by "$tmp/authority.$i_authority" "$f" "$at" && continue 2
	done <<-END
		$all_tokens
	END
	contradicted keys 'trust/ holds the certificate of a time authority that stamped nothing here'
done
n=0
while read -r name id key; do
	case $used in *" $key "*) ;; *) n=$((n + 1)) ;; esac
done <"$tmp/witnesses"
[ $n -eq 0 ] || say "note: trust/ holds the keys of $n witness(es) whose cosignature was not needed here"

# ---- nothing else

clock $((latest_day * 86400))
again bag-info.txt bag 'bag-info.txt counts other files or names another day'
printf 'Bundle-Format: %s\nBag-Software-Agent: Selvage\nBagging-Date: %s\nPayload-Oxum: %s\n' "$format" "${clock%T*}" "$octets.$streams" >"$new"
settle_again
for f in $files; do
	case $expected in *"$nl$f$nl"*) ;; *) contradicted contents "$f does not belong in a bundle" ;; esac
done
proved contents 'every file is accounted for'

say 'note: a proof of time is not a proof of authorship: the statement existed by then; what it claims may still be wrong'
say 'note: README.txt and the names of authorities are not compared by this script (selvage-verify writes README.txt again); read them as the words of whoever packed the bundle'
if [ "$unsure" ]; then
	say "cannot tell: $unsure"
	exit 3
fi
clock $(((work_last + 999999) / 1000000))
say "registered: not earlier than ${bound:-unknown (no trusted value of outside)}, not later than $clock (time tokens)"
[ "$policy" ] && say 'proved under the given keys' || say 'proved under the keys in this bundle'
exit 0
