// Package console is the service on TCP port 8000: people reach it with telnet, nc or Wireshark, read live packets and
// type commands; programs get JSON, CSV or pcapng.
//
// A frame's way through the package:
//
//	ring goroutine ── Tap.Offer ──▶ chunk ── Flush ──▶ inbox ──▶ hub ──▶ ring of frames ◀── cursor of each session ──▶ client
//	                  copies                TryLock, or drop   bounded    bounded, shared    rate limited, write deadline
//
// Nothing on this way waits for what comes after it. The ring holds the newest frames for everybody; a session is a
// cursor into it, a filter and 4 KiB of output, and decodes what it shows. Who is slower than the traffic is lapped. The
// console shows copies, so nothing dropped here is lost to the recorder; it is still counted (Counters), and each session
// is told how many packets it did not see.
//
// Capture's share is Offer: while nobody watches, a few frames of each ring block are kept for the command last, and the
// others cost a decrement.
//
// What a client may expect:
//
//   - Who says nothing for a moment is a person: greeting, live packets and, with a telnet client, a line editor. Who
//     sends something at once is a program: it gets answers and nothing else.
//   - Lines that the console sends end in CR LF, those of json and csv in LF. Lines that it receives end in LF, CR LF,
//     CR NUL or CR.
//   - The commands are those of help; an empty line is nothing; any other line is a message, logged and answered with
//     "Received message: " and the line.
//   - A client that closes its sending side (echo stats | nc -N host 8000) gets the answers to what it sent, the
//     unfinished last line included; then the session ends, or goes on with the stream that it asked for.
//   - A client that begins like HTTP, TLS or anything else that is no console is closed, and nothing is executed.
//   - Control characters, bytes that are not UTF-8 and invisible characters are shown as \x1b or \u202e,
//     whoever they came from.
package console

import (
	"net"
	"net/netip"
	"time"

	"network-sniffer/decode"
)

// Product is the name in the greeting.
const Product = "network-sniffer"

// Source is where the console learns about the recorder. The methods are called by many sessions at once,
// once per session or command, never per packet; a slow one delays only the session that asked.
type Source interface {
	// Info describes the recorder now; it is called for the greeting.
	Info() Info
	// Report appends the answer to a command, lines ended by \n, and returns the result. It may hold anything; what is
	// meant for people is escaped. JSON is one object and \n.
	Report(dst []byte, topic Topic, form Form) []byte
	// Mark enters text into the ledger, with the time.
	Mark(from netip.AddrPort, text string) error
}

// Topic is what a report is about.
type Topic uint8

// The topics, each the answer to the command of its name.
const (
	TopicStats Topic = iota
	TopicBooks
	TopicUplink
	TopicSpool
	TopicInterfaces
)

// Form is how a report is wanted.
type Form struct {
	JSON  bool // one object
	Width int  // columns of the terminal; 0: not known
}

// Info is what the greeting says of the recorder. The strings may hold anything; they are escaped.
type Info struct {
	Device     string   // the device's human name
	Interfaces []string // the interfaces recorded
	Filter     string   // the capture filter; empty: none
	Database   string   // the state of the uplink, in words
	Notes      []string // what makes packets invisible (offload, sampling, a missing interface), a line each
}

// Pusher stores packets that clients send. Its methods are called by many sessions at once and may wait.
type Pusher interface {
	// Push stores a packet of a client, or counts it as lost under a name.
	Push(from netip.Addr, p *decode.Packet) error
	// Refuse counts packets of a client that could not be understood.
	Refuse(from netip.Addr, packets uint64)
}

// Config is what a Server needs; Source is required, the zero value of everything else is a default.
type Config struct {
	Version       string               // shown in the greeting
	Source        Source               // what the greeting and the reports show
	InterfaceName func(i uint8) string // name of decode.Meta.Interface; called once per line shown; default "if0", "if1"…
	Push          Pusher               // nil: push is off

	// Allow judges a client before anything else, and before a byte is answered; nil: all are served.
	Allow func(conn net.Conn) bool
	// Password judges an attempt: empty, and the client may come in, or a line that tells it why not. Nil: none is asked for.
	// It may take its time; a session asks MaxAttempts times, and for LoginTimeout, at most.
	Password func(from netip.Addr, attempt []byte) (refusal string)

	// OnAccept and OnClose bracket each session, refused ones excepted, for whoever excludes the session's
	// own traffic from capture. OnAccept returns before the first byte is sent.
	OnAccept func(local, remote netip.AddrPort)
	OnClose  func(local, remote netip.AddrPort)
	// OnMessage gets each message that a client typed, escaped, at most MessagesPerSecond in all.
	OnMessage func(remote netip.AddrPort, text string)
	// OnEvent gets one line for the log: a session refused, cut off or stalled; at most EventsPerSecond.
	OnEvent func(text string)

	Sessions           int           // sessions at once; default MaxSessions
	SessionsPerAddress int           // sessions at once from one address; default MaxSessionsPerAddress
	LinesPerSecond     int           // packets shown to a session per second on average; default LinesPerSecond; negative: no limit
	WriteTimeout       time.Duration // how long a client may leave a write waiting; default WriteTimeout
	IdleTimeout        time.Duration // how long a session may neither send nor get anything; default IdleTimeout
	RingBytes          int           // of the frames kept for all sessions together; default RingBytes
	FrameBytes         int           // the longest frame kept, which is what capture takes; default FrameBytes
}

// withDefaults returns c with every unset field set.
func (c Config) withDefaults() Config {
	if c.Version == "" {
		c.Version = "(unversioned)"
	}
	if c.InterfaceName == nil {
		c.InterfaceName = numberedInterface
	}
	if c.Allow == nil {
		c.Allow = func(net.Conn) bool { return true }
	}
	if c.OnAccept == nil {
		c.OnAccept = func(_, _ netip.AddrPort) {}
	}
	if c.OnClose == nil {
		c.OnClose = func(_, _ netip.AddrPort) {}
	}
	if c.OnMessage == nil {
		c.OnMessage = func(netip.AddrPort, string) {}
	}
	if c.OnEvent == nil {
		c.OnEvent = func(string) {}
	}
	if c.Sessions <= 0 {
		c.Sessions = MaxSessions
	}
	if c.SessionsPerAddress <= 0 {
		c.SessionsPerAddress = MaxSessionsPerAddress
	}
	if c.LinesPerSecond == 0 {
		c.LinesPerSecond = LinesPerSecond
	}
	if c.WriteTimeout <= 0 {
		c.WriteTimeout = WriteTimeout
	}
	if c.IdleTimeout <= 0 {
		c.IdleTimeout = IdleTimeout
	}
	if c.RingBytes <= 0 {
		c.RingBytes = RingBytes
	}
	if c.FrameBytes <= 0 {
		c.FrameBytes = FrameBytes
	}
	return c
}
