#!/bin/sh
# Builds the static router binaries: cross.sh TARGET..., into bin/sniffer-linux-TARGET. Without a target: all.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo unversioned)}

[ $# -gt 0 ] || set -- arm64 armv7 mipsle amd64
for target in "$@"; do
    unset GOARM GOMIPS || true
    case $target in
        arm64 | amd64) GOARCH=$target ;;
        armv7) GOARCH=arm GOARM=7 && export GOARM ;;
        mipsle) GOARCH=mipsle GOMIPS=softfloat && export GOMIPS ;;
        *)
            echo "cross.sh: $target is none of arm64, armv7, mipsle, amd64" >&2
            exit 2
            ;;
    esac
    export GOARCH
    GOOS=linux CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$version" \
        -o "bin/sniffer-linux-$target" ./cmd/sniffer
    printf 'bin/sniffer-linux-%s  %s bytes\n' "$target" "$(wc -c < "bin/sniffer-linux-$target")"
done
