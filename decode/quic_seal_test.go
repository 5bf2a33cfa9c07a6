package decode

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// initial is an Initial packet of a client before it is protected.
type initial struct {
	version uint32
	to      []byte // destination connection ID
	from    []byte // source connection ID
	token   []byte
	number  uint32
	size    int // bytes of the packet number, 1 to 4
	frames  []byte
	flags   byte   // more bits of the first byte
	key     []byte // connection ID that gives the key; nil: to
}

// secrets derives the client's key, IV and header protection key by the standard library's HKDF.
func (i *initial) secrets() (key, iv, hp []byte) {
	must := func(b []byte, err error) []byte {
		if err != nil {
			panic(err)
		}
		return b
	}
	expand := func(secret []byte, label string, n int) []byte {
		label = "tls13 " + label
		info := append([]byte{0, byte(n), byte(len(label))}, label...)
		return must(hkdf.Expand(sha256.New, secret, string(append(info, 0)), n))
	}
	salt, prefix := octets("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), "quic "
	if i.version == quicVersion2 {
		salt, prefix = octets("0dede3def700a6db819381be6e269dcbf9bd2ed9"), "quicv2 "
	}
	id := i.key
	if id == nil {
		id = i.to
	}
	client := expand(must(hkdf.Extract(sha256.New, id, salt)), "client in", 32)
	return expand(client, prefix+"key", 16), expand(client, prefix+"iv", 12), expand(client, prefix+"hp", 16)
}

// seal protects the packet (RFC 9001 §5.3, §5.4) with the standard library's AES and GCM.
func (i initial) seal() []byte {
	first := 0xc0 | i.flags | byte(i.size-1)
	if i.version == quicVersion2 {
		first |= 0x10
	}
	header := binary.BigEndian.AppendUint32([]byte{first}, i.version)
	header = append(append(header, byte(len(i.to))), i.to...)
	header = append(append(header, byte(len(i.from))), i.from...)
	header = append(appendVarint(header, len(i.token)), i.token...)
	header = appendVarint(header, i.size+len(i.frames)+16)
	at := len(header)
	header = append(header, binary.BigEndian.AppendUint32(nil, i.number)[4-i.size:]...)

	key, iv, hp := i.secrets()
	nonce := slices.Clone(iv)
	for n, c := range binary.BigEndian.AppendUint32(nil, i.number) {
		nonce[8+n] ^= c
	}
	packet := newGCM(key).Seal(slices.Clone(header), nonce, i.frames, header)
	if len(packet) < at+20 {
		return packet // no sample: nobody can read it
	}
	mask := make([]byte, 16)
	newAES(hp).Encrypt(mask, packet[at+4:at+20])
	packet[0] ^= mask[0] & 0x0f
	for n := range i.size {
		packet[at+n] ^= mask[1+n]
	}
	return packet
}

func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return block
}

func newGCM(key []byte) cipher.AEAD {
	gcm, err := cipher.NewGCM(newAES(key))
	if err != nil {
		panic(err)
	}
	return gcm
}

// appendVarint appends v in 1, 2 or 4 bytes (RFC 9000 §16).
func appendVarint(b []byte, v int) []byte {
	switch {
	case v < 1<<6:
		return append(b, byte(v))
	case v < 1<<14:
		return append(b, byte(v>>8)|0x40, byte(v))
	}
	return binary.BigEndian.AppendUint32(b, uint32(v)|0x80000000)
}

// cryptoFrame is a CRYPTO frame (RFC 9000 §19.6).
func cryptoFrame(offset int, data []byte) []byte {
	return append(appendVarint(appendVarint([]byte{quicCrypto}, offset), len(data)), data...)
}
