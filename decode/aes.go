package decode

import "math/bits"

// aes128 is the key schedule of AES with a key of 16 bytes (FIPS 197 §5.2), encrypting only.
//
// It is here because crypto/aes has no way to a cipher that stays off the heap, and because it need not hide
// anything: the keys it is used with follow from what is in the packet, so that tables do no harm.
type aes128 [4 * (aesRounds + 1)]uint32

const aesRounds = 10

// aesSBox is the substitution of SubBytes (FIPS 197 §5.1.1, table 4).
const aesSBox = "" +
	"\x63\x7c\x77\x7b\xf2\x6b\x6f\xc5\x30\x01\x67\x2b\xfe\xd7\xab\x76" +
	"\xca\x82\xc9\x7d\xfa\x59\x47\xf0\xad\xd4\xa2\xaf\x9c\xa4\x72\xc0" +
	"\xb7\xfd\x93\x26\x36\x3f\xf7\xcc\x34\xa5\xe5\xf1\x71\xd8\x31\x15" +
	"\x04\xc7\x23\xc3\x18\x96\x05\x9a\x07\x12\x80\xe2\xeb\x27\xb2\x75" +
	"\x09\x83\x2c\x1a\x1b\x6e\x5a\xa0\x52\x3b\xd6\xb3\x29\xe3\x2f\x84" +
	"\x53\xd1\x00\xed\x20\xfc\xb1\x5b\x6a\xcb\xbe\x39\x4a\x4c\x58\xcf" +
	"\xd0\xef\xaa\xfb\x43\x4d\x33\x85\x45\xf9\x02\x7f\x50\x3c\x9f\xa8" +
	"\x51\xa3\x40\x8f\x92\x9d\x38\xf5\xbc\xb6\xda\x21\x10\xff\xf3\xd2" +
	"\xcd\x0c\x13\xec\x5f\x97\x44\x17\xc4\xa7\x7e\x3d\x64\x5d\x19\x73" +
	"\x60\x81\x4f\xdc\x22\x2a\x90\x88\x46\xee\xb8\x14\xde\x5e\x0b\xdb" +
	"\xe0\x32\x3a\x0a\x49\x06\x24\x5c\xc2\xd3\xac\x62\x91\x95\xe4\x79" +
	"\xe7\xc8\x37\x6d\x8d\xd5\x4e\xa9\x6c\x56\xf4\xea\x65\x7a\xae\x08" +
	"\xba\x78\x25\x2e\x1c\xa6\xb4\xc6\xe8\xdd\x74\x1f\x4b\xbd\x8b\x8a" +
	"\x70\x3e\xb5\x66\x48\x03\xf6\x0e\x61\x35\x57\xb9\x86\xc1\x1d\x9e" +
	"\xe1\xf8\x98\x11\x69\xd9\x8e\x94\x9b\x1e\x87\xe9\xce\x55\x28\xdf" +
	"\x8c\xa1\x89\x0d\xbf\xe6\x42\x68\x41\x99\x2d\x0f\xb0\x54\xbb\x16"

// aesColumns holds, for a byte of the state's first row, what SubBytes and MixColumns (FIPS 197 §5.1.3) make of
// it in its column: its substitute times 2, 1, 1 and 3. For the other rows it is rotated.
var aesColumns = func() (columns [256]uint32) {
	for i := range columns {
		s := uint32(aesSBox[i])
		columns[i] = aesDouble(s)<<24 | s<<16 | s<<8 | (aesDouble(s) ^ s)
	}
	return columns
}()

// aesDouble multiplies by x in the field of FIPS 197 §4.2.
func aesDouble(b uint32) uint32 { return b<<1&0xff ^ b>>7*0x1b }

// aesSubstitute is SUBWORD (FIPS 197 §5.2).
func aesSubstitute(w uint32) uint32 {
	return uint32(aesSBox[w>>24])<<24 | uint32(aesSBox[w>>16&0xff])<<16 | uint32(aesSBox[w>>8&0xff])<<8 |
		uint32(aesSBox[w&0xff])
}

// expand makes the schedule of a key (FIPS 197 §5.2, KEYEXPANSION).
func (k *aes128) expand(key []byte) {
	for i := range 4 {
		k[i] = be32(key[4*i:])
	}
	constant := uint32(1)
	for i := 4; i < len(k); i++ {
		w := k[i-1]
		if i%4 == 0 {
			w = aesSubstitute(bits.RotateLeft32(w, 8)) ^ constant<<24
			constant = aesDouble(constant)
		}
		k[i] = k[i-4] ^ w
	}
}

// encrypt encrypts a block, which is its four columns (FIPS 197 §5.1).
func (k *aes128) encrypt(a, b, c, d uint32) (uint32, uint32, uint32, uint32) {
	a, b, c, d = a^k[0], b^k[1], c^k[2], d^k[3]
	for i := 4; i < 4*aesRounds; i += 4 {
		a, b, c, d = k[i]^aesColumn(a, b, c, d), k[i+1]^aesColumn(b, c, d, a), k[i+2]^aesColumn(c, d, a, b),
			k[i+3]^aesColumn(d, a, b, c)
	}
	return k[40] ^ aesLast(a, b, c, d), k[41] ^ aesLast(b, c, d, a), k[42] ^ aesLast(c, d, a, b), k[43] ^ aesLast(d, a, b, c)
}

// aesColumn is a column after SubBytes, ShiftRows and MixColumns: row r comes from the column r to its right.
func aesColumn(a, b, c, d uint32) uint32 {
	return aesColumns[a>>24] ^ bits.RotateLeft32(aesColumns[b>>16&0xff], -8) ^
		bits.RotateLeft32(aesColumns[c>>8&0xff], -16) ^ bits.RotateLeft32(aesColumns[d&0xff], -24)
}

// aesLast is aesColumn in the last round, which has no MixColumns.
func aesLast(a, b, c, d uint32) uint32 {
	return aesSubstitute(a&0xff000000 | b&0xff0000 | c&0xff00 | d&0xff)
}
