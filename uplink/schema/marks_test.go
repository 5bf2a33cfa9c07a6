package schema

import (
	"regexp"
	"slices"
	"testing"
)

// storeMark stores a mark of a device, at a second after 12:00, as segment 100 + second of its run.
const storeMark = `CREATE FUNCTION store_mark(device bigint, second int, number int, text text, state text = NULL) RETURNS void
	LANGUAGE sql AS $$
	INSERT INTO sniffer.marks (device_id, run_id, sequence, number, ts, author, text, clock_state)
	VALUES (device, '11111111-1111-4111-8111-111111111111', 100 + second, number,
	    '2026-11-22 12:00Z'::timestamptz + second * interval '1 s', 'console 192.168.1.5', text, state) $$`

func TestMarksReadable(t *testing.T) {
	db, _ := applied(t)
	run(t, db, storeMark, `INSERT INTO sniffer.devices (device_id, device_uuid, name)
			VALUES (1, '00000000-0000-0001-8000-000000000000', 'cellar')`,
		"SELECT store_mark(1, 30, 1, 'third'), store_mark(1, 10, 2, 'second', 'free')",
		"SELECT store_mark(1, 10, 1, 'first', 'unset'), store_mark(2, 20, 1, 'of another')")
	want := []string{
		"cellar 12:00:10 12:00:10 console 192.168.1.5 first unset", "cellar 12:00:10 12:00:30 console 192.168.1.5 second free",
		"cellar 12:00:30 infinity console 192.168.1.5 third -", "- 12:00:20 infinity console 192.168.1.5 of another -",
	}
	got := queryStrings(t, db, `SELECT concat_ws(' ', coalesce(device, '-'), to_char(ts AT TIME ZONE 'UTC', 'HH24:MI:SS'),
		CASE WHEN isfinite(until_ts) THEN to_char(until_ts AT TIME ZONE 'UTC', 'HH24:MI:SS') ELSE until_ts::text END,
		author, text, coalesce(clock_state, '-'))
		FROM sniffer.marks_readable ORDER BY device_id, ts, until_ts`)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestMarksBesideTheBooks runs the query that the view's comment recommends: what was received between a mark and the next.
func TestMarksBesideTheBooks(t *testing.T) {
	db, _ := applied(t)
	comment := queryStrings(t, db, "SELECT obj_description('sniffer.marks_readable'::regclass)")[0]
	query := regexp.MustCompile(`SELECT .* ORDER BY 1, 3`).FindString(comment)
	if query == "" {
		t.Fatalf("no query in %q", comment)
	}
	run(t, db, storeMark, "SELECT store_mark(1, 10, 1, 'before the change'), store_mark(1, 40, 1, 'after it')",
		`INSERT INTO sniffer.coverage (device_id, run_id, sequence, interface, from_ts, to_ts, received, row_count, pending_change)
		SELECT device, '11111111-1111-4111-8111-111111111111', n, interface, at, at + interval '10 s', 100 * n, 100 * n, 0
		FROM generate_series(0, 5) AS n, (VALUES (1, 'wan'), (2, 'lan')) AS d (device, interface),
		    LATERAL (SELECT '2026-11-22 12:00Z'::timestamptz + n * interval '10 s' AS at) AS a`)
	want := []string{"before the change wan 600", "after it wan 900"}
	if got := queryStrings(t, db, "SELECT concat_ws(' ', text, interface, sum) FROM ("+query+") AS q"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRetentionLeavesMarks: a mark stays when the rows of its day go.
func TestRetentionLeavesMarks(t *testing.T) {
	db, _ := applied(t)
	ensureDay(t, db, noon)
	run(t, db, storeMark, "SELECT store_mark(1, 0, 1, 'old')",
		"INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('2026-11-22 12:00Z', 1, 'wan')")
	var gone []Expired
	err := retain(testContext(t), db, "date '2026-11-23'", false, func(e Expired) { gone = append(gone, e) })
	if err != nil || len(gone) != 1 || gone[0].Rows != 1 {
		t.Fatalf("%+v, %v", gone, err)
	}
	if got := queryStrings(t, db, "SELECT text FROM sniffer.marks"); !slices.Equal(got, []string{"old"}) {
		t.Errorf("%q", got)
	}
}
