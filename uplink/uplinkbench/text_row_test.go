package uplinkbench

import (
	"encoding/hex"
	"net/netip"
	"strconv"

	"network-sniffer/decode"
)

// textRow writes rows in the text format of COPY, as somebody would who has packets and the standard library: numbers
// by strconv, addresses and times by their own packages, nothing allocated.
type textRow struct{ b []byte }

// add appends the row of a packet. Names are known to hold nothing that COPY gives a meaning.
func (r *textRow) add(p *decode.Packet) {
	v := p.Valid
	r.b = strconv.AppendInt(r.b, deviceID, 10)
	r.b = append(append(r.b, '\t'), iface...)
	r.b = timeOf(p).AppendFormat(append(r.b, '\t'), "2006-01-02 15:04:05.000000-07")
	r.number(true, uint64(p.Direction))
	r.number(true, uint64(p.WireLength))
	r.number(true, uint64(p.CapturedLength))
	r.mac(v.Has(decode.HasMAC), &p.SrcMAC)
	r.mac(v.Has(decode.HasDstMAC), &p.DstMAC)
	r.number(v.Has(decode.HasEtherType), uint64(p.EtherType))
	r.number(v.Has(decode.HasVLAN), uint64(p.VLANID))
	r.number(v.Has(decode.HasInnerVLAN), uint64(p.InnerVLANID))
	r.number(v.Has(decode.HasPPPoE), uint64(p.PPPoESession))
	r.number(v.Has(decode.HasIP), uint64(p.IPVersion))
	r.address(v.Has(decode.HasAddresses), p.Source())
	r.address(v.Has(decode.HasAddresses), p.Destination())
	r.number(v.Has(decode.HasProtocol), uint64(p.Protocol))
	r.number(v.Has(decode.HasIP), uint64(p.TTL))
	r.number(v.Has(decode.HasIP), uint64(p.TrafficClass))
	r.number(v.Has(decode.HasIPID), uint64(p.IPID))
	r.number(v.Has(decode.HasFragment), uint64(p.FragmentOffset))
	r.number(v.Has(decode.HasPorts), uint64(p.SrcPort))
	r.number(v.Has(decode.HasPorts), uint64(p.DstPort))
	r.number(v.Has(decode.HasTCP), uint64(p.SeqNumber))
	r.number(v.Has(decode.HasTCP), uint64(p.AckNumber))
	r.number(v.Has(decode.HasTCP), uint64(p.Flags))
	r.number(v.Has(decode.HasTCP), uint64(p.WindowSize))
	r.number(v.Has(decode.HasMSS), uint64(p.MSS))
	r.number(v.Has(decode.HasWindowScale), uint64(p.WindowScale))
	r.number(v.Has(decode.HasTimestamps), uint64(p.TSValue))
	r.number(v.Has(decode.HasTimestamps), uint64(p.TSEcho))
	r.number(v.Has(decode.HasTCPOptions), uint64(p.TCPOptions))
	r.number(v.Has(decode.HasSACK), uint64(p.SACKBlocks))
	r.number(v.Has(decode.HasPayload), uint64(p.PayloadLength))
	r.number(v.Has(decode.HasICMP), uint64(p.ICMPType))
	r.number(v.Has(decode.HasICMP), uint64(p.ICMPCode))
	r.number(v.Has(decode.HasIGMP), uint64(p.IGMPType))
	r.number(v.Has(decode.HasVRRP), uint64(p.VRRPID))
	r.number(v.Has(decode.HasVRRP), uint64(p.VRRPPriority))
	r.number(v.Has(decode.HasSPI), uint64(p.SPI))
	r.number(v.Has(decode.HasARP), uint64(p.ARPOperation))
	r.number(v.Has(decode.HasTunnel), uint64(p.Tunnel))
	r.number(v.Has(decode.HasTunnelKey), uint64(p.TunnelKey))
	r.address(v.Has(decode.HasInner), p.Inner.Source())
	r.address(v.Has(decode.HasInner), p.Inner.Destination())
	r.number(v.Has(decode.HasInnerProtocol), uint64(p.Inner.Protocol))
	r.number(v.Has(decode.HasInnerPorts), uint64(p.Inner.SrcPort))
	r.number(v.Has(decode.HasInnerPorts), uint64(p.Inner.DstPort))
	r.text(v.Has(decode.HasName), p.Name.Text())
	r.number(v.Has(decode.HasName), uint64(p.NameKind))
	r.number(v.Has(decode.HasDNS), uint64(p.DNSType))
	r.number(v.Has(decode.HasDNSResponse), uint64(p.DNSRCode))
	r.number(v.Has(decode.HasDNSResponse), uint64(p.DNSAnswers))
	r.addresses(v.Has(decode.HasAnswers), &p.Answers)
	r.number(v.Has(decode.HasTLS), uint64(p.TLSVersion))
	r.text(v.Has(decode.HasALPN), p.ALPN.Text())
	r.number(v.Has(decode.HasHTTP), uint64(p.HTTPMethod))
	r.number(v.Has(decode.HasDHCP), uint64(p.DHCPType))
	r.address(v.Has(decode.HasAssigned), p.Assigned.Addr())
	r.number(v.Has(decode.HasNTP), uint64(p.NTPMode))
	r.number(p.WireSegments > 1, uint64(p.WireSegments))
	r.text(p.DecodeError != 0, []byte(p.DecodeError.String()))
	r.b = append(r.b, '\n')
}

func (r *textRow) number(valid bool, v uint64) {
	r.b = append(r.b, '\t')
	if valid {
		r.b = strconv.AppendUint(r.b, v, 10)
	}
}

func (r *textRow) text(valid bool, v []byte) {
	r.b = append(r.b, '\t')
	if valid {
		r.b = append(r.b, v...)
	}
}

func (r *textRow) mac(valid bool, v *[6]byte) {
	r.b = append(r.b, '\t')
	if valid {
		r.b = hex.AppendEncode(r.b, v[:])
	}
}

func (r *textRow) address(valid bool, v netip.Addr) {
	r.b = append(r.b, '\t')
	if valid {
		r.b = v.AppendTo(r.b)
	}
}

func (r *textRow) addresses(valid bool, v *decode.Addresses) {
	r.b = append(r.b, '\t')
	if valid {
		r.b = appendArray(r.b, v)
	}
}

// appendArray writes addresses as an array (PostgreSQL documentation, "Array Value Input").
func appendArray(b []byte, v *decode.Addresses) []byte {
	b = append(b, '{')
	for i := range int(v.Count) {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.At(i).AppendTo(b)
	}
	return append(b, '}')
}
