package uplink

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"github.com/lib/pq"

	"network-sniffer/uplink/spool"
)

// ledger is the SQL that enters segments into the books: coverage, losses, and last the segments
// themselves. It is one text, and so one round trip, however far the server is.
func ledger(headers []spool.Header) string {
	var coverage, losses, segments []string
	for i := range headers {
		h := &headers[i]
		key := fmt.Sprintf("%d,'%s',%d", DeviceID(h.Device), FormatUUID(h.Run), h.Sequence)
		byName := mergeByName(h.Coverage)
		for j := range byName {
			c := &byName[j]
			name := quote(c.Interface)
			coverage = append(coverage, fmt.Sprintf("(%s,%s,%s,%s,%d,%d,%d,%s,%d)", key, name,
				literal(c.From), literal(c.To), c.Received, c.Rows, c.Pending, quote(c.Filter), min(c.SnapLength, math.MaxInt32)))
			for _, l := range c.Losses {
				losses = append(losses, fmt.Sprintf("(%s,%s,%s,%d)", key, name, quote(l.Reason), l.Packets))
			}
		}
		first, last := "NULL", "NULL"
		if h.FirstTime != 0 {
			first, last = literal(h.FirstTime), literal(h.LastTime)
		}
		segments = append(segments, fmt.Sprintf("(%s,%d,%d,%s,%s,%s,%t)", key, h.Last, h.Rows, first, last,
			literal(h.SealedAt), h.Final))
	}
	var b strings.Builder
	insert := func(table, columns string, values []string) {
		if len(values) > 0 {
			fmt.Fprintf(&b, "INSERT INTO sniffer.%s (device_id,run_id,sequence,%s) VALUES %s;\n",
				table, columns, strings.Join(values, ","))
		}
	}
	insert("coverage", "interface,from_ts,to_ts,received,row_count,pending,filter,snap_length", coverage)
	insert("coverage_losses", "interface,reason,packets", losses)
	insert("segments", "last_sequence,row_count,first_ts,last_ts,sealed_at,final", segments)
	return b.String()
}

// quote makes a literal of a text that may come from a file.
func quote(s string) string { return pq.QuoteLiteral(text(s)) }

// text makes a text that PostgreSQL takes: UTF-8 without NUL, and short enough for a key.
func text(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

// mergeByName makes one entry of an interface's several (its filter changed meanwhile): the ledger's key is the
// name, and a key that came twice would look like a segment that came twice. The last filter is the one told.
func mergeByName(all []spool.Coverage) []spool.Coverage {
	var h spool.Header
	for _, c := range all {
		for i := range h.Coverage {
			if m := &h.Coverage[i]; text(m.Interface) == text(c.Interface) {
				c.Interface = m.Interface
				m.Index, m.Filter, m.SnapLength = c.Index, c.Filter, c.SnapLength
			}
		}
		h.Merge(&c)
	}
	return h.Coverage
}

func literal(ns int64) string { return "'" + string(appendTimestamp(nil, ns)) + "'" }

// FormatUUID writes a UUID as RFC 9562 §4 has it.
func FormatUUID(u [16]byte) string {
	b := make([]byte, 36)
	hex.Encode(b, u[:4])
	hex.Encode(b[9:], u[4:6])
	hex.Encode(b[14:], u[6:8])
	hex.Encode(b[19:], u[8:10])
	hex.Encode(b[24:], u[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b)
}
