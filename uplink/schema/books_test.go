package schema

import (
	"slices"
	"testing"
)

// ledger values: the run of all rows below, and intervals of a minute each.
const ledger = `
	INSERT INTO sniffer.devices (device_id, device_uuid, name) VALUES (1, '00000000-0000-0001-8000-000000000000', 'cellar');
	CREATE FUNCTION segment(sequence bigint, last bigint, final boolean) RETURNS void LANGUAGE sql AS $$
		INSERT INTO sniffer.segments (device_id, run_id, sequence, last_sequence, row_count, sealed_at, final)
		VALUES (1, '11111111-1111-4111-8111-111111111111', sequence, last, 0, now(), final) $$;
	CREATE FUNCTION watched(sequence bigint, interface text, received bigint, row_count bigint, pending bigint) RETURNS void LANGUAGE sql AS $$
		INSERT INTO sniffer.coverage (device_id, run_id, sequence, interface, from_ts, to_ts, received, row_count, pending)
		VALUES (1, '11111111-1111-4111-8111-111111111111', sequence, interface,
		        '2026-11-22 12:00Z'::timestamptz + sequence * interval '1 min',
		        '2026-11-22 12:01Z'::timestamptz + sequence * interval '1 min', received, row_count, pending) $$;
	CREATE FUNCTION changed(sequence bigint, interface text, received bigint, row_count bigint, pending_change bigint, sample_rate int) RETURNS void LANGUAGE sql AS $$
		INSERT INTO sniffer.coverage (device_id, run_id, sequence, interface, from_ts, to_ts, received, row_count, pending_change, sample_rate)
		VALUES (1, '11111111-1111-4111-8111-111111111111', sequence, interface,
		        '2026-11-22 12:00Z'::timestamptz + sequence * interval '1 min',
		        '2026-11-22 12:01Z'::timestamptz + sequence * interval '1 min', received, row_count, pending_change, sample_rate) $$;
	CREATE FUNCTION lost(sequence bigint, interface text, reason text, packets bigint) RETURNS void LANGUAGE sql AS $$
		INSERT INTO sniffer.coverage_losses VALUES (1, '11111111-1111-4111-8111-111111111111', sequence, interface, reason, packets) $$;
`

func TestBooks(t *testing.T) {
	rows := []struct {
		name  string
		store string // calls of the functions above
		want  []string
	}{
		{
			name:  "nothing",
			store: "segment(1, 1, true)",
		},
		{
			name:  "one interval, all stored",
			store: "segment(1, 1, false), watched(1, 'wan', 10, 10, 0)",
			want:  []string{"cellar wan received=10 rows=10 losses=0 pending=0 balance=0 closed=false missing=0 12:01 12:02"},
		},
		{
			name: "pending is carried and only the last one counts",
			store: `segment(1, 1, false), watched(1, 'wan', 10, 7, 3), segment(2, 2, false), watched(2, 'wan', 10, 8, 5),
				segment(3, 3, false), watched(3, 'wan', 4, 7, 2)`,
			want: []string{"cellar wan received=24 rows=22 losses=0 pending=2 balance=0 closed=false missing=0 12:01 12:04"},
		},
		{
			name: "losses of several reasons and intervals, closed run",
			store: `segment(1, 1, false), watched(1, 'wan', 100, 90, 0), lost(1, 'wan', 'ring_full', 7), lost(1, 'wan', 'spool_full', 3),
				segment(2, 2, true), watched(2, 'wan', 50, 49, 0), lost(2, 'wan', 'ring_full', 1)`,
			want: []string{"cellar wan received=150 rows=139 losses=11 pending=0 balance=0 closed=true missing=0 12:01 12:03"},
		},
		{
			name:  "interfaces are apart",
			store: `segment(1, 1, true), watched(1, 'lan', 5, 5, 0), watched(1, 'wan', 9, 6, 1), lost(1, 'wan', 'ring_full', 2)`,
			want: []string{
				"cellar lan received=5 rows=5 losses=0 pending=0 balance=0 closed=true missing=0 12:01 12:02",
				"cellar wan received=9 rows=6 losses=2 pending=1 balance=0 closed=true missing=0 12:01 12:02",
			},
		},
		{
			name: "what changed is summed up",
			store: `segment(1, 1, false), changed(1, 'wan', 10, 7, 3, 1), segment(2, 2, false), changed(2, 'wan', 10, 12, -2, 1),
				segment(3, 3, false), changed(3, 'wan', 4, 0, 4, 1)`,
			want: []string{"cellar wan received=24 rows=19 losses=0 pending=5 balance=0 closed=false missing=0 12:01 12:04"},
		},
		{
			name:  "a sampled run",
			store: "segment(1, 1, true), changed(1, 'wan', 10, 8, 0, 100), lost(1, 'wan', 'ring_full', 2)",
			want:  []string{"cellar wan received=10 rows=8 losses=2 pending=0 balance=0 closed=true missing=0 12:01 12:02"},
		},
		{
			name:  "too many rows",
			store: "segment(1, 1, true), changed(1, 'wan', 10, 9, 0, 1), segment(2, 2, true), changed(2, 'wan', 0, 3, -1, 1)",
			want:  []string{"cellar wan received=10 rows=12 losses=0 pending=-1 balance=-1 closed=true missing=0 12:01 12:03"},
		},
		{
			name:  "packets vanished",
			store: "segment(1, 1, true), watched(1, 'wan', 10, 6, 1)",
			want:  []string{"cellar wan received=10 rows=6 losses=0 pending=1 balance=3 closed=true missing=0 12:01 12:02"},
		},
		{
			name:  "a loss without its interval is not hidden",
			store: "segment(1, 1, false), lost(1, 'wan', 'spool_full', 4)",
			want:  []string{"cellar wan received=0 rows=0 losses=4 pending=0 balance=-4 closed=false missing=0 - -"},
		},
		{
			name:  "a loss after the last interval leaves that one's pending in force",
			store: "segment(1, 1, false), watched(1, 'wan', 10, 8, 2), segment(2, 2, false), lost(2, 'wan', 'ring_full', 0)",
			want:  []string{"cellar wan received=10 rows=8 losses=0 pending=2 balance=0 closed=false missing=0 12:01 12:02"},
		},
		{
			name:  "segments that were not stored",
			store: "segment(1, 1, false), watched(1, 'wan', 1, 1, 0), segment(2, 4, false), segment(7, 7, true), watched(7, 'wan', 1, 1, 0)",
			want:  []string{"cellar wan received=2 rows=2 losses=0 pending=0 balance=0 closed=true missing=2 12:01 12:08"},
		},
		{
			name:  "counters beyond 32 bits",
			store: "segment(1, 1, false), watched(1, 'wan', 9000000000, 5000000000, 0), lost(1, 'wan', 'ring_full', 4000000000)",
			want:  []string{"cellar wan received=9000000000 rows=5000000000 losses=4000000000 pending=0 balance=0 closed=false missing=0 12:01 12:02"},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			db, _ := applied(t)
			run(t, db, ledger, "SELECT "+row.store)
			got := queryStrings(t, db, `
				SELECT format('%s %s received=%s rows=%s losses=%s pending=%s balance=%s closed=%s missing=%s %s %s',
				    device, interface, received, row_count, losses, pending, balance, closed::text, missing_segments,
				    coalesce(to_char(first_ts AT TIME ZONE 'UTC', 'HH24:MI'), '-'), coalesce(to_char(last_ts AT TIME ZONE 'UTC', 'HH24:MI'), '-'))
				FROM sniffer.books ORDER BY interface`)
			if !slices.Equal(got, row.want) {
				t.Errorf("books\n%q, want\n%q", got, row.want)
			}
		})
	}
}

func TestBooksTellTheSamplingRate(t *testing.T) {
	db, _ := applied(t)
	run(t, db, ledger, `SELECT changed(1, 'wan', 1, 1, 0, 1), changed(2, 'wan', 1, 1, 0, 50), changed(1, 'lan', 1, 1, 0, 1), watched(1, 'old', 1, 1, 0),
		lost(1, 'gone', 'ring_full', 1)`)
	got := queryStrings(t, db, "SELECT interface || ' ' || sample_rate FROM sniffer.books ORDER BY 1")
	if want := []string{"gone 1", "lan 1", "old 1", "wan 50"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBooksKeepRunsAndDevicesApart(t *testing.T) {
	db, _ := applied(t)
	run(t, db, `
		INSERT INTO sniffer.segments (device_id, run_id, sequence, last_sequence, row_count, sealed_at, final) VALUES
		    (1, '11111111-1111-4111-8111-111111111111', 1, 1, 3, now(), true),
		    (1, '22222222-2222-4222-8222-222222222222', 1, 1, 4, now(), false),
		    (2, '11111111-1111-4111-8111-111111111111', 1, 1, 5, now(), false)`, `
		INSERT INTO sniffer.coverage (device_id, run_id, sequence, interface, from_ts, to_ts, received, row_count, pending)
		SELECT device_id, run_id, sequence, 'wan', now(), now(), row_count, row_count, 0 FROM sniffer.segments`)
	got := queryStrings(t, db, `
		SELECT format('%s %s %s %s %s %s', device_id, coalesce(device, 'unknown'), left(run_id::text, 2), received, balance, closed::text)
		FROM sniffer.books ORDER BY 1`)
	want := []string{"1 unknown 11 3 0 true", "1 unknown 22 4 0 false", "2 unknown 11 5 0 false"}
	if !slices.Equal(got, want) {
		t.Errorf("books\n%q, want\n%q", got, want)
	}
}

func TestLosses(t *testing.T) {
	db, _ := applied(t)
	run(t, db, ledger, `SELECT watched(1, 'wan', 10, 5, 0), watched(1, 'lan', 10, 10, 0), lost(1, 'wan', 'ring_full', 3), lost(1, 'wan', 'spool_full', 2),
		lost(2, 'wan', 'ring_full', 9)`)
	got := queryStrings(t, db, `
		SELECT format('%s %s %s %s %s %s', device, interface, sequence,
		    coalesce(to_char(from_ts AT TIME ZONE 'UTC', 'HH24:MI') || '-' || to_char(to_ts AT TIME ZONE 'UTC', 'HH24:MI'), '-'), reason, packets)
		FROM sniffer.losses ORDER BY sequence, reason`)
	want := []string{"cellar wan 1 12:01-12:02 ring_full 3", "cellar wan 1 12:01-12:02 spool_full 2", "cellar wan 2 - ring_full 9"}
	if !slices.Equal(got, want) {
		t.Errorf("losses\n%q, want\n%q", got, want)
	}
}
