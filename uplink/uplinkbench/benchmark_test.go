package uplinkbench

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// BenchmarkUplink prints all tables, once.
func BenchmarkUplink(b *testing.B) {
	b.ReportMetric(0, "ns/op") // the time of all of it together says nothing
	rows, times := *rowsFlag, *runsFlag
	bench := newBench(b)
	fmt.Printf("\n%s, %s, %s, %d cores\n",
		time.Now().UTC().Format(time.DateOnly), bench.version(b), runtime.Version(), runtime.NumCPU())
	wire := bench.wire(b, rows/slow)
	runs := bench.compare(b, rows, times)
	compared(runs, wire, rows, times)
	disk := bench.run(b, &clients[0], "plain", rows/4, bench.server.url()) // enough for the index to weigh nothing
	memory := bench.memory(b, rows)
	inSpool := spoolBytes(b)
	drained := runs[drainBinaryName]
	sealing := bench.sealingCost(b, inSpool[1].perRow)

	parts := table{title: "What a row takes elsewhere"}
	parts.add("what", "figure")
	parts.add("making a packet in this benchmark, which every client's CPU includes",
		fmt.Sprintf("%.1f ns", trafficCost(rows)))
	parts.add("making, recording and sealing it, of the CPU above", fmt.Sprintf("%.1f ns", median(each(drained, outcome.sealing))))
	parts.add("sealing alone", fmt.Sprintf("%.1f ns", sealing))
	for _, s := range inSpool {
		parts.add("in the spool: "+s.name, s.text())
	}
	parts.add("on the server's disk: heap and index, these packets", fmt.Sprintf("%.1f + %.2f bytes",
		median(each(drained, outcome.heapBytes)), median(each(drained, outcome.indexBytes))))
	parts.add("the same, TCP segments with time stamps over IPv4",
		fmt.Sprintf("%.1f + %.2f bytes", disk.heapBytes(), disk.indexBytes()))
	parts.add(fmt.Sprintf("heap and stacks of the whole process while %d spooled rows are uploaded, at most", rows),
		fmt.Sprintf("%.1f MiB", memory))
	parts.add("growth of its resident memory meanwhile, code included",
		fmt.Sprintf("%.1f MiB", median(each(drained, outcome.resident))))
	parts.print()

	promised(runs, goals{
		spoolBytes: inSpool[0].perRow, sealing: sealing, memory: memory,
		diskBytes: disk.heapBytes() + disk.indexBytes(),
	})
}

// compared prints the clients beside each other.
func compared(runs map[string][]outcome, wire map[string]float64, rows, times int) {
	t := table{title: fmt.Sprintf("%d rows into one table over 127.0.0.1, least and most of %d runs in brackets", rows, times)}
	t.add("client", "rows/s", "client's CPU, µs a row", "sniffer's part of it",
		"server's CPU, µs a row", "allocations a row", "bytes a row on the wire")
	for _, c := range clients {
		r := runs[c.name]
		allocations := "–"
		if c.program == nil {
			allocations = fmt.Sprintf("%.3f", median(each(r, outcome.allocations)))
		}
		t.add(c.name, spread("%.0f", each(r, outcome.perSecond)), spread("%.3f", each(r, outcome.clientCPU)),
			fmt.Sprintf("%.3f", ratio(runs[binaryName], r, outcome.clientCPU)),
			spread("%.2f", each(r, outcome.serverCPU)), allocations, fmt.Sprintf("%.0f", wire[c.name]))
	}
	t.print()
}

// goals are figures that are promised and not in the comparison.
type goals struct {
	spoolBytes, sealing, memory, diskBytes float64
}

// promised prints what was promised beside what was measured. It is no failure to miss one: the machine is not always
// ours alone.
func promised(runs map[string][]outcome, g goals) {
	ours, psql := runs[binaryName], runs[psqlName]
	t := table{title: "What was promised"}
	t.add("what", "target", "measured", "")
	row := func(what, sign, format string, value, target float64, met bool) {
		verdict := "met"
		if !met {
			verdict = "missed"
		}
		t.add(what, sign+" "+fmt.Sprintf(format, target), fmt.Sprintf(format, value), verdict)
	}
	most := func(what, format string, value, target float64) {
		row(what, "≤", format, value, target, value <= target)
	}
	most("client's CPU a row, the whole way, µs", "%.2f", median(each(ours, outcome.clientCPU)), 0.3)
	// As the testing package counts them: what a segment or a transaction allocates is not one a row.
	most("allocations a row", "%.0f", math.Floor(median(each(ours, outcome.allocations))), 0)
	for _, other := range []struct {
		name string
		part float64
	}{{rawName, 1. / 5}, {pgxName, 1. / 10}, {execName, 1. / 20}, {insertName, 1. / 20}} {
		most("client's CPU beside "+other.name, "%.3f", ratio(ours, runs[other.name], outcome.clientCPU), other.part)
	}
	most("the same without recording and sealing, beside "+rawName, "%.3f",
		ratio(runs[drainBinaryName], runs[rawName], outcome.clientCPU), 1./5)
	rate := ratio(ours, psql, outcome.perSecond)
	row("rows/s beside psql", "≥", "%.2f", rate, 1.5, rate >= 1.5)
	most("server's CPU beside psql", "%.2f", ratio(ours, psql, outcome.serverCPU), 0.6)
	most("bytes a row in the spool, real traffic", "%.1f", g.spoolBytes, 80)
	most("sealing, ns a row", "%.0f", g.sealing, 60)
	most("heap and stacks while a backlog is uploaded, MiB", "%.1f", g.memory, 4)
	most("bytes a TCP row on the server's disk", "%.1f", g.diskBytes, 130)
	t.print()
}

// trafficCost is what making a packet costs, in nanoseconds.
func trafficCost(rows int) float64 {
	t := mixed()
	start := processCPU()
	for range rows {
		t.next()
	}
	return float64(processCPU()-start) / float64(rows)
}

func (b *bench) version(t testing.TB) string {
	t.Helper()
	major := testbed.QueryInt(t, b.server.db, "SELECT current_setting('server_version_num')::int / 10000")
	return fmt.Sprintf("PostgreSQL %d", major)
}
