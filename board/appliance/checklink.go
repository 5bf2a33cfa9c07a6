package appliance

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/rawsock"
)

// LinkDetails are what `check --json` tells of an interface.
type LinkDetails struct {
	Name         string `json:"name"`
	Index        int    `json:"index"`
	Up           bool   `json:"up"`
	MTU          int    `json:"mtu"`
	LinkType     uint16 `json:"link_type"` // LINKTYPE_ number of what is decoded
	LinkTypeName string `json:"link_type_name"`
	Hardware     uint16 `json:"arphrd"` // ARPHRD_ number of the interface
	HardwareName string `json:"arphrd_name,omitempty"`
	Driver       string `json:"driver,omitempty"`
	Promiscuous  bool   `json:"promiscuous"` // by somebody else
	// Mode is ring or read, BufferBytes the ring or the receive buffer that the kernel granted to each worker,
	// Instructions the length of the filter.
	Mode         string `json:"capture_mode"`
	Workers      int    `json:"workers"`
	BufferBytes  int    `json:"buffer_bytes"`
	Instructions int    `json:"filter_instructions"`
	UserFilter   bool   `json:"user_filter"`
}

// OffloadDetails are what `check --json` tells of the ways in which an interface's frames differ from the wire.
type OffloadDetails struct {
	Name            string `json:"name"`
	GRO             bool   `json:"gro"`
	LRO             bool   `json:"lro"`
	GSO             bool   `json:"gso"`
	TSO             bool   `json:"tso"`
	ReceiveChecksum bool   `json:"rx_checksum"`
	SendChecksum    bool   `json:"tx_checksum"`
	ReceiveVLAN     bool   `json:"rx_vlan"`
}

// ClockDetails are what `check --json` tells of an interface's own time stamps.
type ClockDetails struct {
	Name    string `json:"name"`
	Offered bool   `json:"hardware_timestamps"`
	All     bool   `json:"stamps_every_frame"`
}

// checkInterface opens an interface as Run would, and closes it.
func (all *findings) checkInterface(name string, c config.Config, p plan) {
	info, err := rawsock.Inspect(name)
	if err != nil {
		all.note("interface", err, "", nil)
		return
	}
	p.socket.Promiscuous = false // nothing is changed here
	log := slog.New(slog.DiscardHandler)
	try := &capture{
		appliance: &Appliance{config: c, plan: p, log: log, own: newOwnTraffic(func() {}, log)},
		name:      name,
	}
	for range p.workers {
		try.workers = append(try.workers, &worker{})
	}
	group, err := try.open()
	if err != nil {
		all.note("interface", err, "", nil)
		return
	}
	program, err := try.program(info.Link)
	s := group[0]
	d := LinkDetails{
		Name: name, Index: info.Index, Up: info.Up, MTU: info.MTU, LinkType: uint16(info.Type), LinkTypeName: linkTypeNames[info.Type],
		Hardware: info.Hardware, HardwareName: info.HardwareName, Driver: info.Driver, Promiscuous: info.Promiscuous,
		Mode: s.Mode().String(), Workers: len(group), BufferBytes: s.Size(), Instructions: len(program), UserFilter: s.InUserSpace(),
	}
	notes := try.blind()
	stamped := s.HardwareTime()
	for _, s := range group {
		err = errors.Join(err, s.Close())
	}
	all.note("interface", err, strings.Join(append([]string{d.String()}, notes...), "; "), d)
	if name == rawsock.Any {
		all.checkEvery()
		return
	}
	all.checkOffloads(info)
	all.note("clock", nil, clockText(info, c.HardwareTime, stamped), ClockDetails{name, info.HardwareTime, info.HardwareTimeAll})
}

// checkEvery tells the offloads of each interface that a capture of all would see now.
func (all *findings) checkEvery() {
	interfaces, err := net.Interfaces()
	if err != nil {
		all.note("offloads", err, "", nil)
	}
	for _, i := range interfaces {
		if info, err := rawsock.Inspect(i.Name); err == nil {
			all.checkOffloads(info)
		}
	}
}

var linkTypeNames = map[rawsock.LinkType]string{
	rawsock.LinkEthernet: "Ethernet (EN10MB)",
	rawsock.LinkRaw:      "IP without a link header (RAW)",
	rawsock.LinkCooked:   "cooked frames (LINUX_SLL2)",
}

func (d LinkDetails) String() string {
	var b strings.Builder
	if d.Name == rawsock.Any {
		b.WriteString("any: every interface there is or will be")
	} else {
		state := "down: it will be recorded when it comes up"
		if d.Up {
			state = "up"
		}
		fmt.Fprintf(&b, "%s is %s; %s, ARPHRD %d, MTU %d", d.Name, state, d.HardwareName, d.Hardware, d.MTU)
	}
	fmt.Fprintf(&b, "; link type %d, %s", d.LinkType, d.LinkTypeName)
	if d.Driver != "" {
		fmt.Fprintf(&b, "; driver %s", d.Driver)
	}
	if d.Promiscuous {
		b.WriteString("; promiscuous already")
	}
	b.WriteString("; granted: ")
	if d.Workers > 1 {
		fmt.Fprintf(&b, "%d times ", d.Workers)
	}
	buffer := "ring"
	if d.Mode == rawsock.ModeRead.String() {
		buffer = "receive buffer"
	}
	fmt.Fprintf(&b, "a %s of %d KiB, a filter of %d instructions", buffer, d.BufferBytes>>10, d.Instructions)
	return b.String()
}

func (all *findings) checkOffloads(info rawsock.LinkInfo) {
	o := info.Offloads
	text := info.Name + ": " + o.String()
	if o.GRO || o.LRO || o.GSO || o.TSO {
		text += "; the host merges or cuts segments: such a frame is one row, with wire_segments"
	}
	if o.SendChecksum {
		text += "; checksums of frames on their way out are not made yet"
	}
	all.note("offloads", nil, text,
		OffloadDetails{info.Name, o.GRO, o.LRO, o.GSO, o.TSO, o.ReceiveChecksum, o.SendChecksum, o.ReceiveVLAN})
}

func clockText(info rawsock.LinkInfo, wanted, granted bool) string {
	switch {
	case granted:
		return info.Name + ": frames carry the network card's time"
	case wanted:
		return info.Name + ": frames carry the kernel's time, for the network card does not stamp every frame"
	case info.HardwareTimeAll:
		return info.Name + ": frames carry the kernel's time; the network card stamps every frame too: --" +
			config.HardwareTimestamps.Name
	case info.HardwareTime:
		return info.Name + ": frames carry the kernel's time; the network card could stamp them, and is not set to stamp every frame"
	}
	return info.Name + ": frames carry the kernel's time; the network card stamps none"
}

func (all *findings) checkKernel(b board.Board) {
	k := b.Kernel()
	jit := "it does not tell here whether the BPF JIT is on"
	switch {
	case k.JIT == nil:
	case *k.JIT == 0:
		jit = "the BPF JIT is off: filters cost several times as much (sysctl net.core.bpf_jit_enable=1)"
	default:
		jit = "the BPF JIT is on"
	}
	text := fmt.Sprintf("Linux %s; %s", k.Release, jit)
	if k.OptMem > 0 {
		text += fmt.Sprintf("; a filter may take %d bytes (net.core.optmem_max)", k.OptMem)
	}
	all.note("kernel", nil, text, k)

	c, known := b.Capabilities()
	if !known {
		all.note("rights", nil, "the capabilities of this process are not told here", nil)
		return
	}
	var err error
	if !c.NetRaw {
		err = errors.New("CAP_NET_RAW is missing: run it as root, or give it to the binary with setcap cap_net_raw+ep")
	}
	text = "CAP_NET_RAW"
	if c.NetAdmin {
		text += ", CAP_NET_ADMIN"
	}
	if c.Others > 0 {
		text += fmt.Sprintf("; %d more that are not needed", c.Others)
	}
	all.note("rights", err, text, c)
}
