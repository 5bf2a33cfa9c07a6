//go:build linux

package testbed

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// Ping sends one ICMP echo request (RFC 792, RFC 4443 section 4) from the namespace to a literal address
// and waits for its reply. An error says that there was none within timeout.
func (n *Namespace) Ping(address string, timeout time.Duration) error {
	to, err := netip.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("testbed: ping from %s: %w", n.Name, err)
	}
	network, local, request, reply := "ip4:icmp", "0.0.0.0", byte(8), byte(0)
	if to.Is6() {
		network, local, request, reply = "ip6:ipv6-icmp", "::", 128, 129
	}
	conn, err := n.ListenPacket(network, local)
	if err != nil {
		return fmt.Errorf("testbed: ping from %s: %w", n.Name, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return fmt.Errorf("testbed: ping from %s: %w", n.Name, err)
	}

	identifier := uint16(os.Getpid())
	message := make([]byte, 16)
	message[0] = request
	binary.BigEndian.PutUint16(message[4:], identifier)
	if to.Is4() { // the kernel fills in the checksum of ICMPv6 alone, RFC 3542 section 3.1
		binary.BigEndian.PutUint16(message[2:], internetChecksum(message, 0))
	}
	if _, err := conn.WriteTo(message, &net.IPAddr{IP: to.AsSlice()}); err != nil {
		return fmt.Errorf("testbed: ping %s from %s: %w", address, n.Name, err)
	}
	// A raw socket hears every ICMP message of its host.
	answer := make([]byte, 1500)
	for {
		size, from, err := conn.ReadFrom(answer)
		if err != nil {
			return fmt.Errorf("testbed: ping %s from %s: %w", address, n.Name, err)
		}
		if size >= 8 && answer[0] == reply && binary.BigEndian.Uint16(answer[4:]) == identifier &&
			from.String() == to.String() {
			return nil
		}
	}
}
