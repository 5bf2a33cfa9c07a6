#!/bin/sh
# Formatting, vet, staticcheck and shellcheck.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"

unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
    echo "not formatted, run gofmt -w:" >&2
    echo "$unformatted" >&2
    exit 1
fi
go vet ./...
for module in decode/gopacketbench rawsock/capturebench uplink/uplinkbench; do # modules of their own
    (cd "$module" && go vet ./...)
done
# Pinned here and not in go.mod: a tool is no part of the product's module graph.
go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
if command -v shellcheck > /dev/null; then
    shellcheck .ci/run .ci/*.sh cmd/*.sh buildroot/*.sh decode/tsharktest/*.sh
else
    echo "shellcheck is not installed: the scripts were not checked" >&2
fi
