package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The options that say who reaches the console, and what a client may take.
var (
	ConsoleListen = Option{"console-listen", "LIST", "127.0.0.1:8000,[::1]:8000; lo:8000,br-lan:8000 on OpenWrt",
		"where people reach the console with telnet: ADDR:PORT, or INTERFACE:PORT for what comes in through that interface, " +
			"whatever its addresses are; several with commas", setConsoleListen}
	ConsoleAllow = Option{"console-allow", "LIST", AllowAuto,
		"whose connections are taken: networks like 192.168.1.0/24 with commas; auto: this machine and the networks of its LAN; any",
		setConsoleAllow}
	ConsolePasswordFile = Option{"console-password-file", "FILE", "none: nobody is asked",
		"file with the hash of the console's password, as `sniffer password` writes it", setConsolePasswordFile}
	ConsoleSessions = Option{"console-sessions", "N", "by the machine's memory",
		"clients at once; more are refused", setConsoleSessions}
	ConsoleSessionsPerAddress = Option{"console-sessions-per-address", "N", strconv.Itoa(DefaultSessionsPerAddress),
		"clients at once from one address; more are refused", setConsoleSessionsPerAddress}
	ConsoleLines = Option{"console-lines", "N", strconv.Itoa(DefaultConsoleLines),
		"packets a second that one client is shown; how many were left out is told", setConsoleLines}
	ConsoleIdle = Option{"console-idle", "DURATION", "1h",
		"after what time a client that neither says nor takes anything is sent away", setConsoleIdle}
	PcapListen = Option{"pcap-listen", "LIST", "none",
		"where Wireshark reads packets as they come, for `wireshark -k -i TCP@HOST:PORT`; written like --console-listen", setPcapListen}
	ConsolePush = Option{"console-push", "BOOL", "false",
		"let clients of the console send packets of their own to be recorded, marked as theirs", setConsolePush}
)

// Console lists these options.
var Console = []Option{ConsoleListen, ConsoleAllow, ConsolePasswordFile, ConsoleSessions, ConsoleSessionsPerAddress, ConsoleLines,
	ConsoleIdle, PcapListen, ConsolePush}

// Values of the options, and their bounds.
const (
	AllowAuto = "auto"
	AllowAny  = "any"

	ConsolePort               = 8000
	DefaultSessionsPerAddress = 64
	DefaultConsoleLines       = 50
	DefaultConsoleIdle        = time.Hour

	maxEndpoints   = 16
	maxAllowed     = 64
	maxSessions    = 4096
	maxLines       = 10_000
	minConsoleIdle = time.Second
	maxConsoleIdle = 7 * 24 * time.Hour
)

// Endpoint is where clients come in.
type Endpoint struct {
	// Interface, when it is named, lets in what comes through it, to whatever address of this machine. Addr is the
	// unspecified IPv6 address then.
	Interface string
	// Addr is one address of this machine, or the unspecified one of IPv6: every address, of IPv4, too.
	Addr netip.Addr
	Port uint16 // 0: one that is free
}

// String is how the option is written.
func (e Endpoint) String() string {
	if e.Interface != "" {
		return e.Interface + ":" + strconv.Itoa(int(e.Port))
	}
	return netip.AddrPortFrom(e.Addr, e.Port).String()
}

// Allowed says whose connections the console takes.
type Allowed struct {
	LAN      bool // this machine and the networks of its LAN
	Prefixes []netip.Prefix
}

func setConsoleListen(c *Config, v string) (err error) {
	c.ConsoleListen, err = parseEndpoints(v)
	return err
}

func setPcapListen(c *Config, v string) (err error) {
	c.PcapListen = nil
	if strings.TrimSpace(v) != "" {
		c.PcapListen, err = parseEndpoints(v)
	}
	return err
}

// list splits at commas and blanks, as the lists of UCI come.
func list(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
}

func parseEndpoints(v string) ([]Endpoint, error) {
	var all []Endpoint
	for _, text := range list(v) {
		e, err := parseEndpoint(text)
		if err != nil {
			return nil, err
		}
		if slices.Contains(all, e) {
			return nil, fmt.Errorf("%s is named twice", text)
		}
		all = append(all, e)
	}
	switch n := len(all); {
	case n == 0:
		return nil, errors.New("nothing to listen on is named; write it like 127.0.0.1:8000 or br-lan:8000")
	case n > maxEndpoints:
		return nil, fmt.Errorf("%d addresses and interfaces are named, at most %d", n, maxEndpoints)
	}
	return all, nil
}

// parseEndpoint reads 192.168.1.1:8000, [fd00::1]:8000, br-lan:8000, or :8000, 0.0.0.0:8000 and [::]:8000, which are the
// same: every address.
func parseEndpoint(v string) (Endpoint, error) {
	host, number, err := net.SplitHostPort(v)
	port, portErr := strconv.ParseUint(number, 10, 16)
	if err != nil || portErr != nil {
		return Endpoint{}, fmt.Errorf("%q is no address and port, nor interface and port; "+
			"write it like 127.0.0.1:8000, [::1]:8000 or br-lan:8000", v)
	}
	e := Endpoint{Addr: netip.IPv6Unspecified(), Port: uint16(port)}
	if host == "" {
		return e, nil
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		if addr.Is6() && addr.IsLinkLocalUnicast() || addr.Zone() != "" {
			return e, fmt.Errorf("%s is an address of one link: write the interface of that link, like br-lan:%d", addr, port)
		}
		if !addr.IsUnspecified() {
			e.Addr = addr
		}
		return e, nil
	}
	switch {
	case host == "any", host == "*":
		return e, fmt.Errorf("%q is no interface; write :%d for every address, of IPv4 and of IPv6", host, port)
	case strings.Trim(host, "0123456789.") == "", strings.Contains(host, ":"):
		return e, fmt.Errorf("%q is no address; write it like 127.0.0.1:%d or [::1]:%[2]d", host, port)
	case host == "localhost":
		return e, fmt.Errorf("%q is no interface; write 127.0.0.1:%d,[::1]:%[2]d or lo:%[2]d", host, port)
	case !interfaceName(host):
		return e, fmt.Errorf("%q is neither an address nor an interface, whose names have at most 15 bytes and no slash; "+
			"write it like 127.0.0.1:%d or br-lan:%[2]d", host, port)
	}
	e.Interface = host
	return e, nil
}

// interfaceName reports whether an interface can have this name.
func interfaceName(name string) bool {
	return len(name) > 0 && len(name) <= 15 && !strings.ContainsAny(name, "/ ") && name != "." && name != ".."
}

func setConsoleAllow(c *Config, v string) error {
	var a Allowed
	for _, word := range list(v) {
		switch word {
		case AllowAuto:
			a.LAN = true
			continue
		case AllowAny:
			a.Prefixes = append(a.Prefixes, netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0))
			continue
		}
		p, err := parseNetwork(word)
		if err != nil {
			return err
		}
		a.Prefixes = append(a.Prefixes, p)
	}
	if n := len(a.Prefixes); n > maxAllowed {
		return fmt.Errorf("%d networks are named, at most %d", n, maxAllowed)
	} else if n == 0 && !a.LAN {
		return errors.New("nobody is named; write auto, any, or networks like 192.168.1.0/24")
	}
	c.ConsoleAllow = a
	return nil
}

// parseNetwork reads 192.168.1.0/24, fd00::/8 or one address.
func parseNetwork(v string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(v); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(v)
	if err != nil || p.Addr().Is4In6() {
		return p, fmt.Errorf("%q is no network; write it like 192.168.1.0/24, or write auto or any", v)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%s has bits behind its length; write %s", v, p.Masked())
	}
	return p, nil
}

func setConsolePasswordFile(c *Config, v string) error {
	c.ConsolePasswordFile = v
	return nil
}

func setConsoleSessions(c *Config, v string) error {
	return setCount(&c.ConsoleSessions, v, maxSessions)
}

func setConsoleSessionsPerAddress(c *Config, v string) error {
	return setCount(&c.ConsoleSessionsPerAddress, v, maxSessions)
}

func setConsoleLines(c *Config, v string) error {
	return setCount(&c.ConsoleLines, v, maxLines)
}

func setCount(to *int, v string, most int) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return fmt.Errorf("%q is no number from 1 to %d", v, most)
	}
	*to = n
	return nil
}

func setConsoleIdle(c *Config, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < minConsoleIdle || d > maxConsoleIdle {
		return fmt.Errorf("%q is no time from 1s to 168h; write it like 1h", v)
	}
	c.ConsoleIdle = d
	return nil
}

func setConsolePush(c *Config, v string) error {
	return setSwitch(&c.ConsolePush, "console-push", v)
}
