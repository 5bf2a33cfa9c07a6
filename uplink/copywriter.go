package uplink

import (
	"fmt"

	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// copySink is what takes rows to the database: a COPY after the other, each between begin and finish. A message is
// what copyWriter sends at a time: copyHead bytes for the sink, and rows behind them. After an error of begin, write
// or finish the COPY is over, and the transaction can be rolled back or its connection is gone.
type copySink interface {
	begin(query string) error
	write(message []byte) error
	// finish sends the last message, and returns the number of rows that the server counted. It may append.
	finish(message []byte) (uint64, error)
	// abandon ends a COPY that cannot be finished, so that the transaction can be rolled back.
	abandon()
}

// copyHead is the room in front of a message: the type and the length of the protocol's CopyData.
const copyHead = 5

// copyWriter turns the records of segments into rows and hands them to a sink, many in a message, in as few COPYs as
// it can: rows of the common class go out as they come, records of others wait in a bounded buffer.
type copyWriter struct {
	sink   copySink
	format Format // FormatBinary or FormatText

	class   rowClass // of the COPY under way
	begun   bool     // the sink has begun it
	pending uint64   // its rows
	message []byte
	side    []byte // records of rare rows
	origins origins
	rows    uint64 // that the server has taken
}

// reset makes the writer ready for a transaction.
func (w *copyWriter) reset(sink copySink, format Format) {
	*w = copyWriter{sink: sink, format: format, message: w.message, side: w.side[:0]}
	w.origins.format = format
	if w.message == nil {
		w.message = make([]byte, copyHead, copyHead+copyChunk+copyHead) // the second for what finish appends
	}
	w.start(commonRow)
}

// start begins a COPY; the sink hears of it when there is something to send.
func (w *copyWriter) start(class rowClass) {
	w.class, w.begun, w.pending = class, false, 0
	w.message = append(w.message[:copyHead], copyHeaders[w.format]...)
}

// segment takes the rows of one segment, whose times are moved by shift nanoseconds. A body that does not hold what
// its header says is broken, although its checksum was right.
func (w *copyWriter) segment(h *spool.Header, body []byte, shift int64) error {
	err := checkFormat(h)
	if err != nil || h.Rows == 0 {
		return err
	}
	if !w.origins.enter(h) {
		// The records that wait need the origins that are there, and none of them is of this segment.
		if err := w.sendSide(); err != nil {
			return err
		}
		w.origins.reset()
		w.origins.enter(h)
	}
	direct := w.format == FormatBinary && h.Format == recordFormat
	var p decode.Packet
	var rows uint64
	for len(body) > 0 {
		rows++
		if direct && isCommonRecord(body) && w.origins.of(body[4]) != "" {
			w.message, body = appendCommonRecord(w.message, body, w.origins.of(body[4]), shift)
			if err := w.added(); err != nil {
				return err
			}
			continue
		}
		if body, err = parse(h, body, &p); err != nil {
			return err
		}
		if w.origins.of(p.Interface) == "" { // without it the server would refuse the row, and every row behind it, for ever
			return fmt.Errorf("segment %d: a row of interface %d, which its header does not name: %w",
				h.Sequence, p.Interface, spool.ErrBroken)
		}
		p.Time += shift
		if err := w.packet(&p); err != nil {
			return err
		}
	}
	return checkRows(h, rows)
}

// packet sends a packet of the segment, or sets it aside.
func (w *copyWriter) packet(p *decode.Packet) error {
	if class := classOf(p); class == w.class {
		w.row(p, w.origins.of(p.Interface))
		return w.added()
	}
	if len(w.side) > copySide-maxRecord {
		if err := w.sendSide(); err != nil {
			return err
		}
	}
	if w.side == nil {
		w.side = make([]byte, 0, copySide)
	}
	p.Interface = w.origins.number(p.Interface)
	w.side = appendRecord(w.side, p)
	return nil
}

func (w *copyWriter) row(p *decode.Packet, origin string) {
	if w.format == FormatBinary {
		w.message = appendBinaryRow(w.message, w.class, p, origin)
	} else {
		w.message = appendTextRow(w.message, w.class, p, origin)
	}
}

// added counts a row of the message, and sends it when it might not have room for the next.
func (w *copyWriter) added() error {
	w.pending++
	if len(w.message) <= copyChunk-maxRow {
		return nil
	}
	if err := w.begin(); err != nil {
		return err
	}
	err := w.sink.write(w.message)
	w.message = w.message[:copyHead]
	return err
}

func (w *copyWriter) begin() error {
	if w.begun {
		return nil
	}
	w.begun = true
	return w.sink.begin(copyQueries[w.format][w.class])
}

// end ends the COPY under way, if there is one, and compares the server's count with ours.
func (w *copyWriter) end() error {
	if w.pending == 0 {
		return nil
	}
	if err := w.begin(); err != nil {
		return err
	}
	w.message = append(w.message, copyTrailers[w.format]...)
	n, err := w.sink.finish(w.message)
	if err != nil {
		return err
	}
	if n != w.pending {
		return fmt.Errorf("the server took %d of %d rows", n, w.pending)
	}
	w.rows += n
	return nil
}

// sendSide sends the rare rows in a COPY of their own, and starts the next one of common rows.
func (w *copyWriter) sendSide() error {
	if len(w.side) == 0 {
		return nil
	}
	if err := w.end(); err != nil {
		return err
	}
	w.start(rareRow)
	var p decode.Packet
	for rest := w.side; len(rest) > 0; {
		var err error
		if rest, err = parseRecord(rest, &p); err != nil {
			return err
		}
		w.row(&p, w.origins.all[p.Interface].columns)
		if err := w.added(); err != nil {
			return err
		}
	}
	if err := w.end(); err != nil {
		return err
	}
	w.side = w.side[:0]
	w.start(commonRow)
	return nil
}

// finish sends what waits and returns the number of rows.
func (w *copyWriter) finish() (uint64, error) {
	if err := w.sendSide(); err != nil {
		return 0, err
	}
	if err := w.end(); err != nil {
		return 0, err
	}
	return w.rows, nil
}
