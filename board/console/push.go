package console

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"network-sniffer/board/console/push"
	"network-sniffer/board/console/text"
	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
)

// pushCapture is the line behind which a capture comes.
const pushCapture = "push pcap"

// push lets the client send packets.
func (s *session) push(arguments string) {
	switch {
	case s.server.cfg.Push == nil:
		s.say([]byte("push is off: it is switched on with --console-push.\r\n"))
		s.failed()
		return
	case arguments == "pcap":
		s.reader.capture = true
	case arguments != "":
		s.pushLine([]byte(arguments))
		return
	default:
		s.reader.stage = stagePush
		s.setPrompt("push> ")
		if s.isPerson() {
			s.say([]byte("A JSON object a line; a line with a dot ends it.\r\n"))
		}
	}
	s.mu.Lock()
	s.holdFor(holdPushing, true)
	s.mu.Unlock()
}

func (s *session) setPrompt(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.editor.SetPrompt(to)
}

// endPush takes commands again.
func (s *session) endPush() {
	s.reader.stage = stageCommand
	s.setPrompt(prompt)
	s.mu.Lock()
	s.holdFor(holdPushing, false)
	s.mu.Unlock()
}

// pushLine takes a packet.
func (s *session) pushLine(line []byte) {
	switch string(line) {
	case "":
		return
	case ".":
		s.endPush()
		return
	}
	if !s.mayAnswer(&s.reader.pushed) {
		return
	}
	var p decode.Packet
	if err := push.Parse(line, &p); err != nil {
		s.refuse()
		s.reply(fmt.Appendf(nil, "Refused: %s\n", err))
		return
	}
	s.server.count.pushed.Add(1)
	if err := s.server.cfg.Push.Push(s.remote.Addr(), &p); err != nil {
		s.reply(fmt.Appendf(nil, "Lost: %s\n", err))
		return
	}
	s.reply(push.AppendUnderstood(nil, &p))
}

// refuse counts what was sent and is no packet.
func (s *session) refuse() {
	s.server.count.pushRefused.Add(1)
	s.server.cfg.Push.Refuse(s.remote.Addr(), 1)
}

// pushCapture takes a pcap or pcapng stream, of which begin was read already, to the end of the client's input.
func (s *session) pushCapture(begin []byte) {
	var (
		in     = behindLine(&patient{s: s, begin: begin}, s.reader.afterCR)
		from   = s.remote.Addr()
		f      savefile.Frame
		p      decode.Packet
		stored uint64
		lost   uint64
		reason error
	)
	r, err := savefile.NewReader(in)
	for err == nil {
		if err = r.Next(&f); err != nil {
			break
		}
		decode.Decode(&p, &decode.Meta{
			Time: f.Time, WireLength: f.WireLength, LinkType: decode.LinkType(f.LinkType), Direction: decode.Direction(f.Direction),
		}, f.Data)
		s.server.count.pushed.Add(1)
		if e := s.server.cfg.Push.Push(from, &p); e != nil {
			lost, reason = lost+1, e
		} else {
			stored++
		}
	}
	answer := fmt.Appendf(nil, "Understood: %s\n", text.Count(stored, "packet"))
	if lost > 0 {
		answer = fmt.Appendf(answer, "Lost: %s: %s\n", text.Count(lost, "packet"), reason)
	}
	if !errors.Is(err, io.EOF) || errors.Is(err, savefile.ErrTruncated) {
		s.refuse()
		answer = fmt.Appendf(answer, "Refused, and what follows: %s\n", err)
	}
	s.reply(answer)
	s.finish("")
}

// behindLine leaves out the second half of the command's line end, when the first was a CR. A stream in pcapng begins with
// LF too, but then with CR.
func behindLine(in io.Reader, afterCR bool) io.Reader {
	if !afterCR {
		return in
	}
	b := bufio.NewReaderSize(in, 16)
	if begin, err := b.Peek(2); err == nil && (begin[0] == 0 || begin[0] == '\n' && begin[1] != '\r') {
		b.Discard(1) // it was peeked at
	}
	return b
}

// patient reads from the client, which may pause for pushPause.
type patient struct {
	s     *session
	begin []byte
}

func (r *patient) Read(b []byte) (int, error) {
	if len(r.begin) > 0 {
		n := copy(b, r.begin)
		r.begin = r.begin[n:]
		return n, nil
	}
	if err := r.s.conn.SetReadDeadline(time.Now().Add(pushPause)); err != nil {
		return 0, err
	}
	if r.s.isOver() { // asked after halfClose may have set the deadline, which is replaced here
		return 0, io.ErrClosedPipe
	}
	n, err := r.s.conn.Read(b)
	r.s.touch()
	return n, err
}
