package uplink

import (
	"fmt"

	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// Rows calls yield for each packet of a segment, whatever program recorded it, with the name of its interface as it
// stands in the header: empty when the header names none. The packet is used again for the next row. An error of
// yield ends it and is returned; spool.ErrBroken: the body does not hold what the header says.
func Rows(h *spool.Header, body []byte, yield func(p *decode.Packet, iface string) error) error {
	err := checkFormat(h)
	if err != nil || h.Rows == 0 {
		return err
	}
	var names [maxOrigins]string
	for i := range h.Coverage {
		names[h.Coverage[i].Index] = h.Coverage[i].Interface
	}
	var p decode.Packet
	var rows uint64
	for ; len(body) > 0; rows++ {
		if body, err = parse(h, body, &p); err != nil {
			return err
		}
		if err := yield(&p, names[p.Interface]); err != nil {
			return err
		}
	}
	return checkRows(h, rows)
}

// checkFormat refuses a segment whose records this program cannot read. Without rows the format is nothing's.
func checkFormat(h *spool.Header) error {
	if h.Rows > 0 && h.Format != recordFormat && h.Format != recordFormat1 {
		return fmt.Errorf("segment %d has format %d, this program reads %d: %w", h.Sequence, h.Format, recordFormat, spool.ErrBroken)
	}
	return nil
}

// parse reads the first record of a segment's body into p and returns what follows it.
func parse(h *spool.Header, body []byte, p *decode.Packet) (rest []byte, err error) {
	if h.Format == recordFormat1 {
		rest, err = parseRecord1(body, p)
	} else {
		rest, err = parseRecord(body, p)
	}
	if err != nil {
		return nil, fmt.Errorf("segment %d: %w: %w", h.Sequence, err, spool.ErrBroken)
	}
	return rest, nil
}

// checkRows compares the rows of a segment's body with what its header says.
func checkRows(h *spool.Header, rows uint64) error {
	if rows != h.Rows {
		return fmt.Errorf("segment %d has %d rows, its header says %d: %w", h.Sequence, rows, h.Rows, spool.ErrBroken)
	}
	return nil
}
