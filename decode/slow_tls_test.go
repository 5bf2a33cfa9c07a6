package decode

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// tls reads the ClientHello that a record begins with (RFC 8446 §5.1).
func (f *slowFrame) tls(c slowCursor) error {
	if len(c.b) < 6 || c.b[0] != 22 || c.b[1] != 3 || c.b[2] > 4 || c.b[5] != 1 {
		return nil
	}
	b, _ := c.take(5, NoReason)
	return f.clientHello(c.part(int(slow16(b[3:]))), NameTLS)
}

// slowVector reads a vector whose length stands in front of it in n bytes (RFC 8446 §3.4). One that does not fit
// into what c claims, with least more bytes behind it, is a contradiction.
func slowVector(c *slowCursor, n, least int) (slowCursor, error) {
	if c.claimed < n {
		return slowCursor{}, slowError(BadTLS)
	}
	size, err := c.number(n, TruncatedTLS)
	if err != nil {
		return slowCursor{}, err
	}
	if size+least > c.claimed {
		return slowCursor{}, slowError(BadTLS)
	}
	return c.part(size), nil
}

// clientHello reads a handshake message (RFC 8446 §4, §4.1.2) that may go on behind c.
func (f *slowFrame) clientHello(c slowCursor, kind NameKind) error {
	head, err := c.number(4, TruncatedTLS)
	if err != nil {
		return err
	}
	c = c.part(head & 0xffffff)
	if c.claimed < 35 { // version, random, a length
		return slowError(BadTLS)
	}
	b, err := c.take(34, TruncatedTLS) // version, random
	if err != nil {
		return err
	}
	legacy := slow16(b)
	for i, n := range []int{1, 2, 1} { // session, cipher suites, compression methods
		v, err := slowVector(&c, n, []int{2, 1, 0}[i]) // the next length is there too
		if err != nil {
			return err
		}
		if len(v.b) < v.claimed {
			return slowError(TruncatedTLS)
		}
	}
	seen := map[int]bool{}
	extensions := 0
	if c.claimed > 0 {
		list, err := slowVector(&c, 2, 0)
		if err != nil {
			return err
		}
		if c.claimed > 0 {
			return slowError(BadTLS)
		}
		for list.claimed > 0 {
			if extensions++; extensions > maxTLSExtensions {
				return slowError(TooManyTLSExtensions)
			}
			if list.claimed < 4 {
				return slowError(BadTLS)
			}
			t, err := list.number(2, TruncatedTLS)
			if err != nil {
				return err
			}
			v, err := slowVector(&list, 2, 0)
			if err != nil {
				return err
			}
			body, err := v.take(v.claimed, TruncatedTLS)
			if err != nil {
				return err
			}
			if !seen[t] {
				if err = f.extension(t, slowCursor{body, len(body)}, kind, legacy); err != nil {
					return err
				}
			}
			seen[t] = true
		}
	}
	if !f.p.Valid.Has(HasTLS) {
		f.tlsVersion(legacy)
	}
	return nil
}

func (f *slowFrame) tlsVersion(version uint16) {
	f.p.TLSVersion = version
	f.p.Valid |= HasTLS
}

// extension reads the body of an extension.
func (f *slowFrame) extension(t int, body slowCursor, kind NameKind, legacy uint16) error {
	switch t {
	case 0: // RFC 6066 §3
		list, err := slowVector(&body, 2, 0)
		if err != nil {
			return err
		}
		if body.claimed > 0 || list.claimed == 0 {
			return slowError(BadTLS)
		}
		for names := 0; list.claimed > 0; names++ {
			if names == 8 { // no other type is defined
				return slowError(BadTLS)
			}
			nameType, _ := list.number(1, BadTLS)
			name, err := slowVector(&list, 2, 0)
			if err != nil {
				return err
			}
			if len(name.b) == 0 {
				return slowError(BadTLS)
			}
			if nameType == 0 {
				return f.setName(kind, slowCharacters(name.b, ""))
			}
		}
	case 16: // RFC 7301 §3.1
		list, err := slowVector(&body, 2, 0)
		if err != nil {
			return err
		}
		if body.claimed > 0 || list.claimed == 0 {
			return slowError(BadTLS)
		}
		for n := 0; list.claimed > 0 && n < maxALPNs; n++ { // or until one does not fit
			protocol, err := slowVector(&list, 1, 0)
			if err != nil {
				return err
			}
			if protocol.claimed == 0 {
				return slowError(BadTLS)
			}
			text := strings.Join(slowCharacters(protocol.b, ","), "")
			if f.alpn != "" {
				text = f.alpn + "," + text
			}
			if len(text) > 63 {
				break
			}
			f.alpn = text
		}
	case 43: // RFC 8446 §4.2.1
		list, err := slowVector(&body, 1, 0)
		if err != nil {
			return err
		}
		if body.claimed > 0 || list.claimed == 0 || list.claimed%2 != 0 {
			return slowError(BadTLS)
		}
		highest := uint16(0)
		for n := 0; list.claimed > 0 && n < maxTLSVersions; n++ {
			b, _ := list.take(2, BadTLS)
			if b[0] == 3 {
				highest = max(highest, slow16(b))
			}
		}
		if highest == 0 {
			highest = legacy
		}
		f.tlsVersion(highest)
	}
	return nil
}

// slowQUIC is what a version's Initial packets are protected with.
type slowQUIC struct {
	packetType   byte
	salt, prefix string
}

var slowQUICs = map[uint32]slowQUIC{
	1:          {0, "38762cf7f55934b34d179ae6a4c80cadccbb7f0a", "quic "},   // RFC 9001 §5.2
	0x6b3343cf: {1, "0dede3def700a6db819381be6e269dcbf9bd2ed9", "quicv2 "}, // RFC 9369 §3.2, §3.3
}

// slowExpand is HKDF-Expand-Label (RFC 8446 §7.1) without a context.
func slowExpand(secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	key, err := hkdf.Expand(sha256.New, secret, string([]byte{byte(n >> 8), byte(n), byte(len(label))})+label+"\x00", n)
	if err != nil {
		panic(err)
	}
	return key
}

// keys are those of the client's packets to this connection ID.
func (q slowQUIC) keys(connection []byte) (key, iv, header []byte) {
	salt, _ := hex.DecodeString(q.salt)
	secret, err := hkdf.Extract(sha256.New, connection, salt)
	if err != nil {
		panic(err)
	}
	client := slowExpand(secret, "client in", 32)
	return slowExpand(client, q.prefix+"key", 16), slowExpand(client, q.prefix+"iv", 12),
		slowExpand(client, q.prefix+"hp", 16)
}

// slowVarint reads a variable-length integer (RFC 9000 §16).
func slowVarint(c *slowCursor, missing Reason) (int, error) {
	if len(c.b) == 0 {
		return 0, slowError(missing)
	}
	size := 1 << (c.b[0] >> 6)
	b, err := c.take(size, missing)
	value := uint64(0)
	for _, x := range b {
		value = value<<8 | uint64(x)
	}
	return int(min(value&(1<<(8*size-2)-1), 1<<30)), err
}

// quic reads an Initial packet of a client (RFC 9000 §17.2.2) down to the ClientHello in it.
func (f *slowFrame) quic(c slowCursor) error {
	if f.p.DstPort != 443 || len(c.b) < 5 || c.b[0]&0xc0 != 0xc0 {
		return nil
	}
	version, known := slowQUICs[slow32(c.b[1:])]
	if !known || c.b[0]>>4&3 != version.packetType {
		return nil
	}
	packet := c
	c.take(5, NoReason)
	var connection []byte
	for _, destination := range []bool{true, false} {
		size, err := c.number(1, TruncatedQUIC)
		if err != nil {
			return err
		}
		if size > 20 {
			return slowError(BadQUIC)
		}
		id, err := c.take(size, TruncatedQUIC)
		if err != nil {
			return err
		}
		if destination {
			connection = id
		}
	}
	size, err := slowVarint(&c, TruncatedQUIC)
	if err != nil {
		return err
	}
	if _, err = c.take(size, TruncatedQUIC); err != nil { // token
		return err
	}
	length, err := slowVarint(&c, TruncatedQUIC)
	if err != nil {
		return err
	}
	length = min(length, 1<<30) // as if no sum could be larger
	if length < 20 {            // the sample of the header's protection would reach behind the packet
		return slowError(BadQUIC)
	}
	header := len(packet.b) - len(c.b)
	cut := length > len(c.b)
	plain, err := version.open(packet.b[:header+min(length, len(c.b))], header, length, connection)
	if err == errSlowKey {
		return nil
	}
	if err != nil {
		return err
	}
	hello, err := slowCrypto(plain)
	if err == nil && cut {
		err = slowError(TruncatedQUIC)
	}
	if len(hello) == 0 || hello[0] != 1 {
		if err == slowError(BadQUIC) { // most likely it is of another key
			return nil
		}
		return err
	}
	helloErr := f.clientHello(slowCursor{hello, len(hello)}, NameQUIC)
	if err == nil || helloErr != nil && helloErr != slowError(TruncatedTLS) {
		return helloErr
	}
	return err
}

// errSlowKey says that a packet is of another key than its own connection ID gives.
var errSlowKey = errors.New("another key")

// open removes the protection (RFC 9001 §5.3, §5.4) of a packet whose number and payload are length bytes behind its
// header. Where it was cut, so is the result; where it was not, the tag may be wrong all the same.
func (q slowQUIC) open(packet []byte, header, length int, connection []byte) (slowCursor, error) {
	packet = slices.Clone(packet)
	if len(packet) < header+20 {
		return slowCursor{}, slowError(TruncatedQUIC)
	}
	key, iv, protection := q.keys(connection)
	block, _ := aes.NewCipher(protection)
	mask := make([]byte, 16)
	block.Encrypt(mask, packet[header+4:header+20])
	packet[0] ^= mask[0] & 15
	numberSize := int(packet[0]&3) + 1
	for i := range numberSize {
		packet[header+i] ^= mask[1+i]
		iv[12-numberSize+i] ^= packet[header+i]
	}
	if packet[0]&0x0c != 0 { // reserved bits: of another key
		return slowCursor{}, errSlowKey
	}
	start := header + numberSize
	end := min(header+length-16, len(packet))
	block, _ = aes.NewCipher(key)
	plain := make([]byte, end-start)
	cipher.NewCTR(block, append(slices.Clone(iv), 0, 0, 0, 2)).XORKeyStream(plain, packet[start:end])
	if header+length == len(packet) {
		gcm, _ := cipher.NewGCM(block)
		opened, err := gcm.Open(nil, iv, packet[start:], packet[:start])
		if err == nil && string(opened[:len(plain)]) != string(plain) {
			panic("two ways to decrypt disagree")
		}
	}
	return slowCursor{plain, length - numberSize - 16}, nil
}

// slowCrypto reads frames (RFC 9000 §12.4) and puts together what the CRYPTO frames hold, up to the first gap. Of a
// byte that is there twice the first counts, so that a packet that was cut between the two says the same.
func slowCrypto(c slowCursor) ([]byte, error) {
	stream := map[int]byte{}
	err := slowQUICFrames(&c, stream)
	if err == slowError(NoReason) {
		err = nil
	}
	var hello []byte
	for {
		x, ok := stream[len(hello)]
		if !ok {
			return hello, err
		}
		hello = append(hello, x)
	}
}

// slowQUICBytes is how many bytes are read of a packet's frames. There is no reason in their end.
const slowQUICBytes = 2048

func slowQUICFrames(c *slowCursor, stream map[int]byte) error {
	missing := BadQUIC
	if len(c.b) < c.claimed {
		missing = TruncatedQUIC
	}
	if len(c.b) > slowQUICBytes {
		c.b = c.b[:slowQUICBytes]
		missing = NoReason
	}
	number := func() (int, error) {
		if len(c.b) > 0 && 1<<(c.b[0]>>6) > c.claimed { // also when that is not all there
			return 0, slowError(BadQUIC)
		}
		return slowVarint(c, missing)
	}
	for count := 1; c.claimed > 0; count++ {
		if len(c.b) > 0 && count > 64 {
			return slowError(BadQUIC)
		}
		kind, err := c.number(1, missing) // in its shortest form
		if err != nil {
			return err
		}
		switch kind {
		case 0: // PADDING, as much as follows
			for len(c.b) > 0 && c.b[0] == 0 {
				c.take(1, NoReason)
			}
		case 1: // PING
		case 2, 3: // ACK: largest, delay, ranges, first range; gap and range of each; three ECN counts
			fields := make([]int, 4)
			for i := range fields {
				if fields[i], err = number(); err != nil {
					return err
				}
			}
			counts := 0
			if kind == 3 {
				counts = 3
			}
			for range fields[2] {
				if _, err = number(); err != nil {
					return err
				}
				if _, err = number(); err != nil {
					return err
				}
			}
			for range counts {
				if _, err = number(); err != nil {
					return err
				}
			}
		case 6: // CRYPTO
			offset, err := number()
			if err != nil {
				return err
			}
			size, err := number()
			if err != nil {
				return err
			}
			if size > c.claimed {
				return slowError(BadQUIC)
			}
			body := c.first(size)
			for i, x := range body.b {
				if _, ok := stream[offset+i]; !ok {
					stream[offset+i] = x
				}
			}
			if _, err = c.take(size, missing); err != nil {
				return err
			}
		case 0x1c: // CONNECTION_CLOSE
			return nil
		default:
			return slowError(BadQUIC)
		}
	}
	return nil
}
