package tcpdumptest

import (
	"encoding/binary"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// difference is one between the two compilers that is meant. Where it is met stands in expr and links, and one of
// the fields behind source says what it is.
type difference struct {
	name   string
	expr   string // a regular expression that the whole text matches
	links  string // link types or devices of the live test, with spaces between; "": all
	reason string // why ours is right
	source string // who says so

	ours    verdict                                // taken here and refused by tcpdump, or the other way round
	written func(expr string) string               // what tcpdump must be told so that it means the same
	like    *likeness                              // tcpdump says the same of the same frame in another framing
	frame   func(looked *watch, frame []byte) bool // the frames on which they disagree
	kernel  bool                                   // the kernel says otherwise than the virtual machine
}

// The devices of the live test: a link that may take tags out of frames, and all links at once.
const (
	tagDevice = "v0"
	anyDevice = "any"
)

// verdict of a compiler over an expression.
type verdict int

const (
	_ verdict = iota
	taken
	refused
)

// likeness is a link type whose frames say the same to tcpdump.
type likeness struct {
	link    string
	convert func(frame []byte) []byte // nil when the frame is too short to say
}

// differences has a row for each difference but one: an expression that can match nothing, such as "tcp and arp", is taken
// here unless Options.MustMatch is set, and by tcpdump when its optimizer is off, which is how it is asked; with both, whatever
// tcpdump finds to reject all packets is refused here too.
var differences = []difference{
	// Expressions that one of them refuses.
	{
		name: "zeros in front", expr: `(net|host) 0?10\.1\.2\.0?3`, ours: refused,
		reason: "to one program 010 is 8 and to another 10; libpcap reads 10",
		source: "inet_aton(3)",
	},
	{
		name: "bytes that no packet has", expr: `[a-z]+\[(0x[f7][f0]*|0? ?- ?1)\] = 1`, ours: refused,
		reason: "Linux takes such an offset for a request for metadata",
		source: "linux/filter.h, SKF_AD_OFF, SKF_NET_OFF and SKF_LL_OFF",
	},
	{
		name: "% and ^ beside another operator", expr: oneOf("6 % 4 + 1 = 3", "2 * 7 % 4 = 2"), ours: refused,
		reason: "libpcap groups them otherwise than C does, and a reader cannot know",
		source: "libpcap's grammar.y: both stand in no line of precedence",
	},
	{
		name: "arithmetic that comes to nothing", ours: refused,
		expr:   oneOf("len / (1 - 1) = 1", "len % (2 - 2) = 1", "len << 7 * 181 = 0", "len >> (16 * 2) = 0"),
		reason: "libpcap looks for a zero and for a shift of 32 bits before it has computed the constant",
		source: "measured",
	},
	{
		name: "a shift by less than it began with", expr: oneOf("len << (40 - 9) = 0"), ours: taken,
		reason: "as above: libpcap sees the 40",
		source: "measured",
	},
	{
		name: "vxlan", expr: `.*\bvxlan\b.*`, ours: taken,
		reason: "libpcap has the word since 1.11",
		source: "libpcap 1.11, CHANGES and pcap-filter(7)",
	},
	{
		name: "numbers that do not fit", ours: refused,
		expr:   `(ether|ip|ip6|iso|isis)? ?(proto|protochain) (256|300|1000|65536|0x10000)`,
		reason: "no frame carries such a number; later versions of libpcap refuse it too",
		source: "libpcap 1.11, CHANGES",
	},
	{
		name: "range of three", expr: oneOf("portrange 20-30-40"), ours: refused,
		reason: "libpcap 1.10 reads it as 20-30",
		source: "measured; pcap-filter(7) has \"portrange name1-name2\"",
	},
	{
		name: "address as a DECnet host", expr: oneOf("decnet host 10.1.2.3"), ours: refused,
		reason: "a DECnet address is AREA.NODE; libpcap reads 10.1 of it and takes the rest for nothing",
		source: "pcap-filter(7), \"decnet host\"; libpcap 1.11, CHANGES",
	},
	{
		name: "protochain in GENEVE", expr: `.*geneve.*protochain.*`, ours: taken,
		reason: "libpcap refuses it behind headers of variable length, because its loop has no register left; ours does not loop",
		source: "measured",
	},
	{
		name: "ip broadcast", expr: `.*\bip broadcast\b.*`, ours: refused,
		reason: "a file does not say what netmask its interface had; tcpdump takes 0.0.0.0 and finds two addresses",
		source: "pcap-filter(7), \"ip broadcast\"",
	},
	{
		name: "802.2 in GENEVE in MPLS", expr: `.*mpls.*geneve.*`, ours: taken,
		reason: "GENEVE carries Ethernet, which has room for 802.2; libpcap still thinks of the MPLS outside, which has none",
		source: "RFC 8926 §3.4",
	},
	{
		name: "protochain behind a tag", links: tagDevice, expr: `.*vlan.*protochain.*`, ours: taken,
		reason: "as \"protochain in GENEVE\": on an interface the tag makes the header one of variable length",
		source: "measured",
	},
	{
		name: "VLAN without a link layer", links: anyDevice, expr: `.*\bvlan\b.*`, ours: taken,
		reason: "the kernel tells the tag of a frame whatever socket it is for; libpcap refuses the word on cooked interfaces",
		source: "packet(7), PACKET_AUXDATA; linux/filter.h, SKF_AD_VLAN_TAG",
	},
	{
		name: "direction of what a tunnel carries", links: "LINUX_SLL LINUX_SLL2", ours: taken,
		expr:   `.*(geneve|pppoes).*\b(inbound|outbound|ifindex)\b.*`,
		reason: "the cooked header tells the direction and the interface whatever is inside; libpcap asks the link type inside",
		source: "measured",
	},

	// Expressions that mean something else.
	{
		name: "protocol of a right operand", expr: oneOf(slices.Collect(maps.Keys(guards))...),
		reason:  "libpcap up to 1.10 reads what stands to the right of an operator whether the packet has that protocol or not",
		source:  "pcap-filter(7): an access to a protocol is true for packets of that protocol",
		written: func(expr string) string { return guards[expr] + expr },
	},
	{
		name: "names of networks", expr: `(src |dst )?net (loopback|link-local)`,
		reason:  "glibc returns 127.0.0.0 in full, of which libpcap cuts no zeros: it compares with that one address",
		source:  "networks(5): trailing zeros of an address are left out",
		written: strings.NewReplacer("loopback", "127", "link-local", "169.254").Replace,
	},
	{
		name: "byte with a bit operator", expr: `byte \d+ [&|] \d+`,
		reason: "libpcap 1.10 forgets to load the byte",
		source: "libpcap 1.11, CHANGES",
		written: func(expr string) string {
			words := strings.Fields(expr)
			return "ether[" + words[1] + "] " + words[2] + " " + words[3] + " != 0"
		},
	},
	{
		name: "OSI in LINUX_SLL", links: "LINUX_SLL", expr: alone(osi),
		reason: "the OSI header follows the 802.2 header; libpcap looks for it where that one stands",
		source: "ISO 9577 §5.2; https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html",
		like:   &likeness{"EN10MB", func(frame []byte) []byte { return ethernetOf(cookedProtocol("LINUX_SLL", frame)) }},
	},
	{
		name: "802.2 in LINUX_SLL2", links: "LINUX_SLL2", expr: alone(osi + "|" + llc),
		reason: "the protocol field has the values of LINUX_SLL; libpcap 1.10 compares it with what stands in the 802.2 header",
		source: "https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html",
		like:   &likeness{"EN10MB", func(frame []byte) []byte { return ethernetOf(cookedProtocol("LINUX_SLL2", frame)) }},
	},

	// Frames of which they say different things.
	{
		name: "NULL of the other byte order", expr: `(?s).*`, links: "NULL",
		reason: "the family is in the order of the machine that wrote the file, which libpcap knows; ours is made without a file",
		source: "https://www.tcpdump.org/linktypes.html",
		frame: func(_ *watch, frame []byte) bool {
			return len(frame) >= 4 && slices.Contains([]uint32{2, 10, 24, 28, 30}, binary.BigEndian.Uint32(frame))
		},
	},
	{
		name: "Linux's family of IPv6", expr: `(?s).*`, links: "NULL LOOP",
		reason: "a program here is for the files of every system; libpcap has the numbers of the BSDs alone when it reads one",
		source: "AF_INET6 of linux/socket.h",
		frame: func(_ *watch, frame []byte) bool {
			return len(frame) >= 4 && (binary.NativeEndian.Uint32(frame) == 10 || binary.BigEndian.Uint32(frame) == 10)
		},
	},
	{
		name: "protochain of many headers", expr: `.*protochain.*`,
		reason: "the kernel runs no loops, so the chain is written out for 8 headers",
		source: "linux/Documentation/networking/filter.rst; the package comment of pcapfilter",
		frame:  func(looked *watch, _ []byte) bool { return looked.backwards >= 8 },
	},
	{
		name: "protochain over AH", expr: `.*protochain.*`,
		reason: "libpcap forgets where the AH header stands when it steps over it, and goes on at the wrong place, at times for ever",
		source: "RFC 4302 §2.2; gen_protochain in libpcap's gencode.c",
		frame: func(looked *watch, _ []byte) bool {
			return slices.ContainsFunc(looked.branches, func(b branch) bool { return b.taken && b.test == jumpEQ && b.with == 51 })
		},
	},
	{
		name: "OSI in GENEVE in PPPoE or MPLS", links: "EN10MB", expr: `.*(pppoes|mpls).*geneve.*\b(` + osi + `)\b.*`,
		reason: `as "OSI in GENEVE"`, source: "as there",
		frame: func(*watch, []byte) bool { return true },
	},
	{
		name: "memory that nobody wrote", expr: `.*geneve.*`,
		reason: "where \"or\" passes by the tunnel that moved the headers, libpcap reads offsets that it did not store",
		source: "Linux refuses such programs, check_load_and_stores in net/core/filter.c; libpcap 1.11, CHANGES",
		frame:  func(looked *watch, _ []byte) bool { return looked.unwritten },
	},
	{
		name: "memory with the value of another", expr: `.*[<=>].*geneve.*`,
		reason: "as \"memory that nobody wrote\", and the word still holds a number of an earlier comparison",
		source: "measured",
		frame:  func(*watch, []byte) bool { return true },
	},
	{
		name: "802.2 in LINUX_SLL, beside other words", links: "LINUX_SLL", expr: `.*\b(` + osi + `)\b.*`,
		reason: `as "OSI in LINUX_SLL"`, source: "as there",
		frame: func(_ *watch, frame []byte) bool {
			protocol, _, ok := cookedProtocol("LINUX_SLL", frame)
			return ok && protocol < 1536
		},
	},
	{
		name: "802.2 in LINUX_SLL2, beside other words", links: "LINUX_SLL2", expr: `.*\b(` + osi + "|" + llc + `)\b.*`,
		reason: `as "802.2 in LINUX_SLL2"`, source: "as there",
		frame: func(_ *watch, frame []byte) bool {
			protocol, _, ok := cookedProtocol("LINUX_SLL2", frame)
			return ok && (protocol < 1536 || slices.Contains([]uint16{0x8137, 0x809b, 0x80f3}, protocol)) // IPX, AppleTalk
		},
	},
	{
		name: "OSI in GENEVE", links: "RAW IPV4 IPV6 PPP LINUX_SLL LINUX_SLL2 NULL LOOP", expr: `.*geneve.*\b(` + osi + `)\b.*`,
		reason: "libpcap looks for the OSI header behind the 802.2 header that the outer link would have, which has none",
		source: "RFC 8926 §3.4: an Ethernet frame follows",
		frame:  func(*watch, []byte) bool { return true },
	},
	{
		name: "what GENEVE in MPLS carries", expr: `.*mpls.*geneve.*`,
		reason: "behind \"mpls\" libpcap 1.10 looks for the bottom of the label stack also in front of what GENEVE carries",
		source: "measured; RFC 8926 §3.4",
		frame:  func(*watch, []byte) bool { return true },
	},

	// The kernel alone.
	{
		name: "computed shift of 32 bits and more", expr: oneOf("ip[1] << ip[8] > 0"), kernel: true,
		reason: "the shift is 0 in libpcap and in golang.org/x/net/bpf; the kernel leaves it to the processor",
		source: "linux/Documentation/bpf/standardization/instruction-set.rst; the package comment of pcapfilter",
	},
}

// The words that 802.2 headers are read for, and those that look behind them.
const (
	llc = `stp|ipx|netbeui|atalk|aarp|iso|(ether|link|ppp|slip|fddi|tr|wlan) proto (\\[a-z]+|0x80(9b|f3)|0x..|\d{1,4})`
	osi = `clnp|es-?is|is-?is|l1|l2|iih|lsp|c?snp|psnp|(iso|isis) proto (\\[a-z]+|[0-9a-fx]+)`
)

// alone is an expression of such words and nothing else.
func alone(words string) string {
	return `(((not|and|or) |!)*\(?(` + words + `)\)?( |$))+`
}

// guards are the tests that libpcap forgets in front of some expressions.
var guards = map[string]string{
	"len + tcp[0] > 60":      "ip and tcp and ip[6:2] & 0x1fff = 0 and ",
	"1 + ip6[6] = 18":        "ip6 and ",
	"2 * (3 + udp[1]) > 100": "ip and udp and ip[6:2] & 0x1fff = 0 and ",
	"ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0": "ip and tcp and ip[6:2] & 0x1fff = 0 and ",
}

// oneOf is an expression of those.
func oneOf(exprs ...string) string {
	quoted := make([]string, len(exprs))
	for i, e := range exprs {
		quoted[i] = regexp.QuoteMeta(e)
	}
	return strings.Join(quoted, "|")
}

// cookedProtocol is the protocol field of a cooked frame, and what follows the header as far as there is one.
func cookedProtocol(link string, frame []byte) (protocol uint16, behind []byte, ok bool) {
	header, at := 16, 14
	if link == "LINUX_SLL2" {
		header, at = 20, 0
	}
	if len(frame) < at+2 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(frame[at:]), frame[min(header, len(frame)):], true
}

// ethernetOf makes a frame of Ethernet from the parts of a cooked one. Of the protocols that are no EtherTypes Ethernet
// knows 4, which is 802.2, and 1, which begins with a checksum of all ones instead.
func ethernetOf(protocol uint16, behind []byte, ok bool) []byte {
	novell := len(behind) >= 8 && behind[0] == 0xff && behind[1] == 0xff
	switch {
	case !ok || len(behind) == 0:
		return nil
	case protocol == 4 && !novell, protocol == 1 && novell:
		protocol = uint16(min(len(behind), 1500))
	case protocol < 1536:
		return nil
	}
	return octets(make([]byte, 12), protocol, behind)
}

// patterns are the compiled expressions of the rows.
var patterns = func() []*regexp.Regexp {
	all := make([]*regexp.Regexp, len(differences))
	for i, d := range differences {
		all[i] = regexp.MustCompile("^(?:" + d.expr + ")$")
	}
	return all
}()

// checkMet fails for each row that was not needed: of those about the devices of the live test, or of the others.
func checkMet(t *testing.T, met map[string]int, live bool) {
	t.Helper()
	for _, d := range differences {
		if onDevice := d.links == tagDevice || d.links == anyDevice; onDevice != live {
			continue
		}
		if n := met[d.name]; n > 0 {
			t.Logf("meant, %d times: %s: %s (%s)", n, d.name, d.reason, d.source)
		} else {
			t.Errorf("the difference %q is no more: take its row away", d.name)
		}
	}
}

// differencesOf returns the rows that an expression meets.
func differencesOf(s subject) (met []*difference) {
	for i := range differences {
		d := &differences[i]
		if (d.links == "" || slices.Contains(strings.Fields(d.links), s.link.name)) && patterns[i].MatchString(s.expr) {
			met = append(met, d)
		}
	}
	return met
}
