package decode

import (
	"bytes"
	"net/netip"
	"strings"
)

// datagram reads what a UDP port carries: the destination's, or else the source's.
func (f *slowFrame) datagram(c slowCursor) error {
	dns := func(kind NameKind) func(slowCursor) error {
		return func(c slowCursor) error { return f.dns(c, kind) }
	}
	services := map[uint16]func(slowCursor) error{
		53: dns(NameDNS), 5353: dns(NameMDNS), 5355: dns(NameLLMNR), 67: f.dhcp, 68: f.dhcp, 123: f.ntp, 443: f.quic,
		546: f.dhcpv6, 547: f.dhcpv6, 1900: f.ssdp, 1701: f.l2tp, 2152: f.gtpu, 3544: f.teredo, 4789: f.vxlan,
		6081: f.geneve, 51820: f.wireguard, 4500: f.ipsec,
	}
	if len(c.b) == 0 {
		return nil
	}
	read, ok := services[f.p.DstPort]
	if answer, system := services[f.p.SrcPort]; system && (!ok || f.p.SrcPort < 1024 && f.p.DstPort > 1023) {
		if f.p.DstPort == 51820 {
			f.wireguard(c)
		}
		if f.p.Valid&HasTunnel == 0 {
			read, ok = answer, true
		}
	}
	if !ok {
		return nil
	}
	return read(c)
}

// stream reads what a client sends to a TCP port; DNS is read both ways.
func (f *slowFrame) stream(c slowCursor) error {
	switch f.p.DstPort {
	case 80, 3128, 8000, 8008, 8080:
		return f.http(c)
	case 443, 465, 636, 853, 989, 990, 993, 995, 5061, 8443:
		return f.tls(c)
	}
	if f.p.DstPort == 53 || f.p.SrcPort == 53 {
		return f.dnsStream(c)
	}
	return nil
}

// dnsStream reads the first message of a segment (RFC 1035 §4.2.2), if it looks like one.
func (f *slowFrame) dnsStream(c slowCursor) error {
	b, err := c.take(2, NoReason)
	if err != nil || len(c.b) < 12 {
		return nil
	}
	length := int(slow16(b))
	if length < 12 || slow16(c.b[4:]) != 1 || c.b[2] < 128 && c.b[3]%16 != 0 {
		return nil
	}
	return f.dns(c.part(length), NameDNS)
}

// slowDNS is a message (RFC 1035 §4.1) and what was read of it.
type slowDNS struct {
	message []byte
	at      int
	labels  int // and pointers, and roots that are a whole name
}

func (d *slowDNS) number(n int) (int, error) {
	c := slowCursor{b: d.message[d.at:]}
	value, err := c.number(n, TruncatedDNS)
	d.at += n
	return value, err
}

// name reads a name (RFC 1035 §4.1.4) as its labels; the root has none.
func (d *slowDNS) name() ([][]byte, error) {
	var labels [][]byte
	bytes := 1 // the root's
	run, at, end := d.at, d.at, -1
	for {
		if at >= len(d.message) {
			return nil, slowError(TruncatedDNS)
		}
		length := int(d.message[at])
		if length != 0 || len(labels) == 0 {
			if d.labels++; d.labels > maxDNSLabels {
				return nil, slowError(TooManyDNSLabels)
			}
		}
		switch {
		case length == 0:
			if end < 0 {
				end = at + 1
			}
			d.at = end
			return labels, nil
		case length < 64:
			if bytes += 1 + length; bytes > 255 {
				return nil, slowError(BadDNSName)
			}
			if at+1+length > len(d.message) {
				return nil, slowError(TruncatedDNS)
			}
			labels = append(labels, d.message[at+1:at+1+length])
			if len(strings.Join(slowLabels(labels), "")) > 255 {
				return labels, slowError(NameTooLong)
			}
			at += 1 + length
		case length >= 192:
			if at+2 > len(d.message) {
				return nil, slowError(TruncatedDNS)
			}
			to := int(slow16(d.message[at:]) & 0x3fff)
			if to >= run || to < 12 {
				return nil, slowError(BadDNSName)
			}
			if end < 0 {
				end = at + 2
			}
			run, at = to, to
		default:
			return nil, slowError(BadDNSName)
		}
	}
}

// skipName skips a name: to the root or behind a pointer, which is not followed.
func (d *slowDNS) skipName() error {
	start := d.at
	for {
		length, err := d.number(1)
		if err != nil {
			return err
		}
		if length >= 64 && length < 192 {
			return slowError(BadDNSName)
		}
		if length != 0 || d.at == start+1 {
			if d.labels++; d.labels > maxDNSLabels {
				return slowError(TooManyDNSLabels)
			}
		}
		switch {
		case length == 0:
			return nil
		case length < 64:
			d.at += length
			if d.at+1-start > 255 { // with the root's byte
				return slowError(BadDNSName)
			}
			if d.at > len(d.message) {
				return slowError(TruncatedDNS)
			}
		default:
			low, err := d.number(1)
			if err != nil {
				return err
			}
			if to := length&63<<8 | low; to >= start || to < 12 {
				return slowError(BadDNSName)
			}
			return nil
		}
	}
}

// slowLabels is a name's labels with dots between them.
func slowLabels(labels [][]byte) []string {
	if len(labels) == 0 {
		return []string{"."}
	}
	var characters []string
	for i, label := range labels {
		if i > 0 {
			characters = append(characters, ".")
		}
		characters = append(characters, slowCharacters(label, ".")...)
	}
	return characters
}

func (f *slowFrame) dns(c slowCursor, kind NameKind) error {
	p := &f.p
	d := &slowDNS{message: c.b}
	header, err := c.take(12, TruncatedDNS)
	if err != nil {
		return err
	}
	d.at = 12
	response := header[2]&0x80 != 0
	questions, answers := int(slow16(header[4:])), int(slow16(header[6:]))
	if response {
		p.DNSRCode, p.DNSAnswers = header[3]&15, uint16(answers)
		p.Valid |= HasDNSResponse
	}
	for q := range questions {
		if q == 1 && (!response || answers == 0) { // nothing behind the first question is wanted
			return nil
		}
		if q > 0 {
			if err = d.skipName(); err != nil {
				return err
			}
		} else if err = f.dnsName(d, kind); err != nil {
			return err
		}
		t, err := d.number(2)
		if err != nil {
			return err
		}
		if _, err = d.number(2); err != nil { // class
			return err
		}
		if q == 0 {
			p.DNSType = uint16(t)
			p.Valid |= HasDNS
		}
	}
	for a := range min(answers, maxDNSRecords) {
		if questions == 0 && a == 0 {
			err = f.dnsName(d, kind)
		} else if response {
			if err = d.skipName(); err == slowError(TooManyDNSLabels) && len(f.answers) > 0 {
				return nil
			}
		} else {
			return nil
		}
		if err != nil {
			return err
		}
		t, err := d.number(2)
		if err != nil {
			return err
		}
		class, err := d.number(2)
		if err != nil {
			return err
		}
		if questions == 0 && a == 0 {
			p.DNSType = uint16(t)
			p.Valid |= HasDNS
			if !response {
				return nil
			}
		}
		if _, err = d.number(4); err != nil { // TTL
			return err
		}
		size, err := d.number(2)
		if err != nil {
			return err
		}
		want, isAddress := map[int]int{1: 4, 28: 16}[t] // A; AAAA, RFC 3596 §2.1
		isAddress = isAddress && class&0x7fff == 1
		if isAddress && size != want {
			return slowError(BadDNS)
		}
		if d.at+size > len(d.message) {
			return slowError(TruncatedDNS)
		}
		if isAddress {
			address, _ := netip.AddrFromSlice(d.message[d.at : d.at+size])
			if f.answers = append(f.answers, address); len(f.answers) == maxAnswers {
				return nil
			}
		}
		d.at += size
	}
	return nil
}

// dnsName reads the name that is the packet's.
func (f *slowFrame) dnsName(d *slowDNS, kind NameKind) error {
	labels, err := d.name()
	if err != nil && err != slowError(NameTooLong) {
		return err
	}
	return f.setName(kind, slowLabels(labels))
}

// slowText is what is looked at of a header section: its first 4096 bytes.
type slowText struct {
	text string
	end  Reason // what to stop with at its end
}

func newSlowText(b []byte) *slowText {
	if len(b) > 4096 {
		return &slowText{string(b[:4096]), TooManyHTTPLines}
	}
	return &slowText{string(b), TruncatedHTTP}
}

// line takes a line off, without its end: LF, or CR and LF (RFC 9112 §2.2).
func (t *slowText) line() (string, error) {
	line, rest, ok := strings.Cut(t.text, "\n")
	if !ok {
		return "", slowError(t.end)
	}
	t.text = rest
	return strings.TrimSuffix(line, "\r"), nil
}

// slowRequestMethod is the method that b begins with, with a space behind it, or 0.
func slowRequestMethod(b []byte) Method {
	for m, name := range methodNames {
		if name != "" && strings.HasPrefix(string(b), name+" ") {
			return Method(m)
		}
	}
	return 0
}

// http reads a request (RFC 9112 §3).
func (f *slowFrame) http(c slowCursor) error {
	method := slowRequestMethod(c.b)
	if method == 0 {
		return nil
	}
	return f.request(newSlowText(c.b), method, "host", NameHTTP)
}

// ssdp reads a search, a notification, or the answer to a search (UPnP Device Architecture 2.0 §1.2, §1.3).
func (f *slowFrame) ssdp(c slowCursor) error {
	method, text := slowRequestMethod(c.b), newSlowText(c.b)
	switch method.String() {
	case "M-SEARCH":
		return f.request(text, method, "st", NameSSDP)
	case "NOTIFY":
		return f.request(text, method, "nt", NameSSDP)
	}
	if !strings.HasPrefix(text.text, "HTTP/1.1 200") {
		return nil
	}
	if _, err := text.line(); err != nil {
		return err
	}
	return f.headerLines(text, "st", NameSSDP)
}

func (f *slowFrame) request(text *slowText, method Method, field string, kind NameKind) error {
	f.p.HTTPMethod = method
	f.p.Valid |= HasHTTP
	line, err := text.line()
	if err != nil {
		return err
	}
	rest := line[len(method.String())+1:] // the target and the version
	target, version := rest[:max(0, len(rest)-len(" HTTP/1.1"))], rest[max(0, len(rest)-len(" HTTP/1.1")):]
	if target == "" || version != " HTTP/1.0" && version != " HTTP/1.1" {
		return slowError(BadHTTP)
	}
	return f.headerLines(text, field, kind)
}

// headerLines looks for the first line of this field.
func (f *slowFrame) headerLines(text *slowText, field string, kind NameKind) error {
	for lines := 0; ; lines++ {
		if lines == maxHTTPLines {
			return slowError(TooManyHTTPLines)
		}
		line, err := text.line()
		if err != nil {
			return err
		}
		if line == "" {
			return nil
		}
		if len(line) <= len(field) || !strings.EqualFold(line[:len(field)], field) {
			continue
		}
		switch value := line[len(field)+1:]; line[len(field)] {
		case ':':
			left, right := strings.TrimLeft(value, " \t"), strings.TrimRight(value, " \t")
			if max(len(value)-len(left), len(value)-len(right)) > 32 {
				return slowError(BadHTTP)
			}
			return f.setName(kind, slowCharacters([]byte(strings.Trim(value, " \t")), ""))
		case ' ', '\t':
			return slowError(BadHTTP) // RFC 9112 §5.1
		}
	}
}

// dhcp reads a DHCPv4 message (RFC 2131 §2) and its options (RFC 2132).
func (f *slowFrame) dhcp(c slowCursor) error {
	p := &f.p
	b, err := c.take(240, TruncatedDHCP)
	if err != nil {
		return err
	}
	bootp := string(b[236:]) == "\x00\x00\x00\x00" // RFC 951 §3
	if string(b[236:]) != "\x63\x82\x53\x63" && !bootp {
		return slowError(BadDHCP)
	}
	if address := netip.AddrFrom4([4]byte(b[16:20])); b[0] == 2 && !address.IsUnspecified() {
		f.assigned = address
	}
	if bootp {
		return nil
	}
	var domain []byte // of option 81
	options := 0
	named := false
	for ; ; options++ {
		if options == maxDHCPOptions {
			return slowError(TooManyDHCPOptions)
		}
		code, err := c.number(1, TruncatedDHCP)
		if err != nil {
			return err
		}
		if code == 255 {
			break
		}
		if code == 0 {
			continue
		}
		size, err := c.number(1, TruncatedDHCP)
		if err != nil {
			return err
		}
		b, err := c.take(size, TruncatedDHCP)
		if err != nil {
			return err
		}
		switch code {
		case 53:
			if size != 1 {
				return slowError(BadDHCP)
			}
			if !p.Valid.Has(HasDHCP) {
				p.DHCPType = b[0]
				p.Valid |= HasDHCP
			}
		case 12:
			if !named {
				if err = f.setName(NameDHCP, slowCharacters(bytes.TrimRight(b, "\x00"), "")); err != nil {
					return err
				}
			}
			named = true
		case 81: // RFC 4702 §2: flags, two result codes, name
			if size < 3 {
				return slowError(BadDHCP)
			}
			if domain == nil {
				domain = b
			}
		}
	}
	if named || domain == nil {
		return nil
	}
	name := slowCharacters(bytes.TrimRight(domain[3:], "\x00"), "")
	if domain[0]&4 != 0 {
		if name, err = slowWireName(domain[3:], maxDHCPOptions-options, BadDHCP); err != nil {
			return err
		}
	}
	return f.setName(NameDHCP, name)
}

// slowWireName reads the labels of a name without compression, whose root may be left out. They count as options,
// of which so many are left. Of a name that is too long only what is more than fits is read.
func slowWireName(b []byte, left int, bad Reason) ([]string, error) {
	c := slowCursor{b: b}
	var labels [][]byte
	total := 1 // the root's
	for len(c.b) > 0 {
		size, _ := c.number(1, bad)
		if total += 1 + size; size > 0 && total > 255 { // RFC 1035 §2.3.4
			return nil, slowError(bad)
		}
		if size == 0 {
			break
		}
		if size > 63 {
			return nil, slowError(bad)
		}
		label, err := c.take(size, bad)
		if err != nil {
			return nil, err
		}
		labels = append(labels, label)
		if len(strings.Join(slowLabels(labels), "")) > 255 {
			break
		}
	}
	if len(labels) == 0 {
		return nil, nil
	}
	return slowLabels(labels), nil
}

// dhcpv6 reads a DHCPv6 message (RFC 8415 §8) or what relays put around it (§9).
func (f *slowFrame) dhcpv6(c slowCursor) error {
	if len(c.b) > 0 {
		f.p.DHCPType = c.b[0]
		f.p.Valid |= HasDHCP
	}
	options := 0
	return f.dhcpv6Message(c, 0, &options)
}

func (f *slowFrame) dhcpv6Message(c slowCursor, relays int, options *int) error {
	if len(c.b) == 0 {
		return slowError(TruncatedDHCPv6)
	}
	kind := c.b[0]
	if relays == maxRelays && (kind == 12 || kind == 13) {
		return slowError(BadDHCPv6)
	}
	header := 4
	if kind == 12 || kind == 13 {
		header = 34
	}
	if _, err := c.take(header, TruncatedDHCPv6); err != nil {
		return err
	}
	return f.dhcpv6Options(c, int(kind), relays, 0, options)
}

// dhcpv6Options reads the options of a message of this kind, or those inside the option that is outer.
func (f *slowFrame) dhcpv6Options(c slowCursor, kind, relays, outer int, options *int) error {
	relay := kind == 12 || kind == 13
	assigns := kind == 2 || kind == 7 // ADVERTISE, REPLY
	for !c.ended() {
		if len(c.b) == 0 {
			return slowError(TruncatedDHCPv6)
		}
		if *options == maxDHCPOptions {
			return slowError(TooManyDHCPOptions)
		}
		*options++
		if outer != 0 && c.claimed < 4 {
			return slowError(BadDHCPv6)
		}
		code, err := c.number(2, TruncatedDHCPv6)
		if err != nil {
			return err
		}
		size, err := c.number(2, TruncatedDHCPv6)
		if err != nil {
			return err
		}
		if outer != 0 && size > c.claimed { // lengths that an IA's contradicts
			return slowError(BadDHCPv6)
		}
		if relay && code == 9 {
			inner := c.part(size)
			if err = f.dhcpv6Message(inner, relays+1, options); err == nil && len(inner.b) < size {
				return slowError(TruncatedDHCPv6)
			}
			return err
		}
		name := !relay && outer == 0 && code == 39
		association := assigns && outer == 0 && (code == 3 || code == 4 || code == 25)
		address := (outer == 3 || outer == 4) && code == 5 || outer == 25 && code == 26
		least := map[int]int{39: 1, 3: 12, 4: 4, 25: 12, 5: 24, 26: 25}[code] // RFC 4704 §4, RFC 8415 §21
		if (name || association || address) && size < least {
			return slowError(BadDHCPv6)
		}
		body := c.part(size)
		if association { // IA_NA, IA_TA, IA_PD
			if _, err = body.take(least, TruncatedDHCPv6); err != nil {
				return err
			}
			if err = f.dhcpv6Options(body, kind, relays, code, options); err != nil {
				return err
			}
			continue
		}
		b, err := body.take(size, TruncatedDHCPv6)
		if err != nil {
			return err
		}
		switch {
		case name && f.name == "":
			characters, err := slowWireName(b[1:], maxDHCPOptions-*options+1, BadDHCPv6)
			if err != nil {
				return err
			}
			if err = f.setName(NameDHCPv6, characters); err != nil {
				return err
			}
		case address && code == 5 && slow32(b[20:]) != 0: // IAADDR
			f.assign(b[:16])
		case address && code != 5 && slow32(b[4:]) != 0: // IAPREFIX
			f.assign(b[9:25])
		}
	}
	return nil
}

func (f *slowFrame) assign(b []byte) {
	if !f.assigned.IsValid() {
		f.assigned, _ = netip.AddrFromSlice(b)
	}
}

// ntp reads the mode of an NTP packet (RFC 5905 §7.3); control (RFC 9327 §2) and private messages are shorter.
func (f *slowFrame) ntp(c slowCursor) error {
	size := 48
	if len(c.b) > 0 {
		f.p.NTPMode = c.b[0] & 7
		f.p.Valid |= HasNTP
		switch f.p.NTPMode {
		case 6:
			size = 12
		case 7:
			size = 8
		}
	}
	_, err := c.take(size, TruncatedNTP)
	return err
}

// lldp reads TLVs (IEEE 802.1AB §8.4): 7 bits of type, 9 of length.
func (f *slowFrame) lldp(c slowCursor) error {
	for tlvs := 0; ; tlvs++ {
		if tlvs == maxTLVs {
			return slowError(TooManyTLVs)
		}
		word, err := c.number(2, TruncatedLLDP)
		if err != nil {
			return err
		}
		kind, size := word>>9, word&511
		if tlvs == 0 && kind != 1 {
			return slowError(BadLLDP)
		}
		if kind == 0 {
			return nil
		}
		if kind == 5 && size > 255 {
			return slowError(BadLLDP)
		}
		b, err := c.take(size, TruncatedLLDP)
		if err != nil {
			return err
		}
		if kind == 5 && f.name == "" && size > 0 {
			if err = f.setName(NameLLDP, slowCharacters(b, "")); err != nil {
				return err
			}
		}
	}
}

// cdp reads a header of 4 bytes and TLVs, whose lengths count their own 4 bytes of header.
func (f *slowFrame) cdp(c slowCursor, cut bool) error {
	if _, err := c.take(4, TruncatedCDP); err != nil {
		return err
	}
	for tlvs := 0; len(c.b) > 0; tlvs++ {
		if tlvs == maxTLVs {
			return slowError(TooManyTLVs)
		}
		b, err := c.take(4, TruncatedCDP)
		if err != nil {
			return err
		}
		kind, size := slow16(b), int(slow16(b[2:]))
		if size < 4 {
			return slowError(BadCDP)
		}
		if b, err = c.take(size-4, TruncatedCDP); err != nil {
			return err
		}
		if kind == 1 && f.name == "" && len(b) > 0 {
			if err = f.setName(NameCDP, slowCharacters(b, "")); err != nil {
				return err
			}
		}
	}
	if cut {
		return slowError(TruncatedCDP)
	}
	return nil
}
