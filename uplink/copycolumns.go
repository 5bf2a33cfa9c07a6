package uplink

import (
	"fmt"
	"slices"
	"strings"

	"network-sniffer/decode"
)

// rowClass is which columns a COPY names. An absent value costs 4 bytes in binary and a tab in text, and work on
// both sides, so rows that have none of the rare values are sent without their columns.
type rowClass uint8

const (
	commonRow rowClass = iota // commonColumns
	rareRow                   // commonColumns and rareColumns: all there are
	rowClasses
)

// column is a column of sniffer.packets and the type that its binary values are written for, by its OID (pg_type.dat).
type column struct {
	name string
	oid  uint32
}

const (
	int8OID        = 20
	int2OID        = 21
	int4OID        = 23
	textOID        = 25
	macaddrOID     = 829
	inetOID        = 869
	inetsOID       = 1041
	timestamptzOID = 1184
)

// commonColumns are what nearly every packet has, in the order of the record. A column belongs here when more
// than one row in 33 has it: so many absent values does a row pay for that is sent with all the columns.
var commonColumns = [...]column{
	{"device_id", int8OID}, {"interface", textOID}, {"ts", timestamptzOID}, {"direction", int2OID},
	{"wire_length", int4OID}, {"captured_length", int4OID}, {"src_mac", macaddrOID}, {"dst_mac", macaddrOID},
	{"ether_type", int4OID}, {"vlan_id", int2OID}, {"pppoe_session", int4OID}, {"src_ip", inetOID}, {"dst_ip", inetOID},
	{"ip_version", int2OID}, {"ttl", int2OID}, {"traffic_class", int2OID}, {"protocol", int2OID}, {"ip_id", int8OID},
	{"src_port", int4OID}, {"dst_port", int4OID}, {"seq_number", int8OID}, {"ack_number", int8OID}, {"flags", int2OID},
	{"window_size", int4OID}, {"ts_value", int8OID}, {"ts_echo", int8OID}, {"payload_length", int4OID},
	{"wire_segments", int4OID},
}

var rareColumns = [...]column{
	{"inner_vlan_id", int2OID}, {"fragment_offset", int4OID}, {"mss", int4OID}, {"window_scale", int2OID},
	{"icmp_type", int2OID}, {"icmp_code", int2OID}, {"arp_operation", int4OID}, {"tcp_options", int2OID},
	{"sack_blocks", int2OID}, {"name_kind", int2OID}, {"name", textOID}, {"tunnel", int2OID}, {"inner_src_ip", inetOID},
	{"inner_dst_ip", inetOID}, {"inner_src_port", int4OID}, {"inner_dst_port", int4OID}, {"inner_protocol", int2OID},
	{"tunnel_key", int8OID}, {"spi", int8OID}, {"igmp_type", int2OID}, {"vrrp_id", int2OID}, {"vrrp_priority", int2OID},
	{"dns_type", int4OID}, {"dns_rcode", int2OID}, {"dns_answers", int4OID}, {"dns_addresses", inetsOID},
	{"tls_version", int4OID}, {"alpn", textOID}, {"http_method", int2OID}, {"dhcp_type", int2OID},
	{"assigned_ip", inetOID}, {"ntp_mode", int2OID}, {"decode_error", textOID},
}

// commonFields are the groups whose columns are in commonColumns.
const commonFields = decode.HasMAC | decode.HasDstMAC | decode.HasEtherType | decode.HasVLAN | decode.HasPPPoE |
	decode.HasAddresses | decode.HasIP | decode.HasProtocol | decode.HasIPID | decode.HasPorts | decode.HasTCP |
	decode.HasTimestamps | decode.HasPayload

// classOf says which columns a packet needs.
func classOf(p *decode.Packet) rowClass {
	if p.Valid&^commonFields != 0 || p.DecodeError != 0 {
		return rareRow
	}
	return commonRow
}

// columnsOf are the columns of a class in the order of its rows.
func columnsOf(class rowClass) []column {
	if class == commonRow {
		return commonColumns[:]
	}
	return slices.Concat(commonColumns[:], rareColumns[:])
}

// copyQueries are the COPY statements. In text nothing at all stands for an absent value, of which a row has many,
// not the two bytes of \N.
var copyQueries = func() (q [FormatText + 1][rowClasses]string) {
	for class := range rowClasses {
		var names []string
		for _, c := range columnsOf(class) {
			names = append(names, c.name)
		}
		into := "COPY sniffer.packets (" + strings.Join(names, ", ") + ") FROM STDIN WITH "
		q[FormatText][class] = into + "(NULL '')"
		q[FormatBinary][class] = into + "(FORMAT binary)"
	}
	return q
}()

// foreignTypes asks which columns have another type than the one that binary values are written for. The server
// would take many a value for one of another type that is as long, and store nonsense.
var foreignTypes = func() string {
	var ours []string
	for _, c := range columnsOf(rareRow) {
		ours = append(ours, fmt.Sprintf("('%s',%d)", c.name, c.oid))
	}
	return `SELECT coalesce(string_agg(c.name || ' ' || format_type(a.atttypid, a.atttypmod), ', '), '')
FROM (VALUES ` + strings.Join(ours, ",") + `) AS c (name, type)
JOIN pg_attribute a ON a.attname = c.name AND a.attrelid = to_regclass('sniffer.packets') AND a.atttypid <> c.type`
}()

// copyHeaders and copyTrailers stand around the rows. Of the binary format: the signature, flags and the length of
// a header extension, both 0, and a field count of -1 at the end.
var (
	copyHeaders  = [...]string{FormatBinary: "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00", FormatText: ""}
	copyTrailers = [...]string{FormatBinary: "\xff\xff", FormatText: ""}
)
