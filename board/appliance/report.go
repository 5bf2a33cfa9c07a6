package appliance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"network-sniffer/board/console"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// Report is the books of a run.
type Report struct {
	Interfaces []spool.Coverage // received, rows and losses since the run began
	Spool      spool.Stats
	Uplink     *uplink.State // nil: no database was configured
	Lasted     time.Duration
}

func (a *Appliance) report() Report {
	r := Report{Interfaces: a.sealer.Books(), Spool: a.spool.Stats(), Lasted: time.Since(a.started)}
	if a.uploader != nil {
		s := a.uploader.State()
		r.Uplink = &s
	}
	return r
}

// Balance is what is missing in the books of an interface: 0 when they balance.
func Balance(c *spool.Coverage) int64 {
	b := int64(c.Received) - int64(c.Rows) - int64(c.Pending)
	for _, l := range c.Losses {
		b -= int64(l.Packets)
	}
	return b
}

// Append writes the report for people, a line each, ended by \n.
func (r Report) Append(b []byte) []byte {
	for i := range r.Interfaces {
		c := &r.Interfaces[i]
		b = fmt.Appendf(b, "%s: received %d = rows %d + losses %d", c.Interface, c.Received, c.Rows, lost(c))
		if c.Pending > 0 {
			b = fmt.Appendf(b, " + pending %d", c.Pending)
		}
		if len(c.Losses) > 0 {
			b = fmt.Appendf(b, " (%s)", losses(c))
		}
		if d := Balance(c); d != 0 {
			b = fmt.Appendf(b, " — THE BOOKS DO NOT BALANCE: %d", d)
		}
		b = append(b, '\n')
	}
	s := r.Spool
	b = fmt.Appendf(b, "spool: %d segments, %d of %d bytes", s.Segments, s.Bytes, s.Limit)
	if s.DroppedRows > 0 {
		b = fmt.Appendf(b, "; %d rows dropped because it was full (%s)", s.DroppedRows, spool.LossFull)
	}
	if s.Broken > 0 {
		b = fmt.Appendf(b, "; %d broken segments set aside with %d rows (%s)", s.Broken, s.BrokenRows, spool.LossBroken)
	}
	b = append(b, '\n')
	switch u := r.Uplink; {
	case u == nil:
		b = append(b, "database: none configured\n"...)
	default:
		b = fmt.Appendf(b, "database: %s; %d rows stored in %d segments and %d transactions\n",
			stateOf(*u), u.Rows, u.Segments, u.Transactions)
	}
	return b
}

func lost(c *spool.Coverage) (n uint64) {
	for _, l := range c.Losses {
		n += l.Packets
	}
	return n
}

func losses(c *spool.Coverage) string {
	all := slices.Clone(c.Losses)
	slices.SortFunc(all, func(a, b spool.Loss) int { return cmp.Compare(a.Reason, b.Reason) })
	var parts []string
	for _, l := range all {
		parts = append(parts, fmt.Sprintf("%s %d", l.Reason, l.Packets))
	}
	return strings.Join(parts, ", ")
}

func stateOf(s uplink.State) string {
	switch {
	case s.LastError != "":
		return "waiting since " + s.Since.UTC().Format(time.TimeOnly) + " UTC: " + s.LastError
	case s.Connected:
		return "connected since " + s.Since.UTC().Format(time.TimeOnly) + " UTC"
	}
	return "connecting"
}

// source tells the console.
type source struct{ a *Appliance }

// Info is for the greeting.
func (s source) Info() console.Info {
	i := console.Info{
		Device:     s.a.config.DeviceName,
		Interfaces: s.a.config.Interfaces,
		Filter:     s.a.config.Filter,
		Database:   "none: rows stay in the spool",
	}
	if s.a.uploader != nil {
		i.Database = stateOf(s.a.uploader.State())
	}
	for _, c := range s.a.captures {
		c.mu.Lock()
		missing := c.current == nil
		c.mu.Unlock()
		if missing {
			i.Notes = append(i.Notes, c.name+" is not there: nothing of it is recorded until it comes")
		}
	}
	return i
}

// Stats is for the command stats. The books are those of sealed segments, at most a second old.
func (s source) Stats(b []byte) []byte {
	r := s.a.report()
	b = fmt.Appendf(b, "running for %s\n", r.Lasted.Round(time.Second))
	return r.Append(b)
}
