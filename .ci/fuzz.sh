#!/bin/sh
# Runs every fuzz target of the tree, or those of one package ($2, as in ./decode), for the time given (30s), and
# says how many executions that were.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"
time=${1:-30s}
within=${2:-.}
case $within in
    .* | /*) ;;
    *) within=./$within ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: > "$work/executions"
grep -rl --include='*_test.go' '^func Fuzz' "$within" | sort | while read -r file; do
    package=$(dirname "$file")
    sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | while read -r target; do
        echo "== $package $target"
        {
            go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" < /dev/null || : > "$work/failed"
        } 2>&1 | tee "$work/log"
        sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$work/log" | tail -n 1 >> "$work/executions"
        # When the time is over in the middle of something, go test calls that a failure, too.
        if [ -e "$work/failed" ] && grep -q 'context deadline exceeded' "$work/log" && ! grep -q 'Failing input' "$work/log"; then
            rm "$work/failed"
        fi
        [ ! -e "$work/failed" ] || exit 1
    done || exit 1
done
awk '{ n += $1 } END { printf "%d executions\n", n }' "$work/executions"
