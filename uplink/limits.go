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
	// pushedBatches is how many batches the pushed recorders of a sealer have, all together: one fills, one waits, one is written.
	// They are their own: clients that send faster than the disk takes never take a batch from what is captured.
	pushedBatches = 3
	// MaxAge is how long a row waits in a batch that does not fill.
	MaxAge = time.Second
	// MaxSilence is how long an interface without packets goes without a coverage entry: so long can "no
	// rows" and "nobody looked" not be told apart.
	MaxSilence = 10 * time.Second

	// markQueue is how many marks wait for the disk at most; one more is refused (ErrTooManyMarks). What waits shares a segment,
	// whose header has room for it. markPatience is how long a mark waits for a disk before its author is told so.
	markQueue    = 16
	markPatience = 10 * time.Second

	// retryAfter is how soon a recorder asks again for a batch when none was free at a hand-over.
	retryAfter = 50 * time.Millisecond

	// One transaction takes at most so many segments and bytes.
	transactionSegments = spool.MaxPin
	transactionBytes    = 4 << 20
	// copyChunk bounds a message of rows, which is sent at once. maxRow bounds a row: the longest interface name
	// with every character escaped, and every column at its longest.
	copyChunk = 64 << 10
	maxRow    = 4 << 10
	// copySide bounds the records of rare rows that wait for a COPY of their own; when it is full, they get it.
	copySide = 256 << 10
	// maxMessage bounds what the server says at a time; a longer message is not PostgreSQL's.
	maxMessage = 64 << 10
	// lastWords is how long an error is waited for that the server may have sent before the connection broke.
	lastWords = 2 * time.Second
	// refusalLasts is how long rows go out as text after the server refused binary ones.
	refusalLasts = time.Hour

	// ioTimeout bounds each read and write on the database connection that makes no progress.
	ioTimeout = 20 * time.Second
	// connectTimeout bounds dialing and authentication.
	connectTimeout = 15 * time.Second
	// lookupTimeout bounds the look-up of the server's name that only helps to choose a rate.
	lookupTimeout = 2 * time.Second

	// A rate is kept by pieces of rateShare of a second's bytes, at least minBurst (a TCP segment) and at most
	// maxBurst. A rate under MinRate would need more than a minute for what one second of recording can hold.
	MinRate   = 1 << 10
	rateShare = 8
	minBurst  = 1448
	maxBurst  = 64 << 10
	// rateTransaction is how long a transaction takes at a rate, so that the server holds none open for long, and
	// wireFactor how many bytes on the wire one in the spool becomes at most, about. schemaBytes is what making the
	// schema sends.
	rateTransaction = 20 * time.Second
	wireFactor      = 8
	schemaBytes     = 128 << 10

	// Reconnects wait a random time up to a bound that doubles from backoffFirst to backoffLast (full jitter),
	// so that thousands of devices do not come back at once.
	backoffFirst = 500 * time.Millisecond
	backoffLast  = 30 * time.Second

	// complainEvery is how often an error that stays is logged, and maxReasons how many different ones in that time; more
	// are not logged. State has the last one of all.
	complainEvery = time.Minute
	maxReasons    = 16

	// smallestStep is what a difference between two readings of the clock has to be, at least, to be a step: far more
	// than a reading is wrong by. A clock that is slewed makes none, for the kernel slews both of its clocks.
	smallestStep = 10 * time.Millisecond
	// A reading of the clock is repeated until it is good to half of offsetError, offsetTries times at most.
	offsetError = 20 * time.Microsecond
	offsetTries = 16
	// strayTime is how far before or after the interval of its batch a row may have been stamped.
	strayTime = 5 * time.Second
	// clockPatience is how long after the start the uploader holds rows back for a clock to be set, which corrects them;
	// a spool that is half full, or the end of the run, is not waited with. clockPoll is how often it looks.
	clockPatience = 10 * time.Minute
	clockPoll     = time.Second

	// maxText bounds names and filters on their way to the database; what is longer is cut.
	maxText = 1024

	// A segment that spans more days than this gets no partitions of its own: its rows go to the default
	// partition. Only savefiles and broken clocks do that.
	maxDays = 32
)
