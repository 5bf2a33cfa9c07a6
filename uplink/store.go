package uplink

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"network-sniffer/uplink/schema"
	"network-sniffer/uplink/spool"
)

// errKnown: the ledger has one of the segments already.
var errKnown = errors.New("the database has the segment already")

// settings guard the server against a device that dies in the middle of a transaction, and the device against
// a lock that is never given. They hold for one transaction, so that they also work behind a connection pooler.
// The keepalives matter where nothing else does: neither time-out ends a COPY whose client lost its power.
const settings = `SET LOCAL lock_timeout = '10s'; SET LOCAL idle_in_transaction_session_timeout = '1min';
SET LOCAL tcp_keepalives_idle = 15; SET LOCAL tcp_keepalives_interval = 5; SET LOCAL tcp_keepalives_count = 3;
SET LOCAL tcp_user_timeout = '30s'; SET LOCAL statement_timeout = `

// statementTimeout is what settings ends with: the time that the largest segment takes at a rate comes on top.
func statementTimeout(rate int64) string {
	timeout := 10*time.Minute + timeAt(rate, spool.MaxBody*wireFactor)
	return strconv.FormatInt(timeout.Milliseconds(), 10)
}

// DeviceID is the number that stands for a device's UUID in the database: its first 8 bytes without the sign.
func DeviceID(uuid [16]byte) int64 {
	return int64(binary.BigEndian.Uint64(uuid[:8]) &^ (1 << 63))
}

// prepare makes sure of the schema and registers the device. The first of its calls connects.
func (u *Uploader) prepare(ctx context.Context) error {
	_, err := schema.Check(ctx, u.db)
	if errors.Is(err, schema.ErrMissing) || errors.Is(err, schema.ErrOlder) {
		from, to, applyErr := schema.Apply(ctx, u.db)
		if applyErr != nil {
			return fmt.Errorf("uplink: %s: %w; making it failed: %w", u.config.Target.Name, err, applyErr)
		}
		u.config.Log.Info("made the database schema", "from", from, "to", to)
		err = nil
	}
	if err != nil {
		return fmt.Errorf("uplink: %s: %w", u.config.Target.Name, err)
	}
	clear(u.days)
	return u.register(ctx)
}

// partitions makes the partitions of today, tomorrow and the days of the segments' rows, in transactions of
// their own. Failing is not fatal: rows of a day without a partition go to the default one. So do those whose time
// nobody knows: retention would take them for fifty years old, and tomorrow is no day in 1970.
func (u *Uploader) partitions(ctx context.Context, refs []spool.Ref) {
	today := day(timeBy(u.clock, time.Now()))
	if u.clock.State != spool.ClockUnset {
		u.partition(ctx, today)
		u.partition(ctx, today+1)
	}
	for _, r := range refs {
		found, err := u.config.Spool.Header(r)
		if err != nil || found.Rows == 0 {
			continue // Load will meet the error again, and say so
		}
		h := u.correct(found)
		if h.undated() {
			continue
		}
		first, last := day(h.FirstTime), day(h.LastTime)
		if isPushed(&found) { // the days are of the clients' choice, who shall not make partitions without end
			first, last = max(first, today-maxDays), min(last, today+1)
		}
		if last-first > maxDays {
			continue
		}
		for d := first; d <= last; d++ {
			u.partition(ctx, d)
		}
	}
}

// isPushed reports whether a segment's rows were sent by clients. Such rows are alone in their segment.
func isPushed(h *spool.Header) bool {
	return slices.ContainsFunc(h.Coverage, func(c spool.Coverage) bool { return c.Mode == ModePush && c.Rows > 0 })
}

// partition asks for the partition of a day, once, or again after a while when that failed.
func (u *Uploader) partition(ctx context.Context, d int64) {
	if again, asked := u.days[d]; asked && (again.IsZero() || time.Now().Before(again)) {
		return
	}
	if len(u.days) > 4*maxDays {
		clear(u.days)
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	u.days[d] = time.Time{}
	if _, err := schema.EnsureDay(ctx, u.db, time.Unix(d*secondsPerDay, 0)); err != nil {
		u.days[d] = time.Now().Add(complainEvery)
		if u.dayless.due(err, time.Now()) {
			u.config.Log.Warn("no partition for a day: its rows go to sniffer.packets_default", "error", err)
		}
	}
}

const secondsPerDay = 24 * 60 * 60

// day counts from the Unix epoch, in UTC.
func day(ns int64) int64 {
	d := ns / (secondsPerDay * 1e9)
	if ns%(secondsPerDay*1e9) < 0 {
		d--
	}
	return d
}

func (u *Uploader) register(ctx context.Context) error {
	_, err := schema.Register(ctx, u.db, FormatUUID(u.config.Device), text(u.config.DeviceName), text(u.config.Version))
	if errors.Is(err, schema.ErrTaken) {
		return fmt.Errorf("uplink: device_id %d belongs to another device; give this one another UUID with --device-id: %w",
			DeviceID(u.config.Device), err)
	}
	if err != nil {
		return fmt.Errorf("uplink: %s: %w", u.config.Target.Name, err)
	}
	return nil
}

// store commits the segments in one transaction: rows first, the ledger last, so that a connection that died
// before its end blocks nobody who sends the same segments again.
func (u *Uploader) store(ctx context.Context, refs []spool.Ref) (rows uint64, err error) {
	conn, err := u.db.Conn(ctx)
	if err != nil {
		return 0, fmt.Errorf("uplink: connect to %s: %w", u.config.Target.Name, err)
	}
	defer conn.Close()
	// Past connecting, a context that can end costs a goroutine a call and still does not end it: the
	// connection's deadlines do.
	ctx = context.Background()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("uplink: begin: %w", err)
	}
	if rows, err = u.fill(ctx, conn, tx, refs); err != nil {
		// When the connection is gone this fails too, and the server rolls back by itself.
		_ = tx.Rollback()
		return 0, schema.Explain(err)
	}
	// When this fails nobody knows whether the server committed: the segments are sent again, and the ledger
	// tells.
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("uplink: commit: %w", err)
	}
	return rows, nil
}

func (u *Uploader) fill(ctx context.Context, conn *sql.Conn, tx *sql.Tx, refs []spool.Ref) (rows uint64, err error) {
	if _, err := tx.ExecContext(ctx, settings+statementTimeout(u.config.Rate)); err != nil {
		return 0, fmt.Errorf("uplink: %w", err)
	}
	format, err := u.chooseFormat(ctx, tx)
	if err != nil {
		return 0, u.judge(format, err)
	}
	headers := make([]sending, 0, len(refs))
	// The function keeps its error to itself: given driver.ErrBadConn, Raw would close the connection, and wait
	// for ever for the transaction that holds it. The rollback finds the connection bad by itself.
	if rawErr := conn.Raw(func(c any) error {
		rows, err = u.copyRows(c.(driver.Conn), format, refs, &headers)
		return nil
	}); rawErr != nil {
		err = rawErr
	}
	if err != nil {
		if !errors.Is(err, spool.ErrBroken) && !errors.Is(err, spool.ErrGone) {
			err = u.judge(format, fmt.Errorf("uplink: copy rows: %w", err))
		}
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, ledger(headers)); err != nil {
		if isUnique(err) {
			return 0, errKnown
		}
		return 0, fmt.Errorf("uplink: write the ledger: %w", err)
	}
	return rows, nil
}

// copyRows sends the rows of the segments, and collects their headers.
func (u *Uploader) copyRows(c driver.Conn, format Format, refs []spool.Ref, headers *[]sending) (rows uint64, err error) {
	sink, err := u.openSink(format, c)
	if err != nil {
		return 0, err
	}
	u.writer.reset(sink, format)
	w := &u.writer
	for _, r := range refs {
		h, body, file, err := u.config.Spool.Load(r, u.file)
		u.file = file
		corrected := u.correct(h)
		if err == nil {
			if err = w.segment(&corrected.Header, body, corrected.Shift); errors.Is(err, spool.ErrBroken) {
				// Its checksum holds, so the spool cannot know by itself. Where it cannot be told either, this is
				// no broken segment but a failure: trying again at once would be an endless loop.
				if breakErr := u.config.Spool.Break(r); breakErr != nil {
					err = breakErr
				}
			}
		}
		if err != nil {
			sink.abandon()
			return 0, err
		}
		*headers = append(*headers, corrected)
	}
	return w.finish()
}

// isUnique judges by SQLSTATE alone: on Citus and TimescaleDB the names in the error are empty or others.
func isUnique(err error) bool { return pq.As(err, pqerror.UniqueViolation) != nil }
