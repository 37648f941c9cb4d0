#!/usr/bin/env bash
# Builds bin/jimeng-gateway: Caddy with the gateway and its dashboard, made by
# xcaddy. The versions of Caddy and xcaddy are those of go.mod. GOOS and GOARCH
# choose another target; OUTPUT another file. Does nothing if nothing changed.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/scripts/common.sh"

module=github.com/jimeng-gateway/jimeng-gateway
output=${OUTPUT:-bin/jimeng-gateway}

need_go
web_build

target="$(go env GOOS)/$(go env GOARCH)"
stamp=.build/$(printf '%s' "$output" | tr -c 'A-Za-z0-9\n' _)
mkdir -p .build "$(dirname "$output")"
inputs=$(
	{
		printf '%s\n' "$target" "$(go env GOVERSION GOFLAGS)"
		cat .build/web
		find . \( -path ./web -o -path ./auth/testdata -o -path ./docs -o -path ./scripts -o -path ./data -o -path ./bin -o -path './.*' \) -prune -o \
			-type f ! -name '*_test.go' ! -name '*.md' -print0 | LC_ALL=C sort -z | xargs -0 "${sha256[@]}"
		"${sha256[@]}" web/web.go
	} | "${sha256[@]}"
)
if [ -x "$output" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$inputs" ]; then
	say "$output is up to date ($target)."
	exit
fi
rm -f "$stamp"

caddy=$(go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)
say "Building $output for $target with Caddy $caddy …"
# xcaddy itself runs here, whatever the target is.
GOOS='' GOARCH='' GOARM='' go build -o .build/xcaddy github.com/caddyserver/xcaddy/cmd/xcaddy
# The version v0.0.0 of our own module keeps Go from asking a proxy for it. A
# plain temporary folder is used, because xcaddy calls go in a module of its own.
CGO_ENABLED=${CGO_ENABLED:-0} .build/xcaddy build "$caddy" --output "$output" --with "$module@v0.0.0=." \
	>.build/xcaddy.log 2>&1 || {
	cat .build/xcaddy.log >&2
	die "xcaddy could not build $output"
}
printf '%s\n' "$inputs" >"$stamp"
say "Built $output ($(du -h "$output" | cut -f1))."
