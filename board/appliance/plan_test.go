package appliance

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/rawsock"
)

// TestRing: what is not asked for comes from the memory; a ring is never so small that its reader stops the kernel.
func TestRing(t *testing.T) {
	const kib, mib = 1 << 10, 1 << 20
	large := board.Budget{RingBlock: mib, Blocks: 16}
	small := board.Budget{RingBlock: 256 * kib, Blocks: 4}
	for _, row := range []struct {
		name         string
		budget       board.Budget
		size, block  int64 // as asked
		rings        int
		want, blocks int // zero: refused
	}{
		{"one ring has what was measured to be good", large, 0, 0, 1, mib, 16},
		{"and each of four", large, 0, 0, 4, mib, 16},
		{"eight share what four may take", large, 0, 0, 8, mib, 8},
		{"and 64 have the least there is", large, 0, 0, 64, mib, 4},
		{"little memory", small, 0, 0, 1, 256 * kib, 4},
		{"a size of its own", large, 64 * mib, 0, 64, mib, 64},
		{"a small one has smaller blocks", large, 1 * mib, 0, 1, 256 * kib, 4},
		{"the smallest", large, 128 * kib, 0, 1, 32 * kib, 4},
		{"a size that is no multiple is rounded down", large, 5*mib + 1, 0, 1, mib, 5},
		{"blocks of their own", large, 0, 4 * mib, 1, 4 * mib, 4},
		{"small blocks", large, 0, 64 * kib, 1, 64 * kib, 256},
		{"larger blocks than the memory's ring has", small, 0, 4 * mib, 1, 4 * mib, 4},
		{"both", large, 8 * mib, 2 * mib, 1, 2 * mib, 4},
		{"too few blocks", large, 8 * mib, 4 * mib, 1, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			size, blocks, err := ring(config.Config{RingSize: row.size, RingBlock: row.block}, row.budget, row.rings)
			if size != row.want || blocks != row.blocks || (err != nil) != (row.want == 0) {
				t.Errorf("%d blocks of %d bytes, %v; want %d of %d", blocks, size, err, row.blocks, row.want)
			}
			if err != nil && !errors.Is(err, config.ErrUsage) {
				t.Errorf("%v is no mistake of the command line", err)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	eth := []string{"eth0"}
	ring := func(change func(*rawsock.Config)) rawsock.Config {
		c := rawsock.Config{BlockSize: 1 << 20, Blocks: 16}
		change(&c)
		return c
	}
	auto := ring(func(*rawsock.Config) {})
	for _, row := range []struct {
		name  string
		c     config.Config
		plain bool // the board has no memory for rings
		want  plan
		blind string // part of what the console tells
	}{
		{"nothing is asked for", config.Config{Interfaces: eth}, false,
			plan{socket: auto, workers: 1, short: 256, long: 2560}, ""},
		{"little memory", config.Config{Interfaces: eth, CaptureMode: config.CaptureAuto}, true,
			plan{socket: ring(func(c *rawsock.Config) { c.Mode = rawsock.ModeRead }), workers: 1, short: 256, long: 2560}, ""},
		{"little memory, and a ring nevertheless", config.Config{Interfaces: eth, CaptureMode: config.CaptureRing}, true,
			plan{socket: ring(func(c *rawsock.Config) { c.Mode = rawsock.ModeRing }), workers: 1, short: 256, long: 2560}, ""},
		{"little memory, and a size for a ring", config.Config{Interfaces: eth, RingSize: 8 << 20}, true,
			plan{socket: ring(func(c *rawsock.Config) { c.Blocks = 8 }), workers: 1, short: 256, long: 2560}, ""},
		{"reads", config.Config{Interfaces: eth, CaptureMode: config.CaptureRead}, false,
			plan{socket: ring(func(c *rawsock.Config) { c.Mode = rawsock.ModeRead }), workers: 1, short: 256, long: 2560}, ""},
		{"the rest of the socket",
			config.Config{Interfaces: eth, RingTimeout: time.Second, Promiscuous: true, HardwareTime: true}, false,
			plan{socket: ring(func(c *rawsock.Config) { c.BlockTimeout, c.Promiscuous, c.HardwareTime = time.Second, true, true }),
				workers: 1, short: 256, long: 2560}, ""},
		{"a snap length is that of every frame", config.Config{Interfaces: eth, SnapLength: 96}, false,
			plan{socket: auto, workers: 1, short: 96, long: 96}, "first 96 bytes"},
		{"flows", config.Config{Interfaces: eth, SampleRate: 10, SampleBy: config.SampleByFlow}, false,
			plan{socket: auto, workers: 1, sampling: rawsock.Sampling{Rate: 10}, short: 256, long: 2560}, "1 of 10 flows is kept"},
		{"packets", config.Config{Interfaces: eth, SampleRate: 7, SampleBy: config.SampleByPacket}, false,
			plan{socket: auto, workers: 1, sampling: rawsock.Sampling{Rate: 7, By: rawsock.SamplePacket}, short: 256, long: 2560},
			"1 of 7 packets is kept"},
		{"workers share the memory", config.Config{Interfaces: eth, Workers: 8}, false,
			plan{socket: ring(func(c *rawsock.Config) { c.Blocks = 8 }), workers: 8, short: 256, long: 2560}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := planOf(row.c, board.Budget{RingBlock: 1 << 20, Blocks: 16, Plain: row.plain})
			got.filter = userFilter{} // functions do not compare
			if err != nil || !reflect.DeepEqual(got, row.want) {
				t.Errorf("%+v, %v, want %+v", got, err, row.want)
			}
			if text := strings.Join(got.blind(), "\n"); !strings.Contains(text, row.blind) || (text == "") != (row.blind == "") {
				t.Errorf("the console tells %q, want %q", text, row.blind)
			}
		})
	}
}

// TestPlanRefuses: options that contradict each other are a mistake of the command line.
func TestPlanRefuses(t *testing.T) {
	for name, c := range map[string]config.Config{
		"any and another":         {Interfaces: []string{rawsock.Any, "eth0"}},
		"reads from a ring":       {CaptureMode: config.CaptureRead, RingSize: 8 << 20},
		"reads from blocks":       {CaptureMode: config.CaptureRead, RingBlock: 1 << 20},
		"a ring of too few parts": {RingSize: 1 << 20, RingBlock: 1 << 20},
	} {
		if _, err := planOf(c, board.Budget{RingBlock: 1 << 20, Blocks: 16}); !errors.Is(err, config.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
