#!/bin/sh
# Runs every fuzz target of the tree for the time given (30s).
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"
time=${1:-30s}
grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do
    package=$(dirname "$file")
    sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | while read -r target; do
        echo "== $package $target"
        go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" < /dev/null
    done
done
