package rawsock

import (
	"time"

	"network-sniffer/rawsock/machine"
)

// Bounds of this package and what happens at them.
const (
	// DefaultBlockSize and DefaultBlocks make a ring of 8 MiB: 40,000 frames of 128 bytes. A full ring
	// drops the newest frames; the kernel counts them (Stats.Dropped).
	DefaultBlockSize    = 1 << 20
	DefaultBlocks       = 8
	DefaultBlockTimeout = 50 * time.Millisecond

	// DefaultReceiveBuffer holds about 2,000 frames for plain reads. When it is full the newest frames are dropped; the
	// kernel counts them (Stats.Dropped).
	DefaultReceiveBuffer = 1 << 20

	// MaxInstructions is BPF_MAXINSNS of the kernel. A longer program is refused with ErrTooLarge, or runs in user
	// space, up to MaxUserInstructions.
	MaxInstructions     = 4096
	MaxUserInstructions = machine.MaxInstructions

	// maxNetlinkAnswer is bytes of an answer of rtnetlink. A longer one is cut, and what stands behind the cut counts as
	// not told.
	maxNetlinkAnswer = 8192

	// maxCounterLines is how many bytes of /proc/net/dev are read at a time; one line has at most some 300.
	maxCounterLines = 4096

	// maxOwn bounds the endpoints that one filter excludes; Program refuses more. A v6 connection costs
	// 42 instructions, so the bound keeps nearly half of MaxInstructions for the user's expression.
	maxOwn = 40

	// maxRing bounds one ring, in bytes; Open refuses more.
	maxRing = 1 << 30

	// maxSnapLength is how much a plain read takes of one frame, in bytes, and what a filter that runs in user space
	// lets the kernel hand over: what tcpdump takes by default. More is cut off, Frame.WireLength tells of it.
	maxSnapLength = 262144

	// readBurst is how many plain reads Next does before it returns false.
	readBurst = 256

	// maxWorkers is PACKET_FANOUT_MAX of the kernels that have the least; OpenGroup refuses more.
	maxWorkers = 256

	// forgetTimeout is how long OpenGroup waits for frames that it is to throw away, beyond the time-out of a block; then
	// it fails.
	forgetTimeout = 2 * time.Second

	// maxClockError is how far a network card's clock may be from the system's for its stamps to be used.
	maxClockError = time.Second
)
