package crashtest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// live is a recorder in this process: it seals at a steady pace and uploads through a relay.
type live struct {
	*world
	spool    *spool.Spool
	source   *source
	uploader *uplink.Uploader
	relay    *relay
	log      *logBuffer
	direct   bool // past the relay

	packets   atomic.Uint64               // recorded
	copies    atomic.Int64                // transactions of rows that were begun
	onMessage atomic.Pointer[interceptor] // nil: messages pass
	onDial    atomic.Pointer[func() (net.Conn, error)]

	stop           func() // ends the upload
	feeding        context.CancelFunc
	fed, uploading chan struct{} // closed when the goroutines have ended
}

// interceptor is called for each message instead of passing it on.
type interceptor func(at moment, l *link, m message) error

// liveOptions are what a live recorder differs in.
type liveOptions struct {
	fs      spool.FS // nil: the disk
	role    string   // in the database; empty: the superuser
	direct  bool     // to the server's own TCP port, past the relay
	format  uplink.Format
	capture bool // packets come whether there is room for them or not
	pace    time.Duration
	onError func(error) // of the sealer
}

func newLive(t *testing.T, w *world, o liveOptions) *live {
	t.Helper()
	if o.fs == nil {
		o.fs = spool.Disk{}
	}
	if o.pace == 0 {
		o.pace = pace
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &live{world: w, log: &logBuffer{}, direct: o.direct, fed: make(chan struct{}), uploading: make(chan struct{})}
	v.relay = newRelay(listener, v.dial, v.handle)
	t.Cleanup(v.relay.close)
	if v.spool, err = openSpool(o.fs, w.dir, w.flash); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.spool.Close() })
	address := w.pg.URLVia(listener.Addr().String(), w.name)
	if o.direct {
		address = w.pg.TCPURL(w.name)
	}
	if o.role != "" {
		address = strings.Replace(address, testbed.Superuser+"@", o.role+"@", 1)
	}
	target, err := uplink.ParseTarget(address)
	if err != nil {
		t.Fatal(err)
	}
	v.uploader, err = uplink.NewUploader(uplink.UploaderConfig{Spool: v.spool, Target: target, Device: device,
		DeviceName: "crashtest", Version: "test", Format: o.format, Log: slog.New(slog.NewTextHandler(v.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.uploader.Close)
	v.source = newSource(v.spool, 1, o.onError)

	upload, stop := context.WithCancel(context.Background())
	feed, feeding := context.WithCancel(context.Background())
	v.stop, v.feeding = stop, feeding
	go func() {
		defer close(v.uploading)
		v.uploader.Run(upload, nil)
	}()
	go func() {
		defer close(v.fed)
		tick := time.NewTicker(o.pace)
		defer tick.Stop()
		for {
			select {
			case <-feed.Done():
				return
			case now := <-tick.C:
				if o.capture {
					v.source.capture(now)
				} else {
					v.source.segment(now)
				}
				v.packets.Store(v.source.recorded())
			}
		}
	}()
	t.Cleanup(func() {
		v.feeding()
		v.stop()
		<-v.fed
		<-v.uploading
	})
	return v
}

func (v *live) dial() (net.Conn, error) {
	if dial := v.onDial.Load(); dial != nil {
		return (*dial)()
	}
	return v.pg.Dial()
}

func (v *live) handle(l *link, m message) error {
	at := l.moment(m)
	if at == copyBegins {
		v.copies.Add(1)
	}
	if f := v.onMessage.Load(); f != nil {
		return (*f)(at, l, m)
	}
	return l.pass(m)
}

// intercept changes what happens to messages; nil: they pass.
func (v *live) intercept(f interceptor) {
	if f == nil {
		v.onMessage.Store(nil)
		return
	}
	v.onMessage.Store(&f)
}

// place is where a connection is held: before or after a message of a transaction has passed.
type place struct {
	at    moment
	after bool
}

func (p place) String() string {
	if p.after {
		return "after " + string(p.at)
	}
	return "before " + string(p.at)
}

// hold stops the next transaction of rows at a place, in both directions. reached is closed when it is there. release lets
// it go on, or cuts it: then the uplink does not hear what the server said meanwhile.
func (v *live) hold(p place) (reached <-chan struct{}, release func(cut bool)) {
	var once sync.Once
	var held atomic.Pointer[link]
	there, further := make(chan struct{}), make(chan error, 1)
	wait := func() error {
		err := <-further
		further <- err // for the other direction
		return err
	}
	v.intercept(func(at moment, l *link, m message) error {
		mine := false
		if at == p.at {
			once.Do(func() {
				mine = true
				held.Store(l)
			})
		}
		if mine && p.after {
			if err := l.pass(m); err != nil {
				return err
			}
		}
		if mine {
			close(there)
		}
		if held.Load() == l {
			if err := wait(); err != nil {
				return err
			}
		}
		if mine && p.after {
			return nil
		}
		return l.pass(m)
	})
	return there, func(cut bool) {
		v.intercept(nil)
		if cut {
			further <- errCut
		} else {
			further <- nil
		}
	}
}

// sofar is where the upload stands, for people.
func (v *live) sofar() string {
	s := v.uploader.State()
	return fmt.Sprintf("%d rows stored, %d segments known", s.Rows, s.Known)
}

// awaitUploads returns when so many more transactions are stored, and nothing is wrong.
func (v *live) awaitUploads(t *testing.T, more uint64) {
	t.Helper()
	from := v.uploader.State().Transactions
	eventually(t, "the upload goes on", func() (bool, string) {
		s := v.uploader.State()
		return s.Transactions >= from+more && s.LastError == "", fmt.Sprintf("%+v", s)
	})
}

// finish ends the recording, uploads what is left, and compares the database with what was recorded.
func (v *live) finish(t *testing.T, scenario string, struck int) result {
	t.Helper()
	v.intercept(nil)
	v.feeding()
	<-v.fed
	if err := v.source.end(time.Now()); err != nil {
		t.Error(err)
	}
	eventually(t, "an empty spool", func() (bool, string) {
		return v.spool.Stats().Segments == 0, fmt.Sprintf("%+v, %+v", v.spool.Stats(), v.uploader.State())
	})
	v.stop()
	<-v.uploading
	state := v.uploader.State()
	recorded := int64(v.source.recorded())
	total := tally{confirmed: recorded, known: int64(state.Known), copies: v.copies.Load(),
		commits: int64(state.Transactions - state.Known)}
	if v.direct {
		total.copies = total.commits // nobody counted them
	}
	rows := v.count(t)
	losses := checkBooks(t, v.db, rows)
	if rows+losses != recorded {
		t.Errorf("%d packets were recorded; %d rows and %d losses are in the database", recorded, rows, losses)
	}
	r := result{scenario, struck, total, rows, ledgerSegments(t, v.db), losses, ""}
	summary.add(t, r)
	return r
}

// logBuffer keeps the lines of a log.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// lines returns the lines that have text.
func (b *logBuffer) lines(text string) (found []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range bytes.Lines(b.text.Bytes()) {
		if bytes.Contains(line, []byte(text)) {
			found = append(found, string(line))
		}
	}
	return found
}
