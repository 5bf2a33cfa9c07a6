package pcapfilter

import (
	"strings"
	"testing"
)

// everywhere holds words of the link layer and what may stand behind them. On every link type both compilers must
// take them with the same meaning or refuse them.
var everywhere = strings.Split(strings.TrimSpace(`
ip
ip6
arp
rarp
not ip
tcp
udp port 53 or 123
port 80
portrange 20-443
icmp6
host 10.1.2.3
host 2001:db8::1
net 10 and not host 10.1.2.3
arp host 192.0.2.1
ip multicast
ip6 multicast
ip[0] & 0xf > 5
tcp[13] & 2 != 0
icmp6[0] = 128
ether[0] & 1 = 0
ether[ip[0] & 7] > 4
ppp[2:2] = 0x21
wlan[3] & 1 = 0
proto 6
ip proto 17
less 60
greater 100
ether broadcast
broadcast
multicast
ether host 02:00:00:00:00:01
ether src 02:00:00:00:00:01
fddi host 02:00:00:00:00:01
tr dst 02:00:00:00:00:02
ether proto 0x800
ether proto 0x86dd
ether proto 6
ether proto 7
ether proto 0
ether proto 1500
ether proto 1501
ether proto 0x21
ether proto 0x8137
ether proto 0x809b
ether proto \stp
ether proto \iso
ether proto \ipx
ether proto \netbeui
ether proto \decnet
ether proto \aarp
slip proto 0xfe
llc
llc i
llc s
llc u
llc rr
llc rnr
llc rej
llc ui
llc ua
llc disc
llc dm
llc sabme
llc test
llc xid
llc frmr
llc UI
llc i or llc s
not llc
iso
clnp
esis
es-is
isis
is-is
l1
l2
iih
lsp
snp
csnp
psnp
not l1
iso proto 0x82
iso proto \isis
iso proto (\esis or \clnp)
isis proto 16
isis proto (17 or 18)
isis and not lsp
stp
ipx
netbeui
atalk
aarp
decnet
lat
sca
moprc
mopdl
decnet host 1.2
decnet src 1.2
decnet dst 63.1023
decnet host 5
decnet src and dst host 1.2
decnet src host 1.2 or 63.1023
decnet[3] & 7 = 2
lat[0] > 100
atalk[1] > 100
moprc[0:2] > 100
iso or stp or ipx
vlan
vlan 5
vlan and ip
vlan and vlan 100
vlan and iso
vlan and stp
vlan and llc ui
vlan and ether proto 7
vlan 5 and ether host 02:00:00:00:00:01
vlan or ip
vlan and pppoes
vlan and mpls
mpls
mpls 5
mpls 1048575
mpls (5)
mpls and ip
mpls and ip6
mpls and not ip
mpls and tcp
mpls and port 80
mpls and host 10.1.2.3
mpls and src net 10
mpls and host 2001:db8::1
mpls and ip[8] < 100
mpls and tcp[13] & 2 != 0
mpls and udp[0:2] = 53
mpls and ip multicast
mpls and ip6 multicast
mpls and mpls
mpls 5 and mpls 1024 and ip
mpls and mpls and tcp port 80
mpls or mpls
mpls and ether host 02:00:00:00:00:01
mpls and broadcast
mpls and ether[12:2] = 0x8847
mpls or llc
ip or mpls 5
pppoed
pppoes
pppoes 3
pppoes (1)
pppoes and ip
pppoes 3 and ip6
pppoes and tcp port 80
pppoes and host 10.1.2.3
pppoes and arp
pppoes and not ip
pppoes and ip[0] & 0xf > 5
pppoes and ether[0] = 0
pppoes and udp[0:2] > 100
pppoes and iso
pppoes and l1
pppoes and stp
pppoes and ether proto 0xc021
pppoes and ether proto \ip
pppoes and decnet host 1.2
pppoes and mpls
pppoes and mpls 5 and ip
pppoes and pppoed
pppoed or pppoes
pppoes or ip
geneve
geneve 7
geneve 16777215
geneve (4096)
not geneve
geneve and ip
geneve and ip6
geneve and arp
geneve and not ip
geneve 7 and tcp
geneve and port 80
geneve and host 10.1.2.3
geneve and src net 10
geneve and host 2001:db8::1
geneve and ip[8] < 100
geneve and tcp[13] & 2 != 0
geneve and udp[0:2] = 53
geneve and icmp6[0] = 128
geneve and ip[ip[0] & 15] > 3
geneve and ether host 02:00:00:00:00:01
geneve and ether src 02:00:00:00:00:01
geneve and not ether host 02:00:00:00:00:01
geneve and broadcast
geneve and multicast
geneve and ip multicast
geneve and ether[0] = 2
geneve and ether[ether[0] & 7] > 3
geneve and vlan
geneve and vlan 5 and ip
geneve and vlan and vlan and tcp
geneve and mpls
geneve and mpls 5 and ip
geneve and pppoes
geneve and pppoes 3 and ip
geneve and pppoed
geneve and iso
geneve and llc
geneve and llc ui
geneve and l1
geneve and stp
geneve and ipx
geneve and atalk
geneve and decnet host 1.2
geneve and geneve
geneve and geneve 7 and ip
geneve 7 and geneve and ether host 02:00:00:00:00:01
udp and geneve and udp
port 6081 and geneve
vlan and geneve and ip
vlan and geneve and ether host 02:00:00:00:00:01
mpls and geneve
pppoes and geneve and ip
pppoes and geneve 7 and vlan 5
inbound
outbound
not inbound
inbound and tcp
ifindex 2
not ifindex 3
ifindex 2 or ifindex 4
ifindex 2 and tcp
`), "\n")

// The two cooked headers say the same, and where libpcap knows the first alone the second must mean what the first does.
func TestCookedHeadersMeanTheSame(t *testing.T) {
	frames := makeLinkFrames(LinuxSLL2, 3000)
	compared := 0
	for _, expr := range everywhere {
		second, err := Compile(expr, Options{LinkType: LinuxSLL2})
		if err != nil || readsHeader(expr) {
			continue
		}
		first, err := Compile(expr, Options{LinkType: LinuxSLL})
		if err != nil {
			t.Error(err)
			continue
		}
		compared++
		runSecond, runFirst := runner(t, raw(t, second)), runner(t, raw(t, first))
		for i, frame := range frames {
			if len(frame) < 20 {
				continue
			}
			old := append([]byte{0, frame[10], frame[8], frame[9], 0, frame[11]}, frame[12:20]...)
			old = append(append(old, frame[:2]...), frame[20:]...)
			if got, want := runSecond(frame), runFirst(old); got != want {
				t.Errorf("%s: frame %d, % x: got %d, with the first header %d", expr, i, frame, got, want)
				break
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d expressions were compared", compared)
	}
}

// readsHeader tells the expressions whose verdict depends on the length or the bytes of the cooked header, or
// on what it alone knows.
func readsHeader(expr string) bool {
	for _, word := range []string{"ether[", "ppp[", "wlan[", "less", "greater", "ifindex"} {
		if strings.Contains(expr, word) && !strings.Contains(expr, "geneve") && !strings.Contains(expr, "pppoes") {
			return true
		}
	}
	return false
}
