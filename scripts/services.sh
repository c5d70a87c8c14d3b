#!/usr/bin/env bash
# The real services tests run against: a PostgreSQL server and a Redis server
# with throwaway data on free loopback ports, run by an unprivileged user whoever
# calls.
#
#   scripts/services.sh run [--] CMD…   start, run CMD with the variables set, always stop
#   scripts/services.sh up              start, and print the variables (a second up only prints them)
#   scripts/services.sh env             print the variables of what up started
#   scripts/services.sh down            stop what up started, and remove its data
#
# The variables are WEIR_TEST_POSTGRES_URL and WEIR_TEST_REDIS_URL. For one that
# is already set, run uses that server and starts none.
set -euo pipefail
cd "$(dirname "$0")/.."

state=.services/dir # names the folder of what up started
dir=                # folder of the servers in hand: data, socket, logs, ports

fail() {
	echo "services: $*" >&2
	exit 1
}

# Prints the folder with PostgreSQL's programs, the newest if there are more.
postgres_bin() {
	local found
	found=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1 || true)
	[ -n "$found" ] || found=$(command -v initdb || true)
	[ -n "$found" ] || return 1
	dirname "$found"
}

# Runs a command as somebody the servers agree to run as: PostgreSQL refuses root.
unprivileged() {
	if [ "$(id -u)" != 0 ]; then
		"$@"
	else
		setpriv --reuid="$server_user" --regid="$(id -g "$server_user")" --clear-groups -- "$@"
	fi
}

# Prints a loopback port nobody listens on, below the range the kernel hands
# out to outgoing connections.
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 10000))
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# Makes the folder of the servers, owned by who runs them.
make_dir() {
	server_user=$(id -un)
	if [ "$(id -u)" = 0 ]; then
		server_user=nobody
		! id postgres >/dev/null 2>&1 || server_user=postgres
	fi
	dir=$(mktemp -d /tmp/weir-services.XXXXXX)
	chown "$server_user" "$dir"
}

start_postgres() {
	local bin try
	bin=$(postgres_bin) || { scripts/deps.sh; bin=$(postgres_bin); } || fail "PostgreSQL is not installed"
	# From the server's own folder: it may not be allowed into the caller's.
	(cd "$dir" && unprivileged "$bin/initdb" -D "$dir/data" -U weir -A trust -E UTF8 --locale=C --no-sync) >"$dir/initdb.log" 2>&1 ||
		{ cat "$dir/initdb.log" >&2; fail "initdb failed"; }
	for try in 1 2 3 4 5; do
		free_port >"$dir/port"
		if serve_postgres "$bin"; then return; fi
	done
	cat "$dir/postgres.log" >&2
	fail "PostgreSQL did not start in $try tries"
}

# Starts PostgreSQL and waits up to 30 s until it answers; fails if it ends
# before, as it does when somebody took the port meanwhile.
serve_postgres() {
	local bin=$1 port pid
	port=$(<"$dir/port")
	: >"$dir/postgres.log"
	# setsid: Ctrl-C is for the tests; the server is stopped after them.
	(cd "$dir" && unprivileged setsid "$bin/postgres" -D "$dir/data" \
		-c listen_addresses=127.0.0.1 -c port="$port" -c unix_socket_directories="$dir" \
		-c fsync=off -c synchronous_commit=off -c full_page_writes=off \
		-c max_connections=300 -c shared_buffers=64MB -c autovacuum=off) \
		</dev/null >"$dir/postgres.log" 2>&1 &
	pid=$!
	for _ in $(seq 300); do
		! "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" -U weir -d postgres || [ ! -s "$dir/data/postmaster.pid" ] || return 0
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.1
	done
	stop_postgres
	return 1
}

start_redis() {
	local try
	command -v redis-server >/dev/null || scripts/deps.sh
	command -v redis-server >/dev/null || fail "Redis is not installed"
	for try in 1 2 3 4 5; do
		free_port >"$dir/redis.port"
		if serve_redis; then return; fi
	done
	cat "$dir/redis.log" >&2
	fail "Redis did not start in $try tries"
}

# The same for Redis, which keeps nothing.
serve_redis() {
	local port pid answer
	port=$(<"$dir/redis.port")
	: >"$dir/redis.log"
	(cd "$dir" && unprivileged setsid redis-server --bind 127.0.0.1 --port "$port" \
		--dir "$dir" --pidfile "$dir/redis.pid" --save '' --appendonly no --daemonize no) \
		</dev/null >"$dir/redis.log" 2>&1 &
	pid=$!
	for _ in $(seq 300); do
		answer=$({ exec 3<>"/dev/tcp/127.0.0.1/$port" && printf 'PING\r\n' >&3 && IFS= read -r -t 1 -n 5 line <&3 && echo "$line"; } 2>/dev/null) || answer=
		[ "$answer" != +PONG ] || [ ! -s "$dir/redis.pid" ] || return 0
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.1
	done
	stop_redis
	return 1
}

# Stops the Redis in $dir by the process id it wrote down.
stop_redis() {
	local pid
	pid=$(cat "$dir/redis.pid" 2>/dev/null) || return 0
	[ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$dir" ] || return 0
	kill -TERM "$pid" 2>/dev/null || return 0
	for _ in $(seq 100); do
		[ -e "/proc/$pid" ] || return 0
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null || true
}

# Stops the PostgreSQL in $dir by the process id it wrote down, and waits for its end.
stop_postgres() {
	local pid
	pid=$(head -n 1 "$dir/data/postmaster.pid" 2>/dev/null) || return 0
	[ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$dir/data" ] || return 0
	kill -INT "$pid" 2>/dev/null || return 0 # fast shutdown: connections are cut
	for _ in $(seq 100); do
		[ -e "/proc/$pid" ] || return 0
		sleep 0.1
	done
	kill -QUIT "$pid" 2>/dev/null || true
}

stop() {
	[ -n "$dir" ] || return 0
	stop_postgres
	stop_redis
	rm -rf "$dir"
	dir=
}

print_env() {
	[ ! -s "$dir/port" ] || echo "WEIR_TEST_POSTGRES_URL=postgres://weir@127.0.0.1:$(<"$dir/port")/postgres?sslmode=disable"
	[ ! -s "$dir/redis.port" ] || echo "WEIR_TEST_REDIS_URL=redis://127.0.0.1:$(<"$dir/redis.port")"
}

# Whether the servers that up started still run; sets dir.
is_up() {
	local pid
	[ -s "$state" ] || return 1
	dir=$(<"$state")
	for pid in "$dir/data/postmaster.pid" "$dir/redis.pid"; do
		[ -s "$pid" ] && [ -e "/proc/$(head -n 1 "$pid")" ] || { dir=; return 1; }
	done
}

up() {
	if ! is_up; then
		down
		trap stop EXIT
		trap 'exit 130' INT TERM
		make_dir
		start_postgres
		start_redis
		mkdir -p .services
		echo "$dir" >"$state"
		trap - EXIT
	fi
	print_env
}

down() {
	[ -s "$state" ] || return 0
	dir=$(<"$state")
	[ ! -d "$dir" ] || stop
	rm -rf .services
}

run() {
	[ "${1:-}" != -- ] || shift
	[ $# -gt 0 ] || fail "run: which command?"
	if [ -n "${WEIR_TEST_POSTGRES_URL:-}" ] && [ -n "${WEIR_TEST_REDIS_URL:-}" ]; then
		exec "$@"
	fi
	local child code
	trap stop EXIT
	trap 'exit 130' INT TERM
	make_dir
	[ -n "${WEIR_TEST_POSTGRES_URL:-}" ] || start_postgres
	[ -n "${WEIR_TEST_REDIS_URL:-}" ] || start_redis
	local setting
	while IFS= read -r setting; do
		export "${setting?}"
	done < <(print_env)
	# In the background, so that a signal sent to this script alone is seen at
	# once; INT restored, which bash has background commands ignore.
	(trap - INT QUIT && exec "$@") <&0 &
	child=$!
	trap : INT # Ctrl-C reaches the command by itself: wait for how it ends
	trap 'kill -TERM "$child" 2>/dev/null || true' TERM HUP
	while :; do
		code=0
		wait "$child" || code=$?
		kill -0 "$child" 2>/dev/null || break
	done
	exit "$code"
}

case "${1:-}" in
up | down) "$1" ;;
env) is_up || fail "nothing is up: scripts/services.sh up"; print_env ;;
run) shift; run "$@" ;;
*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
