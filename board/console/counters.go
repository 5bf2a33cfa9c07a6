package console

import "sync/atomic"

// Counters is what the console counted since New; SessionsOpen is the only one that goes down.
//
// Once the Taps are flushed,
//
//	packets offered = TapHanded + TapFull + TapBusy + TapUncopied
//
// and, summed over the streams that were on when each packet arrived, and once nothing waits,
//
//	packets due = PacketsShown + NotMatched + NotShownRate + NotShownMissed + NotShownPaused + NotShownClosed
type Counters struct {
	SessionsOpen   uint64
	Sessions       uint64 // accepted, the open ones included
	RefusedAllow   uint64 // closed unanswered: Config.Allow
	RefusedFull    uint64 // refused: Config.Sessions
	RefusedAddress uint64 // refused: Config.SessionsPerAddress
	ClosedForeign  uint64 // cut off because the client is no console's: HTTP, TLS, SSH …
	ClosedStalled  uint64 // cut off because the client did not read
	ClosedIdle     uint64 // ended because nothing went either way
	ClosedPassword uint64 // ended after MaxAttempts or LoginTimeout
	AcceptErrors   uint64

	Commands          uint64 // lines executed, messages included
	CommandsDelayed   uint64 // of these, after a wait for CommandsPerSecond
	InputDelayed      uint64 // waits for InputPerSecond
	LinesTooLong      uint64
	Messages          uint64
	MessagesNotLogged uint64 // of these, not handed to OnMessage
	EventsNotLogged   uint64
	Marks             uint64
	Pushed            uint64 // packets handed to Config.Push
	PushRefused       uint64 // lines and frames that could not be understood

	TapHanded   uint64 // packets that reached the inbox
	TapFull     uint64 // dropped: the inbox was full
	TapBusy     uint64 // dropped: another goroutine held the inbox
	TapUncopied uint64 // counted but not copied: nobody watched

	PacketsShown   uint64 // written to a client, or added to its table
	NotMatched     uint64 // refused by the session's own filter
	NotShownRate   uint64 // over LinesPerSecond or LooksPerSecond
	NotShownMissed uint64 // the session was lapped, or nobody copied them
	NotShownPaused uint64 // went by while the session was paused, or the client typed
	NotShownClosed uint64 // waiting when the session ended
}

// counters is the live side of Counters, in the same order.
type counters struct {
	sessionsOpen, sessions, refusedAllow, refusedFull, refusedAddress              atomic.Uint64
	closedForeign, closedStalled, closedIdle, closedPassword, acceptErrors         atomic.Uint64
	commands, commandsDelayed, inputDelayed, linesTooLong, messages                atomic.Uint64
	messagesNotLogged, eventsNotLogged, marks, pushed, pushRefused                 atomic.Uint64
	tapHanded, tapFull, tapBusy, tapUncopied                                       atomic.Uint64
	packetsShown, notMatched, notShownRate, notShownMissed, notShownPaused, closed atomic.Uint64
}

// Counters returns the counters now. They are read one after the other: sums hold only while nothing moves.
func (s *Server) Counters() Counters {
	c := &s.count
	return Counters{
		SessionsOpen:   c.sessionsOpen.Load(),
		Sessions:       c.sessions.Load(),
		RefusedAllow:   c.refusedAllow.Load(),
		RefusedFull:    c.refusedFull.Load(),
		RefusedAddress: c.refusedAddress.Load(),
		ClosedForeign:  c.closedForeign.Load(),
		ClosedStalled:  c.closedStalled.Load(),
		ClosedIdle:     c.closedIdle.Load(),
		ClosedPassword: c.closedPassword.Load(),
		AcceptErrors:   c.acceptErrors.Load(),

		Commands:          c.commands.Load(),
		CommandsDelayed:   c.commandsDelayed.Load(),
		InputDelayed:      c.inputDelayed.Load(),
		LinesTooLong:      c.linesTooLong.Load(),
		Messages:          c.messages.Load(),
		MessagesNotLogged: c.messagesNotLogged.Load(),
		EventsNotLogged:   c.eventsNotLogged.Load(),
		Marks:             c.marks.Load(),
		Pushed:            c.pushed.Load(),
		PushRefused:       c.pushRefused.Load(),

		TapHanded:   c.tapHanded.Load(),
		TapFull:     c.tapFull.Load(),
		TapBusy:     c.tapBusy.Load(),
		TapUncopied: c.tapUncopied.Load(),

		PacketsShown:   c.packetsShown.Load(),
		NotMatched:     c.notMatched.Load(),
		NotShownRate:   c.notShownRate.Load(),
		NotShownMissed: c.notShownMissed.Load(),
		NotShownPaused: c.notShownPaused.Load(),
		NotShownClosed: c.closed.Load(),
	}
}
