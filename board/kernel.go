package board

import (
	"math/bits"
	"os"
	"strconv"
	"strings"
)

// Kernel is what a kernel says of its ability to run filters.
type Kernel struct {
	Release string `json:"release,omitempty"`
	// JIT is net.core.bpf_jit_enable: 0 interprets filter programs, 1 and 2 translate them into machine code. Nil
	// where the kernel does not tell, as in a network namespace.
	JIT *int `json:"bpf_jit_enable,omitempty"`
	// OptMem is net.core.optmem_max, the bytes that a socket has for its filter program; 0 when it is not told.
	OptMem int64 `json:"optmem_max,omitempty"`
}

// Kernel reads the settings below proc/sys.
func (b Board) Kernel() Kernel {
	k := Kernel{Release: b.sysctl("kernel", "osrelease")}
	if v, err := strconv.Atoi(b.sysctl("net", "core", "bpf_jit_enable")); err == nil {
		k.JIT = &v
	}
	if v, err := strconv.ParseInt(b.sysctl("net", "core", "optmem_max"), 10, 64); err == nil {
		k.OptMem = v
	}
	return k
}

func (b Board) sysctl(name ...string) string {
	text, err := os.ReadFile(b.path(append([]string{"proc", "sys"}, name...)...))
	if err != nil {
		return "" // a kernel without the setting: the same to the caller
	}
	return strings.TrimSpace(string(text))
}

// Capabilities are those of this process that are effective, capabilities(7).
type Capabilities struct {
	NetRaw   bool `json:"cap_net_raw"`   // packet sockets: nothing is recorded without it
	NetAdmin bool `json:"cap_net_admin"` // a receive buffer above net.core.rmem_max, for --capture-mode read
	Others   int  `json:"others"`        // how many more there are; the sniffer needs none of them
}

// Bits of the set, linux/capability.h.
const (
	capNetAdmin = 12
	capNetRaw   = 13
)

// Capabilities reads proc/self/status; false when it is not there.
func (b Board) Capabilities() (c Capabilities, known bool) {
	b.eachLine(b.path("proc", "self", "status"), func(f []string) {
		if len(f) != 2 || f[0] != "CapEff:" {
			return
		}
		set, err := strconv.ParseUint(f[1], 16, 64)
		if err != nil {
			return
		}
		known = true
		c.NetRaw, c.NetAdmin = set>>capNetRaw&1 == 1, set>>capNetAdmin&1 == 1
		c.Others = bits.OnesCount64(set &^ (1<<capNetRaw | 1<<capNetAdmin))
	})
	return c, known
}
