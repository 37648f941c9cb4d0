#!/usr/bin/env bash
# Runs every fuzz test for so many seconds, 180 unless told otherwise:
#   ./scripts/fuzz.sh [SECONDS] [PATTERN]
# PATTERN chooses by PACKAGE/NAME, as in ^api/FuzzRange$. JOBS is how many run at
# once. Prints one line per test and ends with an error, and the input's file, if
# one fails. What a run learns is forgotten, unless FUZZ_CACHE names a folder.
set -uo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

need_go
seconds=${1:-180} pattern=${2:-.} jobs=${JOBS:-2}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "SECONDS must be a whole number from 1 on, not $seconds"
work=$(mktemp -d /tmp/jimeng-fuzz.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cache=${FUZZ_CACHE:-$work/cache}
mkdir -p "$cache" "$work/tmp" "$work/log"

# fuzz PACKAGE NAME runs one test from the package's folder, where its inputs are.
fuzz() {
	local package=$1 name=$2 log=$work/log/${1//\//_}.$2 started=$SECONDS status=0 told
	(cd "$package" && TMPDIR=$work/tmp exec "$work/${package##*/}.test" -test.run='^$' -test.fuzz="^$name\$" \
		-test.fuzztime="${seconds}s" -test.fuzzminimizetime=1s -test.fuzzcachedir="$cache/$package" -test.parallel=1) >"$log" 2>&1 </dev/null || status=$?
	# Before 1.27, Go counts its own end of time as a failure when it comes at the
	# wrong moment (https://go.dev/issue/75804).
	if [ "$status" != 0 ] && ! grep -qE 'Failing input|panic:|seed corpus|^ +[a-z_]+_test\.go:' "$log" && grep -q 'context deadline exceeded' "$log"; then
		status=0
	fi
	told=$(grep -oE 'execs: [0-9]+|new interesting: [0-9]+' "$log" | tail -n 2 | paste -sd, | sed 's/,/, /')
	if [ "$status" = 0 ]; then
		printf '%s  %-42s %-44s %s s\n' "${green}passed${plain}" "$package/$name" "$told" $((SECONDS - started))
		return
	fi
	printf '%s  %s %s\n' "${red}failed${plain}" "$package/$name" "$told"
	sed -n 's,.*Failing input written to ,failing input: '"$package"'/,p' "$log"
	grep -v '^fuzz: elapsed' "$log" | head -n 40 | cut -c1-2000
	return 1
}

mapfile -t tests < <(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9]+' --exclude-dir=node_modules . |
	sed -E 's,^\./(.*)/[^/]*:[0-9]+:func (Fuzz.*),\1 \2,' | sort -u | awk -v p="$pattern" '$1 "/" $2 ~ p')
[ "${#tests[@]}" != 0 ] || die "no fuzz test is called $pattern"

# Only our own packages tell what an input has reached. With all that they need, as
# go test -fuzz has it, to build takes minutes and each try five times as long.
mapfile -t packages < <(printf './%s\n' "${tests[@]}" | cut -d' ' -f1 | sort -u)
go test -c -vet=off -ldflags='-s -w' -gcflags="$(go list -m)/...=-d=libfuzzer" -o "$work/" "${packages[@]}" || die 'the fuzz tests could not be built'
say "${#tests[@]} fuzz tests, $seconds s each, built in $SECONDS s"

failed=0
for test in "${tests[@]}"; do
	# shellcheck disable=SC2086
	fuzz $test &
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n || failed=$((failed + 1))
	done
done
while [ "$(jobs -p | wc -l)" -gt 0 ]; do
	wait -n || failed=$((failed + 1))
done
say "$((${#tests[@]} - failed)) of ${#tests[@]} fuzz tests passed in $SECONDS s"
[ "$failed" = 0 ]
