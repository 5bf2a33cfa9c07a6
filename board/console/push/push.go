// Package push reads packets that a client of the console sends as JSON: one object a line with the eight TCP fields
// of the record and, if the sender knows it, the time.
//
//	{"src_ip":"192.168.1.20","dst_ip":"142.250.74.36","src_port":51544,"dst_port":443,
//	 "seq_number":1,"ack_number":0,"flags":"SYN","window_size":64240,"ts":"2026-11-24T15:04:05.123456789Z"}
//
// (on one line). Addresses and ports have to be there. The other four are a TCP header's, all of them or none; without
// them nobody knows the protocol. ts is as this product writes it, RFC 3339 §5.6, or nanoseconds since the Unix epoch;
// flags is the header's byte or the names of its bits. null is the same as a field that is not there. Nothing else is
// taken: a sender who believes that a field was stored, and it was not, is worse off than one who is told.
package push

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"network-sniffer/decode"
)

// MaxLine is how many bytes a line may have.
const MaxLine = 1024

// Error says why a line is no packet and what would be one. It is one line of printable characters.
type Error struct {
	Field   string // empty: it is about the line
	Problem string
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return e.Field + ": " + e.Problem
}

// field is a position in fields.
type field uint8

const (
	fieldTime field = iota
	fieldSrcIP
	fieldDstIP
	fieldSrcPort
	fieldDstPort
	fieldSeqNumber
	fieldAckNumber
	fieldFlags
	fieldWindowSize
)

// fields are those that a line may have. A number is at most max; 0: it is none.
var fields = [...]struct {
	name string
	max  uint64
}{
	fieldTime:       {"ts", 0},
	fieldSrcIP:      {"src_ip", 0},
	fieldDstIP:      {"dst_ip", 0},
	fieldSrcPort:    {"src_port", 1<<16 - 1},
	fieldDstPort:    {"dst_port", 1<<16 - 1},
	fieldSeqNumber:  {"seq_number", 1<<32 - 1},
	fieldAckNumber:  {"ack_number", 1<<32 - 1},
	fieldFlags:      {"flags", 1<<8 - 1},
	fieldWindowSize: {"window_size", 1<<16 - 1},
}

// packet is what a line says.
type packet struct {
	given   [len(fields)]bool
	time    int64
	address [len(fields)]netip.Addr
	number  [len(fields)]uint64
}

// Parse reads a line, its end not included, into p, which a caller may reuse. Time is 0 when the line has none; nothing
// that the line does not say is valid, HasIP for one. After an error, which is an *Error, p is the packet of no frame.
func Parse(line []byte, p *decode.Packet) error {
	p.Reset()
	var v packet
	if err := v.read(line); err != nil {
		return err
	}
	if err := v.check(); err != nil {
		return err
	}
	v.fill(p)
	return nil
}

// check asks for what has to be there, and for what belongs together.
func (v *packet) check() error {
	for f := fieldSrcIP; f <= fieldDstPort; f++ {
		if !v.given[f] {
			return &Error{fields[f].name, "is missing: addresses and ports have to be there"}
		}
	}
	if src, dst := v.address[fieldSrcIP], v.address[fieldDstIP]; src.Is4() != dst.Is4() {
		return &Error{"dst_ip", fmt.Sprintf("%s and src_ip %s are of two IP versions: give two addresses of one", dst, src)}
	}
	var missing, given []string
	for f := fieldSeqNumber; f <= fieldWindowSize; f++ {
		if v.given[f] {
			given = append(given, fields[f].name)
		} else {
			missing = append(missing, fields[f].name)
		}
	}
	if len(missing) > 0 && len(given) > 0 {
		return &Error{missing[0], fmt.Sprintf("is missing: a TCP header has it where it has %s; give %s, or none of the four",
			strings.Join(given, " and "), strings.Join(missing, " and "))}
	}
	return nil
}

// fill makes a packet of what was checked.
func (v *packet) fill(p *decode.Packet) {
	p.Time, p.Direction = v.time, decode.Unknown
	p.Valid = decode.HasAddresses | decode.HasPorts
	src, dst := v.address[fieldSrcIP], v.address[fieldDstIP]
	if src.Is4() {
		p.IPVersion = 4
	} else {
		p.IPVersion = 6
	}
	copy(p.SrcIP[:], src.AsSlice())
	copy(p.DstIP[:], dst.AsSlice())
	p.SrcPort, p.DstPort = uint16(v.number[fieldSrcPort]), uint16(v.number[fieldDstPort])
	if v.given[fieldFlags] {
		const protocolTCP = 6
		p.Valid |= decode.HasTCP | decode.HasProtocol
		p.Protocol = protocolTCP
		p.SeqNumber, p.AckNumber = uint32(v.number[fieldSeqNumber]), uint32(v.number[fieldAckNumber])
		p.Flags, p.WindowSize = uint8(v.number[fieldFlags]), uint16(v.number[fieldWindowSize])
	}
}

// set takes the value of a field.
func (v *packet) set(f field, t token) (problem string) {
	if t.kind == tokenNull {
		return ""
	}
	v.given[f] = true
	switch f {
	case fieldTime:
		v.time, problem = parseTime(t)
	case fieldSrcIP, fieldDstIP:
		v.address[f], problem = parseAddress(t)
	case fieldFlags:
		if t.kind == tokenString {
			v.number[f], problem = parseFlags(t)
			break
		}
		fallthrough
	default:
		v.number[f], problem = parseNumber(t, fields[f].max)
	}
	return problem
}

func parseTime(t token) (int64, string) {
	const want = ` is no time; write it like "2026-11-24T15:04:05.123456789Z", or as nanoseconds since 1970`
	if t.kind == tokenNumber {
		ns, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil || ns <= 0 {
			return 0, t.shown() + want
		}
		return ns, ""
	}
	at, err := time.Parse(time.RFC3339, t.text)
	if t.kind != tokenString || err != nil {
		return 0, t.shown() + want
	}
	if ns := at.UnixNano(); ns > 0 && time.Unix(0, ns).Equal(at) {
		return ns, ""
	}
	return 0, t.shown() + " is out of range; write a time between 1970 and 2262"
}

func parseAddress(t token) (netip.Addr, string) {
	const want = ` is no IP address; write it like "192.0.2.1" or "2001:db8::1"`
	if t.kind != tokenString {
		return netip.Addr{}, t.shown() + want
	}
	a, err := netip.ParseAddr(t.text)
	switch {
	case err != nil:
		return netip.Addr{}, t.shown() + want
	case a.Zone() != "":
		return netip.Addr{}, t.shown() + " has a zone, which is the sender's own; leave it out from the % on"
	}
	return a, ""
}

// flagBits are the names that decode.FlagNames gives the bits.
var flagBits = func() (names [8]string) {
	for bit := range names {
		names[bit] = string(decode.FlagNames(nil, 1<<bit))
	}
	return names
}()

func parseFlags(t token) (flags uint64, problem string) {
	if t.text == "" {
		return 0, ""
	}
next:
	for name := range strings.SplitSeq(t.text, ",") {
		for bit := range flagBits {
			if flagBits[bit] == name {
				flags |= 1 << bit
				continue next
			}
		}
		return 0, t.shown() + " has a flag that TCP has not; write names of " + strings.Join(flagBits[:], ", ") +
			` like "SYN,ACK", or their byte, 18`
	}
	return flags, ""
}

func parseNumber(t token, most uint64) (uint64, string) {
	n, err := strconv.ParseUint(t.text, 10, 64)
	if t.kind == tokenNumber && err == nil && n <= most {
		return n, ""
	}
	problem := t.shown() + " is no whole number from 0 to " + strconv.FormatUint(most, 10)
	if t.kind == tokenString {
		problem += "; write it without quotation marks"
	}
	return 0, problem
}

// AppendUnderstood appends the answer to a packet that was taken, a line ended by \n:
//
//	Understood: 192.168.1.20:51544 → 142.250.74.36:443 TCP [SYN] seq 1 win 64240 at 2026-11-24T15:04:05.123456789Z
//
// Without a time in p the line ends before at.
func AppendUnderstood(dst []byte, p *decode.Packet) []byte {
	dst = p.AppendContent(append(dst, "Understood:"...))
	if p.Time != 0 {
		dst = time.Unix(0, p.Time).UTC().AppendFormat(append(dst, " at "...), time.RFC3339Nano)
	}
	return append(dst, '\n')
}
