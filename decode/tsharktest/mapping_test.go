package tsharktest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mapping says what a column is in tshark's words.
type mapping struct {
	column string
	part   part
	fields string // tshark's fields that it is in, with spaces between
	take   func(fields []field, layers []layer) string
}

// mappings has a row for every column. What tshark cannot know has no fields, and says why.
var mappings = []mapping{
	{"ts", whole, "frame.time_epoch", first(stamp)},
	{"device", whole, "", nothing}, // named by the configuration
	{"interface", whole, "frame.interface_name", first(interfaceName)},
	{"direction", whole, "frame.packet_flags_direction frame.packet_flags_reception_type sll.pkttype", direction},
	{"wire_length", whole, "frame.len", first(number)},
	{"captured_length", whole, "frame.cap_len", first(number)},

	{"src_mac", link, "eth.src sll.src.eth", first(text)},
	{"dst_mac", link, "eth.dst", first(text)},
	{"ether_type", link, "eth.type vlan.etype ieee8021ah.etype llc.type sll.etype", last(number)},
	{"vlan_id", link, "ieee8021ad.id vlan.id", nth(0, number)},
	{"inner_vlan_id", link, "ieee8021ad.id vlan.id", nth(1, number)},
	{"pppoe_session", link, "pppoe.session_id", first(number)},

	{"ip_version", outer, "ip.version ipv6.version", first(number)},
	{"src_ip", outer, "ip.src ipv6.src arp.src.proto_ipv4", first(text)},
	{"dst_ip", outer, "ip.cur_rt ip.dst ipv6.dst arp.dst.proto_ipv4", first(text)}, // tshark's ip.dst is a source route's end
	{"protocol", outer, nextHeaders, last(number)},
	{"ttl", outer, "ip.ttl ipv6.hlim", first(number)},
	{"traffic_class", outer, "ip.dsfield ipv6.tclass", first(number)},
	{"ip_id", outer, "ip.id ipv6.fraghdr.ident", first(number)},
	{"fragment_offset", outer, "ip.flags.mf ip.frag_offset ipv6.fraghdr.offset", fragmentOffset},

	{"src_port", outer, "tcp.srcport udp.srcport sctp.srcport dccp.srcport", first(number)},
	{"dst_port", outer, "tcp.dstport udp.dstport sctp.dstport dccp.dstport", first(number)},
	{"seq_number", outer, "tcp.seq_raw", first(number)},
	{"ack_number", outer, "tcp.ack_raw", first(number)},
	{"flags", outer, "tcp.flags", first(flags)},
	{"window_size", outer, "tcp.window_size_value", first(number)},
	{"mss", outer, "tcp.options.mss_val", last(number)},
	{"window_scale", outer, "tcp.options.wscale.shift", last(number)},
	{"ts_value", outer, "tcp.options.timestamp.tsval", last(number)},
	{"ts_echo", outer, "tcp.options.timestamp.tsecr", last(number)},
	{"tcp_options", outer, "tcp.options.sack_perm tcp.options.tfo tcp.options.experimental.exid tcp.options.md5 tcp.options.ao", options},
	{"sack_blocks", outer, "tcp.options.sack.count", last(number)},
	{"payload_length", outer, lengths, payloadLength},
	{"icmp_type", outer, "icmp.type icmpv6.type", first(number)},
	{"icmp_code", outer, "icmp.code icmpv6.code", first(number)},
	{"igmp_type", outer, "igmp.type", first(number)},
	{"vrrp_id", outer, "vrrp.virt_rtr_id", first(number)},
	{"vrrp_priority", outer, "vrrp.prio", first(number)},
	{"spi", outer, "esp.spi ah.spi", first(number)},
	{"arp_operation", outer, "arp.opcode", first(number)},

	{"tunnel", whole, "", tunnel}, // by the layers' order
	{"tunnel_key", outer, "gre.key gre.key.call_id vxlan.vni geneve.vni gtp.teid l2tp.session l2tp.sid", first(number)},
	{"inner_src_ip", inner, "ip.src ipv6.src", first(text)},
	{"inner_dst_ip", inner, "ip.cur_rt ip.dst ipv6.dst", first(text)},
	{"inner_protocol", inner, nextHeaders, last(number)},
	{"inner_src_port", inner, "tcp.srcport udp.srcport sctp.srcport dccp.srcport", first(number)},
	{"inner_dst_port", inner, "tcp.dstport udp.dstport sctp.dstport dccp.dstport", first(number)},

	{"name", whole, names, name},
	{"name_kind", whole, names, nameKind},
	{"dns_type", outer, "dns.count.answers dns.qry.type dns.resp.type", dnsType},
	{"dns_rcode", outer, "dns.flags.response dns.flags.rcode", whenResponse},
	{"dns_answers", outer, "dns.flags.response dns.count.answers dns.count.prerequisites", whenResponse}, // of an update, RFC 2136 §2.2,
	{"dns_addresses", outer, "dns.flags.response dns.count.answers dns.qry.name dns.resp.type dns.resp.class dns.a dns.aaaa", addresses},
	{"tls_version", outer, "tls.handshake.type tls.handshake.version tls.handshake.extensions.supported_version", helloVersion},
	{"alpn", outer, "tls.handshake.type tls.handshake.extensions_alpn_str", helloProtocols},
	{"http_method", outer, "http.request.method", first(text)},
	{"dhcp_type", outer, "dhcp.option.dhcp dhcpv6.msgtype", first(number)},
	{"assigned_ip", outer, "dhcp.type dhcp.ip.your dhcpv6.msgtype dhcpv6.iaaddr.ip dhcpv6.iaprefix.pref_addr", assigned},
	{"ntp_mode", outer, "ntp.flags.mode", first(number)},

	{"wire_segments", whole, "frame.len " + lengths, wireSegments},
	{"decode_error", whole, "", nothing}, // says why others are missing, see compare
}

const (
	// nextHeaders end with the protocol behind the extension headers.
	nextHeaders = "ip.proto ipv6.nxt ipv6.hopopts.nxt ipv6.routing.nxt ipv6.fraghdr.nxt ipv6.dstopts.nxt ah.next_header shim6.nxt mip6.proto"
	// lengths are what a payload's length is found with.
	lengths = "ip.len ip.hdr_len ip.frag_offset ip.flags.mf ipv6.plen ipv6.opt.jumbo ipv6.fraghdr.offset tcp.hdr_len udp.length dccp.data_offset"
	// names are everything that a name is read from, and what tells one from another.
	names = "dns.count.answers dns.qry.name dns.resp.name tls.handshake.type tls.handshake.extensions_server_name http.host http.request.line http.response.line http.unknown_header " +
		"dhcp.option.hostname dhcp.fqdn.name dhcpv6.option.type dhcpv6.client_domain dhcpv6.tld lldp.tlv.system.name cdp.deviceid"
)

// wantedFields are all fields that the two tables ask for.
func wantedFields() map[string]bool {
	wanted := map[string]bool{}
	for f := range strings.FieldsSeq(ruleFields) {
		wanted[f] = true
	}
	for _, m := range mappings {
		for f := range strings.FieldsSeq(m.fields) {
			wanted[f] = true
		}
	}
	return wanted
}

// How a field that is there several times counts.

func first(form func(field) string) func([]field, []layer) string { return nth(0, form) }

func nth(n int, form func(field) string) func([]field, []layer) string {
	return func(fields []field, _ []layer) string {
		if len(fields) <= n {
			return ""
		}
		return form(fields[n])
	}
}

func last(form func(field) string) func([]field, []layer) string {
	return func(fields []field, _ []layer) string {
		if len(fields) == 0 {
			return ""
		}
		return form(fields[len(fields)-1])
	}
}

func nothing([]field, []layer) string { return "" }

// How a field is written.

func text(f field) string { return f.show }

// interfaceName is empty when the file has none, for which tshark has a word.
func interfaceName(f field) string {
	if f.show == "unknown" {
		return ""
	}
	return f.show
}

// number is decimal, whichever way tshark shows it.
func number(f field) string {
	if n, err := strconv.ParseUint(f.show, 0, 64); err == nil {
		return strconv.FormatUint(n, 10)
	}
	return f.show
}

// flags are the header's eight; tshark has the reserved bits in front of them.
func flags(f field) string {
	n, _ := strconv.ParseUint(f.show, 0, 16)
	return strconv.Itoa(int(n & 0xff))
}

// stamp is seconds since the epoch with nine digits of the second.
func stamp(f field) string {
	seconds, fraction, _ := strings.Cut(f.show, ".")
	s, _ := strconv.ParseInt(seconds, 10, 64)
	n, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return time.Unix(s, n).UTC().Format("2006-01-02T15:04:05.000000000Z07:00")
}

// What is in more than one field.

// one is the first field of a name, -1 as a number when there is none.
func one(fields []field, name string) int {
	for _, f := range fields {
		if f.name == name {
			n, err := strconv.ParseInt(f.show, 0, 64)
			if err == nil {
				return int(n)
			}
			if f.show == "True" {
				return 1
			}
			return 0
		}
	}
	return -1
}

// direction is what the file says of a frame, and else what a cooked header says.
func direction(fields []field, _ []layer) string {
	switch reception := one(fields, "frame.packet_flags_reception_type"); one(fields, "frame.packet_flags_direction") {
	case 1:
		switch reception {
		case 2:
			return "multicast"
		case 3:
			return "broadcast"
		case 4:
			return "other"
		}
		return "in"
	case 2:
		return "out"
	}
	if n := one(fields, "sll.pkttype"); n >= 0 && n <= 4 {
		return [...]string{"in", "broadcast", "multicast", "other", "out"}[n]
	}
	return "unknown"
}

// fragmentOffset is there in every fragment: in IPv4 one with an offset, or with more behind it.
func fragmentOffset(fields []field, _ []layer) string {
	if n := one(fields, "ipv6.fraghdr.offset"); n >= 0 {
		return strconv.Itoa(8 * n)
	}
	if n := one(fields, "ip.frag_offset"); n > 0 || n == 0 && one(fields, "ip.flags.mf") == 1 {
		return strconv.Itoa(8 * n)
	}
	return ""
}

// options are the bits of decode.Options.
func options(fields []field, layers []layer) string {
	bits := 0
	if has(layers, "mptcp") {
		bits = 16
	}
	for _, f := range fields {
		switch {
		case f.name == "tcp.options.sack_perm":
			bits |= 1
		case f.name == "tcp.options.tfo", f.name == "tcp.options.experimental.exid" && f.show == "0xf989":
			bits |= 2
		case f.name == "tcp.options.md5":
			bits |= 4
		case f.name == "tcp.options.ao":
			bits |= 8
		}
	}
	if bits == 0 {
		return ""
	}
	return strconv.Itoa(bits)
}

// total is the IP packet's length with its header.
func total(fields []field) int {
	if n := one(fields, "ip.len"); n >= 0 {
		return n
	}
	if n := one(fields, "ipv6.opt.jumbo"); n >= 0 {
		return 40 + n
	}
	if n := one(fields, "ipv6.plen"); n >= 0 {
		return 40 + n
	}
	return -1
}

// payloadLength is what the IP packet has behind the transport header, by the places of the layers.
func payloadLength(fields []field, layers []layer) string {
	if len(layers) == 0 || !ipLayer(layers[0].name) {
		return ""
	}
	header := layers[0].pos + 40
	if layers[0].name == "ip" {
		header = layers[0].pos + one(fields, "ip.hdr_len")
	}
	for _, l := range layers[1:] {
		if !extension(l.name) {
			break
		}
		header = l.pos + l.size
	}
	n := layers[0].pos + total(fields) - header
	transport := ""
	if at := carried(layers); at >= 0 {
		transport = layers[at].name
	}
	switch {
	case one(fields, "ip.frag_offset") > 0, one(fields, "ipv6.fraghdr.offset") > 0:
	case transport == "tcp":
		n -= one(fields, "tcp.hdr_len")
	case transport == "udp":
		n -= 8
		if size := one(fields, "udp.length"); size > 0 {
			n = min(n, size-8)
		}
	case transport == "icmp", transport == "icmpv6", transport == "udplite":
		n -= 8
	case transport == "sctp":
		n -= 12
	case transport == "dccp":
		n -= 4 * one(fields, "dccp.data_offset")
	}
	if n < 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// wireSegments is decode's own rule (see merged in decode/ipv4.go) on tshark's lengths.
func wireSegments(fields []field, layers []layer) string {
	parts := (&dissection{layers}).parts()
	ip := found(parts[outer], strings.Fields(lengths))
	payload, err := strconv.Atoi(payloadLength(ip, parts[outer]))
	if at := carried(parts[outer]); err != nil || at < 0 || parts[outer][at].name != "tcp" && parts[outer][at].name != "udp" ||
		fragmentOffset(ip, nil) != "" || total(ip) <= 1514 || one(fields, "frame.len") <= 1526 || payload <= 1448 {
		return ""
	}
	return strconv.Itoa((payload + 1447) / 1448)
}

// tunnels are tshark's layers of the protocols that stand in front of a packet inside.
var tunnels = map[string]string{
	"gre": "gre", "vxlan": "vxlan", "geneve": "geneve", "gtp": "gtp-u", "l2tp": "l2tp", "wg": "wireguard", "teredo": "teredo",
}

func tunnel(_ []field, layers []layer) string {
	parts := (&dissection{layers}).parts()
	if len(parts[outer]) == 0 || !ipLayer(parts[outer][0].name) {
		return ""
	}
	at := carried(parts[outer])
	if at < 0 { // only extension headers before the inner packet
		if len(parts[inner]) == 0 {
			return ""
		}
		return map[string]string{"ip ip": "ipip", "ip ipv6": "6in4", "ipv6 ip": "4in6", "ipv6 ipv6": "6in6"}[parts[outer][0].name+" "+parts[inner][0].name]
	}
	behind := parts[outer][at:]
	if behind[0].name == "udp" && len(behind) > 1 {
		behind = behind[1:]
	}
	return tunnels[behind[0].name]
}

// dnsType is the first question's type, or else that of the first answer. Other records have one as well.
func dnsType(fields []field, _ []layer) string {
	for _, f := range fields {
		if f.name == "dns.qry.type" || f.name == "dns.resp.type" && one(fields, "dns.count.answers") > 0 {
			return number(f)
		}
	}
	return ""
}

func whenResponse(fields []field, _ []layer) string {
	if one(fields, "dns.flags.response") != 1 || len(fields) < 2 {
		return ""
	}
	for _, f := range fields {
		if f.name != "dns.flags.response" {
			return number(f)
		}
	}
	return ""
}

// addresses are those of the answer section, in the class IN, in the order of the message.
func addresses(fields []field, _ []layer) string {
	if one(fields, "dns.flags.response") != 1 {
		return ""
	}
	var list []string
	record, in := 0, false
	for _, f := range fields {
		switch f.name {
		case "dns.resp.type":
			record++
		case "dns.resp.class":
			in = f.show == "0x0001"
		case "dns.a", "dns.aaaa":
			if in && record <= min(16, one(fields, "dns.count.answers")) && len(list) < 8 {
				list = append(list, f.show)
			}
		}
	}
	return strings.Join(list, " ")
}

// clientHello are the fields of the first handshake message when that is a ClientHello.
func clientHello(fields []field) []field {
	if len(fields) == 0 || fields[0].name != "tls.handshake.type" || fields[0].show != "1" {
		return nil
	}
	fields = fields[1:]
	if next := slices.IndexFunc(fields, func(f field) bool { return f.name == "tls.handshake.type" }); next >= 0 {
		fields = fields[:next]
	}
	return fields
}

// helloVersion is the highest of the first 16 versions offered that is a TLS version and no GREASE, and else the old
// field.
func helloVersion(fields []field, _ []layer) string {
	highest, legacy, offered := 0, "", 0
	for _, f := range clientHello(fields) {
		n, _ := strconv.ParseInt(f.show, 0, 32)
		switch {
		case f.name == "tls.handshake.version":
			legacy = strconv.Itoa(int(n))
		default:
			if offered++; offered <= 16 && n>>8 == 3 {
				highest = max(highest, int(n))
			}
		}
	}
	if highest > 0 {
		return strconv.Itoa(highest)
	}
	return legacy
}

// helloProtocols are the first 8 names with commas between, those of their own escaped, as many as fit in 63 bytes.
func helloProtocols(fields []field, _ []layer) string {
	var list string
	count := 0
	for _, f := range clientHello(fields) {
		if f.name != "tls.handshake.extensions_alpn_str" {
			continue
		}
		name := strings.ReplaceAll(escaped(unhex(f.value)), ",", `\,`)
		if list != "" {
			name = "," + name
		}
		if count++; count > 8 || len(list)+len(name) > 63 {
			break
		}
		list += name
	}
	return list
}

// assigned is what a DHCP server gives away.
func assigned(fields []field, _ []layer) string {
	messages := 0
	kind := ""
	for _, f := range fields {
		switch f.name {
		case "dhcp.ip.your":
			if one(fields, "dhcp.type") == 2 && f.show != "0.0.0.0" {
				return f.show
			}
		case "dhcpv6.msgtype":
			messages++
			kind = f.show
		case "dhcpv6.iaaddr.ip", "dhcpv6.iaprefix.pref_addr":
			if kind == "2" || kind == "7" {
				return f.show
			}
		}
	}
	return ""
}

// escaped is bytes in the form of decode.Name.
func escaped(raw []byte) string {
	var b strings.Builder
	for _, c := range raw {
		if c < ' ' || c > '~' || c == '\\' {
			fmt.Fprintf(&b, `\%03d`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// labels is a name of DNS in the form of decode.Name: from its bytes, or as tshark shows it when a pointer is in it.
func labels(f field) string {
	if f.show == "<Root>" {
		return "."
	}
	raw := unhex(f.value)
	var list []string
	for len(raw) > 0 && raw[0] != 0 {
		size := int(raw[0])
		if size > 63 || size >= len(raw) {
			return f.show
		}
		list = append(list, strings.ReplaceAll(escaped(raw[1:1+size]), ".", `\.`))
		raw = raw[1+size:]
	}
	return strings.Join(list, ".")
}

// nameAndKind finds the name as decode does: the port, that is tshark's layer, decides.
func nameAndKind(layers []layer) (string, string) {
	parts := (&dissection{layers}).parts()
	outerPart := parts[outer]
	get := func(in []layer, names ...string) (field, bool) {
		list := found(in, names)
		if len(list) == 0 {
			return field{}, false
		}
		return list[0], true
	}
	for _, kind := range []string{"dns", "mdns", "llmnr"} {
		if !has(outerPart, kind) {
			continue
		}
		if f, ok := get(outerPart, "dns.qry.name"); ok {
			return labels(f), kind
		}
		if f, ok := get(outerPart, "dns.resp.name"); ok && one(found(outerPart, []string{"dns.count.answers"}), "dns.count.answers") > 0 {
			return labels(f), kind
		}
	}
	if has(outerPart, "tls") {
		kind := "tls"
		if has(outerPart, "quic") {
			kind = "quic"
		}
		hello := clientHello(found(outerPart, []string{"tls.handshake.type", "tls.handshake.extensions_server_name"}))
		for _, f := range hello {
			return escaped(unhex(f.value)), kind
		}
	}
	if has(outerPart, "ssdp") {
		return headerLine(found(outerPart, []string{"http.request.line", "http.response.line", "http.unknown_header"})), "ssdp"
	}
	if has(outerPart, "dhcpv6") {
		return clientDomain(found(outerPart, []string{"dhcpv6.option.type", "dhcpv6.client_domain", "dhcpv6.tld"})), "dhcpv6"
	}
	for _, row := range []struct{ layer, field, kind string }{
		{"http", "http.host", "http"},
		{"dhcp", "dhcp.option.hostname", "dhcp"},
		{"dhcp", "dhcp.fqdn.name", "dhcp"},
		{"lldp", "lldp.tlv.system.name", "lldp"},
		{"cdp", "cdp.deviceid", "cdp"},
	} {
		if !has(layers, row.layer) {
			continue
		}
		in := outerPart
		if row.kind == "lldp" || row.kind == "cdp" {
			in = parts[link]
		}
		f, ok := get(in, row.field)
		switch {
		case !ok:
		case row.field == "http.host":
			_, host, _ := strings.Cut(string(unhex(f.value)), ":") // the bytes are those of the whole line
			return escaped([]byte(strings.Trim(host, " \t\r\n"))), row.kind
		case row.field == "dhcp.fqdn.name" && strings.HasSuffix(f.value, "00"):
			return labels(f), row.kind
		default:
			return escaped(unhex(f.value)), row.kind
		}
	}
	return "", ""
}

func name(_ []field, layers []layer) string {
	n, _ := nameAndKind(layers)
	return n
}

func nameKind(_ []field, layers []layer) string {
	n, kind := nameAndKind(layers)
	if n == "" {
		return ""
	}
	return kind
}

// clientDomain is the name in option 39: tshark has a field of its own for one of a single label, and the same fields
// in options with other names.
func clientDomain(fields []field) string {
	option := ""
	for _, f := range fields {
		switch {
		case f.name == "dhcpv6.option.type":
			option = f.show
		case option == "39":
			return labels(f)
		}
	}
	return ""
}

// headerLine is the value of ST or NT among the lines of a message.
func headerLine(lines []field) string {
	for _, f := range lines {
		line := string(unhex(f.value))
		key, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(key, "ST") || strings.EqualFold(key, "NT") {
			return escaped([]byte(strings.Trim(value, " \t\r\n")))
		}
	}
	return ""
}

// canonical is an address in the one form of RFC 5952, text that is none unchanged.
func canonical(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.String()
	}
	return s
}
