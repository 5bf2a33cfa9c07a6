package decode

import "crypto/sha256"

// The salts of Initial secrets: RFC 9001 §5.2, RFC 9369 §3.3.1.
const (
	quicSalt1 = "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"
	quicSalt2 = "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9"
)

// quicKeys is what protects the Initial packets that a client sends (RFC 9001 §5.1): AEAD_AES_128_GCM's key and
// IV, and the key of header protection. They follow from the packet alone, and anyone can open it.
type quicKeys struct {
	payload aes128
	header  aes128
	iv      [12]byte
}

// derive makes the keys for the destination connection ID of the client's first packet (RFC 9001 §5.2, RFC 9369
// §3.3).
func (k *quicKeys) derive(id []byte, version uint32) {
	salt, key, iv, hp := quicSalt1, "quic key", "quic iv", "quic hp"
	if version == quicVersion2 {
		salt, key, iv, hp = quicSalt2, "quicv2 key", "quicv2 iv", "quicv2 hp"
	}
	var message [maxHMACMessage]byte
	initial := hmacSHA256(salt, &message, copy(message[:], id)) // HKDF-Extract, RFC 5869 §2.2
	client := expandLabel(&initial, "client in", 32)
	secret := expandLabel(&client, key, 16)
	k.payload.expand(secret[:16])
	secret = expandLabel(&client, hp, 16)
	k.header.expand(secret[:16])
	secret = expandLabel(&client, iv, 12)
	k.iv = [12]byte(secret[:12])
}

// expandLabel is HKDF-Expand-Label (RFC 8446 §7.1) without a context, of which the caller uses the first length
// bytes. They are at most 32, so that HKDF-Expand (RFC 5869 §2.3) has one round.
func expandLabel(secret *[32]byte, label string, length uint8) [32]byte {
	const prefix = "tls13 "
	var info [maxHMACMessage]byte
	info[1] = length
	info[2] = uint8(len(prefix) + len(label))
	n := 3 + copy(info[3:], prefix)
	n += copy(info[n:], label)
	info[n+1] = 1 // behind the context's length, the number of the round
	return hmacSHA256(secret[:], &info, n+2)
}

// maxHMACMessage is enough for a connection ID of 20 bytes and for the longest label above.
const maxHMACMessage = 24

// hmacSHA256 is HMAC (RFC 2104 §2) of the first n bytes of message, with a key no longer than SHA-256's block.
func hmacSHA256[K string | []byte](key K, message *[maxHMACMessage]byte, n int) [32]byte {
	var inner [sha256.BlockSize + maxHMACMessage]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range sha256.BlockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	copy(inner[sha256.BlockSize:], message[:])
	digest := sha256.Sum256(inner[:sha256.BlockSize+n])
	copy(outer[sha256.BlockSize:], digest[:])
	return sha256.Sum256(outer[:])
}
