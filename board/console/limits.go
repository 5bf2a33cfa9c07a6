package console

import "time"

// DefaultListen is the address of the console when the configuration names none.
const DefaultListen = ":8000"

// The limits that a configuration may change or a client may meet.
const (
	// MaxSessions at once. Full: the client is told so and closed, counted in RefusedFull.
	MaxSessions = 64
	// MaxSessionsPerAddress at once from one IP address. Full: told and closed, counted in RefusedAddress.
	MaxSessionsPerAddress = 16
	// LineBytes a client may put in one line, its end not counted. Longer: the client is told, the line is
	// ignored up to its end, counted in LinesTooLong.
	LineBytes = 1024
	// CommandsPerSecond a session may send, as many at once. Faster: the session's input is not read until
	// the next one is due, so that TCP slows the client; nothing is lost, counted in CommandsDelayed.
	CommandsPerSecond = 20
	// LinesPerSecond is the packets that a session is shown, on average, as many at once after a quiet
	// second. More: the newest are not shown, counted in NotShownRate.
	LinesPerSecond = 50
	// WriteTimeout for each write to a client. Later: the session is closed, counted in ClosedStalled.
	WriteTimeout = 10 * time.Second
	// MessagesPerSecond handed to OnMessage, all sessions together, messageBurst at once. More: answered
	// but not handed over, counted in MessagesNotLogged.
	MessagesPerSecond = 20
	// EventsPerSecond handed to OnEvent, eventBurst at once. More: counted in EventsNotLogged.
	EventsPerSecond = 2
)

// The bounds of the buffers. A session takes 160 KiB at most (queue and batch of packets that are 664 bytes each, text
// twice, output) and its socket 80 KiB in the kernel: 64 of them fit in 16 MiB. The inbox has two of 340 KiB, a Tap 43 KiB.
const (
	chunkPackets = 64  // in a Tap before it hands over; then the Tap calls Flush
	inboxPackets = 512 // between the Taps and the hub. Full: newest dropped, counted in TapFull
	queuePackets = 128 // between the hub and a session's writer. Full: newest not shown, counted in NotShownQueue
	batchPackets = 16  // formatted for one write
	replyBytes   = 8 << 10
	// textBytes of answers may wait for a session's writer before the session's input is left unread.
	// What waits at most is this, one more reply and the refusals of telnet options (1.5 KiB a session).
	textBytes     = 8 << 10
	sendBuffer    = 32 << 10 // SO_SNDBUF: a stalled client holds this much kernel memory, not megabytes
	receiveBuffer = 8 << 10  // SO_RCVBUF
	messageBurst  = 200
	eventBurst    = 50
)

// The times.
const (
	// hubPace is the least time between two rounds of the hub: under load it wakes fifty times a second,
	// not once per chunk. The first packet after a quiet time is not held up.
	hubPace = 20 * time.Millisecond
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
)
