package uplink

import (
	"time"

	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// ImportRows is the size of an Importer's segments. A fixed number of rows, not of bytes: the boundaries stay
// where they are when a later version decodes more of a packet. So many of the longest records fit in a segment.
const ImportRows = 1024

const modeFile = "file"

const _ = uint(spool.MaxBody - ImportRows*maxRecord) // does not compile when they do not fit

// Importer makes segments of packets from a source that can wait, a savefile. The same packets make the same
// segments: under the same run, sending them again stores nothing twice. It drops nothing; an error of the
// spool is the end of it.
type Importer struct {
	spool      *spool.Spool
	header     spool.Header // device, run, and the last sequence number used
	interfaces []spool.Coverage
	body       []byte
	rows       [256]uint64 // of the segment that is being filled, by interface
	total      uint64
	from       time.Time
}

// NewImporter begins a run.
func NewImporter(sp *spool.Spool, device, run [16]byte) *Importer {
	return &Importer{
		spool:  sp,
		header: spool.Header{Device: device, Run: run, Format: recordFormat},
		body:   make([]byte, 0, ImportRows*maxRecord),
		from:   time.Now(),
	}
}

// AddInterface describes the next interface; packets name it by its number, from 0.
func (i *Importer) AddInterface(name, filter string, snapLength uint32) {
	i.interfaces = append(i.interfaces, spool.Coverage{
		Interface: name, Index: uint8(len(i.interfaces)), Filter: filter, SnapLength: snapLength,
		SampleRate: 1, Mode: modeFile,
	})
}

// Record adds a packet of an interface that was described. It reports whether that completed a segment.
func (i *Importer) Record(p *decode.Packet) (sealed bool, err error) {
	h := &i.header
	if h.Rows == 0 {
		h.FirstTime, h.LastTime = p.Time, p.Time
	}
	h.FirstTime, h.LastTime = min(h.FirstTime, p.Time), max(h.LastTime, p.Time)
	h.Rows++
	i.rows[p.Interface]++
	i.body = appendRecord(i.body, p)
	if h.Rows < ImportRows {
		return false, nil
	}
	return true, i.seal()
}

// Finish seals what is left and the end of the run. It is for a source that was read to its end: a segment
// that ends early would not be the same the next time.
func (i *Importer) Finish() error {
	i.header.Final = true
	return i.seal()
}

// Rows is the number of rows recorded.
func (i *Importer) Rows() uint64 { return i.total + i.header.Rows }

func (i *Importer) seal() error {
	h := &i.header
	now := time.Now()
	for n := range i.interfaces {
		if i.rows[n] == 0 && h.Rows > 0 {
			continue
		}
		c := i.interfaces[n]
		c.From, c.To = now.UnixNano()-int64(now.Sub(i.from)), now.UnixNano() // the clock may have been set meanwhile
		c.Received, c.Rows = i.rows[n], i.rows[n]
		h.Coverage = append(h.Coverage, c)
	}
	h.Sequence++
	h.Last, h.SealedAt = h.Sequence, now.UnixNano()
	if err := i.spool.Seal(h, i.body); err != nil {
		return err
	}
	i.total += h.Rows
	i.from = now
	clear(i.rows[:])
	h.Coverage, h.Rows, h.FirstTime, h.LastTime = nil, 0, 0, 0
	i.body = i.body[:0]
	return nil
}
