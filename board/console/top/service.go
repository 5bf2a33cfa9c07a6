package top

// The transport protocols whose ports the table of services knows.
const (
	protocolTCP = 6
	protocolUDP = 17
)

// service is what a port stands for: its name, and what is spoken there over TCP and over UDP, "" where nothing is.
type service struct {
	port     uint16
	name     string
	tcp, udp string
}

// services in the order of their ports: those that a router meets, by the registry's meaning
// (https://www.iana.org/assignments/service-names-port-numbers) or, some of the higher ones, by use.
var services = [...]service{
	{20, "ftp-data", "FTP", ""},
	{21, "ftp", "FTP", ""},
	{22, "ssh", "SSH", ""},
	{23, "telnet", "Telnet", ""},
	{25, "smtp", "SMTP", ""},
	{53, "dns", "DNS", "DNS"},
	{67, "dhcp", "", "DHCP"},
	{68, "dhcp-client", "", "DHCP"},
	{69, "tftp", "", "TFTP"},
	{80, "http", "HTTP", ""},
	{88, "kerberos", "Kerberos", "Kerberos"},
	{110, "pop3", "POP3", ""},
	{123, "ntp", "", "NTP"},
	{137, "netbios-ns", "", "NetBIOS"},
	{138, "netbios-dgm", "", "NetBIOS"},
	{139, "netbios-ssn", "NetBIOS", ""},
	{143, "imap", "IMAP", ""},
	{161, "snmp", "", "SNMP"},
	{162, "snmp-trap", "", "SNMP"},
	{179, "bgp", "BGP", ""},
	{389, "ldap", "LDAP", "LDAP"},
	{443, "https", "TLS", "QUIC"},
	{445, "smb", "SMB", ""},
	{465, "smtps", "TLS", ""},
	{500, "isakmp", "", "IKE"},
	{514, "syslog", "", "syslog"},
	{546, "dhcpv6-client", "", "DHCPv6"},
	{547, "dhcpv6", "", "DHCPv6"},
	{554, "rtsp", "RTSP", ""},
	{587, "submission", "SMTP", ""},
	{631, "ipp", "IPP", "IPP"},
	{636, "ldaps", "TLS", ""},
	{853, "dns-tls", "TLS", "QUIC"},
	{873, "rsync", "rsync", ""},
	{989, "ftps-data", "TLS", ""},
	{990, "ftps", "TLS", ""},
	{993, "imaps", "TLS", ""},
	{995, "pop3s", "TLS", ""},
	{1194, "openvpn", "OpenVPN", "OpenVPN"},
	{1433, "mssql", "TDS", ""},
	{1701, "l2tp", "", "L2TP"},
	{1723, "pptp", "PPTP", ""},
	{1883, "mqtt", "MQTT", ""},
	{1900, "ssdp", "", "SSDP"},
	{2049, "nfs", "NFS", "NFS"},
	{2152, "gtp-u", "", "GTP-U"},
	{3128, "http-proxy", "HTTP", ""},
	{3306, "mysql", "MySQL", ""},
	{3389, "rdp", "RDP", "RDP"},
	{3478, "stun", "STUN", "STUN"},
	{3544, "teredo", "", "Teredo"},
	{4500, "ipsec-nat", "", "ESP"},
	{4789, "vxlan", "", "VXLAN"},
	{5060, "sip", "SIP", "SIP"},
	{5061, "sips", "TLS", ""},
	{5222, "xmpp", "XMPP", ""},
	{5353, "mdns", "", "mDNS"},
	{5355, "llmnr", "LLMNR", "LLMNR"},
	{5432, "postgresql", "PostgreSQL", ""},
	{5900, "vnc", "VNC", ""},
	{6081, "geneve", "", "GENEVE"},
	{6379, "redis", "Redis", ""},
	{6881, "bittorrent", "BitTorrent", "BitTorrent"},
	{8000, "http-alt", "HTTP", ""},
	{8008, "http-alt", "HTTP", ""},
	{8080, "http-alt", "HTTP", ""},
	{8443, "https-alt", "TLS", ""},
	{8883, "mqtts", "TLS", ""},
	{9100, "printer", "JetDirect", ""},
	{32400, "plex", "HTTP", ""},
	{51820, "wireguard", "", "WireGuard"},
}

// lookup returns what is spoken at a port and the port's name, or nothing.
func lookup(protocol uint8, port uint16) (spoken, name string) {
	low, high := 0, len(services)
	for low < high {
		if middle := (low + high) / 2; services[middle].port < port {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == len(services) || services[low].port != port {
		return "", ""
	}
	s := &services[low]
	switch protocol {
	case protocolTCP:
		spoken = s.tcp
	case protocolUDP:
		spoken = s.udp
	}
	if spoken == "" {
		return "", ""
	}
	return spoken, s.name
}

// serves reports whether the destination's port is the service's and not the client's: the one that is known, or else the
// lower one, for clients draw theirs from the upper range (RFC 6056 §3.2). For the packet the other way the answer is the
// opposite, unless the ports are the same.
func serves(protocol uint8, source, destination uint16) bool {
	known, _ := lookup(protocol, destination)
	other, _ := lookup(protocol, source)
	if (known == "") != (other == "") {
		return known != ""
	}
	return destination <= source
}

// speaks returns what is spoken between two ports, "" when they do not tell.
func speaks(protocol uint8, source, destination uint16) string {
	if !serves(protocol, source, destination) {
		destination = source
	}
	spoken, _ := lookup(protocol, destination)
	return spoken
}
