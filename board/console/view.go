package console

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"network-sniffer/board/console/frame"
	"network-sniffer/board/console/text"
	"network-sniffer/board/console/top"
	"network-sniffer/decode"
)

// view is a session's stream of packets; the session's mu guards it.
type view struct {
	kind   viewKind
	filter *frame.Filter
	cursor cursor
	lines  bucket // packets shown
	looked bucket // packets looked at

	skipped uint64    // packets not shown and not yet told
	since   time.Time // when skipped began to count
	passed  uint64    // packets that went by while paused

	over bool  // it is at its end
	back *view // what follows

	head     bool           // the CSV header, or the line above a table, is still to come
	follow   conversation   // viewFollow
	table    *top.Table     // viewTop
	rows     int            // of it
	asJSON   bool           // and not as text
	every    time.Duration  // it is shown
	begun    time.Time      // when it was emptied
	capture  *frame.Capture // viewCapture
	out      *sink          // where that writes to
	captured int            // bytes since the last write
	missed   uint64         // packets that the capture does not have
}

type viewKind uint8

const (
	viewWatch viewKind = iota
	viewFollow
	viewHex
	viewTop
	viewJSON
	viewCSV
	viewCapture
)

var viewNames = [...]string{"watch", "follow", "hex", "top", "json", "csv", "pcap"}

// forPeople: text may stand in the stream.
func (v *view) forPeople() bool { return v.kind < viewJSON && !v.asJSON }

func newView(s *session, kind viewKind, filter *frame.Filter) *view {
	now := time.Now()
	lines, looks := s.server.cfg.LinesPerSecond, LooksPerSecond
	switch {
	case kind >= viewJSON && !s.isPerson():
		lines, looks = -1, -1
	case kind == viewTop:
		lines = -1
	}
	return &view{
		kind: kind, filter: filter, lines: newBucket(lines, max(1, lines), now), looked: newBucket(looks, max(1, looks), now),
		head: true,
	}
}

// stream begins a view, which replaces the one before; nil ends it.
func (s *session) stream(v *view) {
	h := &s.server.hub
	s.mu.Lock() // around watch and unwatch too: next ends streams in the other goroutine
	defer s.mu.Unlock()
	if v != nil {
		v.cursor = h.watch(s)
		v.begun = time.Now()
	} else {
		h.unwatch(s)
	}
	s.retire(s.view)
	s.view = v
	s.hold &^= holdPaused
	notify(s.wake)
}

// retire counts what a view that ends has not shown. The caller holds mu.
func (s *session) retire(v *view) {
	if v == nil {
		return
	}
	s.server.count.closed.Add(s.server.hub.ring.skip(&v.cursor))
	if v.table != nil {
		v.table = nil
		s.server.tables.Add(-1)
	}
	for b := v.back; b != nil; b = b.back {
		s.server.hub.ring.skip(&b.cursor)
	}
}

// back ends what a person asked for, and shows packets again.
func (s *session) back() {
	s.mu.Lock()
	filter := s.filter
	s.mu.Unlock()
	s.stream(newView(s, viewWatch, filter))
}

// holdFor lets the stream stand still, or go on from what is newest. The caller holds mu.
func (s *session) holdFor(why holding, on bool) {
	before := s.hold
	if s.hold &^= why; on {
		s.hold |= why
	}
	if v := s.view; v != nil && before != 0 && s.hold == 0 {
		passed := s.server.hub.ring.skip(&v.cursor)
		s.server.count.notShownPaused.Add(passed)
		v.passed += passed
		if why != holdPaused {
			v.skip(s, passed, time.Now())
		} else {
			s.hidden += passed
		}
		notify(s.wake)
	}
}

// skip counts packets that are not shown, and will be told.
func (v *view) skip(s *session, n uint64, now time.Time) {
	if n == 0 {
		return
	}
	if v.skipped == 0 {
		v.since = now
	}
	v.skipped += n
	s.hidden += n
}

// produce adds to p what the view shows now. The caller holds the session's mu.
func (v *view) produce(s *session, p *piece, now time.Time) {
	if v.head {
		v.begin(s, p)
	}
	if v.capture != nil {
		v.out.bytes = append(p.bytes, v.out.bytes...)
	}
	v.walk(s, p, now)
	if v.kind == viewTop {
		if now.Sub(v.begun) >= v.every {
			v.draw(s, p, now)
		}
		p.wait = v.every - now.Sub(v.begun)
	}
	if v.skipped > 0 && !v.over {
		if due := noteEvery - now.Sub(v.since); due <= 0 {
			v.note(s, p)
		} else if p.wait == 0 || due < p.wait {
			p.wait = due
		}
	}
	if v.capture != nil {
		v.flush(p)
	}
}

// walk shows the frames that came, as many as one write takes.
func (v *view) walk(s *session, p *piece, now time.Time) {
	var (
		f     frame.Frame
		count = &s.server.count
		r     = &s.server.hub.ring
	)
	r.mu.RLock()
	defer r.mu.RUnlock()
	for range looks {
		if len(p.bytes) >= outputBytes || v.captured >= streamBytes || v.over {
			v.captured, p.more = 0, !v.over
			return
		}
		if v.lines.empty(now) || v.looked.take(now, 1) == 0 {
			// A later packet is as good as this one: what is here now goes by.
			n := r.index - v.cursor.index
			v.cursor = cursor{r.head, r.index}
			count.notShownRate.Add(n)
			v.skip(s, n, now)
			return
		}
		missed, ok := r.next(&v.cursor, &f)
		count.notShownMissed.Add(missed)
		v.skip(s, missed, now)
		if !ok {
			return
		}
		if v.filter != nil && !v.filter.Match(&f) {
			count.notMatched.Add(1)
			continue
		}
		v.lines.take(now, 1)
		p.shown++
		v.show(s, p, &f)
	}
	p.more = true
}

// show adds a packet.
func (v *view) show(s *session, p *piece, f *frame.Frame) {
	if v.kind == viewCapture {
		// The bytes go to v.out, which takes everything.
		v.captured += len(f.Data)
		if err := v.capture.Frame(f); err != nil { // pcapng cannot hold it: a time before 1970
			p.shown--
			s.server.count.notShownMissed.Add(1)
			v.skip(s, 1, time.Now())
		}
		return
	}
	packet := &s.packet
	decode.Decode(packet, &f.Meta, f.Data)
	name := s.server.cfg.InterfaceName(f.Meta.Interface)
	switch v.kind {
	case viewTop:
		v.table.Add(packet)
	case viewJSON:
		p.bytes = s.endLine(p.bytes, packet.AppendJSON(s.lineBuf[:0], s.server.device(), name))
	case viewCSV:
		p.bytes = s.endLine(p.bytes, packet.AppendCSV(s.lineBuf[:0], s.server.device(), name))
	case viewFollow:
		p.bytes = v.follow.append(p.bytes, packet)
	case viewHex:
		p.bytes = s.appendPacket(p.bytes, packet, name)
		p.bytes = text.AppendLines(p.bytes, frame.AppendHex(nil, f))
		v.over = true
	default:
		p.bytes = s.appendPacket(p.bytes, packet, name)
	}
}

// appendPacket appends a packet's line, escaped as a whole: what keeps a client's terminal safe
// stands in this package and does not rest on another's promise.
func (s *session) appendPacket(out []byte, p *decode.Packet, iface string) []byte {
	var buf [512]byte
	begin, end := "", ""
	if s.terminal.color {
		begin, end = colorOf(p)
	}
	out = append(out, begin...)
	out = text.AppendSafe(out, p.AppendText(buf[:0], iface))
	out = append(out, end...)
	return append(out, '\r', '\n')
}

// endLine appends a line for a program; a person's terminal gets it safe. The line's memory is the session's.
func (s *session) endLine(out, line []byte) []byte {
	s.lineBuf = line
	if s.terminal.person {
		return append(text.AppendSafe(out, line), '\r', '\n')
	}
	return append(append(out, line...), '\n')
}

// begin adds what stands above the first packet.
func (v *view) begin(s *session, p *piece) {
	v.head = false
	if v.kind == viewCSV {
		p.bytes = s.endLine(p.bytes, []byte(decode.CSVHeader()))
	}
}

// note tells of the skipped packets and forgets them.
func (v *view) note(s *session, p *piece) {
	n := v.skipped
	v.skipped = 0
	switch v.kind {
	case viewJSON:
		p.bytes = s.endLine(p.bytes, fmt.Appendf(nil, `{"not_shown":%d}`, n))
	case viewCSV:
		p.bytes = s.endLine(p.bytes, fmt.Appendf(nil, "# %s not shown", text.Count(n, "packet")))
	case viewCapture:
		v.missed += n
		v.capture.Missed(v.missed, time.Now().UnixNano())
	case viewTop:
		v.table.Skipped(n)
	default:
		p.bytes = fmt.Appendf(p.bytes, "… %s not shown\r\n", text.Count(n, "packet"))
	}
}

// sink collects what a capture writes.
type sink struct{ bytes []byte }

func (k *sink) Write(b []byte) (int, error) {
	k.bytes = append(k.bytes, b...)
	return len(b), nil
}

// flush makes what the capture has written part of the piece, whose memory it is.
func (v *view) flush(p *piece) {
	v.capture.Flush() // it has nowhere to fail
	p.bytes, v.out.bytes = v.out.bytes, nil
}

// capture begins a stream in pcapng.
func (s *session) capture(filter *frame.Filter) {
	v := newView(s, viewCapture, filter)
	v.out = new(sink)
	c, err := frame.NewCapture(v.out, Product+" "+s.server.cfg.Version, s.server.cfg.InterfaceName)
	if err != nil {
		s.say(fmt.Appendf(nil, "No capture can be made: %s\r\n", text.OneLine(err.Error())))
		return
	}
	v.capture = c
	widen(s.conn)
	s.stream(v)
}

// conversation is what a view of one conversation knows of it.
type conversation struct {
	a, b  netip.AddrPort
	last  int64 // time of the packet before
	begun bool
	isn   [2]uint32 // sequence number at which each side's count begins
	known [2]bool
}

// append adds a packet's line: the time since the one before, and sequence numbers that begin at 0 (RFC 9293 §3.4).
func (c *conversation) append(out []byte, p *decode.Packet) []byte {
	at := time.Unix(0, p.Time).UTC()
	out = at.AppendFormat(out, "15:04:05.000000")
	since := time.Duration(0)
	if c.begun {
		since = time.Duration(p.Time - c.last)
	}
	c.begun, c.last = true, p.Time
	out = fmt.Appendf(out, " %+.6f ", since.Seconds())
	way, arrow := 0, "→"
	if netip.AddrPortFrom(p.Source(), p.SrcPort) != c.a {
		way, arrow = 1, "←"
	}
	out = append(out, arrow...)
	if p.Valid.Has(decode.HasTCP) {
		out = append(append(append(out, " ["...), decode.FlagNames(nil, p.Flags)...), ']')
		out = fmt.Appendf(out, " seq %d", c.relative(way, p.SeqNumber, p.Flags&flagSYN != 0))
		if p.Flags&flagACK != 0 {
			out = fmt.Appendf(out, " ack %d", c.relative(1-way, p.AckNumber, false))
		}
		out = fmt.Appendf(out, " win %d", p.WindowSize)
	} else {
		out = append(out, " UDP"...)
	}
	if p.Valid.Has(decode.HasPayload) {
		out = fmt.Appendf(out, " len %d", p.PayloadLength)
	}
	if p.Valid.Has(decode.HasName) {
		out = append(append(out, ' '), text.OneLine(string(p.Name.Text()))...)
	}
	return append(out, '\r', '\n')
}

// The TCP flags that relative numbers need.
const (
	flagSYN = 0x02
	flagACK = 0x10
)

// relative counts from a side's first number; a SYN begins anew.
func (c *conversation) relative(side int, number uint32, syn bool) uint32 {
	if !c.known[side] || syn {
		c.known[side], c.isn[side] = true, number
	}
	return number - c.isn[side]
}

// draw shows the table of what came since the last time.
func (v *view) draw(s *session, p *piece, now time.Time) {
	if v.skipped > 0 {
		v.note(s, p)
	}
	t := &s.terminal
	over := now.Sub(v.begun)
	if v.asJSON {
		p.bytes = s.endLine(p.bytes, bytes.TrimSuffix(v.table.AppendJSON(nil, v.rows, over), []byte("\n")))
	} else {
		table := v.table.AppendText(nil, v.rows, t.columns, over)
		if t.editing {
			p.bytes = append(p.bytes, homeAndErase...)
			if t.rows > 0 { // a table that scrolls loses its head
				table = firstLines(table, t.rows-2) // a line of ours and the cursor's follow
			}
		}
		p.bytes = text.AppendLines(p.bytes, table)
		if t.editing {
			p.bytes = append(p.bytes, "Any key ends this.\r\n"...)
		}
	}
	v.table.Reset()
	v.begun = now
	// Who has nothing more to say gets one table.
	v.over = v.over || s.reader.eof.Load() && !t.person
}

// firstLines cuts b behind n lines.
func firstLines(b []byte, n int) []byte {
	end := 0
	for range n {
		line := bytes.IndexByte(b[end:], '\n')
		if line < 0 {
			return b
		}
		end += line + 1
	}
	return b[:end]
}

// homeAndErase is CUP and ED of ECMA-48: the cursor goes to the first row, and all below it is erased.
const homeAndErase = "\x1b[H\x1b[J"
