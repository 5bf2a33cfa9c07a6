#!/bin/sh
# Records the default interface into PostgreSQL until Ctrl-C: what `make run` does after building.
#
# With SNIFFER_DATABASE_URL set, that database is used. Otherwise a private PostgreSQL is kept under .local/, or
# the directory SNIFFER_LOCAL: on loopback and a unix socket only, started here and stopped at the end. Arguments go
# to `sniffer run`; SNIFFER_BINARY is another program than bin/sniffer.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
mkdir -p "${SNIFFER_LOCAL:=$here/.local}"
state=$(CDPATH='' cd -- "$SNIFFER_LOCAL" && pwd)
sniffer=${SNIFFER_BINARY:-$here/bin/sniffer}
first_port=54320
ports=20

say() { printf '%s\n' "$*" >&2; }

# quote writes a word so that a shell reads it as one.
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

# Debian keeps the server's programs out of PATH.
find_postgres() {
    pg_bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin -type d 2>/dev/null | sort -V | tail -n 1)
    [ -n "$pg_bin" ] && [ -x "$pg_bin/initdb" ]
}

install_postgres() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing Debian's postgresql ..."
    "$here/.ci/install.sh" postgresql
}

# PostgreSQL refuses to run as root. The user that it runs as may not be able to walk to this directory; one
# capability lets it, and lets it do nothing else. Where root itself lacks it, as in many containers, the user
# has to get there without.
as_postgres() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
        return
    fi
    if [ -z "${walk+known}" ]; then
        walk='--inh-caps=+dac_read_search --ambient-caps=+dac_read_search'
        # shellcheck disable=SC2086 # two words
        setpriv --reuid postgres --regid postgres --clear-groups $walk -- true 2>/dev/null || walk=
    fi
    # shellcheck disable=SC2086
    (cd / && setpriv --reuid postgres --regid postgres --clear-groups $walk -- "$@")
}

create_cluster() {
    say "making a private PostgreSQL in $state/ ..."
    rm -rf "$state/pg"
    mkdir -p "$state/pg" "$state/run"
    (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > "$state/password")
    cp "$state/password" "$state/run/password"
    if [ "$(id -u)" = 0 ]; then chown -R postgres: "$state/pg" "$state/run"; fi
    chmod 700 "$state/pg" "$state/run"
    as_postgres "$pg_bin/initdb" --pgdata="$state/pg" --username=sniffer --pwfile="$state/run/password" \
        --auth-local=scram-sha-256 --auth-host=scram-sha-256 --encoding=UTF8 --locale=C \
        > "$state/initdb.log" 2>&1 || { say "initdb failed:"; cat "$state/initdb.log" >&2; return 1; }
    rm -f "$state/run/password"
    : > "$state/complete"
}

# A unix socket's path has 107 bytes at most (unix(7)), and the setting is a list with quotes of its own: in a
# deep or oddly named directory there is only loopback.
socket_dir() {
    case $state in *[\'\",\\]*) return ;; esac
    if [ "$(printf %s "$state/run/.s.PGSQL.54320" | wc -c)" -le 107 ]; then printf %s "$state/run"; fi
}

# Two runs would stop each other's PostgreSQL. The recorder inherits the lock, PostgreSQL does not: what a killed
# run left behind is taken over. A recorder that was killed a moment ago holds it until the kernel has closed its
# sockets, which takes longer than for it to vanish from the list of processes.
lock() {
    exec 9> "$state/lock"
    if ! flock -w 3 9; then
        say "another run keeps its database in $state: end it first, or name another directory with SNIFFER_LOCAL"
        exit 1
    fi
}

is_running() { as_postgres "$pg_bin/pg_ctl" --pgdata="$state/pg" status > /dev/null 2>&1; }

# A port may be taken by somebody else: the first one that PostgreSQL gets is used. After a power cut the process in
# postmaster.pid may be anybody: only a server that answers is running.
start_cluster() {
    if is_running; then
        port=$(sed -n 4p "$state/pg/postmaster.pid")
        if "$pg_bin/pg_isready" -q -h 127.0.0.1 -p "$port"; then return 0; fi
    fi
    port=$first_port
    while [ -z "$ended" ] && [ "$port" -lt $((first_port + ports)) ]; do
        if as_postgres "$pg_bin/pg_ctl" --pgdata="$state/pg" --log="$state/pg/server.log" --silent --wait \
            --options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$(socket_dir)'" \
            start > "$state/start.log" 2>&1 9>&-; then
            return 0
        fi
        port=$((port + 1))
    done
    [ -z "$ended" ] || return 1
    say "the private PostgreSQL does not start; the end of $state/pg/server.log:"
    tail -n 5 "$state/pg/server.log" >&2 || true
    return 1
}

stop_cluster() {
    [ -n "${pg_started:-}" ] && is_running || return 0
    as_postgres "$pg_bin/pg_ctl" --pgdata="$state/pg" --silent --mode=fast --wait stop >&2 || true
}

start_database() {
    find_postgres || { install_postgres && find_postgres; } || return 1
    lock
    [ -e "$state/complete" ] || create_cluster || return 1
    pg_started=yes
    start_cluster || return 1
    (umask 077 && printf '127.0.0.1:%s:*:sniffer:%s\n' "$port" "$(cat "$state/password")" > "$state/pgpass")
    export PGPASSFILE="$state/pgpass"
    psql="$pg_bin/psql -X -w -h 127.0.0.1 -p $port -U sniffer"
    if [ -z "$($psql -d postgres -Atc "SELECT 1 FROM pg_database WHERE datname = 'demo'")" ]; then
        $psql -q -d postgres -c 'CREATE DATABASE demo' || return 1
    fi
    export SNIFFER_DATABASE_URL="postgres://sniffer@127.0.0.1:$port/demo"
}

# The recorder gets a session of its own, so that Ctrl-C reaches it once, from here.
ended=
end() {
    ended=yes
    [ -z "${recorder:-}" ] || kill -TERM "$recorder" 2>/dev/null || true
}
trap end INT TERM HUP

if [ ! -x "$sniffer" ]; then
    say "there is no program $sniffer: make build"
    exit 1
fi
: "${SNIFFER_SPOOL_DIR:=$state/spool}"
: "${SNIFFER_CONSOLE_LISTEN:=127.0.0.1:8000}"
export SNIFFER_SPOOL_DIR SNIFFER_CONSOLE_LISTEN

if [ -n "${SNIFFER_DATABASE_URL:-}" ]; then
    query="psql \"\$SNIFFER_DATABASE_URL\""
elif start_database; then
    query="PGPASSFILE=$(quote "$state/pgpass") psql -h 127.0.0.1 -p $port -U sniffer demo"
elif [ -z "$ended" ]; then
    stop_cluster
    query=
    say "PostgreSQL cannot be had here: rows stay in the spool, $SNIFFER_SPOOL_DIR."
    say "Run this again when Debian's postgresql is installed: they are uploaded then."
fi

if [ -n "$ended" ]; then
    stop_cluster
    exit 130
fi

if ! command -v telnet > /dev/null && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    "$here/.ci/install.sh" telnet > "$state/telnet.log" 2>&1 || say "telnet could not be installed; nc does as well"
fi

console=${SNIFFER_CONSOLE_LISTEN%:*}
case $console in '' | 127.0.0.1 | 0.0.0.0 | '[::]') console=localhost ;; esac
console=${console#'['}
say
say "  telnet ${console%']'} ${SNIFFER_CONSOLE_LISTEN##*:}"
if [ -n "$query" ]; then
    say "  $query -c 'SELECT ts, src_ip, src_port, dst_ip, dst_port, flags FROM sniffer.packets ORDER BY ts DESC LIMIT 10'"
fi
say
say "Ctrl-C ends it."

setsid "$sniffer" run "$@" &
recorder=$!
# A signal may have come before there was anybody to pass it to.
if [ -n "$ended" ]; then end; fi
# A signal ends wait early; what the recorder returns is what counts.
status=0
while :; do
    wait "$recorder" && status=0 || status=$?
    kill -0 "$recorder" 2>/dev/null || break
done
stop_cluster
exit "$status"
