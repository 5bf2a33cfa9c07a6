package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"network-sniffer/board/console/guard"
	"network-sniffer/board/console/lineedit"
	"network-sniffer/board/console/telnet"
)

// reader is the reading goroutine's part of a session.
type reader struct {
	guard    guard.Guard
	peer     telnet.Peer
	lines    lines
	input    bucket // of bytes
	rate     bucket // of commands
	pushed   bucket // of lines of push
	stage    stage
	attempts int         // at the password
	patience *time.Timer // until that is known
	offered  bool        // line editing was offered to the client's telnet
	capture  bool        // the client sends a capture from here on
	afterCR  bool        // the last byte of the client's text was a CR
	swallow  bool        // what is left of this read belongs to a key that was taken
	eof      atomic.Bool
}

// stage is what a line means.
type stage uint8

const (
	stageCommand stage = iota
	stagePassword
	stagePush
)

// read executes what the client sends until one side ends the session.
func (s *session) read() {
	if s.port == PortCapture {
		s.readNothing()
		return
	}
	now := time.Now()
	r := &s.reader
	r.input = newBucket(InputPerSecond, 4*InputPerSecond, now)
	r.rate = newBucket(CommandsPerSecond, CommandsPerSecond, now)
	r.pushed = newBucket(PushedPerSecond, PushedPerSecond, now)
	if s.server.cfg.Password != nil {
		r.stage = stagePassword
		r.patience = time.AfterFunc(LoginTimeout, s.endLogin)
		defer r.patience.Stop()
	}
	opening, err := s.opening()
	commands := opening
	if s.server.cfg.Push != nil {
		commands = commandsOf(opening, r.stage == stagePassword)
	}
	if protocol := foreign(commands); protocol != "" {
		s.endForeign(protocol)
	} else if isPerson(opening) && err == nil {
		err = s.welcome(opening)
	} else if len(opening) == 0 && errors.Is(err, io.EOF) && r.stage == stageCommand {
		s.say(s.server.greeting()) // somebody looks whether we are there
	} else {
		s.feed(opening)
	}
	var buf [512]byte
	for !s.isOver() && err == nil {
		var n int
		n, err = s.conn.Read(buf[:])
		if n > 0 {
			s.touch()
		}
		s.feed(buf[:n])
		s.slow(n)
	}
	if errors.Is(err, io.EOF) && !s.isOver() {
		s.endOfInput()
	} else if err != nil {
		s.finish("")
	}
	s.discard(buf[:])
}

// opening is what the client says before it is answered: nothing, if it is a person. An error is the end of the input,
// and of the session unless it is io.EOF.
func (s *session) opening() (text []byte, err error) {
	end := time.Now().Add(openingTimeout)
	wait := openingSilence
	for len(text) < openingBytes && err == nil && time.Now().Before(end) {
		err = s.readBefore(&text, earlier(time.Now().Add(wait), end))
		wait = openingPause
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return text, err
}

// readBefore appends what one read gets until a time, and takes the deadline away again.
func (s *session) readBefore(text *[]byte, end time.Time) error {
	var buf [512]byte
	if err := s.conn.SetReadDeadline(end); err != nil {
		return err
	}
	n, err := s.conn.Read(buf[:])
	*text = append(*text, buf[:n]...)
	s.conn.SetReadDeadline(time.Time{})
	if s.isOver() { // its own deadline may just have been taken away
		s.conn.SetReadDeadline(time.Now().Add(linger))
		return io.ErrClosedPipe
	}
	return err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// foreign looks at all that a client began with before any of it is executed, and names the protocol if that is another
// one.
func foreign(opening []byte) (protocol string) {
	var g guard.Guard
	for _, b := range opening {
		if protocol = g.Step(b); protocol != "" {
			break
		}
	}
	return protocol
}

// commandsOf leaves out the capture that a client sends behind its first command: there may be anything in it. Behind other
// commands a capture is looked at as they are, so that nothing is executed before all is known.
func commandsOf(opening []byte, password bool) []byte {
	rest := opening
	if password {
		_, rest = cutLine(rest)
	}
	if line, capture := cutLine(rest); string(line) == pushCapture {
		return opening[:len(opening)-len(capture)]
	}
	return opening
}

// cutLine returns the first line of b without its end, and what follows it.
func cutLine(b []byte) (line, rest []byte) {
	end := bytes.IndexAny(b, "\r\n")
	if end < 0 {
		return b, nil
	}
	line, rest = b[:end], b[end+1:]
	if b[end] == '\r' && len(rest) > 0 && (rest[0] == '\n' || rest[0] == 0) {
		rest = rest[1:]
	}
	return line, rest
}

// isPerson: the client said nothing, but for what its telnet says by itself.
func isPerson(opening []byte) bool {
	var peer telnet.Peer
	for _, b := range opening {
		if peer.Step(b) == telnet.Data && b != '\r' && b != '\n' && b != 0 {
			return false
		}
	}
	return true
}

// welcome finds out what the client's terminal can do, and greets it.
func (s *session) welcome(opening []byte) (err error) {
	r := &s.reader
	s.mu.Lock()
	s.terminal.person = true
	s.mu.Unlock()
	s.feed(opening)
	if !r.peer.Spoke() {
		// What a client that is no telnet shows of it is overwritten by the greeting.
		s.raw(append(r.peer.AppendProbe(nil), '\r', 0))
		err = s.negotiate(r.peer.Spoke)
	}
	if r.peer.Spoke() && err == nil {
		s.offer()
		err = s.negotiate(func() bool { return r.peer.Editing() && r.peer.Terminal() != "" })
	}
	s.mu.Lock()
	s.terminal.greeted = true
	s.mu.Unlock()
	if r.stage == stagePassword {
		s.askPassword()
	} else {
		s.greet()
	}
	return err
}

// negotiate reads until the client has told, or for a moment.
func (s *session) negotiate(told func() bool) error {
	end := time.Now().Add(probeTimeout)
	for !told() {
		var text []byte
		err := s.readBefore(&text, end)
		s.feed(text)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// greet says what this is, and begins to show it.
func (s *session) greet() {
	s.say(s.server.greeting())
	s.stream(newView(s, viewWatch, nil))
	s.prompt()
}

// raw queues bytes that are no text.
func (s *session) raw(b []byte) {
	s.mu.Lock()
	s.text = append(s.text, b...)
	s.mu.Unlock()
	notify(s.wake)
}

// readNothing is for a client that has nothing to say: it gets a capture.
func (s *session) readNothing() {
	opening, err := s.opening()
	if ended := errors.Is(err, io.EOF); len(opening) == 0 && (err == nil || ended) {
		s.capture(nil)
		var buf [1]byte
		if !ended {
			var n int
			n, err = s.conn.Read(buf[:])
			opening = buf[:n]
		}
	}
	switch {
	case len(opening) > 0:
		s.endForeign("something, where a capture is all there is")
	case errors.Is(err, io.EOF):
		s.reader.eof.Store(true)
		s.awaitEnd()
	}
	s.finish("")
	var buf [512]byte
	s.discard(buf[:])
}

// feed takes bytes from the client.
func (s *session) feed(b []byte) {
	r := &s.reader
	r.swallow = false
	for i, c := range b {
		if s.isOver() {
			return
		}
		if r.capture {
			s.pushCapture(b[i:])
			return
		}
		if protocol := r.guard.Step(c); protocol != "" {
			s.endForeign(protocol)
			return
		}
		switch event := r.peer.Step(c); event {
		case telnet.Data:
			s.data(c)
		default:
			s.telnet(event)
		}
	}
	if r.capture && len(b) > 0 {
		s.pushCapture(nil)
	}
	s.prompt()
}

// offer asks a telnet client for what line editing needs, once, and for its terminal if the probe did not.
func (s *session) offer() {
	if r := &s.reader; !r.offered {
		r.offered = true
		s.raw(r.peer.AppendOffer(r.peer.AppendProbe(nil)))
	}
}

// telnet does what a telnet command asks for.
func (s *session) telnet(event telnet.Event) {
	switch event {
	case telnet.Interrupt:
		// A client may ask for a timing mark behind it (RFC 860) and throw away what it receives until that is answered.
		s.raw([]byte(noTimingMark))
		s.interrupt(true)
	case telnet.Hello:
		if s.mayAnswer(&s.reader.rate) {
			s.say([]byte("Yes, " + Product + " is here.\r\n"))
		}
	case telnet.EraseChar:
		if s.isEditing() {
			s.key(0x7f)
		} else {
			s.reader.lines.erase()
		}
	case telnet.EraseLine:
		if s.isEditing() {
			s.key(ctrlU)
		} else {
			s.reader.lines.eraseAll()
		}
	case telnet.Changed:
		s.changed()
		if s.isPerson() { // its answer to the probe may come late
			s.offer()
		}
	}
	if reply := s.reader.peer.AppendReply(nil); len(reply) > 0 && s.awaitRoom() {
		s.raw(reply)
	}
}

const ctrlU = 0x15

// changed takes over what the client told of its terminal.
func (s *session) changed() {
	p := &s.reader.peer
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.terminal
	t.editing = p.Editing()
	t.columns, t.rows = p.Size()
	t.color = showsColor(p.Terminal())
	s.editor.SetWidth(t.columns)
	// A line that was begun waits in the editor until the client lets us edit again. It holds up nothing meanwhile.
	s.holdFor(holdTyping, t.editing && !s.editor.Empty())
	if s.prompted && !t.editing {
		s.text = s.editor.AppendHide(s.text)
		s.prompted = false
		notify(s.wake)
	}
}

func (s *session) isEditing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terminal.editing
}

// data takes a byte of the client's text.
func (s *session) data(c byte) {
	second := s.reader.afterCR && (c == '\n' || c == 0)
	s.reader.afterCR = c == '\r'
	if s.isEditing() {
		if s.inTable() && !second {
			s.reader.swallow = true
			s.back()
		} else if !s.reader.swallow {
			s.key(c)
		}
		return
	}
	switch l := &s.reader.lines; l.step(c) {
	case inputLine:
		s.line(l.text())
	case inputTooLong:
		s.tooLong()
	case inputHangup:
		s.finish(goodbye)
	}
}

// inTable: a table is shown, which any key ends.
func (s *session) inTable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view != nil && s.view.kind == viewTop
}

// key takes a key of a client that lets us edit.
func (s *session) key(c byte) {
	if !s.awaitRoom() {
		return
	}
	s.mu.Lock()
	empty := s.editor.Empty()
	event := s.editor.Step(c)
	s.text = s.editor.AppendEcho(s.text)
	switch event {
	case lineedit.Line, lineedit.Interrupt, lineedit.EOF, lineedit.TooLong:
		s.prompted = false // the editor ended its row
	}
	s.holdFor(holdTyping, !s.editor.Empty())
	s.mu.Unlock()
	notify(s.wake)
	switch event {
	case lineedit.Line:
		s.line(bytes.Clone(s.editor.Line()))
	case lineedit.Interrupt:
		s.interrupt(empty)
	case lineedit.EOF:
		s.finish(goodbye)
	case lineedit.TooLong:
		s.tooLong()
	case lineedit.Complete:
		s.complete()
	}
}

// interrupt is Ctrl-C: it ends what was asked for, or the session when that is nothing.
func (s *session) interrupt(leave bool) {
	s.mu.Lock()
	other := s.view != nil && s.view.kind != viewWatch && s.terminal.person
	s.mu.Unlock()
	switch {
	case s.reader.stage == stagePush:
		s.endPush()
	case other:
		s.back()
	case leave:
		s.finish(goodbye)
	}
}

// prompt shows the prompt of a client that lets us edit, when it is not there.
func (s *session) prompt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal.editing && s.terminal.greeted && !s.prompted && !s.ending && (s.view == nil || s.view.kind != viewTop) {
		s.text = s.editor.AppendShow(s.text)
		s.prompted = true
		notify(s.wake)
	}
}

func (s *session) tooLong() {
	s.server.count.linesTooLong.Add(1)
	if s.reader.stage == stagePush {
		s.refuse()
	}
	if s.mayAnswer(&s.reader.rate) {
		s.say(fmt.Appendf(nil, "The line is longer than %d bytes and is ignored.\r\n", LineBytes))
	}
}

// line takes a line of the client.
func (s *session) line(text []byte) {
	s.mu.Lock()
	v, person := s.view, s.terminal.person
	s.mu.Unlock()
	switch {
	case v == nil:
	case v.kind == viewTop && person:
		s.back()
	case !v.forPeople() && !person:
		return // no answer may stand in a program's stream
	}
	switch s.reader.stage {
	case stagePassword:
		s.login(text)
	case stagePush:
		s.pushLine(text)
	default:
		if command := bytes.Trim(text, " \t"); len(command) > 0 && s.mayAnswer(&s.reader.rate) {
			s.server.count.commands.Add(1)
			s.execute(string(command), text)
		}
	}
}

// endForeign closes a client that speaks something else. Nothing more is executed or said.
func (s *session) endForeign(protocol string) {
	s.server.count.closedForeign.Add(1)
	s.server.event("closed " + s.remote.String() + ": it speaks " + protocol)
	s.finish("")
}

// endOfInput executes the unfinished last line. Then the session ends, or its stream goes on.
func (s *session) endOfInput() {
	r := &s.reader
	if !s.isEditing() && r.lines.end() == inputLine && len(r.lines.text()) > 0 {
		s.line(r.lines.text())
	}
	if r.stage == stagePush {
		s.endPush()
	}
	r.eof.Store(true)
	s.mu.Lock()
	streams := s.view != nil && !(s.terminal.person && s.view.kind == viewWatch)
	s.mu.Unlock()
	if !streams {
		s.finish("")
	}
	s.awaitEnd()
}

// awaitEnd is for a client that said all it has to say: it closed its sending side only, or it is gone. That shows when
// something is sent to it, or to the keepalive when nothing is.
func (s *session) awaitEnd() {
	if c, ok := s.conn.(*net.TCPConn); ok && awaitReset(c) {
		s.finish("")
	}
	<-s.over
}

// mayAnswer waits until the session may be answered: the rate, and room for the text. False: it is ending.
func (s *session) mayAnswer(rate *bucket) bool {
	if d := rate.wait(time.Now(), 1); d > 0 {
		s.server.count.commandsDelayed.Add(1)
		s.rest(d)
	}
	return s.awaitRoom()
}

// slow keeps to InputPerSecond after n bytes.
func (s *session) slow(n int) {
	r := &s.reader
	if r.stage == stagePush {
		return
	}
	if d := r.input.wait(time.Now(), n); d > 0 {
		s.server.count.inputDelayed.Add(1)
		s.rest(d)
	}
}

// rest waits, or for the end of the session.
func (s *session) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.over:
	}
}

// discard reads to the end what is not executed any more; halfClose bounds it.
func (s *session) discard(buf []byte) {
	for {
		if _, err := s.conn.Read(buf); err != nil {
			return
		}
	}
}
