#!/usr/bin/env bash
# Starts the gateway with a simulated upstream on http://localhost:5100 (PORT
# changes it), for trying it out. Builds it first if needed. Ctrl-C stops it; the
# next start goes on with the data in data/demo (DEMO_DATA changes it). It
# listens on 127.0.0.1 unless BIND says otherwise.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

export PORT=${PORT:-5100} DEMO_DATA=${DEMO_DATA:-data/demo}
url=http://localhost:$PORT
log=$DEMO_DATA/gateway.log
key_file=$DEMO_DATA/admin.key

command -v curl >/dev/null || die 'curl is missing.'
if taken "$PORT"; then
	die "Port $PORT is taken by another program. Stop that, or choose another port: PORT=5200 $0"
fi
./xcaddy.sh

umask 077
mkdir -p "$DEMO_DATA"
ADMIN_TOKEN=${ADMIN_TOKEN:-$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')}
export ADMIN_TOKEN

gateway=''
stop() {
	trap '' INT TERM HUP
	[ -z "$gateway" ] && exit 0
	printf '\nStopping …\n'
	kill -TERM "$gateway" 2>/dev/null || true
	status=0
	wait "$gateway" || status=$?
	exit "$status"
}
trap stop INT TERM HUP

bin/jimeng-gateway run --config scripts/demo.Caddyfile --adapter caddyfile </dev/null >>"$log" 2>&1 &
gateway=$!

fail() {
	kill -TERM "$gateway" 2>/dev/null || true
	wait "$gateway" 2>/dev/null || true
	{ grep '"level":"error"' "$log" || cat "$log"; } | tail -n 1 >&2
	die "$1 The whole log is in $log."
}

answers=''
for _ in $(seq 150); do
	if [ "$(curl -s --max-time 5 "$url/ping")" = pong ]; then
		answers=yes
		break
	fi
	kill -0 "$gateway" 2>/dev/null || fail 'The gateway did not start.'
	sleep 0.2
done
[ -n "$answers" ] || fail 'The gateway does not answer.'

# call METHOD PATH TOKEN [JSON] prints the answer; the token is not visible to
# other users in the list of processes.
call() {
	curl -sS --fail-with-body --max-time 15 -X "$1" "$url$2" -H @- ${4:+-H 'Content-Type: application/json' -d "$4"} \
		<<<"Authorization: Bearer $3"
}

sessions=$(call GET /api/v1/sessions "$ADMIN_TOKEN") || fail "The sessions could not be read: $sessions"
case $sessions in
*'"id"'*) ;;
*)
	for i in 1 2; do
		answer=$(call POST /api/v1/sessions "$ADMIN_TOKEN" "{\"session_id\":\"demo-session-$i\",\"label\":\"simulated $i\"}") ||
			fail "A session could not be added: $answer"
	done
	;;
esac

key=$(cat "$key_file" 2>/dev/null || true)
if [ -z "$key" ] || ! call GET /api/v1/tasks?limit=1 "$key" >/dev/null 2>&1; then
	answer=$(call POST /api/v1/keys "$ADMIN_TOKEN" \
		'{"name":"demo","scopes":["admin","video:create","task:read","task:cancel","task:retry"]}') ||
		fail "A key could not be made: $answer"
	key=$(printf '%s' "$answer" | grep -o 'gw_[0-9a-f]\{32\}' | head -n 1)
	[ -n "$key" ] || fail 'The new key could not be read.'
	printf '%s\n' "$key" >"$key_file"
fi

cat <<END

${green}The gateway runs, with a simulated upstream.${plain}

  Dashboard   $url/
  Admin key   ${bold}$key${plain}
  Log         $log

Send a prompt:

  curl -sS $url/v1/videos/generations -H 'Authorization: Bearer $key' -H 'Content-Type: application/json' -d '{"model":"jimeng-video-seedance-2.0","prompt":"a paper boat on a pond","duration":5}'

See what became of it; video_url is the link to the video:

  curl -sS '$url/api/v1/tasks?limit=1' -H 'Authorization: Bearer $key'

Ctrl-C stops the gateway. The next start goes on with the same data.
END

status=0
wait "$gateway" || status=$?
[ "$status" = 0 ] && exit # somebody stopped it as it wants to be stopped
tail -n 5 "$log" >&2
die "The gateway ended by itself with exit code $status."
