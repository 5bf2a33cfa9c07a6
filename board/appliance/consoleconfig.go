package appliance

import (
	"cmp"
	"net/netip"

	"network-sniffer/board"
	"network-sniffer/board/console"
)

// consoleConfig is what the console is told of this run.
func (a *Appliance) consoleConfig(budget board.Budget) console.Config {
	a.gate = &gate{allowed: a.config.ConsoleAllow, ask: a.board.Network, log: a.log, alone: a.entrances.alone()}
	config := console.Config{
		Version:       a.version,
		Source:        source{a},
		InterfaceName: a.names.name,
		Allow:         a.gate.admits,
		OnAccept:      func(local, _ netip.AddrPort) { a.own.listenAt(local) },
		OnMessage: func(remote netip.AddrPort, text string) {
			a.log.Info("message at the console", "client", remote, "text", text)
		},
		OnEvent:            func(text string) { a.log.Warn("console: " + text) },
		Sessions:           a.sessions(cmp.Or(a.config.ConsoleSessions, budget.Sessions)),
		SessionsPerAddress: a.config.ConsoleSessionsPerAddress,
		LinesPerSecond:     a.config.ConsoleLines,
		IdleTimeout:        a.config.ConsoleIdle,
		RingBytes:          budget.ConsoleRing,
		FrameBytes:         int(a.plan.long),
	}
	if a.login != nil {
		config.Password = a.login.judge
	}
	if a.push != nil {
		config.Push = a.push
	}
	return config
}
