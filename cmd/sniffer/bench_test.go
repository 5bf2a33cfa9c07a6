package main

import (
	"context"
	"os"
	"syscall"
	"testing"

	"network-sniffer/board/testbed"
)

// BenchmarkRecord is the whole way: frames through a router namespace, as fast as one sender can, until all of
// them are committed rows. CPU is that of the recorder alone, user and system; the kernel's work for a frame
// is done on the sender's account.
//
//	go test -run '^$' -bench Record -benchtime 1000000x ./cmd/sniffer
func BenchmarkRecord(b *testing.B) {
	testbed.NeedRoot(b)
	testbed.NeedPostgres(b)
	topology := testbed.Router(b, testbed.NoOffloads())
	url := testbed.SharedPostgres(b).NewDatabase(b)
	dir, err := os.MkdirTemp("/dev/shm", "sniffer-bench-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cmd := topology.Router.Command(binary, "run", "--interface", topology.LanPort, "--filter", "ether[6:2] = 0x065e",
		"--spool-dir", dir, "--device-id", deviceID)
	cmd.Env = append(os.Environ(), "SNIFFER_DATABASE_URL="+url)
	recorder := testbed.StartProcess(b, cmd)
	recorder.WaitOutput(b, "msg=ready", patience)
	recorder.WaitOutput(b, "connected to the database", patience)
	sender := testbed.NewSender(b, topology.Lan, topology.HostPort)
	b.ResetTimer()
	report, err := sender.SendNumbered(context.Background(), sendConfig(b.N, 0))
	if err != nil {
		b.Fatal(err)
	}
	// It ends when everything that was sealed is stored, or after its five seconds.
	if err := recorder.Stop(b, syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	db := testbed.DB(b, url)
	rows := testbed.QueryInt(b, db, "SELECT count(*) FROM sniffer.packets")
	lost := testbed.QueryInt(b, db, "SELECT coalesce(sum(losses), 0) FROM sniffer.books")
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	n := float64(b.N)
	b.ReportMetric(n/report.Elapsed.Seconds(), "sent/s")
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(lost), "losses")
	b.ReportMetric(float64(cpu.Nanoseconds())/n, "recorder-ns/packet")
	b.ReportMetric(float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MiB")
}
