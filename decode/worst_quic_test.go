package decode

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"math/rand/v2"
)

// quicPatterns are Initial packets of about 1200 bytes, the least that a client sends (RFC 9000 §14.1).
var quicPatterns = []pattern{
	{name: "a hello in one piece", port: 443, data: initialOf(func(r *rand.Rand, size int) []byte {
		h := bareHello(r)
		return cryptoAt(nil, 0, h)
	})},
	{name: "a hello in pieces, last first", port: 443, data: initialOf(func(r *rand.Rand, size int) []byte {
		h := bareHello(r)
		var b []byte
		for at := len(h) / 10 * 10; at >= 0; at -= 10 {
			b = cryptoAt(b, at, h[at:min(at+10, len(h))])
		}
		return b
	})},
	{name: "pieces of a byte", port: 443, data: initialOf(func(r *rand.Rand, size int) []byte {
		h := bareHello(r)
		at := len(h)
		return fill(size, func(b []byte) []byte {
			at = max(0, at-1)
			return cryptoAt(b, at, h[at:at+1])
		})
	})},
	{name: "acknowledgments", port: 443, data: initialOf(func(r *rand.Rand, size int) []byte {
		n := min(63, size/2-4)
		return fill(size, func(b []byte) []byte { return append(append(b, 2, 1, 1, byte(n), 1), make([]byte, 2*n)...) })
	})},
	{name: "pings", port: 443, data: initialOf(func(r *rand.Rand, size int) []byte { return random(r, size, 1, 1) })},
	{name: "padding", port: 443, data: initialOf(func(r *rand.Rand, size int) []byte { return make([]byte, size) })},
	{name: "nothing that makes sense", port: 443, data: initialOf(func(r *rand.Rand, size int) []byte {
		return random(r, size, 0x40, 0x40)
	})},
}

// bareHello is the handshake message of a ClientHello without the header of a record.
func bareHello(r *rand.Rand) []byte {
	return browserHello(r, 517, []string{"0000", "0017", "000a", "0010", "000d", "0033", "002b", "0015"})[5:]
}

// cryptoAt appends a CRYPTO frame (RFC 9000 §19.6).
func cryptoAt(b []byte, offset int, data []byte) []byte {
	b = append16(append(b, 6), 0x4000|uint16(offset), 0x4000|uint16(len(data)))
	return append(b, data...)
}

// initialOf makes Initial packets of version 1 of these frames, filled up with PADDING and sealed (RFC 9001 §5).
func initialOf(frames func(r *rand.Rand, size int) []byte) func(*rand.Rand, int) []byte {
	return func(r *rand.Rand, size int) []byte {
		const header, number, tag = 1 + 4 + 1 + 8 + 1 + 1 + 2, 4, 16
		size = min(size, 1200)
		id := random(r, 8, 0, 255)
		plain := make([]byte, size-header-number-tag)
		copy(plain, frames(r, len(plain)))
		b := append([]byte{0xc3, 0, 0, 0, 1, 8}, id...)
		b = append16(append(b, 0, 0), 0x4000|uint16(size-header))
		b = append(b, 0, 0, 0, 0)

		salt := octets("38762cf7f55934b34d179ae6a4c80cadccbb7f0a") // RFC 9001 §5.2
		secret := quicLabel(sure(hkdf.Extract(sha256.New, id, salt)), "client in", 32)
		aead := sure(cipher.NewGCM(sure(aes.NewCipher(quicLabel(secret, "quic key", 16)))))
		mask := sure(aes.NewCipher(quicLabel(secret, "quic hp", 16)))
		b = aead.Seal(b, quicLabel(secret, "quic iv", 12), plain, b)
		var m [16]byte
		mask.Encrypt(m[:], b[header+4:header+20])
		b[0] ^= m[0] & 15
		for i := range number {
			b[header+i] ^= m[1+i]
		}
		return b
	}
}

// quicLabel is RFC 8446 §7.1 with no context.
func quicLabel(secret []byte, label string, n int) []byte {
	info := append([]byte{0, byte(n), byte(6 + len(label))}, "tls13 "+label...)
	return sure(hkdf.Expand(sha256.New, secret, string(append(info, 0)), n))
}

// sure is v, which cannot fail.
func sure[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
