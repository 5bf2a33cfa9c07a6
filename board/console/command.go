package console

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"network-sniffer/board/console/frame"
	"network-sniffer/board/console/text"
	"network-sniffer/rawsock/pcapfilter"
)

const (
	prompt   = "sniffer> "
	goodbye  = "Goodbye.\r\n"
	stopping = "The recorder is stopping. Goodbye.\r\n"
	// noTimingMark precedes what answers a telnet interrupt; to clients that ask for no mark the refusal says nothing new.
	noTimingMark = "\xff\xfc\x06"
)

// command is something that a client may type.
type command struct {
	name      string
	arguments string // as help shows them; empty: none are taken, and a line that has some is a message
	summary   string
	more      string // of help NAME: lines ended by \n
	example   string
	run       func(s *session, arguments string)
}

// commands are in the order of help. It is a function, because help looks at it too.
func commands() []command {
	return []command{
		{"help", "[COMMAND]", "show this list, or all about one command", "", "help top", (*session).help},
		{"watch", "[EXPR]", "show live packets, those that match a pcap-filter expression or all",
			"It replaces what filter said.\n", "watch tcp port 443 and host 192.168.1.20", (*session).watch},
		{"pause", "", "stop the live packets", "", "pause", (*session).pause},
		{"resume", "", "go on, and say how many packets went by", "", "resume", (*session).resume},
		{"filter", "[EXPR|off]", "let this session see what matches a pcap-filter(7) expression; what is recorded does not change",
			"It holds for watch, json, csv, pcap, hex, top and last. Without an expression it tells the one in force.\n",
			"filter udp port 53", (*session).setFilter},
		{"top", "[hosts|ports|protocols|conversations|names] [N] [SECONDS] [--json]", "a table of the most active, until a key is pressed",
			"N rows (10), drawn anew after so many seconds (2).\n", "top conversations 20 5", (*session).top},
		{"stats", "[--json]", "rates, ring and losses of each interface", "", "stats", report(TopicStats)},
		{"books", "[--json]", "whether every packet that was received is a row or a loss with a name", "", "books", report(TopicBooks)},
		{"uplink", "[--json]", "where the upload stands: backlog, rate, last error", "", "uplink --json", report(TopicUplink)},
		{"spool", "[--json]", "what waits for the database, and where", "", "spool", report(TopicSpool)},
		{"interfaces", "[--json]", "the interfaces, and how each is looked at", "", "interfaces", report(TopicInterfaces)},
		{"last", "[N]", "the last packets that match the filter (20)",
			"Of what the console keeps in memory. While nobody watched, a few packets of each ring block are kept: what is not\n" +
				"there is told.\n", "last 50", (*session).last},
		{"hex", "[EXPR]", "the next packet that matches, as a hex dump", "The bytes are those that were captured.\n",
			"hex icmp", (*session).hex},
		{"follow", "IP:PORT IP:PORT", "one conversation, with the time between its packets and sequence numbers from 0",
			"An IPv6 address stands in brackets.\n", "follow 192.168.1.20:51544 142.250.74.36:443", (*session).followConversation},
		{"mark", "\"TEXT\"", "enter a line into the ledger, to find a change made on the network again later",
			"In the database it is a row of sniffer.marks.\n", "mark \"new switch in the cellar\"", (*session).mark},
		{"json", "[EXPR]", "packets as JSON, one object a line", "", "json tcp port 443", machine(viewJSON)},
		{"csv", "[EXPR]", "packets as CSV, the names of the columns first", "", "csv arp", machine(viewCSV)},
		{"pcap", "[EXPR]", "packets as pcapng, for a program such as Wireshark", "From a shell: (echo pcap; cat) | nc HOST 8000 | wireshark -k -i -\n",
			"pcap port 53", (*session).pcap},
		{"push", "[pcap]", "send packets' metadata, a JSON object a line, or a capture",
			"A line has src_ip, dst_ip, src_port, dst_port, and what is known of seq_number, ack_number, flags, window_size and ts.\n" +
				"A line with a dot ends it. After push pcap, a pcap or pcapng stream follows until the client closes its side.\n",
			"push", (*session).push},
		{"who", "[--json]", "the sessions", "", "who", (*session).who},
		{"version", "", "the recorder's version", "", "version", (*session).version},
		{"quit", "", "end this session (also Ctrl-D, and Ctrl-C at an empty line)", "", "quit", func(s *session, _ string) { s.finish(goodbye) }},
	}
}

// find looks a command up.
func find(name string) (command, bool) {
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, false
	}
	return all[i], true
}

// execute runs a command, or takes typed, the line as it came, as a message.
func (s *session) execute(line string, typed []byte) {
	name, arguments, _ := strings.Cut(line, " ")
	arguments = strings.TrimSpace(arguments)
	c, ok := find(name)
	if !ok || arguments != "" && c.arguments == "" {
		shown := text.AppendSafe(nil, typed)
		if s.say(append(append([]byte("Received message: "), shown...), '\r', '\n')) {
			s.server.message(s.remote, string(shown))
		}
		return
	}
	c.run(s, arguments)
}

// help shows all commands, or one.
func (s *session) help(name string) {
	if name == "" {
		var b []byte
		for _, c := range commands() {
			b = fmt.Appendf(b, "  %-11s %s\n", c.name, c.summary)
		}
		b = append(b, "help COMMAND tells more. Any other line is a message: it is written to the recorder's log and answered.\n"...)
		s.reply(b)
		return
	}
	c, ok := find(name)
	if !ok {
		s.reply(fmt.Appendf(nil, "There is no command %q. Type help for the list.\n", name))
		return
	}
	s.reply(fmt.Appendf(nil, "%s: %s\n%sExample: %s\n", strings.TrimSpace(c.name+" "+c.arguments), c.summary, c.more, c.example))
}

// complete offers what the word before the cursor may become: a command, and behind help and top what they take.
func (s *session) complete() {
	s.mu.Lock()
	line, cursor := s.editor.Text()
	before := string(line[:cursor])
	s.mu.Unlock()
	var words []string
	first, rest, more := strings.Cut(before, " ")
	switch {
	case !more:
		rest = first
		fallthrough
	case first == "help":
		for _, c := range commands() {
			words = append(words, c.name)
		}
	case first == "top":
		words = topics
	}
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !strings.HasPrefix(w, rest) })
	s.mu.Lock()
	s.editor.Completed(words)
	s.text = s.editor.AppendEcho(s.text)
	s.mu.Unlock()
	notify(s.wake)
}

// report answers with what the source says.
func report(topic Topic) func(*session, string) {
	return func(s *session, arguments string) {
		form, ok := s.form(arguments)
		if !ok {
			return
		}
		answer := s.server.cfg.Source.Report(nil, topic, form)
		if form.JSON && !s.isPerson() {
			s.say(answer)
			return
		}
		if topic == TopicStats && !form.JSON {
			answer = s.ownStats(answer)
		}
		s.reply(answer)
	}
}

// form is how the client wants an answer; false: it was told what it may say.
func (s *session) form(arguments string) (Form, bool) {
	if arguments != "" && arguments != "--json" {
		s.reply(fmt.Appendf(nil, "%q is not known here: nothing or --json.\n", arguments))
		return Form{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Form{JSON: arguments != "", Width: s.terminal.columns}, true
}

// ownStats adds what the console knows of itself.
func (s *session) ownStats(b []byte) []byte {
	s.mu.Lock()
	shown, hidden := s.shown, s.hidden
	s.mu.Unlock()
	c := s.server.Counters()
	b = fmt.Appendf(b, "Console: %d of %d sessions open.\n", c.SessionsOpen, s.server.cfg.Sessions)
	for _, row := range []struct {
		what   string
		counts []count
	}{
		{"Refused", []count{{c.RefusedFull, "too many sessions"}, {c.RefusedAddress, "too many from one address"}, {c.RefusedAllow, "not allowed"}}},
		{"Closed", []count{{c.ClosedStalled, "did not read"}, {c.ClosedForeign, "no console's client"}, {c.ClosedIdle, "idle"},
			{c.ClosedPassword, "password not known"}}},
		{"Packets that no session could see", []count{{c.TapFull, "the hub was late"}, {c.TapBusy, "the hub was busy"}}},
	} {
		b = appendCounts(b, row.what, row.counts)
	}
	return fmt.Appendf(b, "This session: %s shown, %d not shown.\n", text.Count(shown, "packet"), hidden)
}

// count is one of Counters, in words.
type count struct {
	n   uint64
	why string
}

// appendCounts appends a line with those that are not 0, if there are any.
func appendCounts(b []byte, what string, counts []count) []byte {
	separator := what + ": "
	for _, c := range counts {
		if c.n > 0 {
			b = fmt.Appendf(b, "%s%d (%s)", separator, c.n, c.why)
			separator = ", "
		}
	}
	if separator == ", " {
		b = append(b, ".\n"...)
	}
	return b
}

// reply says lines that may hold anything.
func (s *session) reply(b []byte) bool { return s.say(appendReply(nil, b)) }

// pause stops the flow. What waits unseen goes by too.
func (s *session) pause(string) {
	s.server.hub.catchUp() // while nobody watches, packets are not counted until somebody asks
	s.mu.Lock()
	v := s.view
	already := v != nil && s.hold&holdPaused != 0
	var passed uint64
	if already {
		s.server.hub.ring.mu.RLock()
		passed = v.passed + s.server.hub.ring.index - v.cursor.index
		s.server.hub.ring.mu.RUnlock()
	} else if v != nil {
		v.passed = 0
	}
	s.mu.Unlock()
	switch {
	case v == nil:
		s.say([]byte("Nothing is shown that could be paused.\r\n"))
	case already:
		s.reply(fmt.Appendf(nil, "Already paused: %s went by so far. Type resume to go on.\n", text.Count(passed, "packet")))
	default:
		s.mu.Lock()
		s.holdFor(holdPaused, true)
		s.server.hub.unwatch(s)
		s.mu.Unlock()
		s.say([]byte("Paused. Type resume to go on.\r\n"))
	}
}

// resume lets packets through again, from now on.
func (s *session) resume(string) {
	s.mu.Lock()
	v, paused := s.view, s.hold&holdPaused != 0
	s.mu.Unlock()
	if v == nil || !paused {
		s.say([]byte("Not paused.\r\n"))
		return
	}
	s.mu.Lock()
	s.server.hub.watch(s)
	s.holdFor(holdPaused, false)
	passed := v.passed
	s.mu.Unlock()
	s.reply(fmt.Appendf(nil, "Resumed: %s went by.\n", text.Count(passed, "packet")))
}

// compile makes a filter of an expression; empty: the session's own. False: the client was told what is wrong.
func (s *session) compile(expr string) (*frame.Filter, bool) {
	if expr == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.filter, true
	}
	f, err := s.server.compile(expr)
	if err == nil {
		return f, true
	}
	var bad *pcapfilter.Error
	if errors.As(err, &bad) {
		s.reply(fmt.Appendf(nil, "%s\n%s\n", bad, bad.Caret()))
	} else {
		s.reply(fmt.Appendf(nil, "%s\n", err))
	}
	s.failed()
	return nil, false
}

// compile makes one filter at a time for all sessions together: a long expression takes megabytes while it is compiled.
func (s *Server) compile(expr string) (*frame.Filter, error) {
	s.compiling.Lock()
	defer s.compiling.Unlock()
	return frame.Compile(expr)
}

// failed ends the session of a program whose only wish could not be understood: it would wait for ever.
func (s *session) failed() {
	s.mu.Lock()
	alone := !s.terminal.person && s.view == nil
	s.mu.Unlock()
	if alone {
		s.finish("")
	}
}

func (s *session) watch(expr string) {
	f, ok := s.compile(expr)
	if !ok {
		return
	}
	s.mu.Lock()
	s.filter = f
	s.mu.Unlock()
	s.stream(newView(s, viewWatch, f))
}

func (s *session) setFilter(expr string) {
	if expr == "" {
		s.mu.Lock()
		now := s.filter
		s.mu.Unlock()
		if now == nil {
			s.say([]byte("No filter: every packet that is recorded is shown.\r\n"))
		} else {
			s.reply(fmt.Appendf(nil, "Filter: %s\n", now))
		}
		return
	}
	if expr == "off" {
		s.useFilter(nil)
		s.say([]byte("No filter any more.\r\n"))
		return
	}
	if f, ok := s.compile(expr); ok {
		s.useFilter(f)
		s.reply(fmt.Appendf(nil, "Filter: %s\n", f))
	}
}

// useFilter is for the stream that is on, too, unless that looks for something of its own.
func (s *session) useFilter(f *frame.Filter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filter = f
	v := s.view
	if v != nil && v.kind == viewHex {
		v = v.back
	}
	if v != nil && v.kind != viewFollow {
		v.filter = f
	}
}

// machine begins a stream for programs.
func machine(kind viewKind) func(*session, string) {
	return func(s *session, expr string) {
		if f, ok := s.compile(expr); ok {
			if !s.isPerson() {
				widen(s.conn)
			}
			s.server.device() // asked for once, and not while the stream is composed
			s.stream(newView(s, kind, f))
		}
	}
}

func (s *session) pcap(expr string) {
	if s.isPerson() {
		s.say([]byte("This is no place for binary data. From a shell: (echo pcap; cat) | nc HOST 8000 | wireshark -k -i -\r\n"))
		return
	}
	if f, ok := s.compile(expr); ok {
		s.capture(f)
	}
}

// hex waits for one packet; then what was shown before goes on.
func (s *session) hex(expr string) {
	f, ok := s.compile(expr)
	if !ok {
		return
	}
	v := newView(s, viewHex, f)
	if s.isPerson() {
		own, _ := s.compile("")
		v.back = newView(s, viewWatch, own)
	}
	s.stream(v)
}

// mark enters a text into the ledger.
func (s *session) mark(arguments string) {
	words := strings.TrimSpace(strings.Trim(arguments, `"`))
	switch {
	case words == "":
		s.say([]byte("What shall the mark say? mark \"new switch in the cellar\"\r\n"))
	case len(words) > MarkBytes:
		s.reply(fmt.Appendf(nil, "The text has %d bytes, at most %d.\n", len(words), MarkBytes))
	default:
		at := time.Now() // before it waits for the disk
		if err := s.server.cfg.Source.Mark(s.remote, string(text.AppendSafe(nil, []byte(words)))); err != nil {
			s.reply(fmt.Appendf(nil, "Not marked: %s\n", err))
			return
		}
		s.server.count.marks.Add(1)
		s.reply(fmt.Appendf(nil, "Marked %s UTC: %s\n", at.UTC().Format(time.DateTime), words))
	}
}

func (s *session) version(string) {
	s.reply(fmt.Appendf(nil, "%s %s\n", Product, s.server.cfg.Version))
}

// greeting is the first thing a person sees.
func (s *Server) greeting() []byte {
	info := s.cfg.Source.Info()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\n", Product, text.OneLine(s.cfg.Version))
	fmt.Fprintf(&b, "Device:     %s\n", text.OneLine(info.Device))
	fmt.Fprintf(&b, "Interfaces: %s\n", text.OneLine(strings.Join(info.Interfaces, ", ")))
	fmt.Fprintf(&b, "Filter:     %s\n", text.OneLine(cmp.Or(info.Filter, "none")))
	fmt.Fprintf(&b, "Database:   %s\n", text.OneLine(info.Database))
	for _, note := range info.Notes {
		fmt.Fprintf(&b, "Note:       %s\n", text.OneLine(note))
	}
	b.WriteString("Live packets follow. Type help for the commands.\n")
	return appendReply(nil, b.Bytes())
}

// appendReply appends text as safe lines, at most replyBytes of them.
func appendReply(dst, reply []byte) []byte {
	const cut = "… (cut)\r\n"
	start := len(dst)
	dst = text.AppendLines(dst, reply)
	if len(dst)-start <= replyBytes {
		return dst
	}
	dst = dst[:start+replyBytes-len(cut)-len("\r\n")]
	for len(dst) > start && dst[len(dst)-1] >= 0x80 {
		dst = dst[:len(dst)-1] // not through the middle of a character
	}
	return append(dst, "\r\n"+cut...)
}
