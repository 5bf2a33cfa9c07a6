package decode

import "encoding/binary"

// Text returns the name's bytes.
func (n *Name) Text() []byte { return n.Bytes[:n.Length] }

// Text returns the list's bytes.
func (a *ALPN) Text() []byte { return a.Bytes[:a.Length] }

// NameKind is what a name was read from; the numbers are stored and never change their meaning.
type NameKind uint8

// The kinds of names.
const (
	NoName     NameKind = 0
	NameDNS    NameKind = 1  // first question of a message on port 53, or the owner of its first answer
	NameMDNS   NameKind = 2  // first question of a message on port 5353, or the owner of its first answer (RFC 6762)
	NameLLMNR  NameKind = 3  // first question of a message on port 5355 (RFC 4795), or the owner of its first answer
	NameTLS    NameKind = 4  // server name of a ClientHello in TCP (RFC 6066 §3)
	NameQUIC   NameKind = 5  // server name of a ClientHello in a QUIC Initial (RFC 9001 §4)
	NameHTTP   NameKind = 6  // Host of an HTTP/1 request (RFC 9110 §7.2)
	NameDHCP   NameKind = 7  // client's host name (RFC 2132 §3.14), or else its FQDN (RFC 4702)
	NameDHCPv6 NameKind = 8  // client's FQDN (RFC 4704)
	NameSSDP   NameKind = 9  // ST or NT of an SSDP message (UPnP Device Architecture 2.0 §1.2, §1.3)
	NameLLDP   NameKind = 10 // system name (IEEE 802.1AB §8.5.6)
	NameCDP    NameKind = 11 // device ID
)

// NameKinds is one more than the highest NameKind.
const NameKinds = 12

var nameKinds = [NameKinds]string{
	NoName: "none", NameDNS: "dns", NameMDNS: "mdns", NameLLMNR: "llmnr", NameTLS: "tls", NameQUIC: "quic", NameHTTP: "http",
	NameDHCP: "dhcp", NameDHCPv6: "dhcpv6", NameSSDP: "ssdp", NameLLDP: "lldp", NameCDP: "cdp",
}

// String returns the stable name of k; "none" for zero, "unknown" for a number that this version does not know.
func (k NameKind) String() string {
	if int(k) < len(nameKinds) {
		return nameKinds[k]
	}
	return "unknown"
}

// setName keeps raw as the name. Of one that does not fit the beginning is kept, with NameTooLong. An empty
// one is none.
func (p *Packet) setName(kind NameKind, raw []byte) {
	if len(raw) == 0 {
		return
	}
	n, whole := escape(p.Name.Bytes[:], 0, raw, 0)
	p.Name.Length = uint8(n)
	p.NameKind = kind
	p.Valid |= HasName
	if !whole {
		p.DecodeError = NameTooLong
	}
}

// escape writes raw behind the first n bytes of dst in the form of Name, with separator as one more byte that
// is escaped (0: none), and returns the new length, and false when raw did not fit.
//
// What is escaped is the sender's choice, which no branch could foresee: but for words that are plain there is none.
func escape(dst []byte, n int, raw []byte, separator byte) (int, bool) {
	also := uint64(separator) * everyByte
	special := spellings[0]
	if separator != 0 {
		special = 2<<32 | spelling(separator)<<8 | '\\'
	}
	for len(raw) >= 8 && n+8*4 <= len(dst) {
		word := binary.LittleEndian.Uint64(raw)
		raw = raw[8:]
		if plain(word, also) {
			binary.LittleEndian.PutUint64(dst[n:], word)
			n += 8
			continue
		}
		for range 8 {
			c := byte(word)
			s := spellings[c]
			if c == separator {
				s = special
			}
			binary.LittleEndian.PutUint32(dst[n:], uint32(s))
			n += int(s >> 32)
			word >>= 8
		}
	}
	for _, c := range raw {
		s := spellings[c]
		if c == separator {
			s = special
		}
		more := int(s >> 32)
		if n+more > len(dst) {
			return n, false
		}
		for range more {
			dst[n] = byte(s)
			n++
			s >>= 8
		}
	}
	return n, true
}

// everyByte times a byte is a word of eight of it.
const everyByte = 0x0101010101010101

// plain reports whether none of the eight bytes of word is escaped, neither as itself nor as the separator, of
// which also has eight. A subtraction that borrows and an addition that carries mark a byte's highest bit, and it
// does no harm that they may mark the next byte too.
func plain(word, also uint64) bool {
	backslash := word ^ '\\'*everyByte
	separator := word ^ also
	marks := word | (word - ' '*everyByte) | (word + everyByte) | (backslash - everyByte) | (separator - everyByte)
	return marks&(0x80*everyByte) == 0
}

// A spelling is what stands for a byte in a Name: its up to 4 bytes of text, the first one lowest, and above them
// how many they are.
type spelling uint64

// spellings are those of all bytes; a separator is spelled by who writes it.
var spellings = func() (all [256]spelling) {
	for i := range all {
		c := spelling(i)
		all[i] = 1<<32 | c
		if c < ' ' || c > '~' || c == '\\' {
			all[i] = 4<<32 | ('0'+c%10)<<24 | ('0'+c/10%10)<<16 | ('0'+c/100)<<8 | '\\'
		}
	}
	return all
}()
