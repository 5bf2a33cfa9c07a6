//go:build linux

package testbed

import (
	"testing"
	"time"
)

func TestRouterForwards(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []LinkOption
	}{{"ordinary", nil}, {"quiet", []LinkOption{Quiet()}}, {"no offloads", []LinkOption{NoOffloads()}}} {
		t.Run(c.name, func(t *testing.T) {
			net := Router(t, c.options...)
			for _, ping := range []struct {
				name string
				from *Namespace
				to   string
			}{
				{"lan to router", net.Lan, RouterLanIPv4},
				{"lan to router, IPv6", net.Lan, RouterLanIPv6},
				{"lan to wan", net.Lan, WanHostIPv4},
				{"lan to wan, IPv6", net.Lan, WanHostIPv6},
				{"wan to lan", net.Wan, LanHostIPv4},
				{"wan to lan, IPv6", net.Wan, LanHostIPv6},
			} {
				if err := ping.from.Ping(ping.to, 10*time.Second); err != nil {
					t.Errorf("%s: %v", ping.name, err)
				}
			}
			for port, mac := range map[string]string{net.LanPort: RouterLanMAC, net.WanPort: RouterWanMAC} {
				if got := net.Router.Interface(t, port).HardwareAddr.String(); got != mac {
					t.Errorf("%s has %s, want %s", port, got, mac)
				}
			}
			// It was the router that made it work.
			net.Router.Sysctl(t, "net/ipv4/ip_forward", "0")
			if err := net.Lan.Ping(WanHostIPv4, 200*time.Millisecond); err == nil {
				t.Error("ping passes a router that does not forward")
			}
		})
	}
}
