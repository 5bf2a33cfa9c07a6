#!/bin/sh
# Installs Debian packages that are missing. With no argument: everything that the tests need.
set -eu

if [ $# -eq 0 ]; then
    set -- postgresql pgbouncer tshark tcpdump telnet expect netcat-openbsd jq chromium iproute2 shellcheck gcc libc6-dev procps
fi

missing=
for p in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true) in
        *' installed') ;;
        *) missing="$missing $p" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed, and only root can on Debian:$missing" >&2
    echo "tests that need them will say that they were skipped" >&2
    exit 0
fi

# Debian's packages would make and start servers of their own; nothing here uses them.
case "$missing" in
    *postgresql*)
        if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
            mkdir -p /etc/postgresql-common
            echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
        fi
        ;;
esac
case "$missing" in
    *pgbouncer*)
        if [ ! -e /etc/systemd/system/pgbouncer.service ]; then
            mkdir -p /etc/systemd/system
            ln -s /dev/null /etc/systemd/system/pgbouncer.service
        fi
        ;;
esac

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of words
apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-confold $missing
