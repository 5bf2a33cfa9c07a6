package push

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"network-sniffer/decode"
)

// slowParse is Parse by means of encoding/json.
func slowParse(line []byte) (p decode.Packet, ok bool) {
	if len(line) > 1024 || !json.Valid(line) {
		return p, false
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if first, _ := d.Token(); first != json.Delim('{') {
		return p, false
	}
	members := map[string]any{}
	for d.More() {
		name, _ := d.Token()
		value, _ := d.Token()
		if _, twice := members[name.(string)]; twice {
			return p, false
		}
		if _, inside := value.(json.Delim); inside {
			return p, false
		}
		members[name.(string)] = value
	}
	good := true
	number := func(name string, bits int) uint64 {
		v, is := members[name].(json.Number)
		n, err := strconv.ParseUint(string(v), 10, bits)
		good = good && is && err == nil
		return n
	}
	address := func(name string) netip.Addr {
		v, is := members[name].(string)
		a, err := netip.ParseAddr(v)
		good = good && is && err == nil && a.Zone() == ""
		return a
	}
	has := func(name string) bool { return members[name] != nil }

	var h decode.Head
	h.Direction = decode.Unknown
	h.Valid = decode.HasAddresses | decode.HasPorts
	src, dst := address("src_ip"), address("dst_ip")
	if !good || src.BitLen() != dst.BitLen() {
		return p, false
	}
	h.IPVersion = map[int]uint8{32: 4, 128: 6}[src.BitLen()]
	copy(h.SrcIP[:], src.AsSlice())
	copy(h.DstIP[:], dst.AsSlice())
	h.SrcPort, h.DstPort = uint16(number("src_port", 16)), uint16(number("dst_port", 16))
	if has("seq_number") || has("ack_number") || has("flags") || has("window_size") {
		h.Valid |= decode.HasTCP | decode.HasProtocol
		h.Protocol = 6
		h.SeqNumber, h.AckNumber = uint32(number("seq_number", 32)), uint32(number("ack_number", 32))
		h.WindowSize = uint16(number("window_size", 16))
		if names, is := members["flags"].(string); is {
			for _, name := range strings.Split(names, ",") {
				bit := slices.Index([]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"}, name)
				good = good && (bit >= 0 || names == "")
				h.Flags |= 1 << max(bit, 0) * uint8(min(bit+1, 1))
			}
		} else {
			h.Flags = uint8(number("flags", 8))
		}
	}
	if has("ts") {
		if text, is := members["ts"].(string); is {
			var at time.Time
			err := at.UnmarshalText([]byte(text))
			good = good && err == nil && at.After(time.Unix(0, 0)) && !at.After(time.Unix(0, 1<<63-1))
			h.Time = at.UnixNano()
		} else {
			h.Time = int64(number("ts", 63))
			good = good && h.Time > 0
		}
	}
	known := []string{"ts", "src_ip", "dst_ip", "src_port", "dst_port", "seq_number", "ack_number", "flags", "window_size"}
	for name := range members {
		good = good && slices.Contains(known, name)
	}
	if good {
		p.Head = h
	}
	return p, good
}
