package uplink

import (
	"strings"
	"sync"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink/spool"
)

// gatedDisk lets no bundle have its name before it is told to.
type gatedDisk struct {
	spool.Disk
	once          sync.Once
	reached, open chan struct{}
}

func (d *gatedDisk) Rename(from, to string) error {
	if strings.HasSuffix(to, ".bundle") {
		d.once.Do(func() {
			close(d.reached)
			<-d.open
		})
	}
	return d.Disk.Rename(from, to)
}

// TestDrainWhilePacking: that the spool hands out nothing because it is packing just now is no end of what there is to send.
func TestDrainWhilePacking(t *testing.T) {
	r := newRig(t)
	r.spool.Close()
	disk := &gatedDisk{reached: make(chan struct{}), open: make(chan struct{})}
	small, err := spool.Open(disk, r.dir, 2*spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	release := sync.OnceFunc(func() { close(disk.open) })
	defer small.Close()
	defer release()
	r.spool, r.uploader.config.Spool = small, small
	var rows int64
	for run := byte(1); small.Stats().Bytes <= small.Stats().Limit/2; run++ {
		r.record(t, run, 5000)
		rows += 5000
	}
	testbed.Await(t, disk.reached, patience, "a bundle")
	drained := make(chan error, 1)
	go func() { drained <- r.drain() }()
	for deadline := time.Now().Add(patience); !small.Withheld(); time.Sleep(time.Millisecond) {
		select {
		case err := <-drained:
			t.Fatalf("Drain ended, %v, with %d segments in the spool", err, small.Stats().Segments)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was asked of the spool")
		}
	}
	release()
	if err := testbed.Await(t, drained, patience, "Drain"); err != nil {
		t.Fatal(err)
	}
	r.expect(t, rows, 0)
}
