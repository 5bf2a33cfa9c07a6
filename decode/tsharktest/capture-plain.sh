#!/bin/sh
# The captures that every Linux kernel with veth can make. capture.sh runs this in namespaces of its own; the arguments
# are the parts to make.
#
#   client eth0 ---- eth0 router eth1 ---- eth0 server
#   192.0.2.10            .1          198.51.100.1      .20
#   2001:db8:1::10        ::1         2001:db8:2::1     ::20
set -eu

# shellcheck source-path=SCRIPTDIR source=capture-lib.sh
. "$HERE/capture-lib.sh"
programs=$HERE/testdata/programs

# The programs find their state here, and not that of the machine.
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib/dhcp
mkdir -p /run/dbus /run/netns
hostname host.example
printf 'nameserver 198.51.100.20\n' > /run/resolv.conf
printf '127.0.0.1 localhost\n127.0.0.1 host.example\n' > /run/hosts
mount --bind /run/resolv.conf /etc/resolv.conf
mount --bind /run/hosts /etc/hosts

client4=192.0.2.10
client6=2001:db8:1::10
server4=198.51.100.20
server6=2001:db8:2::20

# network makes the three hosts above.
network() {
    namespaces client router server
    pair client router
    pair router server eth1 eth0
    address client eth0 02:00:00:00:00:0a $client4/24 $client6/64
    address router eth0 02:00:00:00:00:01 192.0.2.1/24 2001:db8:1::1/64
    address router eth1 02:00:00:00:00:02 198.51.100.1/24 2001:db8:2::1/64
    address server eth0 02:00:00:00:00:14 $server4/24 $server6/64
    ip netns exec router sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    ip -n client route add default via 192.0.2.1
    ip -n client route add default via 2001:db8:1::1
    ip -n server route add default via 198.51.100.1
    ip -n server route add default via 2001:db8:2::1
    ip netns exec client ping -q -c 1 -W 5 $server4 > /dev/null
    ip netns exec client ping -q -c 1 -W 5 $server6 > /dev/null
}

# cable makes the client and the router only, without addresses.
cable() {
    namespaces client router
    pair client router
    address client eth0 02:00:00:00:00:0a
    address router eth0 02:00:00:00:00:01
}

listens() { ip netns exec "$1" ss -Hltn "sport = :$2" | grep -q .; }
listens_udp() { ip netns exec "$1" ss -Hlun "sport = :$2" | grep -q .; }

dns() {
    network
    addresses=
    for i in 1 2 3 4 5 6 7 8 9 10; do
        addresses="$addresses --host-record=many.example,203.0.113.$i,2001:db8:3::$i"
    done
    long=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    text=$(printf '%0250d' 0)
    # shellcheck disable=SC2086 # a list of options
    serve server dnsmasq -k -u root --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --local=/example/ \
        --local=/arpa/ \
        --host-record=www.example,203.0.113.80,2001:db8:3::80 --cname=alias.example,www.example \
        --cname=far.example,alias.example \
        $addresses --mx-host=example,mail.example,10 --host-record=mail.example,203.0.113.25 \
        --txt-record=example,"v=spf1 -all" --txt-record=big.example,$text,$text,$text,$text,$text,$text \
        --srv-host=_sip._udp.example,www.example,5060,1 \
        --ptr-record=_http._tcp.example,"a shop.example" --host-record=$long.$long.$long.example,203.0.113.63 \
        --caa-record=example,0,issue,ca.example
    until_true 10 listens server 53
    record dns client eth0 'port 53 or (ip[6:2] & 0x1fff != 0)'
    for q in 'www.example A' 'www.example AAAA' 'far.example A' 'far.example AAAA' 'many.example A' \
        'many.example AAAA' \
        'example MX' 'example TXT' 'example SOA' 'example NS' 'example CAA' '_sip._udp.example SRV' \
        '_http._tcp.example PTR' 'none.example A' \
        'www.example HTTPS' 'WwW.ExAmPlE A' 'a\.b.example A' 'b\195\188cher.example A' 'xn--bcher-kva.example A' \
        "$long.$long.$long.example A" '. NS' 'www.example ANY' 'elsewhere.invalid A'; do
        # shellcheck disable=SC2086 # a name and a type
        on client dig +tries=1 +time=2 @$server4 $q
    done
    on client dig +tries=1 +time=2 @$server6 www.example AAAA
    on client dig +tries=1 +time=2 +noedns +norecurse @$server6 www.example A
    on client dig +tries=1 +time=2 +dnssec +subnet=192.0.2.0/24 +nsid @$server4 www.example A
    on client dig +tries=1 +time=2 +ignore +noedns @$server4 big.example TXT
    on client dig +tries=1 +time=2 +bufsize=4096 @$server4 big.example TXT
    on client dig +tries=1 +time=2 +noedns @$server4 big.example TXT
    on client dig +tries=1 +time=2 +tcp @$server4 www.example A
    on client dig +tries=1 +time=2 +tcp +keepopen @$server6 many.example A many.example AAAA
    on client dig +tries=1 +time=2 -x 203.0.113.80 @$server4
    on client dig +tries=1 +time=2 -x 2001:db8:3::80 @$server4
    on client dig +tries=1 +time=2 +opcode=NOTIFY @$server4 example SOA
    on client dig +tries=1 +time=2 -c CH @$server4 version.bind TXT
    on client dig +tries=1 +time=2 +header-only @$server4
    on client nslookup -timeout=1 -retry=0 www.example $server4
    printf 'server %s\nzone example\nupdate add new.example 60 A 203.0.113.9\nsend\n' $server4 > "$state/update"
    on client nsupdate -t 2 -u 2 -r 0 "$state/update"
}

http() {
    network
    mkdir -p "$state/www"
    printf 'hello\n' > "$state/www/index.html"
    cat > "$state/nginx.conf" << END
daemon off;
pid $state/nginx.pid;
error_log $state/nginx.log;
worker_processes 1;
events {}
http {
    access_log off;
    client_body_temp_path $state/b;
    proxy_temp_path $state/p;
    fastcgi_temp_path $state/f;
    uwsgi_temp_path $state/u;
    scgi_temp_path $state/s;
    server {
        listen 80; listen [::]:80; listen 8080; listen 3128; listen 8000;
        root $state/www;
    }
}
END
    serve server nginx -c "$state/nginx.conf"
    until_true 10 listens server 80
    record http client eth0 'ip6 or ip[2:2] - (ip[0] & 0xf) * 4 - (tcp[12] >> 4) * 4 != 0'
    r="--resolve www.example:80:$server4 --resolve www.example:8080:$server4 --resolve www.example:8000:$server4 -s -o /dev/null -m 5"
    # shellcheck disable=SC2086 # lists of options
    {
        on client curl $r http://www.example/
        on client curl $r http://www.example:8080/path?query=1
        on client curl $r -I http://www.example/
        on client curl $r -0 http://www.example/
        on client curl $r -0 -H Host: http://www.example/
        on client curl $r -H Host: http://www.example/
        on client curl $r -H 'Host: upper.EXAMPLE' http://www.example/
        on client curl $r -d a=b http://www.example/form
        on client curl $r -T "$state/nginx.conf" http://www.example/put
        on client curl $r -X DELETE http://www.example/gone
        on client curl $r -X OPTIONS --request-target '*' http://www.example/
        on client curl $r -X PATCH -d x http://www.example/patch
        on client curl $r -X TRACE http://www.example/
        on client curl $r -X PROPFIND http://www.example/dav
        on client curl $r -X BREW http://www.example/pot
        on client curl $r "http://[$server6]/"
        on client curl $r "http://$server4:8000/"
        on client curl $r http://www.example/ http://www.example/second
        on client curl $r -x http://$server4:3128 http://far.example/
        on client curl $r -p -x http://$server4:3128 http://far.example/
        on client curl $r -H "Cookie: $(printf '%02000d' 0)" http://www.example/cookie
        on client curl $r "http://www.example/$(printf '%02000d' 0)"
        on client curl $r --http2 http://www.example/upgrade
        on client curl $r --http2-prior-knowledge http://www.example/h2
        on client wget -q -t 1 -T 5 -O /dev/null --header='Host: wget.example' "http://$server4/"
        on client python3 -c "
import http.client
c = http.client.HTTPConnection('$server4', 80)
c.request('GET', '/python', headers={'Host': 'python.example'})
c.getresponse().read()
c.request('HEAD', '/again', headers={'Host': 'python.example:80'})
c.getresponse().read()"
    }
}

# certificate makes one for the names under example.
certificate() {
    [ -e "$state/key.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj \
        /CN=www.example \
        -addext subjectAltName=DNS:www.example,DNS:*.www.example,DNS:localhost -keyout "$state/key.pem" -out \
        "$state/cert.pem" 2> /dev/null
}

tls() {
    network
    certificate
    port=443
    for port in 443 8443 993; do
        serve server openssl s_server -quiet -rev -port $port -cert "$state/cert.pem" -key "$state/key.pem" -alpn \
            h2,http/1.1,imap \
            -cipher ALL:@SECLEVEL=0 -min_protocol TLSv1
        until_true 10 listens server $port
    done
    # Acknowledgements and the server's side would be most of it.
    record tls client eth0 \
        '(ip6 and tcp) or tcp[tcpflags] & tcp-syn != 0 or
        (ip[2:2] - (ip[0] & 0xf) * 4 - (tcp[12] >> 4) * 4 != 0 and not src port 443)'
    r="--resolve www.example:443:$server4 --resolve www.example:8443:$server4 -k -s -o /dev/null -m 5"
    s="timeout 2 openssl s_client -connect $server4:443"
    # shellcheck disable=SC2086 # lists of options
    {
        on client curl $r https://www.example/
        on client curl $r --http1.1 https://www.example:8443/
        on client curl $r --no-alpn https://www.example/
        on client curl $r --tls-max 1.2 https://www.example/
        on client curl $r --tlsv1.0 --tls-max 1.1 --ciphers ALL:@SECLEVEL=0 https://www.example/
        on client curl $r "https://[$server6]/"
        on client $s -servername other.example -alpn imap,a,b
        on client $s -noservername
        on client $s -noservername -tls1 -cipher ALL:@SECLEVEL=0
        on client $s -servername www.example -alpn "$(printf '%040d' 0),$(printf '%030d' 0),h2"
        on client $s -servername www.example -alpn 'h2,with\,comma'
        on client $s -servername www.example -no_tls1_3 -no_ticket -sess_out "$state/session"
        on client $s -servername www.example -groups P-521:X25519 -no_ticket
        on client $s -servername www.example -tls1_2 -sess_in "$state/session"
        on client $s -servername "$(printf '%060d.%060d.%060d' 0 0 0).example"
        on client timeout 2 openssl s_client -connect $server4:993 -servername imap.example
        on client timeout 2 gnutls-cli --insecure --sni-hostname=gnutls.example --alpn=h2 --alpn=http/1.1 -p 443 \
            $server4
        on client timeout 2 gnutls-cli --insecure --sni-hostname=gnutls.example \
            --priority=NORMAL:-VERS-ALL:+VERS-TLS1.2 -p 443 $server4
        on client wget -q -t 1 -T 5 -O /dev/null --no-check-certificate "https://$server4/"
        on client python3 -c "
import socket, ssl
c = ssl.create_default_context()
c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
c.set_alpn_protocols(['h2', 'http/1.1'])
c.wrap_socket(socket.create_connection(('$server4', 443)), server_hostname='python.example').close()"
        on client "$WORK/quic.bin" tls $server4:443 go.example
    }
}

# parameters sets kernel parameters in a namespace: NAMESPACE NAME=VALUE ...
parameters() {
    where=$1
    shift
    ip netns exec "$where" sysctl -q -w "$@"
}

tcp() {
    network
    parameters server net.ipv4.tcp_fastopen=3 net.mptcp.enabled=1
    parameters client net.ipv4.tcp_fastopen=1 net.mptcp.enabled=1
    serve server python3 "$programs/tcp.py" serve
    until_true 10 listens server 7009
    record tcp client eth0 -s 128 'tcp'
    on client python3 "$programs/tcp.py" $server4 echo
    on client python3 "$programs/tcp.py" $server6 echo
    on client python3 "$programs/tcp.py" $server4 reset
    on client python3 "$programs/tcp.py" $server4 refused
    on client python3 "$programs/tcp.py" $server4 urgent
    on client python3 "$programs/tcp.py" $server4 keepalive
    on client python3 "$programs/tcp.py" $server4 window
    on client python3 "$programs/tcp.py" $server4 fastopen
    on client python3 "$programs/tcp.py" $server6 fastopen
    on client python3 "$programs/tcp.py" $server4 multipath
    on client python3 "$programs/tcp.py" $server6 multipath
    on client python3 "$programs/tcp.py" $server4 small
    # Every third segment of data is lost, and then every third acknowledgement, so that segments come twice.
    ip netns exec router nft -f - << END
table ip loss {
    chain lossy {
        type filter hook forward priority 0;
        tcp dport 7001 meta length 1000-1500 numgen inc mod 3 0 drop
        tcp sport 7001 tcp flags & (syn | fin) == 0 numgen inc mod 3 0 drop
    }
}
END
    on client python3 "$programs/tcp.py" $server4 lossy
    ip netns exec router nft delete table ip loss
    parameters client net.ipv4.tcp_timestamps=0
    on client python3 "$programs/tcp.py" $server4 echo
    parameters client net.ipv4.tcp_window_scaling=0 net.ipv4.tcp_sack=0
    on client python3 "$programs/tcp.py" $server4 echo
    parameters client net.ipv4.tcp_timestamps=1 net.ipv4.tcp_window_scaling=1 net.ipv4.tcp_sack=1 net.ipv4.tcp_ecn=1
    parameters server net.ipv4.tcp_ecn=1
    on client python3 "$programs/tcp.py" $server6 echo
}

quic() {
    network
    ip -n server addr add 198.51.100.21/24 dev eth0
    certificate
    serve server "$WORK/quic.bin" serve "$server4:443" "$state/cert.pem" "$state/key.pem"
    serve server "$WORK/quic.bin" serve2 "198.51.100.21:443" "$state/cert.pem" "$state/key.pem"
    serve server gtlsserver -q $server6 443 "$state/key.pem" "$state/cert.pem"
    serve server gtlsserver -q -V $server6 8443 "$state/key.pem" "$state/cert.pem"
    until_true 10 listens_udp server 8443
    # What follows the handshake is of no interest.
    record quic client eth0 'less 400 or (ip and dst port 443 and udp[8] & 0x80 != 0) or (ip6 and dst port 443 and ip6[48] & 0x80 != 0)'
    on client "$WORK/quic.bin" quic $server4:443 go.example
    on client "$WORK/quic.bin" long $server4:443 long.example
    on client "$WORK/quic.bin" v2 198.51.100.21:443 v2.example
    g='timeout 3 gtlsclient -q --exit-on-all-streams-close --no-quic-dump --no-http-dump'
    # shellcheck disable=SC2086 # a list of options
    {
        on client $g --sni=www.example $server6 443 https://www.example/
        on client $g --sni=draft.example -v v2draft $server6 443 https://draft.example/
        on client $g --sni=other.example $server6 8443 https://other.example/
        on client $g --sni=number.example -v 0x1a2a3a4a $server6 443 https://number.example/
    }
}

dhcp() {
    cable
    ip -n router addr add 192.0.2.1/24 dev eth0
    serve router dnsmasq -k -u root --conf-file=/dev/null --port=0 --pid-file= --dhcp-leasefile="$state/leases" \
        --dhcp-authoritative \
        --dhcp-range=192.0.2.50,192.0.2.60,1h --domain=example --dhcp-option=option:ntp-server,192.0.2.1 \
        --dhcp-no-override --no-ping \
        --dhcp-host=02:00:00:00:00:0b,ignore
    until_true 10 listens_udp router 67
    # shellcheck disable=SC2016 # for the script to expand
    printf '#!/bin/sh\n[ "$1" != bound ] || ip addr add "$ip/24" dev eth0\n' > "$state/udhcpc"
    printf '#!/bin/sh\nexit 0\n' > "$state/dhclient"
    chmod +x "$state/udhcpc" "$state/dhclient"
    record dhcp client eth0 'port 67 or port 68 or arp'
    on client udhcpc -i eth0 -f -n -q -R -t 2 -T 1 -s "$state/udhcpc" -x hostname:busybox
    on client ip addr flush dev eth0
    on client udhcpc -i eth0 -f -n -q -t 2 -T 1 -s "$state/udhcpc" -F busybox.example -V 'a vendor class' -O search \
        -r 192.0.2.55 -a
    on client ip addr flush dev eth0
    printf 'send host-name "dhclient";\nsend dhcp-client-identifier "client";\nrequest subnet-mask, routers;\n' > \
        "$state/named.conf"
    printf 'send fqdn.fqdn "fqdn.example.";\nsend fqdn.encoded on;\nsend fqdn.server-update on;\n' > "$state/wire.conf"
    printf 'send fqdn.fqdn "ascii";\nsend fqdn.encoded off;\nsend host-name "both";\n' > "$state/ascii.conf"
    for c in named wire ascii; do
        on client dhclient -4 -1 -d -cf "$state/$c.conf" -lf "$state/$c.leases" -pf "$state/$c.pid" -sf \
            "$state/dhclient" eth0 &
        sleep 2
        on client dhclient -4 -r -cf "$state/$c.conf" -lf "$state/$c.leases" -pf "$state/$c.pid" -sf \
            "$state/dhclient" eth0
        wait $!
    done
    # The server refuses an address of another network, and says nothing to a client that it is to ignore.
    on client udhcpc -i eth0 -f -n -q -t 1 -T 1 -s "$state/udhcpc" -r 198.51.100.9
    on client ip addr flush dev eth0
    ip -n client link set eth0 address 02:00:00:00:00:0b
    on client udhcpc -i eth0 -f -n -q -t 1 -T 1 -s "$state/udhcpc" -C
}

dhcpv6() {
    namespaces client router server
    pair client router
    pair router server eth1 eth0
    address client eth0 02:00:00:00:00:0a
    address router eth0 02:00:00:00:00:01 2001:db8:1::1/64
    address router eth1 02:00:00:00:00:02 2001:db8:2::1/64
    address server eth0 02:00:00:00:00:14 2001:db8:2::20/64
    parameters router net.ipv6.conf.all.forwarding=1
    ip -n server route add default via 2001:db8:2::1
    cat > "$state/dhcpd6.conf" << END
default-lease-time 600;
option dhcp6.name-servers 2001:db8:2::53;
option dhcp6.domain-search "example";
allow client-updates;
subnet6 2001:db8:2::/64 { }
subnet6 2001:db8:1::/64 {
    range6 2001:db8:1::100 2001:db8:1::1ff;
    range6 2001:db8:1:: temporary;
    prefix6 2001:db8:100:: 2001:db8:1ff:: /56;
}
END
    : > "$state/leases6"
    printf '#!/bin/sh\nexit 0\n' > "$state/dhclient"
    chmod +x "$state/dhclient"
    serve server dhcpd -6 -f -cf "$state/dhcpd6.conf" -lf "$state/leases6" -pf "$state/dhcpd6.pid" eth0
    serve router dhcrelay -6 -d -pf "$state/relay.pid" -I -l eth0 -u 2001:db8:2::20%eth1
    until_true 10 listens_udp server 547
    until_true 10 listens_udp router 547
    record dhcpv6 router any 'port 546 or port 547'
    printf 'send fqdn.fqdn "wire.example.";\nsend fqdn.server-update on;\n' > "$state/full.conf"
    printf 'send fqdn.fqdn "partial";\nsend fqdn.server-update on;\n' > "$state/part.conf"
    for c in 'full -N' 'part -P' 'full -T' 'part -N -P' 'full -S'; do
        f=${c%% *}
        # shellcheck disable=SC2086 # options
        on client timeout 6 dhclient -6 -1 -d -D LL ${c#* } -cf "$state/$f.conf" -lf "$state/$f.leases6" -pf \
            "$state/$f.pid6" -sf "$state/dhclient" eth0 &
        sleep 4
        # shellcheck disable=SC2086 # options
        on client dhclient -6 -r ${c#* } -cf "$state/$f.conf" -lf "$state/$f.leases6" -pf "$state/$f.pid6" -sf \
            "$state/dhclient" eth0
        wait $!
    done
}

router() {
    cable
    ip -n router addr add 2001:db8:1::1/64 dev eth0 nodad
    parameters router net.ipv6.conf.all.forwarding=1
    parameters client net.ipv6.conf.eth0.accept_dad=1 net.ipv6.conf.eth0.use_tempaddr=2 \
        net.ipv6.conf.eth0.router_solicitations=2
    ip -n client link set eth0 down
    cat > "$state/radvd.conf" << END
interface eth0 {
    AdvSendAdvert on;
    MinRtrAdvInterval 3;
    MaxRtrAdvInterval 4;
    AdvLinkMTU 1400;
    AdvManagedFlag on;
    prefix 2001:db8:1::/64 { };
    route 2001:db8:9::/48 { };
    RDNSS 2001:db8:1::53 { };
    DNSSL example { };
};
END
    record router router eth0 'icmp6'
    serve router radvd -n -C "$state/radvd.conf" -p "$state/radvd.pid" -u root -m stderr
    sleep 1
    ip -n client link set eth0 up
    sleep 4
    on client rdisc6 -1 eth0
    on client ndisc6 -1 2001:db8:1::1 eth0
    on client ndisc6 -1 2001:db8:1::99 eth0
    on client ping -6 -c 1 -W 1 2001:db8:1::1
    on client ping -6 -c 1 -W 1 ff02::2%eth0
    on client ping -6 -c 1 -W 1 -N name -I eth0 ff02::1
}

icmp() {
    network
    # The last cable takes less than the others, so that the router must say so.
    parameters router net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
    parameters server net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
    ip -n router link set eth1 mtu 1300
    ip -n server link set eth0 mtu 1300
    ip -n router route add unreachable 203.0.113.0/26
    ip -n router route add prohibit 203.0.113.64/26
    ip -n router -6 route add unreachable 2001:db8:3::/48
    ip -n router -6 route add prohibit 2001:db8:4::/48
    record icmp client eth0 -s 300 'icmp or icmp6 or udp or tcp or (ip[6:2] & 0x1fff != 0) or ip6 proto 44'
    on client ping -c 1 -W 1 $server4
    on client ping -c 1 -W 1 -p ff -s 100 $server6
    on client ping -c 1 -W 1 -s 0 $server4
    on client ping -c 1 -W 1 -t 1 $server4
    on client ping -c 1 -W 1 -t 1 $server6
    on client ping -c 1 -W 1 -R $server4
    on client ping -c 1 -W 1 -T tsandaddr $server4
    on client ping -c 1 -W 1 -Q 0xb8 $server4
    on client ping -c 2 -W 1 -i 0.2 -M 'do' -s 1400 $server4
    on client ping -c 2 -W 1 -i 0.2 -M 'do' -s 1400 $server6
    on client ping -c 1 -W 1 -s 3000 $server4
    on client ping -c 1 -W 1 -s 3000 $server6
    on client ping -c 1 -W 1 203.0.113.1
    on client ping -c 1 -W 1 203.0.113.65
    on client ping -c 1 -W 1 2001:db8:3::1
    on client ping -c 1 -W 1 2001:db8:4::1
    on client traceroute -n -q 1 -w 1 -m 3 $server4
    on client traceroute -n -q 1 -w 1 -m 3 -I $server4
    on client traceroute -n -q 1 -w 1 -m 3 -T -p 443 $server4
    on client traceroute -n -q 1 -w 1 -m 3 $server6
    on client traceroute -n -q 1 -w 1 -m 3 -T -p 443 $server6
    on client traceroute -n -q 1 -w 1 -m 2 -UL $server4
    on client traceroute -n -q 1 -w 1 -m 2 -P 132 $server4
    on client traceroute -n -q 1 -w 1 -m 2 -P 47 $server4
    on client traceroute -n -q 1 -w 1 -m 2 $server4 3000
    on client traceroute -n -q 1 -w 1 -m 2 $server6 3000
    on client traceroute -n -q 1 -w 1 -m 2 -g 192.0.2.1 $server4
    on client dig +tries=1 +time=1 @$server4 www.example
    on client dig +tries=1 +time=1 @$server6 www.example
    # One router tells of another on the same cable.
    ip -n router addr add 192.0.2.2/24 dev eth0
    ip -n router route add 203.0.113.128/26 via 192.0.2.11
    ip -n client addr add 192.0.2.11/24 dev eth0
    parameters router net.ipv4.conf.eth0.send_redirects=1 net.ipv4.conf.all.send_redirects=1
    on client ping -c 1 -W 1 203.0.113.129
}

ntp() {
    network
    cat > "$state/server.conf" << END
local stratum 3
allow all
cmdport 0
broadcast 10 198.51.100.255
peer 198.51.100.1 minpoll 1 maxpoll 1
pidfile $state/server.pid
bindcmdaddress /
END
    cat > "$state/client.conf" << END
server $server4 iburst minpoll 1 maxpoll 1
server $server6 iburst minpoll 1 maxpoll 1 xleave
cmdport 0
pidfile $state/client.pid
bindcmdaddress /
END
    cat > "$state/peer.conf" << END
local stratum 5
peer $server4 minpoll 1 maxpoll 1
allow all
cmdport 0
pidfile $state/peer.pid
bindcmdaddress /
END
    record ntp server eth0 'port 123'
    # -x: the clock of the machine stays as it is.
    serve server chronyd -x -d -u root -f "$state/server.conf"
    until_true 10 listens_udp server 123
    serve client chronyd -x -d -u root -f "$state/client.conf"
    serve router chronyd -x -d -u root -f "$state/peer.conf"
    on server python3 "$programs/ntp.py" 198.51.100.1 $server4
    sleep 11
}

neighbours() {
    cable
    ip -n client addr add 192.0.2.10/24 dev eth0
    ip -n router addr add 192.0.2.1/24 dev eth0
    ip -n router addr add 2001:db8:1::1/64 dev eth0 nodad
    mkdir -p /run/lldpd /run/lldp
    chmod 777 /run/lldp
    record neighbours client eth0 'not ip and not ip6 and not arp'
    # Where another protocol is forced (-cc and the like), it does not speak LLDP before a neighbour does.
    serve client lldpd -d -cc -ff -ee -ss -I eth0 -S 'an example of a system' -P platform -u /run/lldp/1
    sleep 3
    kill "${servers##* }"
    serve client lldpd -d -ccccc -I eth0 -S 'another' -P platform -u /run/lldp/2
    sleep 2
    serve router lldpd -d -i -M 4 -I eth0 -S 'an example of a system' -u /run/lldp/3
    sleep 3
    on router lldpcli -u /run/lldp/3 configure system hostname named.example
    on router lldpcli -u /run/lldp/3 configure ports eth0 lldp portdescription 'the first port'
    sleep 3
    on client busybox arping -c 1 192.0.2.1
}

mdns() {
    network
    record mdns client eth0 'port 5353'
    for n in client router; do
        mkdir -p "$state/avahi-$n/services"
        cat > "$state/avahi-$n/daemon.conf" << END
[server]
host-name=$n
domain-name=local
use-ipv4=yes
use-ipv6=yes
allow-interfaces=eth0
[publish]
publish-hinfo=no
publish-workstation=yes
END
    done
    cat > "$state/avahi-router/services/http.service" << END
<?xml version="1.0" standalone='no'?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group>
  <name>A shop. In a b&#252;cher \ street</name>
  <service><type>_http._tcp</type><port>80</port><txt-record>path=/example</txt-record></service>
  <service><type>_ipp._tcp</type><subtype>_universal._sub._ipp._tcp</subtype><port>631</port></service>
</service-group>
END
    # Each has a bus of its own, so that neither meets the machine's.
    cat > "$state/avahi" << 'END'
#!/bin/sh
mount -t tmpfs tmpfs /run
mount --bind "$1" /etc/avahi
mkdir -p /run/dbus /run/avahi-daemon
dbus-daemon --system --fork --nopidfile
echo $$ > "$1/pid"
exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f /etc/avahi/daemon.conf
END
    chmod +x "$state/avahi"
    for n in router client; do
        ip netns exec $n unshare -m timeout -k 1 40 sh "$state/avahi" "$state/avahi-$n" >> "$WORK/log/mdns" 2>&1 < \
            /dev/null &
        servers="$servers $!"
    done
    sleep 6
    in_client="nsenter -m -t $(cat "$state/avahi-client/pid")"
    # shellcheck disable=SC2086 # a command
    {
        on client $in_client avahi-browse -a -r -t
        on client $in_client avahi-resolve -n router.local
        on client $in_client avahi-resolve -6 -n router.local
        on client $in_client avahi-resolve -a 192.0.2.1
        on client $in_client avahi-resolve -n none.local
    }
    on client dig +tries=1 +time=1 -p 5353 @224.0.0.251 router.local
}

groups() {
    cable
    ip -n client addr add 192.0.2.10/24 dev eth0
    ip -n client addr add 2001:db8:1::10/64 dev eth0 nodad
    ip -n router addr add 192.0.2.1/24 dev eth0
    # A bridge asks who has joined; its questions come often, so that a few seconds see them all.
    ip -n router link add bridge0 type bridge mcast_snooping 1 mcast_querier 1 mcast_igmp_version 3 \
        mcast_mld_version 2 mcast_query_interval 200 mcast_query_response_interval 50 \
        mcast_startup_query_interval 100 mcast_last_member_interval 20 mcast_query_use_ifaddr 1
    ip -n router link set eth0 master bridge0
    ip -n router addr add 192.0.2.2/24 dev bridge0
    record groups client eth0 'igmp or ip6[6] == 0'
    ip -n router link set bridge0 up
    for version in 3 2 1; do
        parameters client net.ipv4.conf.all.force_igmp_version=$version
        parameters client net.ipv6.conf.all.force_mld_version=$((version > 1 ? version - 1 : 1))
        ip -n router link set bridge0 type bridge mcast_igmp_version $((version > 2 ? 3 : 2)) mcast_mld_version \
            $((version > 2 ? 2 : 1))
        on client python3 "$programs/groups.py" 192.0.2.10 eth0
    done
    sleep 2
}

vrrp() {
    cable
    ip -n client addr add 192.0.2.10/24 dev eth0
    ip -n router addr add 192.0.2.1/24 dev eth0
    for n in client router; do
        p=$([ $n = client ] && echo 150 || echo 100)
        cat > "$state/keepalived-$n.conf" << END
global_defs { vrrp_garp_master_delay 1; script_user root; router_id $n.example; }
vrrp_instance two { state BACKUP; interface eth0; virtual_router_id 51; priority $p; advert_int 1; version 2
  authentication { auth_type PASS; auth_pass example; }
  virtual_ipaddress { 192.0.2.100; } }
vrrp_instance ah { state BACKUP; interface eth0; virtual_router_id 54; priority $p; advert_int 1; version 2
  authentication { auth_type AH; auth_pass example; }
  virtual_ipaddress { 192.0.2.103; } }
vrrp_instance three { state BACKUP; interface eth0; virtual_router_id 52; priority $p; advert_int 0.5; version 3
  virtual_ipaddress { 192.0.2.101; 192.0.2.102; } }
vrrp_instance six { state BACKUP; interface eth0; virtual_router_id 53; priority $p; advert_int 0.5; version 3
  virtual_ipaddress { fe80::100; 2001:db8:1::100; } }
END
        sed -i 's/; /\n/g; s/{ /{\n/g; s/ }/\n}/g' "$state/keepalived-$n.conf"
    done
    record vrrp client eth0 'ip proto 112 or ip proto 51 or ip6 proto 112'
    for n in router client; do
        serve $n keepalived -n -l -D -f "$state/keepalived-$n.conf" -p "$state/k-$n.pid" -r "$state/v-$n.pid"
        sleep 5
    done
    # The master goes: it says so with a priority of zero.
    kill "${servers##* }"
    sleep 3
}

overlay() {
    cable
    ip -n client addr add 192.0.2.10/24 dev eth0
    ip -n router addr add 192.0.2.1/24 dev eth0
    ip -n client addr add 2001:db8:1::10/64 dev eth0 nodad
    ip -n router addr add 2001:db8:1::1/64 dev eth0 nodad
    ip -n client link add vxlan0 address 02:00:00:00:01:0a mtu 1400 type vxlan id 4660 remote 192.0.2.1 local \
        192.0.2.10 dstport 4789 dev eth0
    ip -n router link add vxlan0 address 02:00:00:00:01:01 mtu 1400 type vxlan id 4660 remote 192.0.2.10 local \
        192.0.2.1 dstport 4789 dev eth0
    ip -n client link add vxlan1 address 02:00:00:00:02:0a mtu 1400 type vxlan id 16777215 remote 2001:db8:1::1 \
        local 2001:db8:1::10 dstport 4789 dev eth0 udp6zerocsumrx udp6zerocsumtx
    ip -n router link add vxlan1 address 02:00:00:00:02:01 mtu 1400 type vxlan id 16777215 remote 2001:db8:1::10 \
        local 2001:db8:1::1 dstport 4789 dev eth0 udp6zerocsumrx udp6zerocsumtx
    record overlay client eth0 -s 300 'udp or ip[6:2] & 0x1fff != 0'
    n=0
    for v in vxlan0 vxlan1; do
        for h in client router; do
            i=$([ $h = client ] && echo 10 || echo 1)
            ip -n $h addr add "10.0.$n.$i/24" dev $v
            ip -n $h addr add "2001:db8:a$n::$i/64" dev $v nodad
            ip -n $h link set $v up
        done
        n=$((n + 1))
    done
    serve router dnsmasq -k -u root --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
        --host-record=www.example,203.0.113.80
    until_true 10 listens router 53
    for n in 0 1; do
        on client ping -c 1 -W 1 10.0.$n.1
        on client ping -c 1 -W 1 2001:db8:a$n::1
        on client dig +tries=1 +time=1 @10.0.$n.1 www.example
        on client dig +tries=1 +time=1 +tcp @2001:db8:a$n::1 www.example
        on client traceroute -n -q 1 -w 1 -m 1 -p 40000 10.0.$n.1
    done
    on client ping -c 1 -W 1 -s 2000 10.0.0.1
    on client ping -c 1 -W 1 -s 2000 2001:db8:a1::1
}

cooked() {
    network
    certificate
    serve router openssl s_server -quiet -www -port 443 -cert "$state/cert.pem" -key "$state/key.pem"
    serve router dnsmasq -k -u root --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
        --host-record=www.example,203.0.113.80
    until_true 10 listens router 443
    until_true 10 listens router 53
    record cooked2 router any -s 300
    record cooked1 router any -y LINUX_SLL -s 300
    record snapped router eth0 -s 90
    record loopback router lo -s 300
    on client ping -c 1 -W 1 $server4
    on client ping -c 1 -W 1 -s 2000 $server6
    on client dig +tries=1 +time=1 @192.0.2.1 www.example
    on client curl -k -s -o /dev/null -m 3 --resolve www.example:443:192.0.2.1 https://www.example/
    on client busybox arping -c 1 192.0.2.1
    on client ping -c 1 -b 192.0.2.255
    on router dig +tries=1 +time=1 @127.0.0.1 www.example
    on router dig +tries=1 +time=1 @::1 www.example AAAA
    on router curl -k -s -o /dev/null -m 3 --resolve www.example:443:127.0.0.1 https://www.example/
    on router curl -k -s -o /dev/null -m 3 https://localhost/
}

tun() {
    namespaces client
    serve client python3 "$programs/tun.py"
    until_true 10 ip -n client link show tun0
    address client tun0 '' 192.0.2.10/24 2001:db8:1::10/64
    record tun client tun0
    on client ping -c 1 -W 1 192.0.2.1
    on client ping -c 1 -W 1 2001:db8:1::1
    on client ping -c 1 -W 1 -s 2000 192.0.2.1
    on client dig +tries=1 +time=1 @192.0.2.1 www.example
    on client dig +tries=1 +time=1 @2001:db8:1::1 www.example AAAA
    on client curl -s -o /dev/null -m 1 http://192.0.2.1/
    on client traceroute -n -q 1 -w 1 -m 2 2001:db8:1::1
}

run_parts "$@"
[ "$failed" = 0 ]
