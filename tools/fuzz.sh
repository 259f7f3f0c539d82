#!/bin/sh
# fuzz.sh runs every fuzz target of the module, one after the other.
#
#   FUZZTIME    time for each target (default 10s)
#   FUZZBUDGET  seconds after which no further target is started (default 0: no limit);
#               the ones left out are named
#   GO, TAGS    the go command and its build tags
set -u

go=${GO:-go}
tags=${TAGS:-nodynamic}
fuzztime=${FUZZTIME:-10s}
budget=${FUZZBUDGET:-0}
start=$(date +%s)

# One line a target: "DIRECTORY NAME".
targets=$(grep -rE --include='*_test.go' '^func Fuzz[A-Z0-9_][A-Za-z0-9_]*\(' . |
	sed -E 's#/[^/]+_test\.go:func (Fuzz[A-Za-z0-9_]+)\(.*# \1#' | sort -u)
if [ -z "$targets" ]; then
	echo "fuzz: no target found" >&2
	exit 1
fi

ran=0
failed=
left=
while read -r dir name; do
	if [ "$budget" -gt 0 ] && [ $(($(date +%s) - start)) -ge "$budget" ]; then
		left="$left $name"
		continue
	fi
	echo "fuzz: $name in $dir for $fuzztime"
	"$go" test -tags "$tags" -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" "$dir" </dev/null ||
		failed="$failed $dir:$name"
	ran=$((ran + 1))
done <<EOF
$targets
EOF

echo "fuzz: $ran targets run in $(($(date +%s) - start)) s"
[ -z "$left" ] || echo "fuzz: budget of $budget s spent; not run:$left"
if [ -n "$failed" ]; then
	echo "fuzz: FAILED:$failed" >&2
	exit 1
fi
