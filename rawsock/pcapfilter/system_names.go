package pcapfilter

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// SystemNames looks up names where the system does: hosts in hosts(5) and the DNS, link-layer addresses in
// ethers(5), networks in networks(5).
//
// All lookups together may take as long as the deadline says, from now on. What was found or not found
// by then stays so: an expression that is compiled again means the same. The functions may be called
// from several goroutines.
func SystemNames(deadline time.Duration) *Names {
	return systemNames("/etc", deadline)
}

// systemNames reads the files in a directory.
func systemNames(dir string, deadline time.Duration) *Names {
	h := &hostCache{until: time.Now().Add(deadline), found: map[string]hostAnswer{}}
	return &Names{
		Host: h.lookup,
		Ether: func(name string) ([6]byte, bool) {
			return etherIn(readNames(dir+"/ethers"), name)
		},
		Network: func(name string) (netip.Prefix, bool) {
			return networkIn(readNames(dir+"/networks"), name)
		},
	}
}

// hostCache remembers what was asked.
type hostCache struct {
	until time.Time

	mu    sync.Mutex // held while waiting for the DNS: nobody asks the same twice
	found map[string]hostAnswer
}

type hostAnswer struct {
	addrs []netip.Addr
	err   error
}

func (h *hostCache) lookup(name string) ([]netip.Addr, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a, ok := h.found[name]; ok {
		return a.addrs, a.err
	}
	ctx, cancel := context.WithDeadline(context.Background(), h.until)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	for i, addr := range addrs {
		addrs[i] = addr.Unmap().WithZone("")
	}
	// The DNS changes the order with every answer; the program is to stay the same.
	slices.SortFunc(addrs, netip.Addr.Compare)
	a := hostAnswer{slices.Compact(addrs), err}
	h.found[name] = a
	return a.addrs, a.err
}

// readNames returns the fields of every line of a file, without comments. A file that is not there or cannot be
// read has no names.
func readNames(path string) [][]string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var lines [][]string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) >= 2 {
			lines = append(lines, fields)
		}
	}
	return lines
}

// etherIn finds a name in ethers(5): an address, a name.
func etherIn(lines [][]string, name string) ([6]byte, bool) {
	for _, fields := range lines {
		if mac := fields[0]; fields[1] == name && macLength(mac) == len(mac) {
			return macBytes(mac), true
		}
	}
	return [6]byte{}, false
}

// networkIn finds a name in networks(5): a name, a number, aliases. The number has no mask: bytes of zero at its
// end belong to the hosts, so that "loopback 127.0.0.0" is 127.0.0.0/8.
func networkIn(lines [][]string, name string) (netip.Prefix, bool) {
	for _, fields := range lines {
		if fields[0] != name && !slices.Contains(fields[2:], name) {
			continue
		}
		var addr [4]byte
		length := 0
		parts := strings.Split(fields[1], ".")
		if len(parts) > len(addr) {
			continue
		}
		valid := true
		for i, part := range parts {
			v, err := strconv.ParseUint(part, 10, 8)
			valid = valid && err == nil
			if addr[i] = byte(v); v != 0 {
				length = 8 * (i + 1)
			}
		}
		if valid && length > 0 {
			return netip.PrefixFrom(netip.AddrFrom4(addr), length), true
		}
	}
	return netip.Prefix{}, false
}
