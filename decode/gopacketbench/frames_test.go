package gopacketbench

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// frame is one Ethernet frame of the comparison and what both decoders must find in it.
type frame struct {
	name     string
	data     []byte
	from, to string // addresses with ports
	host     string // the name that it carries in clear
	layers   string // what gopacket must have read of it: that it did not stop early
}

// Addresses of RFC 5737 and RFC 3849.
const (
	from4, to4 = "192.0.2.20", "198.51.100.36"
	from6, to6 = "2001:db8::1", "2001:db8::2"
)

var frames = []frame{
	// 64 bytes with the frame check sequence, which is not captured: 6 bytes of payload, so no padding.
	{name: "tcp_ipv4_64", data: ethernet("0800", ipv4(6, tcp("", "000000000000"))),
		from: from4 + ":51512", to: to4 + ":7000", layers: "Ethernet IPv4 TCP Payload"},
	{name: "tcp_ipv4_syn", data: ethernet("0800", ipv4(6, tcp("020405b4 0402 080a 00000064 00000000 01 030307", ""))),
		from: from4 + ":51512", to: to4 + ":7000", layers: "Ethernet IPv4 TCP"},
	{name: "udp_ipv6", data: ethernet("86dd", ipv6(17, udp(51512, 7000, strings.Repeat("61", 32)))),
		from: "[" + from6 + "]:51512", to: "[" + to6 + "]:7000", layers: "Ethernet IPv6 UDP Payload"},
	{name: "vlan_pppoe_ipv4", data: ethernet("8100", "6007 8864"+pppoe("0021"+ipv4(17, udp(51512, 7000, strings.Repeat("61", 32))))),
		from: from4 + ":51512", to: to4 + ":7000", layers: "Ethernet Dot1Q PPPoE PPP IPv4 UDP Payload"},
	{name: "dns_query", data: ethernet("0800", ipv4(17, udp(51512, 53, dnsQuery))),
		from: from4 + ":51512", to: to4 + ":53", host: "www.example.com", layers: "Ethernet IPv4 UDP DNS"},
	{name: "dns_response", data: ethernet("0800", ipv4(17, udp(53, 51512, dnsResponse))),
		from: from4 + ":53", to: to4 + ":51512", host: "www.example.com", layers: "Ethernet IPv4 UDP DNS"},
	{name: "client_hello", data: ethernet("0800", ipv4(6, tcpTo(443, "", clientHello()))),
		from: from4 + ":51512", to: to4 + ":443", host: "www.example.com", layers: "Ethernet IPv4 TCP TLS"},
}

// DNS messages (RFC 1035 §4.1): a question of type A, and the answer of an alias with four addresses.
const (
	question    = "03 777777 07 6578616d706c65 03 636f6d 00 0001 0001"
	dnsQuery    = "1234 0100 0001 0000 0000 0000" + question
	dnsResponse = "1234 8180 0001 0005 0000 0000" + question +
		"c00c 0005 0001 0000012c 0006 03 636462 c010" + // www.example.com is cdb.example.com
		"c02d 0001 0001 0000003c 0004 c6336401" +
		"c02d 0001 0001 0000003c 0004 c6336402" +
		"c02d 0001 0001 0000003c 0004 c6336403" +
		"c02d 0001 0001 0000003c 0004 c6336404"
)

// clientHello is a TLS 1.3 ClientHello (RFC 8446 §4.1.2) with the extensions of a browser, padded to 512 bytes as
// RFC 7685 §4 asks for: 517 with the header of the record.
func clientHello() string {
	const size = 512
	head := "0303" + strings.Repeat("5a", 32) + // legacy_version, random
		"20" + strings.Repeat("a5", 32) + // legacy_session_id
		"0006 1301 1302 1303" + "01 00" // cipher suites, compression
	extensions := extension("2a2a", "") + // GREASE, RFC 8701
		extension("0000", "0012 00 000f"+hex.EncodeToString([]byte("www.example.com"))) +
		extension("0017", "") + extension("ff01", "00") +
		extension("000a", "0006 001d 0017 0018") + extension("000b", "01 00") + extension("0023", "") +
		extension("0010", "000c 02 6832 08 687474702f312e31") + // h2, http/1.1
		extension("0005", "01 0000 0000") +
		extension("000d", "0010 0403 0804 0401 0503 0805 0501 0806 0601") +
		extension("0012", "") +
		extension("0033", "0024 001d 0020"+strings.Repeat("3c", 32)) +
		extension("002d", "01 01") +
		extension("002b", "06 3a3a 0304 0303")
	padding := size - 4 - len(octets(head)) - 2 - len(octets(extensions)) - 4
	extensions += extension("0015", strings.Repeat("00", padding))
	body := head + sized(extensions)
	return "16 0301" + sized("01 00"+sized(body))
}

// extension is one entry of a ClientHello's extension list (RFC 8446 §4.2).
func extension(kind, body string) string { return kind + sized(body) }

// sized puts a length of two bytes in front of body.
func sized(body string) string { return number(len(octets(body))) + body }

func number(n int) string { return hex.EncodeToString(binary.BigEndian.AppendUint16(nil, uint16(n))) }

func ethernet(kind, payload string) []byte {
	return octets("020000000002 020000000001", kind, payload)
}

// pppoe is a session packet (RFC 2516 §4).
func pppoe(payload string) string { return "11 00 1234" + sized(payload) }

func ipv4(protocol byte, payload string) string {
	return "45 00" + number(20+len(octets(payload))) + "1234 4000 40" + hex.EncodeToString([]byte{protocol}) +
		"0000 c0000214 c6336424" + payload
}

func ipv6(protocol byte, payload string) string {
	return "60000000" + number(len(octets(payload))) + hex.EncodeToString([]byte{protocol}) + "40" +
		"20010db8000000000000000000000001 20010db8000000000000000000000002" + payload
}

func tcp(options, payload string) string { return tcpTo(7000, options, payload) }

func tcpTo(port int, options, payload string) string {
	words := 5 + len(octets(options))/4
	return "c938" + number(port) + "00000001 00000002" + hex.EncodeToString([]byte{byte(words) << 4, 0x18}) +
		"1000 0000 0000" + options + payload
}

func udp(from, to int, payload string) string {
	return number(from) + number(to) + number(8+len(octets(payload))) + "0000" + payload
}

// octets reads hexadecimal with spaces in it.
func octets(parts ...string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(parts, ""), " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}
