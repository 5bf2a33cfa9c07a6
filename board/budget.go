package board

// Budget is what the recorder may take of a machine's memory, in bytes where nothing else is said.
type Budget struct {
	RingBlock int   // size of one block of a ring
	Blocks    int   // blocks of a ring
	Batch     int   // size of one batch of records
	Spool     int64 // the spool, which may be memory too
	// ConsoleRing is the size of the ring that the console's clients read packets from, Sessions how many of them there
	// may be at once.
	ConsoleRing, Sessions int
	// Plain: there is no memory for rings; frames are read one by one.
	Plain bool
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

// Budget divides the memory by class. A machine that does not say how much it has counts as large.
func (b Board) Budget() Budget {
	switch m := b.Memory(); {
	case m == 0 || m > 1024*mib:
		return Budget{RingBlock: mib, Blocks: 16, Batch: 256 * kib, Spool: 256 * mib, ConsoleRing: 4 * mib, Sessions: 256}
	case m > 256*mib:
		return Budget{RingBlock: mib, Blocks: 8, Batch: 256 * kib, Spool: 64 * mib, ConsoleRing: 2 * mib, Sessions: 128}
	case m > 96*mib:
		return Budget{RingBlock: 256 * kib, Blocks: 8, Batch: 128 * kib, Spool: 16 * mib, ConsoleRing: mib, Sessions: 64}
	case m >= 64*mib:
		return Budget{RingBlock: 256 * kib, Blocks: 4, Batch: 64 * kib, Spool: 4 * mib, ConsoleRing: 512 * kib, Sessions: 32}
	default:
		return Budget{RingBlock: 256 * kib, Blocks: 4, Batch: 64 * kib, Spool: 4 * mib, ConsoleRing: 256 * kib, Sessions: 16,
			Plain: true}
	}
}
