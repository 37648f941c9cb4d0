#!/usr/bin/env bash
# Runs every check and every test, installs what that needs, and says at the end
# what ran and what could not run and why. Ends with an error if anything failed.
set -uo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/postgres.sh
. scripts/postgres.sh
# shellcheck source=scripts/docker.sh
. scripts/docker.sh

need_go
need_node
logs=$(mktemp -d /tmp/jimeng-test.XXXXXX)
trap 'docker_stop; postgres_stop; rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM

passed=0 failed=0 skipped=0 summary=()

# step NAME COMMAND… runs one step and notes how it went.
step() {
	local name=$1 started=$SECONDS status=0
	shift
	say "── $name"
	"$@" </dev/null || status=$?
	if [ "$status" = 0 ]; then
		passed=$((passed + 1))
		summary+=("${green}passed${plain}  $name ($((SECONDS - started)) s)")
	else
		failed=$((failed + 1))
		summary+=("${red}failed${plain}  $name (exit code $status)")
	fi
	return "$status"
}

# skip NAME REASON notes what could not run.
skip() {
	skipped=$((skipped + 1))
	summary+=("not run $1: $2")
}

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)

# install brings Debian packages where that is possible: with apt-get, as root.
install() {
	command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null || return 1
	say "Installing $* …"
	{
		bounded 10 "${as_root[@]}" apt-get update &&
			bounded 15 "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
	} >"$logs/apt" 2>&1 || {
		tail -n 5 "$logs/apt"
		return 1
	}
}

formatted() {
	local wrong
	wrong=$(gofmt -l $(find . -name '*.go' -not -path './web/node_modules/*' -not -path './.*/*')) || return 1
	[ -z "$wrong" ] || {
		printf 'not formatted (gofmt -w):\n%s\n' "$wrong"
		return 1
	}
}

# The longest package goes first, so that the others run beside it.
go_tests() { bounded 40 env CGO_ENABLED="${race:+1}" go test "${race[@]}" -timeout 30m ./queue ./... 2>&1 | tee "$logs/go"; }
in_web() { (cd web && bounded 15 npm run --silent "$@"); }

find_chromium() {
	local name
	for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
		[ -n "$name" ] && command -v "$name" && return
	done
	return 1
}

# The dashboard comes first: go vet and go test compile what it builds.
step 'web: packages' web_install && {
	step 'web: types, lint, format' in_web check
	step 'web: tests' in_web test
	step 'web: build' web_build
}
step 'go: packages of the OpenID provider for the tests' provider_install
step 'go: format' formatted
step 'go: vet' bounded 15 go vet ./...
step 'go: staticcheck' bounded 20 go tool staticcheck ./...

postgres_find || install postgresql
if [ -z "${TEST_POSTGRES_URL:-}" ]; then
	postgres_start >"$logs/postgres" 2>&1 || skip 'go: tests on PostgreSQL' "$(tail -n 1 "$logs/postgres")"
fi
if [ -z "${TEST_DOCKER_HOST:-}" ]; then
	command -v dockerd >/dev/null || install docker.io
	docker_start >"$logs/docker" 2>&1 || skip 'go: tests with a Docker engine' "$(tail -n 1 "$logs/docker")"
fi
# Of Prometheus only its tool is wanted, not the service that the package starts.
promtool_unpack() {
	(
		cd "$logs" || return 1
		bounded 5 apt-get download prometheus ||
			{ bounded 10 "${as_root[@]}" apt-get update && bounded 5 apt-get download prometheus; } || return 1
		dpkg-deb -x prometheus_*.deb prometheus
	) >"$logs/promtool" 2>&1 && "$logs/prometheus/usr/bin/promtool" --version >/dev/null 2>&1
}
if [ -z "${TEST_PROMTOOL:-}" ] && ! command -v promtool >/dev/null; then
	if promtool_unpack; then
		export TEST_PROMTOOL="$logs/prometheus/usr/bin/promtool"
	else
		skip 'go: alerts and dashboard, checked by promtool' 'promtool is not installed, and the package prometheus could not be fetched'
	fi
fi
# The race detector watches everything but SQLite, which is C turned into Go and
# would take six times as long.
race=(-race '-gcflags=modernc.org/sqlite/lib=-race=false')
if ! command -v "${CC:-gcc}" >/dev/null && ! install gcc libc6-dev; then
	race=()
	skip 'go: the race detector' 'it needs a C compiler, and none was found or could be installed'
fi
step 'go: tests' go_tests

step 'xcaddy build' bounded 20 ./xcaddy.sh && {
	step 'end to end: the binary under load and kill -9' bounded 20 env GATEWAY_BINARY="$PWD/bin/jimeng-gateway" go test -count=1 -parallel 4 -timeout 19m -v ./e2e
	step 'demo: a prompt goes in, a video comes out' bounded 5 ./scripts/smoke.sh
	if ! command -v python3 >/dev/null || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then install python3 python3-venv; fi
	if ./scripts/contract.sh --install >"$logs/contract" 2>&1; then
		step 'contract: the gateway is what its OpenAPI document says' bounded 15 ./scripts/contract.sh
	else
		skip 'contract: the gateway is what its OpenAPI document says' "$(tail -n 1 "$logs/contract")"
	fi
	find_chromium >/dev/null || install chromium
	if CHROMIUM=$(find_chromium); then
		export CHROMIUM
		step 'end to end: the dashboard in a browser' bounded 20 ./scripts/e2e.sh
	else
		skip 'end to end: the dashboard in a browser' 'no Chromium was found and none could be installed'
	fi
}
docker_stop
postgres_stop

if [ -s "$logs/go" ]; then
	say '── the Go tests again'
	grep -E '^(ok|FAIL|---|panic:|\?)' "$logs/go" | grep -v 'no test files'
fi
say '── what ran'
printf '%s\n' "${summary[@]}"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
