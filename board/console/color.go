package console

import (
	"slices"
	"strings"

	"network-sniffer/decode"
)

// showsColor: the terminal's type (RFC 1091, the names of terminfo(5)) is one that knows the colours of ECMA-48.
func showsColor(terminal string) bool {
	if strings.HasSuffix(terminal, "-m") || strings.HasSuffix(terminal, "-mono") {
		return false
	}
	kind, _, _ := strings.Cut(terminal, "-")
	return slices.Contains([]string{"xterm", "screen", "tmux", "rxvt", "linux", "putty", "vte", "gnome", "konsole", "kitty", "alacritty",
		"foot", "ansi", "cygwin", "st", "eterm", "wezterm"}, kind)
}

const (
	red, green, yellow, cyan = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"
	noColor                  = "\x1b[m"
)

// colorOf is what stands around a packet's line: connections that begin are green, those that are refused or broken off
// red, packets with names cyan, the network's own business yellow.
func colorOf(p *decode.Packet) (begin, end string) {
	const fin, rst = 0x01, 0x04
	switch v := p.Valid; {
	case p.DecodeError != 0:
		return red, noColor
	case v.Has(decode.HasTCP) && p.Flags&rst != 0:
		return red, noColor
	case v.Has(decode.HasName):
		return cyan, noColor
	case v.Has(decode.HasTCP) && p.Flags&(flagSYN|fin) != 0:
		return green, noColor
	case v.Has(decode.HasARP), v.Has(decode.HasICMP), v.Has(decode.HasIGMP), v.Has(decode.HasDHCP):
		return yellow, noColor
	}
	return "", ""
}
