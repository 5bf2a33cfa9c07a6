package uplinkbench

import "network-sniffer/uplink"

// Names of the clients that are looked at by themselves.
const (
	binaryName      = "sniffer"
	textName        = "sniffer, text"
	drainBinaryName = "sniffer, from a full spool"
	drainTextName   = "sniffer, text, from a full spool"
	psqlName        = `psql, \copy of a text file`
	rawName         = "lib/pq, raw COPY of formatted text"
	pgxName         = "pgx, CopyFrom"
	execName        = "lib/pq, COPY, one Exec a row"
	insertName      = "lib/pq, INSERT, one Exec a row"
)

// slow is the fraction of the rows for what takes a round trip a row, or is not timed.
const slow = 20

// clients are all of them, in the order of the table. The first one's rows are what the others have to store.
var clients []client

func init() { // no initializer: it would refer to itself through serve
	clients = []client{
		{name: binaryName, run: in(uplink.FormatBinary, whole)},
		{name: textName, run: in(uplink.FormatText, whole)},
		{name: drainBinaryName, before: backlog, run: in(uplink.FormatBinary, drain)},
		{name: drainTextName, before: backlog, run: in(uplink.FormatText, drain)},
		{name: psqlName, before: textFile, program: psql},
		{name: rawName, run: rawCopy},
		{name: pgxName, run: pgxCopy},
		{name: execName, run: copyExec},
		{name: insertName, fraction: slow, run: insertExec},
	}
}
