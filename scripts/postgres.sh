# Sourced by scripts/test.sh: a PostgreSQL server for one run, in a temporary
# folder and on a free port, gone afterwards.

postgres_dir='' postgres_run=() postgres_bin=''

# postgres_find sets postgres_bin to the folder of initdb and pg_ctl, which
# Debian keeps out of the PATH.
postgres_find() {
	local initdb
	initdb=$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)
	[ -n "$initdb" ] || initdb=$(command -v initdb) || return 1
	postgres_bin=$(dirname "$initdb")
}

# postgres_start starts the server and exports TEST_POSTGRES_URL. PostgreSQL
# refuses to run as root, so root lends it the user that the Debian package made.
postgres_start() {
	local port
	postgres_find || {
		echo 'PostgreSQL is not installed (initdb was not found)'
		return 1
	}
	postgres_dir=$(mktemp -d /tmp/jimeng-postgres.XXXXXX)
	if [ "$(id -u)" = 0 ]; then
		id postgres >/dev/null 2>&1 || useradd --system postgres || return 1
		chown postgres "$postgres_dir"
		postgres_run=(runuser -u postgres --)
	fi
	port=$(free_port)
	(
		cd "$postgres_dir" &&
			"${postgres_run[@]}" "$postgres_bin/initdb" -D "$postgres_dir/data" -U postgres -A trust -E UTF8 --no-sync &&
			"${postgres_run[@]}" "$postgres_bin/pg_ctl" -D "$postgres_dir/data" -w -t 60 -l "$postgres_dir/log" start \
				-o "-h 127.0.0.1 -p $port -k $postgres_dir -c fsync=off -c max_connections=300"
	) >"$postgres_dir.setup" 2>&1 || {
		tail -n 5 "$postgres_dir.setup"
		return 1
	}
	rm -f "$postgres_dir.setup"
	export TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
}

postgres_stop() {
	[ -n "$postgres_dir" ] || return 0
	(cd / && "${postgres_run[@]}" "$postgres_bin/pg_ctl" -D "$postgres_dir/data" -m immediate stop) >/dev/null 2>&1
	rm -rf "$postgres_dir" "$postgres_dir.setup"
	postgres_dir=''
}
