package uplinkbench

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// bench is the server, and what the clients have to leave in it.
type bench struct {
	server *server
	dir    string // in memory
	want   map[stored]content
}

// stored names what a client was told to store.
type stored struct {
	traffic string
	rows    int
}

func newBench(t testing.TB) *bench {
	t.Helper()
	testbed.NeedTool(t, "psql")
	b := &bench{server: newServer(t), want: map[stored]content{}}
	// The recorder's spool is on tmpfs, and psql's file shall cost no more than reading does.
	dir, err := os.MkdirTemp("/dev/shm", "uplinkbench-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b.dir = dir
	return b
}

// outcome is one run of one client.
type outcome struct {
	usage
	rows        int
	before      usage         // of what was made for it
	server      time.Duration // CPU
	heap, index int64         // bytes of the server's disk
}

func (o outcome) perSecond() float64   { return float64(o.rows) / o.Elapsed.Seconds() }
func (o outcome) clientCPU() float64   { return float64(o.CPU.Nanoseconds()) / float64(o.rows) / 1000 } // µs a row
func (o outcome) serverCPU() float64   { return float64(o.server.Nanoseconds()) / float64(o.rows) / 1000 }
func (o outcome) allocations() float64 { return float64(o.Allocations) / float64(o.rows) }
func (o outcome) sealing() float64     { return float64(o.before.CPU.Nanoseconds()) / float64(o.rows) } // ns a row
func (o outcome) heapBytes() float64   { return float64(o.heap) / float64(o.rows) }
func (o outcome) indexBytes() float64  { return float64(o.index) / float64(o.rows) }
func (o outcome) resident() float64    { return float64(o.Resident) / (1 << 20) } // MiB

// run has a client store rows in the empty table and fails unless they are those that all the others stored.
func (b *bench) run(t testing.TB, c *client, traffic string, rows int, url string) outcome {
	t.Helper()
	return b.do(t, c, job{URL: url, Rows: rows, Traffic: traffic, Profile: *profileFlag})
}

func (b *bench) do(t testing.TB, c *client, j job) outcome {
	t.Helper()
	j.Dir = filepath.Join(b.dir, "client")
	if err := os.MkdirAll(j.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	rows := j.Rows
	b.server.empty(t)
	o := outcome{rows: rows, before: c.prepare(t, j)}
	before := b.server.cpu(t)
	o.usage = c.start(t, j)
	b.server.awaitAlone(t)
	o.server = b.server.cpu(t) - before

	got, key := b.server.content(t), stored{j.Traffic, rows}
	if want, known := b.want[key]; !known {
		b.want[key] = got
	} else if got != want {
		t.Fatalf("%s stored %+v, want %+v: its figures mean nothing", c.name, got, want)
	}
	if got.rows != int64(rows) {
		t.Fatalf("%s stored %d of %d rows", c.name, got.rows, rows)
	}
	o.heap, o.index = b.server.size(t)
	return o
}

// wire has each client store rows through a relay and returns the bytes a row that went to the server.
func (b *bench) wire(t testing.TB, rows int) map[string]float64 {
	t.Helper()
	bytes := map[string]float64{}
	for i := range clients {
		relay, url := b.server.relay(t)
		b.run(t, &clients[i], "mixed", rows, url)
		bytes[clients[i].name] = float64(relay.Stats().ToServer) / float64(rows)
	}
	return bytes
}

// compare runs the clients in turn, so often each.
func (b *bench) compare(t testing.TB, rows, times int) map[string][]outcome {
	t.Helper()
	runs := map[string][]outcome{}
	for range times {
		for i := range clients {
			c := &clients[i]
			runs[c.name] = append(runs[c.name], b.run(t, c, "mixed", rows/max(1, c.fraction), b.server.url()))
		}
	}
	return runs
}

// memory is the most that is alive in a process that uploads a backlog of so many rows, in MiB.
func (b *bench) memory(t testing.TB, rows int) float64 {
	t.Helper()
	for i := range clients {
		if c := &clients[i]; c.name == drainBinaryName {
			return float64(b.do(t, c, job{URL: b.server.url(), Rows: rows, Traffic: "mixed", Live: true}).Alive) / (1 << 20)
		}
	}
	t.Fatalf("no client is called %q", drainBinaryName)
	return 0
}

// TestSameRows: every client stores the same rows. Without this what they cost would say nothing.
func TestSameRows(t *testing.T) {
	b := newBench(t)
	const rows = 3000 // more than a batch's, and every kind of packet
	for name, bytes := range b.wire(t, rows) {
		if bytes < 100 { // a segment with time stamps has 80 bytes of fields
			t.Errorf("%s: %.1f bytes a row on the wire", name, bytes)
		}
	}
	first := &clients[0]
	if o := b.run(t, first, "plain", rows, b.server.url()); o.heap == 0 || o.CPU == 0 || o.Resident <= 0 || o.perSecond() == 0 {
		t.Errorf("%s: %+v", first.name, o)
	}
	if m := b.memory(t, rows); m < 0.1 || m > 8 {
		t.Errorf("%.1f MiB are alive while a backlog is uploaded", m)
	}
	if got := b.want[stored{"plain", rows}]; got == b.want[stored{"mixed", rows}] {
		t.Errorf("other packets are not told apart: %+v", got)
	}
}

// TestTrafficRepeats: the mix is what its description says, and the same each time.
func TestTrafficRepeats(t *testing.T) {
	one, other := mixed(), mixed()
	plainSegments := 0
	const want = 109
	for range slots {
		p, q := one.next(), other.next()
		if *p != *q {
			t.Fatalf("%+v and %+v", *p, *q)
		}
		if p.Valid == segment(0, false).Valid || p.Valid == segment(0, true).Valid || p.VLANID == 10 {
			plainSegments++
		}
	}
	if plainSegments != want {
		t.Errorf("%d of %d packets are segments with time stamps alone, want %d", plainSegments, slots, want)
	}
}
