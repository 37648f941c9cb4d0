#!/usr/bin/env bash
# Runs the dashboard's tests in a browser, against a demo of its own.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

work=$(mktemp -d /tmp/jimeng-e2e.XXXXXX)
PORT=$(free_port)
export PORT DEMO_DATA=$work/data SIMULATOR_DELAY=${SIMULATOR_DELAY:-2s}
./scripts/demo.sh >"$work/out" 2>&1 &
demo=$!
cleanup() {
	kill -TERM "$demo" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap cleanup EXIT

for _ in $(seq 600); do
	grep -q 'Ctrl-C stops' "$work/out" && break
	kill -0 "$demo" 2>/dev/null || {
		cat "$work/out"
		die 'The gateway did not start.'
	}
	sleep 0.2
done

BASE_URL=http://localhost:$PORT
KEY=$(cat "$DEMO_DATA/admin.key")
export BASE_URL KEY
cd web
npm run --silent e2e || {
	tail -n 30 "../$DEMO_DATA/gateway.log" 2>/dev/null || tail -n 30 "$DEMO_DATA/gateway.log"
	exit 1
}
