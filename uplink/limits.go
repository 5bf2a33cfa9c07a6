package uplink

import (
	"time"

	"network-sniffer/uplink/spool"
)

// Bounds of this package and what happens at them.
const (
	// DefaultBatchSize is how many bytes of records a recorder collects before it hands them over: about
	// 3,500 packets.
	DefaultBatchSize = 256 << 10
	// DefaultBatches is how many batches exist beside the one that each recorder fills. When all of them
	// wait for the disk, packets are counted as LossRecorder.
	DefaultBatches = 6
	// MaxAge is how long a row waits in a batch that does not fill.
	MaxAge = time.Second
	// MaxSilence is how long an interface without packets goes without a coverage entry: so long can "no
	// rows" and "nobody looked" not be told apart.
	MaxSilence = 10 * time.Second

	// retryAfter is how soon a recorder asks again for a batch when none was free at a hand-over.
	retryAfter = 50 * time.Millisecond

	// One transaction takes at most so many segments and bytes.
	transactionSegments = spool.MaxPin
	transactionBytes    = 4 << 20
	// copyChunk is how much COPY text goes to lib/pq in one call; it flushes its own buffer at 63 KiB.
	copyChunk = 48 << 10

	// ioTimeout bounds each read and write on the database connection that makes no progress.
	ioTimeout = 20 * time.Second
	// connectTimeout bounds dialing and authentication.
	connectTimeout = 15 * time.Second
	// writeChunk is what has to get through within one ioTimeout: 0.4 KiB/s is taken for a dead line.
	writeChunk = 8 << 10

	// Reconnects wait a random time up to a bound that doubles from backoffFirst to backoffLast (full jitter),
	// so that thousands of devices do not come back at once.
	backoffFirst = 500 * time.Millisecond
	backoffLast  = 30 * time.Second

	// complainEvery is how often an error that stays is logged.
	complainEvery = time.Minute

	// maxText bounds names and filters on their way to the database; what is longer is cut.
	maxText = 1024

	// A segment that spans more days than this gets no partitions of its own: its rows go to the default
	// partition. Only savefiles and broken clocks do that.
	maxDays = 32
)
