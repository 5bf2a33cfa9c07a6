package crashtest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink"
	"network-sniffer/uplink/schema"
)

// refusal is one reason for which a database takes no rows, and how a human mends it.
type refusal struct {
	name     string
	told     string // part of the reason that the log and the state tell; empty: any
	once     bool   // whatever the format: it does not come to rows
	attempts int64  // connections that are to fail before it is mended; 0: 3
	begin    func(*testing.T, *live)
	end      func(*testing.T, *live)
}

// refusals has one case at least of each class of SQLSTATE ("PostgreSQL Error Codes" in the manual's appendices) that a
// client of COPY and INSERT can meet.
var refusals = []refusal{
	{name: "08 reset in COPY", begin: cutAt(copyData), end: pass},
	{name: "08 reset in the ledger", begin: cutAt(ledgerBegins), end: pass},
	{name: "08 closed while connecting", once: true, begin: cutAt(nowhere), end: pass},
	{name: "08 accepted and silent", once: true, attempts: 1, begin: silence, end: unsilence},
	{name: "08P01 while connecting", once: true, told: "08P01", begin: refuseLogin("08P01"), end: pass},
	raised("0A000", copyBegins),
	raised("22003", copyBegins),
	raised("22P03", copyBegins),
	raised("23505", copyBegins),
	raised("23514", ledgerBegins),
	{name: "23514 constraint of an administrator", told: "23514",
		begin: does("ALTER TABLE sniffer.packets ADD CONSTRAINT refuse CHECK (seq_number < 0) NOT VALID"),
		end:   does("ALTER TABLE sniffer.packets DROP CONSTRAINT refuse")},
	raised("25001", ledgerBegins),
	{name: "25006 read only", once: true, told: "25006",
		begin: doesAndKills("ALTER DATABASE {database} SET default_transaction_read_only = on"),
		end:   does("ALTER DATABASE {database} RESET default_transaction_read_only")},
	{name: "28000 login taken away", once: true, told: "28000",
		begin: doesAndKills("ALTER ROLE {role} NOLOGIN"), end: does("ALTER ROLE {role} LOGIN")},
	{name: "28P01 wrong password", once: true, told: "28P01", begin: refuseLogin("28P01"), end: pass},
	{name: "3D000 no such database", once: true, told: "3D000", begin: refuseLogin("3D000"), end: pass},
	{name: "3F000 schema renamed", once: true,
		begin: does("ALTER SCHEMA sniffer RENAME TO away"), end: does("ALTER SCHEMA away RENAME TO sniffer")},
	raised("40001", commitBegins),
	raised("40P01", ledgerBegins),
	{name: "42501 permission revoked", told: "42501",
		begin: does("REVOKE INSERT ON sniffer.packets FROM sniffer_device"),
		end:   does("GRANT INSERT ON sniffer.packets TO sniffer_device")},
	{name: "42P01 table renamed", told: "42P01",
		begin: does("ALTER TABLE sniffer.packets RENAME TO away"), end: does("ALTER TABLE sniffer.away RENAME TO packets")},
	{name: "42P01 ledger renamed", told: "42P01",
		begin: does("ALTER TABLE sniffer.segments RENAME TO away"), end: does("ALTER TABLE sniffer.away RENAME TO segments")},
	{name: "42703 column renamed", told: "42703",
		begin: does("ALTER TABLE sniffer.packets RENAME COLUMN seq_number TO away"),
		end:   does("ALTER TABLE sniffer.packets RENAME COLUMN away TO seq_number")},
	raised("53100", copyBegins),
	raised("53200", commitBegins),
	{name: "53300 too many connections", once: true, told: "53300",
		begin: doesAndKills("ALTER ROLE {role} CONNECTION LIMIT 0"), end: does("ALTER ROLE {role} CONNECTION LIMIT -1")},
	raised("54000", copyBegins),
	raised("55000", ledgerBegins),
	{name: "55P03 ledger locked", once: true, told: "55P03", attempts: 1, begin: lockLedger, end: does("COMMIT")},
	raised("57014", copyBegins),
	{name: "57P03 server starts", once: true, told: "57P03", begin: refuseLogin("57P03"), end: pass},
	raised("58030", commitBegins),
	raised("P0001", copyBegins),
	raised("XX000", ledgerBegins),
	raised("XX001", copyBegins),
}

// TestRefusals: whatever the reason, nothing is lost, it is told in the log once a minute and in the state, and the
// upload goes on by itself when it is mended.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, r := range refusals {
		// The first is what everybody has: binary, unless the server refuses just that.
		for _, f := range []uplink.Format{uplink.FormatAuto, uplink.FormatText} {
			if r.once && f == uplink.FormatText {
				continue
			}
			t.Run(strings.ReplaceAll(r.name, " ", "_")+"/"+f.String(), func(t *testing.T) {
				t.Parallel()
				r.prove(t, f)
			})
		}
	}
}

func (r *refusal) prove(t *testing.T, f uplink.Format) {
	v := newRefused(t, f)
	v.awaitUploads(t, 1)
	began := time.Now()
	attempts := r.attempts
	if attempts == 0 {
		attempts = 3
	}
	before := v.relay.accepted.Load()
	r.begin(t, v)
	eventually(t, "the reason is told", func() (bool, string) {
		e := v.uploader.State().LastError
		return e != "" && strings.Contains(e, r.told) && v.relay.accepted.Load() >= before+attempts, e
	})
	if s := v.spool.Stats(); s.Segments == 0 || s.Bytes > s.Limit {
		t.Errorf("the spool holds nothing, or more than it may: %+v", s)
	}
	r.end(t, v)
	v.awaitUploads(t, 1)
	tried := v.relay.accepted.Load() - before
	minutes := 1 + int(time.Since(began)/time.Minute)
	lines := v.log.lines("upload is waiting")
	reasons := map[string]int{}
	for _, line := range lines {
		reasons[withoutNumbers(line)]++
	}
	for reason, n := range reasons {
		if n > minutes {
			t.Errorf("%d lines in %d minutes say: %s", n, minutes, reason)
		}
	}
	if found := v.log.lines(r.told); r.told != "" && len(found) == 0 {
		t.Errorf("no line of the log tells %s: %q", r.told, lines)
	}
	if n := len(v.log.lines("")); n > (len(reasons)+1)*2*minutes {
		t.Errorf("%d lines for %d reasons: %q", n, len(reasons), v.log.lines(""))
	}
	expectNoLosses(t, v.finish(t, r.name+", "+f.String(), int(tried)))
}

// newRefused is a slow recorder whose role may load and nothing else.
func newRefused(t *testing.T, f uplink.Format) *live {
	t.Helper()
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, _, err := schema.Apply(ctx, w.db); err != nil {
		t.Fatal(err)
	}
	w.do(t, "CREATE ROLE {role} LOGIN IN ROLE sniffer_device")
	return newLive(t, w, liveOptions{role: w.role(), format: f, pace: 10 * pace})
}

func (w *world) role() string { return "device_" + w.name }

// do executes a statement as the administrator, again when the server ended a deadlock with the recorder by it: both would
// have waited for each other's tables, and one had to give way.
func (w *world) do(t *testing.T, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	statement = strings.NewReplacer("{role}", w.role(), "{database}", w.name).Replace(statement)
	_, err := w.db.ExecContext(ctx, statement)
	for pq.As(err, pqerror.TRDeadlockDetected) != nil {
		_, err = w.db.ExecContext(ctx, statement)
	}
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func does(statement string) func(*testing.T, *live) {
	return func(t *testing.T, v *live) { v.do(t, statement) }
}

// doesAndKills is for what only holds for new sessions.
func doesAndKills(statement string) func(*testing.T, *live) {
	return func(t *testing.T, v *live) {
		v.do(t, statement)
		v.killBackends(t)
	}
}

// raised is a refusal by the server itself, in COPY, in the ledger or in COMMIT: a trigger raises the SQLSTATE.
func raised(state string, at moment) refusal {
	trigger, table := "CREATE TRIGGER refuse BEFORE INSERT ON sniffer.%s", "segments"
	switch at {
	case copyBegins:
		table = "packets"
	case commitBegins:
		trigger = "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON sniffer.%s DEFERRABLE INITIALLY DEFERRED"
	}
	return refusal{
		name: state + " in " + string(at), told: state,
		begin: func(t *testing.T, v *live) {
			v.do(t, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'row % refused', "+
				"random() USING ERRCODE = '"+state+"'; END$$")
			v.do(t, fmt.Sprintf(trigger, table)+" FOR EACH ROW EXECUTE FUNCTION refuse()")
		},
		end: does("DROP TRIGGER refuse ON sniffer." + table),
	}
}

// refuseLogin answers each start-up packet as a server does that lets nobody in.
func refuseLogin(state string) func(*testing.T, *live) {
	return func(_ *testing.T, v *live) {
		v.intercept(func(_ moment, l *link, m message) error {
			if m.kind == 0 && !m.fromServer {
				return l.refuse(state, "refused by the relay", true)
			}
			return l.pass(m)
		})
		v.relay.reset()
	}
}

// cutAt resets every connection that comes to a moment; nowhere: each at its first message.
func cutAt(where moment) func(*testing.T, *live) {
	return func(_ *testing.T, v *live) {
		v.intercept(func(at moment, l *link, m message) error {
			if at == where {
				return errCut
			}
			return l.pass(m)
		})
	}
}

func pass(_ *testing.T, v *live) { v.intercept(nil) }

// silence puts a server behind the relay that takes a connection and never says a word.
func silence(t *testing.T, v *live) {
	dial := func() (net.Conn, error) {
		near, far := net.Pipe()
		t.Cleanup(func() { far.Close() })
		return near, nil
	}
	v.onDial.Store(&dial)
	v.relay.reset()
}

func unsilence(_ *testing.T, v *live) { v.onDial.Store(nil) }

// lockLedger takes the ledger away from everybody else, until the session says COMMIT.
func lockLedger(t *testing.T, v *live) {
	v.do(t, "BEGIN")
	v.do(t, "LOCK TABLE sniffer.segments IN ACCESS EXCLUSIVE MODE")
}

func withoutNumbers(line string) string {
	_, line, _ = strings.Cut(line, "msg=")
	line, _, _ = strings.Cut(line, "segments=")
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, line)
}

// TestServerAway: nobody listens where the server was (ECONNREFUSED).
func TestServerAway(t *testing.T) {
	t.Parallel()
	testbed.NeedPostgres(t)
	w := newWorldIn(t, testbed.StartPostgres(t))
	v := newLive(t, w, liveOptions{direct: true, pace: 10 * pace})
	v.awaitUploads(t, 1)
	w.pg.Stop(t, testbed.Fast)
	eventually(t, "the reason is told", func() (bool, string) {
		e := v.uploader.State().LastError
		return strings.Contains(e, "refused"), e
	})
	w.pg.Start(t)
	v.awaitUploads(t, 1)
	expectNoLosses(t, v.finish(t, "08 refused", 1))
}
