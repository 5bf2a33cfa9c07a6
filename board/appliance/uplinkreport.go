package appliance

import (
	"cmp"
	"fmt"
	"math"
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
	if s.LostMarks > 0 {
		b = fmt.Appendf(b, "; %d marks lost because it was full", s.LostMarks)
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

// uplinkAnswer is for the command uplink.
type uplinkAnswer struct {
	State     string     `json:"state"` // connecting, connected, waiting, or none: no database is configured
	Since     *time.Time `json:"since,omitempty"`
	LastError string     `json:"last_error,omitempty"`
	backlogFigures
	Rows          uint64 `json:"row_count"` // stored since the start
	Segments      uint64 `json:"segments"`
	Transactions  uint64 `json:"transactions"`
	KnownSegments uint64 `json:"known_segments"` // that the database had already
	KnownRows     uint64 `json:"known_row_count"`
	lineFigures
	Clock string `json:"clock_state,omitempty"`

	report  Report
	limit   rate
	waiting waiting
	now     time.Time
}

// backlogFigures are what waits for the database.
type backlogFigures struct {
	Segments int      `json:"backlog_segments"`
	Rows     *uint64  `json:"backlog_row_count,omitempty"` // absent: not known
	Oldest   *float64 `json:"backlog_oldest_seconds,omitempty"`
}

// lineFigures are what the upload takes of the line.
type lineFigures struct {
	Sent           uint64  `json:"sent_bytes"`
	Copied         uint64  `json:"copied_bytes"`
	BytesPerRow    float64 `json:"bytes_per_row,omitempty"` // of copied_bytes
	Format         string  `json:"format"`
	BytesPerSecond float64 `json:"bytes_per_second"`
	Limit          int64   `json:"rate_bytes_per_second"` // 0: unlimited
	Reason         string  `json:"rate_reason"`
	HeldBack       float64 `json:"held_back_seconds"`
}

func (a *Appliance) uplinkAnswer() answer {
	w := a.backlogNow()
	return uplinkAnswerOf(a.reportAt(w), a.rate, w, time.Now())
}

func uplinkAnswerOf(r Report, limit rate, w waiting, now time.Time) uplinkAnswer {
	u := uplinkAnswer{State: "none", Clock: r.Clock.State.String(), report: r, limit: limit, waiting: w, now: now}
	u.backlogFigures = w.figures(r.Spool, now)
	s := r.Uplink
	if s == nil {
		return u
	}
	u.State, u.Since, u.LastError = stateWord(*s), &s.Since, s.LastError
	if u.State == stateConnecting {
		u.Since = nil
	}
	u.Rows, u.Segments, u.Transactions, u.KnownSegments, u.KnownRows = s.Rows, s.Segments, s.Transactions, s.Known, s.KnownRows
	u.lineFigures = lineFigures{
		Sent: s.Bytes, Copied: s.Copied, Format: s.Format.String(), BytesPerSecond: math.Round(r.BytesPerSecond),
		Limit: limit.limit, Reason: limit.why, HeldBack: s.Waited.Seconds(),
	}
	if s.Rows > 0 {
		u.BytesPerRow = math.Round(10*float64(s.Copied)/float64(s.Rows)) / 10
	}
	return u
}

func (u uplinkAnswer) appendText(b []byte, _ int) []byte {
	s := u.report.Uplink
	if s == nil {
		return append(b, "no database is configured: rows stay in the spool; name one with --database-url\n"...)
	}
	b = fmt.Appendf(b, "state: %s\n", stateOf(*s))
	b = fmt.Appendf(b, "backlog: %d segments, %s\n", u.backlogFigures.Segments, u.waiting.text(u.now))
	b = fmt.Appendf(b, "stored: %d rows, %d segments, %d transactions; %d segments were there already\n",
		s.Rows, s.Segments, s.Transactions, s.Known)
	b = fmt.Appendf(b, "sent: %d bytes; %s\n", s.Bytes, strings.Join(u.report.cost(), "; "))
	b = fmt.Appendf(b, "rate: %s\n", u.limit)
	return fmt.Appendf(b, "clock: %s\n", clockState(u.report.Clock))
}

func (w waiting) figures(s spool.Stats, now time.Time) backlogFigures {
	f := backlogFigures{Segments: s.Segments}
	if w.err != nil {
		return f
	}
	f.Rows = &w.rows
	if w.oldest != 0 {
		age := w.age(now).Seconds()
		f.Oldest = &age
	}
	return f
}

// spoolAnswer is for the command spool.
type spoolAnswer struct {
	Dir string `json:"directory"`
	backlogFigures
	tierFigures
	Bundles        int               `json:"bundles"`
	Sealed         uint64            `json:"sealed_segments"` // since the start
	Sent           uint64            `json:"sent_segments"`
	Losses         map[string]uint64 `json:"losses"` // rows by reason
	LostMarks      uint64            `json:"lost_marks"`
	BrokenSegments uint64            `json:"broken_segments"`
	Overflow       *overflowFigures  `json:"overflow,omitempty"`

	report  Report
	waiting waiting
	now     time.Time
}

// tierFigures are those of one tier.
type tierFigures struct {
	Segments int   `json:"segments"`
	Bytes    int64 `json:"bytes"`
	Limit    int64 `json:"limit_bytes"`
}

func firstTier(s spool.Stats) tierFigures {
	return tierFigures{s.Segments - s.Overflow.Segments, s.Bytes, s.Limit}
}

type overflowFigures struct {
	Dir string `json:"directory"`
	tierFigures
	Today int64  `json:"today_bytes"`
	Daily int64  `json:"daily_limit_bytes"` // 0: unlimited
	Error string `json:"error,omitempty"`
}

func (a *Appliance) spoolAnswer() answer {
	w := a.backlogNow()
	return spoolAnswerOf(a.spool.Dir(), a.reportAt(w), w, time.Now())
}

func spoolAnswerOf(dir string, r Report, w waiting, now time.Time) spoolAnswer {
	s := r.Spool
	f := spoolAnswer{
		Dir: dir, backlogFigures: w.figures(s, now), Bundles: s.Bundles, Sealed: s.Sealed, Sent: s.Sent,
		tierFigures:    firstTier(s),
		Losses:         r.spoolLosses(),
		LostMarks:      s.LostMarks,
		BrokenSegments: s.Broken,
		report:         r, waiting: w, now: now,
	}
	if o := s.Overflow; o.Dir != "" {
		f.Overflow = &overflowFigures{o.Dir, tierFigures{o.Segments, o.Bytes, o.Limit}, o.Today, o.Daily, o.Err}
	}
	return f
}

func (f spoolAnswer) appendText(b []byte, _ int) []byte {
	b = fmt.Appendf(b, "directory: %s\n", f.Dir)
	b = f.report.appendSpool(b)
	b = fmt.Appendf(b, "waiting: %d segments, %s; %d files hold many segments each\n", f.backlogFigures.Segments,
		f.waiting.text(f.now), f.Bundles)
	return fmt.Appendf(b, "since the start: %d segments sealed, %d sent\n", f.Sealed, f.Sent)
}

// spoolLosses are rows that the spool gave up since it was opened, by reason.
func (r Report) spoolLosses() map[string]uint64 {
	return map[string]uint64{
		spool.LossFull: r.Spool.DroppedRows, spool.LossDiscarded: r.Spool.Discarded, spool.LossBroken: r.Spool.BrokenRows,
	}
}
