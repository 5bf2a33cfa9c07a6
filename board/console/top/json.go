package top

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"network-sniffer/decode"
)

// AppendJSON appends one JSON object and "\n": what was counted, and the n heaviest rows. In a row packets, bytes and their
// directions were surely there; bytes_unsure (of names: packets_unsure) is how many more may have been.
func (t *Table) AppendJSON(dst []byte, n int, over time.Duration) []byte {
	dst = fmt.Appendf(dst, `{"top":"%s","seconds":%s,"packets":%d,"bytes":%d,"packets_without":%d,"packets_not_looked_at":%d,`+
		`"rows_given_up":%d,"rows":[`, t.kind, strconv.FormatFloat(over.Seconds(), 'f', -1, 64), t.packets, t.bytes, t.without,
		t.skipped, t.givenUp)
	for i, e := range t.heaviest(n) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = t.appendRow(dst, e)
	}
	return append(dst, "]}\n"...)
}

// appendRow appends a row's object: what it is of, in the fields of a packet where it has them, and its numbers.
func (t *Table) appendRow(dst []byte, e *entry) []byte {
	dst = append(dst, '{')
	name := e.name()
	switch t.kind {
	case Hosts:
		dst = fmt.Appendf(dst, `"ip":"%s"`, hostOf(name))
	case Ports:
		protocol, port := portOf(name)
		dst = fmt.Appendf(dst, `"protocol":%d,"port":%d`, protocol, port)
		if _, known := lookup(protocol, port); known != "" {
			dst = fmt.Appendf(dst, `,"service":"%s"`, known)
		}
	case Protocols:
		dst = fmt.Appendf(dst, `"protocol_name":%s`, quoted(string(name)))
	case Conversations:
		dst = appendTalk(dst, name)
	case Names:
		dst = fmt.Appendf(dst, `"name":%s,"name_kind":"%s"`, quoted(nameOf(name)), decode.NameKind(name[0]))
	}
	dst = fmt.Appendf(dst, `,"packets":%d,"bytes":%d`, sum(e.packets), sum(e.bytes))
	if fields := lanes[t.kind].fields; fields[0] != "" {
		dst = fmt.Appendf(dst, `,"%s":%d,"%s":%d`, fields[0], e.bytes[0], fields[1], e.bytes[1])
	}
	if e.err > 0 {
		what := "bytes"
		if t.kind == Names {
			what = "packets"
		}
		dst = fmt.Appendf(dst, `,"%s_unsure":%d`, what, e.err)
	}
	return append(dst, '}')
}

// appendTalk appends the fields of a conversation as a packet from its first side to its second has them.
func appendTalk(dst, name []byte) []byte {
	a, b := sides(name)
	has := name[2]
	dst = fmt.Appendf(dst, `"src_ip":"%s","dst_ip":"%s"`, a.Addr(), b.Addr())
	if has&talkPorts != 0 {
		dst = fmt.Appendf(dst, `,"src_port":%d,"dst_port":%d`, a.Port(), b.Port())
	}
	switch {
	case has&talkARP != 0:
		dst = append(dst, `,"protocol_name":"ARP"`...)
	case has&talkProtocol != 0:
		dst = fmt.Appendf(dst, `,"protocol":%d`, name[1])
	}
	return dst
}

// quoted is a JSON string; every text here is printable.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string cannot fail
	}
	return string(b)
}
