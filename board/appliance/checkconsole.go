package appliance

import (
	"log/slog"
	"strings"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/board/console"
)

// checkConsole tells who would reach the console. Whether its ports are free is not tried: a recorder that runs has them.
func (all *findings) checkConsole(c config.Config, b board.Board) {
	log := slog.New(slog.DiscardHandler)
	entrances, err := newEntrances(c, b, log, nil)
	if err == nil {
		_, err = newLogin(c.ConsolePasswordFile)
	}
	if err != nil {
		all.note("console", err, "", nil)
		return
	}
	text := "listens at " + entrances.named(console.PortConsole)
	if captures := entrances.named(console.PortCapture); captures != "" {
		text += "; sends captures at " + captures
	}
	if entrances.alone() {
		text += "; this machine alone reaches it"
	} else {
		if c.ConsoleAllow.LAN {
			g := gate{allowed: c.ConsoleAllow, ask: b.Network, log: log}
			g.refresh()
			text += "; " + g.told
		}
		for i, p := range c.ConsoleAllow.Prefixes {
			if i == 0 {
				text += "; clients of"
			}
			text += " " + p.String()
		}
	}
	if c.ConsolePasswordFile == "" {
		text += "; nobody is asked for a password"
	} else {
		text += "; everybody is asked for a password"
	}
	all.note("console", nil, text, nil)
}

// named lists the entrances to a port as the options are written.
func (all *entrances) named(port console.Port) string {
	var names []string
	for _, e := range all.all {
		if e.port == port {
			names = append(names, e.String())
		}
	}
	return strings.Join(names, ", ")
}
