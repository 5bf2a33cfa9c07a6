#!/bin/sh
# Makes the captures in testdata again: real programs that talk to each other, recorded by tcpdump.
#
#   capture.sh            all of them
#   capture.sh plain      those that this kernel can make, in network namespaces (capture-plain.sh)
#   capture.sh guest      those that need kernel modules, in a QEMU machine (capture-guest.sh)
#   capture.sh FILE ...   some of them, by the name of their file without .pcapng
#
# It must be root. Everything happens in namespaces of its own, of network, processes, mounts and host name, or in
# the QEMU machine, which has no network at all: no frame leaves, nothing stays behind. What testdata/README.md says of
# each file is what came out of Debian 12 with these packages:
#
#   apt-get install --no-install-recommends tshark tcpdump iproute2 ethtool nftables kmod wget python3 bind9-dnsutils dnsmasq \
#       radvd ndisc6 ppp pppoe curl openssl gnutls-bin nginx-light ngtcp2-client ngtcp2-server udhcpc isc-dhcp-client \
#       isc-dhcp-server isc-dhcp-relay lldpd chrony iputils-ping traceroute dbus avahi-daemon avahi-utils miniupnpc \
#       miniupnpd-nftables keepalived wireguard-tools xl2tpd pptp-linux pptpd miredo miredo-server busybox-static cpio \
#       qemu-system-x86
#
# and with the tree's Go for QUIC, which fetches modules. The kernel of the QEMU machine is only unpacked, never installed: KERNEL names
# the directory that `dpkg-deb -x linux-image-…-amd64_….deb DIRECTORY` made; without it, apt-get fetches the package.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
export LC_ALL=C TZ=UTC

# The captures, by where they are made; a name is a function in the script of that name.
plain='dns http tls tcp quic dhcp dhcpv6 router icmp ntp neighbours mdns groups vrrp overlay cooked tun'
guest='discovery vlan mpls pppoe ppp ipip gre geneve l2tpv3 xl2tp pptp wireguard ipsec gtp teredo extensions transports signed'

say() { printf '%s\n' "$*" >&2; }

# contains LIST WORD: whether the word is one of the list.
contains() {
    case " $1 " in
        *" $2 "*) return 0 ;;
    esac
    return 1
}

status=0
wanted_plain=
wanted_guest=
[ $# -gt 0 ] || set -- plain guest
for word in "$@"; do
    case $word in
        plain) wanted_plain=$plain ;;
        guest) wanted_guest=$guest ;;
        *)
            if contains "$plain" "$word"; then
                wanted_plain="$wanted_plain $word"
            elif contains "$guest" "$word"; then
                wanted_guest="$wanted_guest $word"
            else
                say "no capture has the name $word; there are: $plain $guest"
                exit 2
            fi
            ;;
    esac
done

[ "$(id -u)" = 0 ] || {
    say "only root can make namespaces and capture"
    exit 1
}

work=$(mktemp -d "${TMPDIR:-/tmp}/captures.XXXXXX")
mkdir "$work/raw" "$work/log"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
export WORK="$work"

# build NAME: a Go program for which the tree has no other use, in a module of its own.
build() {
    [ ! -e "$work/$1.bin" ] || return 0
    say "building testdata/programs/$1"
    mkdir "$work/$1"
    cp "$here/testdata/programs/$1/main.go" "$work/$1/"
    (
        cd "$work/$1"
        version=$(sed -n 's|^\tgolang.org/x/net ||p' "$here/../../go.mod")
        go mod init capture
        go mod edit -require "golang.org/x/net@$version" -require github.com/quic-go/quic-go@v0.65.0
        timeout 300 go mod tidy
        CGO_ENABLED=0 timeout 300 go build -o "../$1.bin" .
    ) > "$work/log/build-$1" 2>&1 || {
        cat "$work/log/build-$1" >&2
        exit 1
    }
}

# keep turns the captures made into small pcapng files, and says what is in them.
keep() {
    mkdir -p "$here/testdata"
    for raw in "$work"/raw/*.pcap; do
        [ -e "$raw" ] || continue
        kept=$here/testdata/$(basename "$raw" .pcap).pcapng
        case $raw in
            */ppp.pcap) editcap -F pcapng -T ppp -L -C -2 "$raw" "$kept" ;; # without the FCS, which pppd writes too
            *) editcap -F pcapng "$raw" "$kept" ;;
        esac
        size=$(wc -c < "$kept")
        say "$(basename "$kept"): $size bytes, $(tshark -r "$kept" 2> /dev/null | wc -l) packets"
        [ "$size" -le 60000 ] || say "  which is more than is to be kept in the tree"
    done
}

logs() {
    [ -z "${LOGS:-}" ] || {
        mkdir -p "$LOGS"
        cp -r "$work/log" "$work/raw" "$LOGS/"
    }
}

if [ -n "$wanted_plain" ]; then
    say "in namespaces:"
    if contains "$wanted_plain" tls || contains "$wanted_plain" quic; then
        build quic
    fi
    # shellcheck disable=SC2086 # a list of parts
    HERE=$here timeout -k 5 1200 unshare --mount --net --pid --uts --ipc --fork --kill-child --mount-proc \
        sh "$here/capture-plain.sh" $wanted_plain || status=1
fi
# kernel sets $kernel to the image and $modules to the directory of an unpacked Debian kernel.
kernel() {
    unpacked=${KERNEL:-$work/kernel}
    if [ -z "${KERNEL:-}" ]; then
        package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: //p' | head -n 1)
        say "fetching $package"
        mkdir "$work/package"
        (cd "$work/package" && timeout 300 apt-get -q download "$package") > "$work/log/kernel" 2>&1
        dpkg-deb -x "$work"/package/*.deb "$unpacked"
    fi
    kernel=$(find "$unpacked/boot" -name 'vmlinuz-*' | head -n 1)
    modules=$unpacked/lib/modules/${kernel##*/vmlinuz-}
    [ -e "$modules/modules.dep" ] || depmod -b "$unpacked" "${kernel##*/vmlinuz-}"
}

# initramfs packs what finds the root of the machine: busybox, the modules of 9P and overlayfs, and a script.
initramfs() {
    tree=$work/initramfs
    mkdir -p "$tree/bin" "$tree/root" "$tree/lower" "$tree/upper" "$tree/proc" "$tree/dev"
    cp "$(command -v busybox)" "$tree/bin/"
    list=
    for m in virtio_pci virtio_blk 9pnet_virtio 9p overlay; do
        for f in $(modprobe -d "$unpacked" -S "${kernel##*/vmlinuz-}" --show-depends $m | sed -n 's/^insmod //p'); do
            contains "$list" "${f##*/}" || {
                cp "$f" "$tree/"
                list="$list ${f##*/}"
            }
        done
    done
    # The script of the machine is found by a path of the host, as are the modules.
    cat > "$tree/init" << END
#!/bin/busybox sh
set -e
for m in $list; do
    /bin/busybox insmod /\$m
done
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro host /lower
/bin/busybox mount -t tmpfs tmpfs /upper
/bin/busybox mkdir /upper/changed /upper/work
/bin/busybox mount -t overlay -o lowerdir=/lower,upperdir=/upper/changed,workdir=/upper/work overlay /root
/bin/busybox mkdir -p /root/lib/modules
/bin/busybox ln -s '$modules' /root/lib/modules/
/bin/busybox umount /dev
export HERE='$here'
exec /bin/busybox switch_root /root /bin/sh '$here/capture-guest.sh' $wanted_guest
END
    chmod +x "$tree/init"
    (cd "$tree" && find . | cpio -o -H newc 2> /dev/null | gzip -1) > "$work/initramfs.gz"
}

if [ -n "$wanted_guest" ]; then
    kernel
    initramfs
    truncate -s 64M "$work/disk"
    say "in a QEMU machine, which is slow:"
    # The machine sees the root of this one, but cannot write there. What it says is the kernel's, and the parts' names.
    timeout -k 5 "${GUEST_SECONDS:-2400}" qemu-system-x86_64 -accel tcg -machine q35 -cpu max -m 1024 -smp 2 \
        -nodefaults -no-user-config -nographic \
        -no-reboot -serial "file:$work/log/console" -monitor none -nic none -kernel "$kernel" -initrd \
        "$work/initramfs.gz" \
        -append 'console=ttyS0 quiet panic=-1' -drive "file=$work/disk,if=virtio,format=raw" \
        -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap > "$work/log/qemu" 2>&1 &
    machine=$!
    trap 'kill $machine 2> /dev/null; rm -rf "$work"' EXIT
    tail -n +1 -f --pid=$machine "$work/log/console" --retry 2> /dev/null | grep --line-buffered '^  ' >&2 || true
    wait $machine || status=1
    trap 'rm -rf "$work"' EXIT
    grep -q '^status 0' "$work/log/console" || {
        tail -n 20 "$work/log/console" "$work/log/qemu" >&2
        status=1
    }
    mkdir "$work/guest"
    tar -C "$work/guest" -xf "$work/disk" && cp -r "$work/guest/raw" "$work/guest/log" "$work/" || status=1
fi
logs
keep
exit "$status"
