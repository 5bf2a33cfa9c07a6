# shellcheck shell=sh
# What capture-plain.sh and capture-guest.sh have in common. WORK is a directory that is thrown away: the captures go
# to WORK/raw, what programs say to WORK/log, their files to WORK/state.

state=$WORK/state
recorders=
servers=
mkdir -p "$state"

say() { printf '%s\n' "$*" >&2; }

# until_true SECONDS COMMAND ...: waits until the command succeeds.
until_true() {
    attempts=$(($1 * 10))
    shift
    while ! "$@" > /dev/null 2>&1; do
        attempts=$((attempts - 1))
        [ "$attempts" -gt 0 ] || {
            say "  gave up waiting for: $*"
            return 1
        }
        sleep 0.1
    done
}

# on NAMESPACE COMMAND ...: runs it there, for a minute at most. What it says is kept, and what becomes of it is not
# looked at: many of these programs fail on purpose.
on() {
    where=$1
    shift
    ip netns exec "$where" timeout 60 "$@" >> "$WORK/log/$part" 2>&1 < /dev/null || true
}

# serve NAMESPACE COMMAND ...: runs it there in the background, until the end of the part.
serve() {
    where=$1
    shift
    ip netns exec "$where" timeout -k 2 "${longest:-120}" "$@" >> "$WORK/log/$part" 2>&1 < /dev/null &
    servers="$servers $!"
}

# record FILE NAMESPACE INTERFACE [TCPDUMP'S ARGUMENTS]: captures there, until the end of the part.
record() {
    raw=$WORK/raw/$1.pcap
    where=$2
    interface=$3
    shift 3
    listening=$WORK/log/tcpdump-${raw##*/}
    ip netns exec "$where" tcpdump -Z root -i "$interface" -n -U --immediate-mode -w "$raw" "$@" 2> "$listening" &
    recorders="$recorders $!"
    until_true 20 grep -q 'listening on' "$listening"
}

# finish ends the programs and the captures of the part.
finish() {
    sleep 0.5
    # shellcheck disable=SC2086 # lists of process numbers
    {
        [ -z "$recorders" ] || kill -INT $recorders 2> /dev/null || true
        [ -z "$servers" ] || kill $servers 2> /dev/null || true
        wait
    }
    recorders=
    servers=
}

# pair NAMESPACE NAMESPACE [INTERFACE INTERFACE]: joins two namespaces by a cable. Frames are seen as they would be on a
# real one: with their checksums, and not merged.
pair() {
    ip link add "${3:-eth0}" netns "$1" type veth peer name "${4:-eth0}" netns "$2"
    ip netns exec "$1" ethtool -K "${3:-eth0}" tx off rx off tso off gso off gro off > /dev/null 2>&1 || true
    ip netns exec "$2" ethtool -K "${4:-eth0}" tx off rx off tso off gso off gro off > /dev/null 2>&1 || true
}

# address NAMESPACE INTERFACE MAC ADDRESS ...: sets the interface up, with that MAC unless it is '', and addresses
address() {
    where=$1
    interface=$2
    [ -z "$3" ] || ip -n "$where" link set "$interface" address "$3"
    shift 3
    for a in "$@"; do
        case $a in
            *:*) ip -n "$where" addr add "$a" dev "$interface" nodad ;;
            *) ip -n "$where" addr add "$a" dev "$interface" ;;
        esac
    done
    ip -n "$where" link set "$interface" up
}

# namespaces NAME ...: new ones, without those of the part before. They begin with no chatter of IPv6 of their own.
namespaces() {
    ip -all netns delete
    for n in "$@"; do
        ip netns add "$n"
        ip netns exec "$n" sysctl -q -w net.ipv6.conf.default.accept_dad=0 \
            net.ipv6.conf.default.router_solicitations=0 \
            net.ipv6.conf.default.addr_gen_mode=0 net.ipv4.ping_group_range='0 2147483647'
        ip -n "$n" link set lo up
    done
}

# run_parts PART ...: each is a function, and one that fails does not keep the others from being made. It sets failed.
run_parts() {
    failed=0
    export failed
    for part in "$@"; do
        say "  $part"
        set +e
        (
            set -e
            trap finish EXIT
            "$part"
        )
        result=$?
        set -e
        if [ $result -ne 0 ]; then
            say "  $part failed"
            failed=1
        fi
    done
}
