package uplink

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lib/pq"

	"network-sniffer/uplink/spool"
)

// ledger is the SQL that enters segments into the books: coverage, losses, marks, and last the segments
// themselves. It is one text, and so one round trip, however far the server is.
func ledger(headers []sending) string {
	var coverage, losses, marks, segments []string
	for i := range headers {
		h := &headers[i]
		key := fmt.Sprintf("%d,'%s',%d", DeviceID(h.Device), FormatUUID(h.Run), h.Sequence)
		clock := quoteOrNull(h.Clock.State.String()) + "," + shiftLiteral(h.Shift)
		byName := mergeByName(h.Coverage)
		for j := range byName {
			c := &byName[j]
			name := quote(c.Interface)
			coverage = append(coverage, fmt.Sprintf("(%s,%s,%s,%s,%d,%d,%s,%d,%s,%s)", key, name, literal(c.From), literal(c.To),
				c.Received, c.Rows, quote(c.Filter), min(c.SnapLength, math.MaxInt32), clock, lookValues(c)))
			for _, l := range c.Losses {
				losses = append(losses, fmt.Sprintf("(%s,%s,%s,%d)", key, name, quote(l.Reason), l.Packets))
			}
		}
		first, last := "NULL", "NULL"
		if h.FirstTime != 0 {
			first, last = literal(h.FirstTime), literal(h.LastTime)
		}
		for j := range h.Marks {
			m := &h.Marks[j]
			marks = append(marks, fmt.Sprintf("(%s,%d,%s,%s,%s,%s)", key, j+1, literal(m.At), quote(m.By), quote(m.Text), clock))
		}
		segments = append(segments, fmt.Sprintf("(%s,%d,%d,%s,%s,%s,%t,%d)", key, h.Last, h.Rows, first, last,
			literal(h.SealedAt), h.Final, min(h.LostMarks, math.MaxInt64)))
	}
	var b strings.Builder
	insert := func(table, columns string, values []string) {
		if len(values) > 0 {
			fmt.Fprintf(&b, "INSERT INTO sniffer.%s (device_id,run_id,sequence,%s) VALUES %s;\n",
				table, columns, strings.Join(values, ","))
		}
	}
	insert("coverage", "interface,from_ts,to_ts,received,row_count,filter,snap_length,clock_state,clock_shift,"+lookColumns, coverage)
	insert("coverage_losses", "interface,reason,packets", losses)
	insert("marks", "number,ts,author,text,clock_state,clock_shift", marks)
	insert("segments", "last_sequence,row_count,first_ts,last_ts,sealed_at,final,lost_marks", segments)
	return b.String()
}

// lookColumns are the columns of coverage in which programs differ: old ones told pending and nothing else of these.
const lookColumns = "pending,pending_change,sample_rate,sample_by,capture_mode,user_filter," +
	"freezes,merged_frames,partial_checksums,link_received,link_sent,link_dropped"

func lookValues(c *spool.Coverage) string {
	if c.Old {
		return fmt.Sprintf("%d", c.Pending) + strings.Repeat(",NULL", strings.Count(lookColumns, ","))
	}
	link := "NULL,NULL,NULL"
	if c.Link.Known {
		link = fmt.Sprintf("%d,%d,%d", c.Link.Received, c.Link.Sent, c.Link.Dropped)
	}
	return fmt.Sprintf("NULL,%d,%d,%s,%s,%t,%d,%d,%d,%s", c.PendingChange, min(max(c.SampleRate, 1), math.MaxInt32),
		quoteOrNull(c.SampleBy), quoteOrNull(c.Mode), c.UserFilter, c.Freezes, c.Merged, c.Partial, link)
}

// shiftLiteral makes an interval of nanoseconds; the database keeps microseconds.
func shiftLiteral(ns int64) string {
	if ns == 0 {
		return "NULL"
	}
	return fmt.Sprintf("'%d microseconds'", ns/1e3)
}

func quoteOrNull(s string) string {
	if s == "" {
		return "NULL"
	}
	return quote(s)
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
// name, and a key that came twice would look like a segment that came twice. The last way of looking is the one told.
func mergeByName(all []spool.Coverage) []spool.Coverage {
	return mergeSame(all, func(a, b *spool.Coverage) bool { return text(a.Interface) == text(b.Interface) })
}

// mergeSame makes one entry of those that are the same, and leaves the given ones as they are.
func mergeSame(all []spool.Coverage, same func(a, b *spool.Coverage) bool) []spool.Coverage {
	merged := make([]spool.Coverage, 0, len(all))
next:
	for i := range all {
		for j := range merged {
			if same(&merged[j], &all[i]) {
				merged[j].Add(&all[i])
				continue next
			}
		}
		c := all[i]
		c.Losses = slices.Clone(c.Losses)
		merged = append(merged, c)
	}
	return merged
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
