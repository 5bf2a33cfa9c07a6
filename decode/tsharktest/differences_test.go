package tsharktest

import (
	"slices"
	"strings"

	"network-sniffer/decode"
)

// difference is one that is meant: a rule that says when it is there, and why it is right.
type difference struct {
	name    string
	columns string // with spaces between; "": any
	reason  string
	is      func(d *disputed) bool
}

// disputed is a value of a packet that tshark has another of.
type disputed struct {
	column       string
	ours, theirs string // "" is none
	packet       *decode.Packet
	parts        [4][]layer
}

// ruleFields are tshark's fields that the rules below ask for, beyond those of the columns.
const ruleFields = "quic.version quic.crypto.offset quic.decryption_failed"

// service are the columns that are read from a payload by its port.
const service = "spi name name_kind dns_type dns_rcode dns_answers dns_addresses tls_version alpn http_method dhcp_type assigned_ip ntp_mode " +
	"tunnel tunnel_key inner_src_ip inner_dst_ip inner_protocol inner_src_port inner_dst_port"

var differences = []difference{
	{
		"another port", service,
		"decode reads a service at its own ports only; tshark also knows some by their looks, other ports, or an earlier packet of the conversation",
		func(d *disputed) bool { return d.ours == "" && !servicePort(d) },
	},
	{
		"Linux's loopback family", "",
		"the family 10 of a LINKTYPE_NULL header is IPv6 to decode, as Linux writes it; tshark knows the numbers of the BSDs alone",
		func(d *disputed) bool {
			return d.theirs == "" && has(d.parts[link], "null") && len(d.parts[outer]) == 0 && d.packet.IPVersion == 6
		},
	},
	{
		"TCP option that is cut", "tcp_options",
		"an option counts when all of it is there; tshark shows one by its first byte",
		func(d *disputed) bool { return d.packet.DecodeError == decode.TruncatedTCPOption },
	},
	{
		"quote that is cut", "inner_protocol",
		"an ICMP error quotes a beginning; the inner protocol counts when the extension headers in front of it are all there",
		func(d *disputed) bool { return d.ours == "" && quotes(d) && carried(d.parts[inner]) < 0 },
	},
	{
		"AH in a quote", "inner_src_port inner_dst_port",
		"tshark stops inside AH when the quoted packet is cut somewhere behind it",
		func(d *disputed) bool {
			return d.theirs == "" && quotes(d) && has(d.parts[inner], "ah") && carried(d.parts[inner]) < 0
		},
	},
	{
		"ports of an inner header that is cut", "inner_src_port inner_dst_port",
		"the ports are the first 4 bytes; tshark asks for the whole header of SCTP and DCCP",
		func(d *disputed) bool {
			return d.theirs == "" && (d.packet.Inner.Protocol == sctp || d.packet.Inner.Protocol == dccp)
		},
	},
	{
		"DNS header in TCP that is cut", "dns_rcode dns_answers",
		"without the length and all of the header nothing says that the segment begins with a message",
		func(d *disputed) bool { return d.ours == "" && d.packet.Protocol == tcp && cutBehind(d, "dns", 2+12) },
	},
	{
		"HTTP method that is cut", "http_method",
		"without the space behind it nothing says that the segment begins with a request",
		func(d *disputed) bool {
			return d.ours == "" && (cutBehind(d, "http", len(d.theirs)+1) || cutBehind(d, "ssdp", len(d.theirs)+1))
		},
	},
	{
		"compressed TCP header", "",
		"decode leaves a packet alone whose headers PPP has compressed (RFC 1144)",
		func(d *disputed) bool {
			return d.ours == "" && has(d.parts[whole], "vjc")
		},
	},
	{
		"mirrored frame", "inner_src_ip inner_dst_ip inner_protocol inner_src_port inner_dst_port",
		"ERSPAN shows a monitor what crossed another place; decode does not look into it",
		func(d *disputed) bool {
			return d.ours == "" && has(d.parts[whole], "erspan")
		},
	},
	{
		"L2TP message that is cut", "tunnel tunnel_key",
		"the header is all that decode reads; tshark leaves a message alone of which something was not captured",
		func(d *disputed) bool {
			return d.theirs == "" && d.packet.Tunnel == decode.TunnelL2TP && d.packet.CapturedLength < d.packet.WireLength
		},
	},
	{
		"hello in several QUIC packets", "name name_kind tls_version alpn",
		"decode puts nothing together from several packets; tshark shows the ClientHello with its last part",
		func(d *disputed) bool {
			offsets := found(d.parts[outer], []string{"quic.crypto.offset"})
			return d.ours == "" && len(offsets) > 0 && !slices.ContainsFunc(offsets, func(f field) bool { return f.show == "0" })
		},
	},
	{
		"QUIC packet that was changed", "name name_kind tls_version alpn",
		"decode does not check the tag of a packet, which one that was cut does not have; tshark shows nothing when it is wrong",
		func(d *disputed) bool {
			return d.theirs == "" && len(found(d.parts[outer], []string{"quic.decryption_failed"})) > 0
		},
	},
	{
		"TLS record that goes on", "name name_kind tls_version alpn",
		"decode reads a ClientHello that is all there, also when its record is not; tshark asks for the record",
		func(d *disputed) bool {
			return d.theirs == "" && has(d.parts[outer], "tls") && len(found(d.parts[outer], []string{"tls.handshake.type"})) == 0
		},
	},
	{
		"another version of QUIC", "name name_kind tls_version alpn",
		"decode has the keys of versions 1 and 2; tshark tries those of 1 on versions that nobody speaks (RFC 9000 §15)",
		func(d *disputed) bool {
			versions := found(d.parts[outer], []string{"quic.version"})
			return d.ours == "" && len(versions) > 0 && versions[0].show != "0x00000001" && versions[0].show != "0x6b3343cf"
		},
	},
	{
		"CDP that is cut", "name name_kind",
		"tshark reads nothing behind the checksum of a packet that was not captured in full",
		func(d *disputed) bool {
			return d.theirs == "" && d.packet.NameKind == decode.NameCDP && d.packet.CapturedLength < d.packet.WireLength
		},
	},
	{
		"FQDN in another message", "name name_kind",
		"RFC 4704 §5 has the option in a few kinds of messages; those who send it in others mean the same, and tshark complains instead",
		func(d *disputed) bool { return d.theirs == "" && d.packet.NameKind == decode.NameDHCPv6 },
	},
	{
		"name that is cut", "name",
		"a name has 255 bytes; decode_error says that there were more",
		func(d *disputed) bool {
			return d.packet.DecodeError == decode.NameTooLong && strings.HasPrefix(d.theirs, d.ours)
		},
	},
}

// quotes says whether the inner packet is one that an ICMP error quotes.
func quotes(d *disputed) bool { return has(d.parts[outer], "icmp", "icmpv6") }

// cutBehind says whether fewer than n bytes of a layer were captured.
func cutBehind(d *disputed, name string, n int) bool {
	at := position(d.parts[outer], name)
	return at >= 0 && int(d.packet.CapturedLength) < d.parts[outer][at].pos+n
}

// ports of each of tshark's layers where decode reads it too: in UDP of either side, in TCP of the server, of DNS of
// either.
var ports = []struct {
	layer    string
	udp, tcp []uint16
}{
	{"dns", []uint16{53}, []uint16{53}},
	{"mdns", []uint16{5353}, nil},
	{"llmnr", []uint16{5355}, nil},
	{"dhcp", []uint16{67, 68}, nil},
	{"dhcpv6", []uint16{546, 547}, nil},
	{"ntp", []uint16{123}, nil},
	{"ssdp", []uint16{1900}, nil},
	{"quic", []uint16{443}, nil},
	{"tls", nil, []uint16{443, 465, 636, 853, 989, 990, 993, 995, 5061, 8443}},
	{"http", nil, []uint16{80, 3128, 8000, 8008, 8080}},
	{"l2tp", []uint16{1701}, nil},
	{"gtp", []uint16{2152}, nil},
	{"teredo", []uint16{3544}, nil},
	{"vxlan", []uint16{4789}, nil},
	{"geneve", []uint16{6081}, nil},
	{"wg", []uint16{51820}, nil},
	{"udpencap", []uint16{4500}, nil},
}

// servicePort says whether decode looks for what tshark found behind the transport header.
func servicePort(d *disputed) bool {
	p := d.packet
	if !p.Valid.Has(decode.HasPorts) {
		return true
	}
	at := carried(d.parts[outer])
	if at < 0 || at+1 >= len(d.parts[outer]) {
		return true
	}
	for _, row := range ports {
		if row.layer != d.parts[outer][at+1].name {
			continue
		}
		if p.Protocol == tcp {
			return slices.Contains(row.tcp, p.DstPort) || row.layer == "dns" && slices.Contains(row.tcp, p.SrcPort)
		}
		return slices.Contains(row.udp, p.DstPort) || slices.Contains(row.udp, p.SrcPort)
	}
	return false
}
