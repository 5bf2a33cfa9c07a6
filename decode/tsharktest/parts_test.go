package tsharktest

import (
	"slices"
	"strings"
)

// part is which of a frame's layers a column is about. tshark has the same fields for a packet and for the one that
// it carries: their place tells them apart.
type part int

const (
	whole part = iota // all layers
	link              // what stands in front of the first IP or ARP header
	outer             // from there on to the next IP header
	inner             // from the second IP header on to a third
)

// parts splits the layers.
func (d *dissection) parts() [4][]layer {
	first, second, third := len(d.layers), len(d.layers), len(d.layers)
	for i, l := range d.layers {
		if !ipLayer(l.name) && l.name != "arp" {
			continue
		}
		switch {
		case first == len(d.layers):
			first = i
		case second == len(d.layers):
			second = i
		case third == len(d.layers):
			third = i
		}
	}
	return [4][]layer{whole: d.layers, link: d.layers[:first], outer: d.layers[first:second], inner: d.layers[second:third]}
}

func ipLayer(name string) bool { return name == "ip" || name == "ipv6" }

// extension says whether a layer is a header that stands between an IP header and its protocol's.
func extension(name string) bool {
	return name == "ah" || name == "mipv6" || name == "shim6" || strings.HasPrefix(name, "ipv6.")
}

// found are the fields of these names in their order in the frame.
func found(layers []layer, names []string) []field {
	var list []field
	for _, l := range layers {
		for _, f := range l.fields {
			if slices.Contains(names, f.name) {
				list = append(list, f)
			}
		}
	}
	return list
}

// has says whether one of the layers has one of these names.
func has(layers []layer, names ...string) bool { return position(layers, names...) >= 0 }

// position is the first layer of these names, -1 when there is none.
func position(layers []layer, names ...string) int {
	return slices.IndexFunc(layers, func(l layer) bool { return slices.Contains(names, l.name) })
}

// carried is the first layer behind an IP header and its extensions, -1 when there is none. What tshark says of itself
// (that it gave up, mostly) is no layer.
func carried(layers []layer) int {
	for i, l := range layers {
		if i > 0 && !extension(l.name) && !strings.HasPrefix(l.name, "_ws.") {
			return i
		}
	}
	return -1
}
