package savefile

// Every bound of this package, with what happens at it.
const (
	// MaxFrame is the longest frame in bytes, the limit of libpcap and Wireshark for network media.
	// A longer one is ErrFormat when read and ErrFrame when written.
	MaxFrame = 262144

	// MaxBlock is the longest pcapng block in bytes. A longer one is ErrFormat, also where it would
	// only be skipped: such a length is nearly always damage.
	MaxBlock = 16 << 20

	// MaxInterfaces is how many interfaces a file may describe, over all its sections. One more is
	// ErrFormat when read and ErrFrame when added.
	MaxInterfaces = 4096

	// MaxInterfaceText is how many bytes the names and filters of all interfaces may have together.
	// More is ErrFormat when read and ErrFrame when added.
	MaxInterfaceText = 1 << 20

	// MaxText is the longest string in bytes that a Writer puts into a pcapng option: the 16-bit length,
	// less the byte in front of a filter. A longer one is ErrFrame.
	MaxText = 1<<16 - 2

	// readBuffer is what a Reader asks its source for at once. The frame buffer beside it grows with the
	// longest frame, up to twice MaxFrame.
	readBuffer = 64 << 10

	// idleReads is how often in a row a source may return nothing and no error. Then it is
	// io.ErrNoProgress.
	idleReads = 100

	// writeBuffer is what a Writer of a file collects before it writes. A single longer record grows it, up to
	// MaxFrame and a header.
	writeBuffer = 32 << 10
)
