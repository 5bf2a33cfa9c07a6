package top

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"network-sniffer/decode"
)

// evening is a little of everything.
func evening() []*decode.Packet {
	https := packet(6, "192.168.1.20:51544", "142.250.74.36:443", 100)
	answer := packet(6, "142.250.74.36:443", "192.168.1.20:51544", 1400)
	echo := packet(1, "192.168.1.20:0", "192.168.1.1:0", 98)
	echo.Valid &^= decode.HasPorts
	quic := packet(17, "[2001:db8:1234:5678:9abc:def0:1234:5678]:50000", "[2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa]:443", 1200)
	hidden := packet(47, "10.0.0.1:0", "10.0.0.2:0", 60)
	hidden.Valid = hidden.Valid&^decode.HasPorts | decode.HasTunnel | decode.HasInner | decode.HasInnerProtocol
	hidden.Tunnel, hidden.Inner.Protocol = decode.TunnelGRE, 6
	return []*decode.Packet{https, answer, answer, echo, quic, hidden, arp("192.168.1.20", "192.168.1.1"),
		named(decode.NameDNS, "example.org"), named(decode.NameDNS, "example.org"), named(decode.NameTLS, "example.net")}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		name     string
		kind     Kind
		n, width int
		want     string
	}{
		{"hosts", Hosts, 3, 80, `
3 of 7 hosts in 10.0 s: 10 packets, 4.54k bytes, 3.63k bit/s, 1 pkt/s
HOST                                     BIT/S   PKT/S     OUT      IN   SHARE
192.168.1.20                             2.62k     0.8     384   2.24k   72.2%
142.250.74.36                            2.32k     0.3   2.24k      80   63.9%
2001:db8:1234:5678:9abc:def0:1234:5678     960     0.1     960       0   26.4%
7 packets were not looked at: they came too fast
`},
		{"ports", Ports, 10, 0, `
3 of 3 ports in 10.0 s: 10 packets, 4.54k bytes, 3.63k bit/s, 1 pkt/s
SERVICE         BIT/S   PKT/S      TO    FROM   SHARE   BYTES
TCP/443 https   2.32k     0.3      80   2.24k   63.9%   2.90k
UDP/443 https     960     0.1     960       0   26.4%   1.20k
UDP/53 dns        192     0.3     192       0    5.3%     240
3 packets have no ports
7 packets were not looked at: they came too fast
`},
		{"protocols", Protocols, 10, 132, `
6 of 6 protocols in 10.0 s: 10 packets, 4.54k bytes, 3.63k bit/s, 1 pkt/s
PROTOCOL   BIT/S   PKT/S   SHARE   BYTES
TCP/TLS    2.32k     0.3   63.9%   2.90k
UDP/QUIC     960     0.1   26.4%   1.20k
UDP/DNS      192     0.3    5.3%     240
ICMP          78     0.1    2.2%      98
gre/TCP       48     0.1    1.3%      60
ARP           34     0.1    0.9%      42
7 packets were not looked at: they came too fast
`},
		{"conversations in one line each", Conversations, 1, 80, `
1 of 6 conversations in 10.0 s: 10 packets, 4.54k bytes, 3.63k bit/s, 1 pkt/s
CONVERSATION                                 BIT/S   PKT/S       →       ←
192.168.1.20:51544 ↔ 142.250.74.36:443 TCP   2.32k     0.3      80   2.24k
7 packets were not looked at: they came too fast
`},
		{"one in two lines", Conversations, 10, 80, `
6 of 6 conversations in 10.0 s: 10 packets, 4.54k bytes, 3.63k bit/s, 1 pkt/s
CONVERSATION                                         BIT/S   PKT/S
192.168.1.20:51544 ↔ 142.250.74.36:443 TCP           2.32k     0.3
[2001:db8:1234:5678:9abc:def0:1234:5678]:50000 ↔
  [2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa]:443 UDP     960     0.1
192.168.1.20:40000 ↔ 192.168.1.1:53 UDP                192     0.3
192.168.1.1 ↔ 192.168.1.20 ICMP                         78     0.1
10.0.0.1 ↔ 10.0.0.2 GRE                                 48     0.1
192.168.1.1 ↔ 192.168.1.20 ARP                          34     0.1
7 packets were not looked at: they came too fast
`},
		{"names", Names, 10, 80, `
2 of 2 names in 10.0 s: 10 packets, 4.54k bytes, 3.63k bit/s, 1 pkt/s
NAME        PACKETS    FROM   PKT/S   SHARE
example.org       2     dns     0.2   66.7%
example.net       1     tls     0.1   33.3%
7 packets carry no name
7 packets were not looked at: they came too fast
`},
		{"narrow", Names, 1, 1, `
1 of 2 names in 10.0 s: 10 packets,
  4.54k bytes, 3.63k bit/s, 1 pkt/s
NAME        PACKETS    FROM   PKT/S
example.org       2     dns     0.2
7 packets carry no name
7 packets were not looked at: they came
  too fast
`},
		{"no rows asked for", Names, 0, 80, `
0 of 2 names in 10.0 s: 10 packets, 4.54k bytes, 3.63k bit/s, 1 pkt/s
7 packets carry no name
7 packets were not looked at: they came too fast
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := New(c.kind)
			for _, p := range evening() {
				table.Add(p)
			}
			table.Skipped(7)
			if got := text(table, c.n, c.width); got != c.want[1:] {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// A table that gave up rows says so, and how much each row may lack.
func TestTextUnsure(t *testing.T) {
	table := New(Ports)
	for port := range Entries {
		p := packet(6, "192.0.2.1:60000", "192.0.2.2:1000", 100)
		p.DstPort += uint16(port)
		table.Add(p)
	}
	table.Add(packet(17, "192.0.2.1:60000", "192.0.2.2:53", 1500))
	want := `1 of more than 512 ports in 10.0 s: 513 packets, 52.7k bytes, 42.2k bit/s, 51
  pkt/s
SERVICE      BIT/S   PKT/S  UNSURE      TO    FROM   SHARE   BYTES
UDP/53 dns   1.20k     0.1    +100   1.20k       0    2.8%   1.50k
unsure: up to so many bytes more, from before the row was among the 512 that are
  counted
`
	if got := text(table, 1, 80); got != want {
		t.Errorf("got\n%s", got)
	}
	table.Reset()
	if got, want := text(table, 1, 80), "0 of 0 ports in 10.0 s: 0 packets, 0 bytes, 0 bit/s, 0 pkt/s\n"; got != want {
		t.Errorf("after Reset: %s", got)
	}
}

// Without a span of time there is no rate.
func TestTextNoTime(t *testing.T) {
	table := New(Protocols)
	table.Add(arp("192.168.1.20", "192.168.1.1"))
	want := `1 of 1 protocols in 0.0 s: 1 packets, 42 bytes, - bit/s, - pkt/s
PROTOCOL   BIT/S   PKT/S   SHARE   BYTES
ARP            -       -  100.0%      42
`
	if got := string(table.AppendText(nil, 5, 80, 0)); got != want {
		t.Errorf("got\n%s", got)
	}
}

// Whatever the width is, no line is longer, and nothing but printable text is written.
func TestTextFits(t *testing.T) {
	for kind := Hosts; kind <= Names; kind++ {
		table := New(kind)
		for _, p := range evening() {
			table.Add(p)
		}
		table.Add(named(decode.NameHTTP, strings.Repeat("long.", 50)))
		table.Skipped(1_000_000)
		for width := leastWidth; width < 220; width++ {
			for line := range strings.Lines(text(table, 100, width)) {
				line = strings.TrimSuffix(line, "\n")
				if size := utf8.RuneCountInString(line); size > width {
					t.Errorf("%s: %d cells in %d: %q", kind, size, width, line)
				}
				if strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
					t.Errorf("%s: not printable: %q", kind, line)
				}
			}
		}
	}
}

func TestHuman(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{
		{0, "0"}, {0.25, "0.2"}, {1, "1"}, {1.1, "1.1"}, {9.94, "9.9"}, {9.96, "10"}, {999.4, "999"}, {999.6, "1.00k"},
		{1000, "1.00k"}, {9994, "9.99k"}, {9996, "10.0k"}, {99_940, "99.9k"}, {99_960, "100k"}, {999_499, "999k"},
		{999_500, "1.00M"}, {1.5e9, "1.50G"}, {2e12, "2.00T"}, {3e15, "3.00P"}, {1.8446744073709552e19, "18.4E"},
	} {
		if got := human(c.v); got != c.want {
			t.Errorf("human(%v) = %s, want %s", c.v, got, c.want)
		}
	}
}
