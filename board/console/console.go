// Package console is the service on TCP port 8000: people reach it with telnet or nc, read live packets,
// one line each, and type commands.
//
// A packet's way through the package:
//
//	ring goroutine ── Tap.Offer ──▶ chunk ── Tap.Flush ──▶ inbox ──▶ hub ──▶ queue of each session ──▶ writer ──▶ client
//	                  copies          TryLock, or drop      bounded            bounded, rate limited      write deadline
//
// Nothing on this way waits for what comes after it: each arrow has a bound and drops the newest packets
// when the bound is reached. The console shows copies, so nothing dropped here is lost to the recorder; it
// is still counted (Counters), and each session is told how many packets it did not see.
//
// Capture's share is Offer: one atomic load while nobody is connected, a copy of the packet otherwise.
//
// What a client may expect:
//
//   - Lines that the console sends end in CR LF. Lines that it receives end in LF, CR LF, CR NUL or CR.
//   - help, pause, resume, stats, uplink, spool and quit are commands; an empty line is nothing; any other
//     line is a message, logged and answered with "Received message: " and the line.
//   - A client that closes its sending side (echo stats | nc -N host 8000) gets the answers to what it sent,
//     the unfinished last line included, and the session ends.
//   - Telnet sequences (RFC 854) are understood, every option is refused, none is proposed: the session is
//     the same with a client that knows no telnet.
//   - Control characters, bytes that are not UTF-8 and invisible characters are shown as \x1b or \u202e,
//     whoever they came from.
package console

import (
	"net/netip"
	"time"
)

// Product is the name in the greeting.
const Product = "network-sniffer"

// Source is where the console learns about the recorder. The methods are called by many sessions at once,
// once per session or command, never per packet; a slow one delays only the session that asked.
type Source interface {
	// Info describes the recorder now; it is called for the greeting.
	Info() Info
	// Stats appends the answer to the command stats, lines ended by \n, and returns the result.
	Stats(dst []byte) []byte
	// Uplink and Spool do the same for the commands uplink and spool.
	Uplink(dst []byte) []byte
	Spool(dst []byte) []byte
}

// Info is what the greeting says of the recorder. The strings may hold anything; they are escaped.
type Info struct {
	Device     string   // the device's human name
	Interfaces []string // the interfaces recorded
	Filter     string   // the capture filter; empty: none
	Database   string   // the state of the uplink, in words
	Notes      []string // what makes packets invisible (offload, sampling, a missing interface), a line each
}

// Config is what a Server needs; Source is required, the zero value of everything else is a default.
type Config struct {
	Listen        string               // TCP address; DefaultListen when empty
	Version       string               // shown in the greeting
	Source        Source               // what the greeting and stats show
	InterfaceName func(i uint8) string // name of decode.Packet.Interface; called once per line shown; default "if0", "if1"…

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
}

// withDefaults returns c with every unset field set.
func (c Config) withDefaults() Config {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Version == "" {
		c.Version = "(unversioned)"
	}
	if c.InterfaceName == nil {
		c.InterfaceName = numberedInterface
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
	return c
}
