package decode

// Tunnel is what carries a packet inside another; the numbers are stored and never change their meaning.
type Tunnel uint8

// The tunnels.
const (
	NoTunnel        Tunnel = 0
	TunnelIPIP      Tunnel = 1  // IPv4 in IPv4, RFC 2003
	Tunnel6in4      Tunnel = 2  // IPv6 in IPv4, RFC 4213 §3
	Tunnel4in6      Tunnel = 3  // IPv4 in IPv6, RFC 2473
	Tunnel6in6      Tunnel = 4  // IPv6 in IPv6, RFC 2473
	TunnelGRE       Tunnel = 5  // RFC 2784, RFC 2890, version 1 of RFC 2637
	TunnelVXLAN     Tunnel = 6  // RFC 7348, UDP port 4789
	TunnelGENEVE    Tunnel = 7  // RFC 8926, UDP port 6081
	TunnelGTPU      Tunnel = 8  // 3GPP TS 29.281, UDP port 2152
	TunnelL2TP      Tunnel = 9  // version 2 on UDP port 1701 (RFC 2661), version 3 also on IP protocol 115 (RFC 3931)
	TunnelWireGuard Tunnel = 10 // UDP port 51820; nothing inside is in clear
	TunnelTeredo    Tunnel = 11 // RFC 4380, UDP port 3544
)

// Tunnels is one more than the highest Tunnel.
const Tunnels = 12

var tunnelNames = [Tunnels]string{
	NoTunnel: "none", TunnelIPIP: "ipip", Tunnel6in4: "6in4", Tunnel4in6: "4in6", Tunnel6in6: "6in6", TunnelGRE: "gre",
	TunnelVXLAN: "vxlan", TunnelGENEVE: "geneve", TunnelGTPU: "gtp-u", TunnelL2TP: "l2tp", TunnelWireGuard: "wireguard",
	TunnelTeredo: "teredo",
}

// String returns the stable name of t; "none" for zero, "unknown" for a number that this version does not know.
func (t Tunnel) String() string {
	if int(t) < len(tunnelNames) {
		return tunnelNames[t]
	}
	return "unknown"
}
