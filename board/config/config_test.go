package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// all are the options, as the commands use them.
var all = slices.Concat([]Option{
	Interface, Filter, DatabaseURL, SpoolDir, SpoolSize,
	DeviceName, DeviceID, Promiscuous, LogLevel,
}, Capture, Uplink, Console)

// places is a list of n places to listen on.
func places(n int) string {
	var b strings.Builder
	for port := range n {
		fmt.Fprintf(&b, "lo:%d,", port)
	}
	return b.String()
}

const (
	uuidA = "0e5f2aca-03dd-8000-a328-fc18d96bcbdc"
	uuidB = "1e5f2aca03dd8000a328fc18d96bcbdc"
)

// load takes a Config from environment and arguments.
func load(environment map[string]string, args ...string) (Config, error) {
	var c Config
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	if err := Bind(flags, &c, func(name string) string { return environment[name] }, all...); err != nil {
		return c, err
	}
	return c, flags.Parse(args)
}

func TestDefaults(t *testing.T) {
	want := Config{
		SpoolDir: "/var/lib/sniffer/spool", Promiscuous: true, LogLevel: slog.LevelInfo,
		SampleRate: 1, SampleBy: "flow", Workers: 1, RingTimeout: 20 * time.Millisecond, CaptureMode: "auto",
		UplinkRate: RateAuto, UplinkFormat: "auto",
		SpoolOverflowSize: 256 << 20, SpoolOverflowDaily: 64 << 20, SpoolOverflowAfter: 10 * time.Minute,
		ConsoleAllow: Allowed{LAN: true}, ConsoleSessionsPerAddress: 64, ConsoleLines: 50, ConsoleIdle: time.Hour,
	}
	got, err := load(nil)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, error %v, want %+v", got, err, want)
	}
}

// TestPrecedence: each option from the environment alone, from a flag alone, and from both.
func TestPrecedence(t *testing.T) {
	for _, row := range []struct {
		option      Option
		environment string
		flag        string
		get         func(Config) any
		first       any // what the environment asks for
		second      any // what the flag asks for
	}{
		{Interface, "lan0,wan0", "eth0", func(c Config) any { return c.Interfaces }, []string{"lan0", "wan0"}, []string{"eth0"}},
		{Filter, " tcp ", "udp", func(c Config) any { return c.Filter }, "tcp", "udp"},
		{DatabaseURL, "postgres://a@h/d", "postgres://b@h/d", func(c Config) any { return c.DatabaseURL }, "postgres://a@h/d", "postgres://b@h/d"},
		{SpoolDir, "/a", "/b", func(c Config) any { return c.SpoolDir }, "/a", "/b"},
		{SpoolSize, "64M", "1G", func(c Config) any { return c.SpoolSize }, int64(64 << 20), int64(1 << 30)},
		{ConsoleListen, "[::]:8000", "127.0.0.1:0", func(c Config) any { return c.ConsoleListen },
			[]Endpoint{{Addr: netip.IPv6Unspecified(), Port: 8000}}, []Endpoint{{Addr: netip.MustParseAddr("127.0.0.1")}}},
		{ConsoleAllow, "any", "192.168.1.0/24", func(c Config) any { return c.ConsoleAllow },
			Allowed{Prefixes: prefixes("0.0.0.0/0", "::/0")}, Allowed{Prefixes: prefixes("192.168.1.0/24")}},
		{ConsolePasswordFile, "/a", "/b", func(c Config) any { return c.ConsolePasswordFile }, "/a", "/b"},
		{ConsoleSessions, "1", "4096", func(c Config) any { return c.ConsoleSessions }, 1, 4096},
		{ConsoleSessionsPerAddress, "1", "4096", func(c Config) any { return c.ConsoleSessionsPerAddress }, 1, 4096},
		{ConsoleLines, "1", "10000", func(c Config) any { return c.ConsoleLines }, 1, 10_000},
		{ConsoleIdle, "1s", "168h", func(c Config) any { return c.ConsoleIdle }, time.Second, 168 * time.Hour},
		{PcapListen, "br-lan:8001", ":8002", func(c Config) any { return c.PcapListen },
			[]Endpoint{{Interface: "br-lan", Addr: netip.IPv6Unspecified(), Port: 8001}}, []Endpoint{{Addr: netip.IPv6Unspecified(), Port: 8002}}},
		{ConsolePush, "true", "false", func(c Config) any { return c.ConsolePush }, true, false},
		{DeviceName, "attic", "cellar", func(c Config) any { return c.DeviceName }, "attic", "cellar"},
		{DeviceID, uuidA, uuidB, func(c Config) any { return c.DeviceID }, uuidA, uuidB},
		{Promiscuous, "false", "true", func(c Config) any { return c.Promiscuous }, false, true},
		{LogLevel, "debug", "error", func(c Config) any { return c.LogLevel }, slog.LevelDebug, slog.LevelError},
		{SnapLength, "96", "65535", func(c Config) any { return c.SnapLength }, uint32(96), uint32(65535)},
		{Sample, "1", "1000000", func(c Config) any { return c.SampleRate }, uint32(1), uint32(1_000_000)},
		{SampleBy, "packet", "flow", func(c Config) any { return c.SampleBy }, SampleByPacket, SampleByFlow},
		{Workers, "2", "16", func(c Config) any { return c.Workers }, 2, 16},
		{RingSize, "128K", "1G", func(c Config) any { return c.RingSize }, int64(128 << 10), int64(1 << 30)},
		{RingBlock, "64K", "64M", func(c Config) any { return c.RingBlock }, int64(64 << 10), int64(64 << 20)},
		{RingTimeout, "1ms", "10s", func(c Config) any { return c.RingTimeout }, time.Millisecond, 10 * time.Second},
		{CaptureMode, "ring", "read", func(c Config) any { return c.CaptureMode }, CaptureRing, CaptureRead},
		{HardwareTimestamps, "true", "false", func(c Config) any { return c.HardwareTime }, true, false},
		{UplinkRate, "500K", "unlimited", func(c Config) any { return c.UplinkRate }, int64(500 << 10), int64(RateUnlimited)},
		{UplinkFormat, "binary", "text", func(c Config) any { return c.UplinkFormat }, FormatBinary, FormatText},
		{SpoolOverflowDir, "/mnt/a", "/mnt/b", func(c Config) any { return c.SpoolOverflowDir }, "/mnt/a", "/mnt/b"},
		{SpoolOverflowSize, "16M", "2G", func(c Config) any { return c.SpoolOverflowSize }, int64(16 << 20), int64(2 << 30)},
		{SpoolOverflowDaily, "4M", "0", func(c Config) any { return c.SpoolOverflowDaily }, int64(4 << 20), int64(0)},
		{SpoolOverflowAfter, "1s", "168h", func(c Config) any { return c.SpoolOverflowAfter }, time.Second, 168 * time.Hour},
	} {
		t.Run(row.option.Name, func(t *testing.T) {
			environment := map[string]string{row.option.Environment(): row.environment}
			argument := "--" + row.option.Name + "=" + row.flag
			for _, try := range []struct {
				name        string
				environment map[string]string
				args        []string
				want        any
			}{
				{"environment", environment, nil, row.first},
				{"flag", nil, []string{argument}, row.second},
				{"flag over environment", environment, []string{argument}, row.second},
			} {
				got, err := load(try.environment, try.args...)
				if err != nil || !reflect.DeepEqual(row.get(got), try.want) {
					t.Errorf("%s: %v, error %v, want %v", try.name, row.get(got), err, try.want)
				}
			}
		})
	}
}

func TestInterfaces(t *testing.T) {
	for _, row := range []struct {
		name        string
		environment string
		args        []string
		want        []string
	}{
		{"one flag", "", []string{"--interface", "eth0"}, []string{"eth0"}},
		{"several flags, in their order", "", []string{"--interface", "wan0", "--interface", "lan0"}, []string{"wan0", "lan0"}},
		{"a list in one flag", "", []string{"--interface", "wan0,lan0"}, []string{"wan0", "lan0"}},
		{"a list in the environment", "wan0, lan0", nil, []string{"wan0", "lan0"}},
		{"with spaces, as UCI lists come", "wan0 lan0", nil, []string{"wan0", "lan0"}},
		{"flags replace the environment's list", "wan0,lan0", []string{"--interface", "eth0", "--interface", "eth1"}, []string{"eth0", "eth1"}},
		{"named twice, recorded once", "", []string{"--interface", "eth0,eth1", "--interface", "eth0"}, []string{"eth0", "eth1"}},
		{"the longest name", "", []string{"--interface", "fifteen-letters"}, []string{"fifteen-letters"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := load(map[string]string{"SNIFFER_INTERFACE": row.environment}, row.args...)
			if err != nil || !slices.Equal(got.Interfaces, row.want) {
				t.Errorf("%q, error %v, want %q", got.Interfaces, err, row.want)
			}
		})
	}
}

// TestBadValues: both ways in refuse the same, and the message holds the value and what to write instead.
func TestBadValues(t *testing.T) {
	for _, row := range []struct {
		name   string
		option Option
		value  string
		fix    string
	}{
		{"name too long", Interface, "sixteen-letters!", "at most 15 bytes"},
		{"path", Interface, "../eth0", "no slash"},
		{"a list of nothing", Interface, ",", "ip link"},
		{"size of nothing", SpoolSize, "0", "64M"},
		{"negative size", SpoolSize, "-1", "64M"},
		{"size with a point", SpoolSize, "1.5G", "64M"},
		{"unit alone", SpoolSize, "M", "64M"},
		{"size beyond 64 bits", SpoolSize, "9000000000000000000", "64M"},
		{"size beyond 64 bits by its unit", SpoolSize, "9000000000G", "64M"},
		{"address without a port", ConsoleListen, "127.0.0.1", "127.0.0.1:8000"},
		{"address with an empty port", ConsoleListen, "127.0.0.1:", "127.0.0.1:8000"},
		{"IPv6 without brackets", ConsoleListen, "::1:8000:", "[::1]:8000"},
		{"port beyond 16 bits", ConsoleListen, "127.0.0.1:65536", "127.0.0.1:8000"},
		{"port by name", ConsoleListen, "127.0.0.1:telnet", "127.0.0.1:8000"},
		{"no address", ConsoleListen, "127.0.0.256:8000", "127.0.0.1:8000"},
		{"a host", ConsoleListen, "localhost:8000", "lo:8000"},
		{"an interface of too many letters", ConsoleListen, "sixteen-letters!:8000", "at most 15 bytes"},
		{"a path for an interface", ConsoleListen, "../br-lan:8000", "no slash"},
		{"a list of nowhere", ConsoleListen, ",", "br-lan:8000"},
		{"one place twice", ConsoleListen, "lo:8000,lo:8000", "lo:8000 is named twice"},
		{"every address twice", ConsoleListen, "0.0.0.0:8000,[::]:8000", "[::]:8000 is named twice"},
		{"every address as an interface", ConsoleListen, "any:8000", "write :8000"},
		{"every address as a star", PcapListen, "*:8001", "write :8001"},
		{"an address of some link", ConsoleListen, "[fe80::1]:8000", "like br-lan:8000"},
		{"an address of one link", ConsoleListen, "[fe80::1%br-lan]:8000", "like br-lan:8000"},
		{"too many places", ConsoleListen, places(17), "at most 16"},
		{"an interface without a port", PcapListen, "br-lan", "br-lan:8000"},
		{"a network without a length", ConsoleAllow, "192.168.1.0/", "192.168.1.0/24"},
		{"a network of a host", ConsoleAllow, "192.168.1.7/24", "write 192.168.1.0/24"},
		{"an IPv4 network as one of IPv6", ConsoleAllow, "::ffff:192.168.1.0/120", "192.168.1.0/24"},
		{"an address with a zone", ConsoleAllow, "fe80::1%br-lan", "192.168.1.0/24"},
		{"nobody", ConsoleAllow, ",", "auto, any"},
		{"too many networks", ConsoleAllow, strings.Repeat("10.0.0.0/8,", 65), "at most 64"},
		{"no client", ConsoleSessions, "0", "from 1 to 4096"},
		{"clients beyond memory", ConsoleSessions, "4097", "from 1 to 4096"},
		{"clients of no number", ConsoleSessionsPerAddress, "many", "from 1 to 4096"},
		{"no line", ConsoleLines, "0", "from 1 to 10000"},
		{"sent away at once", ConsoleIdle, "0s", "1h"},
		{"never sent away", ConsoleIdle, "169h", "1h"},
		{"push or not", ConsolePush, "maybe", "--console-push=true"},
		{"name too long for the console", DeviceName, strings.Repeat("n", 256), "at most 255"},
		{"no UUID", DeviceID, "router-1", "uuidgen"},
		{"UUID too short", DeviceID, uuidA[:34], "32 hexadecimal digits"},
		{"neither true nor false", Promiscuous, "maybe", "--promiscuous=false"},
		{"fewer bytes than a frame has", SnapLength, "59", "from 60 to 65535"},
		{"more bytes than a packet has", SnapLength, "65536", "from 60 to 65535"},
		{"bytes with a unit", SnapLength, "1K", "from 60 to 65535"},
		{"sample of none", Sample, "0", "write 10"},
		{"sample as a share", Sample, "0.1", "write 10"},
		{"sample of too many", Sample, "1000001", "from 1 to 1000000"},
		{"sample of what", SampleBy, "byte", "flow, packet"},
		{"no worker", Workers, "0", "from 1 to 16"},
		{"too many workers", Workers, "17", "from 1 to 16"},
		{"a ring of one block", RingSize, "64K", "8M"},
		{"a ring of all memory", RingSize, "2G", "8M"},
		{"a ring of no size", RingSize, "big", "64M"},
		{"a block below a page", RingBlock, "32K", "1M"},
		{"a block too large", RingBlock, "128M", "1M"},
		{"a block of three halves", RingBlock, "96K", "power of two"},
		{"no time-out", RingTimeout, "0s", "20ms"},
		{"a time-out for ever", RingTimeout, "11s", "20ms"},
		{"a time-out without a unit", RingTimeout, "50", "20ms"},
		{"no mode", CaptureMode, "fast", "auto, ring, read"},
		{"neither of both", HardwareTimestamps, "maybe", "--hardware-timestamps=true"},
		{"a rate without a number", UplinkRate, "fast", "500K"},
		{"no rate", UplinkRate, "0", "unlimited"},
		{"a rate that moves nothing", UplinkRate, "1000", "from 1K"},
		{"a rate beyond lines", UplinkRate, "2G", "to 1G"},
		{"a rate in bits", UplinkRate, "10Mbit", "500K"},
		{"no format", UplinkFormat, "csv", "auto, binary, text"},
		{"no overflow", SpoolOverflowSize, "0", "64M"},
		{"overflow of one file", SpoolOverflowSize, "1M", "256M"},
		{"less than a file a day", SpoolOverflowDaily, "1M", "0 for no bound"},
		{"a day of no size", SpoolOverflowDaily, "much", "64M"},
		{"overflow at once", SpoolOverflowAfter, "0s", "10m"},
		{"overflow never", SpoolOverflowAfter, "1000h", "168h"},
		{"overflow after a number", SpoolOverflowAfter, "10", "10m"},
		{"no level", LogLevel, "loud", "debug, info, warn and error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := load(map[string]string{row.option.Environment(): row.value})
			if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), row.fix) || !strings.Contains(err.Error(), row.option.Environment()) {
				t.Errorf("environment: error %v, want ErrUsage with %q and %s", err, row.fix, row.option.Environment())
			}
			_, err = load(nil, "--"+row.option.Name+"="+row.value)
			if err == nil || !strings.Contains(err.Error(), row.fix) || !strings.Contains(err.Error(), row.option.Name) {
				t.Errorf("flag: error %v, want %q and %s", err, row.fix, row.option.Name)
			}
		})
	}
}

// TestEmptyFlag: an empty variable counts as not set. An empty flag was written by somebody: it unsets what may be
// unset, and is refused elsewhere.
func TestEmptyFlag(t *testing.T) {
	environment := map[string]string{"SNIFFER_FILTER": "tcp", "SNIFFER_DATABASE_URL": "postgres://h/d", "SNIFFER_DEVICE_NAME": "attic"}
	environment["SNIFFER_PCAP_LISTEN"], environment["SNIFFER_CONSOLE_PASSWORD_FILE"] = ":8001", "/etc/sniffer/password"
	got, err := load(environment, "--filter=", "--database-url=", "--device-name=", "--pcap-listen=", "--console-password-file=")
	if err != nil || got.Filter != "" || got.DatabaseURL != "" || got.DeviceName != "" || got.PcapListen != nil || got.ConsolePasswordFile != "" {
		t.Errorf("%+v, error %v, want five options unset", got, err)
	}
	for _, name := range []string{"interface", "spool-dir", "spool-size", "console-listen", "console-allow", "device-id", "log-level"} {
		if _, err := load(nil, "--"+name+"="); err == nil {
			t.Errorf("--%s= is accepted", name)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for _, row := range []struct {
		text string
		want int64
	}{
		{"1", 1}, {"1048576", 1 << 20}, {"4k", 4 << 10}, {"64M", 64 << 20}, {"64m", 64 << 20}, {"64MiB", 64 << 20},
		{"64MB", 64 << 20}, {"1G", 1 << 30}, {" 2g ", 2 << 30}, {"512b", 512}, {"4294967296G", 1 << 62},
	} {
		if got, err := ParseBytes(row.text); err != nil || got != row.want {
			t.Errorf("%q is %d, error %v, want %d", row.text, got, err, row.want)
		}
	}
}

func TestParseRate(t *testing.T) {
	for _, row := range []struct {
		text string
		want int64
	}{
		{"1K", 1 << 10}, {"500k", 500 << 10}, {"2M", 2 << 20}, {"2M/s", 2 << 20}, {"1.5M", 0}, {"1G", 1 << 30}, {"65536", 64 << 10},
		{"auto", RateAuto}, {" AUTO ", RateAuto}, {"unlimited", RateUnlimited}, {"", 0}, {"-8K", 0}, {"2M/h", 0},
	} {
		got, err := ParseRate(row.text)
		if wrong := row.want == 0 && row.text != RateWordUnlimited; got != row.want || (err != nil) != wrong {
			t.Errorf("%q is %d, error %v, want %d", row.text, got, err, row.want)
		}
	}
}

// TestSecretInArguments: what other users can read with ps(1) is known.
func TestSecretInArguments(t *testing.T) {
	const url = "postgres://u:secret@h/d"
	if c, err := load(map[string]string{"SNIFFER_DATABASE_URL": url}); err != nil || c.SecretInArguments {
		t.Errorf("from the environment: %v, error %v", c.SecretInArguments, err)
	}
	if c, err := load(nil, "--database-url", url); err != nil || !c.SecretInArguments {
		t.Errorf("from the command line: %v, error %v", c.SecretInArguments, err)
	}
}

// TestBindGoesOn: with a wrong environment every flag is there still, so that --help works.
func TestBindGoesOn(t *testing.T) {
	var c Config
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	wrong := map[string]string{"SNIFFER_SPOOL_SIZE": "much", "SNIFFER_LOG_LEVEL": "loud"}
	err := Bind(flags, &c, func(name string) string { return wrong[name] }, all...)
	if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "SNIFFER_SPOOL_SIZE") {
		t.Errorf("error %v, want ErrUsage about the first wrong variable", err)
	}
	for _, o := range all {
		if flags.Lookup(o.Name) == nil {
			t.Errorf("--%s is not bound", o.Name)
		}
	}
}

func TestSwitch(t *testing.T) {
	for _, row := range []struct {
		argument string
		want     bool
	}{{"--promiscuous", true}, {"--promiscuous=true", true}, {"--promiscuous=0", false}, {"--promiscuous=false", false}} {
		if c, err := load(map[string]string{"SNIFFER_PROMISCUOUS": "false"}, row.argument); err != nil || c.Promiscuous != row.want {
			t.Errorf("%s: %v, error %v", row.argument, c.Promiscuous, err)
		}
	}
}

func TestUsage(t *testing.T) {
	text := Usage(all...)
	for _, o := range all {
		for _, want := range []string{"--" + o.Name, o.Environment(), "default: " + o.Default + ";", o.Help, o.Value} {
			if want == "" || !strings.Contains(text, want) {
				t.Errorf("the usage of %s lacks %q", o.Name, want)
			}
		}
	}
	if strings.Count(text, "environment:") != len(all) {
		t.Errorf("%d options, %d times an environment:\n%s", len(all), strings.Count(text, "environment:"), text)
	}
	// What the text shows has to work: a switch takes its value behind "=" only.
	if !strings.Contains(text, "--promiscuous=BOOL") {
		t.Error("the usage of a switch shows its value as an argument")
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]string{}
	for _, o := range all {
		for _, name := range []string{o.Name, o.Environment()} {
			if seen[name] != "" {
				t.Errorf("%s and %s share %s", seen[name], o.Name, name)
			}
			seen[name] = o.Name
		}
		if o.Name != strings.ToLower(o.Name) || strings.ContainsAny(o.Name, "_ ") {
			t.Errorf("--%s: a flag has small letters and hyphens", o.Name)
		}
	}
	if got := ConsoleListen.Environment(); got != "SNIFFER_CONSOLE_LISTEN" {
		t.Errorf("--console-listen is %s in the environment", got)
	}
}

// TestEveryOptionIsTested: a new field of Config belongs to an option of the tables above.
func TestEveryOptionIsTested(t *testing.T) {
	if fields := reflect.TypeFor[Config]().NumField(); fields != len(all)+1 {
		t.Errorf("Config has %d fields, want one for each of %d options, and SecretInArguments", fields, len(all))
	}
}
