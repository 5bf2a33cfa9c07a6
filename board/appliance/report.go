package appliance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"network-sniffer/rawsock"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// Report is the books of a run.
type Report struct {
	Interfaces []spool.Coverage // received, rows and losses since the run began
	Spool      spool.Stats
	Uplink     *uplink.State // nil: no database was configured
	Clock      spool.Clock
	Lasted     time.Duration
	// BytesPerSecond went to the database connection in the last minute.
	BytesPerSecond float64
}

func (a *Appliance) report() Report {
	r := Report{Interfaces: a.sealer.Books(), Spool: a.spool.Stats(), Clock: uplink.ReadClock(), Lasted: time.Since(a.started)}
	if a.uploader != nil {
		s := a.uploader.State()
		r.Uplink = &s
		r.BytesPerSecond = a.sent.perSecond(time.Now(), s.Bytes)
	}
	return r
}

// Balance is what is missing in the books of an interface: 0 when they balance.
func Balance(c *spool.Coverage) int64 {
	return int64(c.Received) - int64(c.Rows) - int64(lost(c)) - c.PendingChange
}

// Append writes the report for people, ended by \n: for each interface its books and, indented, what else is known.
func (r Report) Append(b []byte) []byte {
	for i := range r.Interfaces {
		b = appendCircumstances(appendBooks(b, &r.Interfaces[i]), &r.Interfaces[i])
	}
	return r.appendRest(b)
}

// appendBooks writes one line: what was received is what became rows, what was lost and what is still in the ring.
func appendBooks(b []byte, c *spool.Coverage) []byte {
	b = fmt.Appendf(b, "%s: received %d = rows %d + losses %d", c.Interface, c.Received, c.Rows, lost(c))
	if c.PendingChange != 0 {
		b = fmt.Appendf(b, " + pending %d", c.PendingChange)
	}
	if len(c.Losses) > 0 {
		b = fmt.Appendf(b, " (%s)", losses(c))
	}
	if d := Balance(c); d != 0 {
		b = fmt.Appendf(b, " — THE BOOKS DO NOT BALANCE: %d", d)
	}
	return append(b, '\n')
}

// appendCircumstances writes what that line is to be read with.
func appendCircumstances(b []byte, c *spool.Coverage) []byte {
	if more := circumstances(c); len(more) > 0 {
		b = append(append(append(b, "  "...), strings.Join(more, "; ")...), '\n')
	}
	return b
}

// appendRest writes where the rows went, and a word on the clock when it is not kept right.
func (r Report) appendRest(b []byte) []byte {
	b = r.appendDatabase(r.appendSpool(b))
	if s := r.Clock.State; s == spool.ClockUnset || s == spool.ClockFree {
		b = fmt.Appendf(b, "clock: %s\n", clockState(r.Clock))
	}
	return b
}

// rows are those of the run.
func (r Report) rows() (n uint64) {
	for i := range r.Interfaces {
		n += r.Interfaces[i].Rows
	}
	return n
}

// lostInSpool are rows that were sealed and never stored.
func (r Report) lostInSpool() uint64 {
	return r.Spool.DroppedRows + r.Spool.Discarded + r.Spool.BrokenRows
}

// stored are rows that the database has, those that it turned out to have already included.
func (r Report) stored() uint64 {
	if r.Uplink == nil {
		return 0
	}
	return r.Uplink.Rows + r.Uplink.KnownRows
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

// circumstances are what the numbers of an interface are to be read with.
func circumstances(c *spool.Coverage) (all []string) {
	say := func(when bool, format string, args ...any) {
		if when {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	say(c.SampleRate > 1, "1 of %d %ss is kept", c.SampleRate, c.SampleBy)
	say(c.Mode == rawsock.ModeRead.String(), "read without a ring")
	say(c.Mode == uplink.ModePush, "sent by clients of the console, not captured")
	say(c.UserFilter, "filtered in user space")
	say(c.Freezes > 0, "the ring was full %d times", c.Freezes)
	say(c.Merged > 0, "%d merged from several by the host", c.Merged)
	say(c.Partial > 0, "%d with a checksum that is still to be made", c.Partial)
	say(c.Link.Known, "the interface itself counted %d in, %d out, %d dropped", c.Link.Received, c.Link.Sent, c.Link.Dropped)
	return all
}

// The states of the upload, in a word.
const (
	stateConnecting = "connecting"
	stateConnected  = "connected"
	stateWaiting    = "waiting"
)

func stateWord(s uplink.State) string {
	switch {
	case s.LastError != "":
		return stateWaiting
	case s.Connected:
		return stateConnected
	}
	return stateConnecting
}

func stateOf(s uplink.State) string {
	since := " since " + s.Since.UTC().Format(time.TimeOnly) + " UTC"
	switch word := stateWord(s); word {
	case stateWaiting:
		return word + since + ": " + oneLine(s.LastError)
	case stateConnected:
		return word + since
	default:
		return word
	}
}

// oneLine takes line ends and what else moves a terminal's cursor out of a text that a server may have written.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
