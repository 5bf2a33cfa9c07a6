package appliance

import (
	"fmt"
	"slices"
	"time"

	"network-sniffer/board/console"
	"network-sniffer/uplink"
)

// source tells the console.
type source struct{ a *Appliance }

// Info is for the greeting.
func (s source) Info() console.Info {
	a := s.a
	i := console.Info{
		Device:     a.config.DeviceName,
		Interfaces: append(slices.Clone(a.config.Interfaces), a.names.met(len(a.config.Interfaces))...),
		Filter:     a.config.Filter,
		Database:   "none: rows stay in the spool",
		Notes:      append(a.blind(), clockNotes(uplink.ReadClock())...),
	}
	if a.uploader != nil {
		i.Database = stateOf(a.uploader.State())
	}
	return i
}

// Stats is for the command stats. The books are those of sealed segments, at most a second old.
func (s source) Stats(b []byte) []byte {
	r := s.a.report()
	b = fmt.Appendf(b, "running for %s\n", r.Lasted.Round(time.Second))
	if filter := s.a.config.Filter; filter != "" {
		b = fmt.Appendf(b, "filter: %s\n", filter)
	}
	for _, note := range s.a.blind() {
		b = fmt.Appendf(b, "note: %s\n", note)
	}
	return r.Append(b)
}

// blind says what is not seen now and why, a line each.
func (a *Appliance) blind() []string {
	notes := a.plan.blind()
	for _, c := range a.captures {
		notes = append(notes, c.blind()...)
	}
	return notes
}

// blind says what the options keep away, a line each.
func (p *plan) blind() (notes []string) {
	if p.sampled() {
		notes = append(notes, fmt.Sprintf("1 of %d %ss is kept: what is recorded stands for %d times as much",
			p.sampling.Rate, p.sampleBy(), p.sampling.Rate))
	}
	if !p.widens() {
		notes = append(notes, fmt.Sprintf("only the first %d bytes of a frame are looked at", p.short))
	}
	return notes
}
