package spool

// Bounds of this package. Beside the limit of Open, which the segments and the reserve share, the directory
// takes the segment being written (maxFile), maxBroken files set aside, and the empty lock.
const (
	// MinLimit is the smallest spool: a segment of the largest body that is on its way to the database, its
	// successor, and their headers.
	MinLimit = 3 * MaxBody
	// MaxBody bounds the body of one segment; Seal refuses more.
	MaxBody = 1 << 20
	// maxHeader bounds a header; Seal refuses more than leaves room for the spool's own losses.
	maxHeader = 1 << 20
	maxFile   = prefixSize + maxHeader + MaxBody
	// maxCoverage bounds the interfaces of one segment, maxLosses the reasons of one interface; Seal leaves
	// room for the two reasons of the spool, each of burial bytes at most.
	maxCoverage = 256
	maxLosses   = 64
	ownLosses   = 2
	burial      = 32
	// maxString bounds an interface name, a filter and a reason; what is longer is cut when it is sealed.
	maxString = 4096

	// MaxPin bounds the segments that are on their way to the database at once. Only that many of the oldest
	// can be known to the database and still be here, also after a crash.
	MaxPin = 16

	// maxBroken bounds the files kept as .broken; the oldest makes room.
	maxBroken = 4
	// maxUnread bounds how often in a row the medium may refuse one segment (EIO) before it is given up: it
	// would stand before all others for ever.
	maxUnread = 16

	// reserveSize is what a tombstone may take from a disk that others have filled.
	reserveSize = 16 << 10
	// blockSize is what file systems give out: a small segment is charged a whole one.
	blockSize = 4096
)
