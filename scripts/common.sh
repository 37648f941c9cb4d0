# Sourced by the other scripts. Needs bash; changes to the root of the repository.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
	bold='' red='' green='' plain=''
	export NO_COLOR=1 # for npm, vitest and the like
fi

sha256=(sha256sum)
command -v sha256sum >/dev/null || sha256=(shasum -a 256) # macOS

say() { printf '%s\n' "${bold}$*${plain}"; }
die() {
	printf '%s\n' "${red}$*${plain}" >&2
	exit 1
}

# at_least HAVE WANT compares versions such as 1.26.3 and 1.26.
at_least() {
	[ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

need_go() {
	command -v go >/dev/null || die 'Go is missing. Install Go 1.26 or newer: https://go.dev/doc/install'
	local have
	have=$(GOOS='' GOARCH='' go env GOVERSION) || exit 1
	at_least "${have#go}" 1.26 || die "Go 1.26 or newer is needed, this is $have: https://go.dev/doc/install"
}

need_node() {
	command -v node >/dev/null && command -v npm >/dev/null ||
		die 'Node.js with npm is missing. Install Node 22 (20.19 is the oldest that works): https://nodejs.org'
	local have
	have=$(node --version)
	at_least "${have#v}" 20.19 || die "Node 20.19 or newer is needed (22 is recommended), this is $have: https://nodejs.org"
}

# digest prints one hash over names and contents of all files below the paths
# given, without what builds leave there.
digest() {
	find "$@" \( -name node_modules -o -name dist -o -name schema.d.ts \) -prune -o -type f -print0 |
		LC_ALL=C sort -z | xargs -0 "${sha256[@]}" | "${sha256[@]}" | cut -d' ' -f1
}

# bounded MINUTES COMMAND… ends a command that takes too long, where the system
# has the means.
bounded() {
	local minutes=$1 how=(--kill-after=30)
	shift
	[ -t 1 ] && how+=(--foreground) # so that Ctrl-C reaches it
	if command -v timeout >/dev/null; then timeout "${how[@]}" "${minutes}m" "$@"; else "$@"; fi
}

# taken tells whether something listens on a local port.
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port prints a port that nothing listens on.
free_port() {
	local port
	for _ in $(seq 100); do
		port=$((20000 + RANDOM % 12000))
		taken "$port" || break
	done
	printf '%s\n' "$port"
}

# npm_install FOLDER WHAT brings the packages in line with the lock file, if they
# are not.
npm_install() {
	need_node
	local stamp=$1/node_modules/.installed lock
	lock=$("${sha256[@]}" "$1/package-lock.json")
	if [ "$(cat "$stamp" 2>/dev/null)" != "$lock" ]; then
		say "Installing the packages of $2 …"
		(cd "$1" && npm ci --no-audit --no-fund) || return 1
		printf '%s\n' "$lock" >"$stamp"
	fi
}

web_install() { npm_install web 'the dashboard'; }

# provider_install brings the OpenID provider that tests sign in at.
provider_install() { npm_install auth/testdata/provider "the tests' OpenID provider"; }

# web_build builds the dashboard into web/dist, if its sources have changed.
web_build() {
	local stamp=.build/web sources
	sources=$(digest web)
	if [ "$(cat "$stamp" 2>/dev/null)" = "$sources" ] && [ -f web/dist/index.html ]; then
		return
	fi
	web_install || return 1
	say 'Building the dashboard …'
	rm -f "$stamp"
	(cd web && npm run build) || return 1
	touch web/dist/.gitkeep
	mkdir -p .build
	printf '%s\n' "$sources" >"$stamp"
}
