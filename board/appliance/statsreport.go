package appliance

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"network-sniffer/uplink/spool"
)

// statsAnswer is for the command stats. The books are those of sealed segments, at most a second old.
type statsAnswer struct {
	Running    float64           `json:"running_seconds"`
	Filter     string            `json:"filter"`
	Notes      []string          `json:"notes"` // what is not seen, and why
	Interfaces []statsInterface  `json:"interfaces"`
	Spool      tierFigures       `json:"spool"` // its first tier
	Losses     map[string]uint64 `json:"spool_losses"`
	Uplink     string            `json:"uplink"` // the state in a word
	Clock      string            `json:"clock_state,omitempty"`

	report Report
}

// statsInterface is a way of looking at an interface, and how much comes there now.
type statsInterface struct {
	figures
	// Rates are those of what is captured now: absent of earlier ways of looking, and of an interface that was met by
	// the capture of all.
	*rates

	books *spool.Coverage // nil: nothing was sealed yet
}

func (a *Appliance) stats() answer {
	return statsOf(a.report(), a.config.Filter, a.blind(), a.rates())
}

// namedRates are the rates of a capture.
type namedRates struct {
	name string
	rates
}

func (a *Appliance) rates() []namedRates {
	all := make([]namedRates, len(a.captures))
	for i, c := range a.captures {
		all[i] = namedRates{c.name, c.pace.rates()}
	}
	return all
}

func statsOf(r Report, filter string, notes []string, now []namedRates) statsAnswer {
	s := statsAnswer{
		Running: math.Floor(r.Lasted.Seconds()), Filter: filter, Notes: notes, Losses: r.spoolLosses(),
		Spool: firstTier(r.Spool), Uplink: "none", Clock: r.Clock.State.String(), report: r,
	}
	if s.Notes == nil {
		s.Notes = []string{}
	}
	s.Interfaces = make([]statsInterface, 0, len(r.Interfaces)+len(now))
	if r.Uplink != nil {
		s.Uplink = stateWord(*r.Uplink)
	}
	last := map[string]int{} // the newest way of looking at an interface is its last entry
	for i := range r.Interfaces {
		last[r.Interfaces[i].Interface] = i
		s.Interfaces = append(s.Interfaces, statsInterface{figures: figuresOf(&r.Interfaces[i]), books: &r.Interfaces[i]})
	}
	for i := range now {
		at, known := last[now[i].name]
		if !known {
			at = len(s.Interfaces)
			s.Interfaces = append(s.Interfaces, statsInterface{
				figures: figures{Interface: now[i].name, Filter: filter, Losses: map[string]uint64{}, SampleRate: 1},
			})
		}
		s.Interfaces[at].rates = &now[i].rates
	}
	return s
}

func (s statsAnswer) appendText(b []byte, width int) []byte {
	b = fmt.Appendf(b, "running for %s\n", s.report.Lasted.Round(time.Second))
	if s.Filter != "" {
		b = fmt.Appendf(b, "filter: %s\n", s.Filter)
	}
	for _, note := range s.Notes {
		b = fmt.Appendf(b, "note: %s\n", note)
	}
	for i := range s.Interfaces {
		f := &s.Interfaces[i]
		if f.books != nil {
			b = appendBooks(b, f.books)
		} else {
			b = fmt.Appendf(b, "%s: nothing received yet\n", f.Interface)
		}
		if f.rates != nil {
			b = f.rates.appendText(b, width)
		}
		if f.books != nil {
			b = appendCircumstances(b, f.books)
		}
	}
	return s.report.appendRest(b)
}

// appendText writes two lines: the rates of now, of the minute and of its highest second, and the minute as a curve.
func (r *rates) appendText(b []byte, width int) []byte {
	if len(r.History) == 0 {
		return b
	}
	b = fmt.Appendf(b, "  %s packets/s; %s in the last minute, %s at most\n",
		perSecond(r.Now), perSecond(r.Minute), perSecond(r.Most))
	const indent = 2
	cells := paceSamples
	if width > 0 {
		cells = min(cells, max(1, width-indent))
	}
	return fmt.Appendf(b, "  %s\n", sparkline(r.History, cells))
}

// perSecond writes a rate as it is in JSON.
func perSecond(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
