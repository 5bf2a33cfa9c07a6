package board

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes a file system of the given files and returns the machine in it.
func tree(t *testing.T, files map[string]string) Board {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return At(root)
}

func TestDefaultInterface(t *testing.T) {
	for _, row := range []struct {
		name, root string
		want       string // empty: ErrNoInterface
	}{
		{"OpenWrt records the LAN, not the default route", "testdata/openwrt", "br-lan"},
		{"lowest metric, IPv4 before IPv6, no half default, no unreachable", "testdata/debian", "eth0"},
		{"IPv6 alone, metrics in hexadecimal", "testdata/ipv6", "wan0"},
		{"only routes that lead nowhere", "testdata/unreachable", ""},
		{"no procfs", t.TempDir(), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := At(row.root).DefaultInterface()
			if got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
			if row.want == "" && (!errors.Is(err, ErrNoInterface) || !strings.Contains(err.Error(), "--interface")) {
				t.Errorf("error %v, want ErrNoInterface that names the option", err)
			}
			if row.want != "" && err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDefaultInterfaceOfDamagedTables: what the kernel does not write is skipped.
func TestDefaultInterfaceOfDamagedTables(t *testing.T) {
	const head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
	for _, row := range []struct{ name, path, text string }{
		{"short line", "proc/net/route", head + "eth0\t00000000\t01020304\n"},
		{"metric is no number", "proc/net/route", head + "eth0\t00000000\t01020304\t0003\t0\t0\tmany\t00000000\n"},
		{"flags are no number", "proc/net/route", head + "eth0\t00000000\t01020304\t????\t0\t0\t0\t00000000\n"},
		{"empty", "proc/net/route", ""},
		{"short line, IPv6", "proc/net/ipv6_route", strings.Repeat("0", 32) + " 00\n"},
		{"metric is no number, IPv6", "proc/net/ipv6_route", strings.Repeat("0", 32) + " 00 s 00 n many 1 0 00000003 eth0\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if name, err := tree(t, map[string]string{row.path: row.text}).DefaultInterface(); !errors.Is(err, ErrNoInterface) {
				t.Errorf("%q, error %v", name, err)
			}
		})
	}
}

func TestOpenWrt(t *testing.T) {
	if !At("testdata/openwrt").OpenWrt() {
		t.Error("OpenWrt is not known for what it is")
	}
	if At("testdata/debian").OpenWrt() {
		t.Error("Debian is taken for OpenWrt")
	}
}

func TestIdentity(t *testing.T) {
	const uuid = "0e5f2aca-03dd-8000-a328-fc18d96bcbdc"
	nic := func(name, address, assigned string) map[string]string {
		return map[string]string{
			"sys/class/net/" + name + "/address":          address + "\n",
			"sys/class/net/" + name + "/addr_assign_type": assigned + "\n",
		}
	}
	machine := map[string]string{"etc/machine-id": "9f1c2b7a4d5e46f08a1b2c3d4e5f6071\n"}
	card := nic("eth0", "02:00:5e:00:53:01", "0")
	for _, row := range []struct {
		name   string
		files  []map[string]string
		source string // what the source ends in
		id     [16]byte
		is     byte // the version of a UUID that is not given
	}{
		{"the file wins", []map[string]string{{"etc/sniffer/device-id": uuid + "\n"}, machine, card}, "etc/sniffer/device-id", mustParse(t, uuid), 0},
		{"the file, without hyphens and in capitals", []map[string]string{{"etc/sniffer/device-id": strings.ToUpper(strings.ReplaceAll(uuid, "-", ""))}},
			"etc/sniffer/device-id", mustParse(t, uuid), 0},
		{"machine-id", []map[string]string{machine, card}, "etc/machine-id", derive("9f1c2b7a4d5e46f08a1b2c3d4e5f6071"), 8},
		{"a machine-id that is not set yet", []map[string]string{{"etc/machine-id": "\n"}, card}, "02:00:5e:00:53:01", derive("02:00:5e:00:53:01"), 8},
		{"a machine-id that was never made", []map[string]string{{"etc/machine-id": "uninitialized\n"}, card}, "02:00:5e:00:53:01", derive("02:00:5e:00:53:01"), 8},
		{"the lowest of two cards", []map[string]string{nic("wan", "02:00:5e:00:53:02", "0"), card}, "02:00:5e:00:53:01", derive("02:00:5e:00:53:01"), 8},
		{"a random and a stolen address do not count", []map[string]string{
			nic("veth0", "02:00:00:00:00:01", "1"), nic("br-lan", "02:00:00:00:00:02", "2"), nic("set0", "02:00:00:00:00:03", "3"), card,
		}, "02:00:5e:00:53:01", derive("02:00:5e:00:53:01"), 8},
		{"loopback and tunnels do not count", []map[string]string{
			nic("lo", "00:00:00:00:00:00", "0"), nic("tun0", "", "0"), nic("ip6tnl0", "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00", "0"), card,
		}, "02:00:5e:00:53:01", derive("02:00:5e:00:53:01"), 8},
	} {
		t.Run(row.name, func(t *testing.T) {
			all := map[string]string{}
			for _, files := range row.files {
				for name, text := range files {
					all[name] = text
				}
			}
			b := tree(t, all)
			id, source, err := b.Identity()
			if err != nil {
				t.Fatal(err)
			}
			if id != row.id || !strings.HasSuffix(source, row.source) {
				t.Errorf("%x from %q, want %x from %q", id, source, row.id, row.source)
			}
			if row.is != 0 && (id[6]>>4 != row.is || id[8]>>6 != 2) {
				t.Errorf("%x is no UUID of version %d", id, row.is)
			}
			if again, _, err := b.Identity(); again != id || err != nil {
				t.Errorf("the second time %x, error %v", again, err)
			}
		})
	}
}

// TestIdentityDoesNotDisclose: the machine-id is confidential, machine-id(5), and the UUID goes over the network.
func TestIdentityDoesNotDisclose(t *testing.T) {
	id, _, err := At("testdata/debian").Identity()
	if err != nil {
		t.Fatal(err)
	}
	if secret := mustParse(t, "9f1c2b7a4d5e46f08a1b2c3d4e5f6071"); id == secret || id == stamp(secret, 8) || id == stamp(secret, 4) {
		t.Errorf("the UUID %x is the machine-id", id)
	}
	other := tree(t, map[string]string{"etc/machine-id": "9f1c2b7a4d5e46f08a1b2c3d4e5f6072\n"})
	if theirs, _, _ := other.Identity(); theirs == id {
		t.Error("two machines have one UUID")
	}
}

func TestIdentityOfAMachineWithNothing(t *testing.T) {
	b := tree(t, nil)
	one, source, err := b.Identity()
	if err != nil {
		t.Fatal(err)
	}
	if one[6]>>4 != 4 || one[8]>>6 != 2 || !strings.Contains(source, "--device-id") {
		t.Errorf("%x from %q, want a random UUID and the option that fixes it", one, source)
	}
	if two, _, _ := b.Identity(); one == two {
		t.Error("chance gave the same twice")
	}
}

func TestIdentityFileThatCannotBeUsed(t *testing.T) {
	for _, row := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no UUID", map[string]string{"etc/sniffer/device-id": "router-1\n"}, `"router-1" is no UUID`},
		{"empty", map[string]string{"etc/sniffer/device-id": ""}, "32 hexadecimal digits"},
		{"a directory", map[string]string{"etc/sniffer/device-id/x": ""}, "read the device's identity"},
	} {
		t.Run(row.name, func(t *testing.T) {
			// A machine-id is there, and is not silently used instead: rows of two names would be one device's.
			row.files["etc/machine-id"] = "9f1c2b7a4d5e46f08a1b2c3d4e5f6071\n"
			_, _, err := tree(t, row.files).Identity()
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "device-id") {
				t.Errorf("error %v, want the file and %q", err, row.want)
			}
		})
	}
}

func mustParse(t *testing.T, text string) [16]byte {
	t.Helper()
	id, err := ParseUUID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestParseUUID(t *testing.T) {
	want := [16]byte{0: 0x0e, 1: 0x5f, 2: 0x2a, 3: 0xca, 4: 0x03, 5: 0xdd, 6: 0x80, 8: 0xa3, 9: 0x28, 10: 0xfc, 11: 0x18, 12: 0xd9, 13: 0x6b, 14: 0xcb, 15: 0xdc}
	for _, row := range []struct {
		name, text string
		ok         bool
	}{
		{"with hyphens", "0e5f2aca-03dd-8000-a328-fc18d96bcbdc", true},
		{"without", "0e5f2aca03dd8000a328fc18d96bcbdc", true},
		{"capitals", "0E5F2ACA-03DD-8000-A328-FC18D96BCBDC", true},
		{"empty", "", false},
		{"one digit short", "0e5f2aca-03dd-8000-a328-fc18d96bcbd", false},
		{"a byte short", "0e5f2aca-03dd-8000-a328-fc18d96bcb", false},
		{"a byte long", "0e5f2aca-03dd-8000-a328-fc18d96bcbdc00", false},
		{"no digit", "0e5f2aca-03dd-8000-a328-fc18d96bcbdg", false},
		{"white space", " 0e5f2aca-03dd-8000-a328-fc18d96bcbdc", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			id, err := ParseUUID(row.text)
			if row.ok && (err != nil || id != want) {
				t.Errorf("%x, error %v, want %x", id, err, want)
			}
			if !row.ok && (err == nil || !strings.Contains(err.Error(), "uuidgen") || id != [16]byte{}) {
				t.Errorf("%x, error %v, want an error that says how to make one", id, err)
			}
		})
	}
}

func TestNewRun(t *testing.T) {
	one, err1 := NewRun()
	two, err2 := NewRun()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if one == two || one[6]>>4 != 4 || one[8]>>6 != 2 {
		t.Errorf("%x and %x, want two random UUIDs", one, two)
	}
}

func TestHostname(t *testing.T) {
	for _, row := range []struct {
		name string
		b    Board
		want string
	}{
		{"named", At("testdata/debian"), "gate"},
		{"empty", tree(t, map[string]string{"proc/sys/kernel/hostname": "\n"}), "unnamed"},
		{"no procfs", tree(t, nil), "unnamed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.b.Hostname(); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}
