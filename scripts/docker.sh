# Sourced by scripts/test.sh: a Docker engine for one run, with data, containerd and
# socket of its own in a temporary folder, gone afterwards. It touches neither the
# network nor an engine that is there already.

docker_dir='' docker_pid=''

# docker_start starts the engine and exports TEST_DOCKER_HOST.
docker_start() {
	[ "$(uname)" = Linux ] && [ "$(id -u)" = 0 ] || {
		echo 'a Docker engine of its own needs Linux and root'
		return 1
	}
	command -v dockerd >/dev/null || {
		echo 'dockerd was not found and could not be installed'
		return 1
	}
	docker_dir=$(mktemp -d /tmp/jimeng-docker.XXXXXX)
	dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs \
		--data-root="$docker_dir/data" --exec-root="$docker_dir/exec" --pidfile="$docker_dir/pid" \
		-H "unix://$docker_dir/docker.sock" </dev/null >"$docker_dir/log" 2>&1 &
	docker_pid=$!
	for _ in $(seq 300); do
		if curl -s --max-time 2 --unix-socket "$docker_dir/docker.sock" http://docker/_ping 2>/dev/null | grep -q OK; then
			export TEST_DOCKER_HOST=unix://$docker_dir/docker.sock
			return
		fi
		kill -0 "$docker_pid" 2>/dev/null || break
		sleep 0.2
	done
	tail -n 5 "$docker_dir/log"
	docker_stop
	return 1
}

# docker_stop ends the engine, then what it may have left: containerd and the
# containers' shims, which are known by the folder in their arguments, and mounts.
docker_stop() {
	[ -n "$docker_dir" ] || return 0
	local file mount
	unset TEST_DOCKER_HOST
	if [ -n "$docker_pid" ]; then
		kill -TERM "$docker_pid" 2>/dev/null
		for _ in $(seq 100); do
			kill -0 "$docker_pid" 2>/dev/null || break
			sleep 0.2
		done
		kill -KILL "$docker_pid" 2>/dev/null
		wait "$docker_pid" 2>/dev/null
	fi
	for file in /proc/[0-9]*/cmdline; do
		if grep -qaF "$docker_dir/" "$file" 2>/dev/null; then
			file=${file%/cmdline}
			kill -KILL "${file#/proc/}" 2>/dev/null
		fi
	done
	while read -r _ mount _; do
		case $mount in "$docker_dir"/*) umount -l "$mount" 2>/dev/null ;; esac
	done </proc/mounts
	rm -rf "$docker_dir"
	docker_dir='' docker_pid=''
}
