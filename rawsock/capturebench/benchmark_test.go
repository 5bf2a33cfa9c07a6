package capturebench

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
)

// frameSizes in bytes as captured: the least of Ethernet, which is 64 with the frame check sequence, and 1,400.
var frameSizes = []int{60, 1400}

// How much one run sends.
const (
	frames       = 400_000                 // at full speed
	refilterTime = 2500 * time.Millisecond // at full speed while filters are replaced
	pacedRate    = 1000                    // frames/s, to see what a time-out costs
	pacedFrames  = 1500
)

// BenchmarkCapture prints all tables, once.
func BenchmarkCapture(b *testing.B) {
	b.ReportMetric(0, "ns/op") // the time of all of it together says nothing
	all := consumers(b)
	fmt.Printf("\n%s, Linux %s, %s, %d cores\n", time.Now().UTC().Format(time.DateOnly), kernelRelease(b), runtime.Version(),
		runtime.NumCPU())
	bySize := make([]map[string][]outcome, len(frameSizes))
	for i, size := range frameSizes {
		bySize[i] = compareConsumers(b, all, size)
	}
	targets(bySize)
	ours := named(b, all, snifferName)
	smallRing(b, []consumer{ours, named(b, all, cPacketName)})
	interfaces(b, ours)
	refiltering(b, ours)
	kernelSide(b, ours)
	blockSizes(b, ours)
	timeouts(b, ours)
}

// variant is one row of a table: a consumer, and how it and the sender are set up.
type variant struct {
	name     string
	consumer consumer
	options  options
	send     func() (spent, error)
	leaky    bool // not every frame that is sent is counted by the consumer's socket: a filter refuses some
}

// measure runs the variants in turn, so often each.
func (b *bench) measure(t testing.TB, times int, variants []variant) map[string][]outcome {
	t.Helper()
	runs := map[string][]outcome{}
	for range times {
		for _, v := range variants {
			r := b.run(t, v.consumer, v.options, v.send)
			if seen := int(r.frames + r.dropped); seen != r.spent.frames && !v.leaky {
				t.Errorf("%s: %d frames and %d dropped of %d that were sent", v.name, r.frames, r.dropped, r.spent.frames)
			}
			runs[v.name] = append(runs[v.name], r)
		}
	}
	return runs
}

// fewer is for tables whose rows are of one consumer: differences between them matter less than those to others.
func fewer() int { return (*pairs + 1) / 2 }

// compareConsumers prints the consumers beside each other.
func compareConsumers(t testing.TB, all []consumer, size int) map[string][]outcome {
	b := newBench(t, 1)
	sender := newBurst(t, b.far, b.interfaces, tcpFrame(size))
	var variants []variant
	for _, c := range all {
		variants = append(variants, variant{name: c.name, consumer: c, options: defaults(),
			send: func() (spent, error) { return sender.send(b.sendCore, frames) }})
	}
	runs := b.measure(t, *pairs, variants)
	rows := table{title: fmt.Sprintf("%d frames of %d bytes, snap length 128, a ring of 8 MiB; medians of %d runs",
		frames, size, *pairs)}
	rows.add("consumer", "CPU per frame", "sniffer's part of it", "dropped", "wall time per frame", "sender's CPU per frame")
	for _, c := range all {
		r := runs[c.name]
		rows.add(c.name, nanoseconds(medianOf(r, outcome.perFrame)),
			fmt.Sprintf("%.3f", ratio(runs[snifferName], r, outcome.perFrame)),
			percent(medianOf(r, outcome.lost)), nanoseconds(medianOf(r, outcome.wallPerFrame)),
			nanoseconds(medianOf(r, outcome.senderPerFrame)))
	}
	rows.print()
	return runs
}

// targets prints what was promised beside what was measured. It is no failure to miss one: the machine is not always
// ours alone.
func targets(bySize []map[string][]outcome) {
	rows := table{title: "Sniffer's CPU per frame divided by that of others, medians of the pairs"}
	header := []string{"beside", "target"}
	for _, size := range frameSizes {
		header = append(header, fmt.Sprintf("%d bytes", size))
	}
	rows.add(header...)
	for _, t := range []struct {
		name string
		most float64
	}{{cPacketName, 1.2}, {tcpdumpName, 1. / 2}, {mapName, 1. / 4}, {sparseName, 1. / 4}, {readFrom, 1. / 50}} {
		cells := []string{t.name, fmt.Sprintf("%.3g", t.most)}
		for _, runs := range bySize {
			r := ratio(runs[snifferName], runs[t.name], outcome.perFrame)
			verdict := "met"
			if r > t.most {
				verdict = "missed"
			}
			cells = append(cells, fmt.Sprintf("%.3f, %s", r, verdict))
		}
		rows.add(cells...)
	}
	rows.print()
}

// smallRing prints what the kernel drops where a ring is too small for a reader that is late.
func smallRing(t testing.TB, beside []consumer) {
	b := newBench(t, 1)
	sender := newBurst(t, b.far, b.interfaces, tcpFrame(frameSizes[0]))
	var variants []variant
	rows := table{title: fmt.Sprintf("Dropped by the kernel at full speed, frames of %d bytes; medians of %d runs",
		frameSizes[0], *pairs)}
	rows.add("ring", "consumer", "dropped")
	for _, blockSize := range []int{32 << 10, 128 << 10} {
		for _, c := range beside {
			o := defaults()
			o.blockSize = blockSize
			variants = append(variants, variant{name: fmt.Sprint(blockSize, c.name), consumer: c, options: o,
				send: func() (spent, error) { return sender.send(b.sendCore, frames) }})
		}
	}
	runs := b.measure(t, *pairs, variants)
	for _, v := range variants {
		rows.add(fmt.Sprintf("%d × %s", v.options.blocks, bytesOf(v.options.blockSize)), v.consumer.name,
			percent(medianOf(runs[v.name], outcome.lost)))
	}
	rows.print()
}

// interfaces prints what more of them cost. The memory of the rings is the same in all rows.
func interfaces(t testing.TB, c consumer) {
	const most, blockSize, memory = 8, 256 << 10, 16 << 20
	b := newBench(t, most)
	var variants []variant
	for n := 1; n <= most; n *= 2 {
		sender := newBurst(t, b.far, b.interfaces[:n], tcpFrame(frameSizes[0]))
		o := defaults()
		o.interfaces, o.blockSize, o.blocks = b.interfaces[:n], blockSize, memory/blockSize/n
		variants = append(variants, variant{name: strconv.Itoa(n), consumer: c, options: o,
			send: func() (spent, error) { return sender.send(b.sendCore, frames) }})
	}
	b.printVariants(t, "Interfaces with a ring each, 16 MiB in all, blocks of 256 KiB", "interfaces", variants)
}

// refiltering prints what replacing the filter costs, its compilation included: little for a frame, because it is a
// price per second.
func refiltering(t testing.TB, c consumer) {
	b := newBench(t, 1)
	sender := newBurst(t, b.far, b.interfaces, tcpFrame(frameSizes[0]))
	var variants []variant
	for _, v := range []struct {
		name  string
		every time.Duration
	}{{"never", 0}, {"every second", time.Second}, {"ten times a second", 100 * time.Millisecond}} {
		o := defaults()
		o.expression, o.refilter = "not (host 203.0.113.9 and port 53)", v.every
		variants = append(variants, variant{name: v.name, consumer: c, options: o,
			send: func() (spent, error) { return sender.sendFor(b.sendCore, refilterTime) }})
	}
	b.printVariants(t, "Filter compiled anew and replaced under load", "replaced", variants)
}

// printVariants prints a row to a variant, with what all tables about the consumer's cost have.
func (b *bench) printVariants(t testing.TB, title, what string, variants []variant) {
	t.Helper()
	runs := b.measure(t, fewer(), variants)
	rows := table{title: fmt.Sprintf("%s; medians of %d runs", title, fewer())}
	rows.add(what, "CPU per frame", "beside the first row", "dropped", "sender's CPU per frame", "frames/s")
	for _, v := range variants {
		r := runs[v.name]
		rows.add(v.name, nanoseconds(medianOf(r, outcome.perFrame)),
			fmt.Sprintf("%.2f", ratio(r, runs[variants[0].name], outcome.perFrame)),
			percent(medianOf(r, outcome.lost)), nanoseconds(medianOf(r, outcome.senderPerFrame)),
			fmt.Sprintf("%.0f", medianOf(r, outcome.rate)))
	}
	rows.print()
}

// kernelSide prints what a filter and a snap length save in the kernel, which works in the sender's context.
func kernelSide(t testing.TB, c consumer) {
	size := frameSizes[len(frameSizes)-1]
	b := newBench(t, 1)
	sender := newBurst(t, b.far, b.interfaces, tcpFrame(size))
	send := func() (spent, error) { return sender.send(b.sendCore, frames) }
	var variants []variant
	add := func(name string, snap uint32, expression string) {
		o := defaults()
		o.snap, o.expression = snap, expression
		variants = append(variants, variant{name: name, consumer: c, options: o, send: send, leaky: snap == 0 || expression != ""})
	}
	add("every frame refused by the first instruction", 0, "")
	add("refused by its port (our own connection excluded, then tcp port 443)", 128, "tcp port 443")
	for _, snap := range []uint32{64, 128, 256} {
		add(fmt.Sprintf("accepted, %d bytes", snap), snap, "")
	}
	add("accepted, whole", 1<<18, "")

	var alone []outcome
	runs := map[string][]outcome{}
	for range fewer() {
		s, err := send()
		if err != nil {
			t.Fatal(err)
		}
		alone = append(alone, outcome{spent: s})
		for name, r := range b.measure(t, 1, variants) {
			runs[name] = append(runs[name], r...)
		}
	}
	rows := table{title: fmt.Sprintf("What the kernel spends on a frame of %d bytes; medians of %d runs", size, fewer())}
	rows.add("the filter's verdict", "sender's CPU per frame", "of that for the capture")
	nobody := medianOf(alone, outcome.senderPerFrame)
	rows.add("nobody captures", nanoseconds(nobody), "")
	for _, v := range variants {
		spent := medianOf(runs[v.name], outcome.senderPerFrame)
		rows.add(v.name, nanoseconds(spent), nanoseconds(spent-nobody))
	}
	rows.print()
}

// blockSizes prints what larger blocks buy. The ring has the same size in all rows.
func blockSizes(t testing.TB, c consumer) {
	const memory = 8 << 20
	b := newBench(t, 1)
	sender := newBurst(t, b.far, b.interfaces, tcpFrame(frameSizes[0]))
	var variants []variant
	for _, size := range []int{128 << 10, 256 << 10, 1 << 20, 4 << 20} {
		o := defaults()
		o.blockSize, o.blocks = size, memory/size
		variants = append(variants, variant{name: bytesOf(size), consumer: c, options: o,
			send: func() (spent, error) { return sender.send(b.sendCore, frames) }})
	}
	b.printVariants(t, "Blocks in a ring of 8 MiB", "block", variants)
}

// timeouts prints what holding back a block that is not full saves where little is going on.
func timeouts(t testing.TB, c consumer) {
	b := newBench(t, 1)
	sender := testbed.NewSender(t, b.far, b.interfaces[0])
	var variants []variant
	for _, timeout := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond} {
		o := defaults()
		o.blockTimeout = timeout
		variants = append(variants, variant{name: timeout.String(), consumer: c, options: o, send: func() (spent, error) {
			s, err := sender.SendNumbered(context.Background(), testbed.SendConfig{Count: pacedFrames, Rate: pacedRate,
				Kinds: []testbed.Kind{testbed.TCPData}})
			return spent{frames: s.Sent, elapsed: s.Elapsed}, err
		}})
	}
	runs := b.measure(t, fewer(), variants)
	rows := table{title: fmt.Sprintf("Time-out of a block at %d frames/s; medians of %d runs", pacedRate, fewer())}
	rows.add("time-out", "CPU per frame", "of a core")
	for _, v := range variants {
		cost := medianOf(runs[v.name], outcome.perFrame)
		rows.add(v.name, nanoseconds(cost), percent(cost*pacedRate/1e9))
	}
	rows.print()
}

func kernelRelease(t testing.TB) string {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	return unix.ByteSliceToString(name.Release[:])
}

func bytesOf(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
