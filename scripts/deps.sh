#!/usr/bin/env bash
# Sees to what building and checking weir needs beside Go. Installs missing
# Debian packages when it may (root, or sudo without a password), and otherwise
# says what to install. Says nothing when nothing is missing.
#
#   scripts/deps.sh        all that make check needs
#   scripts/deps.sh go     only looks at the Go toolchain
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PATH:/usr/local/go/bin

need_go() {
	local wanted have
	wanted=$(awk '$1 == "go" { print $2; exit }' go.mod)
	if ! command -v go >/dev/null; then
		echo "weir needs Go $wanted or newer, and no go command is on the PATH (/usr/local/go/bin was tried too)." >&2
		exit 1
	fi
	have=$(GOTOOLCHAIN=local go env GOVERSION)
	have=${have#go}
	have=${have%%[ -]*}
	if [ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -n 1)" != "$wanted" ]; then
		echo "weir needs Go $wanted or newer; $(command -v go) is Go $have. Install a newer Go and run this again." >&2
		exit 1
	fi
}

# Whether gcc can compile and link a C program: the race detector does both.
gcc_works() {
	local out
	command -v gcc >/dev/null || return 1
	out=$(mktemp)
	printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' |
		gcc -x c -o "$out" - 2>/dev/null && rm -f "$out" || { rm -f "$out"; return 1; }
}

have_postgres() {
	command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

missing_packages() {
	[ -s /etc/ssl/certs/ca-certificates.crt ] || [ ! -e /etc/debian_version ] || echo ca-certificates
	command -v git >/dev/null || echo git
	command -v make >/dev/null || echo make
	gcc_works || echo gcc libc6-dev
	have_postgres || echo postgresql
	command -v redis-server >/dev/null || echo redis-server
}

# Installs the packages named, without letting Debian create and start a
# PostgreSQL cluster or a Redis of its own: the tests bring up their own.
install_packages() {
	local as_root=$1 drop=/etc/postgresql-common/createcluster.d/weir-no-cluster.conf policy=/usr/sbin/policy-rc.d
	shift
	$as_root sh -c '
		set -e
		drop=$1; policy=$2; shift 2
		mkdir -p "$(dirname "$drop")"
		[ ! -e "$policy" ] || policy=
		trap "rm -f \"$drop\" $policy" EXIT
		echo "create_main_cluster = false" >"$drop"
		if [ -n "$policy" ]; then
			printf "#!/bin/sh\nexit 101\n" >"$policy"
			chmod 755 "$policy"
		fi
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq
		apt-get install -y -qq --no-install-recommends "$@"
	' sh "$drop" "$policy" "$@"
}

need_go
[ "${1:-all}" = all ] || exit 0

mapfile -t missing < <(missing_packages | tr ' ' '\n')
[ "${#missing[@]}" -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "Missing: ${missing[*]} (names of Debian's packages). Install what stands for them here, and run this again." >&2
	exit 1
fi
if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	as_root='sudo -n'
else
	echo "Missing packages. Install them, and run this again:" >&2
	echo "  apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "installing Debian packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! install_packages "$as_root" "${missing[@]}" >"$log" 2>&1; then
	cat "$log" >&2
	echo "Could not install: ${missing[*]}" >&2
	exit 1
fi
