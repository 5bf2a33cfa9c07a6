#!/bin/sh
# The captures that need modules of the kernel. capture.sh runs this in a QEMU machine, as its first program; the
# arguments are the parts to make. The machine has the root of the host, but writes to memory only, and to the disk
# /dev/vda, which in the end holds an archive of the captures.
#
#   near eth0 ---- eth0 far
#   192.0.2.1          .2
#   2001:db8::1       ::2
set -eu

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/work/raw /run/work/log
export WORK=/run/work PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
hostname host.example
rm -f /etc/resolv.conf
printf 'nameserver 192.0.2.2\n' > /etc/resolv.conf
printf '127.0.0.1 localhost\n127.0.0.1 host.example\n' > /etc/hosts

# shellcheck source-path=SCRIPTDIR source=capture-lib.sh
. "$HERE/capture-lib.sh"

# These are not loaded when something asks for them.
for module in mpls_router mpls_iptunnel ppp_generic ppp_async tun dccp_ipv4 dccp_ipv6; do
    modprobe $module
done
programs=$HERE/testdata/programs
near4=192.0.2.1 near6=2001:db8::1
far4=192.0.2.2 far6=2001:db8::2

mkdir -p "$state/www"
printf 'hello\n' > "$state/www/index.html"

# cable joins the two, with servers of DNS and HTTP behind every address of the far end.
cable() {
    namespaces near far
    pair near far
    address near eth0 02:00:00:00:00:01 $near4/24 $near6/64
    address far eth0 02:00:00:00:00:02 $far4/24 $far6/64
    serve far busybox httpd -f -p 80 -h "$state/www"
    serve far dnsmasq -k -u root --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
        --host-record=www.example,203.0.113.80
    ip netns exec near ping -q -c 1 -W 5 $far4 > /dev/null
    ip netns exec near ping -q -c 1 -W 5 $far6 > /dev/null
}

# talk ADDRESS ...: a little of each protocol, to each address of the far end.
talk() {
    for to in "$@"; do
        on near ping -c 1 -W 2 "$to"
        on near traceroute -n -q 1 -w 1 -m 1 -p 40000 "$to"
        case $to in
            *:*) on near curl -g -s -m 5 -o /dev/null "http://[$to]/" ;;
            *) on near curl -s -m 5 -o /dev/null "http://$to/" ;;
        esac
        on near dig +tries=1 +time=2 "@$to" www.example
    done
}

# both COMMAND ...: runs it for the two ends. In it HERE4 and HERE6 stand for the end's addresses, THERE4 and THERE6 for
# those of the other, and ONE and TWO for the last numbers of the two.
both() {
    for end in near far; do
        if [ $end = near ]; then
            words="s/THERE4/$far4/g; s/THERE6/$far6/g; s/HERE4/$near4/g; s/HERE6/$near6/g; s/ONE/1/g; s/TWO/2/g"
        else
            words="s/THERE4/$near4/g; s/THERE6/$near6/g; s/HERE4/$far4/g; s/HERE6/$far6/g; s/ONE/2/g; s/TWO/1/g"
        fi
        # shellcheck disable=SC2046 # a list of words
        ip netns exec $end $(printf '%s\n' "$*" | sed "$words")
    done
}

# up DEVICE NUMBER: gives addresses to both ends of a tunnel, and sets them up. The MAC addresses of those that have one
# do not matter.
up() {
    both ip addr add "10.0.$2.ONE/24" dev "$1"
    both ip addr add "2001:db8:$2::ONE/64" dev "$1" nodad
    both ip link set "$1" up
}

# hang_up NAMESPACE: asks pppd there to end the link.
hang_up() {
    for process in $(ip netns pids "$1"); do
        if grep -qx pppd "/proc/$process/comm" 2> /dev/null; then
            kill "$process" || true
        fi
    done
}

# discovery: the far end is a router that speaks UPnP, and both ask the near end's name by LLMNR.
discovery() {
    cable
    ip -n far link add wan0 type dummy
    address far wan0 '' 198.51.100.1/24
    cat > "$state/upnp.conf" << END
ext_ifname=wan0
listening_ip=eth0
http_port=5000
enable_upnp=yes
enable_natpmp=no
secure_mode=yes
notify_interval=900
ipv6_disable=yes
uuid=00000000-0000-4000-8000-000000000001
serial=1
model_number=1
END
    record discovery near eth0 'port 1900 or port 5355'
    serve far miniupnpd -d -f "$state/upnp.conf" -P "$state/upnp.pid"
    sleep 3
    on near upnpc -s
    on near upnpc -6 -m eth0 -s
    serve near python3 "$programs/discovery.py" serve $near4 $near6
    sleep 3
    on near python3 "$programs/discovery.py" ask $near4 eth0
    on far python3 "$programs/discovery.py" ask $far4 eth0
}

vlan() {
    cable
    both ip link add link eth0 name v10 type vlan id 10
    both ip link add link eth0 name v0 type vlan id 0 egress-qos-map 0:5
    both ip link add link eth0 name s100 type vlan proto 802.1ad id 100
    both ip link set s100 up
    both ip link add link s100 name c200 type vlan id 200
    both ip link add link v10 name q20 type vlan id 20
    record vlan near eth0 -s 160 'not ip6[40] == 143'
    number=1
    for v in v10 v0 c200 q20; do
        up $v $number
        talk 10.0.$number.2 2001:db8:$number::2
        number=$((number + 1))
    done
}

mpls() {
    cable
    both sysctl -q -w net.mpls.platform_labels=1000 net.mpls.conf.eth0.input=1 net.mpls.conf.lo.input=1
    both ip addr add 10.0.1.ONE/32 dev lo
    both ip addr add 10.0.2.ONE/32 dev lo
    both ip addr add 2001:db8:1::ONE/128 dev lo nodad
    both ip route add 10.0.1.TWO/32 encap mpls 100 via inet THERE4 dev eth0 src 10.0.1.ONE
    both ip route add 10.0.2.TWO/32 encap mpls 200/300/100 via inet THERE4 dev eth0 src 10.0.2.ONE
    both ip -6 route add 2001:db8:1::TWO/128 encap mpls 100 via inet6 THERE6 dev eth0 src 2001:db8:1::ONE
    for label in 100 200 300; do
        both ip -f mpls route add $label dev lo
    done
    record mpls near eth0 mpls
    talk 10.0.1.2 10.0.2.2 2001:db8:1::2
}

pppoe() {
    cable
    both ip link add link eth0 name v10 type vlan id 10
    both ip link set v10 up
    for link in eth0 v10; do
        printf 'noauth\nlcp-echo-interval 1\n+ipv6\nnoccp\nlogfile %s\n' "$WORK/log/pppd-far" > "$state/pppoe.options"
        serve far pppoe-server -F -I $link -L 10.0.1.2 -R 10.0.1.1 -N 1 -C concentrator.example -S service -O \
            "$state/pppoe.options"
        [ $link != eth0 ] || {
            record pppoe near eth0 -s 300 'ether proto 0x8863 or ether proto 0x8864 or ether proto 0x8100'
        }
        on near pppd plugin rp-pppoe.so rp_pppoe_service service nic-$link noauth +ipv6 ipv6 ::1,::2 noccp \
            lcp-echo-interval 1 \
            nodetach maxfail 1 lcp-max-configure 5 &
        client=$!
        until_true 20 ip netns exec near ip addr show ppp0 up
        until_true 10 ip netns exec near ping -c 1 -W 1 10.0.1.2
        if [ $link = eth0 ]; then
            record pppoe-inside near ppp0
        fi
        talk 10.0.1.2 fe80::2%ppp0
        ip netns exec near ping -c 1 -W 1 -s 1600 10.0.1.2 > /dev/null || true
        hang_up near
        wait $client || true
        sleep 1
    done
}

ppp() {
    namespaces near far
    # pppd writes down the bytes of its line itself.
    on near pppd nodetach noauth noccp local +ipv6 10.0.1.1:10.0.1.2 record "$WORK/raw/ppp.pcap" maxfail 1 \
        pty "ip netns exec far pppd nodetach notty noauth noccp local +ipv6 10.0.1.2:10.0.1.1" &
    client=$!
    until_true 20 ip netns exec far ip addr show ppp0 up
    until_true 10 ip netns exec near ping -c 1 -W 1 10.0.1.2
    serve far busybox httpd -f -p 80 -h "$state/www"
    on near curl -s -m 5 -o /dev/null http://10.0.1.2/
    on near dig +tries=1 +time=1 @10.0.1.2 www.example
    on near ping -c 1 -W 1 -s 1600 10.0.1.2
    hang_up near
    wait $client || true
}

ipip() {
    cable
    both ip link add t1 type ipip local HERE4 remote THERE4
    both ip link add t2 type sit local HERE4 remote THERE4 ttl 64
    both ip link add t3 type ip6tnl mode ipip6 local HERE6 remote THERE6 encaplimit none
    # Two tunnels may not have the same ends.
    both ip addr add 2001:db8::1ONE/64 dev eth0 nodad
    both ip link add t4 type ip6tnl mode ip6ip6 local 2001:db8::1ONE remote 2001:db8::1TWO
    both ip addr add 2001:db8:2::ONE/64 dev t2
    both ip addr add 2001:db8:4::ONE/64 dev t4
    both ip addr add 10.0.1.ONE/24 dev t1
    both ip addr add 10.0.3.ONE/24 dev t3
    for t in t1 t2 t3 t4; do
        both ip link set $t up
    done
    record ipip near eth0 -s 300 'ip proto 4 or ip proto 41 or ip6 proto 4 or ip6 proto 41 or ip6 proto 60'
    talk 10.0.1.2 2001:db8:2::2 10.0.3.2 2001:db8:4::2
    on near ping -c 1 -W 1 -s 2000 10.0.1.2
    on near ping -c 1 -W 1 -s 2000 2001:db8:2::2
    on near ping -c 1 -W 1 -s 2000 2001:db8:4::2
}

gre() {
    cable
    both ip link add t1 type gre local HERE4 remote THERE4
    both ip link add t2 type gre local HERE4 remote THERE4 key 4660 csum seq
    both ip link add t3 type ip6gre local HERE6 remote THERE6 key 1.2.3.4
    both ip link add t4 type gretap local HERE4 remote THERE4 key 7
    both ip link add t5 type ip6gretap local HERE6 remote THERE6 encaplimit none
    both ip link add link t4 name t6 type vlan id 66
    both ip link add t7 type erspan local HERE4 remote THERE4 seq key 8 erspan_ver 2 erspan_dir ingress erspan_hwid 3
    number=1
    record gre near eth0 -s 160 'ip proto 47 or ip6 proto 47 or ip6 proto 60'
    for t in t1 t2 t3 t4 t5 t6 t7; do
        up $t $number
        talk 10.0.$number.2 2001:db8:$number::2
        number=$((number + 1))
    done
    on near ping -c 1 -W 1 -s 2000 10.0.1.2
}

geneve() {
    cable
    both ip link add t1 type geneve id 10 remote THERE4
    both ip link add t2 type geneve id 16777215 remote THERE6
    both ip link add t3 type geneve id 12 remote THERE4 dstport 6081 innerprotoinherit || true
    both ip link add t4 type geneve external dstport 6082
    both ip link add link t1 name t5 type vlan id 55
    record geneve near eth0 'udp port 6081 or udp port 6082'
    number=1
    for t in t1 t2 t3 t4 t5; do
        up $t $number || true
        number=$((number + 1))
    done
    both ip route replace 10.0.4.0/24 encap ip id 30 dst THERE4 key geneve_opts \
        0102:80:00112233,0102:1:0011223344556677 dev t4 || true
    talk 10.0.1.2 2001:db8:1::2 10.0.2.2 2001:db8:2::2 10.0.3.2 2001:db8:3::2 10.0.5.2
    on near ping -c 2 -W 1 10.0.4.2
}

l2tpv3() {
    cable
    both ip l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp local HERE4 remote THERE4 udp_sport 1701 \
        udp_dport 1701
    both ip l2tp add session name t1 tunnel_id 1 session_id 4660 peer_session_id 4660
    both ip l2tp add tunnel tunnel_id 2 peer_tunnel_id 2 encap ip local HERE4 remote THERE4
    both ip l2tp add session name t2 tunnel_id 2 session_id 22136 peer_session_id 22136 cookie 0011223344556677 \
        peer_cookie 0011223344556677
    both ip l2tp add tunnel tunnel_id 3 peer_tunnel_id 3 encap ip local HERE6 remote THERE6
    both ip l2tp add session name t3 tunnel_id 3 session_id 39612 peer_session_id 39612 l2spec_type none
    record l2tpv3 near eth0 'udp port 1701 or ip proto 115 or ip6 proto 115'
    number=1
    for t in t1 t2 t3; do
        up $t $number
        number=$((number + 1))
    done
    talk 10.0.1.2 2001:db8:1::2 10.0.2.2 10.0.3.2
}

xl2tp() {
    cable
    printf 'noauth\nnoccp\n+ipv6\nlogfile %s\n' "$WORK/log/pppd-l2tp" > "$state/l2tp.options"
    cat > "$state/lns.conf" << END
[global]
port = 1701
[lns default]
ip range = 10.0.1.1-10.0.1.1
local ip = 10.0.1.2
require authentication = no
hostname = lns.example
pppoptfile = $state/l2tp.options
length bit = yes
END
    cat > "$state/lac.conf" << END
[global]
port = 1701
[lac example]
lns = $far4
require authentication = no
hostname = lac.example
pppoptfile = $state/l2tp.options
autodial = yes
END
    mkdir -p /run/xl2tpd /var/run/xl2tpd
    record xl2tp near eth0 'udp port 1701'
    serve far xl2tpd -D -c "$state/lns.conf" -C /run/xl2tpd/lns -p "$state/lns.pid"
    sleep 1
    serve near xl2tpd -D -c "$state/lac.conf" -C /run/xl2tpd/lac -p "$state/lac.pid"
    until_true 30 ip netns exec near ping -c 1 -W 1 10.0.1.2 || true
    talk 10.0.1.2
    on near sh -c 'echo "d example" > /run/xl2tpd/lac'
    sleep 2
}

pptp() {
    cable
    printf 'noauth\nnoccp\n+ipv6\nlogfile %s\n' "$WORK/log/pppd-pptp" > "$state/pptp.options"
    printf 'option %s\nlocalip 10.0.1.2\nremoteip 10.0.1.1\npidfile %s\n' "$state/pptp.options" "$state/pptpd.pid" > \
        "$state/pptpd.conf"
    record pptp near eth0 'ip proto 47 or tcp port 1723'
    serve far pptpd -f -c "$state/pptpd.conf"
    sleep 2
    on near pppd nodetach noauth noccp +ipv6 maxfail 1 lcp-max-configure 5 pty "pptp $far4 --nolaunchpppd" &
    client=$!
    until_true 30 ip netns exec near ping -c 1 -W 1 10.0.1.2 || true
    talk 10.0.1.2
    hang_up near
    wait $client || true
}

wireguard() {
    cable
    umask 077
    wg genkey > "$state/near.key"
    wg genkey > "$state/far.key"
    both ip link add wg0 type wireguard
    ip netns exec near wg set wg0 listen-port 51820 private-key "$state/near.key" peer \
        "$(wg pubkey < "$state/far.key")" \
        allowed-ips 0.0.0.0/0,::/0 endpoint $far4:51820 persistent-keepalive 2
    ip netns exec far wg set wg0 listen-port 51820 private-key "$state/far.key" peer \
        "$(wg pubkey < "$state/near.key")" allowed-ips 0.0.0.0/0,::/0
    record wireguard near eth0 'udp port 51820'
    up wg0 1
    record wireguard-inside near wg0
    talk 10.0.1.2 2001:db8:1::2
    ip netns exec near wg set wg0 peer "$(wg pubkey < "$state/far.key")" endpoint "[$far6]:51820"
    talk 10.0.1.2
    sleep 3
    # A handshake that nobody answers comes again.
    ip -n far link set wg0 down
    ip -n near link set wg0 down
    ip -n near link set wg0 up
    on near ping -c 1 -W 6 10.0.1.2
}

# secure PROTOCOL MODE SELECTOR ...: states and policies for both directions.
secure() {
    protocol=$1
    mode=$2
    key=0x000102030405060708090a0b0c0d0e0f
    for end in near far; do
        if [ $end = near ]; then
            way_out="src $3 dst $4" way_in="src $4 dst $3" spi_out=0x1001 spi_in=0x2002
        else
            way_out="src $4 dst $3" way_in="src $3 dst $4" spi_out=0x2002 spi_in=0x1001
        fi
        templates=
        for p in $(echo "$protocol" | tr + ' '); do
            case $p in
                esp) keys="enc cbc(aes) $key auth hmac(sha256) $key" ;;
                udp) keys="encap espinudp 4500 4500 0.0.0.0 enc cbc(aes) $key auth hmac(sha256) $key" ;;
                ah) keys="auth hmac(sha1) ${key}10111213" ;;
            esac
            [ "$p" = ah ] || p=esp
            # shellcheck disable=SC2086 # lists of words
            {
                ip -n $end xfrm state add $way_out proto $p spi $spi_out mode "$mode" $keys
                ip -n $end xfrm state add $way_in proto $p spi $spi_in mode "$mode" $keys
            }
            templates="tmpl WAY proto $p mode $mode $templates"
        done
        # shellcheck disable=SC2046,SC2086 # lists of words
        {
            ip -n $end xfrm policy add $way_out dir out \
                $(echo "$templates" | sed "s/WAY/$(echo "$way_out" | sed 's|/|\\/|g')/g")
            ip -n $end xfrm policy add $way_in dir in \
                $(echo "$templates" | sed "s/WAY/$(echo "$way_in" | sed 's|/|\\/|g')/g")
        }
    done
}

# insecure takes away what secure made.
insecure() {
    for end in near far; do
        ip -n $end xfrm policy flush
        ip -n $end xfrm state flush
    done
}

ipsec() {
    cable
    record ipsec near eth0 -s 160 \
        'ip proto 50 or ip proto 51 or ip6 proto 50 or ip6 proto 51 or udp port 4500 or (ip[6:2] & 0x1fff != 0)'
    for way in "esp transport" "esp tunnel" "ah transport" "ah tunnel" "ah+esp transport" "udp transport"; do
        for to in "$near4 $far4" "$near6 $far6"; do
            [ "$way" != "udp transport" ] || [ "$to" = "$near4 $far4" ] || continue
            # shellcheck disable=SC2086 # a list of words
            secure $way $to
            talk "${to#* }"
            insecure
        done
    done
    secure ah transport $near4 $far4
    on near ping -c 1 -W 1 -s 2000 $far4
    insecure
    secure ah transport $near6 $far6
    on near ping -c 1 -W 1 -s 2000 $far6
}

gtp() {
    cable
    serve near python3 "$programs/gtp.py" $near4 $far4 10.0.1.1 10.0.1.2 near
    serve far python3 "$programs/gtp.py" $far4 $near4 10.0.1.2 10.0.1.1 far
    record gtp near eth0 'udp port 2152 or udp port 3386'
    until_true 30 ip netns exec near ip link show gtp0
    until_true 30 ip netns exec far ip link show gtp0
    sleep 2
    both ip addr add 10.0.1.ONE/24 dev gtp0
    both ip link set gtp0 up
    talk 10.0.1.2
    sleep 1
}

teredo() {
    namespaces near middle far
    pair near middle eth0 near0
    pair far middle eth0 far0
    ip -n middle link add bridge0 type bridge
    ip -n middle link set near0 master bridge0 up
    ip -n middle link set far0 master bridge0 up
    address near eth0 02:00:00:00:00:01 $near4/24
    address far eth0 02:00:00:00:00:02 $far4/24
    address middle bridge0 02:00:00:00:00:03 192.0.2.100/24 192.0.2.101/24
    ip netns exec middle sysctl -q -w net.ipv6.conf.all.forwarding=1
    printf 'ServerBindAddress 192.0.2.100\nPrefix 2001:0000::\n' > "$state/server.conf"
    record teredo near eth0 'udp port 3544 or udp port 3545'
    serve middle miredo-server -f -c "$state/server.conf" -p "$state/server.pid"
    sleep 1
    for end in near far; do
        printf 'RelayType client\nServerAddress 192.0.2.100\nServerAddress2 192.0.2.101\nInterfaceName teredo\nBindPort %s\n' \
            "$([ $end = near ] && echo 3544 || echo 3545)" > "$state/$end.conf"
        serve $end miredo -f -c "$state/$end.conf" -p "$state/$end.pid"
    done
    mkdir -p /run/miredo
    until_true 30 sh -c 'ip -n near -6 addr show dev teredo scope global | grep -q inet6' || true
    until_true 30 sh -c 'ip -n far -6 addr show dev teredo scope global | grep -q inet6' || true
    there=$(ip -n far -6 addr show dev teredo scope global | sed -n 's/.*inet6 \([^/]*\).*/\1/p' | head -n 1)
    serve far busybox httpd -f -p 80 -h "$state/www"
    on near ping -c 4 -W 2 "$there"
    on near curl -g -s -m 8 -o /dev/null "http://[$there]/"
}

extensions() {
    cable
    record extensions near eth0 -s 300 'ip6 and not (ip6[40] >= 135 and ip6[40] <= 136)'
    on near python3 "$programs/extensions.py" $far6
    both ip addr add 2001:db8:1::ONE/128 dev lo nodad
    both ip addr add 2001:db8:2::ONE/128 dev lo nodad
    both sysctl -q -w net.ipv6.conf.all.seg6_enabled=1 net.ipv6.conf.eth0.seg6_enabled=1 \
        net.ipv6.conf.all.forwarding=1 \
        net.ipv6.ioam6_id=ONE net.ipv6.conf.eth0.ioam6_enabled=1 net.ipv6.conf.eth0.ioam6_id=ONE || true
    both ip -6 route add 2001:db8:1::TWO/128 encap seg6 mode inline segs THERE6 dev eth0
    on near ping -c 1 -W 1 -I 2001:db8:1::1 2001:db8:1::2
    both ip -6 route replace 2001:db8:1::TWO/128 encap seg6 mode encap segs THERE6 dev eth0
    on near ping -c 1 -W 1 -I 2001:db8:1::1 2001:db8:1::2
    both ip -6 route add 2001:db8:2::TWO/128 encap ioam6 trace prealloc type 0x800000 ns 0 size 12 via THERE6 dev \
        eth0 || true
    on near ping -c 1 -W 1 -I 2001:db8:2::1 2001:db8:2::2
    on near ping -c 1 -W 1 -s 2000 $far6
}

transports() {
    cable
    serve far python3 "$programs/transports.py" serve
    sleep 5
    record transports near eth0 -s 300 'not icmp6 and not arp'
    on near python3 "$programs/transports.py" $far4
    on near python3 "$programs/transports.py" $far6
}

# signed: TCP with RFC 2385's option, and segments that are lost or come in another order.
signed() {
    cable
    serve far python3 "$programs/signed.py" serve $near4
    sleep 5
    record signed near eth0 -s 200 'tcp port 179 or tcp port 7001'
    on near python3 "$programs/signed.py" $far4 key
    ip netns exec near tc qdisc add dev eth0 root netem delay 5ms reorder 30% 50% loss 5%
    ip netns exec far tc qdisc add dev eth0 root netem delay 5ms loss 10% duplicate 10%
    on near python3 "$programs/signed.py" $far4 loss
}

# The machine ends with its first program.
say ''
run_parts "$@"
tar -C "$WORK" -cf /dev/vda raw log
sync
say "status $failed"
poweroff -f 2> /dev/null || busybox poweroff -f
