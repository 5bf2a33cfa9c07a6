package decode

import (
	"crypto/subtle"
	"encoding/binary"
)

// The versions of QUIC whose Initial packets are read, and the type that these have (RFC 9000 §17.2.2, RFC 9369
// §3.1, §3.2).
const (
	quicVersion1 = 1
	quicVersion2 = 0x6b3343cf
	quicInitial1 = 0
	quicInitial2 = 1
)

// The frames that a client may send in an Initial packet (RFC 9000 §12.4, table 3).
const (
	quicPadding = 0x00
	quicPing    = 0x01
	quicACK     = 0x02
	quicACKECN  = 0x03
	quicCrypto  = 0x06
	quicClose   = 0x1c
)

const (
	quicNumber   = 4    // bytes that a packet number may have (RFC 9000 §17.1); the sample begins behind as many
	quicSample   = 16   // RFC 9001 §5.4.3
	quicTag      = 16   // AEAD_AES_128_GCM, RFC 5116 §5.1
	quicReserved = 0x0c // bits of the first byte that are zero (RFC 9000 §17.2)
)

// The bounds of QUIC. A datagram's first hello nearly always fits them: it is of about 1,200 bytes.
const (
	maxConnectionID = 20      // RFC 9000 §17.2: BadQUIC
	maxQUICBytes    = 2048    // decrypted of a packet, and put together of a hello: the rest is not read
	maxQUICFrames   = 64      // read of a packet, where padding counts once however long it is: BadQUIC
	maxLength       = 1 << 30 // stands for all lengths above, so that sums with it fit 32 bits
)

// quic reads the ClientHello in the Initial packet that a datagram to port 443 begins with (RFC 9000 §17.2.2).
//
// The packet is opened with the key that its own connection ID gives, as is right for what a client sends first.
// Its later Initial packets have another ID and still the first one's key: they do not open, and say nothing here.
func (p *Packet) quic(b []byte) {
	if p.DstPort != 443 || len(b) < 5 || b[0]>>6 != 3 { // long header and fixed bit
		return
	}
	version, kind := be32(b[1:]), b[0]>>4&3
	if (version != quicVersion1 || kind != quicInitial1) && (version != quicVersion2 || kind != quicInitial2) {
		return
	}
	p.DecodeError = TruncatedQUIC // until the packet is known to be whole
	if len(b) < 6 {
		return
	}
	n := 6 + int(b[5]) // destination connection ID
	if n > 6+maxConnectionID {
		p.DecodeError = BadQUIC
		return
	}
	if len(b) <= n {
		return
	}
	id := b[6:n]
	if b[n] > maxConnectionID {
		p.DecodeError = BadQUIC
		return
	}
	n += 1 + int(b[n]) // source connection ID
	token, n := varint(b, n)
	if n > len(b) || token > uint64(len(b)-n) {
		return
	}
	length, n := varint(b, n+int(token))
	if n > len(b) {
		return
	}
	if length < quicNumber+quicSample { // RFC 9001 §5.4.2: less gives no sample
		p.DecodeError = BadQUIC
		return
	}
	body := b[n:]
	if length <= uint64(len(body)) {
		body = body[:length]
		p.DecodeError = NoReason
	}
	if len(body) >= quicNumber+quicSample {
		p.quicInitial(version, b[0], id, body, int(min(length, maxLength)))
	}
}

// quicInitial opens an Initial packet: first is the protected first byte, id the destination connection ID, and b
// what is there of the length bytes from the packet number on.
//
// The tag is not checked: that of a packet that was cut could not be, and a frame must not mean less when more of
// it was captured. A packet that its key does not open shows itself in reserved bits that are set, or in frames that
// are none and hold no hello.
func (p *Packet) quicInitial(version uint32, first byte, id, b []byte, length int) {
	var keys quicKeys
	keys.derive(id, version)

	// Header protection: RFC 9001 §5.4.1, §5.4.3. The mask's first byte is for the first byte's low bits, the next
	// ones are for the packet number.
	m, rest, _, _ := keys.header.encrypt(be32(b[4:]), be32(b[8:]), be32(b[12:]), be32(b[16:]))
	first ^= byte(m>>24) & 0x0f
	if first&quicReserved != 0 {
		p.DecodeError = NoReason
		return
	}
	size := 1 + int(first&3)
	number := (be32(b) ^ (m<<8 | rest>>24)) >> (32 - 8*size)

	var plain [maxQUICBytes]byte
	payload := length - size - quicTag
	n := min(len(b)-size, payload, len(plain))
	keys.open(plain[:n], b[size:], number)
	p.quicFrames(plain[:n], payload)
}

// open decrypts what of a packet dst has room for. Packet numbers are small where hellos are, so that number is the
// whole one (RFC 9000 §A.3), and the nonce is the IV with it (RFC 9001 §5.3).
//
// GCM (NIST SP 800-38D §7.1) is the nonce, and behind it a counter, which is 2 for the first block.
func (k *quicKeys) open(dst, src []byte, number uint32) {
	x, y, z := be32(k.iv[0:]), be32(k.iv[4:]), be32(k.iv[8:])^number
	for counter := uint32(2); len(dst) > 0; counter++ {
		var pad [16]byte
		a, b, c, d := k.payload.encrypt(x, y, z, counter)
		binary.BigEndian.PutUint32(pad[0:], a)
		binary.BigEndian.PutUint32(pad[4:], b)
		binary.BigEndian.PutUint32(pad[8:], c)
		binary.BigEndian.PutUint32(pad[12:], d)
		n := subtle.XORBytes(dst, src[:min(len(src), len(dst))], pad[:])
		dst, src = dst[n:], src[n:]
	}
}

// piece is what a CRYPTO frame holds of the hello: size bytes of the packet from at on belong at offset.
type piece struct{ offset, at, size uint16 }

// quicFrames reads the frames of an Initial packet (RFC 9000 §19), which has total bytes of them, and the ClientHello
// that its CRYPTO frames make up. What stands before a lie stays, so that the hello is read in any case.
//
// A frame moves n to its own end, also when that is not there: behind b the packet was cut, behind total it lies.
func (p *Packet) quicFrames(b []byte, total int) {
	var pieces [maxQUICFrames]piece
	count, n := 0, 0
	for frames := 0; n < len(b); frames++ {
		if frames == maxQUICFrames {
			n = total + 1
			break
		}
		n++
		switch b[n-1] {
		case quicPadding:
			for n < len(b) && b[n] == quicPadding {
				n++
			}
		case quicPing:
		case quicACK:
			n = ackEnd(b, n, 4)
		case quicACKECN:
			n = ackEnd(b, n, 4+3)
		case quicCrypto:
			var offset, size uint64
			offset, n = varint(b, n)
			size, n = varint(b, n)
			at := n
			n += int(min(size, maxLength))
			if n <= total && at < len(b) && offset < maxQUICBytes {
				size = min(size, uint64(len(b)-at), maxQUICBytes-offset)
				pieces[count] = piece{uint16(offset), uint16(at), uint16(size)}
				count++
			}
		case quicClose:
			n = total
		default:
			n = total + 1
		}
	}
	reason := p.DecodeError
	p.DecodeError = NoReason
	var buffer [maxQUICBytes]byte
	hello := joined(&buffer, b, pieces[:count])
	if len(hello) == 0 || hello[0] != tlsClientHello {
		if n <= total {
			p.DecodeError = reason
		}
		return
	}
	if n > total {
		reason = BadQUIC
	}
	p.clientHello(hello, NameQUIC)
	// A hello that goes on elsewhere does so because of the packet, when that is not whole.
	if reason != NoReason && (p.DecodeError == NoReason || p.DecodeError == TruncatedTLS) {
		p.DecodeError = reason
	}
}

// ackEnd returns the end of an ACK frame whose numbers begin at n: fields of them, the third of which is how many
// pairs there are more (RFC 9000 §19.3).
func ackEnd(b []byte, n int, fields uint64) int {
	_, n = varint(b, n)
	_, n = varint(b, n)
	pairs, n := varint(b, n)
	for fields += 2 * min(pairs, maxLength); fields > 3; fields-- {
		if n >= len(b) {
			return max(n, len(b)+1)
		}
		n += 1 << (b[n] >> 6)
	}
	return n
}

// joined puts the pieces of b together, and returns what is without a gap from the beginning. Where they overlap the
// frame in front counts, which is the one that a packet cut behind it has too.
func joined(buffer *[maxQUICBytes]byte, b []byte, pieces []piece) []byte {
	if len(pieces) == 1 && pieces[0].offset == 0 {
		return b[pieces[0].at:][:pieces[0].size]
	}
	for i := len(pieces) - 1; i >= 0; i-- {
		c := &pieces[i]
		copy(buffer[c.offset:], b[c.at:][:c.size])
	}
	end := uint16(0)
	for range pieces { // in the worst order each round finds one that goes on
		before := end
		for i := range pieces {
			if c := &pieces[i]; c.offset <= end {
				end = max(end, c.offset+c.size)
			}
		}
		if end == before {
			break
		}
	}
	return buffer[:end]
}

// varint reads a variable-length integer (RFC 9000 §16) at n, and returns it and its end. That is behind b when it is
// not all there.
func varint(b []byte, n int) (uint64, int) {
	if n >= len(b) {
		return 0, max(n, len(b)+1)
	}
	size := 1 << (b[n] >> 6)
	if size > len(b)-n {
		return 0, n + size
	}
	v := uint64(b[n] & 0x3f)
	for _, c := range b[n+1 : n+size] {
		v = v<<8 | uint64(c)
	}
	return v, n + size
}
