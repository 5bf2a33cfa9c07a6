package appliance

import (
	"errors"
	"fmt"

	"network-sniffer/rawsock"
	"network-sniffer/uplink/spool"
)

// interfacesAnswer is for the command interfaces.
type interfacesAnswer struct {
	Interfaces []interfaceFigures `json:"interfaces"`
}

// interfaceFigures are how an interface is looked at.
type interfaceFigures struct {
	Interface string `json:"interface"`
	State     string `json:"state"`            // up, down, missing
	Recorded  bool   `json:"recorded"`         // by a socket of its own
	Within    string `json:"within,omitempty"` // recorded as a part of that one
	*linkAndSocket
	SnapLength     uint32   `json:"snap_length"`
	NameSnapLength uint32   `json:"name_snap_length"` // of a frame that carries names
	Filter         string   `json:"filter"`
	Notes          []string `json:"notes"` // what is not seen there, and why

	*rates // absent of a part of another one

	// Since the start, all ways of looking together.
	Received      uint64            `json:"received"`
	Rows          uint64            `json:"row_count"`
	Losses        map[string]uint64 `json:"losses"`
	PendingChange int64             `json:"pending_change"`
	linkFigures

	books spool.Coverage
}

// linkAndSocket is known while the interface is recorded.
type linkAndSocket struct {
	Index        int    `json:"index"`
	MTU          int    `json:"mtu"`
	LinkType     uint16 `json:"link_type"` // LINKTYPE_ number
	LinkTypeName string `json:"link_type_name"`
	Mode         string `json:"capture_mode"`
	Workers      int    `json:"workers"`
	BufferBytes  int    `json:"buffer_bytes"` // of each worker
	FilterPlace  string `json:"filter_place"` // kernel, locked (in the kernel for good), process
	HardwareTime bool   `json:"hardware_timestamps"`
}

// The places of a filter.
const (
	placeKernel  = "kernel"
	placeLocked  = "locked"
	placeProcess = "process"
)

var placeWords = map[string]string{
	placeKernel: "in the kernel", placeLocked: "in the kernel, locked", placeProcess: "in this process",
}

func (a *Appliance) interfaces() answer { return a.interfacesOf(a.report().Interfaces) }

func (a *Appliance) interfacesOf(books []spool.Coverage) interfacesAnswer {
	all := interfacesAnswer{Interfaces: []interfaceFigures{}}
	told := map[string]bool{}
	for _, c := range a.captures {
		f := c.figures()
		f.addBooks(books)
		told[c.name] = true
		all.Interfaces = append(all.Interfaces, f)
	}
	if !told[rawsock.Any] {
		return all
	}
	// What that capture met, each once; what clients pushed is no interface.
	for i := range books {
		if c := &books[i]; !told[c.Interface] && (c.Mode == rawsock.ModeRing.String() || c.Mode == rawsock.ModeRead.String()) {
			f := interfaceFigures{
				Interface: c.Interface, State: linkState(c.Interface), Within: rawsock.Any, SnapLength: a.plan.short,
				NameSnapLength: a.plan.long, Filter: a.config.Filter, Notes: []string{},
			}
			f.addBooks(books)
			told[c.Interface] = true
			all.Interfaces = append(all.Interfaces, f)
		}
	}
	return all
}

// linkState is what an interface is now, in a word.
func linkState(name string) string {
	link, err := rawsock.Lookup(name)
	switch {
	case errors.Is(err, rawsock.ErrNoInterface):
		return "missing"
	case err != nil:
		return "unknown: " + err.Error()
	case link.Up:
		return "up"
	}
	return "down"
}

// figures are what the capture knows of its interface now.
func (c *capture) figures() interfaceFigures {
	plan := &c.appliance.plan
	f := interfaceFigures{
		Interface: c.name, State: linkState(c.name), SnapLength: plan.short, NameSnapLength: plan.long,
		Filter: c.appliance.config.Filter, rates: new(rates),
	}
	*f.rates = c.pace.rates()
	c.mu.Lock()
	defer c.mu.Unlock()
	f.Notes = c.notes()
	if f.Notes == nil {
		f.Notes = []string{}
	}
	if len(c.current) == 0 {
		return f
	}
	s := c.current[0]
	was := s.Link()
	f.Recorded = true
	f.linkAndSocket = &linkAndSocket{
		Index: was.Index, MTU: was.MTU, LinkType: uint16(was.Type), LinkTypeName: linkTypeNames[was.Type],
		Mode: s.Mode().String(), Workers: len(c.current), BufferBytes: s.Size(), FilterPlace: placeKernel,
		HardwareTime: s.HardwareTime(),
	}
	switch {
	case s.InUserSpace():
		f.FilterPlace = placeProcess
	case c.appliance.fixed:
		f.FilterPlace = placeLocked
	}
	return f
}

// addBooks adds up the books of the interface, all ways of looking at it together.
func (f *interfaceFigures) addBooks(books []spool.Coverage) {
	var all spool.Coverage
	for i := range books {
		if books[i].Interface == f.Interface {
			all.Add(&books[i])
		}
	}
	sum := figuresOf(&all)
	f.Received, f.Rows, f.Losses, f.PendingChange = sum.Received, sum.Rows, sum.Losses, sum.PendingChange
	f.linkFigures = sum.linkFigures
	all.Interface = "  since the start"
	f.books = all
}

func (a interfacesAnswer) appendText(b []byte, width int) []byte {
	for i := range a.Interfaces {
		b = a.Interfaces[i].appendText(b, width)
	}
	return b
}

func (f *interfaceFigures) appendText(b []byte, width int) []byte {
	b = fmt.Appendf(b, "%s: %s", f.Interface, oneLine(f.State))
	if l := f.linkAndSocket; l != nil {
		if l.Index > 0 { // it is not all of them
			b = fmt.Appendf(b, ", index %d, MTU %d", l.Index, l.MTU)
		}
		b = fmt.Appendf(b, "; link type %d, %s\n  ", l.LinkType, l.LinkTypeName)
		if l.Workers > 1 {
			b = fmt.Appendf(b, "%d times ", l.Workers)
		}
		buffer := "ring"
		if l.Mode == rawsock.ModeRead.String() {
			buffer = "receive buffer"
		}
		b = fmt.Appendf(b, "a %s of %d KiB; filter %s; %s", buffer, l.BufferBytes>>10, placeWords[l.FilterPlace], f.snap())
		if l.HardwareTime {
			b = append(b, "; the network card's time"...)
		}
	} else if f.Within != "" {
		b = fmt.Appendf(b, "; recorded as a part of %s", f.Within)
	} else {
		b = append(b, "; not recorded now"...)
	}
	b = append(b, '\n')
	for _, note := range f.Notes {
		b = fmt.Appendf(b, "  note: %s\n", note)
	}
	if f.rates != nil {
		b = f.rates.appendText(b, width)
	}
	b = appendBooks(b, &f.books)
	if f.linkFigures.Received != nil {
		b = fmt.Appendf(b, "  the interface itself counted %d in, %d out, %d dropped\n",
			*f.linkFigures.Received, *f.linkFigures.Sent, *f.linkFigures.Dropped)
	}
	return b
}

// snap says how much of a frame is captured.
func (f *interfaceFigures) snap() string {
	text := fmt.Sprintf("%d bytes of a frame", f.SnapLength)
	if f.NameSnapLength > f.SnapLength {
		text += fmt.Sprintf(", %d where a name may be", f.NameSnapLength)
	}
	return text
}
