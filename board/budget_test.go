package board

import (
	"fmt"
	"testing"
)

func meminfo(t *testing.T, kib int64) Board {
	return tree(t, map[string]string{"proc/meminfo": fmt.Sprintf("MemTotal: %8d kB\nMemFree: 1 kB\n", kib)})
}

func TestMemory(t *testing.T) {
	for _, row := range []struct {
		name string
		b    Board
		want int64
	}{
		{"a router of 128 MB, less what its kernel keeps", At("testdata/openwrt"), 121856 << 10},
		{"no procfs", tree(t, nil), 0},
		{"no such line", tree(t, map[string]string{"proc/meminfo": "MemFree: 100 kB\n"}), 0},
		{"no number", tree(t, map[string]string{"proc/meminfo": "MemTotal: much kB\n"}), 0},
		{"cut", tree(t, map[string]string{"proc/meminfo": "MemTotal:"}), 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.b.Memory(); got != row.want {
				t.Errorf("%d bytes, want %d", got, row.want)
			}
		})
	}
}

// TestBudget: the recorder's share falls with the machine, and the classes lie where boards are sold. The kernel
// keeps some of the memory for itself: a board's MemTotal is below its data sheet.
func TestBudget(t *testing.T) {
	var (
		tiny   = Budget{RingBlock: 256 << 10, Blocks: 4, Batch: 64 << 10, Spool: 4 << 20, ConsoleRing: 256 << 10, Sessions: 16, Plain: true}
		small  = Budget{RingBlock: 256 << 10, Blocks: 4, Batch: 64 << 10, Spool: 4 << 20, ConsoleRing: 512 << 10, Sessions: 32}
		router = Budget{RingBlock: 256 << 10, Blocks: 8, Batch: 128 << 10, Spool: 16 << 20, ConsoleRing: 1 << 20, Sessions: 64}
		medium = Budget{RingBlock: 1 << 20, Blocks: 8, Batch: 256 << 10, Spool: 64 << 20, ConsoleRing: 2 << 20, Sessions: 128}
		large  = Budget{RingBlock: 1 << 20, Blocks: 16, Batch: 256 << 10, Spool: 256 << 20, ConsoleRing: 4 << 20, Sessions: 256}
	)
	for _, row := range []struct {
		name string
		b    Board
		want Budget
	}{
		{"64 MB", meminfo(t, 59_000), tiny},
		{"less than 64 MiB", meminfo(t, 64<<10-1), tiny},
		{"64 MiB", meminfo(t, 64<<10), small},
		{"up to 96 MB", meminfo(t, 96<<10), small},
		{"more", meminfo(t, 96<<10+1), router},
		{"128 MB", At("testdata/openwrt"), router},
		{"256 MB", meminfo(t, 247_000), router},
		{"more than 256 MB", meminfo(t, 256<<10+1), medium},
		{"512 MB", meminfo(t, 500_000), medium},
		{"1 GB", meminfo(t, 1<<20), medium},
		{"more than 1 GB", meminfo(t, 1<<20+1), large},
		{"8 GB", At("testdata/debian"), large},
		{"a machine that does not say", tree(t, nil), large},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := row.b.Budget()
			if got != row.want {
				t.Errorf("%+v, want %+v", got, row.want)
			}
			if memory := row.b.Memory(); memory > 0 {
				if took := int64(got.RingBlock*got.Blocks+got.ConsoleRing) + got.Spool; took > memory/3 {
					t.Errorf("rings and spool take %d of %d bytes", took, memory)
				}
			}
		})
	}
}
