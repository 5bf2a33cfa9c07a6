package tsharktest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
)

// quicVersion is what the Initial packets of a version of QUIC have of their own.
type quicVersion struct {
	number         uint32
	first          int // fixed bit, long header and the type Initial
	salt           []byte
	key, iv, guard string // labels
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// quicVersions: RFC 9001 §5.2 and §5.1, RFC 9369 §3.
var quicVersions = []quicVersion{
	{1, 0xc0, unhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), "quic key", "quic iv", "quic hp"},
	{0x6b3343cf, 0xd0, unhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), "quicv2 key", "quicv2 iv", "quicv2 hp"},
}

// expand is HKDF-Expand-Label of RFC 8446 §7.1 without a context.
func expand(secret []byte, label string, n int) []byte {
	info := octets(uint16(n), length8("tls13 ", label), 0)
	b, err := hkdf.Expand(sha256.New, secret, string(info), n)
	if err != nil {
		panic(err)
	}
	return b
}

func block(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return b
}

// variable is an integer of variable length in two bytes, RFC 9000 §16.
func variable(n int) []byte { return octets(0x4000 | uint16(n)) }

// initial is a datagram with a client's Initial packet, sealed with the keys that its destination gives.
func (g generator) initial() []byte {
	v := quicVersions[0]
	if g.one(4) {
		v = quicVersions[1]
	}
	hello := g.ownHello(true)
	if g.one(2) {
		hello = pick(g, g.hellos.quic...)
	}
	destination, source := g.bytes(8+g.IntN(13)), g.some(20)
	size := 1 + g.IntN(4)
	number := g.bytes(size)
	frames := g.frames(hello)
	frames = append(frames, make([]byte, max(0, 1100+g.IntN(100)-len(frames)))...)
	var token []byte
	if g.one(4) {
		token = g.some(60)
	}
	head := octets(v.first|(size-1), v.number, length8(destination), length8(source), variable(len(token)), token,
		variable(size+len(frames)+16), number)

	extracted, err := hkdf.Extract(sha256.New, destination, v.salt)
	if err != nil {
		panic(err)
	}
	secret := expand(extracted, "client in", 32)
	iv := expand(secret, v.iv, 12)
	for i := range number { // the number's bytes are the last of the nonce, RFC 9001 §5.3
		iv[12-size+i] ^= number[i]
	}
	aead, err := cipher.NewGCM(block(expand(secret, v.key, 16)))
	if err != nil {
		panic(err)
	}
	packet := aead.Seal(head, iv, frames, head)
	// Header protection, RFC 9001 §5.4: the sample begins 4 bytes behind the number's first.
	at := len(head) - size
	var mask [16]byte
	block(expand(secret, v.guard, 16)).Encrypt(mask[:], packet[at+4:at+20])
	packet[0] ^= mask[0] & 15
	for i := range size {
		packet[at+i] ^= mask[1+i]
	}
	return packet
}

// frames puts the hello into one CRYPTO frame, or into several in any order with PING and PADDING between.
func (g generator) frames(hello []byte) []byte {
	crypto := func(from, to int) []byte { return octets(6, variable(from), variable(to-from), hello[from:to]) }
	if g.one(2) {
		return crypto(0, len(hello))
	}
	var pieces [][]byte
	for from := 0; from < len(hello); {
		to := min(len(hello), from+1+g.IntN(len(hello)))
		pieces = append(pieces, crypto(from, to))
		from = to
	}
	g.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
	var b []byte
	for _, piece := range pieces {
		b = octets(b, piece, pick(g, []byte{1}, []byte{0, 0}, nil))
	}
	return b
}
