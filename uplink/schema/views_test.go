package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"network-sniffer/board/testbed"
)

// packet stores a packet of device 1 at a second after 12:00; ports and name may be NULL.
const packet = `
	INSERT INTO sniffer.devices (device_id, device_uuid, name) VALUES (1, '00000000-0000-0001-8000-000000000000', 'cellar');
	CREATE FUNCTION packet(second int, protocol int, src text, src_port int, dst text, dst_port int, bytes int, name text = NULL,
	    interface text = 'wan', device bigint = 1) RETURNS void LANGUAGE sql AS $$
		INSERT INTO sniffer.packets (ts, device_id, interface, protocol, ip_version, src_ip, src_port, dst_ip, dst_port, wire_length, name)
		VALUES ('2026-11-22 12:00Z'::timestamptz + second * interval '1 s', device, interface, protocol, family(src::inet), src::inet, src_port,
		    dst::inet, dst_port, bytes, name) $$`

func TestConversations(t *testing.T) {
	rows := []struct {
		name  string
		store string // calls of packet
		want  []string
	}{
		{"nothing", "SELECT 1", nil},
		{
			"both ways are one", "SELECT packet(1, 6, '192.0.2.9', 50000, '192.0.2.1', 443, 100), packet(2, 6, '192.0.2.1', 443, '192.0.2.9', 50000, 1500), packet(9, 6, '192.0.2.1', 443, '192.0.2.9', 50000, 60)",
			[]string{"cellar wan TCP 192.0.2.1 443 192.0.2.9 50000 2/1560 1/100 12:00:01 12:00:09 -"},
		},
		{
			"one way alone", "SELECT packet(1, 17, '2001:db8::2', 1, '2001:db8::1', 2, 70)",
			[]string{"cellar wan UDP 2001:db8::1 2 2001:db8::2 1 0/0 1/70 12:00:01 12:00:01 -"},
		},
		{
			"an address with itself: by port", "SELECT packet(1, 17, '127.0.0.1', 9, '127.0.0.1', 8, 10), packet(2, 17, '127.0.0.1', 8, '127.0.0.1', 9, 20)",
			[]string{"cellar wan UDP 127.0.0.1 8 127.0.0.1 9 1/20 1/10 12:00:01 12:00:02 -"},
		},
		{
			"no ports", "SELECT packet(1, 1, '192.0.2.2', NULL, '192.0.2.1', NULL, 98), packet(2, 1, '192.0.2.1', NULL, '192.0.2.2', NULL, 98), packet(3, 200, '192.0.2.1', NULL, '192.0.2.1', NULL, 1)",
			[]string{"cellar wan 200 192.0.2.1 - 192.0.2.1 - 1/1 0/0 12:00:03 12:00:03 -", "cellar wan ICMP 192.0.2.1 - 192.0.2.2 - 1/98 1/98 12:00:01 12:00:02 -"},
		},
		{
			"what differs in anything is another one", `SELECT packet(1, 6, '192.0.2.1', 1, '192.0.2.2', 2, 1), packet(1, 17, '192.0.2.1', 1, '192.0.2.2', 2, 1),
				packet(1, 6, '192.0.2.1', 1, '192.0.2.2', 3, 1), packet(1, 6, '192.0.2.1', 1, '192.0.2.2', 2, 1, NULL, 'lan'), packet(1, 6, '192.0.2.1', 1, '192.0.2.2', 2, 1, NULL, 'wan', 7)`,
			[]string{
				"- wan TCP 192.0.2.1 1 192.0.2.2 2 1/1 0/0 12:00:01 12:00:01 -", "cellar lan TCP 192.0.2.1 1 192.0.2.2 2 1/1 0/0 12:00:01 12:00:01 -",
				"cellar wan TCP 192.0.2.1 1 192.0.2.2 2 1/1 0/0 12:00:01 12:00:01 -", "cellar wan TCP 192.0.2.1 1 192.0.2.2 3 1/1 0/0 12:00:01 12:00:01 -",
				"cellar wan UDP 192.0.2.1 1 192.0.2.2 2 1/1 0/0 12:00:01 12:00:01 -",
			},
		},
		{
			"names, each once", `SELECT packet(1, 17, '192.0.2.1', 53, '192.0.2.2', 2, 1, 'b.example'), packet(2, 17, '192.0.2.2', 2, '192.0.2.1', 53, 1, 'a.example'),
				packet(3, 17, '192.0.2.2', 2, '192.0.2.1', 53, 1, 'a.example'), packet(4, 17, '192.0.2.2', 2, '192.0.2.1', 53, 1)`,
			[]string{"cellar wan UDP 192.0.2.1 53 192.0.2.2 2 1/1 3/3 12:00:01 12:00:04 a.example,b.example"},
		},
		{
			"no more than 16 names", `SELECT packet(n, 17, '192.0.2.1', 53, '192.0.2.2', 2, 1, chr(96 + n)) FROM generate_series(1, 20) n`,
			[]string{"cellar wan UDP 192.0.2.1 53 192.0.2.2 2 20/20 0/0 12:00:01 12:00:20 a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"},
		},
		{
			"the end is not included", "SELECT packet(-1, 6, '192.0.2.1', 1, '192.0.2.2', 2, 1), packet(0, 6, '192.0.2.1', 1, '192.0.2.2', 2, 2), packet(3600, 6, '192.0.2.1', 1, '192.0.2.2', 2, 4)",
			[]string{"cellar wan TCP 192.0.2.1 1 192.0.2.2 2 1/2 0/0 12:00:00 12:00:00 -"},
		},
		{"ARP is none", "INSERT INTO sniffer.packets (ts, device_id, interface, src_ip, dst_ip, arp_operation) VALUES ('2026-11-22 12:00Z', 1, 'wan', '192.0.2.1', '192.0.2.2', 1)", nil},
		{"beyond 32 bits", "SELECT packet(n, 6, '192.0.2.1', 1, '192.0.2.2', 2, 2147483647) FROM generate_series(1, 3) n", []string{"cellar wan TCP 192.0.2.1 1 192.0.2.2 2 3/6442450941 0/0 12:00:01 12:00:03 -"}},
	}
	db, _ := applied(t)
	run(t, db, packet)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			run(t, db, "TRUNCATE sniffer.packets", row.store)
			got := queryStrings(t, db, `
				SELECT format('%s %s %s %s %s %s %s %s/%s %s/%s %s %s %s', coalesce(device, '-'), interface, protocol, host(a_ip), coalesce(a_port::text, '-'),
				    host(b_ip), coalesce(b_port::text, '-'), a_packets, a_bytes, b_packets, b_bytes, to_char(first_ts AT TIME ZONE 'UTC', 'HH24:MI:SS'),
				    to_char(last_ts AT TIME ZONE 'UTC', 'HH24:MI:SS'), coalesce(array_to_string(names, ','), '-'))
				FROM sniffer.conversations('2026-11-22 12:00Z', '2026-11-22 13:00Z')`)
			slices.Sort(got)
			if !slices.Equal(got, row.want) {
				t.Errorf("conversations\n%q, want\n%q", got, row.want)
			}
		})
	}
}

func TestTopTalkers(t *testing.T) {
	db, _ := applied(t)
	db.SetMaxOpenConns(1)
	run(t, db, "SET TimeZone = 'Asia/Kolkata'", packet, `SELECT
		packet(0, 6, '192.0.2.1', 1, '192.0.2.2', 2, 100), packet(1, 6, '192.0.2.2', 2, '192.0.2.1', 1, 1000), packet(2, 17, '192.0.2.3', 3, '192.0.2.1', 1, 5),
		packet(3600, 6, '192.0.2.1', 1, '192.0.2.2', 2, 7), packet(3, 6, '192.0.2.1', 1, '192.0.2.2', 2, 1, NULL, 'lan'),
		packet(7200, 6, '192.0.2.1', 1, '192.0.2.2', 2, 7)`)
	want := []string{
		"cellar lan 12:00 192.0.2.1 1/1 0/0 1", "cellar lan 12:00 192.0.2.2 0/0 1/1 1",
		"cellar wan 12:00 192.0.2.1 1/100 2/1005 1", "cellar wan 12:00 192.0.2.2 1/1000 1/100 2", "cellar wan 12:00 192.0.2.3 1/5 0/0 3",
		"cellar wan 13:00 192.0.2.1 1/7 0/0 1", "cellar wan 13:00 192.0.2.2 0/0 1/7 1",
	}
	got := queryStrings(t, db, `
		SELECT format('%s %s %s %s %s/%s %s/%s %s', device, interface, to_char(hour AT TIME ZONE 'UTC', 'HH24:MI'), host(ip), sent_packets, sent_bytes,
		    received_packets, received_bytes, place)
		FROM sniffer.top_talkers('2026-11-22 12:00Z', '2026-11-22 14:00Z') ORDER BY 1`)
	if !slices.Equal(got, want) {
		t.Errorf("top talkers\n%q, want\n%q", got, want)
	}
}

// TestViewsOfTheLastDay: the views are the functions for the last 24 hours.
func TestViewsOfTheLastDay(t *testing.T) {
	db, _ := applied(t)
	run(t, db, `INSERT INTO sniffer.packets (ts, device_id, interface, protocol, ip_version, src_ip, dst_ip, wire_length)
		SELECT now() - h * interval '1 hour', 1, 'wan', 1, 4, '192.0.2.1', '192.0.2.2', 1 FROM unnest('{1,2,23,25,48}'::int[]) h`)
	if n := testbed.QueryInt(t, db, "SELECT sum(a_packets) FROM sniffer.conversations"); n != 3 {
		t.Errorf("%d packets in conversations, want 3", n)
	}
	if n := testbed.QueryInt(t, db, "SELECT sum(sent_packets) FROM sniffer.top_talkers WHERE ip = '192.0.2.1'"); n != 3 {
		t.Errorf("%d packets in top_talkers, want 3", n)
	}
}

// TestSpansReadTheirDaysAlone: a span of time keeps the planner away from other days, and a condition on the device reaches packets.
func TestSpansReadTheirDaysAlone(t *testing.T) {
	db, _ := applied(t)
	for day := range 4 {
		ensureDay(t, db, noon.AddDate(0, 0, day))
	}
	for _, query := range []string{
		"sniffer.conversations('2026-11-23 10:00Z', '2026-11-23 11:00Z') WHERE device_id = 7",
		"sniffer.top_talkers('2026-11-23 10:00Z', '2026-11-23 11:00Z') WHERE device_id = 7",
	} {
		plan := strings.Join(queryStrings(t, db, "EXPLAIN SELECT * FROM "+query), "\n")
		for day := range 4 {
			name := noon.AddDate(0, 0, day).Format("packets_20060102")
			if got, want := strings.Contains(plan, name), day == 1; got != want {
				t.Errorf("%s: the plan has %s: %v, want %v\n%s", query, name, got, want, plan)
			}
		}
		if !strings.Contains(plan, "(device_id = 7)") || strings.Contains(plan, "Function Scan") {
			t.Errorf("%s: the device is looked for behind the function:\n%s", query, plan)
		}
	}
	// The last 24 hours are known when the query begins, not when it is planned. These days are long past or far ahead of it.
	run(t, db, "SELECT sniffer.ensure_partition('1990-01-01'), sniffer.ensure_partition('1990-01-02')")
	for _, view := range []string{"conversations", "top_talkers"} {
		plan := strings.Join(queryStrings(t, db, "EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM sniffer."+view), "\n")
		if strings.Contains(plan, "packets_1990") || !strings.Contains(plan, "Subplans Removed") {
			t.Errorf("%s reads days that are long past:\n%s", view, plan)
		}
	}
}

func TestLossesOfAnHour(t *testing.T) {
	db, _ := applied(t)
	db.SetMaxOpenConns(1)
	run(t, db, "SET TimeZone = 'Asia/Kolkata'", ledger, `SELECT
		changed(1, 'wan', 60, 50, 0, 1), lost(1, 'wan', 'ring_full', 10), changed(2, 'wan', 40, 25, 0, 1), lost(2, 'wan', 'ring_full', 5), lost(2, 'wan', 'spool_full', 10),
		changed(59, 'wan', 0, 0, 0, 1), lost(59, 'wan', 'ring_full', 0), changed(60, 'wan', 4, 3, 0, 1), lost(60, 'wan', 'ring_full', 1),
		changed(120, 'wan', 0, 0, 0, 1), lost(120, 'wan', 'spool_full', 0), changed(1, 'lan', 1000, 1000, 0, 1), lost(200, 'wan', 'spool_full', 4)`)
	want := []string{
		"wan - spool_full 4 received - share -",
		"wan 12:00 ring_full 15 received 100 share 0.150000000", "wan 12:00 spool_full 10 received 100 share 0.100000000",
		"wan 13:00 ring_full 1 received 4 share 0.250000000", "wan 14:00 spool_full 0 received 0 share -",
	}
	got := queryStrings(t, db, `
		SELECT format('%s %s %s %s received %s share %s', interface, coalesce(to_char(hour AT TIME ZONE 'UTC', 'HH24:MI'), '-'), reason, sum(packets),
		    coalesce(received::text, '-'), coalesce(sum(share)::text, '-'))
		FROM sniffer.losses GROUP BY interface, hour, reason, received`)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("losses\n%q, want\n%q", got, want)
	}
}

func TestBalance(t *testing.T) {
	const rows = "INSERT INTO sniffer.packets (ts, device_id, interface) SELECT '2026-11-22 12:00Z', %d, 'wan' FROM generate_series(1, %d)"
	segment := func(sequence, rows int) string {
		return fmt.Sprintf(`INSERT INTO sniffer.segments (device_id, run_id, sequence, last_sequence, row_count, sealed_at, final)
			VALUES (1, '11111111-1111-4111-8111-111111111111', %d, %[1]d, %d, now(), false)`, sequence, rows)
	}
	db, _ := applied(t)
	run(t, db, ledger)
	for _, row := range []struct {
		name  string
		store []string
		want  string // of device 1
	}{
		{"nothing", nil, ""},
		{"all is there", []string{"SELECT changed(1, 'wan', 10, 7, 1, 1), lost(1, 'wan', 'ring_full', 2)", segment(1, 7), fmt.Sprintf(rows, 1, 7)}, "cellar 10 7=7+0 2 1 0 0 true"},
		{"two interfaces of one segment", []string{"SELECT changed(1, 'wan', 4, 4, 0, 1), changed(1, 'lan', 3, 3, 0, 1)", segment(1, 7), fmt.Sprintf(rows, 1, 7)}, "cellar 7 7=7+0 0 0 0 0 true"},
		{"some expired", []string{"SELECT changed(1, 'wan', 7, 7, 0, 1)", segment(1, 7), fmt.Sprintf(rows, 1, 3), "INSERT INTO sniffer.expired VALUES (1, '2026-01-01', 4)"}, "cellar 7 7=3+4 0 0 0 0 true"},
		{"a row too few", []string{"SELECT changed(1, 'wan', 7, 7, 0, 1)", segment(1, 7), fmt.Sprintf(rows, 1, 6)}, "cellar 7 7=6+0 0 0 0 0 false"},
		{"a row too many", []string{"SELECT changed(1, 'wan', 7, 7, 0, 1)", segment(1, 7), fmt.Sprintf(rows, 1, 8)}, "cellar 7 7=8+0 0 0 0 0 false"},
		{"another device's rows", []string{"SELECT changed(1, 'wan', 7, 7, 0, 1)", segment(1, 7), fmt.Sprintf(rows, 1, 7), fmt.Sprintf(rows, 2, 1)}, "cellar 7 7=7+0 0 0 0 0 true"},
		{"segments and coverage disagree", []string{"SELECT changed(1, 'wan', 7, 7, 0, 1)", segment(1, 8), fmt.Sprintf(rows, 1, 7)}, "cellar 7 7=7+0 0 0 0 0 false"},
		{"received more than told", []string{"SELECT changed(1, 'wan', 9, 7, 0, 1)", segment(1, 7), fmt.Sprintf(rows, 1, 7)}, "cellar 9 7=7+0 0 0 1 0 false"},
		{"errors of two interfaces do not cancel out", []string{"SELECT changed(1, 'wan', 8, 7, 0, 1), changed(1, 'lan', 0, 1, 0, 1)", segment(1, 8), fmt.Sprintf(rows, 1, 8)}, "cellar 8 8=8+0 0 0 2 0 false"},
		{"a segment is missing", []string{"SELECT changed(1, 'wan', 1, 1, 0, 1), changed(3, 'wan', 1, 1, 0, 1)", segment(1, 1), segment(3, 1), fmt.Sprintf(rows, 1, 2)}, "cellar 2 2=2+0 0 0 0 1 false"},
		{"rows without a ledger", []string{fmt.Sprintf(rows, 1, 2)}, "cellar 0 0=2+0 0 0 0 0 false"},
		{"beyond 32 bits", []string{"SELECT changed(1, 'wan', 9000000000, 9000000000, 0, 1)", segment(1, 0), "UPDATE sniffer.segments SET row_count = 9000000000", "INSERT INTO sniffer.expired VALUES (1, '2026-01-01', 9000000000)"}, "cellar 9000000000 9000000000=0+9000000000 0 0 0 0 true"},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, db, "TRUNCATE sniffer.packets, sniffer.segments, sniffer.coverage, sniffer.coverage_losses, sniffer.expired")
			run(t, db, row.store...)
			got := strings.Join(queryStrings(t, db, `
				SELECT format('%s %s %s=%s+%s %s %s %s %s %s', device, received, row_count, present, expired, losses, pending, unbalanced, missing_segments, balances::text)
				FROM sniffer.balance WHERE device_id = 1`), "\n")
			if got != row.want {
				t.Errorf("balance %q, want %q", got, row.want)
			}
		})
	}
}
