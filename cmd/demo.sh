#!/bin/sh
# Records the default interface into PostgreSQL until Ctrl-C: what `make run` does after building.
#
# With SNIFFER_DATABASE_URL set, that database is used. Otherwise a private PostgreSQL is kept under .local/: on
# loopback and a unix socket only, started here and stopped at the end. Arguments go to `sniffer run`.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
state=$here/.local
sniffer=$here/bin/sniffer
first_port=54320
ports=20

say() { printf '%s\n' "$*" >&2; }

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
# capability lets it, and lets it do nothing else.
as_postgres() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
        return
    fi
    (cd / && setpriv --reuid postgres --regid postgres --clear-groups \
        --inh-caps=+dac_read_search --ambient-caps=+dac_read_search -- "$@")
}

create_cluster() {
    say "making a private PostgreSQL in .local/ ..."
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

# A unix socket's path has 107 bytes at most (unix(7)): in a deep directory there is only loopback.
socket_dir() {
    if [ "$(printf %s "$state/run/.s.PGSQL.54320" | wc -c)" -le 107 ]; then printf %s "$state/run"; fi
}

# A port may be taken by somebody else: the first one that PostgreSQL gets is used.
start_cluster() {
    if as_postgres "$pg_bin/pg_ctl" --pgdata="$state/pg" status > /dev/null 2>&1; then
        port=$(sed -n 4p "$state/pg/postmaster.pid")
        return 0
    fi
    port=$first_port
    while [ "$port" -lt $((first_port + ports)) ]; do
        if as_postgres "$pg_bin/pg_ctl" --pgdata="$state/pg" --log="$state/pg/server.log" --silent --wait \
            --options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$(socket_dir)'" \
            start > "$state/start.log" 2>&1; then
            return 0
        fi
        port=$((port + 1))
    done
    say "the private PostgreSQL does not start; the end of .local/pg/server.log:"
    tail -n 5 "$state/pg/server.log" >&2 || true
    return 1
}

stop_cluster() {
    [ -n "${pg_started:-}" ] || return 0
    as_postgres "$pg_bin/pg_ctl" --pgdata="$state/pg" --silent --mode=fast --wait stop >&2 || true
}

start_database() {
    find_postgres || { install_postgres && find_postgres; } || return 1
    mkdir -p "$state"
    [ -e "$state/complete" ] || create_cluster || return 1
    start_cluster || return 1
    pg_started=yes
    (umask 077 && printf '127.0.0.1:%s:*:sniffer:%s\n' "$port" "$(cat "$state/password")" > "$state/pgpass")
    export PGPASSFILE="$state/pgpass"
    psql="$pg_bin/psql -X -h 127.0.0.1 -p $port -U sniffer"
    if [ -z "$($psql -d postgres -Atc "SELECT 1 FROM pg_database WHERE datname = 'demo'")" ]; then
        $psql -q -d postgres -c 'CREATE DATABASE demo'
    fi
    export SNIFFER_DATABASE_URL="postgres://sniffer@127.0.0.1:$port/demo"
}

# The recorder gets a session of its own, so that Ctrl-C reaches it once, from here.
end() {
    [ -z "${recorder:-}" ] || kill -TERM "$recorder" 2>/dev/null || true
}
trap end INT TERM HUP

mkdir -p "$state"
: "${SNIFFER_SPOOL_DIR:=$state/spool}"
: "${SNIFFER_CONSOLE_LISTEN:=127.0.0.1:8000}"
export SNIFFER_SPOOL_DIR SNIFFER_CONSOLE_LISTEN

if [ -n "${SNIFFER_DATABASE_URL:-}" ]; then
    query="psql \"\$SNIFFER_DATABASE_URL\""
elif start_database; then
    query="PGPASSFILE='$state/pgpass' psql -h 127.0.0.1 -p $port -U sniffer demo"
else
    stop_cluster
    query=
    say "PostgreSQL cannot be had here: rows stay in the spool, $SNIFFER_SPOOL_DIR."
    say "Run this again when Debian's postgresql is installed: they are uploaded then."
fi

say
say "  telnet $(printf %s "$SNIFFER_CONSOLE_LISTEN" | sed 's/^127\.0\.0\.1:/localhost /; s/:\([0-9]*\)$/ \1/')"
if [ -n "$query" ]; then
    say "  $query -c 'SELECT ts, src_ip, src_port, dst_ip, dst_port, flags FROM sniffer.packets ORDER BY ts DESC LIMIT 10'"
fi
say
say "Ctrl-C ends it."

setsid "$sniffer" run "$@" &
recorder=$!
# A signal ends wait early; what the recorder returns is what counts.
status=0
while :; do
    wait "$recorder" && status=0 || status=$?
    kill -0 "$recorder" 2>/dev/null || break
done
stop_cluster
exit "$status"
