package console

import "time"

// The limits that a configuration may change or a client may meet.
const (
	// MaxSessions at once. Full: the client is told so and closed, counted in RefusedFull.
	MaxSessions = 256
	// MaxSessionsPerAddress at once from one IP address. Full: told and closed, counted in RefusedAddress.
	MaxSessionsPerAddress = 64
	// LineBytes a client may put in one line, its end not counted. Longer: the client is told, the line is
	// ignored up to its end, counted in LinesTooLong.
	LineBytes = 1024
	// CommandsPerSecond a session may send, as many at once. Faster: the session's input is not read until
	// the next one is due, so that TCP slows the client; nothing is lost, counted in CommandsDelayed.
	CommandsPerSecond = 20
	// InputPerSecond is the bytes that are read of a session, four seconds' worth at once: what CommandsPerSecond of the
	// longest lines have. More, as a client sends that wants to keep the processor busy: left unread until it is due, so
	// that TCP slows the client; counted in InputDelayed. What is pushed has bounds of its own.
	InputPerSecond = CommandsPerSecond * LineBytes
	// PushedPerSecond is the same for the lines of push.
	PushedPerSecond = 1000
	// LinesPerSecond is the packets that a session is shown, on average, as many at once after a quiet
	// second. More: the newest are not shown, counted in NotShownRate.
	LinesPerSecond = 50
	// LooksPerSecond is the packets that a session's filter or table looks at, as many at once. More: not looked at,
	// counted in NotShownRate. Streams for programs have no such limit: their clients' speed is theirs.
	LooksPerSecond = 50_000
	// WriteTimeout for each write to a client. Later: the session is closed, counted in ClosedStalled.
	WriteTimeout = 10 * time.Second
	// IdleTimeout is how long a session may neither send anything nor take anything. Later: told and closed, counted
	// in ClosedIdle.
	IdleTimeout = time.Hour
	// MaxAttempts at the password in a session. More: closed, counted in ClosedPassword.
	MaxAttempts = 3
	// LoginTimeout is how long a session may be without the password: whoever does not know it cannot hold all sessions for
	// as long as IdleTimeout is. Later: told and closed, counted in ClosedPassword.
	LoginTimeout = time.Minute
	// MaxTables of the command top at once. More: told so.
	MaxTables = 16
	// MaxLast packets that the command last shows.
	MaxLast = 10_000
	// MarkBytes of a mark's text. Longer: told so.
	MarkBytes = 256
	// MessagesPerSecond handed to OnMessage, all sessions together, messageBurst at once. More: answered
	// but not handed over, counted in MessagesNotLogged.
	MessagesPerSecond = 20
	// EventsPerSecond handed to OnEvent, eventBurst at once. More: counted in EventsNotLogged.
	EventsPerSecond = 2
	// RingBytes of the newest frames, for all sessions: 4,000 usual ones. Full: the oldest go; who had not seen them
	// counts them in NotShownMissed.
	RingBytes = 1 << 20
	// FrameBytes of the longest frame in it; what capture takes of a frame, if it is not asked for more. Of a longer one
	// the rest is cut off.
	FrameBytes = 2560
)

// The bounds of the buffers. A session takes about 20 KiB (two stacks, output, line), which the garbage collector lets
// grow to 50 (cmd/sniffer/crowd_test.go), and its socket 24 KiB in the kernel. A Tap has 20 KiB, the inbox two times 128 KiB.
const (
	chunkBytes = 20 << 10 // of records in a Tap. Full: handed over
	// lastFrames are kept, for the command last, before skipFrames go by while nobody watches; a Flush begins anew. Those that
	// go by are counted in TapUncopied.
	lastFrames = 64
	skipFrames = 4096
	inboxBytes = 128 << 10 // of records between the Taps and the hub. Full: newest dropped, counted in TapFull
	// outputBytes are formatted for one write, and as many bytes of answers may wait for the session's writer before the
	// session's input is left unread. One line more may stand in either.
	outputBytes = 4 << 10
	streamBytes = 32 << 10 // of frames, for one write of a capture
	replyBytes  = 64 << 10 // of one answer. More: cut, and told so
	sendBuffer  = 8 << 10  // SO_SNDBUF: a stalled client holds this much kernel memory (twice, socket(7)), not megabytes
	// streamBuffer is SO_SNDBUF of a stream for a program: enough for 50 Mbit/s over a radio link of 10 ms. On a router with
	// 64 MiB all TCP together has about 4, and a few programs that stall shall not take it from the uplink.
	streamBuffer = 64 << 10
	// receiveBuffer is SO_RCVBUF of the listeners: a client may send so much ahead of what is read.
	receiveBuffer = 8 << 10
	// pushBuffer is the same where clients may push. Loopback has segments of 64 KiB: what has no room for a few of them
	// drops some, and the client sends them again after longer and longer pauses.
	pushBuffer   = 256 << 10
	openingBytes = 4 << 10 // that a client may send before it is answered
	messageBurst = 200
	eventBurst   = 50
	// looks is how many frames are looked at under one lock of the ring.
	looks = 256
)

// The times.
const (
	// openingSilence is how long a client may say nothing before it is taken for a person, and openingPause how long a
	// program may pause before what it sent is judged; openingTimeout bounds both.
	openingSilence = 250 * time.Millisecond
	openingPause   = 100 * time.Millisecond
	openingTimeout = time.Second
	// probeTimeout is how long a telnet client may take to say that it is one. Later it is believed, too.
	probeTimeout = 300 * time.Millisecond
	// hubPace is the least time between two rounds of the hub: under load it wakes a hundred times a second,
	// not once per chunk. The first packet after a quiet time is not held up.
	hubPace = 10 * time.Millisecond
	// noteEvery is the least time between two notes of packets not shown.
	noteEvery = time.Second
	// linger is how long a closed session's input is still read: closing a socket with unread input
	// sends a reset, which may overtake the last line.
	linger = time.Second
	// closeGrace is how long Close waits for farewells before it cuts the connections.
	closeGrace = 2 * time.Second
	// refuseTimeout bounds the write of the line that refuses a session; it fits an empty send buffer.
	refuseTimeout = 100 * time.Millisecond
	// acceptPauseMin and acceptPauseMax bound the wait after a failed accept (no descriptors left).
	acceptPauseMin = 10 * time.Millisecond
	acceptPauseMax = time.Second
	// A peer that vanished without a word is noticed after keepIdle + keepCount × keepInterval.
	keepIdle     = 60 * time.Second
	keepInterval = 15 * time.Second
	keepCount    = 4
	// pushPause is how long a client that pushes a capture may stop in the middle.
	pushPause = time.Minute
)
