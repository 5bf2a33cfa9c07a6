package spool

import "time"

// Bounds of this package. Beside the limit of Open, which the segments, the bundles and the reserve share, the directory
// takes the segment being written (maxFile), maxBroken files set aside (segments, or bundles of maxBundleFile at most), the
// empty lock, and a request to discard with its answer. The second tier takes its limit, the bundle being
// written, and as many files set aside.
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

	// MaxMarks bounds the marks of one header; Seal refuses more, and of those that a tombstone absorbs the first ones stay.
	MaxMarks = 64
	// MaxMarkBy and MaxMarkText bound a mark, in bytes.
	MaxMarkBy   = 64
	MaxMarkText = 256

	// MaxPin bounds the segments that are on their way to the database at once. Only that many of the oldest
	// can be known to the database and still be here, also after a crash.
	MaxPin = 16

	// maxBroken bounds the files kept as .broken; the oldest makes room.
	maxBroken = 4
	// maxUnread bounds how often in a row the medium may refuse one segment (EIO) before it is given up: it
	// would stand before all others for ever.
	maxUnread = 16

	// A bundle holds so many segments and so many bytes of them unpacked, at most. Its table of contents is in
	// memory while it is the oldest: 32 bytes a segment.
	maxBundled   = 16 << 10
	maxBundleRaw = 16 << 20
	// bodyChunk and headChunk are what is packed, checked and unpacked at once.
	bodyChunk     = 64 << 10
	headChunk     = 16 << 10
	maxChunks     = maxBundleRaw/headChunk + 2
	maxDirectory  = 8 + maxChunks*chunkRecord + maxBundled*(3+3+5+1)
	maxBundleFile = int64(maxBundleRaw + 2*maxDirectory + 2*trailerSize + 64)

	// looseSegments is how many segments have files of their own before the oldest are packed into a bundle, and
	// looseLeast how many of the newest, or how many bytes of them, are left as they are.
	looseSegments = 2048
	looseLeast    = 256
	looseBytes    = 512 << 10
	// tierOneRaw bounds a bundle of the first tier, beside an eighth of the limit: while it is written its
	// segments are there twice.
	tierOneRaw = 4 << 20
	// A bundle on flash has so many bytes at least, but for the last before a stop, or when the first tier is too
	// small to fill one; overflowMost is when it is closed.
	overflowLeast = 2 << 20
	overflowMost  = 4 << 20
	// packedShare is what packing is taken to leave of a segment, before it is known: one part of so many.
	packedShare = 3

	// tendEvery is how often the spool looks after itself: requests, packing, a second tier that came back.
	tendEvery = time.Second
	// overflowPause is how long a second tier that failed is left alone, packPause the packing on a disk that
	// refused it.
	overflowPause = 10 * time.Second
	packPause     = 10 * time.Second

	// reserveSize is what a tombstone may take from a disk that others have filled.
	reserveSize = 16 << 10
	// blockSize is what file systems give out: a small segment is charged a whole one.
	blockSize = 4096
)
