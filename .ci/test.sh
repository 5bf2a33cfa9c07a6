#!/bin/sh
# All tests, with the race detector. As root nothing may be skipped: what a test needs and does not find is then
# a failure. The whole output is in .local/test.log.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"
mkdir -p .local
log=.local/test.log

if [ "$(id -u)" = 0 ]; then
    SNIFFER_TEST_REQUIRE=1
    export SNIFFER_TEST_REQUIRE
fi

# One package after the other, because several of them load the machine; never from the cache, which does not
# know of the scripts and programs that the tests run.
status=0
go test -race -v -count=1 -p 1 -timeout 20m ./... > "$log" 2>&1 || status=$?
# Modules of their own: what each benchmark compares finds, gets or stores the same.
for module in decode/gopacketbench rawsock/capturebench uplink/uplinkbench; do
    (cd "$module" && go test -race -v -count=1 -timeout 5m ./...) >> "$log" 2>&1 || status=$?
done
grep -E '^(ok|FAIL|---|panic|\?)|^ +--- (FAIL|SKIP)|no test files' "$log" | grep -v -E -e '^--- PASS' || true
if [ "$status" -ne 0 ]; then
    echo "--- the failures, each with what its test said; all of it is in $log" >&2
    awk -f .ci/failures.awk "$log" >&2
    exit "$status"
fi
passed=$(grep -c -E '^ *--- PASS' "$log" || true)
skipped=$(grep -c -E '^ *--- SKIP' "$log" || true)
echo "$passed tests passed, $skipped skipped"
if [ "$skipped" -gt 0 ]; then
    grep -A 2 -E '^ *--- SKIP' "$log"
    if [ "${SNIFFER_TEST_REQUIRE:-}" = 1 ]; then
        echo "as root no test may be skipped" >&2
        exit 1
    fi
fi
