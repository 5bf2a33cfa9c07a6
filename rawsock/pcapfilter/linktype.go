package pcapfilter

import (
	"strconv"
	"strings"
)

// LinkType is a LINKTYPE_ number as in the header of a pcap file: what the first byte of a frame is.
type LinkType uint16

// The link types Compile knows; any other is refused with ErrUnsupported.
const (
	Null      LinkType = 0   // address family first, in the byte order of the machine that captured it
	Ethernet  LinkType = 1   // Ethernet II or IEEE 802.3 header first
	PPP       LinkType = 9   // PPP header first, with the address and control fields of HDLC framing
	Raw       LinkType = 101 // IPv4 or IPv6 header first, told apart by the version
	Loop      LinkType = 108 // address family first, in network byte order
	LinuxSLL  LinkType = 113 // "cooked" header of Linux first
	IPv4      LinkType = 228 // IPv4 header first
	IPv6      LinkType = 229 // IPv6 header first
	LinuxSLL2 LinkType = 276 // second version of the cooked header first, which has the interface too
)

// linkTypeNames are the names of libpcap, which tcpdump -y takes.
var linkTypeNames = [...]struct {
	link LinkType
	name string
}{
	{Ethernet, "EN10MB"}, {Raw, "RAW"}, {IPv4, "IPV4"}, {IPv6, "IPV6"}, {PPP, "PPP"},
	{LinuxSLL, "LINUX_SLL"}, {LinuxSLL2, "LINUX_SLL2"}, {Null, "NULL"}, {Loop, "LOOP"},
}

// LinkTypeNames returns the names of the link types that Compile knows.
func LinkTypeNames() []string {
	var names []string
	for _, known := range linkTypeNames {
		names = append(names, known.name)
	}
	return names
}

// LinkTypeNamed returns the link type of a name, in any case; ok is false when Compile knows none of that name.
func LinkTypeNamed(name string) (link LinkType, ok bool) {
	for _, known := range linkTypeNames {
		if strings.EqualFold(known.name, name) {
			return known.link, true
		}
	}
	return 0, false
}

// nameOf is how messages call a link type.
func nameOf(link LinkType) string {
	for _, known := range linkTypeNames {
		if known.link == link {
			return known.name
		}
	}
	return strconv.Itoa(int(link))
}
