package console

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

const helpText = "Commands:\r\n" +
	"  help     show this list\r\n" +
	"  pause    stop the live packets\r\n" +
	"  resume   go on, and say how many packets went by\r\n" +
	"  stats    show the recorder's counters\r\n" +
	"  uplink   show where the upload stands: backlog, rate, last error\r\n" +
	"  spool    show what waits for the database, and where\r\n" +
	"  quit     end this session (also Ctrl-C and Ctrl-D)\r\n" +
	"Any other line is a message: it is written to the recorder's log and answered.\r\n"

const (
	goodbye  = "Goodbye.\r\n"
	stopping = "The recorder is stopping. Goodbye.\r\n"
	// noTimingMark precedes the goodbye after a telnet interrupt. A client that sends one may ask for a
	// timing mark behind it (RFC 860) and throw away what it receives until that is answered; to others the
	// refusal says nothing new.
	noTimingMark = "\xff\xfc\x06"
)

// obey does what an event of the client's input asks for.
func (s *session) obey(event inputEvent, in *input, rate *bucket) {
	switch event {
	case inputReply:
		s.say(in.telnet.reply[:])
	case inputTooLong:
		s.server.count.linesTooLong.Add(1)
		if s.mayAnswer(rate) {
			s.say(fmt.Appendf(nil, "The line is longer than %d bytes and is ignored.\r\n", LineBytes))
		}
	case inputHangup:
		s.finish(goodbye)
	case inputInterrupt:
		s.finish(noTimingMark + goodbye)
	case inputHello:
		if s.mayAnswer(rate) {
			s.say([]byte("Yes, " + Product + " is here.\r\n"))
		}
	case inputForeign:
		s.server.count.closedForeign.Add(1)
		s.server.event("closed " + s.remote.String() + ": it speaks " + in.protocol)
		s.finish("")
	case inputLine:
		if line := bytes.Trim(in.text(), " \t"); len(line) > 0 && s.mayAnswer(rate) {
			s.server.count.commands.Add(1)
			s.execute(string(line), in.text())
		}
	}
}

// mayAnswer waits until the session may be answered: CommandsPerSecond, and room for the text. False: it is ending.
func (s *session) mayAnswer(rate *bucket) bool {
	if d := rate.wait(time.Now()); d > 0 {
		s.server.count.commandsDelayed.Add(1)
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.over:
			return false
		}
	}
	return s.awaitRoom()
}

// execute runs a command, or takes typed, the line as it came, as a message.
func (s *session) execute(command string, typed []byte) {
	switch command {
	case "help":
		s.say([]byte(helpText))
	case "pause":
		s.pause()
	case "resume":
		s.resume()
	case "stats":
		s.say(s.stats())
	case "uplink":
		s.say(appendReply(nil, s.server.cfg.Source.Uplink(nil)))
	case "spool":
		s.say(appendReply(nil, s.server.cfg.Source.Spool(nil)))
	case "quit":
		s.finish(goodbye)
	default:
		text := appendSafe(nil, typed)
		if s.say(append(append([]byte("Received message: "), text...), '\r', '\n')) {
			s.server.message(s.remote, string(text))
		}
	}
}

// pause stops the flow. What waits unseen goes by too, so that no packet follows the answer.
func (s *session) pause() {
	s.server.hub.change(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		q := &s.queue
		if q.paused {
			s.text = fmt.Appendf(s.text, "Already paused: %s went by so far. Type resume to go on.\r\n", counted(q.passed))
		} else {
			s.text = q.appendNote(s.text)
			q.paused, q.passed = true, q.clear()
			q.hidden += q.passed
			s.server.count.notShownPaused.Add(q.passed)
			s.text = append(s.text, "Paused. Type resume to go on.\r\n"...)
		}
		notify(s.wake)
	})
}

// resume lets packets through again, from now on.
func (s *session) resume() {
	s.server.hub.change(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if q := &s.queue; !q.paused {
			s.text = append(s.text, "Not paused.\r\n"...)
		} else {
			q.paused = false
			s.text = fmt.Appendf(s.text, "Resumed: %s went by.\r\n", counted(q.passed))
		}
		notify(s.wake)
	})
}

// stats is the recorder's answer and two lines of the console's own.
func (s *session) stats() []byte {
	text := appendReply(nil, s.server.cfg.Source.Stats(nil))
	s.mu.Lock()
	shown, hidden := s.queue.shown, s.queue.hidden
	s.mu.Unlock()
	return fmt.Appendf(text, "Console: %d of %d sessions open.\r\nThis session: %s shown, %d not shown.\r\n",
		s.server.count.sessionsOpen.Load(), s.server.cfg.Sessions, counted(shown), hidden)
}

// greeting is the first thing a client sees.
func (s *Server) greeting() []byte {
	info := s.cfg.Source.Info()
	filter := info.Filter
	if filter == "" {
		filter = "none"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", Product, oneLine(s.cfg.Version))
	fmt.Fprintf(&b, "Device:     %s\n", oneLine(info.Device))
	fmt.Fprintf(&b, "Interfaces: %s\n", oneLine(strings.Join(info.Interfaces, ", ")))
	fmt.Fprintf(&b, "Filter:     %s\n", oneLine(filter))
	fmt.Fprintf(&b, "Database:   %s\n", oneLine(info.Database))
	for _, note := range info.Notes {
		fmt.Fprintf(&b, "Note:       %s\n", oneLine(note))
	}
	text := appendReply(nil, []byte(b.String()))
	return append(text, "Live packets follow. Type help for the commands.\r\n"...)
}

// oneLine escapes text of which no part may begin a line of its own; empty text is a dash.
func oneLine(text string) string {
	if text == "" {
		return "-"
	}
	return string(appendSafe(nil, []byte(text)))
}

// appendReply appends text as safe lines, at most replyBytes of them.
func appendReply(dst, text []byte) []byte {
	const cut = "… (cut)\r\n"
	start := len(dst)
	dst = appendLines(dst, text)
	if len(dst)-start <= replyBytes {
		return dst
	}
	dst = dst[:start+replyBytes-len(cut)-len("\r\n")]
	for len(dst) > start && dst[len(dst)-1] >= 0x80 {
		dst = dst[:len(dst)-1] // not through the middle of a character
	}
	return append(dst, "\r\n"+cut...)
}
