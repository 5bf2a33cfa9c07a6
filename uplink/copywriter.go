package uplink

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// A row has more absent values than others: nothing at all stands for them, not the two bytes of \N.
var copyQuery = "COPY sniffer.packets (" + strings.Join(copyColumns[:], ", ") + ") FROM STDIN WITH (NULL '')"

// copyStatement is lib/pq's COPY statement.
type copyStatement interface {
	driver.Stmt
	CopyData(ctx context.Context, line string) (driver.Result, error)
}

// copyWriter turns records into COPY text and hands it to lib/pq, many rows a call.
type copyWriter struct {
	stmt    copyStatement
	text    []byte
	origins [256]string // the first columns of a row, by interface
	rows    uint64      // sent so far
}

// segment sends the rows of one segment. A body that does not hold what its header says is broken, although
// its checksum was right.
func (w *copyWriter) segment(h *spool.Header, body []byte) error {
	if h.Rows == 0 {
		return nil
	}
	parse := parseRecord
	switch h.Format {
	case recordFormat:
	case recordFormat1:
		parse = parseRecord1
	default:
		return fmt.Errorf("segment %d has format %d, this program reads %d: %w", h.Sequence, h.Format, recordFormat, spool.ErrBroken)
	}
	clear(w.origins[:])
	id := strconv.FormatInt(DeviceID(h.Device), 10)
	for i := range h.Coverage {
		c := &h.Coverage[i]
		name := text(c.Interface)
		if name == "" { // nobody writes that, but it would read as absent and be refused for ever
			name = "?"
		}
		w.origins[c.Index] = id + "\t" + string(appendCopyString(nil, name)) + "\t"
	}
	var p decode.Packet
	var err error
	var rows uint64
	for len(body) > 0 {
		if body, err = parse(body, &p); err != nil {
			return fmt.Errorf("segment %d: %w: %w", h.Sequence, err, spool.ErrBroken)
		}
		origin := w.origins[p.Interface]
		if origin == "" { // without it the server would refuse the row, and every row behind it, for ever
			return fmt.Errorf("segment %d: a row of interface %d, which its header does not name: %w",
				h.Sequence, p.Interface, spool.ErrBroken)
		}
		w.text = appendCopyText(w.text, &p, origin)
		rows++
		if len(w.text) >= copyChunk {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	if rows != h.Rows {
		return fmt.Errorf("segment %d has %d rows, its header says %d: %w", h.Sequence, rows, h.Rows, spool.ErrBroken)
	}
	w.rows += rows
	return nil
}

// flush hands the text over. lib/pq copies it, and appends the last newline itself.
func (w *copyWriter) flush() error {
	if len(w.text) == 0 {
		return nil
	}
	line := unsafe.String(&w.text[0], len(w.text)-1)
	// The background context: one that can end would start a goroutine for every call.
	_, err := w.stmt.CopyData(context.Background(), line)
	w.text = w.text[:0]
	return err
}

// finish ends the COPY and compares the server's count with ours.
func (w *copyWriter) finish() (uint64, error) {
	err := w.flush()
	if err != nil {
		return 0, err
	}
	result, err := w.stmt.Exec(nil)
	if err != nil {
		return 0, err
	}
	if n, err := result.RowsAffected(); err != nil || uint64(n) != w.rows {
		return 0, fmt.Errorf("the server took %d of %d rows (%v)", n, w.rows, err)
	}
	return w.rows, nil
}
