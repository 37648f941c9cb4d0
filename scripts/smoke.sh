#!/usr/bin/env bash
# Runs the demo as a newcomer would: start, paste the printed curl line, wait for
# the video, download it, stop, and start again with the same data.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

work=$(mktemp -d /tmp/jimeng-smoke.XXXXXX)
PORT=$(free_port)
export PORT DEMO_DATA=$work/data SIMULATOR_DELAY=1s
demo=''
cleanup() {
	[ -z "$demo" ] || kill -TERM "$demo" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap cleanup EXIT

start() {
	./scripts/demo.sh >"$work/out" 2>&1 &
	demo=$!
	for _ in $(seq 600); do
		grep -q 'Ctrl-C stops' "$work/out" && return
		kill -0 "$demo" 2>/dev/null || break
		sleep 0.2
	done
	cat "$work/out"
	die 'The demo did not start.'
}

stop() {
	local status=0
	kill -TERM "$demo"
	wait "$demo" || status=$?
	demo=''
	[ "$status" = 0 ] || die "The demo ended with exit code $status: $(tail -n 20 "$DEMO_DATA/gateway.log")"
}

# printed N is the Nth curl line that the demo printed.
printed() { grep '^  curl ' "$work/out" | sed -n "$1p"; }

start
submitted=$(eval "$(printed 1)")
echo "submitted: $submitted"
case $submitted in *'"task_id"'*) ;; *) die 'The curl line did not make a task.' ;; esac

video=''
for _ in $(seq 150); do
	tasks=$(eval "$(printed 2)")
	case $tasks in
	*'"status":"succeeded"'*)
		video=$(printf '%s' "$tasks" | grep -o '"video_url":"[^"]*"' | head -n 1 | cut -d'"' -f4 | sed 's/\\u0026/\&/g')
		break
		;;
	*'"status":"failed"'*) die "The task failed: $tasks" ;;
	esac
	sleep 0.2
done
[ -n "$video" ] || die "No video came out: ${tasks:-}"
echo "video: ${video%%\?*}"
curl -sS --fail "$video" -o "$work/video.mp4"
[ "$(dd if="$work/video.mp4" bs=1 skip=4 count=4 2>/dev/null)" = ftyp ] || die 'The download is no MP4 file.'
[ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Range: bytes=0-99' "$video")" = 206 ] || die 'The link does not serve ranges.'

key=$(cat "$DEMO_DATA/admin.key")
stop
start
[ "$key" = "$(cat "$DEMO_DATA/admin.key")" ] || die 'The second start made another key.'
case $(eval "$(printed 2)") in *'"status":"succeeded"'*) ;; *) die 'The second start has lost the task.' ;; esac
if PORT=$PORT ./scripts/demo.sh >"$work/second" 2>&1; then die 'A second demo on the same port did not fail.'; fi
grep -q "Port $PORT is taken" "$work/second" || die "The message for a taken port is missing: $(cat "$work/second")"
stop
echo 'The demo works.'
