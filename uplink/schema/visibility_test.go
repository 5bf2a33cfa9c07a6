package schema

import (
	"slices"
	"testing"
)

func TestVisibility(t *testing.T) {
	// seen stores an interval that begins at the minute of 12:00 UTC; the rest of its columns stands in more.
	const seen = `
		INSERT INTO sniffer.devices (device_id, device_uuid, name) VALUES (1, '00000000-0000-0001-8000-000000000000', 'cellar');
		CREATE FUNCTION seen(minute int, interface text, received bigint, sample_rate int, link_received bigint, link_sent bigint) RETURNS void LANGUAGE sql AS $$
			INSERT INTO sniffer.coverage (device_id, run_id, sequence, interface, from_ts, to_ts, received, row_count, pending_change,
			    sample_rate, sample_by, capture_mode, user_filter, filter, snap_length, freezes, merged_frames, partial_checksums,
			    link_received, link_sent, link_dropped)
			VALUES (1, '11111111-1111-4111-8111-111111111111', minute + 1, interface,
			    '2026-11-22 12:00Z'::timestamptz + minute * interval '1 min', '2026-11-22 12:01Z'::timestamptz + minute * interval '1 min',
			    received, received - 1, 1, sample_rate, CASE WHEN sample_rate > 1 THEN 'flow' END, CASE minute % 2 WHEN 0 THEN 'ring' ELSE 'read' END,
			    minute % 2 = 1, CASE minute % 2 WHEN 0 THEN '' ELSE 'tcp' END, 256 + minute, 1, 2, 3, link_received, link_sent, link_received / 10) $$`
	rows := []struct {
		name  string
		store string
		want  []string
	}{
		{"nothing", "SELECT 1", nil},
		{
			"all of it", "SELECT seen(0, 'wan', 100, 1, 60, 40)",
			[]string{"cellar wan 12:00 link=100 received=100 estimated=100 unseen=0 share=0.0000 rows=99 1 - ring false - 256 1 2 3 60 40 6 12:00 12:01"},
		},
		{
			"a filter kept two thirds away", "SELECT seen(1, 'wan', 100, 1, 200, 100)",
			[]string{"cellar wan 12:00 link=300 received=100 estimated=100 unseen=200 share=0.6667 rows=99 1 - read true tcp 257 1 2 3 200 100 20 12:01 12:02"},
		},
		{
			"sampled", "SELECT seen(0, 'wan', 100, 10, 1000, 0)",
			[]string{"cellar wan 12:00 link=1000 received=100 estimated=1000 unseen=900 share=0.9000 rows=99 10 flow ring false - 256 1 2 3 1000 0 100 12:00 12:01"},
		},
		{
			"hours are apart, what changed within one is summed up and told",
			"SELECT seen(0, 'wan', 10, 1, 10, 10), seen(1, 'wan', 10, 20, 100, 100), seen(60, 'wan', 5, 1, 5, 0)",
			[]string{
				"cellar wan 12:00 link=220 received=20 estimated=210 unseen=200 share=0.9091 rows=18 20 flow read,ring true tcp 256 2 4 6 110 110 11 12:00 12:02",
				"cellar wan 13:00 link=5 received=5 estimated=5 unseen=0 share=0.0000 rows=4 1 - ring false - 316 1 2 3 5 0 0 13:00 13:01",
			},
		},
		{
			"interfaces are apart, and one of them told nothing", "SELECT seen(0, 'lan', 7, 1, 7, 0), seen(0, 'any', 10, 1, NULL, NULL)",
			[]string{
				"cellar any 12:00 link=- received=10 estimated=10 unseen=- share=- rows=9 1 - ring false - 256 1 2 3 - - - 12:00 12:01",
				"cellar lan 12:00 link=7 received=7 estimated=7 unseen=0 share=0.0000 rows=6 1 - ring false - 256 1 2 3 7 0 0 12:00 12:01",
			},
		},
		{
			"the counters were read at different moments", "SELECT seen(0, 'wan', 12, 1, 10, 0)",
			[]string{"cellar wan 12:00 link=10 received=12 estimated=12 unseen=0 share=0.0000 rows=11 1 - ring false - 256 1 2 3 10 0 1 12:00 12:01"},
		},
		{
			"a silent interface", "SELECT seen(0, 'wan', 0, 1, 0, 0)",
			[]string{"cellar wan 12:00 link=0 received=0 estimated=0 unseen=0 share=- rows=-1 1 - ring false - 256 1 2 3 0 0 0 12:00 12:01"},
		},
		{
			"a daemon of before",
			`INSERT INTO sniffer.coverage (device_id, run_id, sequence, interface, from_ts, to_ts, received, row_count, pending)
			 VALUES (1, '11111111-1111-4111-8111-111111111111', 1, 'wan', '2026-11-22 12:00Z', '2026-11-22 12:01Z', 9, 9, 0)`,
			[]string{"cellar wan 12:00 link=- received=9 estimated=9 unseen=- share=- rows=9 1 - - - - - - - - - - - 12:00 12:01"},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			// Where the half hour of the session's zone is must not matter.
			db, _ := applied(t)
			db.SetMaxOpenConns(1)
			run(t, db, "SET TimeZone = 'Asia/Kolkata'", seen, row.store)
			got := queryStrings(t, db, `
				SELECT format('%s %s %s link=%s received=%s estimated=%s unseen=%s share=%s rows=%s %s', device, interface,
				        to_char(hour AT TIME ZONE 'UTC', 'HH24:MI'), coalesce(link_frames::text, '-'), received, estimated,
				        coalesce(unseen::text, '-'), coalesce(unseen_share::text, '-'), row_count, sample_rate)
				    || format(' %s %s %s %s %s', coalesce(sample_by, '-'), coalesce(capture_mode, '-'), coalesce(user_filter::text, '-'),
				        coalesce(filter, '-'), coalesce(snap_length::text, '-'))
				    || format(' %s %s %s %s %s %s', coalesce(freezes::text, '-'), coalesce(merged_frames::text, '-'), coalesce(partial_checksums::text, '-'),
				        coalesce(link_received::text, '-'), coalesce(link_sent::text, '-'), coalesce(link_dropped::text, '-'))
				    || format(' %s %s', to_char(first_ts AT TIME ZONE 'UTC', 'HH24:MI'), to_char(last_ts AT TIME ZONE 'UTC', 'HH24:MI'))
				FROM sniffer.visibility ORDER BY interface, hour`)
			if !slices.Equal(got, row.want) {
				t.Errorf("visibility\n%q, want\n%q", got, row.want)
			}
		})
	}
}
