package decode

import (
	"math/rand/v2"
	"slices"
)

var hostileOptions = []pattern{
	{name: "dhcp: pads", port: 67, data: dhcpOf(func(r *rand.Rand, size int) []byte { return make([]byte, size) })},
	{name: "dhcp: empty options", port: 67, data: dhcpOf(func(r *rand.Rand, size int) []byte {
		return fill(size, func(b []byte) []byte { return append(b, 100+byte(r.IntN(100)), 0) })
	})},
	{name: "dhcp: a name to escape behind empty options", port: 67, data: dhcpOf(func(r *rand.Rand, size int) []byte {
		var b []byte
		for range maxDHCPOptions - 2 {
			b = append(b, 100+byte(r.IntN(100)), 0)
		}
		return append(append(append(b, 12, 200), mixed(r, 200)...), 255)
	})},
	{name: "dhcp: names to escape", port: 67, data: dhcpOf(func(r *rand.Rand, size int) []byte {
		return fill(size, func(b []byte) []byte { return append(append(b, 12, 200), mixed(r, 200)...) })
	})},
	{name: "dhcp: names of zeros", port: 67, data: dhcpOf(func(r *rand.Rand, size int) []byte {
		return fill(size, func(b []byte) []byte { return append(append(b, 12, 255), make([]byte, 255)...) })
	})},
	{name: "dhcp: domain names of many labels", port: 67, data: dhcpOf(func(r *rand.Rand, size int) []byte {
		name := wireLabels(r, 125, 1, 1, printable)
		return append(fill(size-1, func(b []byte) []byte {
			return append(append(b, 81, byte(3+len(name)), 4, 0, 0), name...)
		}), 255)
	})},
	{name: "dhcp: domain names in ASCII to escape", port: 67, data: dhcpOf(func(r *rand.Rand, size int) []byte {
		return append(fill(size-1, func(b []byte) []byte {
			return append(append(b, 81, 253, 0, 0, 0), mixed(r, 250)...)
		}), 255)
	})},
	{name: "dhcpv6: empty options", port: 547, data: func(r *rand.Rand, size int) []byte {
		return append([]byte{7, 1, 2, 3}, fill(size-4, func(b []byte) []byte { return append16(b, 100+uint16(r.IntN(100)), 0) })...)
	}},
	{name: "dhcpv6: relays with empty options", port: 547, data: func(r *rand.Rand, size int) []byte {
		return relays(size, func(n int) []byte {
			return fill(n, func(b []byte) []byte { return append16(b, 100+uint16(r.IntN(100)), 0) })
		})
	}},
	{name: "dhcpv6: identity associations of nothing", port: 547, data: func(r *rand.Rand, size int) []byte {
		return append([]byte{7, 1, 2, 3}, fill(size-4, func(b []byte) []byte {
			empty := fill(min(1000, size/50), func(b []byte) []byte { return append16(b, 13, 0) })
			return append(b, option6(3, append(make([]byte, 12), empty...))...)
		})...)
	}},
	{name: "dhcpv6: names of many labels", port: 547, data: func(r *rand.Rand, size int) []byte {
		return append([]byte{7, 1, 2, 3}, fill(size-4, func(b []byte) []byte {
			return append(b, option6(39, append([]byte{0}, wireLabels(r, 127, 1, 1, mixed)...))...)
		})...)
	}},
	{name: "lldp: empty values", whole: behindEthernet(etherLLDP, func(r *rand.Rand, size int) []byte {
		return append(tlv(1, []byte{7, 'a'}), fill(size-4, func(b []byte) []byte { return append(b, tlv(4, nil)...) })...)
	})},
	{name: "lldp: names to escape", whole: behindEthernet(etherLLDP, func(r *rand.Rand, size int) []byte {
		return append(tlv(1, []byte{7, 'a'}), fill(size-4, func(b []byte) []byte {
			return append(b, tlv(5, mixed(r, min(size-6, 255)))...)
		})...)
	})},
	{name: "lldp: a name to escape behind empty values", whole: behindEthernet(etherLLDP, func(r *rand.Rand, size int) []byte {
		b := tlv(1, []byte{7, 'a'})
		for range maxTLVs - 3 {
			b = append(b, tlv(4, nil)...)
		}
		return within(size, append(b, tlv(5, mixed(r, max(0, min(size-len(b)-4, 250))))...))
	})},
	{name: "cdp: empty values", whole: cdpOf(func(r *rand.Rand) []byte { return append16(nil, 2, 4) })},
	{name: "cdp: names to escape", whole: cdpOf(func(r *rand.Rand) []byte { return append(append16(nil, 1, 254), mixed(r, 250)...) })},
}

// dhcpOf is a DHCP reply with these options (RFC 2131 §2).
func dhcpOf(options func(r *rand.Rand, size int) []byte) func(*rand.Rand, int) []byte {
	return func(r *rand.Rand, size int) []byte {
		b := make([]byte, 236, 240)
		b[0], b[1], b[2], b[19] = 2, 1, 6, 1
		b = append(b, 0x63, 0x82, 0x53, 0x63)
		return append(b, options(r, max(0, size-len(b)))...)
	}
}

// option6 is a DHCPv6 option (RFC 8415 §21.1).
func option6(code uint16, body []byte) []byte { return sized(append16(nil, code), body) }

// tlv is an LLDP TLV (IEEE 802.1AB §8.4).
func tlv(kind byte, body []byte) []byte {
	return append(append16(nil, uint16(kind)<<9|uint16(len(body))), body...)
}

// behindEthernet makes whole frames of an EtherType.
func behindEthernet(kind uint16, data func(r *rand.Rand, size int) []byte) func(*rand.Rand, int) []byte {
	return func(r *rand.Rand, size int) []byte {
		return append(append16(octets(eth), kind), data(r, size-14)...)
	}
}

// cdpOf makes CDP frames, whose 802.3 length ends at 1500.
func cdpOf(each func(r *rand.Rand) []byte) func(*rand.Rand, int) []byte {
	return func(r *rand.Rand, size int) []byte {
		list := fill(min(size-14, lengthMax)-12, func(b []byte) []byte { return append(b, each(r)...) })
		return sized(octets(eth), append(octets("aaaa03 00000c 2000 02b4 0000"), list...))
	}
}

// relays is a DHCPv6 message in as many relay messages as are read, all of them full of options (RFC 8415 §9).
func relays(size int, options func(n int) []byte) []byte {
	each := max(0, (size-4-maxRelays*(34+4))/(maxRelays+1))
	b := append([]byte{7, 1, 2, 3}, options(each)...)
	for i := range maxRelays {
		b = slices.Concat([]byte{13, byte(i)}, make([]byte, 32), options(min(each, 100)), option6(9, b))
	}
	return b
}
