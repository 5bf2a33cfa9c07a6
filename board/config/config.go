// Package config makes one Config of flags and environment. An option has one name: the flag
// --console-listen is SNIFFER_CONSOLE_LISTEN in the environment; a flag wins.
package config

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config is everything that can be told to the sniffer.
type Config struct {
	Interfaces  []string
	Filter      string
	DatabaseURL string
	SpoolDir    string
	SpoolSize   int64 // bytes; 0: by the board's memory
	DeviceName  string
	DeviceID    string
	Promiscuous bool
	LogLevel    slog.Level

	// How frames are captured; the options are in capture.go.
	SnapLength   uint32        // bytes of each frame; 0: few, and more of a frame that carries a name
	SampleRate   uint32        // one of so many is recorded; 1: all
	SampleBy     string        // SampleByFlow or SampleByPacket
	Workers      int           // goroutines of an interface
	RingSize     int64         // bytes of one ring; 0: by the board's memory
	RingBlock    int64         // bytes of one block of it; 0: by the board's memory
	RingTimeout  time.Duration // after which a block that is not full is handed over
	CaptureMode  string        // CaptureAuto, CaptureRing or CaptureRead
	HardwareTime bool          // take the time stamps of the network card where it makes them

	// How rows get to the database; the options are in uplink.go.
	UplinkRate         int64         // bytes a second; RateUnlimited or RateAuto
	UplinkFormat       string        // FormatAuto, FormatBinary or FormatText
	SpoolOverflowDir   string        // empty: there is none
	SpoolOverflowSize  int64         // bytes
	SpoolOverflowDaily int64         // bytes written a day; 0: no bound
	SpoolOverflowAfter time.Duration // without a database

	// Who reaches the console; the options are in console.go.
	ConsoleListen             []Endpoint // nil: the machine's default
	ConsoleAllow              Allowed
	ConsolePasswordFile       string // empty: nobody is asked
	ConsoleSessions           int    // at once; 0: by the board's memory
	ConsoleSessionsPerAddress int    // at once
	ConsoleLines              int    // packets a second that a client is shown
	ConsoleIdle               time.Duration
	PcapListen                []Endpoint // nil: nowhere
	ConsolePush               bool

	// SecretInArguments: the database URL with a password stands on the command line.
	SecretInArguments bool
}

// ErrUsage: an option cannot be what it was set to.
var ErrUsage = errors.New("usage")

// Option is one option, for help and documentation.
type Option struct {
	Name    string // as a flag
	Value   string // what stands for the value in help; BOOL for a switch
	Default string
	Help    string
	set     func(*Config, string) error
}

// Environment is the option's name in the environment.
func (o Option) Environment() string {
	return "SNIFFER_" + strings.ToUpper(strings.ReplaceAll(o.Name, "-", "_"))
}

// The options.
var (
	Interface = Option{"interface", "NAME", "the default route's; br-lan on OpenWrt",
		"interface to record; may be given several times, or as a list with commas; any: every interface there is or will be", setInterface}
	Filter = Option{"filter", "EXPR", "none",
		"record only packets that match this pcap-filter(7) expression", setFilter}
	DatabaseURL = Option{"database-url", "URL", "none: rows stay in the spool",
		"PostgreSQL to upload to: postgres://USER@HOST:5432/DATABASE; keep the password in the environment or in a passfile", setDatabaseURL}
	SpoolDir = Option{"spool-dir", "DIR", DefaultSpoolDir,
		"directory that keeps rows until the database has them", setSpoolDir}
	SpoolSize = Option{"spool-size", "BYTES", "by the machine's memory",
		"bytes that the spool may take (K, M and G are powers of 1024); when it is full the oldest rows go, and are counted", setSpoolSize}
	DeviceName = Option{"device-name", "NAME", "the host name",
		"name of this device for people", setDeviceName}
	DeviceID = Option{"device-id", "UUID", "derived from the machine",
		"UUID of this device; only needed where the machine's own is not unique", setDeviceID}
	Promiscuous = Option{"promiscuous", "BOOL", "true",
		"also record frames that are addressed to other hosts", setPromiscuous}
	LogLevel = Option{"log-level", "LEVEL", "info",
		"debug, info, warn or error", setLogLevel}
)

// DefaultSpoolDir is where the spool is by default.
const DefaultSpoolDir = "/var/lib/sniffer/spool"

// An interface that is named twice is recorded once: every packet is one row.
func setInterface(c *Config, v string) error {
	named := false
	for _, name := range list(v) {
		if !interfaceName(name) {
			return fmt.Errorf("%q cannot be an interface: names have at most 15 bytes and no slash", name)
		}
		if !slices.Contains(c.Interfaces, name) {
			c.Interfaces = append(c.Interfaces, name)
		}
		named = true
	}
	if !named {
		return errors.New("no interface is named; `ip link` lists them")
	}
	return nil
}

func setFilter(c *Config, v string) error {
	c.Filter = strings.TrimSpace(v)
	return nil
}

func setDatabaseURL(c *Config, v string) error {
	c.DatabaseURL = v
	return nil
}

func setSpoolDir(c *Config, v string) error {
	if v == "" {
		return errors.New("no directory is named; write it like " + DefaultSpoolDir)
	}
	c.SpoolDir = v
	return nil
}

func setSpoolSize(c *Config, v string) error {
	size, err := ParseBytes(v)
	c.SpoolSize = size
	return err
}

func setDeviceName(c *Config, v string) error {
	if len(v) > 255 {
		return fmt.Errorf("the name has %d bytes, at most 255", len(v))
	}
	c.DeviceName = v
	return nil
}

func setDeviceID(c *Config, v string) error {
	if id, err := hex.DecodeString(strings.ReplaceAll(v, "-", "")); err != nil || len(id) != 16 {
		return fmt.Errorf("%q is no UUID; write 32 hexadecimal digits, as `uuidgen` does", v)
	}
	c.DeviceID = v
	return nil
}

func setPromiscuous(c *Config, v string) error {
	return setSwitch(&c.Promiscuous, "promiscuous", v)
}

func setSwitch(to *bool, name, v string) error {
	on, err := strconv.ParseBool(v)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false; write it as --%s=%t", v, name, !*to)
	}
	*to = on
	return nil
}

func setLogLevel(c *Config, v string) error {
	if err := c.LogLevel.UnmarshalText([]byte(v)); err != nil {
		return fmt.Errorf("%q is none of debug, info, warn and error", v)
	}
	return nil
}

// ParseBytes reads a number of bytes: 1048576, 64M, 64MiB, 1g.
func ParseBytes(v string) (int64, error) {
	text := strings.ToLower(strings.TrimSpace(v))
	text = strings.TrimSuffix(strings.TrimSuffix(text, "b"), "i")
	shift := 0
	switch {
	case strings.HasSuffix(text, "k"):
		shift = 10
	case strings.HasSuffix(text, "m"):
		shift = 20
	case strings.HasSuffix(text, "g"):
		shift = 30
	}
	if shift > 0 {
		text = text[:len(text)-1]
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)>>shift {
		return 0, fmt.Errorf("%q is no number of bytes; write it like 64M", v)
	}
	return n << shift, nil
}

// Bind adds the options to a flag set and takes their values from the environment first; parsing the flags
// then overrides those. A value in the environment that is wrong is an error, and every option is bound
// nevertheless: help can be given.
func Bind(flags *flag.FlagSet, c *Config, environ func(string) string, options ...Option) error {
	*c = Config{
		Promiscuous: true, SpoolDir: DefaultSpoolDir,
		SampleRate: 1, SampleBy: SampleByFlow, Workers: 1, RingTimeout: DefaultRingTimeout, CaptureMode: CaptureAuto,
		UplinkRate: RateAuto, UplinkFormat: FormatAuto,
		SpoolOverflowSize: DefaultOverflowSize, SpoolOverflowDaily: DefaultOverflowDaily, SpoolOverflowAfter: DefaultOverflowAfter,
		ConsoleAllow: Allowed{LAN: true}, ConsoleSessionsPerAddress: DefaultSessionsPerAddress,
		ConsoleLines: DefaultConsoleLines, ConsoleIdle: DefaultConsoleIdle,
	}
	var wrong error
	for _, o := range options {
		if v := environ(o.Environment()); v != "" {
			if err := o.set(c, v); err != nil && wrong == nil {
				wrong = fmt.Errorf("%w: %s: %w", ErrUsage, o.Environment(), err)
			}
		}
		flags.Var(&value{option: o, config: c}, o.Name, o.Help)
	}
	return wrong
}

// value is a flag.Value. The first use of a repeatable flag replaces what the environment said.
type value struct {
	option Option
	config *Config
	used   bool
}

func (v *value) String() string { return "" }

// Set is called by the flag package for each use of the flag.
func (v *value) Set(text string) error {
	switch {
	case v.option.Name == Interface.Name && !v.used:
		v.config.Interfaces = nil
	case v.option.Name == DatabaseURL.Name:
		v.config.SecretInArguments = true
	}
	v.used = true
	return v.option.set(v.config, text)
}

// IsBoolFlag lets --promiscuous stand without a value.
func (v *value) IsBoolFlag() bool { return v.option.Value == "BOOL" }

// Usage writes the options as help text.
func Usage(options ...Option) string {
	var b strings.Builder
	for _, o := range options {
		value := " " + o.Value
		if o.Value == "BOOL" {
			value = "=BOOL" // behind a space it would be an argument of the command
		}
		fmt.Fprintf(&b, "  --%s%s\n        %s\n        default: %s; environment: %s\n", o.Name, value, o.Help, o.Default, o.Environment())
	}
	return b.String()
}
