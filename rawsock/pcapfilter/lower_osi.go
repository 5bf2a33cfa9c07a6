package pcapfilter

import "golang.org/x/net/bpf"

// Network layer protocol identifiers of ISO/IEC TR 9577.
const (
	nlpidCLNP = 0x81
	nlpidESIS = 0x82
	nlpidISIS = 0x83
)

// Types of IS-IS packets (ISO/IEC 10589 clause 9).
const (
	isisHelloLAN1  = 15
	isisHelloLAN2  = 16
	isisHelloPoint = 17
	isisLSP1       = 18
	isisLSP2       = 20
	isisCSNP1      = 24
	isisCSNP2      = 25
	isisPSNP1      = 26
	isisPSNP2      = 27
)

// isisType is where the type stands in an IS-IS header, in bytes.
const isisType = 4

// isisWords are the names of groups of IS-IS packets. libpcap compares the whole byte of the type, the
// reserved bits included.
var isisWords = map[string][]uint32{
	"l1":   {isisPSNP1, isisCSNP1, isisLSP1, isisHelloLAN1, isisHelloPoint},
	"l2":   {isisPSNP2, isisCSNP2, isisLSP2, isisHelloLAN2, isisHelloPoint},
	"iih":  {isisHelloPoint, isisHelloLAN2, isisHelloLAN1},
	"lsp":  {isisLSP2, isisLSP1},
	"snp":  {isisPSNP2, isisPSNP1, isisCSNP2, isisCSNP1},
	"csnp": {isisCSNP2, isisCSNP1},
	"psnp": {isisPSNP2, isisPSNP1},
}

// nlpids are the protocols behind "iso proto", and their own words.
var nlpids = map[string]uint32{"clnp": nlpidCLNP, "esis": nlpidESIS, "isis": nlpidISIS}

// osiField compares a byte of the OSI header. It stands behind an 802.2 header of three bytes; PPP leaves that
// out (RFC 1377 section 2).
func (l *linkLayer) osiField(offset, val uint32) cond {
	if l.kind != PPP {
		offset += 3
	}
	return &test{code: l.loadLLC(offset, 1), jump: bpf.JumpEqual, val: val}
}

// linkProtocol lowers the short name of a protocol below IP; ok is false when it is none.
func (low *lowering) linkProtocol(word string) (c cond, ok bool) {
	l := &low.link
	if number, ok := linkProtocols[word]; ok {
		return l.etherType(number), true
	}
	if id, ok := nlpids[word]; ok {
		return and(l.etherType(sapISO), l.osiField(0, id)), true
	}
	types, ok := isisWords[word]
	if !ok {
		return nil, false
	}
	var alternatives []cond
	for _, t := range types {
		alternatives = append(alternatives, l.osiField(isisType, t))
	}
	return and(l.etherType(sapISO), l.osiField(0, nlpidISIS), or(alternatives...)), true
}

// osiProto lowers "iso proto" and "isis proto".
func (low *lowering) osiProto(n *addrNode) (cond, error) {
	l := &low.link
	isis := n.qualifiers.proto == "isis"
	number := n.value.num
	switch n.value.kind {
	case tokNumber:
	case tokWord:
		var ok bool
		if number, ok = nlpids[n.value.text]; !ok || isis {
			return nil, low.errorf(n.at(), nil, `a number, or \clnp, \esis or \isis behind "iso proto"`,
				"%s is no protocol of %s", n.value.shown(), n.qualifiers.proto)
		}
	default:
		return nil, low.errorf(n.at(), nil, "a number or a name", "%s is an address, no protocol", n.value.shown())
	}
	if number > 0xff {
		return nil, low.errorf(n.at(), nil, "0 to 255", "%d does not fit in the byte that tells the protocol", number)
	}
	if isis {
		return and(l.etherType(sapISO), l.osiField(0, nlpidISIS), l.osiField(isisType, number)), nil
	}
	return and(l.etherType(sapISO), l.osiField(0, number)), nil
}
