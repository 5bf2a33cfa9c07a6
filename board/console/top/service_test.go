package top

import (
	"testing"

	"network-sniffer/decode"
)

func TestServicesAreInOrder(t *testing.T) {
	for i := range services {
		s := &services[i]
		if i > 0 && s.port <= services[i-1].port {
			t.Errorf("port %d stands behind %d", s.port, services[i-1].port)
		}
		if s.tcp == "" && s.udp == "" || s.name == "" {
			t.Errorf("port %d says nothing", s.port)
		}
		for _, c := range []struct {
			protocol uint8
			want     string
		}{{protocolTCP, s.tcp}, {protocolUDP, s.udp}, {132, ""}} {
			spoken, name := lookup(c.protocol, s.port)
			if spoken != c.want || (name != "") != (c.want != "") {
				t.Errorf("protocol %d, port %d: %q, %q", c.protocol, s.port, spoken, name)
			}
		}
	}
	for _, port := range []uint16{0, 1, 54, 65535} {
		if spoken, name := lookup(protocolTCP, port); spoken != "" || name != "" {
			t.Errorf("port %d: %q, %q", port, spoken, name)
		}
	}
}

func TestServes(t *testing.T) {
	for _, c := range []struct {
		name          string
		protocol      uint8
		client, serve uint16
	}{
		{"a known port", protocolTCP, 51544, 443},
		{"the client's is lower", protocolTCP, 1025, 8080},
		{"known to the other transport alone", protocolUDP, 23, 22},
		{"both are known", protocolUDP, 51820, 53},
		{"neither is", protocolTCP, 50001, 50000},
		{"SCTP has no names", 132, 9999, 3868},
	} {
		if !serves(c.protocol, c.client, c.serve) || serves(c.protocol, c.serve, c.client) {
			t.Errorf("%s: %d serves %d", c.name, c.client, c.serve)
		}
	}
}

func TestProtocolNames(t *testing.T) {
	link := func(valid decode.Fields, etherType uint16) *decode.Packet {
		p := new(decode.Packet)
		p.Valid, p.EtherType = valid, etherType
		return p
	}
	ip := func(protocol uint8) *decode.Packet {
		p := packet(protocol, "192.0.2.1:0", "192.0.2.2:0", 60)
		p.Valid &^= decode.HasPorts
		return p
	}
	hidden := ip(17)
	hidden.Valid |= decode.HasTunnel
	hidden.Tunnel = decode.TunnelWireGuard
	odd := ip(0)
	odd.Valid &^= decode.HasProtocol
	for _, c := range []struct {
		want string
		p    *decode.Packet
	}{
		{"TCP/SSH", packet(6, "192.0.2.1:50000", "192.0.2.2:22", 60)},
		{"TCP/SSH", packet(6, "192.0.2.2:22", "192.0.2.1:50000", 60)},
		{"TCP", packet(6, "192.0.2.2:50001", "192.0.2.1:50000", 60)},
		{"UDP/mDNS", packet(17, "192.0.2.2:5353", "224.0.0.251:5353", 60)},
		{"SCTP", packet(132, "192.0.2.2:53", "192.0.2.1:53", 60)},
		{"ICMPv6", ip(58)},
		{"protocol 200", ip(200)},
		{"IPv4", odd},
		{"wireguard", hidden},
		{"LLDP", link(decode.HasEtherType, 0x88cc)},
		{"ether-type 0x1234", link(decode.HasEtherType, 0x1234)},
		{"no-ether-type", link(decode.HasMAC, 0)},
	} {
		table := New(Protocols)
		table.Add(c.p)
		if told := parse(t, table, 1); len(told.Rows) != 1 || told.Rows[0].ProtocolName != c.want {
			t.Errorf("%+v, want %q", told.Rows, c.want)
		}
	}
}

// Both directions are one row, whose first side is the client.
func TestConversation(t *testing.T) {
	for _, c := range []struct {
		name    string
		packets []*decode.Packet
		want    string
	}{
		{"the client has the higher address", []*decode.Packet{
			packet(6, "192.0.2.9:50000", "192.0.2.1:443", 60), packet(6, "192.0.2.1:443", "192.0.2.9:50000", 1500),
		}, "192.0.2.9:50000 ↔ 192.0.2.1:443 TCP"},
		{"the client has the lower address", []*decode.Packet{
			packet(6, "192.0.2.1:50000", "192.0.2.9:443", 60), packet(6, "192.0.2.9:443", "192.0.2.1:50000", 1500),
		}, "192.0.2.1:50000 ↔ 192.0.2.9:443 TCP"},
		{"the same port", []*decode.Packet{
			packet(17, "192.0.2.1:123", "192.0.2.9:123", 60), packet(17, "192.0.2.9:123", "192.0.2.1:123", 1500),
		}, "192.0.2.1:123 ↔ 192.0.2.9:123 UDP"},
		{"ARP", []*decode.Packet{arp("192.0.2.1", "192.0.2.9"), arp("192.0.2.9", "192.0.2.1")}, "192.0.2.1 ↔ 192.0.2.9 ARP"},
	} {
		table := New(Conversations)
		for _, p := range c.packets {
			table.Add(p)
		}
		rows := table.heaviest(10)
		if len(rows) != 1 {
			t.Errorf("%s: %d rows", c.name, len(rows))
			continue
		}
		first, last := table.label(rows[0])
		e := rows[0]
		if got := first + " " + last; got != c.want || e.bytes[0] != uint64(c.packets[0].WireLength) ||
			e.bytes[1] != uint64(c.packets[1].WireLength) {
			t.Errorf("%s: %s %v", c.name, got, e.bytes)
		}
	}
}
