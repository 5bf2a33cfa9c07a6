package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// knock connects to the router and says something, or nothing. It returns what came until there was a greeting or an end; that the
// connection was refused, or closed without a byte, is "". Anything else, silence too, is an error.
func knock(from *testbed.Namespace, address, say string) (string, error) {
	conn, err := from.Dial("tcp", address)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, say); err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return "", err
	}
	got := make([]byte, 0, 1<<16)
	for len(got) < cap(got) {
		n, err := conn.Read(got[len(got):cap(got)])
		got = got[:len(got)+n]
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
			return string(got), nil
		case err != nil:
			return string(got), err
		case strings.Contains(string(got), "resume"), strings.HasPrefix(string(got), sectionHeader):
			return string(got), nil
		}
	}
	return string(got), nil
}

// sectionHeader is how a pcapng stream begins (draft-ietf-opsawg-pcapng §4.1).
const sectionHeader = "\n\r\r\n"

// linkLocal is the router's address of fe80::/10 at a port, for a host at the other end. A zone by its name would be looked
// up once for all namespaces.
func linkLocal(t *testing.T, router *testbed.Namespace, port string, host *testbed.Namespace, hostPort string) string {
	t.Helper()
	fields := strings.Fields(router.Run(t, "ip", "-6", "-o", "address", "show", "dev", port, "scope", "link"))
	for i, word := range fields {
		if word == "inet6" {
			address, _, _ := strings.Cut(fields[i+1], "/")
			return fmt.Sprintf("%s%%%d", address, host.Interface(t, hostPort).Index)
		}
	}
	t.Fatalf("%s has no link-local address: %q", port, fields)
	return ""
}

// TestReach: whoever is on the LAN reaches the console, and nobody else does, over whatever address, however the console is
// told to listen, and whatever becomes of addresses and interfaces.
func TestReach(t *testing.T) {
	testbed.NeedRoot(t)
	for _, row := range []struct {
		name string
		args []string
		// every address of the LAN's interface is served, its link-local one too, and a new one after the old one
		every bool
		// and those of the other interface, to the LAN
		other bool
	}{
		{"an interface", []string{"--console-listen", "lan0:8000", "--pcap-listen", "lan0:8001"}, true, true},
		{"addresses", []string{
			"--console-listen", "192.168.1.1:8000,[fd00:1::1]:8000", "--pcap-listen", "192.168.1.1:8001,[fd00:1::1]:8001",
		}, false, false},
		{"everywhere", []string{"--console-listen", "0.0.0.0:8000", "--console-allow", "auto", "--pcap-listen", ":8001"}, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			reach(t, row.args, row.every, row.other)
		})
	}
}

func reach(t *testing.T, args []string, every, other bool) {
	topology := testbed.Router(t)
	router, lan, wan := topology.Router, topology.Lan, topology.Wan
	router.Route(t, "default", testbed.WanHostIPv4)
	router.Route(t, "default", testbed.WanHostIPv6)
	startRecorder(t, router, t.TempDir(), "", append(args, "--interface", topology.LanPort)...)

	// To a port that sends a capture nothing is said.
	ports := map[string]string{"8000": "help\n", "8001": ""}
	// near are the addresses that the LAN is served at, far the others; the world is served at none of them.
	check := func(when string, near, far []string) {
		t.Helper()
		for _, address := range near {
			for port, say := range ports {
				at := net.JoinHostPort(address, port)
				testbed.Eventually(t, patience, when+": "+at+" serves the LAN", func() (bool, string) {
					text, err := knock(lan, at, say)
					return text != "" && err == nil, fmt.Sprintf("%q, error %v", text, err)
				})
			}
		}
		toWan := append([]string{linkLocal(t, router, topology.WanPort, wan, topology.HostPort)}, far...)
		for _, address := range append(near, toWan...) {
			if strings.HasPrefix(address, "fe80:") && address != toWan[0] {
				continue // of the other link
			}
			for port, say := range ports {
				at := net.JoinHostPort(address, port)
				if text, err := knock(wan, at, say); text != "" || err != nil {
					t.Errorf("%s: %s answers the world %q, error %v", when, at, text, err)
				}
			}
		}
	}
	withOthers := func(near []string, others ...string) []string {
		if other {
			near = append(near, others...)
		}
		if every {
			near = append(near, linkLocal(t, router, topology.LanPort, lan, topology.HostPort))
		}
		return near
	}
	ip := func(ns *testbed.Namespace, args ...string) { t.Helper(); ns.Run(t, "ip", args...) }

	check("at first", withOthers([]string{testbed.RouterLanIPv4, testbed.RouterLanIPv6}, testbed.RouterWanIPv4, testbed.RouterWanIPv6),
		[]string{testbed.RouterWanIPv4, testbed.RouterWanIPv6})

	// The LAN gets other networks.
	router.Addr(t, topology.LanPort, "10.9.0.1/24")
	router.Addr(t, topology.LanPort, "fd00:9::1/64")
	ip(router, "address", "delete", testbed.RouterLanIPv4+"/24", "dev", topology.LanPort)
	ip(router, "address", "delete", testbed.RouterLanIPv6+"/64", "dev", topology.LanPort)
	ip(lan, "address", "flush", "dev", topology.HostPort, "scope", "global")
	lan.Addr(t, topology.HostPort, "10.9.0.2/24")
	lan.Addr(t, topology.HostPort, "fd00:9::2/64")
	lan.Route(t, "default", "10.9.0.1")
	lan.Run(t, "ip", "-6", "route", "replace", "default", "via", "fd00:9::1")
	renumbered := []string{"10.9.0.1", "fd00:9::1"}
	if every {
		check("the LAN renumbered", withOthers(renumbered, testbed.RouterWanIPv4, testbed.RouterWanIPv6), nil)
	} else {
		check("the LAN renumbered", nil, append(renumbered, testbed.RouterWanIPv4, testbed.RouterWanIPv6))
	}

	// The world gets what the LAN had.
	router.Addr(t, topology.WanPort, testbed.RouterLanIPv4+"/24")
	router.Addr(t, topology.WanPort, testbed.RouterLanIPv6+"/64")
	wan.Addr(t, topology.HostPort, testbed.LanHostIPv4+"/24")
	wan.Addr(t, topology.HostPort, testbed.LanHostIPv6+"/64")
	ip(wan, "address", "delete", testbed.WanHostIPv4+"/24", "dev", topology.HostPort)
	ip(wan, "address", "delete", testbed.WanHostIPv6+"/64", "dev", topology.HostPort)
	for _, gateway := range []string{testbed.RouterLanIPv4, testbed.RouterLanIPv6} {
		ip(wan, "route", "replace", "default", "via", gateway)
	}
	for _, gateway := range []string{testbed.LanHostIPv4, testbed.LanHostIPv6} {
		ip(router, "route", "replace", "default", "via", gateway)
	}
	taken := []string{testbed.RouterLanIPv4, testbed.RouterLanIPv6}
	if every {
		check("the world has the LAN's old networks", withOthers(renumbered), taken)
	} else {
		check("the world has the LAN's old networks", nil, append(renumbered, taken...))
	}

	// The uplink loses its route, and is no LAN for that.
	ip(router, "route", "delete", "default")
	ip(router, "-6", "route", "delete", "default")
	if every {
		check("without a default route", withOthers(renumbered), taken)
	} else {
		check("without a default route", nil, append(renumbered, taken...))
	}

	// Everything is as it was at first, at another interface of the same name.
	ip(router, "address", "flush", "dev", topology.WanPort, "scope", "global")
	router.Addr(t, topology.WanPort, testbed.RouterWanIPv4+"/24")
	router.Addr(t, topology.WanPort, testbed.RouterWanIPv6+"/64")
	ip(wan, "address", "flush", "dev", topology.HostPort, "scope", "global")
	wan.Addr(t, topology.HostPort, testbed.WanHostIPv4+"/24")
	wan.Addr(t, topology.HostPort, testbed.WanHostIPv6+"/64")
	ip(wan, "route", "replace", "default", "via", testbed.RouterWanIPv4)
	ip(wan, "route", "replace", "default", "via", testbed.RouterWanIPv6)
	ip(router, "link", "delete", topology.LanPort)
	testbed.Link(t, lan, topology.HostPort, router, topology.LanPort)
	router.Addr(t, topology.LanPort, testbed.RouterLanIPv4+"/24")
	router.Addr(t, topology.LanPort, testbed.RouterLanIPv6+"/64")
	lan.Addr(t, topology.HostPort, testbed.LanHostIPv4+"/24")
	lan.Addr(t, topology.HostPort, testbed.LanHostIPv6+"/64")
	lan.Route(t, "default", testbed.RouterLanIPv4)
	lan.Route(t, "default", testbed.RouterLanIPv6)
	check("the interface made again",
		withOthers([]string{testbed.RouterLanIPv4, testbed.RouterLanIPv6}, testbed.RouterWanIPv4, testbed.RouterWanIPv6),
		[]string{testbed.RouterWanIPv4, testbed.RouterWanIPv6})
}

// TestConsolePassword: what `sniffer password` made of a password lets in who knows it, and nobody else.
func TestConsolePassword(t *testing.T) {
	testbed.NeedRoot(t)
	const secret = "correct horse battery"
	file := filepath.Join(t.TempDir(), "password")
	hash := exec.Command(binary, "password")
	hash.Stdin = strings.NewReader(secret + "\n")
	line, err := hash.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, line, 0o600); err != nil {
		t.Fatal(err)
	}
	ns := testbed.NewNamespace(t, "router")
	startRecorder(t, ns, t.TempDir(), "", "--interface", "lo", "--console-password-file", file)
	for _, row := range []struct {
		name, say, want, never string
	}{
		{"nobody", "stats\n", "Wrong password", "running for"},
		{"the owner", secret + "\nstats\n", "running for", "Wrong password"},
	} {
		conn, err := ns.Dial("tcp", "127.0.0.1:8000")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, row.say); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || !strings.Contains(string(got), row.want) || strings.Contains(string(got), row.never) {
			t.Errorf("%s is told %q, error %v, want %q", row.name, got, err, row.want)
		}
	}
}
