package rawsock

import "time"

// Bounds of this package and what happens at them.
const (
	// DefaultBlockSize and DefaultBlocks make a ring of 8 MiB: 40,000 frames of 128 bytes. A full ring
	// drops the newest frames; the kernel counts them (Stats.Dropped).
	DefaultBlockSize    = 1 << 20
	DefaultBlocks       = 8
	DefaultBlockTimeout = 50 * time.Millisecond

	// MaxInstructions is BPF_MAXINSNS of the kernel.
	MaxInstructions = 4096

	// maxOwn bounds the endpoints that one filter excludes; Exclude refuses more. A v6 connection costs
	// 42 instructions, so the bound keeps nearly half of MaxInstructions for the user's expression.
	maxOwn = 40

	// drainQuiet is how often in a row Drain must find kernel and reader in agreement, one block
	// time-out apart, before it believes that no frame is on its way through the old filter.
	drainQuiet = 2
)
