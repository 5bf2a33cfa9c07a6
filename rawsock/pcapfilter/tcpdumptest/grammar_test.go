package tcpdumptest

import (
	"fmt"
	"strings"
)

// grammar makes expressions of pcap-filter(7) with the values that frames have. The same seed makes the same.
type grammar struct{ generator }

// sentences makes n different expressions, each for one link type: every second one for Ethernet.
func sentences(n int, seed uint64) []subject {
	g := grammar{newGenerator(seed)}
	made := map[subject]bool{}
	var subjects []subject
	for len(subjects) < n {
		s := subject{&links[0], g.expression(3)}
		if len(subjects)%2 == 1 {
			s.link = &links[1+g.IntN(len(links)-1)]
		}
		if !made[s] {
			made[s] = true
			subjects = append(subjects, s)
		}
	}
	return subjects
}

// expression joins primitives to a depth.
func (g grammar) expression(depth int) string {
	if depth == 0 {
		return g.primitive()
	}
	switch g.IntN(6) {
	case 0, 1:
		return g.expression(depth-1) + g.word(" and ", " or ", " && ", " || ") + g.expression(depth-1)
	case 2:
		return g.word("not ", "! ", "!") + g.expression(depth-1)
	case 3:
		return "(" + g.expression(depth-1) + ")"
	case 4: // what follows stands behind another header
		outer := g.encapsulation()
		if g.one(4) {
			outer = "(" + outer + " or " + g.encapsulation() + ")"
		}
		return outer + " and " + g.expression(depth-1)
	}
	return g.primitive()
}

func (g grammar) encapsulation() string {
	return g.word("vlan", "vlan", "mpls", "pppoes", "geneve") + g.label()
}

// label is the identifier behind vlan and its like, or nothing.
func (g grammar) label() string { return g.word("", "", " 5", " 100", " 7", " 16") }

// word is one of them.
func (g grammar) word(words ...string) string { return pick(g.generator, words...) }

// words are the primitives of one word.
const words = "ip ip6 arp rarp tcp udp sctp icmp icmp6 igmp igrp pim vrrp carp esp ah atalk aarp decnet iso stp ipx netbeui lat " +
	"moprc mopdl sca clnp esis isis l1 l2 iih lsp snp csnp psnp llc inbound outbound vlan mpls pppoed pppoes geneve broadcast multicast"

func (g grammar) primitive() string {
	direction := g.word("", "", "src ", "dst ", "src or dst ", "src and dst ", "dst or src ")
	switch g.IntN(15) {
	case 0, 1:
		return g.word(strings.Fields(words)...)
	case 2:
		return g.word("", "ip ", "arp ", "rarp ") + direction + "host " + g.list(addresses4...)
	case 3:
		return g.word("", "ip6 ") + direction + "host " + g.list(addresses6...)
	case 4:
		return g.word("", "ip ") + direction + "net " + g.list("10", "10.1", "192.0.2", "10.0.0.0/8", "192.0.2.0/24", "224.0.0.0/4",
			"10.1 mask 255.255.0.0", "0.0.0.0/0", "192.168.0.0/17")
	case 5:
		return g.word("", "ip6 ") + direction + "net " +
			g.word("2001:db8::/32", "fe80::/10", "ff00::/9", "::/0", "2001:db8:0:1::/64", "fd00:1:2:3:4::/80")
	case 6:
		return g.word("", "tcp ", "udp ", "sctp ") + direction + "port " + g.list(g.port(), g.port(), g.port())
	case 7:
		return g.word("", "tcp ", "udp ", "sctp ") + direction + "portrange " +
			g.list(g.port()+"-"+g.port(), g.port()+"-"+g.port())
	case 8:
		return g.word("ether ", "link ") + direction + "host " +
			g.list("02:00:00:00:00:01", "2:0:0:0:0:2", "02-01-00-00-00-01", "0200.0000.0002", "ff:ff:ff:ff:ff:ff")
	case 9:
		return g.word("ether broadcast", "ether multicast", "ip multicast", "ip6 multicast", "link multicast",
			"llc u", "llc s", "llc i", "llc ui", "llc rr", "llc xid",
			"iso proto 0x83", "isis proto 20", "decnet src 10.8", "decnet host 3.4")
	case 10:
		return g.word("proto ", "ip proto ", "ip6 proto ", "protochain ", "ip protochain ", "ip6 protochain ") +
			g.list("6", "17", `\tcp`, `\udp`, "0", "44", "132", "58", "1")
	case 11:
		return "ether proto " + g.list(`\ip`, `\ip6`, `\arp`, "0x88cc", "0x8100", "0x42", "0xfe", "0x8137", `\atalk`, `\iso`, "0x8864")
	case 12:
		return fmt.Sprint(g.word("less ", "greater "), 20+g.IntN(90))
	}
	return g.arithmetic(2, true) + g.word(" = ", " == ", " != ", " < ", " <= ", " > ", " >= ") + g.arithmetic(1, false)
}

func (g grammar) port() string { return fmt.Sprint(ports[g.IntN(len(ports))]) }

// list has one of the values or several, of which the later ones take over the qualifiers.
func (g grammar) list(values ...string) string {
	text := g.word(values...)
	for g.one(4) {
		text += g.word(" or ", " or ", " or not ", " and ") + g.word(values...)
	}
	return text
}

// arithmetic makes a value. Only a left operand has accesses that hold a protocol: libpcap up to 1.10 forgets the
// protocol of a right one, of which the table of differences has its rows.
func (g grammar) arithmetic(depth int, guarded bool) string {
	if depth > 0 && g.one(2) {
		left, right := g.arithmetic(depth-1, guarded), g.arithmetic(depth-1, false)
		switch op := g.word("+", "-", "*", "/", "&", "|", "<<", ">>", "%", "^"); op {
		case "/", "%", "^": // not by what may be zero; libpcap gives % and ^ no precedence
			return fmt.Sprint("((", left, ") ", op, " ", 1+g.IntN(9), ")")
		case "<<", ">>":
			return fmt.Sprint("((", left, ") ", op, " ", g.IntN(8), ")") // "a >> 1 * b" shifts by 1 * b
		case "-":
			return "(" + left + ") - (" + right + ")"
		default:
			return left + " " + op + " " + right
		}
	}
	switch g.IntN(4) {
	case 0:
		return fmt.Sprint(g.IntN(300))
	case 1:
		return "len"
	}
	index := fmt.Sprint(g.IntN(24))
	if depth > 0 && g.one(3) {
		index = "(" + g.arithmetic(depth-1, guarded) + ") & 15"
	}
	protocols := []string{"ether"}
	if guarded {
		protocols = []string{"ether", "link", "ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "sctp", "igmp", "pim", "vrrp"}
	}
	return g.word(protocols...) + "[" + index + g.word("", ":1", ":2", ":4") + "]"
}
