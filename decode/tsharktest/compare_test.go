package tsharktest

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"network-sniffer/decode"
)

// tally is what comparing came to.
type tally struct {
	packets   int
	compared  map[string]int // column to how often both had the same value
	explained map[string]int // column to how often one had none, and decode_error says why
	meant     map[string]int // difference of the table to how often it was met
}

func newTally() *tally {
	return &tally{compared: map[string]int{}, explained: map[string]int{}, meant: map[string]int{}}
}

func (t *tally) add(other *tally) {
	t.packets += other.packets
	for _, pair := range [][2]map[string]int{{t.compared, other.compared}, {t.explained, other.explained}, {t.meant, other.meant}} {
		for k, n := range pair[1] {
			pair[0][k] += n
		}
	}
}

// fields is how many values were the same.
func (t *tally) fields() int {
	n := 0
	for _, c := range t.compared {
		n += c
	}
	return n
}

// ourColumns are the packet's values in the order of decode.Columns, as the CSV form has them.
func ourColumns(p *decode.Packet, iface string) ([]string, error) {
	return csv.NewReader(strings.NewReader(string(p.AppendCSV(nil, "", iface)))).Read()
}

// compare returns a sentence for each column whose difference nobody meant.
//
// A packet with a reason in decode_error may lack what tshark still tells, and tshark, which gives up in its own
// places, what the packet still has; a value that both have is the same all the same.
func (t *tally) compare(p *decode.Packet, d *dissection, iface string) ([]string, error) {
	values, err := ourColumns(p, iface)
	if err != nil {
		return nil, err
	}
	t.packets++
	parts := d.parts()
	var sentences []string
	for i := range decode.Columns {
		m := &mappings[i]
		theirs := canonical(m.take(found(parts[m.part], strings.Fields(m.fields)), parts[m.part]))
		ours := values[i]
		if m.column == "device" || m.column == "decode_error" || ours == "" && theirs == "" {
			continue
		}
		if ours == theirs {
			t.compared[m.column]++
			continue
		}
		if p.DecodeError != decode.NoReason && (ours == "" || theirs == "") {
			t.explained[m.column]++
			continue
		}
		c := disputed{m.column, ours, theirs, p, parts}
		at := slices.IndexFunc(differences, func(row difference) bool {
			return (row.columns == "" || slices.Contains(strings.Fields(row.columns), m.column)) && row.is(&c)
		})
		if at >= 0 {
			t.meant[differences[at].name]++
			continue
		}
		sentences = append(sentences, fmt.Sprintf("%s is %q, tshark says %q (%s)", m.column, ours, theirs, m.fields))
	}
	return sentences, nil
}
