package main

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"slices"

	"network-sniffer/decode"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// errEnough ends a dump that has printed as many rows as were asked for.
var errEnough = errors.New("enough")

// dump prints the rows that wait, and in the format for people the marks among them. Nothing is changed; what the daemon sends meanwhile is left out, and said.
func (c *spoolCall) dump() error {
	if c.json {
		c.format = "json"
	}
	print, err := printerFor(c.format)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(c.out, 64<<10)
	d := dumping{out: out, print: print, marks: c.format == "text", left: c.rows, names: c.arguments, found: make([]bool, len(c.arguments))}
	if c.rows == 0 {
		d.left = math.MaxUint64
	}
	err = c.walk(d.segment)
	if errors.Is(err, errEnough) {
		err = nil
	} else if n := slices.Index(d.found, false); err == nil && n >= 0 {
		err = fmt.Errorf("no segment %q waits here; `sniffer spool list` shows what does", d.names[n])
	}
	if err == nil && d.broken == 0 {
		d.begin()
	}
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if d.gone > 0 {
		fmt.Fprintf(c.errs, "%d segments went to the database meanwhile\n", d.gone)
	}
	if d.broken > 0 {
		fmt.Fprintf(c.errs, "%d segments cannot be read; `sniffer spool verify` says why\n", d.broken)
		return errSilent
	}
	return nil
}

// dumping is where a dump stands.
type dumping struct {
	out          *bufio.Writer
	print        printer
	marks        bool     // are printed
	names        []string // of the segments that were asked for; none: all
	found        []bool   // of these
	begun        bool     // the first line is written
	left         uint64   // rows that may still be printed
	gone, broken int
	line         []byte
}

// begin writes the headings of a format that has some. Nothing is written for a mistake.
func (d *dumping) begin() {
	if !d.begun {
		d.begun = true
		d.out.Write(d.print(nil, nil, "", ""))
	}
}

// wanted tells whether a segment was asked for.
func (d *dumping) wanted(i spool.Info) bool {
	wanted := len(d.names) == 0
	for n, name := range d.names {
		if isNamed(i, name) {
			d.found[n], wanted = true, true
		}
	}
	return wanted
}

func (d *dumping) segment(i spool.Info) error {
	if !d.wanted(i) {
		return nil
	}
	if d.left == 0 {
		return errEnough
	}
	h, body, err := spool.Read(spool.Disk{}, i)
	switch {
	case sentMeanwhile(err):
		d.gone++
		return nil
	case err != nil:
		d.broken++
		return nil
	}
	if d.marks {
		for _, m := range marksOf(&h) {
			fmt.Fprintln(d.out, m)
		}
	}
	device := uplink.FormatUUID(h.Device)
	return uplink.Rows(&h, body, func(p *decode.Packet, iface string) error {
		if d.left == 0 {
			return errEnough
		}
		d.left--
		d.begin()
		d.line = d.print(d.line[:0], p, device, iface)
		_, err := d.out.Write(d.line)
		return err
	})
}
