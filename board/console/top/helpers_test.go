package top

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"network-sniffer/decode"
)

// packet is one with ports; bytes is its length on the wire.
func packet(protocol uint8, source, destination string, bytes uint32) *decode.Packet {
	p := new(decode.Packet)
	from, to := netip.MustParseAddrPort(source), netip.MustParseAddrPort(destination)
	address(p, from.Addr(), to.Addr())
	p.Valid |= decode.HasPorts | decode.HasIP | decode.HasProtocol
	p.Protocol, p.SrcPort, p.DstPort, p.WireLength = protocol, from.Port(), to.Port(), bytes
	return p
}

func address(p *decode.Packet, from, to netip.Addr) {
	p.Valid |= decode.HasAddresses
	p.IPVersion = 4
	if from.Is6() {
		p.IPVersion = 6
	}
	p.SrcIP, p.DstIP = [16]byte{}, [16]byte{}
	copy(p.SrcIP[:], from.AsSlice())
	copy(p.DstIP[:], to.AsSlice())
}

// arp is a frame of 42 bytes with ARP's addresses.
func arp(from, to string) *decode.Packet {
	p := new(decode.Packet)
	address(p, netip.MustParseAddr(from), netip.MustParseAddr(to))
	p.IPVersion = 0
	p.Valid |= decode.HasARP | decode.HasEtherType | decode.HasMAC
	p.EtherType, p.WireLength = 0x0806, 42
	return p
}

func named(kind decode.NameKind, name string) *decode.Packet {
	p := packet(17, "192.168.1.20:40000", "192.168.1.1:53", 80)
	p.Valid |= decode.HasName
	p.NameKind = kind
	p.Name.Length = uint8(copy(p.Name.Bytes[:], name))
	return p
}

// parsed is what AppendJSON tells.
type parsed struct {
	Top         string
	Seconds     float64
	Packets     uint64
	Bytes       uint64
	Without     uint64 `json:"packets_without"`
	NotLookedAt uint64 `json:"packets_not_looked_at"`
	RowsGivenUp uint64 `json:"rows_given_up"`
	Rows        []parsedRow
}

type parsedRow struct {
	IP            string
	Port          uint16
	Protocol      uint8
	Service       string
	ProtocolName  string `json:"protocol_name"`
	SrcIP         string `json:"src_ip"`
	DstIP         string `json:"dst_ip"`
	SrcPort       uint16 `json:"src_port"`
	DstPort       uint16 `json:"dst_port"`
	Name          string
	NameKind      string `json:"name_kind"`
	Packets       uint64
	Bytes         uint64
	BytesOut      uint64 `json:"bytes_out"`
	BytesIn       uint64 `json:"bytes_in"`
	BytesTo       uint64 `json:"bytes_to"`
	BytesFrom     uint64 `json:"bytes_from"`
	BytesForward  uint64 `json:"bytes_forward"`
	BytesBack     uint64 `json:"bytes_back"`
	BytesUnsure   uint64 `json:"bytes_unsure"`
	PacketsUnsure uint64 `json:"packets_unsure"`
}

func parse(t *testing.T, table *Table, n int) parsed {
	t.Helper()
	b := table.AppendJSON(nil, n, 10*time.Second)
	if b[len(b)-1] != '\n' {
		t.Errorf("no line end: %q", b)
	}
	var all parsed
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return all
}

// text is the table after ten seconds.
func text(table *Table, n, width int) string {
	return string(table.AppendText(nil, n, width, 10*time.Second))
}
