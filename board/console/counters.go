package console

import "sync/atomic"

// Counters is what the console counted since New; SessionsOpen is the only one that goes down.
//
// While no session is open packets are not counted at all. Otherwise, once the Taps are flushed,
//
//	packets offered = TapHanded + TapFull + TapBusy + TapUncopied + TapAbandoned
//
// and, summed over the sessions that were open when each packet arrived, and once nothing waits,
//
//	PacketsDue = PacketsShown + NotShownRate + NotShownQueue + NotShownMissed + NotShownPaused + NotShownClosed
type Counters struct {
	SessionsOpen   uint64
	Sessions       uint64 // accepted, the open ones included
	RefusedFull    uint64 // refused: MaxSessions
	RefusedAddress uint64 // refused: MaxSessionsPerAddress
	ClosedForeign  uint64 // cut off because the client spoke HTTP, TLS or SSH
	ClosedStalled  uint64 // cut off because the client did not read
	AcceptErrors   uint64

	Commands          uint64 // lines executed, messages included
	CommandsDelayed   uint64 // of these, after a wait for CommandsPerSecond
	LinesTooLong      uint64
	Messages          uint64
	MessagesNotLogged uint64 // of these, not handed to OnMessage
	EventsNotLogged   uint64

	TapHanded    uint64 // packets that reached the inbox
	TapFull      uint64 // dropped: the inbox was full
	TapBusy      uint64 // dropped: another goroutine held the inbox
	TapUncopied  uint64 // counted but not copied: every session was paused
	TapAbandoned uint64 // dropped: the last session left before the chunk was handed over

	PacketsDue     uint64
	PacketsShown   uint64 // written to a client
	NotShownRate   uint64 // over LinesPerSecond
	NotShownQueue  uint64 // the session's queue was full
	NotShownMissed uint64 // dropped between Tap and hub
	NotShownPaused uint64 // went by while the session was paused
	NotShownClosed uint64 // waiting when the session ended
}

// counters is the live side of Counters, in the same order.
type counters struct {
	sessionsOpen, sessions, refusedFull, refusedAddress, closedForeign, closedStalled, acceptErrors atomic.Uint64

	commands, commandsDelayed, linesTooLong, messages, messagesNotLogged, eventsNotLogged atomic.Uint64

	tapHanded, tapFull, tapBusy, tapUncopied, tapAbandoned atomic.Uint64

	packetsDue, packetsShown                                                    atomic.Uint64
	notShownRate, notShownQueue, notShownMissed, notShownPaused, notShownClosed atomic.Uint64
}

// Counters returns the counters now. They are read one after the other: sums hold only while nothing moves.
func (s *Server) Counters() Counters {
	c := &s.count
	return Counters{
		SessionsOpen:   c.sessionsOpen.Load(),
		Sessions:       c.sessions.Load(),
		RefusedFull:    c.refusedFull.Load(),
		RefusedAddress: c.refusedAddress.Load(),
		ClosedForeign:  c.closedForeign.Load(),
		ClosedStalled:  c.closedStalled.Load(),
		AcceptErrors:   c.acceptErrors.Load(),

		Commands:          c.commands.Load(),
		CommandsDelayed:   c.commandsDelayed.Load(),
		LinesTooLong:      c.linesTooLong.Load(),
		Messages:          c.messages.Load(),
		MessagesNotLogged: c.messagesNotLogged.Load(),
		EventsNotLogged:   c.eventsNotLogged.Load(),

		TapHanded:    c.tapHanded.Load(),
		TapFull:      c.tapFull.Load(),
		TapBusy:      c.tapBusy.Load(),
		TapUncopied:  c.tapUncopied.Load(),
		TapAbandoned: c.tapAbandoned.Load(),

		PacketsDue:     c.packetsDue.Load(),
		PacketsShown:   c.packetsShown.Load(),
		NotShownRate:   c.notShownRate.Load(),
		NotShownQueue:  c.notShownQueue.Load(),
		NotShownMissed: c.notShownMissed.Load(),
		NotShownPaused: c.notShownPaused.Load(),
		NotShownClosed: c.notShownClosed.Load(),
	}
}
