package board

import (
	"reflect"
	"testing"
)

func TestKernel(t *testing.T) {
	on := 1
	for _, row := range []struct {
		name  string
		files map[string]string
		want  Kernel
	}{
		{"all told", map[string]string{
			"proc/sys/kernel/osrelease":        "6.6.93\n",
			"proc/sys/net/core/bpf_jit_enable": "1\n",
			"proc/sys/net/core/optmem_max":     "20480\n",
		}, Kernel{Release: "6.6.93", JIT: &on, OptMem: 20480}},
		{"a network namespace does not tell", map[string]string{"proc/sys/kernel/osrelease": "6.6.93\n"}, Kernel{Release: "6.6.93"}},
		{"no numbers", map[string]string{"proc/sys/net/core/bpf_jit_enable": "yes\n", "proc/sys/net/core/optmem_max": "\n"}, Kernel{}},
		{"no procfs", nil, Kernel{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := tree(t, row.files).Kernel(); !reflect.DeepEqual(got, row.want) {
				t.Errorf("%+v, want %+v", got, row.want)
			}
		})
	}
}

func TestCapabilities(t *testing.T) {
	for _, row := range []struct {
		name, status string
		want         Capabilities
		known        bool
	}{
		{"root", "Name:\tsniffer\nCapPrm:\t000001ffffffffff\nCapEff:\t000001ffffffffff\n", Capabilities{true, true, 39}, true},
		{"the one that is needed", "CapEff:\t0000000000002000\n", Capabilities{NetRaw: true}, true},
		{"permitted is not effective", "CapPrm:\t0000000000003000\nCapEff:\t0000000000000000\n", Capabilities{}, true},
		{"no such line", "Name:\tsniffer\n", Capabilities{}, false},
		{"no number", "CapEff:\tall\n", Capabilities{}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, known := tree(t, map[string]string{"proc/self/status": row.status}).Capabilities()
			if got != row.want || known != row.known {
				t.Errorf("%+v, %v, want %+v, %v", got, known, row.want, row.known)
			}
		})
	}
}
