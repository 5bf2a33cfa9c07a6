// Package board knows the machine this runs on. Every path is below an injected root, so that the tests
// can stand on trees of other machines.
package board

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Board is a machine, seen through its file system.
type Board struct {
	root string
}

// At returns the machine whose file system begins at root; "/" is this one.
func At(root string) Board { return Board{root} }

func (b Board) path(parts ...string) string {
	return filepath.Join(append([]string{b.root}, parts...)...)
}

// ErrNoInterface: nothing says which interface to record.
var ErrNoInterface = errors.New("no default route, so no default interface")

// OpenWrt reports whether the machine runs OpenWrt.
func (b Board) OpenWrt() bool {
	_, err := os.Stat(b.path("etc", "openwrt_release"))
	return err == nil
}

// DefaultInterface is the one to record when nobody says: the LAN bridge on OpenWrt, elsewhere the
// interface of the default route with the lowest metric, IPv4 before IPv6.
func (b Board) DefaultInterface() (string, error) {
	if b.OpenWrt() {
		return "br-lan", nil
	}
	if name := b.route4(); name != "" {
		return name, nil
	}
	if name := b.route6(); name != "" {
		return name, nil
	}
	return "", fmt.Errorf("board: %w; name one with --interface (see `ip link`)", ErrNoInterface)
}

// Flags of a route that leads nowhere; the kernel names "*" or lo as its interface.
const (
	rejectRoute4 = 0x0200 // RTF_REJECT, linux/route.h
	rejectRoute6 = 0x0200 // RTF_REJECT, linux/ipv6_route.h
)

// route4 reads proc/net/route: interface, destination, gateway, flags, refcount, use, metric, mask; numbers
// in hexadecimal but the metric.
func (b Board) route4() string {
	name, best := "", -1
	b.eachLine(b.path("proc", "net", "route"), func(f []string) {
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			return
		}
		flags, err1 := strconv.ParseUint(f[3], 16, 64)
		metric, err2 := strconv.Atoi(f[6])
		if err1 == nil && err2 == nil && flags&rejectRoute4 == 0 && (best < 0 || metric < best) {
			name, best = f[0], metric
		}
	})
	return name
}

// route6 reads proc/net/ipv6_route: destination, prefix length, source, prefix length, next hop, metric,
// refcount, use, flags, interface; numbers in hexadecimal.
func (b Board) route6() string {
	name, best := "", uint64(0)
	b.eachLine(b.path("proc", "net", "ipv6_route"), func(f []string) {
		if len(f) < 10 || strings.Trim(f[0], "0") != "" || f[1] != "00" || f[9] == "lo" {
			return
		}
		flags, err1 := strconv.ParseUint(f[8], 16, 64)
		metric, err2 := strconv.ParseUint(f[5], 16, 64)
		if err1 == nil && err2 == nil && flags&rejectRoute6 == 0 && (name == "" || metric < best) {
			name, best = f[9], metric
		}
	})
	return name
}

func (b Board) eachLine(path string, line func(fields []string)) {
	f, err := os.Open(path)
	if err != nil {
		return // no procfs, no route: the same to the caller
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		line(strings.Fields(s.Text()))
	}
}

// Memory is the machine's memory in bytes; 0 when it does not say.
func (b Board) Memory() int64 {
	var total int64
	b.eachLine(b.path("proc", "meminfo"), func(f []string) {
		if len(f) >= 2 && f[0] == "MemTotal:" {
			if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				total = kib << 10
			}
		}
	})
	return total
}

// Identity is the device's UUID and where it comes from. It is the one in etc/sniffer/device-id when there
// is one, else it is derived from etc/machine-id, else from the lowest permanent MAC address: all three
// survive a reboot, and the last one the flashing of new firmware, without anything being written. A
// machine that has nothing of the kind gets a random one for each run.
func (b Board) Identity() (id [16]byte, source string, err error) {
	path := b.path("etc", "sniffer", "device-id")
	switch text, err := os.ReadFile(path); {
	case err == nil:
		id, err := ParseUUID(strings.TrimSpace(string(text)))
		if err != nil {
			return id, "", fmt.Errorf("board: %s: %w", path, err)
		}
		return id, path, nil
	case !errors.Is(err, fs.ErrNotExist):
		return id, "", fmt.Errorf("board: read the device's identity: %w", err)
	}
	path = b.path("etc", "machine-id")
	if text, err := os.ReadFile(path); err == nil && len(strings.TrimSpace(string(text))) >= 16 {
		return derive(strings.TrimSpace(string(text))), path, nil
	}
	if mac := b.permanentMAC(); mac != "" {
		return derive(mac), "the MAC address " + mac, nil
	}
	if _, err := rand.Read(id[:]); err != nil {
		return id, "", fmt.Errorf("board: make a random identity: %w", err)
	}
	return stamp(id, 4), "chance: this machine has no machine-id and no MAC address; give it one with --device-id", nil
}

// permanentMAC finds the lowest address that a driver read from its hardware (addr_assign_type 0, kernel
// documentation sysfs-class-net).
func (b Board) permanentMAC() string {
	var macs []string
	dirs, _ := filepath.Glob(b.path("sys", "class", "net", "*"))
	for _, dir := range dirs {
		kind, err := os.ReadFile(filepath.Join(dir, "addr_assign_type"))
		if err != nil || strings.TrimSpace(string(kind)) != "0" {
			continue
		}
		address, err := os.ReadFile(filepath.Join(dir, "address"))
		if mac := strings.TrimSpace(string(address)); err == nil && len(mac) == 17 && mac != "00:00:00:00:00:00" {
			macs = append(macs, mac)
		}
	}
	if len(macs) == 0 {
		return ""
	}
	return slices.Min(macs)
}

// derive makes a UUID that does not disclose what it was made from.
func derive(from string) [16]byte {
	return UUIDFromHash(sha256.Sum256([]byte("network-sniffer device " + from)))
}

// UUIDFromHash makes a UUID of version 8 (RFC 9562 §5.8) of a SHA-256 sum.
func UUIDFromHash(sum [32]byte) [16]byte { return stamp([16]byte(sum[:16]), 8) }

func stamp(id [16]byte, version byte) [16]byte {
	id[6] = id[6]&0x0f | version<<4
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ParseUUID reads a UUID as RFC 9562 §4 has it, 32 hexadecimal digits with or without hyphens.
func ParseUUID(text string) (id [16]byte, err error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != 16 {
		return id, fmt.Errorf("%q is no UUID; write 32 hexadecimal digits, as `uuidgen` does", text)
	}
	return [16]byte(b), nil
}

// NewRun makes the random UUID of one start of the daemon.
func NewRun() ([16]byte, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return id, fmt.Errorf("board: make a run id: %w", err)
	}
	return stamp(id, 4), nil
}

// Hostname is the machine's name for people.
func (b Board) Hostname() string {
	if text, err := os.ReadFile(b.path("proc", "sys", "kernel", "hostname")); err == nil {
		if name := strings.TrimSpace(string(text)); name != "" {
			return name
		}
	}
	return "unnamed"
}
