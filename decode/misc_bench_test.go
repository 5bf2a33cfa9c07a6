package decode

import (
	"bytes"
	"strings"
	"testing"
)

// Frames with a name in clear, those of every day and the dearest that a hostile sender can write.
func BenchmarkNames(b *testing.B) {
	repeat := bytes.Repeat
	options := func(rest ...[]byte) []byte { return dhcpFrame(append(dhcpHead(1), bytes.Join(rest, nil)...)) }
	reply6 := func(rest ...[]byte) []byte {
		return dhcpv6Frame(append([]byte{7, 0, 0, 1}, bytes.Join(rest, nil)...))
	}
	labels := append(octets("0027 00ff 00"), repeat(octets("0161"), 127)...)
	five := append([]byte{0, 39, 0, 253, 0}, repeat([]byte("\x05abcde"), 42)...)
	control := append([]byte{0, 39, 0, 255, 0}, bytes.Join([][]byte{{63}, repeat([]byte{1}, 63), {63}, repeat([]byte{1}, 63)}, nil)...)
	control[3] = byte(len(control) - 4)
	for _, s := range []struct {
		name string
		data []byte
	}{
		{"http_get", webFrame("GET /index.html HTTP/1.1\r\nHost: www.example.net\r\nAccept: */*\r\n\r\n")},
		{"http_upload", webFrame(strings.Repeat("\x01\x02\x03\x04", 350))},
		{"http_text", webFrame(strings.Repeat("a word and ", 130))},
		{"http_no_line_end", webFrame("GET " + strings.Repeat("a", 65000))},
		{"http_empty_lines", webFrame("GET / HTTP/1.1\r\n" + strings.Repeat("a\n", 2000))},
		{"http_nearly_host", webFrame("GET / HTTP/1.1\r\n" + strings.Repeat("Hos"+strings.Repeat("T", 120)+"\n", 33))},
		{"http_long_host", webFrame("GET /" + strings.Repeat("a", 3700) + " HTTP/1.1\r\nHost: " + strings.Repeat("h", 255) + "\r\n")},
		{"http_escaped_host", webFrame("GET /" + strings.Repeat("a", 3700) + " HTTP/1.1\r\nHost: " + strings.Repeat("\xff", 255) + "\r\n")},
		{"http_space", webFrame("GET /" + strings.Repeat("a", 3700) + " HTTP/1.1\r\nHost:" + strings.Repeat(" ", 32) + strings.Repeat("h", 255) + "\r\n")},
		{"dhcp_request", dhcpUsual},
		{"dhcp_pads", options(make([]byte, 1000))},
		{"dhcp_options", options(repeat([]byte{60, 0}, 100))},
		{"dhcp_long_name", options(append([]byte{12, 255}, repeat([]byte{'h'}, 255)...), []byte{255})},
		{"dhcp_zeros", options(append([]byte{12, 255}, make([]byte, 255)...), []byte{255})},
		{"dhcp_escaped_name", options(append([]byte{12, 255}, repeat([]byte{255}, 255)...), []byte{255})},
		{"dhcp_fqdn_labels", options(append([]byte{81, 253, 4, 0, 0}, repeat([]byte{1, 'a'}, 125)...), repeat([]byte{60, 0}, 45), []byte{255})},
		{"dhcpv6_reply", reply6(octets("0027 000a 00 04686f7374 026c61 00"))},
		{"dhcpv6_options", reply6(repeat([]byte{0, 6, 0, 0}, 100))},
		{"dhcpv6_labels", reply6(labels)},
		{"dhcpv6_escaped", reply6(control)},
		{"dhcpv6_options_and_labels", reply6(repeat([]byte{0, 6, 0, 0}, 20), five)},
		{"dhcpv6_fives", reply6(five)},
		{"dhcpv6_ias", reply6(repeat(octets("0003 0028 000000010000000000000000 0005 0018", strings.Repeat("00", 24)), 30))},
		{"lldp", lldpFrame(lldpUsual)},
		{"lldp_tlvs", lldpFrame("0200" + strings.Repeat("0c00", 60))},
		{"cdp_tlvs", cdpFrame("02b4 0000" + strings.Repeat("00020004", 60))},
	} {
		b.Run(s.name, func(b *testing.B) {
			m := Meta{Time: 1, WireLength: uint32(len(s.data)), LinkType: LinkEthernet}
			if s.data[0] >= 0x40 { // the version of an IP header; the addresses of eth begin with 2
				m.LinkType = LinkRaw
			}
			var p Packet
			b.ReportAllocs()
			for b.Loop() {
				Decode(&p, &m, s.data)
			}
		})
	}
}
