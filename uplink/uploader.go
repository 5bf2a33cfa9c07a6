package uplink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"network-sniffer/uplink/spool"
)

// Uploader takes the oldest segments of a spool to the database. One goroutine runs it; State may be called
// from any.
type Uploader struct {
	config UploaderConfig
	dialer *dialer
	db     *sql.DB

	clock spool.Clock // as the step that is under way found it
	held  bool        // rows wait for the clock to be set
	began time.Time
	ready bool                // connected, the schema is there and the device is known to it
	days  map[int64]time.Time // since the Unix epoch: when to ask for the partition again; zero: it is there
	one   int                 // so many transactions take one segment each, because a larger one met a known segment
	file  []byte              // the segment being read

	writer    copyWriter
	typed     net.Conn  // where the types of the columns are known to be those of this program; database/sql may reconnect
	textUntil time.Time // the end of a refusal of binary rows

	waiting, dayless complaints // about the upload, and about days without a partition
	welcome          bool       // the log has not told since its last complaint that the database is there

	mu    sync.Mutex
	state State
}

// UploaderConfig says what an Uploader works with.
type UploaderConfig struct {
	Spool      *spool.Spool
	Target     Target
	Device     [16]byte
	DeviceName string
	Version    string // of the program, for sniffer.devices
	Log        *slog.Logger
	Format     Format // of the rows on their way to the database
	Rate       int64  // bytes per second on the wire, at least MinRate; 0: unlimited
	// Opening hears of each database connection before its first packet leaves, Closed when it is closed.
	Opening, Closed func(Connection)
	// Clock reads the machine's clock, by which times are corrected that were taken before it was set; nil: ReadClock.
	Clock func() spool.Clock
}

// State is where the upload stands.
type State struct {
	Connected    bool
	Since        time.Time // of Connected, or of the first failure in a row while there is a LastError
	Rows         uint64    // stored since the start
	Segments     uint64
	Transactions uint64
	Known        uint64        // segments that the database turned out to have already
	KnownRows    uint64        // of these
	Bytes        uint64        // written to the database connection since the start, encryption included
	Copied       uint64        // of Bytes, those of the transactions that stored the Rows: what a row costs the line
	Format       Format        // of the last rows; FormatAuto before the first
	Rate         int64         // bytes per second on the wire at most; 0: unlimited
	Waited       time.Duration // for the sake of Rate, since the start
	LastError    string        // empty while all is well: it stays until rows are stored, or there are none to store
}

// NewUploader prepares the upload; Run does it.
func NewUploader(c UploaderConfig) (*Uploader, error) {
	if c.Rate != 0 && c.Rate < MinRate {
		return nil, fmt.Errorf("uplink: a rate of %d bytes per second cannot carry what is recorded: %d or more, or 0 for unlimited", c.Rate, MinRate)
	}
	if c.Clock == nil {
		c.Clock = ReadClock
	}
	u := &Uploader{
		config:  c,
		dialer:  &dialer{opening: c.Opening, closed: c.Closed, timeout: ioTimeout, rate: newThrottle(c.Rate)},
		days:    map[int64]time.Time{},
		began:   time.Now(),
		welcome: true,
	}
	db, err := open(c.Target, u.dialer)
	if err != nil {
		return nil, err
	}
	u.db = db
	u.db.SetMaxOpenConns(1)
	u.state.Since = time.Now()
	return u, nil
}

// State returns a copy.
func (u *Uploader) State() State {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.state
	s.Since = time.Now().Add(-time.Since(s.Since)) // by the clock of now: it may have been set since
	s.Bytes = u.dialer.written.Load()
	s.Rate, s.Waited = u.config.Rate, u.dialer.rate.held()
	return s
}

// Run uploads until the context ends, and reconnects for ever. When finish is closed it tries once more to
// empty the spool, and returns when that is done or fails.
func (u *Uploader) Run(ctx context.Context, finish <-chan struct{}) {
	stop := context.AfterFunc(ctx, u.dialer.abort)
	defer stop()
	defer u.disconnect()
	retry := backoff{random: rand.N[time.Duration]}
	finishing := false
	for ctx.Err() == nil {
		select {
		case <-finish:
			finishing, finish = true, nil
		default:
		}
		if !finishing && u.hold() {
			wait(ctx, finish, clockPoll)
			continue
		}
		sent, err := u.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			u.failed(err)
			if u.waiting.due(err, time.Now()) {
				u.welcome = true
				u.config.Log.Warn("upload is waiting", "database", u.config.Target.Name, "error", err.Error(),
					"segments", u.config.Spool.Stats().Segments)
			}
			if finishing {
				return
			}
			wait(ctx, finish, retry.next())
		case sent:
			retry.reset()
		case finishing && !u.config.Spool.Withheld():
			return
		default:
			retry.reset()
			select {
			case <-ctx.Done():
			case <-finish:
			case <-u.config.Spool.Changed():
			}
		}
	}
}

func wait(ctx context.Context, finish <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-finish:
	case <-t.C:
	}
}

// Drain uploads what is in the spool until it is empty or something fails, and tells progress after each
// transaction. Run must not be running.
func (u *Uploader) Drain(ctx context.Context, progress func(State)) error {
	stop := context.AfterFunc(ctx, u.dialer.abort)
	defer stop()
	defer u.disconnect()
	for {
		sent, err := u.step(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("uplink: %w", context.Cause(ctx))
		}
		if err != nil {
			u.failed(err)
			return err
		}
		switch {
		case sent:
			progress(u.State())
		case !u.config.Spool.Withheld():
			return nil
		default:
			select {
			case <-ctx.Done():
			case <-u.config.Spool.Changed():
			}
		}
	}
}

// Close closes the database handle. How its connection ends is no news: what was stored is known.
func (u *Uploader) Close() { _ = u.db.Close() }

func (u *Uploader) failed(err error) {
	u.disconnect()
	u.config.Spool.Uplink(false)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state.LastError == "" {
		u.state.Since = time.Now()
	}
	u.state.Connected, u.state.LastError = false, err.Error()
}

// disconnect gives up the connection: it may be in the middle of COPY.
func (u *Uploader) disconnect() {
	u.dialer.abort()
	u.ready, u.typed = false, nil
}

// step makes sure of a connection and uploads one transaction. It reports whether there was anything to do.
func (u *Uploader) step(ctx context.Context) (bool, error) {
	u.clock = u.config.Clock()
	if !u.ready {
		if err := u.connect(ctx); err != nil {
			return false, err
		}
	}
	n := transactionSegments
	if u.one > 0 {
		n = 1
	}
	refs := u.config.Spool.Pin(n, transactionLimit(u.config.Rate))
	if len(refs) == 0 {
		if !u.config.Spool.Withheld() {
			u.well()
		}
		return false, nil
	}
	u.partitions(ctx, refs)
	written := u.dialer.written.Load()
	rows, err := u.store(ctx, refs)
	known := uint64(0) // rows that leave the spool because the database has them already
	switch {
	case errors.Is(err, errKnown) && len(refs) > 1:
		// One of them is in the database already; alone, each will say whether it is the one.
		u.config.Spool.Unpin(refs)
		u.one = len(refs)
		return true, nil
	case errors.Is(err, errKnown):
		if h, err := u.config.Spool.Header(refs[0]); err == nil {
			known = h.Rows
		}
		u.mu.Lock()
		u.state.Known++
		u.mu.Unlock()
	case errors.Is(err, spool.ErrBroken), errors.Is(err, spool.ErrGone):
		// The transaction was rolled back; what is left of the segment comes with the next one.
		u.config.Spool.Unpin(refs)
		u.config.Log.Error("a segment is broken and was set aside", "error", err)
		return true, nil
	case errors.Is(err, errRefused):
		u.config.Spool.Unpin(refs)
		u.refused(err)
		return true, nil
	case err != nil:
		u.config.Spool.Unpin(refs)
		return false, err
	}
	if u.one > 0 {
		u.one--
	}
	if err := u.config.Spool.Sent(refs); err != nil {
		u.config.Spool.Unpin(refs)
		return false, err
	}
	u.mu.Lock()
	u.state.Rows += rows
	u.state.KnownRows += known
	u.state.Segments += uint64(len(refs))
	u.state.Transactions++
	if err == nil { // a segment that was known has brought no rows
		u.state.Copied += u.dialer.written.Load() - written
	}
	u.state.Format = u.writer.format
	u.mu.Unlock()
	u.well()
	return true, nil
}

// well tells that nothing is wrong: rows were stored, or there are none. A connection alone does not prove that: a database
// that can be reached and takes nothing is as good as one that is away.
func (u *Uploader) well() {
	u.config.Spool.Uplink(true)
	if u.welcome {
		u.welcome = false
		u.config.Log.Info("connected to the database", "database", u.config.Target.Name)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state.LastError != "" {
		u.state.Since, u.state.LastError = time.Now(), ""
	}
}

// connect opens the connection, makes sure of the schema and registers the device.
func (u *Uploader) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout+timeAt(u.config.Rate, schemaBytes))
	defer cancel()
	if err := u.prepare(ctx); err != nil {
		return err
	}
	u.ready = true
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state.Connected = true
	if u.state.LastError == "" {
		u.state.Since = time.Now()
	}
	return nil
}

// OpenDatabase opens a database with the deadlines of the uplink, for whoever only wants to look at it. abort
// ends every call that is under way.
func OpenDatabase(t Target) (db *sql.DB, abort func(), err error) {
	return OpenDatabaseFor(t, ioTimeout)
}

// OpenDatabaseFor is OpenDatabase for work that the server answers later: each answer may take so long.
func OpenDatabaseFor(t Target, answer time.Duration) (db *sql.DB, abort func(), err error) {
	d := &dialer{timeout: answer}
	db, err = open(t, d)
	return db, d.abort, err
}

func open(t Target, d *dialer) (*sql.DB, error) {
	c, err := newConnector(t, d)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}
