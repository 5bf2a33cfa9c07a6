package uplinkbench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// captures are files of real traffic, of many protocols.
const captures = "../../decode/tsharktest/testdata/*.pcapng"

// patience bounds the wait for the spool to pack what is in it. It looks once a second, and is taken to be done when
// nothing changed for as long as settled.
const (
	patience = time.Minute
	settled  = 3 * time.Second
)

// spoolCost is what a row takes in the spool.
type spoolCost struct {
	name    string
	perRow  float64 // bytes of headers and bodies
	charged float64 // bytes that count against the spool's limit: whole blocks
}

func (c spoolCost) text() string {
	return fmt.Sprintf("%.1f bytes, %.1f in whole blocks", c.perRow, c.charged)
}

// spoolBytes measures the spool with real traffic and with the mix, at several rates. The first one is real traffic.
func spoolBytes(t testing.TB) []spoolCost {
	t.Helper()
	packets := capturedPackets(t)
	number := 0
	next := func() *decode.Packet {
		number++
		return &packets[number%len(packets)]
	}
	const fullBatch = 3500 // about what uplink.DefaultBatchSize holds
	costs := []spoolCost{
		spooled(t, "packets of the capture files of decode/tsharktest, full segments", next, fullBatch, 20, false),
		spooled(t, "these packets, full segments", mixed().next, fullBatch, 20, false),
	}
	for _, rate := range []int{1000, 100, 10} {
		name := fmt.Sprintf("these packets, %d a second", rate)
		costs = append(costs, spooled(t, name, mixed().next, rate, 100, false))
	}
	// 10 a second for more than an hour.
	return append(costs, spooled(t, "these packets, 10 a second, after an hour without the database", mixed().next, 10, 4000, true))
}

// spooled records so many segments of so many rows, and waits until they are packed where they are to be.
func spooled(t testing.TB, name string, next func() *decode.Packet, rows, segments int, packed bool) spoolCost {
	t.Helper()
	dir := t.TempDir()
	sp, err := spool.Open(spool.Disk{}, dir, spoolLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := uplink.NewSealer(uplink.SealerConfig{
		Spool: sp, Device: device, Run: [16]byte{1}, Recorders: 1, BatchSize: 1 << 20, Share: 1,
	})
	r := s.NewRecorder(uplink.RecorderConfig{Name: iface, SnapLength: snapLength})
	var c uplink.Counts
	for n := range segments {
		for range rows {
			r.Record(next())
			c.Received++
		}
		r.HandOver(c, time.Now())
		await(sp, uint64(n+1), segments)
	}
	if packed {
		last, since := sp.Stats(), time.Now()
		testbed.Eventually(t, patience, "the spool to have packed its segments", func() (bool, string) {
			if state := sp.Stats(); state != last {
				last, since = state, time.Now()
			}
			return last.Bundles > 0 && time.Since(since) > settled, fmt.Sprintf("%+v", last)
		})
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var bytes int64
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".segment") || strings.HasSuffix(e.Name(), ".bundle") {
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			bytes += info.Size()
		}
	}
	all := float64(rows * segments)
	cost := spoolCost{name, float64(bytes) / all, float64(sp.Stats().Bytes) / all}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return cost
}

// capturedPackets decodes the capture files.
func capturedPackets(t testing.TB) []decode.Packet {
	t.Helper()
	paths, err := filepath.Glob(captures)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no capture files at %s (%v)", captures, err)
	}
	var packets []decode.Packet
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		in, err := savefile.NewReader(file)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for {
			var f savefile.Frame
			if err := in.Next(&f); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			var p decode.Packet
			decode.Decode(&p, &decode.Meta{
				Time: f.Time, WireLength: f.WireLength, LinkType: decode.LinkType(f.LinkType),
				Direction: decode.Direction(f.Direction),
			}, f.Data)
			packets = append(packets, p)
		}
		file.Close()
	}
	return packets
}

// TestSpoolBytes: the spool's figures are of rows that are in it.
func TestSpoolBytes(t *testing.T) {
	full := spooled(t, "", mixed().next, 1000, 2, false)
	few := spooled(t, "", mixed().next, 10, 4, false)
	if full.perRow < 50 || full.perRow > 90 || few.perRow < full.perRow || few.charged < full.charged || full.charged < full.perRow {
		t.Errorf("full segments %+v, small ones %+v", full, few)
	}
	b := &bench{dir: t.TempDir()}
	if ns := b.sealingCost(t, full.perRow); ns <= 0 {
		t.Errorf("sealing costs %.1f ns a row", ns)
	}
	if n := len(capturedPackets(t)); n < 1000 {
		t.Errorf("%d packets in the capture files", n)
	}
}

// sealingCost is what the spool spends on a row, in nanoseconds of CPU: full segments, in memory, none dropped.
func (b *bench) sealingCost(t testing.TB, bytesPerRow float64) float64 {
	t.Helper()
	const segments = 300
	sp, err := spool.Open(spool.Disk{}, filepath.Join(b.dir, "sealing"), spoolLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	body := make([]byte, uplink.DefaultBatchSize)
	for i := range body {
		body[i] = byte(i) // also so that its memory is there when the clock starts
	}
	h := spool.Header{
		Device: device, Rows: uint64(float64(len(body)) / bytesPerRow), Coverage: []spool.Coverage{{Interface: iface}},
	}
	start := processCPU()
	for range segments {
		h.Sequence++
		if err := sp.Seal(&h, body); err != nil {
			t.Fatal(err)
		}
	}
	return float64(processCPU()-start) / float64(segments*h.Rows)
}
