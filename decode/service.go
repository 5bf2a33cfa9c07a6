package decode

// service is what a payload may carry in clear, by its port.
type service uint8

const (
	noService service = iota
	serviceDNS
	serviceMDNS
	serviceLLMNR
	serviceDHCP
	serviceDHCPv6
	serviceNTP
	serviceSSDP
	serviceQUIC
	serviceTLS
	serviceHTTP
	serviceL2TP
	serviceGTPU
	serviceTeredo
	serviceVXLAN
	serviceGENEVE
	serviceWireGuard
	serviceESP
)

// datagramService is what runs on a UDP port (https://www.iana.org/assignments/service-names-port-numbers).
func datagramService(port uint16) service {
	switch port {
	case 53:
		return serviceDNS
	case 67, 68:
		return serviceDHCP
	case 123:
		return serviceNTP
	case 443:
		return serviceQUIC
	case 546, 547:
		return serviceDHCPv6
	case 1701:
		return serviceL2TP
	case 1900:
		return serviceSSDP
	case 2152:
		return serviceGTPU
	case 3544:
		return serviceTeredo
	case 4500:
		return serviceESP
	case 4789:
		return serviceVXLAN
	case 5353:
		return serviceMDNS
	case 5355:
		return serviceLLMNR
	case 6081:
		return serviceGENEVE
	case 51820: // registered by nobody, but what WireGuard's tools and manuals use
		return serviceWireGuard
	}
	return noService
}

// lowBytes is a set of ports by their low bytes: it has all that it should, and one in 20 others.
type lowBytes [4]uint64

var datagramPorts, streamPorts = lowBytesOf(datagramService), lowBytesOf(streamService)

func lowBytesOf(of func(port uint16) service) (set lowBytes) {
	for n := range 1 << 16 {
		if port := uint16(n); of(port) != noService {
			set[port>>6&3] |= 1 << (port & 63)
		}
	}
	return set
}

// mayHave reports whether a or b is in the set, as it knows them: most packets are neither's, and end here.
func (s *lowBytes) mayHave(a, b uint16) bool {
	return (s[a>>6&3]>>(a&63)|s[b>>6&3]>>(b&63))&1 != 0
}

// systemPorts is the first port that is not a system port (RFC 6335 §6): from here on a client's, or an address
// translator's, may be any (RFC 6056 §3.2).
const systemPorts = 1024

// datagram reads the payload b of a UDP packet: the destination's port decides, then the source's. But what comes
// from a server's system port goes to a port that the client drew, which means nothing, unless it shows WireGuard.
func (p *Packet) datagram(b []byte) {
	s := datagramService(p.DstPort)
	if s == serviceWireGuard {
		if p.wireguard(b); p.Valid&HasTunnel != 0 {
			return
		}
	}
	if s == noService || p.SrcPort < systemPorts && p.DstPort >= systemPorts {
		if from := datagramService(p.SrcPort); from != noService {
			s = from
		}
	}
	switch s {
	case serviceDNS:
		p.dns(b, NameDNS)
	case serviceMDNS:
		p.dns(b, NameMDNS)
	case serviceLLMNR:
		p.dns(b, NameLLMNR)
	case serviceDHCP:
		p.dhcp(b)
	case serviceDHCPv6:
		p.dhcpv6(b)
	case serviceNTP:
		p.ntp(b)
	case serviceSSDP:
		p.ssdp(b)
	case serviceQUIC:
		p.quic(b)
	case serviceL2TP:
		p.l2tp(b)
	case serviceGTPU:
		p.gtpu(b)
	case serviceTeredo:
		p.teredo(b)
	case serviceVXLAN:
		p.vxlan(b)
	case serviceGENEVE:
		p.geneve(b)
	case serviceWireGuard:
		p.wireguard(b)
	case serviceESP:
		p.espUDP(b)
	}
}

// streamService is what a client speaks to a TCP port: TLS from the first byte on, or HTTP/1.
func streamService(port uint16) service {
	switch port {
	case 53:
		return serviceDNS
	case 80, 3128, 8000, 8008, 8080:
		return serviceHTTP
	case 443, 465, 636, 853, 989, 990, 993, 995, 5061, 8443:
		return serviceTLS
	}
	return noService
}

// stream reads the payload b of a TCP segment, which holds a name only when a message begins with it. What
// goes on in a later segment is not put together.
func (p *Packet) stream(b []byte) {
	switch streamService(p.DstPort) {
	case serviceHTTP:
		p.http(b)
	case serviceTLS:
		p.tls(b)
	case serviceDNS:
		p.dnsStream(b)
	default:
		if p.SrcPort == 53 {
			p.dnsStream(b)
		}
	}
}

// Ports are the ports on which Decode looks for names.
type Ports struct {
	UDP  []uint16 // source or destination
	QUIC []uint16 // UDP, destination
	HTTP []uint16 // TCP, destination
	TLS  []uint16 // TCP, destination
}

// NamePorts returns the ports on which Decode looks for names, in their order, but for DNS in TCP: a capture that is
// cut shorter than the packet has no use for the payload of others. It asks for all ports, so call it once.
func NamePorts() Ports {
	var p Ports
	for n := range 1 << 16 {
		port := uint16(n)
		switch datagramService(port) {
		case serviceQUIC:
			p.QUIC = append(p.QUIC, port)
		case serviceDNS, serviceMDNS, serviceLLMNR, serviceDHCP, serviceDHCPv6, serviceNTP, serviceSSDP:
			p.UDP = append(p.UDP, port)
		}
		switch streamService(port) {
		case serviceTLS:
			p.TLS = append(p.TLS, port)
		case serviceHTTP:
			p.HTTP = append(p.HTTP, port)
		}
	}
	return p
}
