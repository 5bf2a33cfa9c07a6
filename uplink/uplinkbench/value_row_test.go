package uplinkbench

import (
	"net"
	"net/netip"

	"network-sniffer/decode"
)

// valueRow makes the values of a row for drivers that encode them themselves; nil stands for an absent one.
type valueRow struct {
	v []any
	// typed: the driver knows the types of package net. Others get text.
	typed bool
}

// add makes the row of a packet, in place of the one before.
func (r *valueRow) add(p *decode.Packet) []any {
	v := p.Valid
	r.v = append(r.v[:0], deviceID, iface, timeOf(p))
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
	return r.v
}

func (r *valueRow) number(valid bool, v uint64) {
	if valid {
		r.v = append(r.v, int64(v))
	} else {
		r.v = append(r.v, nil)
	}
}

func (r *valueRow) text(valid bool, v []byte) {
	if valid {
		r.v = append(r.v, string(v))
	} else {
		r.v = append(r.v, nil)
	}
}

func (r *valueRow) mac(valid bool, v *[6]byte) {
	switch {
	case !valid:
		r.v = append(r.v, nil)
	case r.typed:
		r.v = append(r.v, net.HardwareAddr(v[:]))
	default:
		r.v = append(r.v, net.HardwareAddr(v[:]).String())
	}
}

func (r *valueRow) address(valid bool, v netip.Addr) {
	switch {
	case !valid:
		r.v = append(r.v, nil)
	case r.typed:
		r.v = append(r.v, v)
	default:
		r.v = append(r.v, v.String())
	}
}

func (r *valueRow) addresses(valid bool, v *decode.Addresses) {
	switch {
	case !valid:
		r.v = append(r.v, nil)
	case r.typed:
		list := make([]netip.Addr, v.Count)
		for i := range list {
			list[i] = v.At(i)
		}
		r.v = append(r.v, list)
	default:
		r.v = append(r.v, string(appendArray(nil, v)))
	}
}
