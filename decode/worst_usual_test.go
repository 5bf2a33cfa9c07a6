package decode

import "math/rand/v2"

// usualPatterns are what a network carries most of. Their median is what the dear ones are compared with.
var usualPatterns = []pattern{
	{name: "tcp", port: 7000, tcp: true, data: printable},
	{name: "tcp timestamps", whole: func(r *rand.Rand, size int) []byte {
		b := plainHead(protoTCP, size-34)
		b = append(b, octets("c938 1b58 00000001 00000002 80 10 1000 0000 0000 0101080a 00000064 000000c8")...)
		return append(b, printable(r, size-len(b))...)
	}},
	{name: "tcp over ipv6", whole: func(r *rand.Rand, size int) []byte {
		b := ipv6Header(append(octets(eth), 0x86, 0xdd), protoTCP, 0, size-54)
		b = append(b, octets("c938 1b58 00000001 00000002 50 10 1000 0000 0000")...)
		if len(b) > size {
			return nil
		}
		return append(b, printable(r, size-len(b))...)
	}},
	{name: "udp", port: 7000, data: printable},
	{name: "tls records", port: 443, tcp: true, data: func(r *rand.Rand, size int) []byte {
		return sized([]byte{0x17, 3, 3}, unprintable(r, size-5))
	}},
	{name: "tls hello", port: 443, tcp: true, data: func(r *rand.Rand, size int) []byte {
		return browserHello(r, size, []string{"0000", "0017", "000a", "0010", "000d", "0033", "002b", "0015"})
	}},
	{name: "dns query", port: 53, data: func(r *rand.Rand, size int) []byte {
		return append(octets("1234 0100 0001 0000 0000 0000"), dnsQuestion("www", "example", "com")...)
	}},
	{name: "dns response", port: 53, data: func(r *rand.Rand, size int) []byte {
		b := append(octets("1234 8180 0001 0004 0000 0000"), dnsQuestion("www", "example", "com")...)
		for range 4 {
			b = append(b, octets("c00c 0001 0001 0000003c 0004 c6336401")...)
		}
		return b
	}},
}

// dnsQuestion is an entry of the question section, of type A.
func dnsQuestion(parts ...string) []byte {
	var b []byte
	for _, s := range parts {
		b = append(append(b, byte(len(s))), s...)
	}
	return append(b, 0, 0, 1, 0, 1)
}

// browserHello is a ClientHello with extensions of a browser, named by their hexadecimal type; padding takes the room that
// is left.
func browserHello(r *rand.Rand, size int, types []string) []byte {
	var list []byte
	for _, t := range types {
		list = append(list, octets(t)...)
		switch t {
		case "0000":
			list = sized(list, octets("0012 00 000f 7777772e6578616d706c652e636f6d"))
		case "0010":
			list = sized(list, octets("000c 02 6832 08 687474702f312e31"))
		case "002b":
			list = sized(list, octets("06 3a3a 0304 0303"))
		case "0033":
			list = sized(list, append(octets("0024 001d 0020"), printable(r, 32)...))
		case "0015":
			list = sized(list, make([]byte, max(0, size-len(list)-90)))
		default:
			list = sized(list, octets("0006 001d 0017 0018"))
		}
	}
	return helloOf(list)
}

// helloOf is a ClientHello with this extension list (RFC 8446 §4.1.2).
func helloOf(list []byte) []byte {
	body := append(octets("0303"), make([]byte, 32)...)
	body = append(body, octets("20")...)
	body = append(body, make([]byte, 32)...)
	body = append(body, octets("0002 1301 01 00")...)
	body = sized(body, list)
	return sized(octets("16 0301"), sized(octets("01 00"), body))
}
