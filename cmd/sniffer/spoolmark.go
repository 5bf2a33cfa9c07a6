package main

import (
	"fmt"

	"network-sniffer/uplink/spool"
)

// markLine is one mark of a segment in the output of list with --json.
type markLine struct {
	Time   string `json:"ts"`
	Author string `json:"author"`
	Text   string `json:"text"`
}

// String is the line for people. A spool's directory may hold anything: what is not printable is shown as Go writes it.
func (m markLine) String() string { return fmt.Sprintf("mark %s by %q: %q", m.Time, m.Author, m.Text) }

func marksOf(h *spool.Header) (lines []markLine) {
	for _, m := range h.Marks {
		lines = append(lines, markLine{stamp(m.At), m.By, m.Text})
	}
	return lines
}
