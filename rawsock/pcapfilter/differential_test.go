package pcapfilter

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/bpf"
)

// everyday holds expressions that both compilers take and that must mean the same to both.
var everyday = strings.Split(strings.TrimSpace(`
ip
ip6
arp
rarp
tcp
udp
sctp
icmp
icmp6
igmp
esp
ah
pim
vrrp
not ip
not tcp
! udp
tcp or udp
tcp || udp or icmp
ip and tcp
ip && not tcp
tcp and not udp or icmp6
not (tcp or udp)
not not tcp
host 10.1.2.3
host 2001:db8::1
src host 10.1.2.3
dst host 10.1.2.3
src 192.0.2.1
dst 192.0.2.1
src or dst host 192.0.2.1
dst or src 192.0.2.1
src and dst host 10.1.2.3
dst and src 10.1.2.3
ip host 10.1.2.3
ip src 10.1.2.3
ip6 host fe80::1
ip6 src fe80::1
ip6 dst host 2001:db8:0:1::7
src fe80::1 and dst ff02::1
src and dst host ::1
arp host 192.0.2.1
arp src 192.0.2.1
arp dst host 10.1.9.9
rarp host 10.1.9.9
arp net 10
host 10.1.2.3 or 192.0.2.1
host 10.1.2.3 and 192.0.2.1
host 10.1.2.3 or 192.0.2.1 or 198.51.100.7
host 10.1.2.3 and not 192.0.2.1
host (10.1.2.3 or 192.0.2.1)
host not 10.1.2.3
src 10.1.2.3 or dst 192.0.2.1
not host 10.1.2.3
not src host 10.1.2.3 and not dst host 192.0.2.1
host 0xc0000201
host 10.1
src 192.0
net 10
net 10.1
net 10.1.2
net 192.0.2.1
net 0
src net 10.1
dst net 192.0.2
net 10.0.0.0/8
net 10.0/8
net 10.1.0.0/16
src net 192.0.2.0/24
dst net 224.0.0.0/4
net 0.0.0.0/0
net 10.1.2.3/32
net 10.1.0.0 mask 255.255.0.0
net 10.1 mask 255.255
net 192.0.0.1 mask 255.255.0.255
ip net 10
net 2001:db8::/32
net fe80::/10
net ::/0
src net 2001:db8:0:1::/64
ip6 dst net ff00::/8
net fd00:1:2:3:4:5::/97 or net 2001:db8::/127
net fe80::1
host fe80::1/128
port 80
port 53
src port 443
dst port 443
src or dst port 22
src and dst port 53
tcp port 80
udp port 53
sctp port 5060
tcp src port 22
udp dst port 67
tcp dst port 80 or 443
port 80 or 443
port 80 or 443 or 22
port 80 and 443
port 80 and not 443
port not 80
port (80)
port (80 or 443)
port ((80) or (443 or 22))
port 80 or (443 or 22)
port 80 or (host 10.1.2.3) or 443
tcp port 80 or udp port 53 or 123
not port 22
not tcp port 22
port 0
port 65535
port 0x50
port 0120
portrange 20-22
portrange 22-20
portrange 53
portrange 53-53
src portrange 6000-6010
tcp portrange 0-1023
udp dst portrange 53-123
sctp portrange 5000-6000 or 80
not portrange 20-8080
port domain
udp port domain
tcp port domain
port kerberos
port ldap
port https
tcp port https
port radius
port shell
udp port syslog
tcp port login
tcp portrange domain-https
portrange 20-https
ip proto 6
ip proto 17
ip proto \tcp
ip proto \icmp
ip6 proto 17
ip6 proto \udp
ip6 proto 44
proto 6
proto \sctp
proto 132
proto (6 or 17)
ip proto 1 or 2
proto gre
ip6 proto ipv6-icmp
ether proto 0x800
ether proto \ip
ether proto \ip6
ether proto \arp
ether proto 0x88cc
ether proto loopback
ether proto 0x0806 or 0x8035
ether host 02:00:00:00:00:01
ether src 2:0:0:0:0:1
ether dst 02-00-00-00-00-02
ether host 0200.0000.0001
ether host 02.00.00.00.00.01
ether host 020000000001
ether src or dst host 02:01:00:00:00:01
ether src and dst 02:00:00:00:00:01
ether dst ff:ff:ff:ff:ff:ff
link host 02:00:00:00:00:02
not ether host 02:00:00:00:00:01
ether host 02:00:00:00:00:01 or 02:00:00:00:00:02
broadcast
multicast
ether broadcast
ether multicast
link multicast
ip multicast
ip6 multicast
not broadcast and not multicast
less 60
greater 60
less 0x40
len > 60
len <= 60
len = 60
length != 14
len + 4 >= 64
len - 14 > 40
len * 2 > 100
len / 2 < 30
len & 1 = 0
(len | 1) = 61
(len ^ 1) = 60
(len % 2) = 1
len << 1 > 120
len >> 2 > 15
60 < len
len = len
1 = 1
5 > 4
(5) = 5
((1 + 2)) * 3 = 9
4 - 3 - 1 = 0
1 + 2 * 3 = 7
1 << 2 + 1 = 8
7 & 3 + 1 = 4
1 | 2 & 4 = 1
ip[0] & 0xf != 5
ip[0] = 0x45
ip[8] < 5
ip[6:2] & 0x1fff = 0
ip[2:2] > 100
ip[12:4] = 0x0a010203
ip[16:4] & 0xff000000 = 0x0a000000
ip[9] = 6
ip[0] >> 4 = 4
ip6[6] = 6
ip6[0] & 0xf0 = 0x60
ip6[4:2] > 20
ip6[6] != 17 and ip6
arp[6:2] = 1
arp[7] = 2
rarp[0:2] = 1
ether[0] & 1 = 0
ether[0] & 1 != 0
ether[12:2] = 0x800
ether[6:4] = 0x02000000
ether[20:2] & 0x1fff = 0
link[13] = 6
tcp[13] = 2
tcp[tcpflags] & tcp-syn != 0
tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn
tcp[tcpflags] & (tcp-rst|tcp-fin) != 0
tcp[tcpflags] == tcp-push|tcp-ack
tcp[tcpflags] & tcp-cwr != 0 and tcp[tcpflags] & tcp-ece != 0
tcp[tcpflags] & tcp-urg = 0
tcp[0:2] = 80
tcp[2:2] > 1023
tcp[12] >> 4 = 5
tcp[(tcp[12] >> 4) * 4] = 0x47
tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420
tcp and ip[6:2] & 0x1fff = 0 and ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0
tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)
udp[0:2] = 53
udp[4:2] < 100
udp[2:2] = 53 or tcp[2:2] = 53
sctp[0:2] = 5060
icmp[icmptype] = icmp-echo
icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply
icmp[icmpcode] > 1
icmp[0] = 3
icmp6[icmp6type] = icmp6-echo
icmp6[icmp6type] == icmp6-neighborsolicit
icmp6[icmp6code] = 0
icmp6[0:2] > 0x8000
igmp[0] > 16
pim[0] & 0xf = 0
vrrp[1] = 1
icmp[ip[0] & 7] = 3
udp[ip[8] & 7] > 5
ip[ip[0] & 0xf] > 5
icmp6[ip6[7] & 3] = 1
ether[ether[14] & 0xf] = 6
ether[len - 1] = 0
ip[len - 20] > 3
tcp[len - 60:2] > 0
tcp[0] = udp[0]
tcp[0:2] = tcp[2:2]
tcp[0:2] > tcp[2:2]
tcp[0:2] - tcp[2:2] < 100
ip[8] / (ip[1] & 3) > 2
(ip[8] % (ip[1] & 3)) > 1
ip[8] << (ip[1] & 3) > 100
not tcp[100] = 1
not ip[40] > 3 or ip6
not ether[60] = 0
tcp[60] = 1 or tcp
tcp or tcp[60] = 1
tcp[tcpflags] & tcp-syn = 0 or not tcp
- len < 5
- ip[8] > 4000000000
-(ip[8]) + 300 = 236
not vlan
vlan
vlan 5
vlan 100
vlan 0
vlan (5)
not vlan 5
vlan and ip
vlan and tcp port 80
vlan 5 and host 10.1.2.3
vlan 5 and ip6
vlan and arp
vlan and udp port 53 or 123
vlan and vlan
vlan 5 and vlan 100
vlan and vlan and ip
vlan and vlan and tcp[13] & 2 != 0
vlan and ether[12:2] = 0x8100
vlan or ip
ip or vlan
tcp or vlan and udp
vlan 1 or vlan 5
vlan and ip[0] & 0xf > 5
vlan and tcp[tcpflags] & tcp-syn != 0
vlan and icmp[icmptype] = icmp-echo
vlan and icmp6[0] = 128
vlan and multicast
vlan and ip multicast
vlan and tcp[ip[0] & 7] > 3
igrp
carp
igrp[0] > 100
carp[1] = 1
pim[0] & 0xf > 2
ip proto TCP or ICMP
ip proto igp
proto ospf
proto OSPFIGP
ip6 proto ipv6-frag
ip6 proto IPv6-ICMP
port http
tcp port http or https
udp port tftp
sctp port domain
port ssh or syslog
port www and not imap
portrange ssh-http
portrange http-tftp
tcp portrange http-tftp
udp portrange domain-8080
portrange 010-020
port \80
dst portrange \53-80
byte 12 = 8
byte 23 > 6
byte 20 < 32
byte 1000 = 1
byte 3 = 300
1 + 2 % 3 = 3
1 | 2 ^ 3 = 1
len + 7 % 4 > 60
ip[8] | 1 ^ 3 > 60
ether proto \mopdl or \decnet
host 10.1.2.3 or 192.0.2.1 and tcp
tcp port 80 or 443 or udp
src net 10 or 192.168
not host 10.1.2.3 and 192.0.2.1
host not 10.1.2.3 and not 192.0.2.1
not (host 10.1.2.3 or 192.0.2.1) and tcp
src 10.1.2.3 or (tcp and dst 192.0.2.1) or 10.1.9.9
tcp src or dst port 80 or (443 and 22)
port 80 or host 10.1.2.3 or 192.0.2.1
src host 10.1.2.3 or dst net 10 or 192.168
ether broadcast and not arp
(tcp and port 80) or (udp and port 53)
((tcp))
(tcp) and (port 80)
tcp and (port 80 or port 443) and not host 10.1.2.3
host 10.1.2.3 and (tcp port 80 or icmp)
not (host 10.1.2.3 and port 22) and not arp
ip and not (src net 10 or dst net 10)
icmp or icmp6 or arp
tcp port 22 and src 10.1.2.3 and dst 192.0.2.1
udp and (port 67 or port 68)
ip6 and tcp and not port 22
ip6 and net fe80::/10 and not icmp6
greater 100 and tcp
portrange 6000-6008 and not src net 10.1
`), "\n")

// lists are what people write who have many hosts, networks or ports.
var lists = strings.Split(strings.TrimSpace(`
host 10.1.2.3 or 10.1.2.5 or 10.1.2.7 or 10.1.2.9 or 10.1.2.11 or 10.1.2.13 or 10.1.2.15 or 192.0.2.1
src host 10.1.2.3 or 10.1.2.5 or 10.1.2.7 or 192.0.2.1
ip host 10.1.2.3 or 10.1.2.5 or 10.1.2.7 or 192.0.2.1
not (host 10.1.2.3 or 10.1.2.5 or 10.1.2.7 or 192.0.2.1)
not host 10.1.2.3 and not host 10.1.2.5 and not host 10.1.2.7
ip6 host 2001:db8::1 or 2001:db8::3 or 2001:db8::5 or fe80::1
net 10.1.0.0/16 or 10.3.0.0/16 or 192.0.2.0/24 or 198.51.100.0/24
src net 10 or 172.16.0.0/12 or 192.168.0.0/16
not src net 10 and not src net 172.16.0.0/12 and not src net 192.168.0.0/16
net 10.1.0.0/16 or host 192.0.2.1 or net 172.16.0.0/12
port 80 or 443 or 8080 or 8443
tcp port 22 or 23 or 80 or 443 or 8080
tcp dst port 25 or 110 or 143 or 465 or 587 or 993 or 995
udp port 53 or 67 or 68 or 123 or 161 or 514
not port 22 and not port 80 and not port 443
tcp port 80 or tcp port 443 or udp port 53 or udp port 123
portrange 20-25 or portrange 6000-6063 or port 80
tcp and not (port 22 or port 80 or port 443) and not host 10.1.2.3
(tcp port 80 or 443) and (host 10.1.2.3 or 10.1.2.5)
ether host 02:00:00:00:00:01 or 02:00:00:00:00:02 or 02:00:00:00:00:04
icmp or arp or udp port 53 or tcp port 53
vlan 5 and port 80 or 443
`), "\n")

// refused holds expressions that neither compiler takes.
var refused = strings.Split(strings.TrimSpace(`
host
port
()
(
tcp)
(tcp
tcp udp
tcp and
and tcp
not
port 80 or
80
tcp or 80
(port 80) or 443
port 80 or (443 and tcp)
tcp host 10.1.2.3
udp net 10
tcp src 10.1.2.3
ip host ::1
arp host ::1
ip6 host 10.1.2.3
ether host 10.1.2.3
ether host ::1
ether net 10
host 02:00:00:00:00:01
src 02:00:00:00:00:01
ip port 80
arp port 80
ether port 80
ip portrange 1-2
port 70000
portrange 1-70000
port 10.1.2.3
port 20-25
proto 10.1.2.3
tcp proto 6
arp proto 1
ip proto tcp
proto nosuchproto
port nosuchservice
portrange 20 - 25
src 10.0.0.0/8
host 10.0.0.0/8
host fe80::/64
net 10.1.2.3/24
net 10.0.0.0/33
net fe80::1/64
net ::/129
net 10/8
net 10.1.2.3 mask 255.255.255.0
net 10.1.2.0 mask 24
host 1.2.3.256
host 1.2.3.4.5
vlan 4096
vlan tcp
tcp multicast
ip6 broadcast
tcp broadcast
ah[0] = 1
esp[0] = 1
tcp[0:3] = 1
tcp[0:8] = 1
tcp[0 = 1
tcp[] = 1
tcp[0]
tcp[0] =
tcp[0] = 1 = 1
len
len-4 = 10
1
1 / 0 = 1
len % 0 = 1
1 << 32 = 1
ip[0] >> 40 = 1
port 08
port 99999999999
len = 0x100000000
TCP
tcp & udp
tcp ! udp
host $
# tcp
less
less tcp
byte
byte 3
byte 3 = tcp
byte 3 != 4
byte (3) = 4
portrange http
gateway localhost
portrange ftp-data
portrange ftp-data-ssh
portrange 0x10-0x20
portrange 70000-80000
udp port http
sctp port ssh
tcp port tftp
tcp portrange tftp-tftp
port amqps-x
port mqtt
ip proto Tcp
proto \6
arp proto \ospf
ether proto bogus
src proto 6
dst protochain 6
tcp protochain 6
arp protochain 6
gateway 10.1.2.3
gateway 5
src gateway localhost
igrp host 10.1.2.3
carp port 80
esp[1] = 1
igrp broadcast
greater 1.2
src src 10.1.2.3
host host 10.1.2.3
ether
`), "\n")

// oracle returns the path of tcpdump, or skips the test; with SNIFFER_TEST_REQUIRE=1 it fails instead.
func oracle(t testing.TB) string {
	t.Helper()
	for _, path := range []string{"/usr/bin/tcpdump", "/usr/sbin/tcpdump"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if os.Getenv("SNIFFER_TEST_REQUIRE") == "1" {
		t.Fatal("tcpdump is not installed and SNIFFER_TEST_REQUIRE=1 asks for it")
	}
	t.Skip("tcpdump is not installed")
	return ""
}

// ask runs tcpdump on an expression for a link type and returns what it prints. ok is false when tcpdump refuses.
func ask(path, link, expr string, flags ...string) (out string, ok bool) {
	return tcpdump(path, expr, append(flags, "-y", link)...)
}

func tcpdump(path, expr string, flags ...string) (out string, ok bool) {
	cmd := exec.Command(path, append(flags, "--", expr)...)
	b, err := cmd.Output()
	return string(b), err == nil
}

// parseDDD reads the output of tcpdump -ddd.
func parseDDD(t testing.TB, text string) []bpf.RawInstruction {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	prog := make([]bpf.RawInstruction, len(lines)-1)
	for i := range prog {
		ins := &prog[i]
		if _, err := fmt.Sscan(lines[i+1], &ins.Op, &ins.Jt, &ins.Jf, &ins.K); err != nil {
			t.Fatalf("tcpdump -ddd, line %q: %v", lines[i+1], err)
		}
	}
	return prog
}

// runner runs a program in the virtual machine of x/net, or in the test's own where that one lacks an
// instruction.
func runner(t testing.TB, prog []bpf.RawInstruction) func(frame []byte) uint32 {
	t.Helper()
	instructions, complete := bpf.Disassemble(prog)
	vm, err := bpf.NewVM(instructions)
	for _, ins := range instructions {
		if _, negates := ins.(bpf.NegateA); negates {
			complete = false
		}
	}
	if err != nil || !complete {
		return func(frame []byte) uint32 { return interpret(t, prog, frame, metadata{}) }
	}
	return func(frame []byte) uint32 {
		n, err := vm.Run(frame)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(n)
	}
}

// generate makes a random expression of the grammar.
func generate(r *rand.Rand, depth int) string {
	if depth > 0 {
		switch r.IntN(5) {
		case 0, 1:
			return generate(r, depth-1) + pick(r, []string{" and ", " or ", " && ", " || "}) + generate(r, depth-1)
		case 2:
			return pick(r, []string{"not ", "! "}) + generate(r, depth-1)
		case 3:
			return "(" + generate(r, depth-1) + ")"
		}
	}
	dir := pick(r, []string{"", "", "src ", "dst ", "src or dst ", "src and dst "})
	port := func() string { return fmt.Sprint(pick(r, poolPort)) }
	list := func(item func() string) string {
		text := item()
		for r.IntN(4) == 0 {
			text += pick(r, []string{" or ", " or not ", " and "}) + item()
		}
		return text
	}
	switch r.IntN(10) {
	case 0:
		return pick(r, []string{"ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "esp", "ah", "pim", "vrrp"})
	case 1:
		return pick(r, []string{"", "ip ", "arp ", "rarp "}) + dir + "host " + list(func() string { return pick(r, pool4) })
	case 2:
		return pick(r, []string{"", "ip6 "}) + dir + "host " + list(func() string { return pick(r, pool6) })
	case 3:
		return dir + "net " + list(func() string {
			return pick(r, []string{"10", "10.1", "192.0.2", "10.0.0.0/8", "192.0.2.0/24", "224.0/4", "10.1 mask 255.255.0.0", "0.0.0.0/0", "2001:db8::/32", "fe80::/10", "ff00::/9"})
		})
	case 4:
		return pick(r, []string{"", "tcp ", "udp ", "sctp "}) + dir + "port " + list(port)
	case 5:
		return pick(r, []string{"", "tcp ", "udp "}) + dir + "portrange " + list(func() string { return port() + "-" + port() })
	case 6:
		return pick(r, []string{"ether host 02:00:00:00:00:01", "ether src 2:1:0:0:0:1", "ether dst 0200.0000.0002", "broadcast", "multicast", "ip multicast", "ip6 multicast",
			"ether proto 0x88cc", "ip proto 6 or 17", "proto 17", "ip6 proto 44", "less 60", "greater 70"})
	case 7:
		return pick(r, []string{"vlan", "vlan 5", "vlan 100"})
	}
	return arithmetic(r, 2, true) + pick(r, []string{" = ", " != ", " < ", " <= ", " > ", " >= "}) + arithmetic(r, 1, true)
}

// arithmetic makes a value. guarded allows accesses that come with a test of their protocol: libpcap
// loses the test of a right operand, see TestRightOperandKeepsItsProtocol.
func arithmetic(r *rand.Rand, depth int, guarded bool) string {
	if depth > 0 && r.IntN(2) == 0 {
		left, right := arithmetic(r, depth-1, guarded), arithmetic(r, depth-1, false)
		switch op := pick(r, []string{"+", "-", "*", "/", "&", "|", "<<", ">>", "%", "^"}); op {
		case "%", "^":
			// A divisor of constants alone may be folded to zero, which is refused here.
			return "((" + left + ") " + op + " (len + " + right + "))"
		case "<<", ">>":
			return "(" + left + ") " + op + " " + fmt.Sprint(r.IntN(8))
		case "/":
			return left + " / " + fmt.Sprint(1+r.IntN(9))
		case "-":
			return "(" + left + ") - (" + right + ")"
		default:
			return left + " " + op + " " + right
		}
	}
	switch r.IntN(4) {
	case 0:
		return fmt.Sprint(r.IntN(300))
	case 1:
		return "len"
	}
	index := fmt.Sprint(r.IntN(24))
	if depth > 0 && r.IntN(3) == 0 {
		index = "(" + arithmetic(r, depth-1, guarded) + ") & 15"
	}
	protos := []string{"ether"}
	if guarded {
		protos = []string{"ether", "ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "sctp"}
	}
	return pick(r, protos) + "[" + index + pick(r, []string{"", ":1", ":2", ":4"}) + "]"
}

// both holds the two programs of one expression.
type both struct {
	expr   string
	ours   []bpf.Instruction
	theirs []bpf.RawInstruction
	err    error
	taken  bool // by tcpdump
}

// compileBoth compiles every expression here and with tcpdump, several at a time.
func compileBoth(t *testing.T, linkType LinkType, exprs []string, flags ...string) []both {
	path := oracle(t)
	link := map[LinkType]string{Ethernet: "EN10MB", Raw: "RAW", IPv4: "IPV4", IPv6: "IPV6"}[linkType]
	out := make([]both, len(exprs))
	texts := make([]string, len(exprs))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, expr := range exprs {
		out[i].expr = expr
		out[i].ours, out[i].err = Compile(expr, Options{LinkType: linkType})
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			texts[i], out[i].taken = ask(path, link, expr, append(flags, "-ddd")...)
		})
	}
	wg.Wait()
	for i := range out {
		if out[i].taken {
			out[i].theirs = parseDDD(t, texts[i])
		}
	}
	return out
}

// agree runs both programs over the frames and returns how many match.
func agree(t *testing.T, b both, frames [][]byte) int {
	t.Helper()
	matched, difference := compareVerdicts(t, b, frames)
	if difference != "" {
		t.Error(difference)
	}
	return matched
}

// compareVerdicts runs both programs over the frames and returns how many match and what the first difference is.
func compareVerdicts(t *testing.T, b both, frames [][]byte) (matched int, difference string) {
	t.Helper()
	if b.err != nil || !b.taken {
		return 0, fmt.Sprintf("%s: ours: %v; taken by tcpdump: %v", b.expr, b.err, b.taken)
	}
	ours, theirs := runner(t, raw(t, b.ours)), runner(t, b.theirs)
	for i, frame := range frames {
		got, want := ours(frame), theirs(frame)
		if got != want {
			return matched, fmt.Sprintf("%s: frame %d, % x:\ngot %d, tcpdump says %d\n%s", b.expr, i, frame, got, want, FormatD(b.ours))
		}
		if got != 0 {
			matched++
		}
	}
	return matched, ""
}
