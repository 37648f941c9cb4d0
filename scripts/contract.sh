#!/usr/bin/env bash
# Holds the gateway to its own description: the OpenAPI document must pass a
# public validator, and Schemathesis, which makes requests up from it, must find
# no 5xx and no answer that is not described. Runs against the demo on a free
# port, with data of its own. EXAMPLES is how many requests it makes up for each
# operation at most (30); what it was told to do is printed with what it finds.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

tools=${XDG_CACHE_HOME:-$HOME/.cache}/jimeng-gateway/contract
config=$PWD/scripts/contract.toml
packages=(schemathesis==4.32.5 openapi-spec-validator==0.9.0)

# contract_install brings the Python programs into a folder of their own.
contract_install() {
	[ "$(cat "$tools/.installed" 2>/dev/null)" = "${packages[*]}" ] && return
	say 'Installing Schemathesis …'
	rm -rf "$tools"
	mkdir -p "$(dirname "$tools")"
	python3 -m venv "$tools" && "$tools/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" || return 1
	printf '%s\n' "${packages[*]}" >"$tools/.installed"
}

contract_install || die 'Schemathesis could not be installed: Python 3 with venv, and PyPI, are needed.'
[ "${1:-}" = --install ] && exit

work=$(mktemp -d /tmp/jimeng-contract.XXXXXX)
PORT=$(free_port)
ADMIN_TOKEN=contract-$(head -c 16 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
export PORT ADMIN_TOKEN DEMO_DATA=$work/data SIMULATOR_DELAY=100ms
url=http://localhost:$PORT demo=''
cleanup() {
	[ -z "$demo" ] || kill -TERM "$demo" 2>/dev/null || true
	wait
	rm -rf "$work"
}
: >"$work/out"
trap cleanup EXIT
trap 'exit 130' INT TERM

./scripts/demo.sh >>"$work/out" 2>&1 &
demo=$!
for _ in $(seq 1500); do
	grep -q 'Ctrl-C stops' "$work/out" && break
	kill -0 "$demo" 2>/dev/null || break
	sleep 0.2
done
grep -q 'Ctrl-C stops' "$work/out" || {
	cat "$work/out"
	die 'The demo did not start.'
}

say '── the document and a public validator'
curl -sS --fail "$url/api/openapi.json" -o "$work/openapi.json"
"$tools/bin/openapi-spec-validator" "$work/openapi.json"

# A key that is no admin sees its own tasks only, and is refused more.
client=$(curl -sS --fail "$url/api/v1/keys" -H @- -H 'Content-Type: application/json' \
	-d '{"name":"contract","scopes":["video:create","task:read","task:cancel","task:retry","task:delete"]}' \
	<<<"Authorization: Bearer $ADMIN_TOKEN" | grep -o 'gw_[0-9a-f]\{32\}' | head -n 1)

# attack NAME KEY lets Schemathesis loose with a key.
attack() {
	say "── requests made up from the document, as $1"
	(
		cd "$work" && "$tools/bin/schemathesis" --config-file "$config" run "$url/api/openapi.json" \
			--header "Authorization: Bearer $2" --max-examples "${EXAMPLES:-30}" --seed "${SEED:-1}"
	)
}

status=0
attack 'a plain key' "$client" || status=1
attack 'an admin' "$ADMIN_TOKEN" || status=1
if grep -E '"level":"(error|panic|fatal)"' "$DEMO_DATA/gateway.log"; then
	status=1
	printf '%s\n' "${red}The log has errors.${plain}"
fi
kill -0 "$demo" 2>/dev/null || die 'The gateway did not survive.'
[ "$status" = 0 ] || die 'The gateway and its description differ.'
echo 'The gateway is what it says it is.'
