package appliance

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"network-sniffer/uplink/spool"
)

// clockStates say what the time stamps of the rows are worth.
var clockStates = map[spool.ClockState]string{
	spool.ClockUnset:  "not set: times of rows are corrected when it is",
	spool.ClockFree:   "set, but nothing keeps it right",
	spool.ClockSynced: "set and kept right (NTP)",
}

func clockState(c spool.Clock) string {
	return cmp.Or(clockStates[c.State], "unknown")
}

// clockNotes say when times cannot be believed yet.
func clockNotes(c spool.Clock) []string {
	if c.State != spool.ClockUnset {
		return nil
	}
	return []string{"the clock is " + clockState(c)}
}

// appendSpool writes a line for each tier, and what was given up.
func (r Report) appendSpool(b []byte) []byte {
	s := r.Spool
	b = fmt.Appendf(b, "spool: %d segments, %d of %d bytes", s.Segments-s.Overflow.Segments, s.Bytes, s.Limit)
	if s.DroppedRows > 0 {
		b = fmt.Appendf(b, "; %d rows dropped because it was full (%s)", s.DroppedRows, spool.LossFull)
	}
	if s.Discarded > 0 {
		b = fmt.Appendf(b, "; %d rows dropped by hand (%s)", s.Discarded, spool.LossDiscarded)
	}
	if s.Broken > 0 {
		b = fmt.Appendf(b, "; %d broken segments set aside with %d rows (%s)", s.Broken, s.BrokenRows, spool.LossBroken)
	}
	b = append(b, '\n')
	if o := s.Overflow; o.Dir != "" {
		b = fmt.Appendf(b, "overflow: %s: %d segments, %d of %d bytes; written today %d",
			o.Dir, o.Segments, o.Bytes, o.Limit, o.Today)
		if o.Daily > 0 {
			b = fmt.Appendf(b, " of %d bytes", o.Daily)
		} else {
			b = append(b, " bytes"...)
		}
		if o.Err != "" {
			b = fmt.Appendf(b, "; nothing is written there: %s", o.Err)
		}
		b = append(b, '\n')
	}
	return b
}

// appendDatabase writes where the upload stands and what it costs.
func (r Report) appendDatabase(b []byte) []byte {
	u := r.Uplink
	if u == nil {
		return append(b, "database: none configured\n"...)
	}
	b = fmt.Appendf(b, "database: %s; %d rows stored in %d segments and %d transactions\n",
		stateOf(*u), u.Rows, u.Segments, u.Transactions)
	return fmt.Appendf(b, "  %s\n", strings.Join(r.cost(), "; "))
}

// cost is what the upload takes of the line.
func (r Report) cost() []string {
	u := r.Uplink
	wire := "no row was sent yet"
	if u.Rows > 0 {
		wire = fmt.Sprintf("%.1f bytes a row on the wire, as %s", float64(u.Copied)/float64(u.Rows), u.Format)
	}
	share := fmt.Sprintf("%.0f bytes/s in the last minute, of a line without a limit", r.BytesPerSecond)
	if u.Rate > 0 {
		share = fmt.Sprintf("%.0f bytes/s in the last minute, %.1f %% of the %d allowed", r.BytesPerSecond,
			100*r.BytesPerSecond/float64(u.Rate), u.Rate)
	}
	all := []string{wire, share}
	if u.Waited >= time.Millisecond {
		all = append(all, fmt.Sprintf("held back for %s in all", u.Waited.Round(time.Millisecond)))
	}
	return all
}

// Uplink is for the command uplink.
func (s source) Uplink(b []byte) []byte {
	r := s.a.report()
	u := r.Uplink
	if u == nil {
		return append(b, "no database is configured: rows stay in the spool; name one with --database-url\n"...)
	}
	return r.appendUplink(b, s.a.rate, s.a.waiting(r.Spool, time.Now()))
}

func (r Report) appendUplink(b []byte, limit rate, waiting string) []byte {
	u := r.Uplink
	b = fmt.Appendf(b, "state: %s\n", stateOf(*u))
	b = fmt.Appendf(b, "backlog: %s\n", waiting)
	b = fmt.Appendf(b, "stored: %d rows, %d segments, %d transactions; %d segments were there already\n",
		u.Rows, u.Segments, u.Transactions, u.Known)
	b = fmt.Appendf(b, "sent: %d bytes; %s\n", u.Bytes, strings.Join(r.cost(), "; "))
	b = fmt.Appendf(b, "rate: %s\n", limit)
	return fmt.Appendf(b, "clock: %s\n", clockState(r.Clock))
}

// waiting says what the backlog is, in segments and rows.
func (a *Appliance) waiting(s spool.Stats, now time.Time) string {
	dirs := []string{a.spool.Dir()}
	if s.Overflow.Dir != "" && s.Overflow.Segments > 0 {
		dirs = append(dirs, s.Overflow.Dir)
	}
	return fmt.Sprintf("%d segments, %s", s.Segments, a.backlog.text(now, dirs...))
}

// Spool is for the command spool.
func (s source) Spool(b []byte) []byte {
	r := s.a.report()
	b = fmt.Appendf(b, "directory: %s\n", s.a.spool.Dir())
	b = r.appendSpool(b)
	b = fmt.Appendf(b, "waiting: %s; %d files hold many segments each\n", s.a.waiting(r.Spool, time.Now()), r.Spool.Bundles)
	return fmt.Appendf(b, "since the start: %d segments sealed, %d sent\n", r.Spool.Sealed, r.Spool.Sent)
}
