package board

// Budget is what the recorder may take of a machine's memory, in bytes.
type Budget struct {
	RingBlock int   // size of one block of a ring
	Blocks    int   // blocks of a ring
	Batch     int   // size of one batch of records
	Spool     int64 // the spool, which may be memory too
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
		return Budget{RingBlock: mib, Blocks: 16, Batch: 256 * kib, Spool: 256 * mib}
	case m > 256*mib:
		return Budget{RingBlock: mib, Blocks: 8, Batch: 256 * kib, Spool: 64 * mib}
	case m > 96*mib:
		return Budget{RingBlock: 256 * kib, Blocks: 8, Batch: 128 * kib, Spool: 16 * mib}
	default:
		return Budget{RingBlock: 256 * kib, Blocks: 4, Batch: 64 * kib, Spool: 4 * mib, Plain: m < 64*mib}
	}
}
