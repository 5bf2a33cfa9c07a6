package decode

// NTP modes with another header than the usual one (RFC 5905 §7.3, figure 10).
const (
	modeControl = 6
	modePrivate = 7
)

// The shortest message of each: RFC 5905 §7.3 without extension fields, RFC 9327 §2 without data, and the head
// that requests and responses of ntpd's private mode share.
const (
	headerNTP     = 48
	headerControl = 12
	headerPrivate = 8
)

// ntp reads the mode, which the first byte holds behind leap indicator and version, of an NTP message.
func (p *Packet) ntp(b []byte) {
	size := headerNTP
	if len(b) > 0 {
		p.NTPMode = b[0] & 7
		p.Valid |= HasNTP
		switch p.NTPMode {
		case modeControl:
			size = headerControl
		case modePrivate:
			size = headerPrivate
		}
	}
	if len(b) < size {
		p.DecodeError = TruncatedNTP
	}
}
