package crashtest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// childVariable makes the test binary a recorder; it holds the child's configuration.
const childVariable = "SNIFFER_CRASHTEST_CHILD"

// relayAddress stands in a URL where the address of a relay will be.
const relayAddress = "relay.invalid:1"

// child is a recorder with everything behind it, in a process of its own. It runs until it is killed. What happened it
// tells on file descriptor 3, a line each, before it goes on:
//
//	sealed ROWS     a segment is in the spool for good
//	marked N        so are the first N marks
//	copy            a transaction of rows was begun
//	commit          the uplink has the answer to COMMIT
//	known N         segments that the database turned out to have, all together
//	at POINT        it dies now
//	failed REASON   it cannot work
type child struct {
	Spool  string // directory
	Flash  string // that of the second tier
	Away   outage
	Server string // unix socket of PostgreSQL
	URL    string // with relayAddress for what only the child knows
	Run    uint32
	Point  string // at which it dies
	Nth    int    // time that it comes there
	Pace   time.Duration
	Format uplink.Format

	report *os.File
	mu     sync.Mutex
}

func runChild(text string) {
	c := &child{report: os.NewFile(3, "report")}
	err := json.Unmarshal([]byte(text), c)
	if err == nil {
		err = c.run()
	}
	c.tell(fmt.Sprintf("failed %v", err))
	os.Exit(1)
}

func (c *child) tell(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// A parent that is gone has killed this process, or is about to.
	_, _ = c.report.WriteString(line + "\n")
}

func (c *child) run() error {
	killer := &killer{point: c.Point, left: c.Nth, tell: c.tell}
	back := make(chan struct{})
	fs := &pointFS{FS: spool.Disk{}, killer: killer, overflow: c.Flash, away: c.Away, renamed: map[string]bool{},
		sealed:  func(h spool.Header) { c.tell(fmt.Sprintf("sealed %d", h.Rows)) },
		bundled: sync.OnceFunc(func() { close(back) })}
	sp, err := openSpool(fs, c.Spool, c.Flash)
	if err != nil {
		return err
	}
	uploader, err := c.uploader(sp, killer)
	if err != nil {
		return err
	}
	source := newSource(sp, c.Run, func(err error) { c.tell(fmt.Sprintf("failed %v", err)) })
	tick := time.NewTicker(c.Pace)
	if c.Away != there {
		c.fill(sp, source, tick.C, back)
	}
	fs.send()
	go uploader.Run(context.Background(), nil)
	known := uint64(0)
	for now := range tick.C {
		c.record(source, now)
		if k := uploader.State().Known; k != known {
			known = k
			c.tell(fmt.Sprintf("known %d", known))
		}
	}
	return nil
}

// record records the packets of a segment, and leaves a mark after some.
func (c *child) record(source *source, now time.Time) {
	const markEvery = 8
	if !source.segment(now) || source.recorded()%(markEvery*rowsPerSegment) != 0 {
		return
	}
	n, err := source.mark()
	if err != nil {
		c.tell(fmt.Sprintf("failed %v", err))
		return
	}
	c.tell(fmt.Sprintf("marked %d", n))
}

// fill records until a bundle is there.
func (c *child) fill(sp *spool.Spool, source *source, tick <-chan time.Time, back <-chan struct{}) {
	const preserveEvery = 32
	source.backlog = math.MaxInt
	defer func() { source.backlog = backlog }()
	for n := 1; ; n++ {
		select {
		case <-back:
			return
		case now := <-tick:
			c.record(source, now)
		}
		if c.Away == awayOverflow && n%preserveEvery == 0 {
			// What it returns is of no interest: the rows are in one tier or the other.
			_ = sp.Preserve()
		}
	}
}

// uploader is joined to the server by a relay in this process, so that both die at the same moment.
func (c *child) uploader(sp *spool.Spool, killer *killer) (*uplink.Uploader, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	newRelay(listener, func() (net.Conn, error) { return net.Dial("unix", c.Server) }, func(l *link, m message) error {
		at := l.moment(m)
		if point, ok := before[at]; ok {
			killer.at(point)
		}
		if err := l.pass(m); err != nil {
			return err
		}
		switch at {
		case copyBegins:
			c.tell("copy")
		case commitDone:
			c.tell("commit")
		}
		if point, ok := after[at]; ok {
			killer.at(point)
		}
		return nil
	})
	target, err := uplink.ParseTarget(strings.Replace(c.URL, relayAddress, listener.Addr().String(), 1))
	if err != nil {
		return nil, err
	}
	return uplink.NewUploader(uplink.UploaderConfig{Spool: sp, Target: target, Device: device, DeviceName: "crashtest",
		Version: "test", Format: c.Format, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}
