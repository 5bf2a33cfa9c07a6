package appliance

import (
	"fmt"
	"net/netip"
	"slices"

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
	if a.push != nil {
		i.Notes = append(i.Notes, pushNote)
	}
	if a.uploader != nil {
		i.Database = stateOf(a.uploader.State())
	}
	return i
}

// Mark enters a text into the ledger.
func (s source) Mark(from netip.AddrPort, text string) error { return s.a.mark(from, text) }

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
