#!/usr/bin/env bash
# Runs the dashboard's tests in a browser, against a demo of its own where people
# can sign in at a certified OpenID provider.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

work=$(mktemp -d /tmp/jimeng-e2e.XXXXXX)
PORT=$(free_port)
export PORT DEMO_DATA=$work/data SIMULATOR_DELAY=${SIMULATOR_DELAY:-2s}
BASE_URL=http://localhost:$PORT

provider_install
coproc PROVIDER { exec node auth/testdata/provider/server.mjs 2>"$work/provider"; }
provider=$PROVIDER_PID
read -r OIDC_ISSUER_URL <&"${PROVIDER[0]}" || {
	cat "$work/provider"
	die 'The OpenID provider did not start.'
}
# ask METHOD PATH JSON
ask() { curl -sS --fail-with-body --max-time 15 -X "$1" "$OIDC_ISSUER_URL$2" -H 'Content-Type: application/json' -d "$3"; }
client=$(ask POST /reg "{\"redirect_uris\":[\"$BASE_URL/auth/callback\"],\"post_logout_redirect_uris\":[\"$BASE_URL/\"],
	\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"]}") || die "The OpenID provider refuses: $client"
OIDC_CLIENT_ID=$(grep -o '"client_id":"[^"]*' <<<"$client" | cut -d'"' -f4)
OIDC_CLIENT_SECRET=$(grep -o '"client_secret":"[^"]*' <<<"$client" | cut -d'"' -f4)
ask PUT /accounts/ann '{"name":"Ann Lee","email":"ann@example.com","email_verified":true,"roles":["operator"]}'
ask PUT /accounts/bob '{"name":"Bob","roles":["dancer"]}'
OIDC_SCOPES='profile email roles'
export OIDC_ISSUER_URL OIDC_CLIENT_ID OIDC_CLIENT_SECRET OIDC_SCOPES

./scripts/demo.sh >"$work/out" 2>&1 &
demo=$!
cleanup() {
	kill -TERM "$demo" "$provider" 2>/dev/null || true
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

KEY=$(cat "$DEMO_DATA/admin.key")
export BASE_URL KEY
cd web
npm run --silent e2e || {
	tail -n 30 "../$DEMO_DATA/gateway.log" 2>/dev/null || tail -n 30 "$DEMO_DATA/gateway.log"
	exit 1
}
